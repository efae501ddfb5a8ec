"""The events that a count looks at, as far as they were seen."""

from __future__ import annotations

from typing import Final, NamedTuple

from rules.instants import Instant
from rules.intervals import Intervals


class Events(NamedTuple):
    """The instants of events, each as often as it happened there.

    `sure` ones happened; `possible` ones include those that may have (the same list where all is known); within `unknown` any
    number more may have happened.
    """

    sure: list[Instant]
    possible: list[Instant]
    unknown: Intervals


_NONE: Final[list[Instant]] = []
NOTHING: Final = Events(_NONE, _NONE, _NONE)
