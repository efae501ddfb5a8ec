"""task_sla rows as a ticket's targets. Pure.

Percentages and `has_breached` are refreshed by jobs, by the minute near the end of a target and by the day before, so nothing is
concluded from them: what counts is `planned_end_time`, the instant at which the target is missed unless something happens. It has
no meaning while the clock is paused, which it is if `pause_time` is set: such a target has no instant.
https://support.servicenow.com/kb?id=kb_article_view&sysparm_article=KB0550783
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

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


@dataclass(frozen=True, slots=True)
class Moved:
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
    found = [row for row in rows if wire.text(row, "stage") != "cancelled" and wire.label(row, "sla")]
    for row in sorted(found, key=lambda each: (wire.text(each, "start_time"), wire.text(each, "sys_id"))):
        name = f"{TARGET}{wire.label(row, 'sla')}"
        start, due = wire.stamp_or_none(wire.text(row, "start_time")), _due(row)
        present |= {name: due, f"{name}.start": start if wire.text(row, "stage") in _RUNNING else None}
        moved += _moves(row, name, start)
    return present, sorted(moved, key=lambda each: each.at)


def _due(row: Row) -> Value:
    if wire.text(row, "stage") not in _RUNNING or wire.text(row, "pause_time"):
        return None
    return wire.stamp_or_none(wire.text(row, "planned_end_time"))


def _moves(row: Row, name: str, start: Instant | None) -> list[Moved]:
    """When the clock began and ended. A target that was paused has moved since, and where it stood before is not known."""
    if start is None:
        return []
    planned = wire.stamp_or_none(wire.text(row, "planned_end_time"))
    paused_before = wire.text(row, "pause_duration") not in _NO_PAUSE or wire.text(row, "pause_time") != ""
    due: Value = UNKNOWN if paused_before or planned is None else planned
    found = [Moved(start, name, None, due), Moved(start, f"{name}.start", None, start)]
    end = wire.stamp_or_none(wire.text(row, "end_time") or wire.text(row, "pause_time"))
    if end is not None and wire.text(row, "stage") not in _RUNNING:
        found += [Moved(end, name, due, None), Moved(end, f"{name}.start", start, None)]
    elif wire.text(row, "pause_time") and end is not None:
        found.append(Moved(end, name, due, None))
    return found
