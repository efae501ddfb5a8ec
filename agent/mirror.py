"""The mirror stage: a ticket just read is laid over the one that was known, without forgetting what was ever seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from rules.escalation import Operation
from rules.instants import SECOND, Instant
from rules.ticket import BY_ORDER, UNKNOWN, Actor, Change, Kind, Message, Ticket, Value

CLOCK_TOLERANCE = 5 * SECOND
"""How far outside hoist's own note of sending a change may be stamped and still be hoist's (Date headers are whole seconds)."""

_SEEN: Final = "seen at "
"""How the save of a change is named that no source recorded."""


class Sent(NamedTuple):
    """An operation that left or may have left, committed as sent at `since`; after `until` it could no longer take effect."""

    operation: Operation
    since: Instant
    until: Instant

    def covers(self, at: Instant) -> bool:
        """Whether a change of that instant may be its effect."""
        return self.since - CLOCK_TOLERANCE <= at <= self.until + CLOCK_TOLERANCE


def reconciled(read: Ticket, before: Ticket | None, sent: Sequence[Sent], *, continued: bool = False) -> Ticket | None:
    """The ticket to keep: `read`, with `known` of what was seen earlier, and the acts of hoist's account told apart.

    `continued`: the read tells what came after its `complete_from`, and what was known before is as complete as it was.
    None where `before` stems from a later read: that answer was overtaken and is dropped.
    """
    if before is not None and _overtaken(read, before):
        return None
    if continued and before is not None:
        read = replace(read, fields={**before.fields, **read.fields}, complete_from=before.complete_from)
    kept = read if before is None else _with_the_past(read, before)
    return _with_own_acts(with_what_was_seen(_in_sight_again(kept, before), before), sent)


def _in_sight_again(read: Ticket, before: Ticket | None) -> Ticket:
    """A ticket that was gone and is back has a new life, in which what began in the former one is old."""
    if before is None or read.gone is not None:
        return read
    returned = before.returned if before.gone is None else read.known
    return read if returned is None else replace(read, returned=returned)


def _overtaken(read: Ticket, before: Ticket) -> bool:
    """Two reads of one second bear the same stamp: the later one is then the one that has seen more."""
    if before.known != read.known:
        return before.known > read.known
    shown = {(c.save, c.field) for c in read.changes} | {(m.id, "") for m in read.messages}
    return any((c.save, c.field) not in shown for c in before.changes if _fresh(c, before)) or any(
        (m.id, "") not in shown for m in before.messages if _fresh(m, before)
    )


def _fresh(act: Change | Message, before: Ticket) -> bool:
    """That read was the first to bring it: what was missing from it already is no sign of a later read."""
    return act.known == before.known and not (isinstance(act, Change) and was_inferred(act))


def _with_the_past(read: Ticket, before: Ticket) -> Ticket:
    """What was seen is never unseen: changes and messages that the source no longer shows stay, with their first `known`."""
    seen = {(c.save, c.field): c for c in before.changes if not was_inferred(c)}
    changes = [c if (old := seen.pop((c.save, c.field), None)) is None else _first_known(c, old) for c in read.changes]
    heard = {m.id: m for m in before.messages}
    messages = [m if (first := heard.pop(m.id, None)) is None else replace(m, known=first.known) for m in read.messages]
    changes = sorted([*changes, *seen.values()], key=lambda c: (c.at, c.sequence))
    if heard:
        messages = sorted([*messages, *heard.values()], key=lambda m: m.at)
    complete_from = _complete_from(read, before)
    return replace(read, changes=tuple(changes), messages=tuple(messages), complete_from=complete_from)


def _complete_from(read: Ticket, before: Ticket) -> Instant | None:
    """A platform that has cut its history since takes nothing away from what is known, if the two readings overlap."""
    now, then = read.complete_from or read.created, before.complete_from or before.created
    return before.complete_from if then < now <= before.known else read.complete_from


def _first_known(change: Change, before: Change) -> Change:
    """Its place among changes of one instant is the one it was first seen at, too: a source may number them anew each time."""
    if (change.known, change.sequence) == (before.known, before.sequence):
        return change
    return replace(change, known=before.known, sequence=before.sequence)


def with_what_was_seen(read: Ticket, before: Ticket | None) -> Ticket:
    """The ticket with a change for each value that its history does not explain: it changed when it was first seen.

    Such a change keeps its date from read to read, so that what grew from it does not begin anew each time; it gives way as soon
    as the source's own history explains the value.
    """
    latest = {change.field: change.new for change in read.changes}
    if before is None and latest.items() <= read.fields.items():
        return read  # most tickets of a first mirror
    inferred = [
        change
        for field, value in read.fields.items()
        # a field that never changed, of a ticket that was never seen, has nothing to explain
        if value is not UNKNOWN and (latest[field] != value if field in latest else before is not None)
        for change in _seen(field, value, read, before, recorded=field in latest)
    ]
    if not inferred:
        return read
    return replace(read, changes=tuple(sorted([*read.changes, *inferred], key=lambda c: (c.at, c.sequence))))


def _seen(field: str, value: Value, read: Ticket, before: Ticket | None, *, recorded: bool) -> list[Change]:
    """The changes of a field that were inferred from what reads showed, this one included."""
    earlier = [] if before is None else [c for c in before.changes if c.field == field and was_inferred(c)]
    old = UNKNOWN if before is None else before.fields.get(field, UNKNOWN)
    if (earlier and earlier[-1].new == value) or (not recorded and old in {value, UNKNOWN}):
        return earlier
    save = f"{_SEEN}{read.known}"
    return [*earlier, Change(read.known, read.known, 0, save, field, old, value, Actor("", Kind.AUTOMATION))]


def was_inferred(change: Change) -> bool:
    """Whether the change stands for a value that hoist saw, and that the source's own history does not explain."""
    return change.save.startswith(_SEEN)


def _with_own_acts(ticket: Ticket, sent: Sequence[Sent]) -> Ticket:
    own = Kind.OWN_ACCOUNT
    kinds = [each.by.kind for acts in (ticket.changes, ticket.messages) for each in acts]
    if own not in kinds:
        return ticket
    if any(c.by.kind is own for c in ticket.changes):
        changes = tuple(_told_apart(c, sent) if c.by.kind is own else c for c in ticket.changes)
        ticket = replace(ticket, changes=changes)
    if any(m.by.kind is own for m in ticket.messages):
        messages = tuple(_own_message(m) if m.by.kind is own else m for m in ticket.messages)
        ticket = replace(ticket, messages=messages)
    return ticket


def _told_apart(change: Change, sent: Sequence[Sent]) -> Change:
    """hoist's change only if field and value are those that an operation meant to write; else the platform's automation."""
    meant = [each for each in sent if each.covers(change.at) and _meant(change, each.operation)]
    if not meant:
        return replace(change, by=Actor(change.by.id, Kind.AUTOMATION))
    operation = max(meant, key=lambda each: each.since).operation
    if operation.ordered_by:  # somebody had it undone: that is their change, and the field theirs
        return replace(change, by=Actor(f"{BY_ORDER}{operation.ordered_by}", Kind.STAFF))
    return replace(change, by=Actor(change.by.id, Kind.HOIST))


def _meant(change: Change, operation: Operation) -> bool:
    if change.field == "labels" and (operation.add_labels or operation.remove_labels):
        before = set(change.old if isinstance(change.old, tuple) else ())
        after = set(change.new if isinstance(change.new, tuple) else ())
        return after - before <= set(operation.add_labels) and before - after <= set(operation.remove_labels)
    return any(wanted.field == change.field and wanted.new == change.new for wanted in operation.changes)


def _own_message(message: Message) -> Message:
    return replace(message, by=Actor(message.by.id, Kind.HOIST))
