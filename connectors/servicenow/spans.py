"""Entries of a schedule (cmn_schedule_span): on which dates each of them begins, and what of a day they leave open. Pure.

Entries hold local times of their schedule's zone, and recur daily, on some weekdays, weekly, monthly or yearly. Types and columns
are named as integrators use them; an entry that says something else is refused by name, so that nothing is half understood.
https://www.servicenow.com/docs/bundle/zurich-platform-administration/page/administer/time/concept/c_Schedules.html
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from connectors.servicenow import wire
from connectors.servicenow.wire import Row

COLUMNS: Final = ("sys_id", "schedule", "name", "type", "start_date_time", "end_date_time", "repeat_type")
"""Without these an entry can't be understood."""
RECURRENCE: Final = (
    "repeat_count", "repeat_until", "days_of_week", "monthly_type", "yearly_type", "float_week", "float_day", "float_month",
)  # fmt: skip
"""These are looked at where the kind of recurrence needs them."""

Stretch = tuple[datetime, datetime]
"""[start, end) in local time, without a zone."""

_TIME: Final = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d):?(\d\d):?(\d\d)(Z?)")
_DATE: Final = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
_OFF: Final = frozenset({"exclude", "time_off"})
_ON_DAYS: Final = {
    "weekdays": frozenset({0, 1, 2, 3, 4}),
    "weekends": frozenset({5, 6}),
    "weekMWF": frozenset({0, 2, 4}),
    "weekTTh": frozenset({1, 3}),
}
_ONE_DAY: Final = timedelta(days=1)
_LONGEST: Final = 62
"""Days of one entry that recurs; one that lasts longer is none that recurs."""
_LAST_WEEK: Final = 5


class NotUnderstood(Exception):
    """An entry that can't be laid out; the message is a clause that names it."""


@dataclass(frozen=True, slots=True)
class Span:
    """An entry: its first occurrence in local time, and how it recurs.

    `off` takes time away from a schedule. `days` are weekdays (0 = Monday), `nth` the week of a month on whose `days` it begins
    (5: the last), `month` the one of a year; None where they don't matter.
    """

    name: str
    start: datetime
    end: datetime
    off: bool = False
    repeat: str = ""
    every: int = 1
    until: date | None = None
    days: frozenset[int] = frozenset()
    last_day: bool = False
    nth: int | None = None
    month: int | None = None

    def begins_on(self, day: date) -> bool:
        """Whether an occurrence begins on a date."""
        first = self.start.date()
        if day < first or (self.until is not None and day > self.until):
            return False
        match self.repeat:
            case "":
                return day == first
            case "daily":
                return (day - first).days % self.every == 0
            case "weekly":
                weeks = (_monday(day) - _monday(first)).days // 7
                return day.weekday() in self.days and weeks % self.every == 0
            case "monthly":
                return _months(first, day) % self.every == 0 and self._on_its_day(day)
            case "yearly":
                here = day.month == (self.month or first.month)
                return here and (day.year - first.year) % self.every == 0 and self._on_its_day(day)
            case _:
                return day.weekday() in _ON_DAYS[self.repeat]

    def _on_its_day(self, day: date) -> bool:
        """Whether it is the day of the month on which it recurs."""
        last = monthrange(day.year, day.month)[1]
        if self.last_day:
            return day.day == last
        if self.nth is None:
            return day.day == self.start.day
        week = _LAST_WEEK if self.nth == _LAST_WEEK and day.day + 7 > last else (day.day - 1) // 7 + 1
        return day.weekday() in self.days and week == self.nth

    def stretches(self, first: date, last: date) -> Iterator[Stretch]:
        """Its occurrences of which some part lies between two dates, both included."""
        length = self.end - self.start
        if not self.repeat:
            if self.start.date() <= last and self.end > datetime.combine(first, datetime.min.time()):
                yield self.start, self.end
            return
        day = first - timedelta(days=length.days + 1)
        while day <= last:
            if self.begins_on(day):
                begin = datetime.combine(day, self.start.time())
                yield begin, begin + length
            day += _ONE_DAY


def span_of(row: Row, zone: str) -> Span:
    """The entry of a row, in the local time of a zone. Raises NotUnderstood."""
    name = wire.text(row, "name") or wire.text(row, "sys_id")
    start, end = (_time(row, column, name, zone) for column in ("start_date_time", "end_date_time"))
    if end.second == 59:  # whole days end a second before midnight
        end += timedelta(seconds=1)
    repeat = wire.text(row, "repeat_type")
    repeat = "" if repeat in {"does_not_repeat", "none"} else repeat
    if repeat not in {"", "daily", "weekly", "monthly", "yearly", *_ON_DAYS}:
        raise NotUnderstood(f"its entry {name} recurs in a way that hoist does not know ({repeat})")
    if end <= start or (repeat and (end - start).days > _LONGEST):
        raise NotUnderstood(f"its entry {name} does not end after it begins, or lasts too long to recur")
    count = wire.text(row, "repeat_count") or "1"
    if not count.isdecimal() or int(count) < 1:
        raise NotUnderstood(f"its entry {name} recurs every {count}, which is no number")
    nth, days, month = _place(row, repeat, start, name)
    return Span(
        name,
        start,
        end,
        off=wire.text(row, "type") in _OFF,
        repeat=repeat,
        every=int(count),
        until=day(wire.text(row, "repeat_until")),
        days=days,
        last_day=repeat == "monthly" and wire.text(row, "monthly_type") == "ldom",
        nth=nth,
        month=month,
    )


def _place(row: Row, repeat: str, start: datetime, name: str) -> tuple[int | None, frozenset[int], int | None]:
    """The week of a month, the weekdays and the month of a year on which an entry recurs."""
    own = frozenset({start.weekday()})
    if repeat == "weekly":
        return None, _weekdays(wire.text(row, "days_of_week"), name) or own, None
    kind = wire.text(row, f"{repeat}_type") if repeat in {"monthly", "yearly"} else ""
    if repeat == "monthly" and kind in {"dow", "ldow"}:
        return (_LAST_WEEK if kind == "ldow" else (start.day - 1) // 7 + 1), own, None
    if repeat == "yearly" and kind == "float":
        week, day, month = (_number(row, column, name) for column in ("float_week", "float_day", "float_month"))
        return week, frozenset({day - 1}), month
    if kind not in {"", "dom", "ldom", "doy"}:
        raise NotUnderstood(f"its entry {name} recurs {repeat} in a way that hoist does not know ({kind})")
    return None, own, None


def _weekdays(text: str, name: str) -> frozenset[int]:
    """1 is Monday, 7 is Sunday."""
    if set(text) - set("1234567,"):
        raise NotUnderstood(f"its entry {name} recurs on days that hoist does not know ({text})")
    return frozenset(int(digit) - 1 for digit in text if digit != ",")


def _number(row: Row, column: str, name: str) -> int:
    text, most = wire.text(row, column), {"float_week": 5, "float_day": 7, "float_month": 12}[column]
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise NotUnderstood(f"its entry {name} recurs on a floating day, of which {column} is hidden or strange ({text})")
    return int(text)


def _time(row: Row, column: str, name: str, zone: str) -> datetime:
    """The local time of a column; one that ends with Z is in UTC."""
    found = _TIME.fullmatch(wire.text(row, column))
    try:
        local = datetime.strptime("".join(found.groups()[:6]), "%Y%m%d%H%M%S") if found else None  # noqa: DTZ007 - it is local
    except ValueError:
        local = None
    if local is None or found is None:
        raise NotUnderstood(f"its entry {name} has no {column} that hoist can read ({wire.text(row, column)[:40]})")
    if found[7]:
        return local.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return local


def day(text: str) -> date | None:
    """A date as the platform writes it; None for "" and 0, which stand for none."""
    found = _DATE.match(text)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _months(first: date, day: date) -> int:
    return (day.year - first.year) * 12 + day.month - first.month


# --- stretches of time --------------------------------------------------------------------------------------------------


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """In order, those that touch or overlap made one."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def less(stretches: Sequence[Stretch], off: Sequence[Stretch]) -> list[Stretch]:
    """What others leave of some stretches, both joined."""
    found: list[Stretch] = []
    place = 0
    for start, end in stretches:
        while place < len(off) and off[place][1] <= start:
            place += 1
        begin, at = start, place
        while at < len(off) and off[at][0] < end:
            if off[at][0] > begin:
                found.append((begin, off[at][0]))
            begin = max(begin, off[at][1])
            at += 1
        if begin < end:
            found.append((begin, end))
    return found


def both(one: Sequence[Stretch], other: Sequence[Stretch]) -> list[Stretch]:
    """Where both are, both joined."""
    return less(one, less(one, other))


def open_stretches(spans: Iterable[Span], first: date, last: date) -> list[Stretch]:
    """What entries leave open between two dates: those that open less those that take time away."""
    on: list[Stretch] = []
    off: list[Stretch] = []
    for span in spans:
        (off if span.off else on).extend(span.stretches(first, last))
    return less(joined(on), joined(off))
