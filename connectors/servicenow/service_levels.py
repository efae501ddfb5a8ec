"""task_sla rows as a ticket's targets. Pure.

Percentages and `has_breached` are refreshed by jobs, by the minute near the end of a target and by the day before, so nothing is
concluded from them: what counts is `planned_end_time`, the instant at which the target is missed unless something happens. It has
no meaning while the clock is paused, which it is if `pause_time` is set: such a target has no instant.
https://support.servicenow.com/kb?id=kb_article_view&sysparm_article=KB0550783
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from connectors.servicenow import wire
from connectors.servicenow.wire import Row
from rules.instants import Instant
from rules.ticket import TARGET, UNKNOWN, Value

COLUMNS: Final = (
    "sys_id", "task", "sla", "stage", "start_time", "end_time", "planned_end_time", "pause_time", "pause_duration",
    "sys_updated_on",
)  # fmt: skip
_RUNNING: Final = frozenset({"in_progress", "breached", "paused"})
_NO_PAUSE: Final = frozenset({"", "0", "1970-01-01 00:00:00"})


class Moved(NamedTuple):
    """A target that came about or ended."""

    at: Instant
    field: str
    old: Value
    new: Value


def targets(rows: Iterable[Row]) -> tuple[dict[str, Value], list[Moved]]:
    """The present targets by field name, and what is known of their past.

    Of several rows of one definition the one that was started last speaks for the present; cancelled ones never do.
    """
    present: dict[str, Value] = {}
    moved: list[Moved] = []
    found = [(wire.plain(row), name) for row in rows if (name := wire.label(row, "sla"))]
    if len(found) > 1:
        found.sort(key=lambda each: (each[0].get("start_time", ""), each[0].get("sys_id", "")))
    for row, called in found:
        stage = row.get("stage", "")
        if stage == "cancelled":
            continue
        name, start = f"{TARGET}{called}", wire.stamp_or_none(row.get("start_time", ""))
        planned = wire.stamp_or_none(row.get("planned_end_time", ""))
        runs = stage in _RUNNING
        present[name] = planned if runs and not row.get("pause_time") else None
        present[f"{name}.start"] = start if runs else None
        moved += _moves(row, name, start, planned)
    return present, sorted(moved, key=lambda each: each.at)


def _moves(row: Mapping[str, str], name: str, start: Instant | None, planned: Instant | None) -> list[Moved]:
    """When the clock began and ended. A target that was paused has moved since, and where it stood before is not known."""
    if start is None:
        return []
    paused = row.get("pause_time", "")
    due: Value = UNKNOWN if paused or row.get("pause_duration", "") not in _NO_PAUSE or planned is None else planned
    found = [Moved(start, name, None, due), Moved(start, f"{name}.start", None, start)]
    end = wire.stamp_or_none(row.get("end_time") or paused)
    if end is not None and row.get("stage") not in _RUNNING:
        found += [Moved(end, name, due, None), Moved(end, f"{name}.start", start, None)]
    elif paused and end is not None:
        found.append(Moved(end, name, due, None))
    return found
