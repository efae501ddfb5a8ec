"""What the simulation has to know of a platform beyond its sandbox: whose record shows what, and how it can be disturbed.

Whatever a far side tells comes from the sandbox's own record: hoist's connectors have no part in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, Protocol

from connectors.sandboxes.answer import Answer
from connectors.sandboxes.deliveries import Outgoing
from connectors.sandboxes.faults import Faults
from connectors.sandboxes.history import Event, History
from connectors.sandboxes.sandbox import Sandbox
from rules.instants import Instant

Item = tuple[str, str | None, str | None]
"""A field, what it was and what it became. `team`, `assignee`, `priority` and `labels` bear hoist's names."""
Kinds = tuple[tuple[str, tuple[str, ...]], ...]
"""What may befall requests, and which."""

ON_READS: Final = ("search", "read", "changelog", "look")
ON_WRITES: Final = ("edit", "comment")


@dataclass(frozen=True)
class Save:
    """One save of a ticket as the platform's record has it, by whichever account.

    `id` is what hoist's tickets call it. `at` is true time, which the record need not tell so exactly.
    """

    id: str
    by: str
    items: tuple[Item, ...]
    at: Instant = 0


@dataclass(frozen=True)
class Said:
    """A comment by hoist's account."""

    public: bool


@dataclass(frozen=True)
class Purpose:
    """What a request is for, and the tickets that it names."""

    kind: str  # search, read, changelog, edit, comment, look, about
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Marked:
    """What a request that writes says of itself: its operation, the firings that it is for, and the fields that it sets."""

    marker: str = ""
    firings: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


class FarSide(Protocol):
    """One site. Accounts, tickets, teams and priorities are named by the platform's own ids."""

    TROUBLES: ClassVar[Kinds]
    MOMENTS: ClassVar[tuple[str, ...]]
    """When a person may be there at the worst moment; what is named twice is drawn twice as often."""
    VANISHINGS: ClassVar[tuple[str, ...]]
    """How a ticket may get out of hoist's sight; what is `hidden` comes back."""
    FAULTS: ClassVar[Mapping[str, str]]
    """Troubles that are faults of the sandbox, by its name for them."""
    WRITES: ClassVar[tuple[str, ...]]
    """The kinds of requests by which hoist writes."""
    LEAVES_A_MARK: ClassVar[bool]
    """Whether a write that changes nothing leaves its marker nevertheless."""
    RESOLUTION: ClassVar[int]
    """Milliseconds by which a stamp in the platform's record may lag what it dates."""

    @property
    def sandbox(self) -> Sandbox: ...

    @property
    def faults(self) -> Faults:
        """What the sandbox asks whether something goes wrong."""

    @property
    def agent(self) -> str:
        """hoist's account, as the record names it."""

    @property
    def teams(self) -> Sequence[str]:
        """From the foot of the ladder to its head."""

    @property
    def priorities(self) -> Sequence[str]:
        """The most urgent first."""

    @property
    def late(self) -> int:
        """Milliseconds after which a save by others can be read."""

    def settings(self, page_size: int) -> Mapping[str, object]:
        """What hoist.yaml says of it beside what the sandbox gives."""

    # --- the record -----------------------------------------------------------------------------------------------------

    def id_of(self, ticket: str) -> str:
        """The id of a story's ticket; empty where it was never opened."""

    def is_there(self, id_: str) -> bool:
        """Whether people can work on it, and hoist can see it."""

    def saves(self, id_: str) -> Sequence[Save]:
        """All of a ticket, whoever made them, in their order; also of one that is gone."""

    def comments(self, id_: str) -> Sequence[Said]:
        """Those of hoist's account that say something, in their order."""

    def traces(self, id_: str) -> int:
        """How many things hoist's account has left on a ticket that can hold a marker."""

    def labels(self, id_: str) -> Collection[str]:
        """Those that it bears."""

    # --- what happens ---------------------------------------------------------------------------------------------------

    def happen(self, event: Event) -> None:
        """A person saves a ticket that is there, or opens it."""

    def take_away(self, id_: str, how: str, now: Instant) -> None:
        """A ticket vanishes in one of the ways that the platform has."""

    def bring_back(self, id_: str, now: Instant) -> None:
        """A ticket that was hidden is shown again."""

    def give_back(self, id_: str, team: str | None, now: Instant) -> None:
        """The platform's own automation sets the team."""

    def echo(self, id_: str, now: Instant) -> None:
        """An automation sets a field that hoist does not write, under hoist's account."""

    # --- webhooks -------------------------------------------------------------------------------------------------------

    def tell(self, deliver: Callable[[Outgoing], None]) -> str:
        """An administrator has the site tell hoist of each change of a ticket; the secret by which hoist knows the site."""

    def tells_again(self, status: int, tried: int) -> int | None:
        """Milliseconds until the next try after the n-th answer of a status (0: none came); None where there is none."""

    # --- requests -------------------------------------------------------------------------------------------------------

    def purpose(self, method: str, path: str, query: str, body: bytes) -> Purpose:
        """What a request is for."""

    def marked(self, body: bytes) -> Marked:
        """What the body of a request that writes says of itself."""

    def instead(self, kind: str, now: Instant) -> Answer | None:
        """What is answered in place of the site by a trouble that is no fault of the sandbox; None for another."""

    def rearranged(self, answer: Answer, kind: str) -> Answer:
        """An answer whose rows come in another order, or not all of them, as far as the platform may do that."""

    def narrowed(self, body: bytes) -> bytes:
        """A request for rows that asks for one at a time."""

    def snapshot(self) -> object:
        """What reads answer now."""

    def showing(self, snapshot: object) -> AbstractContextManager[None]:
        """Reads answer what they answered when the snapshot was taken."""


class FaultsOfTheSandbox:
    """A platform all of whose troubles are faults of its sandbox, and whose rows have the one order that its paging rests on."""

    def instead(self, kind: str, now: Instant) -> Answer | None:
        del kind, now
        return None

    def rearranged(self, answer: Answer, kind: str) -> Answer:
        del kind
        return answer

    def narrowed(self, body: bytes) -> bytes:
        return body


class FarSideClass(Protocol):
    """Makes a site that lives on its own; `lag` is how far it is behind itself, in its own way."""

    TROUBLES: Kinds
    WRITES: tuple[str, ...]
    MOMENTS: tuple[str, ...]
    VANISHINGS: tuple[str, ...]

    def __call__(self, clock: Callable[[], Instant], history: History, seed: int, lag: int) -> FarSide: ...


def with_rows(answer: Answer, names: Collection[str], change: Callable[[list[Any]], list[Any]]) -> Answer:
    """An answer in JSON with its lists of these names changed; as it was where it is none."""
    try:
        whole = json.loads(answer.body)
    except ValueError:
        return answer
    for name in names:
        if isinstance(whole.get(name), list):
            whole[name] = change(whole[name])
    return replace(answer, body=json.dumps(whole, ensure_ascii=False).encode())
