"""Operations as updates of a row, and the instance's own record of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from connectors.contract import Verification
from connectors.errors import Conflict, GiveUp, Unsupported
from connectors.judging import Called
from connectors.servicenow import wire
from connectors.servicenow.history import JOURNALS
from connectors.servicenow.mapping import row_version
from connectors.servicenow.marking import note_of, operation_of
from connectors.servicenow.priorities import Lookup, Pair
from connectors.servicenow.wire import Row
from rules.escalation import FieldChange, Operation
from rules.ticket import NATIVE, UNKNOWN, TicketRef, Value

_COLUMNS: Mapping[str, str] = {"team": "assignment_group", "assignee": "assigned_to", "priority": "priority"}
_LOOKED_UP = frozenset({"incident", "problem"})
"""Tables whose priority the base system computes."""
_UNFIT = frozenset("^,\n")


def guard(operation: Operation, row: Row, called: Called) -> None:
    """Refuse an update of a row that is no longer what was read. Raises Conflict.

    The platform takes no condition with an update, so this looks a moment before it; what changes in that moment is found in the
    audit afterwards.
    """
    if operation.base and operation.base != row_version(row):
        raise Conflict(
            f"{operation.ticket}: it was changed after hoist had read it (update {wire.text(row, 'sys_mod_count')}, by "
            f"{wire.text(row, 'sys_updated_by') or 'somebody'}); hoist reads it afresh"
        )
    for change in operation.changes:
        now = wire.text(row, column_of(operation.ticket, change.field)) or None
        if change.old is not UNKNOWN and now not in {change.old, change.new}:
            raise Conflict(
                f"{operation.ticket}: {change.field} is {called(change.field, now)} and not "
                f"{called(change.field, change.old)}, as it was read; hoist reads it afresh"
            )


class Priorities(Protocol):
    """What is known of an instance's priorities: their names by value, how it computes them, and what its values are called."""

    def priorities(self) -> Mapping[str, str]: ...

    def lookup(self) -> Lookup: ...

    def called(self, field: str, value: Value) -> str: ...


def update_of(operation: Operation, row: Row, known: Priorities) -> dict[str, str]:
    """The columns that an update sets, with the note that bears the marker. Empty values clear a column.

    Raises GiveUp for a priority that the instance has not, Unsupported for a field that can't be written.
    """
    body: dict[str, str] = {}
    for change in operation.changes:
        body[column_of(operation.ticket, change.field)] = "" if change.new is None else str(change.new)
        if change.field == "priority":
            body |= _moves_priority(operation.ticket, change, row, known)
    return body | {"work_notes": note_of(operation)}


def column_of(ticket: TicketRef, field: str) -> str:
    """The column of a field. Raises Unsupported."""
    if (column := _COLUMNS.get(field)) is not None:
        return column
    if field.startswith(NATIVE):
        return field.removeprefix(NATIVE)
    raise Unsupported(f"{ticket}: ServiceNow can't set {field}")


def _moves_priority(ticket: TicketRef, change: FieldChange, row: Row, known: Priorities) -> dict[str, str]:
    """Impact and urgency for a priority that the instance computes from them."""
    wanted, names = str(change.new), known.priorities()
    if change.new is not None and wanted not in names:
        raise GiveUp(f"{ticket}: ServiceNow has no priority {wanted}; it has {', '.join(names.values()) or 'none'}")
    lookup = known.lookup() if wire.text(row, "sys_class_name") in _LOOKED_UP else None
    return {} if lookup is None or not lookup.of else pair_of(ticket, wanted, row, lookup, known.called)


def pair_of(ticket: TicketRef, wanted: str, row: Row, lookup: Lookup, called: Called) -> dict[str, str]:
    """The impact and urgency that give a priority on a row. Raises GiveUp where none do."""
    pair = lookup.pair_for(wanted, Pair(wire.text(row, "impact"), wire.text(row, "urgency")))
    if pair is None:
        raise GiveUp(
            f"{ticket}: no impact and urgency give the priority {called('priority', wanted)}; add a row for it to the "
            f"instance's priority lookup (dl_u_priority)"
        )
    return {"impact": pair.impact, "urgency": pair.urgency}


def checked_labels(ticket: TicketRef, labels: Sequence[str]) -> Sequence[str]:
    """Labels that can be asked for by name, in a query language that knows no way to quote. Raises Unsupported."""
    for label in labels:
        if _UNFIT & set(label) or label.casefold().startswith("javascript:") or not label.strip():
            raise Unsupported(
                f"{ticket}: ServiceNow can't be asked for a tag called {label!r}; name one without commas and carets"
            )
    return labels


def wrote_nothing(operation: Operation, before: Row, after: Row) -> None:
    """Refuse to take an update for made that did not move the row's count of updates. Raises GiveUp.

    The platform drops columns that may not be written in silence, a work note as well, of which the answer shows nothing.
    """
    count = wire.text(after, "sys_mod_count")
    if count and count == wire.text(before, "sys_mod_count"):
        raise GiveUp(
            f"{operation.ticket}: ServiceNow took the update and wrote nothing of it; let hoist's account write work_notes "
            f"and what it is to change"
        )


def did_not_take(body: Mapping[str, str], row: Row) -> list[str]:
    """The columns of an update that the row does not show afterwards: what may not be written is dropped in silence."""
    return [column for column, value in body.items() if column != "work_notes" and wire.text(row, column) != value]


def own_note(journal: Sequence[Row], own: str, marker: str) -> Row | None:
    """The journal entry of hoist's own account that bears an operation's marker."""
    return next(
        (row for row in journal if wire.text(row, "sys_created_by") == own and operation_of(wire.text(row, "value")) == marker),
        None,
    )


def journal_is_hidden(audit: Sequence[Row], journal: Sequence[Row]) -> bool:
    """Whether the audit tells of journal entries and the journal shows none: then its silence proves nothing."""
    return not journal and any(wire.text(row, "fieldname") in JOURNALS for row in audit)


def judge_comment(operation: Operation, note: Row | None) -> Verification:
    """What the journal says about a comment."""
    if note is None:
        return Verification(found=False)
    problem = (
        f"{operation.ticket}: hoist's comment is visible to the requester; delete the journal entry {wire.text(note, 'sys_id')}, "
        f"and look for a business rule that copies work notes into comments"
    )
    problems = (problem,) if wire.text(note, "element") == "comments" else ()
    at = wire.stamp_or_none(wire.text(note, "sys_created_on"))
    return Verification(found=True, at=at, problems=problems, native_id=wire.text(note, "sys_id"))


def labels_that_did_not_hold(operation: Operation, present: Value) -> list[str]:
    """Sentences about labels: tags are rows of their own, which an update of the ticket does not bring."""
    have = set(present) if isinstance(present, tuple) else set()
    return [
        f"{operation.ticket}: the tag {label} is not on the ticket, although its fields were written; check that hoist's "
        f"account may create rows of label_entry"
        for label in operation.add_labels
        if label not in have
    ]
