"""A ticket as a timeline: per field the values that held, and every single step for what is counted.

States see an instant after its last step; events see every step, zero-length ones too. What is not known stands in the columns as
UNKNOWN: before `complete_from`, where a change must have happened that nobody recorded, and where the last recorded change
and the present value disagree, until the read that brought the present value. A silent change is thus dated to when it was
seen, never earlier.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Final, NamedTuple

from rules.instants import FOREVER, Instant
from rules.intervals import Intervals
from rules.ticket import UNKNOWN, Change, Kind, Message, Ticket, Value

_ORDER: Final = attrgetter("at", "sequence")
_AT: Final = attrgetter("at")


class Step(NamedTuple):
    """One recorded change of one field."""

    at: Instant
    old: Value
    new: Value
    kind: Kind


@dataclass(slots=True, eq=False)
class Column:
    """One field through time: `values[i]` holds from `starts[i]` on, neighbours differ, the last one lasts to the end of life.

    `unknown` are the intervals in which the value is not known.
    """

    starts: list[Instant]
    values: list[Value]
    unknown: Intervals

    def value_at(self, at: Instant) -> Value:
        """The value at an instant; UNKNOWN before the first."""
        place = bisect_right(self.starts, at) - 1
        return self.values[place] if place >= 0 else UNKNOWN

    def since(self, at: Instant) -> Instant:
        """From when on the value at this instant has stood."""
        return self.starts[max(0, bisect_right(self.starts, at) - 1)]


@dataclass(slots=True, eq=False)
class Timeline:
    """What rules look at. Read only: lists and mappings are shared, not copied.

    `life` is [created, gone). `touches` and `replies` hold, per kind of actor, the sorted distinct instants of changes and
    messages, and of messages alone; `complete_from` is the instant from which those are complete. `crowded` lists the instants
    with several saves, in order, and the changes of each save.
    """

    created: Instant
    gone: Instant
    complete_from: Instant
    columns: dict[str, Column]
    steps: dict[str, list[Step]]
    messages: list[Message]
    touches: dict[Kind, list[Instant]]
    replies: dict[Kind, list[Instant]]
    crowded: list[tuple[Instant, list[list[Change]]]]
    life: Intervals = field(init=False)
    missing: Column = field(init=False)

    def __post_init__(self) -> None:
        self.life = [self.created, self.gone] if self.created < self.gone else []
        self.missing = Column([self.created], [UNKNOWN], self.life) if self.life else Column([], [], [])

    def column(self, name: str) -> Column:
        """The column of a field; unknown throughout where the ticket does not carry it."""
        return self.columns.get(name, self.missing)


def timeline(ticket: Ticket) -> Timeline:
    """The timeline of a ticket as it was read.

    Stamps before creation count as creation; whatever is stamped at or after the end of life is left out. Changes before
    `complete_from` are kept as touches alone: states and counts before it are not known.
    """
    created = ticket.created
    gone = FOREVER if ticket.gone is None else max(ticket.gone, created)
    complete_from = min(max(created, ticket.complete_from or created), gone)
    changes = [change for change in sorted(ticket.changes, key=_ORDER) if change.at < gone]
    messages = [message for message in sorted(ticket.messages, key=_AT) if message.at < gone]
    complete = [change for change in changes if change.at >= complete_from] if complete_from > created else changes
    steps = _steps(complete, created)
    columns = {}
    if created < gone:
        for name, present in ticket.fields.items():
            if present is not UNKNOWN:
                own = steps.get(name)
                if own is None and complete_from == created:  # most fields of most tickets
                    columns[name] = Column([created], [present], [])
                else:
                    columns[name] = _column(own or [], present, (created, complete_from, gone), ticket.known)
    return Timeline(
        created=created,
        gone=gone,
        complete_from=complete_from,
        columns=columns,
        steps=steps,
        messages=messages,
        touches=_by_kind((*changes, *messages), created),
        replies=_by_kind(messages, created),
        crowded=_crowded(complete, created),
    )


def _steps(changes: list[Change], created: Instant) -> dict[str, list[Step]]:
    steps: dict[str, list[Step]] = {}
    for change in changes:
        step = Step(max(change.at, created), change.old, change.new, change.by.kind)
        steps.setdefault(change.field, []).append(step)
    return steps


def _column(steps: list[Step], present: Value, life: tuple[Instant, Instant, Instant], known: Instant) -> Column:
    created, complete_from, gone = life
    column = Column([complete_from], [steps[0].old if steps else present], [])
    value, since = column.values[0], complete_from
    for step in steps:
        if step.old != value:
            _put(column, since, UNKNOWN)
        _put(column, step.at, step.new)
        value, since = step.new, step.at
    if steps and value != present:
        _put(column, since, UNKNOWN)
        if known < gone:
            _put(column, max(known, since), present)
    if complete_from > created:
        _hide_the_past(column, created, gone)
    if UNKNOWN in column.values:
        ends = [*column.starts[1:], gone]
        for start, end, held in zip(column.starts, ends, column.values, strict=True):
            if held is UNKNOWN:
                column.unknown += (start, end)
    return column


def _put(column: Column, at: Instant, value: Value) -> None:
    """Let a value hold from `at` on, the last start of the column or later; a value that stood already goes on."""
    if column.starts[-1] == at:
        column.starts.pop()
        column.values.pop()
    if not column.values or column.values[-1] != value:
        column.starts.append(at)
        column.values.append(value)


def _hide_the_past(column: Column, created: Instant, gone: Instant) -> None:
    if column.starts[0] >= gone:
        column.starts, column.values = [], []
    if column.values and column.values[0] is UNKNOWN:
        column.starts[0] = created
    else:
        column.starts.insert(0, created)
        column.values.insert(0, UNKNOWN)


def _by_kind(acts: Iterable[Change | Message], created: Instant) -> dict[Kind, list[Instant]]:
    found: dict[Kind, set[Instant]] = {}
    for act in acts:
        found.setdefault(act.by.kind, set()).add(max(act.at, created))
    return {kind: sorted(instants) for kind, instants in found.items()}


def _crowded(changes: list[Change], created: Instant) -> list[tuple[Instant, list[list[Change]]]]:
    """Creation is left out: whatever starts there starts with the ticket."""
    if not any(a.at == b.at and a.save != b.save for a, b in pairwise(changes)):
        return []
    found = []
    for at, of_instant in groupby(changes, key=_AT):
        saves = [list(save) for _, save in groupby(of_instant, key=attrgetter("save"))]
        if len(saves) > 1 and at > created:
            found.append((at, saves))
    return found
