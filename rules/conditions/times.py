"""The time of day and week, and named windows of time: gates that have nothing to do with the ticket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rules.calendars import Calendar
from rules.conditions.judge import NEVER, AnyLength, Holds, Judge, Memo
from rules.instants import DAY, FOREVER, Instant
from rules.intervals import Intervals, gaps, intersection, union
from rules.timeline import Timeline

AHEAD: Final = 400 * DAY
"""So long after a ticket was read opening hours are told; what lies further ahead may hold. It is read again before that."""

HoursOf = Callable[[Timeline, Memo], tuple[Calendar, Calendar]]
"""The calendar of a ticket: the least open and the most open it may be, one and the same where it is known."""


def always_the_same(calendar: Calendar) -> HoursOf:
    """A calendar that no ticket changes."""
    return lambda _timeline, _memo: (calendar, calendar)


def hours(of_ticket: HoursOf, *, outside: bool) -> AnyLength:
    """While the calendar is open, or (`outside`) while it is not."""

    def judge(timeline: Timeline, memo: Memo, cut: Intervals | None = None) -> Holds:
        asked = timeline.life if cut is None else cut
        least, most = of_ticket(timeline, memo)
        if outside:
            least, most = most, least
        if least is most and least.always:
            return NEVER if outside else (asked, asked, None)
        until = max(timeline.known, timeline.created) + AHEAD
        surely = _open(least, asked, until, outside=outside)
        may = surely if least is most else _open(most, asked, until, outside=outside)
        if asked and asked[-1] > until:
            may = union(may, intersection(asked, [until, FOREVER]))
        return surely, may, None

    return judge


def _open(calendar: Calendar, asked: Intervals, until: Instant, *, outside: bool) -> Intervals:
    """The opening hours of each of some intervals, or the time outside them, up to an instant."""
    found: Intervals = []
    for n in range(0, len(asked), 2):
        start, end = asked[n], min(asked[n + 1], until)
        if start < end:
            told = calendar.open_intervals(start, end)
            found += gaps(told, start, end) if outside else told
    return found


def window(stretches: Intervals) -> Judge:
    """While a named window is on."""

    def judge(timeline: Timeline, _: Memo) -> Holds:
        found = intersection(timeline.life, stretches) if stretches else stretches
        return found, found, None

    return judge
