"""Business time: how much of it lies between two instants, and when so much of it will have gone by.

Conventions, each of them tested:

- A budget that is spent at closing is due at closing, not at the next opening.
- Local times that the clocks show twice (autumn): the first occurrence opens, the second closes. Local times that the clocks
  jump over (spring): the end of the gap opens and closes.
- A shift that ends on the next day belongs to the day it starts on: a holiday closes the whole of it, and nothing of the
  shift that began the evening before.
- A business day ends at the same local time n working days later. A working day is a date on which a shift starts (and is not
  jumped over as a whole when the clocks go forward); an instant on any other day counts from the beginning of the next working
  day, so that a ticket from Saturday with one business day has the whole of Monday. The day turns at midnight or, where shifts
  run past midnight, at the end of the latest of them (no later than the earliest start): five in the morning of a night shift
  is still the day it started on. Where the clocks show an hour twice, 02:45 of the first time is due after 02:30 of the second:
  local times are kept, not their order.
- Opening hours are known from 1970 to 2100. Outside those years a calendar with hours is closed, and what would be due later is
  due never. Public holidays reach as far as the `holidays` library knows them for a country (mostly to 2099), and those that
  follow the moon are its estimates; calendars correct them with `also_closed` and `open_anyway`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Final
from zoneinfo import ZoneInfo

from rules.instants import DAY, FOREVER, MINUTE, SECOND, Instant, instant, moment
from rules.intervals import Intervals
from rules.opening_hours import Week, public_holidays, time_zone, week
from rules.protocol.durations import Duration
from rules.protocol.organisation import CalendarHours

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2100


class Calendar(ABC):
    """When work is done. Made by `calendar`; never changes; may be shared between threads.

    Instants and lengths are milliseconds. An open end is FOREVER: business time up to it is FOREVER, and so is what never comes.
    """

    __slots__ = ("_name", "_zone")

    def __init__(self, name: str, zone: ZoneInfo) -> None:
        self._name = name
        self._zone = zone

    def __repr__(self) -> str:
        return f"<Calendar {self._name}>"

    @property
    def name(self) -> str:
        """What the organisation calls it."""
        return self._name

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of its hours."""
        return self._zone

    @property
    @abstractmethod
    def always(self) -> bool:
        """Open round the clock, every day."""

    @abstractmethod
    def add(self, at: Instant, milliseconds: int) -> Instant:
        """The first instant by which so much business time has gone by since `at`: `at` for none, FOREVER if it never comes."""

    @abstractmethod
    def add_days(self, at: Instant, days: int) -> Instant:
        """The same local time so many working days later (the module tells how days count): `at` itself for none, or FOREVER."""

    @abstractmethod
    def between(self, a: Instant, b: Instant) -> int:
        """Business milliseconds in `[a, b)`, none if b is not after a; FOREVER if b is."""

    @abstractmethod
    def is_open(self, at: Instant) -> bool:
        """Whether work is done at an instant; it is at opening and no longer at closing."""

    @abstractmethod
    def next_opening(self, at: Instant) -> Instant:
        """The first open instant from `at` on: `at` itself while open, FOREVER if it never opens again."""

    @abstractmethod
    def next_closing(self, at: Instant) -> Instant:
        """The first instant from `at` on that is not open: `at` itself while closed, FOREVER if it never closes."""

    @abstractmethod
    def open_intervals(self, a: Instant, b: Instant) -> Intervals:
        """Where it is open within `[a, b)`: a flat list [a0, b0, a1, b1, ...], cut off at a and b, no two of which touch.

        A calendar with hours gives an interval per shift, so ask for a stretch that ends: up to FOREVER it lists all of them
        to 2100, some ten thousand.
        """

    def after(self, at: Instant, duration: Duration) -> Instant:
        """When a duration that starts at `at` is over on this calendar, whichever calendar the duration names."""
        return self.add(self.add_days(at, duration.business_days), duration.milliseconds)


def calendar(hours: CalendarHours) -> Calendar:
    """The calendar of some opening hours.

    Making one is cheap: holidays and openings of a decade are worked out when an instant of it is first asked for.
    Raises ValueError with a sentence for the author of the hours: a zone, country or date that is not known, hours that overlap
    or never open, a holiday opened on a weekday without hours.
    """
    zone, opening = time_zone(hours), week(hours)
    if opening.whole and not (opening.holidays or opening.also_closed or opening.dates):
        return _RoundTheClock(hours.name, zone)
    return _OpeningHours(hours.name, zone, opening)


def weekly(zone: str, days: Collection[int], start: int = 0, end: int = DAY // MINUTE) -> Calendar:
    """The calendar that is open at some local times on some weekdays (0 = Monday), public holidays like any other day.

    `start` and `end` are minutes of the day; an end at or before the start lies on the next day, which then belongs to the
    weekday of the start: Friday from 22:00 to 06:00 ends on Saturday. The conventions are those of every calendar.
    Raises ValueError with a sentence: a zone or weekday that is not known, minutes outside a day, no weekday at all.
    """
    return calendar(CalendarHours("weekly window", zone, dict.fromkeys(days, ((start, end),))))


class _RoundTheClock(Calendar):
    """Every instant is open, every day is a working day."""

    __slots__ = ()

    @property
    def always(self) -> bool:
        return True

    def add(self, at: Instant, milliseconds: int) -> Instant:
        return min(at + milliseconds, FOREVER) if milliseconds > 0 else at

    def add_days(self, at: Instant, days: int) -> Instant:
        if days <= 0:
            return at
        try:
            return occurrences(_wall(at, self._zone) + timedelta(days=days), self._zone)[0]
        except OverflowError:  # past the year 9999
            return FOREVER

    def between(self, a: Instant, b: Instant) -> int:
        if b >= FOREVER > a:
            return FOREVER
        return max(b - a, 0)

    def is_open(self, at: Instant) -> bool:  # noqa: ARG002
        return True

    def next_opening(self, at: Instant) -> Instant:
        return at

    def next_closing(self, at: Instant) -> Instant:  # noqa: ARG002
        return FOREVER

    def open_intervals(self, a: Instant, b: Instant) -> Intervals:
        return [a, b] if a < b else []


class _OpeningHours(Calendar):
    """A weekly pattern less holidays, looked up in a table that grows by decades.

    Threads need no lock: each works on the table that it took, and a table is never changed, only replaced by a longer one.
    """

    __slots__ = ("_table", "_turn", "_week")

    def __init__(self, name: str, zone: ZoneInfo, opening: Week) -> None:
        super().__init__(name, zone)
        self._week = opening
        self._turn = timedelta(minutes=opening.turn)
        self._table = _NOTHING

    @property
    def always(self) -> bool:
        return False

    def add(self, at: Instant, milliseconds: int) -> Instant:
        if milliseconds <= 0:
            return at
        if at >= _END:
            return FOREVER
        table = self._table
        if not table.low <= at < table.high:
            table = self._reaching(at, at)
        while True:
            n = bisect_right(table.edges, at)
            target = table.worked[n] + milliseconds + (at if n & 1 else 0)
            closing = bisect_left(table.spent, target)
            if closing < len(table.spent):
                return table.ahead[closing] + target
            longer = self._longer(table)
            if longer is None:
                return FOREVER
            table = longer

    def add_days(self, at: Instant, days: int) -> Instant:
        if days <= 0:
            return at
        if at >= _END:
            return FOREVER
        known = self._reaching(at, at)
        reached = known.add_days(at, days)
        if reached is not None:
            return reached
        table: _Table | None = known
        local = _wall(max(at, 0), self._zone) - self._turn
        while table is not None:
            n = bisect_left(table.days, local.toordinal())
            if n + days < len(table.days):
                into = local - datetime.fromordinal(local.toordinal()) if table.days[n] == local.toordinal() else timedelta()
                return occurrences(datetime.fromordinal(table.days[n + days]) + self._turn + into, self._zone)[0]
            table = self._longer(table)
        return FOREVER

    def between(self, a: Instant, b: Instant) -> int:
        if b <= a:
            return 0
        table = self._table
        if a < table.low or b >= table.high:
            if b >= FOREVER:
                return FOREVER
            table = self._reaching(a, b)
        n, m = bisect_right(table.edges, a), bisect_right(table.edges, b)
        return table.worked[m] - table.worked[n] + (b if m & 1 else 0) - (a if n & 1 else 0)

    def is_open(self, at: Instant) -> bool:
        return at < _END and bisect_right(self._reaching(at, at).edges, at) & 1 == 1

    def next_opening(self, at: Instant) -> Instant:
        table: _Table | None = self._reaching(at, at) if at < _END else None
        while table is not None:
            n = bisect_right(table.edges, at)
            if n & 1:
                return at
            if n < len(table.edges):
                return table.edges[n]
            table = self._longer(table)
        return FOREVER

    def next_closing(self, at: Instant) -> Instant:
        table = self._table
        if at >= _END:
            return at
        if not table.low <= at < table.high:
            table = self._reaching(at, at)
        while True:
            n = bisect_right(table.edges, at)
            if not n & 1:
                return at
            if n < len(table.edges) - 1:
                return table.edges[n]
            longer = self._longer(table)  # the last shift of a table may go on in the next one
            if longer is None:
                return table.edges[n]
            table = longer

    def open_intervals(self, a: Instant, b: Instant) -> Intervals:
        b = min(b, _END)
        if b <= a:
            return []
        edges = self._reaching(a, b).edges
        n, m = bisect_right(edges, a), bisect_left(edges, b)
        found = list(edges[n:m])
        if n & 1:
            found.insert(0, a)
        if m & 1:
            found.append(b)
        return found

    def _reaching(self, a: Instant, b: Instant) -> _Table:
        """A table that is right from `a` to `b`."""
        table = self._table
        if a < table.low or b >= table.high:
            table = self._extended(min(table.first, _year(a) - 1), max(table.last, _year(b) + 1))
        return table

    def _longer(self, table: _Table) -> _Table | None:
        """The table with at least twice the years; None if there are no more."""
        if table.last == LAST_YEAR:
            return None
        return self._extended(table.first, 2 * table.last + 1 - table.first)

    def _extended(self, first: int, last: int) -> _Table:
        """The table of at least these years, in whole decades, kept for the next question."""
        first, last = max(FIRST_YEAR, first // 10 * 10), min(LAST_YEAR, last // 10 * 10 + 9)
        self._table = table = _tabulate(self._week, self._zone, first, last)
        return table


ALWAYS: Final[Calendar] = _RoundTheClock("always", ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True)
class _Table:
    """Openings and closings of some years with running sums; right for instants from `low` to before `high`."""

    first: int
    last: int
    low: Instant
    high: Instant
    edges: tuple[Instant, ...]  # opening, closing, opening, ...: n edges at or before an instant, n odd: it is open
    worked: tuple[int, ...]  # the same n: business time before the instant, less the instant itself if it is open
    spent: tuple[int, ...]  # business time before each closing
    ahead: tuple[int, ...]  # each closing less `spent`: what turns business time within that opening into an instant
    days: tuple[int, ...]  # ordinals of the working days
    begins: tuple[Instant, ...]  # when each of them begins, at the turn of the day
    even: tuple[bool, ...]  # whether the clocks stay as they are on that day and the next; if not, `begins` lies within the day

    def add_days(self, at: Instant, days: int) -> Instant | None:
        """The same time so many working days later; None where the clocks change at one of the two, or the table ends."""
        begins, even = self.begins, self.even
        n = bisect_right(begins, at) - 1
        if n < 0 or n + days + 1 >= len(begins) or not even[n]:
            return None
        into = at - begins[n]
        if into >= DAY:  # no working day: from the beginning of the next one
            n, into = n + 1, 0
        return begins[n + days] + into if even[n] and even[n + days] else None


_NOTHING: Final = _Table(LAST_YEAR, FIRST_YEAR, FOREVER, -FOREVER, (), (0,), (), (), (), (), ())


def _shifts(opening: Week, zone: ZoneInfo, first: int, last: int) -> Iterator[tuple[int, Instant | None, Instant, Instant]]:
    """The shifts that start in these years, in order: ordinal of the day, its midnight, opening, closing.

    The midnight is None where the clocks change on that day or the next.
    """
    holidays = public_holidays(opening, first, last)
    days = range(date(first, 1, 1).toordinal(), date(last + 1, 1, 1).toordinal())
    midnights = [datetime.fromordinal(day).replace(tzinfo=zone) for day in range(days.start, days.stop + 2)]
    offsets = [midnight.utcoffset() for midnight in midnights]
    for n, day in enumerate(days):
        shifts = opening.shifts(midnights[n].date(), holidays)
        # Since 1970 no zone changed its clocks twice within six days: equal offsets at both ends mean that there was no change.
        if shifts and offsets[n] == offsets[n + 1] == offsets[n + 2]:
            since = instant(midnights[n])
            yield from ((day, since, since + start * MINUTE, since + end * MINUTE) for start, end in shifts)
            continue
        for start, end in shifts:
            local = datetime.fromordinal(day)
            opens = occurrences(local + timedelta(minutes=start), zone)[0]
            closes = occurrences(local + timedelta(minutes=end), zone)[1]
            if opens < closes:  # else the whole shift fell into the hour that the clocks jumped over
                yield day, None, opens, closes


def _tabulate(opening: Week, zone: ZoneInfo, first: int, last: int) -> _Table:
    """The table of the shifts that start in these years."""
    edges: list[Instant] = []
    days: list[int] = []
    begins: list[Instant] = []
    even: list[bool] = []
    for day, midnight, opens, closes in _shifts(opening, zone, first, last):
        if not days or days[-1] != day:
            days.append(day)
            begins.append(opens if midnight is None else midnight + opening.turn * MINUTE)
            even.append(midnight is not None)
        if edges and opens <= edges[-1]:  # shifts that touch, or that the repeated hour of autumn makes overlap
            edges[-1] = closes
        else:
            edges += (opens, closes)
    opens_at, closes_at = edges[::2], edges[1::2]
    spent = list(accumulate(b - a for a, b in zip(opens_at, closes_at, strict=True)))
    worked = [0]
    for opened, before, after in zip(opens_at, [0, *spent], spent, strict=False):
        worked += (before - opened, after)
    return _Table(
        first=first,
        last=last,
        # a shift of the evening before the first year may run into its first day
        low=-FOREVER if first == FIRST_YEAR else occurrences(datetime(first, 1, 2), zone)[0],  # noqa: DTZ001
        high=FOREVER if last == LAST_YEAR else occurrences(datetime(last + 1, 1, 1), zone)[0],  # noqa: DTZ001
        edges=tuple(edges),
        worked=tuple(worked),
        spent=tuple(spent),
        ahead=tuple(closed - before for closed, before in zip(closes_at, spent, strict=True)),
        days=tuple(days),
        begins=tuple(begins),
        even=tuple(even),
    )


_END: Final[Instant] = instant(datetime(LAST_YEAR + 2, 1, 1, tzinfo=ZoneInfo("UTC")))


def _year(at: Instant) -> int:
    """The UTC year of an instant, as far as tables go."""
    return moment(min(max(at, 0), _END)).year


def _wall(at: Instant, zone: ZoneInfo) -> datetime:
    """What the clocks of a zone show, as a naive datetime."""
    return moment(at).astimezone(zone).replace(tzinfo=None)


def occurrences(local: datetime, zone: ZoneInfo) -> tuple[Instant, Instant]:
    """The first and the last instant at which the clocks show a naive local time; for one in a gap, twice the end of the gap."""
    first, last = instant(local.replace(tzinfo=zone)), instant(local.replace(tzinfo=zone, fold=1))
    if first <= last:
        return first, last
    # zoneinfo reads a time in a gap with the offset before it (fold 0) or after it (fold 1): the gap ends between the two
    seconds = range(last // SECOND, first // SECOND + 1)
    end = seconds[bisect_left(seconds, local, key=lambda second: _wall(second * SECOND, zone))] * SECOND
    return end, end
