"""How long a duration can take at worst: over every instant of some years at which it may begin, holidays and all.

The wait of a business duration, as a function of when it begins, only falls between the instants given by `beginnings`, so its
worst value stands at one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache

from rules.calendars import Calendar, occurrences
from rules.conditions.judge import on
from rules.instants import DAY, FOREVER, MINUTE, Instant, instant, moment
from rules.protocol.durations import CALENDARS_OF_THE_TICKET, Duration


@dataclass(frozen=True)
class Years:
    """The years whose arrivals are looked at: [first, last], both included."""

    first: int = 2026
    last: int = 2031

    @cached_property
    def start(self) -> Instant:
        """The beginning of the first one."""
        return instant(datetime(self.first, 1, 1, tzinfo=UTC))

    @cached_property
    def end(self) -> Instant:
        """The end of the last one."""
        return instant(datetime(self.last + 1, 1, 1, tzinfo=UTC))


def longest(duration: Duration, calendars: Mapping[str, Calendar], years: Years) -> int | None:
    """The longest time, round the clock, that the duration takes; None where it may take for ever, or no one length is known."""
    if duration.calendar is None:
        return duration.milliseconds
    if duration.calendar in CALENDARS_OF_THE_TICKET or duration.calendar not in calendars:
        return None
    worst = _longest(duration, calendars[duration.calendar], years)
    return None if worst >= FOREVER // 2 else worst


@lru_cache(maxsize=1_000)
def _longest(duration: Duration, calendar: Calendar, years: Years) -> int:
    after = on(duration, calendar).after
    return max(after(at) - at for at in beginnings(duration, calendar, years))


@lru_cache(maxsize=1_000)
def beginnings(duration: Duration, calendar: Calendar, years: Years) -> tuple[Instant, ...]:
    """The instants of those years just after which the wait of a duration begins to fall, or falls no longer."""
    if calendar.always and not duration.business_days:
        return (years.start,)
    found = set(edges(calendar, years))
    if duration.business_days:
        found.update(_turns(duration, calendar, years))
    else:
        found.update(_spent(duration.milliseconds, calendar, years))
    return _within(found, years)


@lru_cache(maxsize=100)
def edges(calendar: Calendar, years: Years) -> tuple[Instant, ...]:
    """When the calendar opens and closes in those years."""
    return () if calendar.always else tuple(calendar.open_intervals(years.start, years.end))


def _within(instants: Iterable[Instant], years: Years) -> tuple[Instant, ...]:
    """Each of them and the instant after it, in order; the beginning of the years among them."""
    both = {years.start, *instants, *(at + 1 for at in instants)}
    return tuple(sorted(at for at in both if years.start <= at < years.end))


def _spent(milliseconds: int, calendar: Calendar, years: Years) -> Iterable[Instant]:
    """When work would have to begin to be done just at a closing or an opening."""
    worked = 0
    previous = years.start
    for edge in edges(calendar, years):
        worked += calendar.between(previous, edge)
        previous = edge
        if worked >= milliseconds:
            begun = calendar.add(years.start, worked - milliseconds)
            yield begun
            yield calendar.next_opening(begun)


def _turns(duration: Duration, calendar: Calendar, years: Years) -> Iterable[Instant]:
    """The times of day at which shifts begin or end, midnight too: a day turns at one of them.

    On days on which clocks change, and on those that lead to them, each half hour as well.
    """
    times = {0, *((at - _midnight(_day(at, calendar), calendar)) % DAY for at in edges(calendar, years))}
    day = date(years.first, 1, 1)
    while day.year <= years.last:
        start, end = _midnight(day, calendar), _midnight(day + timedelta(days=1), calendar)
        there = calendar.add_days(start, duration.business_days)
        if end - start != DAY or (there < FOREVER and _is_long_or_short(_day(there, calendar), calendar)):
            yield from range(start, end, 30 * MINUTE)
        yield from (start + time for time in times)
        day += timedelta(days=1)


def _day(at: Instant, calendar: Calendar) -> date:
    return moment(at).astimezone(calendar.zone).date()


def _midnight(day: date, calendar: Calendar) -> Instant:
    return occurrences(datetime(day.year, day.month, day.day), calendar.zone)[0]  # noqa: DTZ001 - a local time


def _is_long_or_short(day: date, calendar: Calendar) -> bool:
    return _midnight(day + timedelta(days=1), calendar) - _midnight(day, calendar) != DAY
