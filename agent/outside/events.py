"""Events of a calendar file (iCalendar, RFC 5545): when, and who is named in them.

Recurring events are laid out by `recurring-ical-events`. How often they may recur is bounded before anything is laid out, since a
single line can ask for every second of a century.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from agent.outside.unreadable import Unreadable
from rules.calendars import occurrences
from rules.instants import Instant, instant, moment

if TYPE_CHECKING:
    from icalendar import Calendar, Component, Event

MOST_OCCURRENCES: Final = 200_000
"""Occurrences of all events from their beginning on; a rota with a shift a day for five hundred years would reach it."""

_MAIL: Final = re.compile(r"[^@\s,;:<>()\[\]\"']+@[^@\s,;:<>()\[\]\"']+\.[^@\s,;:<>()\[\]\"'.]+")
_NOBODY: Final = re.compile(r"@(group|resource)\.calendar\.google\.com$", re.IGNORECASE)
"""Google's own addresses of calendars and rooms, which stand where a person would:
https://developers.google.com/workspace/calendar/api/concepts/events-calendars"""
_TOO_OFTEN: Final = re.compile(r"^(?:RRULE|EXRULE)[;:].*FREQ=(?:SECONDLY|MINUTELY|HOURLY)", re.MULTILINE | re.IGNORECASE)
_PER_YEAR: Final = {"DAILY": 366, "WEEKLY": 53 * 7, "MONTHLY": 366, "YEARLY": 366}
_PLAIN_PER_YEAR: Final = {"DAILY": 366, "WEEKLY": 53, "MONTHLY": 12, "YEARLY": 1}
_PLAIN: Final = frozenset({"FREQ", "INTERVAL", "UNTIL", "COUNT", "WKST"})
_USED: Final = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "PRIORITY", "STATUS"})


class Occurrence(NamedTuple):
    """[start, end) of an event, the people named in it by e-mail address in small letters, and its rank.

    The rank is 0 without a priority, else 1 for the lowest one (9) to 9 for the highest (1).
    """

    start: Instant
    end: Instant
    who: tuple[str, ...]
    rank: int
    summary: str


def calendar_events(data: bytes, zone: str, start: Instant, end: Instant) -> list[Occurrence]:
    """What happens within [start, end), in order; cancelled events are left out.

    Dates and times without a zone are those of the calendar's X-WR-TIMEZONE, else of `zone`. Raises Unreadable.
    """
    # Imported at their first use: most commands read no calendar.
    import icalendar  # noqa: PLC0415
    import recurring_ical_events  # type: ignore[import-untyped]  # noqa: PLC0415 - it ships no types

    text = re.sub(r"\r?\n[ \t]", "", data.decode("utf-8", errors="replace"))
    if _TOO_OFTEN.search(text):
        raise Unreadable("has an event that recurs several times a day: write its times of day as BYHOUR of a daily one")
    try:
        calendar = icalendar.Calendar.from_ical(data)
        if not isinstance(calendar, icalendar.Calendar):
            raise Unreadable("is no calendar: it should begin with BEGIN:VCALENDAR")
        _check(calendar, _lines(data), moment(end).year)
        local = _zone(str(calendar.get("X-WR-TIMEZONE", "")), zone)
        wide = timedelta(days=2)  # days begin at another instant in each zone
        query = recurring_ical_events.of(calendar, components=["VEVENT"])
        found = [_occurrence(event, local) for event in query.between(moment(start) - wide, moment(end) + wide) if _on(event)]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, IndexError) as error:
        # what the libraries raise at a calendar that is none is of any of these kinds
        raise Unreadable(f"is no calendar that can be read: {_short(error)}") from None
    inside = (Occurrence(max(o.start, start), min(o.end, end), o.who, o.rank, o.summary) for o in found)
    return sorted(occurrence for occurrence in inside if occurrence.start < occurrence.end)


def _lines(data: bytes) -> list[int]:
    """The lines on which events begin, in order."""
    return [n for n, line in enumerate(data.splitlines(), 1) if line.strip().upper() == b"BEGIN:VEVENT"]


def _check(calendar: Calendar, lines: list[int], last: int) -> None:
    """Refuse what would be read otherwise than it was meant, or not in time. `lines` are those on which its events begin."""
    number = 0
    zones = {str(part.get("TZID")) for part in calendar.walk("VTIMEZONE")}
    for n, event in enumerate(calendar.walk("VEVENT")):
        said = f"{_summary(event)}{f', line {lines[n]}' if n < len(lines) else ''}"
        broken = [name for name, _ in event.errors if name in _USED]
        if broken:
            raise Unreadable(f"has an event with a {broken[0]} that can't be read: {said}")
        begin = event.get("DTSTART")
        if begin is None:
            raise Unreadable(f"has an event without a beginning (DTSTART): {said}")
        for time in (begin, event.get("DTEND")):
            name = "" if time is None else str(time.params.get("TZID", ""))
            if name and name not in zones and getattr(time.dt, "tzinfo", None) is None:
                raise Unreadable(f"has an event in a time zone that is not known, {name}: {said}")
        if _backwards(event):
            raise Unreadable(f"has an event that ends before it begins: {said}")
        rules = _listed(event.get("RRULE"))
        if any(int(interval) < 1 for rule in rules for interval in _listed(rule.get("INTERVAL"))):
            raise Unreadable(f"has an event that recurs at an INTERVAL of nothing, so it would never end: {said}")
        number += sum(_times(rule, begin.dt.year, last) for rule in rules)
        if number > MOST_OCCURRENCES:
            raise Unreadable(f"has events that recur more than {MOST_OCCURRENCES} times: let them begin later")


def _backwards(event: Component) -> bool:
    """Whether it ends before it begins; times of which only one has a zone are not compared, nor a date with a time."""
    begin, end, length = event.get("DTSTART"), event.get("DTEND"), event.get("DURATION")
    if length is not None and length.dt < timedelta():
        return True
    try:
        return end is not None and type(end.dt) is type(begin.dt) and bool(end.dt < begin.dt)
    except TypeError:
        return False


def _times(rule: Any, first: int, last: int) -> int:
    """How often a rule recurs at most from one year to another."""
    within_a_day = 1
    for part in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        within_a_day *= max(len(_listed(rule.get(part))), 1)
    per_year = _PLAIN_PER_YEAR if {str(key).upper() for key in rule} <= _PLAIN else _PER_YEAR
    frequency = str(_listed(rule.get("FREQ"))[0]).upper()
    ends = min([last, *(until.year for until in _listed(rule.get("UNTIL")))])
    times: int = per_year.get(frequency, MOST_OCCURRENCES + 1) * max(ends - first + 1, 1) * within_a_day
    return min([times, *(int(count) for count in _listed(rule.get("COUNT")))])


def _occurrence(event: Event, zone: ZoneInfo) -> Occurrence:
    start, end = _instant(event.start, zone, last=False), _instant(event.end, zone, last=True)
    priority = int(event.get("PRIORITY", 0))
    return Occurrence(start, end, _who(event), 10 - priority if 1 <= priority <= 9 else 0, _summary(event))


def _on(event: Component) -> bool:
    return str(event.get("STATUS", "")).upper() != "CANCELLED"


def _instant(at: date, zone: ZoneInfo, *, last: bool) -> Instant:
    """A date is its first instant in the zone; the end of a whole-day event is the date after it (RFC 5545, 3.6.1)."""
    if not isinstance(at, datetime):
        return occurrences(datetime.combine(at, datetime.min.time()), zone)[0]
    if at.tzinfo is not None:
        return instant(at)
    return occurrences(at, zone)[1 if last else 0]


def _who(event: Component) -> tuple[str, ...]:
    """Attendees who have not declined, else the organiser, else addresses in the summary, else in the description."""
    attendees = [person for person in _listed(event.get("ATTENDEE")) if _coming(person)]
    for people in (attendees, _listed(event.get("ORGANIZER"))):
        if named := _addresses(re.sub("(?i)^mailto:", "", str(person).strip()) for person in people):
            return named
    for key in ("SUMMARY", "DESCRIPTION"):
        if named := _addresses(str(event.get(key, "")).split()):
            return named
    return ()


def _coming(person: Any) -> bool:
    return str(person.params.get("PARTSTAT", "")).upper() != "DECLINED"


def _addresses(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address for text in texts for address in _found(text)))


def _found(text: str) -> Iterator[str]:
    for found in _MAIL.finditer(text):
        if not _NOBODY.search(found[0]):
            yield found[0].casefold()


def _zone(named: str, otherwise: str) -> ZoneInfo:
    try:
        return ZoneInfo(named)
    except (KeyError, ValueError, OSError):
        return ZoneInfo(otherwise)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _summary(event: Component) -> str:
    text = _printable(" ".join(str(event.get("SUMMARY", "")).split())[:60])
    return f'"{text}"' if text else "an event without a summary"


def _short(error: Exception) -> str:
    """The library's own words, cut: they may hold a line of the file."""
    return _printable(" ".join(str(error).split())[:120]) or type(error).__name__


def _printable(text: str) -> str:
    """Control signs would be obeyed by the terminal that shows them."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
