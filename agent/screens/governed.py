"""Which rules are in force and by which plan, in `hoist status`: for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from agent.in_force.governed import Governed
from agent.screens.completeness import Line
from agent.store.plans import PlanRow
from rules.instants import written
from rules.phrases import stamp


def lines(found: Governed, zone: ZoneInfo) -> Iterator[Line]:
    """Title, text and style; none where no rules are in force yet."""
    if not found.version:
        return
    plan, version = found.plan, found.version[:12]
    if plan is None:
        yield "  in force", f"{version}, by the files of the protocol", ""
    else:
        since = f" since {stamp(plan.at, zone)}" if plan.at != plan.applied_at else ""
        yield "  in force", f"{version}, by {plan.name}{since}, {_applied(plan, zone)}", ""
    if found.behind:
        yield "  not yet at", f"{', '.join(found.behind)}: hoist run takes it over within seconds, or when it runs again", ""
    for row in found.waiting:
        said = f"{row.name} comes into force at {stamp(row.at, zone)}, {_applied(row, zone)}"
        if row.base == found.version:
            yield "  waits", f"{said}; until then hoist apply {row.name} --withdraw", ""
        else:
            yield "  WAITS IN VAIN", f"{said}: other rules are in force than those that it changes; plan anew", "yellow"
    if found.refused is not None:
        yield "  REFUSED", f"{found.refused.name}, {_applied(found.refused, zone)}: {found.refused.problem}", "red"


def _applied(row: PlanRow, zone: ZoneInfo) -> str:
    return f"applied {stamp(row.applied_at, zone)} by {row.by}" + (f": {row.why}" if row.why else "")


def data(found: Governed) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "version": found.version or None,
        "plan": None if found.plan is None else _data(found.plan),
        "not_taken_over_yet": list(found.behind),
        "waiting": [_data(row) for row in found.waiting],
        "refused": None if found.refused is None else _data(found.refused) | {"problem": found.refused.problem},
    }


def _data(row: PlanRow) -> dict[str, Any]:
    times = {"in_force_from": written(row.at), "applied_at": written(row.applied_at)}
    return {"plan": row.name, "hash": row.plan, "version": row.version, **times, "by": row.by, "why": row.why}
