"""Calendars that the ticket itself gives: at each moment that of the team, the tier or the requester it has then.

Each stretch is measured on the calendar of who held the ticket in it. Where that is not known there are two answers, the
calendar on which no time goes by and the one on which all of it does, and the truth lies between them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from enum import Enum
from functools import partial
from typing import Final

from rules.calendars import ALWAYS, Calendar
from rules.conditions.judge import Holds, Judge, Memo, Span, on
from rules.conditions.seen import Events
from rules.instants import FOREVER, Instant
from rules.intervals import Anchors, Intervals, gated, intersection, unbroken, union
from rules.protocol.durations import Duration
from rules.ticket import UNKNOWN, Value
from rules.timeline import Timeline

Given = tuple[Calendar, Calendar]
"""The calendar of a ticket as it surely is: the least open and the most open it may be, one and the same where it is known."""


class _Never(Calendar):
    """No time goes by."""

    __slots__ = ()

    @property
    def always(self) -> bool:
        return False

    def add(self, at: Instant, milliseconds: int) -> Instant:
        return FOREVER if milliseconds > 0 else at

    def add_days(self, at: Instant, days: int) -> Instant:
        return FOREVER if days > 0 else at

    def between(self, a: Instant, b: Instant) -> int:  # noqa: ARG002
        return 0

    def is_open(self, at: Instant) -> bool:  # noqa: ARG002
        return False

    def next_opening(self, at: Instant) -> Instant:  # noqa: ARG002
        return FOREVER

    def next_closing(self, at: Instant) -> Instant:
        return at

    def open_intervals(self, a: Instant, b: Instant) -> Intervals:  # noqa: ARG002
        return []


class _AnyTime(_Never):
    """All time goes by, and a business day as fast as on any calendar there could be: at once."""

    __slots__ = ()

    def add(self, at: Instant, milliseconds: int) -> Instant:
        return ALWAYS.add(at, milliseconds)

    def add_days(self, at: Instant, days: int) -> Instant:  # noqa: ARG002
        return at

    def between(self, a: Instant, b: Instant) -> int:
        return ALWAYS.between(a, b)

    def is_open(self, at: Instant) -> bool:  # noqa: ARG002
        return True

    def next_opening(self, at: Instant) -> Instant:
        return at

    def next_closing(self, at: Instant) -> Instant:  # noqa: ARG002
        return FOREVER

    def open_intervals(self, a: Instant, b: Instant) -> Intervals:
        return ALWAYS.open_intervals(a, b)


_NO_TIME: Final[Calendar] = _Never("not known", ALWAYS.zone)
_ANY_TIME: Final[Calendar] = _AnyTime("not known", ALWAYS.zone)


class InTurn(Calendar):
    """Calendars that take turns: from each of some instants on another one counts, the first from the beginning of time.

    A business day is counted on the calendar of the moment at which it begins.
    """

    __slots__ = ("_calendars", "_starts")

    def __init__(self, starts: list[Instant], calendars: list[Calendar]) -> None:
        """`starts` are in order, as many as `calendars`."""
        super().__init__(" then ".join(dict.fromkeys(one.name for one in calendars)), calendars[-1].zone)
        self._starts = starts
        self._calendars = calendars

    @property
    def always(self) -> bool:
        return all(one.always for one in self._calendars)

    def add(self, at: Instant, milliseconds: int) -> Instant:
        for calendar, start, end in self.turns(at, FOREVER):
            reached = calendar.add(start, milliseconds)
            if reached <= end:
                return reached
            milliseconds -= calendar.between(start, end)
        return FOREVER

    def add_days(self, at: Instant, days: int) -> Instant:
        while days > 0 and at < FOREVER:
            calendar, _, end = next(self.turns(at, FOREVER))
            # the day in which the calendars change is the first one's
            whole = max(1, _most(days, partial(_ends_by, calendar, at, end)))
            at, days = calendar.add_days(at, whole), days - whole
        return at

    def between(self, a: Instant, b: Instant) -> int:
        return min(FOREVER, sum(calendar.between(start, end) for calendar, start, end in self.turns(a, b)))

    def is_open(self, at: Instant) -> bool:
        return self._at(at).is_open(at)

    def next_opening(self, at: Instant) -> Instant:
        for calendar, start, end in self.turns(at, FOREVER):
            opens = calendar.next_opening(start)
            if opens < end:
                return opens
        return FOREVER

    def next_closing(self, at: Instant) -> Instant:
        for calendar, start, end in self.turns(at, FOREVER):
            closes = calendar.next_closing(start)
            if closes < end:
                return closes
        return FOREVER

    def open_intervals(self, a: Instant, b: Instant) -> Intervals:
        turns = self.turns(a, b)
        return unbroken([edge for calendar, start, end in turns for edge in calendar.open_intervals(start, end)])

    def _at(self, at: Instant) -> Calendar:
        return self._calendars[max(0, bisect_right(self._starts, at) - 1)]

    def turns(self, a: Instant, b: Instant) -> Iterator[tuple[Calendar, Instant, Instant]]:
        """The calendars of [a, b) in order, each with the part of it in which it counts."""
        place = max(0, bisect_right(self._starts, a) - 1)
        while a < b:
            end = self._starts[place + 1] if place + 1 < len(self._starts) else FOREVER
            yield self._calendars[place], a, min(b, end)
            a = end
            place += 1


def _ends_by(calendar: Calendar, at: Instant, end: Instant, days: int) -> bool:
    return calendar.add_days(at, days) <= end


def _most(days: int, fits: Callable[[int], bool]) -> int:
    """The greatest number of days, up to so many, that fits; none where one does not."""
    low, high = 0, days
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def calendar_of_ticket(field: str, of_value: Callable[[Value], Calendar]) -> Callable[[Timeline, Memo], Given]:
    """What finds a ticket's calendar: `of_value` gives that of each value of the field."""

    def found(timeline: Timeline, _: Memo) -> Given:
        column = timeline.column(field)
        known = [None if value is UNKNOWN else of_value(value) for value in column.values]
        if not known:
            return _NO_TIME, _NO_TIME  # a ticket without a life
        least = _in_turn(column.starts, [_NO_TIME if one is None else one for one in known])
        if None not in known:
            return least, least
        return least, _in_turn(column.starts, [_ANY_TIME if one is None else one for one in known])

    return found


def _in_turn(starts: list[Instant], calendars: list[Calendar]) -> Calendar:
    changes = [n for n, one in enumerate(calendars) if not n or one is not calendars[n - 1]]
    if len(changes) == 1:
        return calendars[0]
    return InTurn([starts[n] for n in changes], [calendars[n] for n in changes])


class Way(Enum):
    """How a condition depends on its duration."""

    WAIT = "wait"  # the longer the duration takes, the later it holds
    MEMORY = "memory"  # the longer it takes, the longer it holds
    AHEAD = "ahead"  # as MEMORY, and it is what is still to come that is measured: on the calendar of each moment


def measured(judges: list[Judge], calendar: int, duration: Duration, make: Callable[[Span], Judge], way: Way) -> Judge:
    """The judge that `make` gives for a span, with the duration on the calendar of each ticket (judge number `calendar`)."""
    ready: dict[Calendar, Judge] = {}

    def made(on_calendar: Calendar) -> Judge:
        judge = ready.get(on_calendar)
        if judge is None:
            judge = make(on(duration, on_calendar))
            if not isinstance(on_calendar, InTurn):  # which is one ticket's alone
                ready[on_calendar] = judge
        return judge

    def judged(on_calendar: Calendar, timeline: Timeline, memo: Memo) -> Holds:
        if way is Way.AHEAD and isinstance(on_calendar, InTurn):
            turns = on_calendar.turns(timeline.created, timeline.gone)
            return _one_after_another([(made(one)(timeline, memo), [start, end]) for one, start, end in turns])
        found: Holds = made(on_calendar)(timeline, memo)
        return found

    def judge(timeline: Timeline, memo: Memo) -> Holds:
        given = memo[calendar]
        if given is None:
            given = memo[calendar] = judges[calendar](timeline, memo)
        least, most = given
        slow = judged(least, timeline, memo)
        if least is most:
            return slow
        fast = judged(most, timeline, memo)
        sure, possible = (slow, fast) if way is Way.WAIT else (fast, slow)
        return sure[0], sure[0] if sure[0] == possible[1] else possible[1], sure[2]

    return judge


def _one_after_another(parts: list[tuple[Holds, Intervals]]) -> Holds:
    """What was found on each calendar, in the stretch in which that one counts."""
    surely: Intervals = []
    may: Intervals = []
    anchors: Anchors = []
    for (part_surely, part_may, part_anchors), turn in parts:
        pieces, grew = gated(part_surely, part_anchors or [], turn)
        for n, anchor in enumerate(grew):
            if surely and surely[-1] == pieces[2 * n] and anchors[-1] == anchor:
                surely[-1] = pieces[2 * n + 1]
            else:
                surely += pieces[2 * n : 2 * n + 2]
                anchors.append(anchor)
        may = union(may, intersection(part_may, turn))
    return surely, surely if may == surely else may, anchors


def measured_events(judges: list[Judge], calendar: int, ignored: Duration, make: Callable[[Span], Judge]) -> Judge:
    """The events that `make` finds for a span, with the duration on the calendar of each ticket.

    Where that calendar is not known, nothing is known of the events: with other stays left out, others would be returns.
    """

    def judge(timeline: Timeline, memo: Memo) -> Events:
        found = memo[calendar]
        if found is None:
            found = memo[calendar] = judges[calendar](timeline, memo)
        least, most = found
        if least is not most:
            return Events([], [], timeline.life)
        events: Events = make(on(ignored, least))(timeline, memo)
        return events

    return judge
