"""Business time the slow way: look at the clock on the wall every minute, and mark the minutes that are open.

Written for tests and sharing nothing with `rules.calendars`. A shift is open in a minute if the wall clock has already shown its
start (in this minute or an earlier one) and has yet to show a time before its end (in this minute or a later one). That says at
once what happens where the clocks change: a start that is shown twice opens the first time, an end that is shown twice closes the
second time, and one that is jumped over counts from the first minute after the jump.

Around each change of the clocks every minute is looked at with that rule. Further away than any clock was ever set back, the wall
shows every minute once and in order, so that there the hours as written are laid along the wall, a byte a minute.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from rules.protocol.organisation import CalendarHours

MINUTE: Final = 60_000
_DAY: Final = 1440
_MARGIN: Final = 8 * 60  # minutes; since 1970 no clock was set back by more than 7 hours (Vostok, 1994)
_DAY_ZERO: Final = date(1970, 1, 1).toordinal()


def _ahead(zone: ZoneInfo, minute: int) -> int:
    """Minutes by which the wall clock is ahead of UTC."""
    offset = datetime.fromtimestamp(minute * 60, zone).utcoffset()
    assert offset is not None
    return offset // timedelta(minutes=1)


@lru_cache(maxsize=64)
def changes_between(zone: str, first: int, last: int) -> tuple[int, ...]:
    """The minutes since 1970 in (first, last] at which a zone's offset from UTC changes."""
    tz = ZoneInfo(zone)
    looks = [(minute, _ahead(tz, minute)) for minute in (*range(first, last, _DAY), last)]  # no zone changes twice a day
    return tuple(
        minute
        for (since, before), (until, after) in pairwise(looks)
        if before != after
        for minute in range(since + 1, until + 1)
        if _ahead(tz, minute - 1) != _ahead(tz, minute)
    )


def clock_changes(zone: str, year: int) -> tuple[int, ...]:
    """The minutes (since 1970) of a year at which a zone's offset from UTC changes."""
    first, last = (int(datetime(y, 1, 1, tzinfo=ZoneInfo(zone)).timestamp()) // 60 for y in (year, year + 1))
    return changes_between(zone, first, last)


@lru_cache(maxsize=64)
def _walls_around(zone: str, change: int) -> tuple[array[int], array[int]]:
    """For each minute around a change: the latest time shown so far, and the earliest still to be shown.

    Times on the wall are minutes since 1970-01-01 00:00 on the wall.
    """
    tz = ZoneInfo(zone)
    moments = (datetime.fromtimestamp(minute * 60, tz) for minute in range(change - 2 * _MARGIN, change + 2 * _MARGIN))
    shown = [(moment.toordinal() - _DAY_ZERO) * _DAY + moment.hour * 60 + moment.minute for moment in moments]
    latest = list(accumulate(shown, max))
    earliest = list(accumulate(reversed(shown), min))[::-1]
    return array("q", latest[_MARGIN:-_MARGIN]), array("q", earliest[_MARGIN:-_MARGIN])


class MinuteWalk:
    """A stretch of time, minute by minute.

    `start` is in minutes since 1970; `holidays` are those of the calendar's country, corrected already.
    """

    def __init__(self, hours: CalendarHours, start: int, minutes: int, *, holidays: Collection[date] = ()) -> None:
        self.start, self.minutes, self.end = start, minutes, start + minutes
        self._hours, self._holidays = hours, holidays

    @cached_property
    def opened(self) -> bytes:
        """A byte for each minute: 1 where it is open."""
        zone = self._hours.time_zone
        changes = changes_between(zone, self.start - _MARGIN, self.end + _MARGIN)
        origin, plain = self._as_written()
        found = bytearray()
        bounds = [self.start, *(change for change in changes if self.start < change < self.end), self.end]
        for since, until in pairwise(bounds):
            ahead = _ahead(ZoneInfo(zone), since) - origin
            found += plain[since + ahead : until + ahead]
        for change in changes:
            for minute, is_open in enumerate(self._around(change), change - _MARGIN):
                if self.start <= minute < self.end:
                    found[minute - self.start] = is_open
        return bytes(found)

    def between(self, a: int, b: int) -> int:
        """Open milliseconds from instant a to instant b, both inside the stretch."""
        return self._until(b) - self._until(a)

    def add(self, at: int, milliseconds: int) -> int | None:
        """The first instant inside the stretch by which so much open time has gone by, None if there is none."""
        left = milliseconds
        for minute in range(at // MINUTE, self.end):
            if not left:
                return at
            end = (minute + 1) * MINUTE
            if self.opened[minute - self.start]:
                if left <= end - at:
                    return at + left
                left -= end - at
            at = end
        return None if left else at

    def is_open(self, at: int) -> bool:
        """Whether the minute that an instant lies in is open."""
        return self.opened[at // MINUTE - self.start] == 1

    def next_opening(self, at: int) -> int | None:
        """The first open instant from `at` on inside the stretch."""
        found = self.opened.find(1, at // MINUTE - self.start)
        return None if found < 0 else max(at, (self.start + found) * MINUTE)

    def next_closing(self, at: int) -> int | None:
        """The first instant from `at` on that is not open, inside the stretch."""
        found = self.opened.find(0, at // MINUTE - self.start)
        return None if found < 0 else max(at, (self.start + found) * MINUTE)

    def open_intervals(self, a: int, b: int) -> list[int]:
        """Openings and closings from instant a to instant b, both inside the stretch."""
        found: list[int] = []
        if b <= a:
            return found
        minute, last = a // MINUTE - self.start, -(-b // MINUTE) - self.start
        while (opens := self.opened.find(1, minute, last)) >= 0:
            minute = self.opened.find(0, opens, last)
            minute = last if minute < 0 else minute
            found += (max(a, (self.start + opens) * MINUTE), min(b, (self.start + minute) * MINUTE))
        return found

    @cached_property
    def before_each_hour(self) -> list[int]:
        """Open minutes before each hour, and in all; the stretch is one of whole hours."""
        return [0, *accumulate(self.opened.count(1, minute, minute + 60) for minute in range(0, self.minutes, 60))]

    def due_after_each_hour(self, length: int) -> Iterator[int]:
        """For each hour, the first minute by which so many open minutes have gone by since; ends where none is left."""
        before, hour = self.before_each_hour, 0
        for already in before:
            target = already + length
            if target > before[-1]:
                return
            while before[hour + 1] < target:
                hour += 1
            minute, left = hour * 60, target - before[hour]
            if before[hour + 1] - before[hour] == 60:  # open without a break
                minute, left = minute + left, 0
            while left:
                left -= self.opened[minute]
                minute += 1
            yield self.start + minute

    def _until(self, at: int) -> int:
        minute, into = divmod(at - self.start * MINUTE, MINUTE)
        return self.opened.count(1, 0, minute) * MINUTE + (into if into and self.opened[minute] else 0)

    def _as_written(self) -> tuple[int, bytes]:
        """The hours on a wall that never jumps, a byte a minute, and the minute that the first byte stands for."""
        first, last = self.start // _DAY - 3, self.end // _DAY + 4
        wall = bytearray((last - first) * _DAY)
        for day in range(first, last - 2):
            for start, end in self._shifts(day):
                wall[start - first * _DAY : end - first * _DAY] = bytes([1]) * (end - start)
        return first * _DAY, bytes(wall)

    def _around(self, change: int) -> Iterator[bool]:
        today, shifts = -1, []
        for latest, earliest in zip(*_walls_around(self._hours.time_zone, change), strict=True):
            if latest // _DAY != today:
                today = latest // _DAY
                shifts = [shift for day in (today - 2, today - 1, today) for shift in self._shifts(day)]
            for start, end in shifts:
                if start <= latest and earliest < end:
                    yield True
                    break
            else:
                yield False

    def _shifts(self, day: int) -> list[tuple[int, int]]:
        """Start and end of each shift that starts on a day, as the wall is meant to show them."""
        on = date.fromordinal(day + _DAY_ZERO)
        if on in self._holidays:
            return []
        shifts = [(0, _DAY)] if self._hours.always else self._hours.hours.get(on.weekday(), ())
        return [(day * _DAY + start, day * _DAY + end + (_DAY if end <= start else 0)) for start, end in shifts]
