"""When a ticket came to another team: what a team's own clock begins anew from."""

from __future__ import annotations

from rules.instants import Instant
from rules.intervals import Intervals
from rules.ticket import UNKNOWN, Unknown, Value
from rules.timeline import Timeline


def hand_overs(timeline: Timeline) -> tuple[list[Instant], Intervals]:
    """The instants at which another team got the ticket, and the stretches in which one may have (of no length: an instant).

    Whoever handed it over; the first team that gets a ticket of nobody counts, and the same team again after nobody does not.
    """
    column, steps = timeline.columns["team"], timeline.steps.get("team", ())
    if not steps and not column.unknown:  # most tickets
        return [], []
    value: Value = steps[0].old if steps else None
    holder = _holder(value, None)
    if holder is None and timeline.complete_from > timeline.created:
        holder = UNKNOWN
    sure: list[Instant] = []
    unsure: list[Instant] = []
    for step in steps:
        if step.old != value:
            holder = UNKNOWN if step.old is None else _holder(step.old, holder)
        value = step.new
        if value is None or value is UNKNOWN:
            holder = UNKNOWN if value is UNKNOWN else holder
            continue
        if holder is UNKNOWN:
            unsure.append(step.at)
        elif holder != value:
            sure.append(step.at)
        holder = _holder(value, holder)
    if not unsure and not column.unknown:
        return sure, []
    pairs = [*zip(column.unknown[::2], column.unknown[1::2], strict=True), *((at, at) for at in unsure)]
    return sure, [edge for pair in sorted(pairs) for edge in pair]


def _holder(value: Value, before: str | Unknown | None) -> str | Unknown | None:
    """Nobody is no holder: who had it last still counts as such."""
    return before if value is None else value if value is UNKNOWN else str(value)
