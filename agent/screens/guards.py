"""Pauses, held runs and tickets left alone, in `hoist status`: for people and for machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from agent.guards.guarded import Guarded
from agent.guards.pauses import said
from agent.screens.completeness import Line
from agent.store.orders import OrderRow
from agent.store.runs import Scope
from agent.store.snoozes import Snooze
from rules.instants import Instant, written
from rules.phrases import stamp

When = Callable[[Instant], str]


def lines(found: Guarded, zone: ZoneInfo) -> Iterator[Line]:
    """The lines of one source, times in a zone."""

    def when(at: Instant) -> str:
        return stamp(at, zone)

    for pause in found.pauses:
        yield "  PAUSED", said(pause, when), "yellow"
    for run, number in found.runs:
        of = {Scope.RULE: f"of {run.name}", Scope.SOURCE: "of all rules", Scope.TICKET: f"of ticket {run.name}"}[run.scope]
        fault = f"; nothing of it goes on, since {run.fault}" if run.fault else ""
        yield "  HELD", f"run {run.id}, {number:,} {of}: {run.why}{fault}: hoist changes show {run.id}", "yellow"
    for key, order in found.orders:
        yield "  ORDER", _ordered(key, order, when), "yellow"
    for key, snooze in found.snoozed:
        yield "  snoozed", _snoozed(key, snooze, when), ""


def data(found: Guarded) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "pauses": [said(pause) for pause in found.pauses],
        "orders": [_ordered(key, order, written) for key, order in found.orders],
        "held_runs": [
            {
                "run": run.id,
                "of": run.scope.value,
                "name": run.name,
                "held": number,
                "since": written(run.since),
                "why": run.why,
                "fault": run.fault or None,
            }
            for run, number in found.runs
        ],
        "snoozed": [_snoozed(key, snooze, written) for key, snooze in found.snoozed],
    }


def _ordered(key: str, order: OrderRow, when: When) -> str:
    more = f": {order.problem}" if order.problem else ""
    what = f"{order.kind} of {key} by {order.by} at {when(order.ordered_at)} ({order.why})"
    return f"{what} {'is under way' if order.open else 'failed'}{more}"


def _snoozed(key: str, snooze: Snooze, when: When) -> str:
    return f"{key} until {when(snooze.until)} ({snooze.by}: {snooze.why})"
