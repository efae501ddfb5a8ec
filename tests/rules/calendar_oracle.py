"""Business time the slow way: look at the clock on the wall every minute, and count the minutes that are open.

Written for tests and sharing nothing with `rules.calendars`. A shift is open in a minute if the wall clock has already shown its
start (in this minute or an earlier one) and has yet to show a time before its end (in this minute or a later one). That says at
once what happens where the clocks change: a start that is shown twice opens the first time, an end that is shown twice closes the
second time, and one that is jumped over counts from the first minute after the jump.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Final
from zoneinfo import ZoneInfo

from rules.protocol import CalendarHours

MINUTE: Final = 60_000
_MARGIN: Final = 26 * 60  # minutes; no clock was ever set back by more


@lru_cache(maxsize=4)
def _walls(zone: str, start: int, steps: int, step: int) -> tuple[tuple[int, int], ...]:
    """For each step from the minute `start` on: the latest time shown so far, and the earliest still to be shown.

    Times on the wall are minutes since the midnight of day 0 (ordinal of the date times 1440).
    """
    margin = _MARGIN // step + 1
    tz = ZoneInfo(zone)
    moments = (datetime.fromtimestamp((start + step * n) * 60, tz) for n in range(-margin, steps + margin))
    shown = [moment.toordinal() * 1440 + moment.hour * 60 + moment.minute for moment in moments]
    latest = accumulate(shown, max)
    earliest = list(accumulate(reversed(shown), min))[::-1]
    return tuple(zip(latest, earliest, strict=True))[margin:-margin]


class MinuteWalk:
    """A stretch of time walked in steps of whole minutes (one, unless every shift and every clock change lies on a coarser grid).

    `start` is in minutes since 1970; `holidays` are those of the calendar's country, corrected already.
    """

    def __init__(self, hours: CalendarHours, start: int, steps: int, *, holidays: Collection[date] = (), step: int = 1) -> None:
        self.start, self.steps, self.step = start, steps, step
        self._hours, self._holidays = hours, holidays

    @cached_property
    def opened(self) -> list[bool]:
        """Whether each step is open."""
        found = []
        today, shifts = 0, []
        for latest, earliest in _walls(self._hours.time_zone, self.start, self.steps, self.step):
            if latest // 1440 != today:
                today = latest // 1440
                shifts = [shift for day in (today - 2, today - 1, today) for shift in self._shifts(day)]
            for start, end in shifts:
                if start <= latest and earliest < end:
                    found.append(True)
                    break
            else:
                found.append(False)
        return found

    @cached_property
    def before(self) -> list[int]:
        """Open milliseconds before each step, and in all."""
        return [0, *accumulate(self.step * MINUTE if is_open else 0 for is_open in self.opened)]

    def between(self, a: int, b: int) -> int:
        """Open milliseconds from instant a to instant b, both inside the stretch."""
        return self._until(b) - self._until(a)

    def add(self, at: int, milliseconds: int) -> int | None:
        """The first instant inside the stretch by which so much open time has gone by, None if there is none."""
        if not milliseconds:
            return at
        width, left = self.step * MINUTE, milliseconds
        for n in range((at - self.start * MINUTE) // width, self.steps):
            end = self.start * MINUTE + (n + 1) * width
            if self.opened[n]:
                if left <= end - at:
                    return at + left
                left -= end - at
            at = end
        return None

    def is_open(self, at: int) -> bool:
        """Whether the step that an instant lies in is open."""
        return self.opened[(at - self.start * MINUTE) // (self.step * MINUTE)]

    def _until(self, at: int) -> int:
        n, into = divmod(at - self.start * MINUTE, self.step * MINUTE)
        return self.before[n] + (into if into and self.opened[n] else 0)

    def _shifts(self, ordinal: int) -> list[tuple[int, int]]:
        """Start and end of each shift that starts on a day, as the wall is meant to show them."""
        day = date.fromordinal(ordinal)
        if day in self._holidays:
            return []
        midnight = ordinal * 1440
        shifts = [(0, 1440)] if self._hours.always else self._hours.hours.get(day.weekday(), ())
        return [(midnight + start, midnight + end + (1440 if end <= start else 0)) for start, end in shifts]


@lru_cache
def clock_changes(zone: str, year: int) -> tuple[int, ...]:
    """The minutes (since 1970) of a year at which a zone's offset from UTC changes."""
    tz = ZoneInfo(zone)

    def offset(minute: int) -> timedelta | None:
        return datetime.fromtimestamp(minute * 60, tz).utcoffset()

    first, last = (int(datetime(y, 1, 1, tzinfo=tz).timestamp()) // 60 for y in (year, year + 1))
    days = [day for day in range(first, last, 1440) if offset(day) != offset(day + 1440)]
    return tuple(minute for day in days for minute in range(day + 1, day + 1441) if offset(minute - 1) != offset(minute))
