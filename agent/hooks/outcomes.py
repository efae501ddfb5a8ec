"""What became of calls on the door, counted by source and reason."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from threading import Lock

from connectors.webhooks import Doubt


class Outcome(StrEnum):
    """What became of a call. Every call has one; the words are those of the metrics."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"  # verified, and known already
    OTHER = "other"  # verified, and about nothing that the source reads
    UNSIGNED = Doubt.UNSIGNED.value
    BAD_SIGNATURE = Doubt.SIGNATURE.value
    STALE = "stale"  # signed too long ago, or in the future
    NO_TICKET = "no_ticket"  # signed, and of no shape that hoist knows
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    CUT_OFF = "cut_off"  # the sender was gone before all of it had come
    TOO_MANY = "too_many"  # more in a second than are taken
    NOT_STORED = "not_stored"  # the store did not take it in time: the platform is asked to deliver again
    UNKNOWN_SOURCE = "unknown_source"
    WRONG_METHOD = "wrong_method"
    MALFORMED = "malformed"  # no HTTP


class Tally:
    """Counts outcomes by source; a source that nobody knows is counted under no name. Safe to use from several threads."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Outcome]] = Counter()
        self._lock = Lock()

    def add(self, source: str, outcome: Outcome) -> None:
        """One more."""
        with self._lock:
            self._counts[source, outcome] += 1

    def all(self) -> dict[tuple[str, Outcome], int]:
        """The counts since the start, by source and outcome."""
        with self._lock:
            return dict(self._counts)
