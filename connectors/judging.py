"""What a platform's own record of a ticket says about an edit that was sent. Pure, and the same for all that keep one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.contract import Overwritten, Verification
from rules.escalation import Operation
from rules.instants import SECOND
from rules.ticket import UNKNOWN, Change, Kind, Ticket, Value

Called = Callable[[str, Value], str]
"""What people call a value of a field."""


def as_it_is(_: str, value: Value) -> str:
    """A value as the platform writes it, where that is what people call it."""
    return "nothing" if value is None else "unknown" if value is UNKNOWN else str(value)


def judge_edit(
    operation: Operation, ticket: Ticket, *, marked: bool, platform: str, unmarked: str, called: Called = as_it_is
) -> Verification:
    """What the history says about an edit.

    The old value that the platform recorded for each field must be the one that was read; another one was a person's,
    overwritten. An edit that changed nothing (the values were there already) leaves the marker and no save. `unmarked` is what to
    look at where the save is there and the marker is not.
    """
    save = _own_save(operation, ticket)
    moved = {change.field: change for change in save}
    complete = bool(save) and all(change.field in moved for change in operation.changes)
    if not marked and not (complete and operation.planned_at):
        return Verification(found=False)
    overwritten = [
        Overwritten(change.field, _text(moved[change.field].old), _text(change.new))
        for change in operation.changes
        if change.field in moved and change.old is not UNKNOWN and moved[change.field].old not in {change.old, UNKNOWN}
    ]
    problems = [
        f"{ticket.ref}: {change.field} is {called(change.field, ticket.fields.get(change.field))} and not "
        f"{called(change.field, change.new)}, although {platform} took the change; look for a workflow, an automation or a field "
        f"configuration that sets it"
        for change in operation.changes
        if ticket.fields.get(change.field) != change.new and not _changed_since(ticket, change.field, save)
    ]
    problems += _labels_that_did_not_hold(operation, ticket, save, platform)
    if not marked:
        problems.append(f"{ticket.ref}: the change is in the record without hoist's marker; {unmarked}")
    at, native_id = (save[0].at, save[0].save) if save else (None, "")
    return Verification(found=True, at=at, overwritten=tuple(overwritten), problems=tuple(problems), native_id=native_id)


def _labels_that_did_not_hold(operation: Operation, ticket: Ticket, save: Sequence[Change], platform: str) -> list[str]:
    if _changed_since(ticket, "labels", save):
        return []
    present = _labels_of(ticket.fields.get("labels"))
    return [
        f"{ticket.ref}: the label {label} is still there, although {platform} took the change; look for an automation that "
        f"sets it"
        for label in operation.remove_labels
        if label in present
    ]


def _own_save(operation: Operation, ticket: Ticket) -> Sequence[Change]:
    """The newest save of hoist's account, not older than the plan, that set one of the operation's values; else of its labels.

    Where labels are records of their own, they are put on in a save of their own, which tells nothing about the values.
    """
    wanted = {(change.field, change.new) for change in operation.changes}
    earliest = operation.planned_at - SECOND
    labelled: Sequence[Change] = ()
    for change in reversed(ticket.changes):
        if change.at < earliest:
            break
        if change.by.kind is not Kind.OWN_ACCOUNT:
            continue
        if (change.field, change.new) in wanted:
            return [each for each in ticket.changes if each.save == change.save]
        if not labelled and _moves_labels(operation, change):
            labelled = [each for each in ticket.changes if each.save == change.save]
    return labelled


def _moves_labels(operation: Operation, change: Change) -> bool:
    """Whether a change put the operation's labels on, and took off those that it was to take off."""
    on, off = set(operation.add_labels), set(operation.remove_labels)
    if change.field != "labels" or not (on or off):
        return False
    before, after = _labels_of(change.old), _labels_of(change.new)
    return on <= after and not off & after and (bool(on) or bool(off & before))


def _labels_of(value: Value) -> set[str]:
    """The labels that a field's value names."""
    return set(value) if isinstance(value, tuple) else set()


def _changed_since(ticket: Ticket, field: str, save: Sequence[Change]) -> bool:
    last = (save[0].at, save[0].sequence) if save else (0, 0)
    return any(change.field == field and (change.at, change.sequence) > last for change in ticket.changes)


def _text(value: Value) -> str | None:
    return None if value is None or value is UNKNOWN else str(value)
