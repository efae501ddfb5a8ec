"""Date-times and durations as an instance stores and shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from rules.instants import SECOND, Instant, instant, moment

_FORMATS: Final = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "a": "%p"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=65_536)
def _stored(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).isoformat(" ")[:19]


def stored(at: Instant) -> str:
    """The instant as a column holds it: UTC, cut off to the second."""
    return _stored(at // SECOND)


def instant_of(text: str, zone: tzinfo = UTC) -> Instant | None:
    """The instant that a stored date-time, or a date, names; None for what is neither."""
    if len(text) != 10 and (len(text) != 19 or text[10] != " "):
        return None
    try:
        return instant(datetime.fromisoformat(text).replace(tzinfo=zone))
    except ValueError:
        return None


def pattern(java: str) -> str:
    """A Java date pattern (`dd-MM-yyyy HH:mm:ss`) in Python's words."""
    for theirs, ours in _FORMATS.items():
        java = java.replace(theirs, ours)
    return java


def shown(text: str, zone: tzinfo, form: str) -> str:
    """A stored date-time in a session's zone and format; what is none is shown as it is."""
    at = instant_of(text)
    return text if at is None else moment(at).astimezone(zone).strftime(form)


def duration(milliseconds: int) -> str:
    """A length of time as a column holds it: an offset from 1970-01-01 00:00:00, whole seconds."""
    return _stored(milliseconds // SECOND)


def duration_shown(text: str) -> str:
    """A stored length of time in words: `1 Day 2 Hours 30 Minutes`."""
    at = instant_of(text)
    if at is None:
        return text
    seconds, words = abs(at) // SECOND, list[str]()
    for unit, size in (("Day", 86_400), ("Hour", 3_600), ("Minute", 60), ("Second", 1)):
        number, seconds = divmod(seconds, size)
        if number and len(words) < 3:
            words.append(f"{number} {unit}{'s' if number > 1 else ''}")
    return " ".join(words) or "0 Seconds"
