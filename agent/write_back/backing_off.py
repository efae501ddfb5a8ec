"""How long something is left alone that a platform refuses for now: never shorter than it says, and longer each further time.

A platform that says `again in a second` for minutes would else get a read and a write each second, none of which does any good.
"""

from __future__ import annotations

from typing import Final

from connectors.errors import TryLater
from rules.instants import MINUTE, SECOND

LONGEST: Final = 60.0
"""Seconds beyond which only the platform's own word makes a rest longer: what it takes again is written within a minute."""


def rest(told: float, before: int) -> float:
    """Seconds, where it was refused so often in a row before this time and the platform has `told` so many."""
    return max(told, min(2.0**before, LONGEST))


class Refusals:
    """How often in a row a source has refused. All times in steady milliseconds."""

    def __init__(self) -> None:
        self._number, self._until = 0, 0

    def one_more(self, error: TryLater, now: int) -> TryLater:
        """The error with as many seconds as the source is now left alone."""
        if now > self._until + MINUTE:
            self._number = 0
        error.seconds = rest(error.seconds, self._number)
        self._number, self._until = self._number + 1, now + int(error.seconds * SECOND)
        return error

    def over(self) -> None:
        """It did what it was asked for."""
        self._number = 0
