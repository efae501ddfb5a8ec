"""The few `javascript:` values of a query that the sandbox evaluates. Dates are those of the session's zone."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from typing import Final

from connectors.servicenow.site.moments import stored
from rules.instants import Instant, instant, moment

_CALL: Final = re.compile(r"(?:javascript:)?\s*gs\.(\w+)\(([^)]*)\);?\s*")
_AGO: Final = {"daysAgo": "days", "hoursAgo": "hours", "minutesAgo": "minutes", "secondsAgo": "seconds"}


def evaluated(value: str, now: Instant, zone: tzinfo, user: str) -> str | None:
    """What a value stands for, as a column would hold it; None for a script that the sandbox does not know.

    Known are beginningOf and endOf Today, Yesterday, Tomorrow; daysAgo and its like, with Start and End; dateGenerate; getUserID.
    """
    found = _CALL.fullmatch(value)
    if found is None:
        return None
    name, arguments = found.group(1), [each.strip(" '\"") for each in found.group(2).split(",")]
    if name == "getUserID":
        return user
    local = moment(now).astimezone(zone)
    at = _named(name, local) or _ago(name, arguments, local) or _generated(name, arguments, zone)
    return stored(instant(at)) if at else None


def _named(name: str, local: datetime) -> datetime | None:
    days = {"Today": 0, "Yesterday": -1, "Tomorrow": 1}
    for edge in ("beginningOf", "endOf"):
        if name.startswith(edge) and name.removeprefix(edge) in days:
            return _edge(local + timedelta(days=days[name.removeprefix(edge)]), end=edge == "endOf")
    return None


def _ago(name: str, arguments: list[str], local: datetime) -> datetime | None:
    unit = _AGO.get(name.removesuffix("Start").removesuffix("End"))
    if unit is None or not arguments[0].lstrip("-").isdigit():
        return None
    at = local - timedelta(**{unit: int(arguments[0])})
    return _edge(at, end=name.endswith("End")) if name.endswith(("Start", "End")) else at


def _generated(name: str, arguments: list[str], zone: tzinfo) -> datetime | None:
    if name != "dateGenerate" or not arguments[0]:
        return None
    time = {"start": "00:00:00", "end": "23:59:59"}.get(arguments[-1], arguments[-1])
    try:
        return datetime.fromisoformat(f"{arguments[0]} {time if len(arguments) > 1 else '00:00:00'}").replace(tzinfo=zone)
    except ValueError:
        return None


def _edge(at: datetime, *, end: bool) -> datetime:
    if end:
        return at.replace(hour=23, minute=59, second=59, microsecond=0)
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
