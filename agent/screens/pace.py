"""How fast a source is asked, what closes it, and when what waits will be written: for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from agent.budget import BudgetStatus
from rules.instants import written
from rules.phrases import stamp

Line = tuple[str, str, str]
"""A name, what is said of it, and how it looks."""


def lines(budget: BudgetStatus | None, zone: ZoneInfo) -> Iterator[Line]:
    """The lines of one source."""
    if budget is None:
        return
    yield "  pace", _pace(budget, zone), ""
    if budget.closed_until is not None:
        yield "  CLOSED", f"until {stamp(budget.closed_until, zone)}: {budget.said}", "yellow"
    if budget.last_at is not None:
        each = f"{budget.requests:.1f} requests each"
        yield "  waiting", f"{budget.waiting:,} to be written, the last one by {stamp(budget.last_at, zone)} ({each})", ""


def _pace(budget: BudgetStatus, zone: ZoneInfo) -> str:
    said = f"up to {budget.full:g} requests a second"
    if budget.rate < 0.995 * budget.full:
        said += f"; {budget.rate:.3g} just now, since the source found that too fast"
    if budget.spared_until is not None:
        said += f"; no backfill until {stamp(budget.spared_until, zone)}, since the source's quota is nearly used up"
    return said


def data(budget: BudgetStatus | None) -> dict[str, Any]:
    """The same as plain data; instants as text, rates in requests per second."""
    if budget is None:
        return {"budget": None}
    return {
        "budget": {
            "requests_per_second": budget.full,
            "just_now": round(budget.rate, 3),
            "closed_until": _instant(budget.closed_until),
            "closed_because": budget.said or None,
            "no_backfill_until": _instant(budget.spared_until),
            "waiting": budget.waiting,
            "requests_each": round(budget.requests, 2),
            "last_written_by": _instant(budget.last_at),
        }
    }


def _instant(at: int | None) -> str | None:
    return None if at is None else written(at)
