"""Pauses, held runs and tickets left alone, in `hoist status`: for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.guarded import Guarded
from agent.screens.completeness import Line
from agent.store.runs import Scope
from rules.instants import written


def lines(found: Guarded) -> Iterator[Line]:
    """The lines of one source."""
    for said in found.pauses:
        yield "  PAUSED", said, "yellow"
    for run, number in found.runs:
        of = {Scope.RULE: f"of {run.name}", Scope.SOURCE: "of all rules", Scope.TICKET: f"of ticket {run.name}"}[run.scope]
        fault = f"; nothing of it goes on, since {run.fault}" if run.fault else ""
        yield "  HELD", f"run {run.id}, {number:,} {of}: {run.why}{fault}: hoist changes show {run.id}", "yellow"
    for said in found.orders:
        yield "  ORDER", said, "yellow"
    for said in found.snoozed:
        yield "  snoozed", said, ""


def data(found: Guarded) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "pauses": list(found.pauses),
        "orders": list(found.orders),
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
        "snoozed": list(found.snoozed),
    }
