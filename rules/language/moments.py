"""Dates and times as people write them in a story: `2026-11-06 16:50`, `Fri 2026-11-06 16:50:30`, `2026-11-06T15:50Z`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from rules.instants import MINUTE, SECOND, Instant, instant, moment

EXAMPLE: Final = "a date and time such as 2026-11-06 16:50"

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WRITTEN: Final = re.compile(
    r"(?:(?P<day>[a-z]{3,9})\.?,?\s+)?(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:\s+|t)"
    r"(?P<minute>[0-9]{1,2}:[0-9]{2})(?P<second>:[0-9]{2})?(?P<fraction>\.[0-9]{1,3})?\s*(?P<zone>z|utc|[+-][0-9]{2}:?[0-9]{2})?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant as it was written: it means every instant from `at` on that is written alike, for so many milliseconds."""

    at: Instant
    precision: int = 1

    def means(self, at: Instant) -> bool:
        """Whether an instant would be written so."""
        return self.at <= at < self.at + self.precision


def local_moment(text: str, zone: tzinfo) -> Moment:
    """The moment that a text names, in a zone unless the text gives its own offset from UTC.

    Of a local time that the clocks show twice the first is meant. Raises ValueError with what was expected: another form, a date
    that does not exist, a weekday that is not that of the date, a local time that the clocks jump over.
    """
    found = _WRITTEN.fullmatch(text.strip())
    if not found:
        raise ValueError(f"expected {EXAMPLE}")
    local = _naive(found)
    offset = _zone(found["zone"])
    day = (found["day"] or "").casefold()[:3]
    if day and _DAYS[local.weekday()] != day:
        raise ValueError(f"{found['date']} is a {local:%A}")
    aware = local.replace(tzinfo=offset or zone)
    if aware.astimezone(UTC).astimezone(aware.tzinfo).replace(tzinfo=None, fold=0) != local:
        raise ValueError("the clocks jump over this time on that day")
    precision = 1 if found["fraction"] else SECOND if found["second"] else MINUTE
    return Moment(instant(aware), precision)


def written_local(at: Instant, zone: tzinfo) -> str:
    """An instant as `local_moment` reads it back, to the second or millisecond where it has any; with an offset where needed."""
    local = moment(at).astimezone(zone)
    fraction = f".{at % SECOND:03d}" if at % SECOND else ""
    second = f"{local:%S}{fraction}" if at % MINUTE else ""
    text = f"{local:%a %Y-%m-%d %H:%M}{':' if second else ''}{second}"
    try:
        plain = local_moment(text, zone).at == at
    except ValueError:
        plain = False
    return text if plain else f"{text} {local:%z}"


def _naive(found: re.Match[str]) -> datetime:
    try:
        hour, minute = (int(part) for part in found["minute"].split(":"))
        second = int((found["second"] or ":0")[1:])
        thousandths = int((found["fraction"] or ".0")[1:].ljust(3, "0"))
        day = datetime.fromisoformat(found["date"])
        local = day.replace(hour=hour, minute=minute, second=second, microsecond=thousandths * 1000)
    except ValueError as error:
        raise ValueError(f"no such date or time: {error}") from None
    if not 1970 <= local.year <= 2100:
        raise ValueError("expected a year from 1970 to 2100")
    return local


def _zone(text: str | None) -> tzinfo | None:
    if not text or text.casefold() in {"z", "utc"}:
        return UTC if text else None
    sign, digits = text[0], text[1:].replace(":", "")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if shift >= timedelta(hours=24):
        raise ValueError(f"{text} is no offset from UTC")
    return datetime.strptime(f"{sign}{digits}", "%z").tzinfo
