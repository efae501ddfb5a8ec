"""The time of day and week, and named windows of time: gates that have nothing to do with the ticket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rules.calendars import Calendar
from rules.conditions.judge import NEVER, Holds, Judge, Memo
from rules.instants import DAY
from rules.intervals import Intervals, gaps, intersection
from rules.timeline import Timeline

AHEAD: Final = 400 * DAY
"""So long after a ticket was read opening hours are told; what lies further ahead may hold. It is read again before that."""

HoursOf = Callable[[Timeline, Memo], tuple[Calendar, Calendar]]
"""The calendar of a ticket: the least open and the most open it may be, one and the same where it is known."""


def always_the_same(calendar: Calendar) -> HoursOf:
    """A calendar that no ticket changes."""
    return lambda _timeline, _memo: (calendar, calendar)


def hours(of_ticket: HoursOf, *, outside: bool) -> Judge:
    """While the calendar is open, or (`outside`) while it is not."""

    def judge(timeline: Timeline, memo: Memo) -> Holds:
        least, most = of_ticket(timeline, memo)
        if outside:
            least, most = most, least
        if least is most and least.always:
            return NEVER if outside else (timeline.life, timeline.life, None)
        until = min(timeline.gone, max(timeline.known, timeline.created) + AHEAD)
        told = [timeline.created, until] if timeline.created < until else []
        surely = _open(least, told, outside=outside)
        may = surely if least is most else _open(most, told, outside=outside)
        if until < timeline.gone:
            may = [*may[:-1], timeline.gone] if may and may[-1] == until else [*may, until, timeline.gone]
        return surely, may, None

    return judge


def _open(calendar: Calendar, told: Intervals, *, outside: bool) -> Intervals:
    intervals = calendar.open_intervals(*told) if told else []
    return gaps(intervals, *told) if outside and told else intervals


def window(stretches: Intervals) -> Judge:
    """While a named window is on."""

    def judge(timeline: Timeline, _: Memo) -> Holds:
        found = intersection(timeline.life, stretches) if stretches else stretches
        return found, found, None

    return judge
