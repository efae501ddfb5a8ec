"""What a compiled condition is, and how long a duration lasts from an instant on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from rules.calendars import ALWAYS, Calendar
from rules.instants import DAY, Instant
from rules.intervals import Anchors, Intervals
from rules.protocol.durations import Duration
from rules.timeline import Timeline

Holds = tuple[Intervals, Intervals, Anchors | None]
"""Where a condition surely holds, where it may hold, and the anchor of each sure interval (None: a gate, which has none).

The first two are the same list where everything about the condition is known; the first never leaves the second.
"""

Memo = list[Any]
"""What the judges found for one ticket, by number; None where nobody asked yet."""

Judge = Callable[[Timeline, Memo], Any]
"""Judges one ticket; most give `Holds`, those of events give `rules.conditions.counts.Events`."""

Within = Callable[[Timeline, Memo, Intervals], Any]
"""Judges one ticket as far as some intervals go: what is found lies within them, and outside of them nothing is said.

Offered where a part of a ticket's life is much cheaper to judge than all of it; what it gives is no part of the memo.
"""


class AnyLength(Protocol):
    """A judge of the whole life that is a `Within` too."""

    def __call__(self, timeline: Timeline, memo: Memo, cut: Intervals | None = None, /) -> Holds: ...


_NOTHING: Final[Intervals] = []
NEVER: Final[Holds] = (_NOTHING, _NOTHING, None)
NEVER_GREW: Final[Holds] = (_NOTHING, _NOTHING, _NOTHING)


@dataclass(frozen=True, slots=True)
class Span:
    """A duration together with the calendar that it is counted on.

    `plain` is its length in milliseconds where it is counted round the clock, else None; `at_least` is a time that must
    have gone by before it can be over, which spares most questions to the calendar. `after` gives the first instant at which the
    duration, begun at an instant, is over; FOREVER if never.
    """

    duration: Duration
    calendar: Calendar
    plain: int | None
    at_least: int
    after: Callable[[Instant], Instant] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "after", _after(self.duration, self.calendar, self.plain))


def _after(duration: Duration, calendar: Calendar, plain: int | None) -> Callable[[Instant], Instant]:
    """Made once for a duration, since it is asked for many times a ticket."""
    milliseconds, days = duration.milliseconds, duration.business_days
    if plain is not None:
        return lambda at: at + plain
    if not days:
        add = calendar.add
        return lambda at: add(at, milliseconds)
    if not milliseconds:
        add_days = calendar.add_days
        return lambda at: add_days(at, days)
    return lambda at: calendar.after(at, duration)


def span(duration: Duration, calendars: Mapping[str, Calendar]) -> Span:
    """The duration on its calendar. Raises KeyError for a calendar that is not there."""
    return on(duration, ALWAYS if duration.calendar is None else calendars[duration.calendar])


def on(duration: Duration, calendar: Calendar) -> Span:
    """The duration on a calendar, whichever it names."""
    if not duration.business_days and calendar.always:
        return Span(duration, calendar, duration.milliseconds, duration.milliseconds)
    # n working days are n - 1 whole days at least, whatever the clocks do; zones that skipped a day did so once
    return Span(duration, calendar, None, duration.milliseconds or max(0, duration.business_days - 2) * DAY)
