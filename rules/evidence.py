"""What shows that something is so: a few tickets, and since when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rules.instants import FOREVER, Instant

SHOWN: Final = 3


@dataclass(slots=True)
class Evidence:
    """The first tickets that were met, by their keys, and the first and last instant of all; there are `number`."""

    number: int = 0
    first: Instant = FOREVER
    last: Instant = 0
    tickets: list[str] = field(default_factory=list)

    def add(self, key: str, at: Instant) -> None:
        """One more."""
        self.number += 1
        self.first, self.last = min(self.first, at), max(self.last, at)
        if len(self.tickets) < SHOWN and key not in self.tickets:
            self.tickets.append(key)

    def join(self, other: Evidence) -> None:
        """All of the other's as well."""
        self.number += other.number
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.tickets = list(dict.fromkeys((*self.tickets, *other.tickets)))[:SHOWN]
