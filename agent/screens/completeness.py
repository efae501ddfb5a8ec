"""Whether the mirror is complete, what fell due during an outage, and what stands still: for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from agent.status import SourceStatus, Status
from rules.instants import SECOND, written
from rules.phrases import stamp

Line = tuple[str, str, str]
"""A name, what is said of it, and how it looks."""


def lines(each: SourceStatus, zone: ZoneInfo) -> Iterator[Line]:
    """The lines of one source."""
    census, found = each.census, each.outage
    if census is not None:
        another = ", another is under way" if each.counting else ""
        said = f"{census.missed:,} of {census.listed:,}, census of {stamp(census.started_at, zone)}{another}"
        yield "  missed", said, ""
        yield "  lost", f"{census.lost:,}", ""
    else:
        yield "  missed", f"not known: {'the first census has not ended yet' if each.counting else 'there was no census yet'}", ""
    if each.row.clock_ahead is not None:
        yield "  clock", _clock(each.row.clock_ahead), ""
    if found is not None:
        ended = stamp(found.outage.ended, zone)
        yield "  outage", f"until {ended}: {found.due:,} fell due meanwhile, {found.left:,} of them left to you", ""
        for row in found.listed:
            yield "  BACKLOG", row, "yellow"
        if found.left > len(found.listed):
            yield "  BACKLOG", f"and {found.left - len(found.listed):,} more", "yellow"


def _clock(ahead: int) -> str:
    seconds = round(abs(ahead) / SECOND)
    if seconds <= 1:
        return "as this machine's, within a second"
    return f"{seconds:,} seconds {'ahead of' if ahead > 0 else 'behind'} this machine's"


def source_data(each: SourceStatus) -> dict[str, Any]:
    """The same of one source as plain data."""
    census, found = each.census, each.outage
    return {
        "census": {
            "at": written(census.started_at),
            "listed": census.listed,
            "missed": census.missed,
            "returned": census.returned,
            "gone": census.gone,
            "lost": census.lost,
        }
        if census is not None
        else None,
        "census_under_way": each.counting,
        "clock_ahead_seconds": each.row.clock_ahead / SECOND if each.row.clock_ahead is not None else None,
        "outage": {
            "began": written(found.outage.began),
            "ended": written(found.outage.ended),
            "restored": found.outage.restored,
            "fell_due": found.due,
            "left": found.left,
            "listed": list(found.listed),
        }
        if found is not None
        else None,
    }


def status_data(found: Status) -> dict[str, Any]:
    """The same of all of hoist as plain data."""
    return {"stalled": list(found.stalled), "alive_at": written(found.alive_at) if found.alive_at is not None else None}
