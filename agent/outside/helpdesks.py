"""Schedules and rotas that a helpdesk keeps itself: asked of its connector, and kept as text like any file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from agent.outside.events import Occurrence
from agent.outside.unreadable import Unreadable
from connectors.contract import Connector, Duty, Keeper, Timetable
from connectors.errors import ConnectorError
from rules.calendars import calendar
from rules.instants import Instant
from rules.protocol.organisation import CalendarHours
from rules.references import named_in_source

Helpdesks = Mapping[str, Connector]
"""The connector of each source that can be asked, by the source's name."""
NONE: Final[Helpdesks] = MappingProxyType({})


def asked_for_schedule(reference: str, helpdesks: Helpdesks) -> bytes:
    """A schedule as text. Raises Unreadable with what happened and what to do."""
    keeper, name = _keeper(reference, helpdesks)
    try:
        return _written_timetable(keeper.timetable(name))
    except ConnectorError as error:
        raise Unreadable(f"can't be read: {error}") from None


def asked_for_rota(reference: str, helpdesks: Helpdesks, zone: str, span: tuple[Instant, Instant]) -> bytes:
    """The duties of a rota within a span as text; times without a zone are those of `zone`. Raises Unreadable."""
    keeper, name = _keeper(reference, helpdesks)
    try:
        return _written_duties(keeper.duties(name, zone, *span))
    except ConnectorError as error:
        raise Unreadable(f"can't be read: {error}") from None


def hours(data: bytes, zone: str) -> CalendarHours:
    """The hours that such a text tells of; of `zone` where it names none. Raises Unreadable, also where they never open."""
    try:
        told = json.loads(data)
        week = {int(day): _shifts(shifts) for day, shifts in told["hours"].items()}
        dates = {str(day): _shifts(shifts) for day, shifts in told["dates"].items()}
        found = CalendarHours("it", told["time_zone"] or zone, week, dates=dates)
        calendar(found)
    except ValueError as error:
        raise Unreadable(f"can't be used: {error}") from None
    except (TypeError, KeyError, AttributeError):
        raise Unreadable("is no schedule as hoist keeps it") from None
    return found


def occurrences(data: bytes, span: tuple[Instant, Instant]) -> tuple[Occurrence, ...]:
    """The duties that such a text tells of, within a span and in order. Raises Unreadable."""
    try:
        told = [(*each[:2], tuple(each[2]), *each[3:]) for each in json.loads(data)]
        found = (Occurrence(max(start, span[0]), min(end, span[1]), who, rank, said) for start, end, who, rank, said in told)
        return tuple(sorted(each for each in found if each.start < each.end))
    except (ValueError, TypeError, LookupError):
        raise Unreadable("is no rota as hoist keeps it") from None


def _keeper(reference: str, helpdesks: Helpdesks) -> tuple[Keeper, str]:
    found = named_in_source(reference)
    source, name = found or ("", "")
    if source not in helpdesks:
        raise Unreadable(f"can't be read: {source} is no source of hoist.yaml that can be asked")
    keeper = helpdesks[source]
    if not isinstance(keeper, Keeper):
        platform = keeper.capabilities.platform
        raise Unreadable(f"can't be read: of {platform} hoist reads no schedules and rotas; use a file or a URL")
    return keeper, name


def _written_timetable(found: Timetable) -> bytes:
    told = {
        "time_zone": found.time_zone,
        "hours": {str(day): list(shifts) for day, shifts in sorted(found.hours.items())},
        "dates": {day.isoformat(): list(shifts) for day, shifts in sorted(found.dates.items())},
    }
    return json.dumps(told, ensure_ascii=False).encode()


def _written_duties(found: tuple[Duty, ...]) -> bytes:
    told = [[each.start, each.end, list(each.who), each.rank, each.summary] for each in found]
    return json.dumps(told, ensure_ascii=False).encode()


def _shifts(told: Any) -> tuple[tuple[int, int], ...]:
    return tuple((int(start), int(end)) for start, end in told)
