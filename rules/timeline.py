"""A ticket as a timeline: per field the values that held, and every single step for what is counted.

States see an instant after its last step; events see every step, zero-length ones too. What is not known stands in the columns as
UNKNOWN: before `complete_from`, where a change must have happened that nobody recorded, and where the last recorded change
and the present value disagree, until the read that brought the present value. A silent change is thus dated to when it was
seen, never earlier.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Final

from rules.instants import FOREVER, Instant
from rules.intervals import Intervals
from rules.ticket import UNKNOWN, Change, Kind, Message, Ticket, Value

_ORDER: Final = attrgetter("at", "sequence")
_AT: Final = attrgetter("at")

Act = tuple[Instant, int, str, str]
"""Somebody did something: when, the place among the changes of that instant (messages come last), who, the save."""

_LAST: Final = 1 << 60


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


class Columns(dict[str, Column]):
    """A ticket's columns by field, each made when it is first asked for: rules look at few of the fields.

    A field that the ticket does not carry is unknown throughout.
    """

    __slots__ = ("_fields", "_known", "_life", "_steps")

    def __init__(
        self,
        fields: Mapping[str, Value],
        steps: Mapping[str, list[Change]],
        life: tuple[Instant, Instant, Instant],
        known: Instant,
    ) -> None:
        """`life`: created, complete from, gone; `known`: when the ticket was read."""
        super().__init__()
        self._fields, self._steps, self._life, self._known = fields, steps, life, known

    def __missing__(self, name: str) -> Column:
        created, complete_from, gone = self._life
        present, steps = self._fields.get(name, UNKNOWN), self._steps.get(name)
        if created >= gone:
            column = Column([], [], [])
        elif present is UNKNOWN:
            column = Column([created], [UNKNOWN], [created, gone])
        elif steps is None and complete_from == created:  # most fields of most tickets
            column = Column([created], [present], [])
        else:
            column = _column(steps or [], present, self._life, self._known)
        self[name] = column
        return column


class Timeline:
    """What rules look at. Read only: lists and mappings are shared, not copied.

    `life` is [created, gone); what is known of it is complete from `complete_from` on. `messages` are in order, `steps` (the
    changes since then) too, by field. `known` is when the ticket was read.
    """

    __slots__ = (
        "_acts",
        "_changes",
        "_complete",
        "_crowded",
        "_replies",
        "_touches",
        "columns",
        "complete_from",
        "created",
        "gone",
        "known",
        "life",
        "messages",
        "steps",
    )

    def __init__(self, ticket: Ticket) -> None:
        created = ticket.created
        gone = FOREVER if ticket.gone is None else max(ticket.gone, created)
        complete_from = min(max(created, ticket.complete_from or created), gone)
        changes = sorted(ticket.changes, key=_ORDER)
        messages = sorted(ticket.messages, key=_AT)
        if ticket.gone is not None:
            changes = [change for change in changes if change.at < gone]
            messages = [message for message in messages if message.at < gone]
        if changes and changes[0].at < created:
            changes = [change if change.at >= created else _stamped(change, created) for change in changes]
        complete = [change for change in changes if change.at >= complete_from] if complete_from > created else changes
        self.created, self.gone, self.complete_from, self.known = created, gone, complete_from, ticket.known
        self.life: Intervals = [created, gone] if created < gone else []
        self.messages: list[Message] = messages
        self.steps: dict[str, list[Change]] = {}
        for change in complete:
            self.steps.setdefault(change.field, []).append(change)
        self.columns = Columns(ticket.fields, self.steps, (created, complete_from, gone), ticket.known)
        self._changes, self._complete = changes, complete
        self._touches: dict[tuple[Kind, ...], list[Instant]] = {}
        self._replies: dict[tuple[Kind, ...], list[Instant]] = {}
        self._crowded: list[tuple[Instant, list[list[Change]]]] | None = None
        self._acts: list[Act] | None = None

    def column(self, name: str) -> Column:
        """The column of a field; unknown throughout where the ticket does not carry it."""
        return self.columns[name]

    def touches(self, *kinds: Kind) -> list[Instant]:
        """The sorted distinct instants at which actors of these kinds changed something or wrote."""
        found = self._touches.get(kinds)
        if found is None:
            acts = {change.at for change in self._changes if change.by.kind in kinds}
            acts.update(self.replies(*kinds))
            found = self._touches[kinds] = sorted(acts)
        return found

    def replies(self, *kinds: Kind) -> list[Instant]:
        """The sorted distinct instants at which actors of these kinds wrote."""
        found = self._replies.get(kinds)
        if found is None:
            created = self.created
            found = self._replies[kinds] = sorted({max(m.at, created) for m in self.messages if m.by.kind in kinds})
        return found

    @property
    def staff_acts(self) -> list[Act]:
        """What the staff did since the history is complete, and all that it wrote, in order."""
        if self._acts is None:
            staff, created = Kind.STAFF, self.created
            acts = [(each.at, each.sequence, each.by.id, each.save) for each in self._complete if each.by.kind is staff]
            said = [(max(each.at, created), _LAST, each.by.id, "") for each in self.messages if each.by.kind is staff]
            self._acts = sorted(acts + said) if said else acts
        return self._acts

    @property
    def changes(self) -> list[Change]:
        """The changes since the history is complete, in order."""
        return self._complete

    @property
    def crowded(self) -> list[tuple[Instant, list[list[Change]]]]:
        """The instants with several saves, in order, and the changes of each save."""
        if self._crowded is None:
            self._crowded = _crowded(self._complete, self.created)
        return self._crowded


def timeline(ticket: Ticket) -> Timeline:
    """The timeline of a ticket as it was read.

    Stamps before creation count as creation; whatever is stamped at or after the end of life is left out. Changes before
    `complete_from` are kept as touches alone: states and counts before it are not known.
    """
    return Timeline(ticket)


def _stamped(change: Change, at: Instant) -> Change:
    return Change(at, change.known, change.sequence, change.save, change.field, change.old, change.new, change.by)


def _column(steps: list[Change], present: Value, life: tuple[Instant, Instant, Instant], known: Instant) -> Column:
    created, complete_from, gone = life
    value, since = (steps[0].old if steps else present), complete_from
    starts, values = [since], [value]
    column = Column(starts, values, [])
    whole = value is not UNKNOWN and complete_from == created
    for step in steps:
        if step.old != value:
            _put(column, since, UNKNOWN)
            whole = False
        value, at = step.new, step.at
        whole = whole and value is not UNKNOWN
        if at > since and value != values[-1]:  # what `_put` would come to: nearly every step of nearly every ticket
            starts.append(at)
            values.append(value)
        else:
            _put(column, at, value)
        since = at
    if steps and value != present:
        _put(column, since, UNKNOWN)
        whole = False
        if known < gone:
            _put(column, max(known, since), present)
    if complete_from > created:
        _hide_the_past(column, created, gone)
    if not whole and UNKNOWN in column.values:
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
