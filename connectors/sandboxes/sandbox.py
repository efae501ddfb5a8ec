"""What every platform's sandbox can do, so that the demo and the command line need to know none of them.

It lives in the module `sandbox` beside the platform's connector, which holds a class `Sandbox` and a function `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from connectors.sandboxes.answer import Answer
from connectors.sandboxes.history import History
from connectors.sandboxes.record import Record
from connectors.sandboxes.server import Serving
from rules.instants import Instant

Secrets = Callable[[str, str], str]
"""Keeps a secret under a name, and gives what hoist.yaml says in its place (`file:...`)."""


class Sandbox(Protocol):
    """A stateful stand-in of one helpdesk on loopback that lives through a history."""

    PLATFORM_NAME: str
    """What people call the platform."""
    SOURCE: str
    """The name under which hoist's own examples configure it."""

    @property
    def url(self) -> str:
        """Its address: that of the server once it listens."""

    @property
    def history(self) -> History:
        """What is replayed."""

    @property
    def priorities(self) -> Sequence[str]:
        """The platform's names of its priorities, the most urgent first."""

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one call: path and query as written in the request line, header names in any case."""

    def serve(self, port: int = 0) -> AbstractContextManager[Serving]:
        """Answer on 127.0.0.1, on any free port for 0, until the block is left. Raises OSError for a port in use."""

    def credentials(self, person: str = "") -> dict[str, str]:
        """What a client signs in with; of the service account, or of a history's person. Raises KeyError for an unknown one."""

    def hoist_settings(self, secrets: Secrets) -> dict[str, object]:
        """All that hoist.yaml has to say of this source, while it listens. What is secret goes through `secrets`."""

    def make_labels(self, names: Iterable[str]) -> None:
        """An administrator makes these labels, where the platform takes no others; elsewhere nothing is to be done."""

    def record(self) -> Record:
        """Its own record of what its service account did, while it listens."""


class SandboxClass(Protocol):
    """Makes a sandbox whose time is `clock`, in milliseconds."""

    PLATFORM_NAME: str

    def __call__(self, *, clock: Callable[[], Instant], history: History | None = None, seed: int = 0) -> Sandbox: ...


WriteHoistYaml = Callable[[Path, Sandbox], None]


class SandboxModule(Protocol):
    """What `registry.sandbox` gives."""

    Sandbox: SandboxClass

    def run(self, arguments: Sequence[str], write_hoist_yaml: WriteHoistYaml | None = None) -> int:
        """`hoist sandbox PLATFORM`: serve one site until interrupted, and print one JSON line once it listens."""


class EditionsModule(SandboxModule, Protocol):
    """The same of a platform that comes in editions; `Sandbox` is that of the first."""

    EDITIONS: Sequence[str]

    def of_edition(self, name: str) -> SandboxClass:
        """The sandbox of one of them."""
