"""What the webhooks of all platforms have in common: a call is verified, and reduced to a hint that tickets have changed.

It is never more than a hint: the ticket is then read through the API, so that whatever a call says of it counts for nothing. A
hint that is lost costs time and nothing else, since polling goes on.

A platform whose webhooks hoist understands has a module `webhook` beside its connector, with a function `verifier`.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from rules.instants import Instant


class Doubt(StrEnum):
    """Why a call is not believed."""

    UNSIGNED = "unsigned"  # what has to be signed is missing
    SIGNATURE = "bad_signature"


class NotVerified(Exception):
    """A call of which nobody knows whether the platform made it. Nothing of it was parsed."""

    def __init__(self, doubt: Doubt, said: str) -> None:
        super().__init__(said)
        self.doubt = doubt


class NotAHint(Exception):
    """A call of the platform that names no ticket where it should. Its words are hoist's own, and may stand in the log."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A verified call.

    `names` are what it and the event that it tells of are known by: a call that shares one with an earlier one is a repeat.
    `tickets` are ids, none where it is about nothing that the source reads. `at` is when the platform made it, by what it signed.
    """

    names: tuple[str, ...]
    tickets: tuple[str, ...]
    at: Instant


class Verifier(Protocol):
    """Verifies one source's calls; keeps nothing, so that it may be used from several threads."""

    window: int
    """Milliseconds that `Delivery.at` may lie from now, either way: as late as the platform may try for the last time."""
    remembered: int
    """Milliseconds for which a delivery is known for one that came before; at least twice the window."""
    largest: int
    """Bytes of the largest body that is read."""
    redeliver: int
    """The status of an answer after which the platform delivers once more."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """What a call tells. `headers` are named in lower case. The signature is looked at first, over the bytes as they came.

        Raises NotVerified, NotAHint.
        """


class WebhookModule(Protocol):
    """What `registry.webhook` gives."""

    def verifier(self, settings: Any, secrets: Sequence[str]) -> Verifier:
        """The verifier of a source with these settings. `secrets`: the present one and, while it is changed, its predecessor.

        Raises ValueError, without repeating it, for a secret that is none.
        """


def is_one_of(made: Iterable[bytes], given: str) -> bool:
    """Whether a signature is one of those that were made; all are compared, and each in the same time."""
    told = given.encode()
    return any([hmac.compare_digest(each, told) for each in made])  # noqa: C419 - all are compared
