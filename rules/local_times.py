"""Dates and local times as people write them in the protocol's files: `2026-12-24`, `2026-12-24 18:00`, `2026-12-24T18:00Z`."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from rules.calendars import occurrences
from rules.instants import Instant, instant
from rules.intervals import Intervals

AN_EXAMPLE: Final = "a date such as 2026-12-24, or a local time such as 2026-12-24 18:00"

_WRITTEN: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ]+(\d{2}:\d{2}(?::\d{2})?)\s*(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII | re.IGNORECASE
)
_DAY: Final = timedelta(days=1)


def beginning(text: str, zone: str) -> Instant:
    """The instant of a text as a beginning: of a date its first instant, of an hour that the clocks show twice the first.

    A time that the clocks jump over is the end of the gap. One with an offset (or Z) needs no zone.
    Raises ValueError with a sentence.
    """
    local, _ = _read(text)
    return instant(local) if local.tzinfo else occurrences(local, _zone(zone))[0]


def end(text: str, zone: str) -> Instant:
    """The instant of a text as an end: of a date the end of that day, of an hour that the clocks show twice the second.

    Raises ValueError with a sentence.
    """
    local, whole_day = _read(text)
    if local.tzinfo:
        return instant(local)
    return occurrences(local + _DAY if whole_day else local, _zone(zone))[0 if whole_day else 1]


def stretch(begins: str, ends: str, zone: str) -> tuple[Instant, Instant]:
    """[from, to) of two texts. Raises ValueError with a sentence, also where it ends before it begins."""
    found = beginning(begins, zone), end(ends, zone)
    if found[0] >= found[1]:
        raise ValueError(f"{ends} is not after {begins}")
    return found


def joined(stretches: list[tuple[Instant, Instant]]) -> Intervals:
    """Stretches in any order as one flat list, in order, those that touch or overlap made one."""
    found: Intervals = []
    for start, stop in sorted(stretches):
        if found and start <= found[-1]:
            found[-1] = max(found[-1], stop)
        else:
            found += (start, stop)
    return found


def _read(text: str) -> tuple[datetime, bool]:
    """The moment, aware where an offset is written, and whether it is a date alone."""
    found = _WRITTEN.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not {AN_EXAMPLE}")
    day, time, offset = found.groups()
    try:
        if time is None:
            return datetime.combine(date.fromisoformat(day), datetime.min.time()), True
        return datetime.fromisoformat(f"{day}T{time}{(offset or '').upper()}"), False
    except ValueError as error:
        raise ValueError(f"{text!r} is not {AN_EXAMPLE}") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"the time zone {name!r} is not known; write a name like Europe/Amsterdam or UTC") from error
