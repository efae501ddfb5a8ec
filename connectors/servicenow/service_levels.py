"""task_sla rows as a ticket's targets. Pure.

Percentages and `has_breached` are refreshed by jobs, by the minute near the end of a target and by the day before, so nothing is
concluded from them: what counts is `planned_end_time`, the instant at which the target is missed unless something happens. It has
no meaning while the clock is paused, which it is if `pause_time` is set: such a target has no instant.
https://support.servicenow.com/kb?id=kb_article_view&sysparm_article=KB0550783
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
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


_when: Final = attrgetter("at")


def targets(rows: Sequence[Row], created: Instant) -> tuple[dict[str, Value], list[Moved]]:
    """The present targets by field name, and what is known of their past since the ticket was created, with some of them.

    Of several rows of one definition the one that was started last speaks for the present; cancelled ones never do.
    """
    present: dict[str, Value] = {}
    moved: list[Moved] = []
    for row in _in_order(rows):
        called, stage = wire.label(row, "sla"), wire.text(row, "stage")
        if not called or stage == "cancelled":
            continue
        name, start = f"{TARGET}{called}", wire.stamp_or_none(wire.text(row, "start_time"))
        planned = wire.stamp_or_none(wire.text(row, "planned_end_time"))
        runs, paused = stage in _RUNNING, wire.text(row, "pause_time")
        present[name] = planned if runs and not paused else None
        present[f"{name}.start"] = start if runs else None
        if start is not None and (start > created or paused or not runs):
            moved += [each for each in _moves(row, name, start, planned) if each.at > created]
    return present, sorted(moved, key=_when) if len(moved) > 1 else moved


def _in_order(rows: Sequence[Row]) -> Sequence[Row]:
    if len(rows) < 2:
        return rows
    return sorted(rows, key=lambda row: (wire.text(row, "start_time"), wire.text(row, "sys_id")))


def _moves(row: Row, name: str, start: Instant, planned: Instant | None) -> Iterator[Moved]:
    """When the clock began and ended. A target that was paused has moved since, and where it stood before is not known."""
    paused = wire.text(row, "pause_time")
    moved = paused or planned is None or wire.text(row, "pause_duration") not in _NO_PAUSE
    due: Value = UNKNOWN if moved else planned
    yield Moved(start, name, None, due)
    yield Moved(start, f"{name}.start", None, start)
    runs = wire.text(row, "stage") in _RUNNING
    end = wire.stamp_or_none(paused if runs else wire.text(row, "end_time") or paused)
    if end is not None:
        yield Moved(end, name, due, None)
        if not runs:
            yield Moved(end, f"{name}.start", start, None)
