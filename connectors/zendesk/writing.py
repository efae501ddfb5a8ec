"""Operations as updates of a ticket, and the account's own record of them. Pure.

One update carries fields, tags, comment and marker together: Zendesk carries out all of it or nothing, in one audit.
https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#update-ticket
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from connectors import judging
from connectors.contract import Verification
from connectors.errors import Conflict, GiveUp, Gone, Unsupported
from connectors.zendesk import marking
from connectors.zendesk.audits import Audit
from connectors.zendesk.history import tags_of, value_of
from connectors.zendesk.mapping import row_version, stamp_of
from connectors.zendesk.rows import TicketRow
from rules.escalation import FieldChange, Operation, OperationKind
from rules.ticket import UNKNOWN, Ticket, TicketRef, Value

_COLUMNS: Final[Mapping[str, str]] = {"team": "group_id", "assignee": "assignee_id", "priority": "priority"}


class Known(Protocol):
    """What is known of an account: its groups, who can be assigned their tickets, its priorities and custom fields."""

    def group(self, id_: str) -> str | None: ...

    def belongs(self, user: str, group: str) -> bool: ...

    def priorities(self) -> Sequence[str]: ...

    def number_of(self, name: str) -> str: ...


def guard(operation: Operation, row: TicketRow, known: Known) -> None:
    """Refuse an update of a ticket that is no longer what was read, or that nobody can change.

    Zendesk compares the stamp once more, when it carries the update out. Raises Conflict, Gone, GiveUp.
    """
    ticket = operation.ticket
    if row.is_merged:
        raise Gone(f"{ticket}: it was merged into another ticket, where its conversation goes on")
    if row.status == "closed":
        raise GiveUp(f"{ticket}: it is closed, and Zendesk lets nobody change it any more; a follow-up ticket can be made of it")
    if operation.base and stamp_of(operation.base) != row_version(row):
        raise Conflict(f"{ticket}: it was changed at {row.stamp}, after hoist had read it; hoist reads it afresh")
    now = {change.field: present(row, change.field, known) for change in operation.changes}
    for change in operation.changes:
        if change.old is not UNKNOWN and now[change.field] not in (change.old, change.new):
            raise Conflict(
                f"{ticket}: {change.field} is {now[change.field]} and not {change.old}, as it was read; hoist reads it afresh"
            )
    tags = set(row.tags)
    holds = all(now[change.field] == change.new for change in operation.changes)
    holds = holds and tags.issuperset(operation.add_labels) and tags.isdisjoint(operation.remove_labels)
    if holds and operation.comment is None:  # an update that changes nothing would leave no audit, and so no marker
        raise Conflict(f"{ticket}: somebody has done already what was to be written; hoist reads it afresh")


def present(row: TicketRow, field: str, known: Known) -> Value:
    """The value that a row shows of a field."""
    match field:
        case "team":
            return row.group_id
        case "assignee":
            return row.assignee_id
        case "priority":
            return row.priority
    return value_of(row.custom.get(known.number_of(field)))


def update_of(operation: Operation, row: TicketRow, known: Known, *, tags_as_a_whole: bool = False) -> dict[str, Any]:
    """What an update sets, with the stamp that it rests on. `public` is always said: the default mails the requester.

    With `tags_as_a_whole` all tags are sent, for an account that knows no additional ones in an update. Raises GiveUp for what
    the account has not, Unsupported for what can't be written.
    """
    values: dict[str, Any] = {}
    custom: list[dict[str, Any]] = []
    for change in operation.changes:
        if (column := _COLUMNS.get(change.field)) is not None:
            values[column] = _value(operation.ticket, change, known)
        elif (number := known.number_of(change.field)) != "":
            custom.append({"id": int(number), "value": _custom(change.new)})
        else:
            raise Unsupported(
                f"{operation.ticket}: Zendesk can't set {change.field}; name the field under `fields` of the source"
            )
    if custom:
        values["custom_fields"] = custom
    values |= _owner(values, row, known)
    values |= _tags(operation, row, tags_as_a_whole=tags_as_a_whole)
    if operation.comment is not None:
        values["comment"] = {"body": marking.inert(operation.comment), "public": False}
    return values | {"metadata": marking.metadata_of(operation), "safe_update": True, "updated_stamp": row.stamp}


def _value(ticket: TicketRef, change: FieldChange, known: Known) -> int | str | None:
    if change.field == "priority":
        if change.new is None:
            raise GiveUp(f"{ticket}: Zendesk can't take a priority away once a ticket has one; a person has to choose another")
        if change.new not in known.priorities():
            raise GiveUp(f"{ticket}: Zendesk has no priority {change.new} here; it has {', '.join(known.priorities())}")
        return str(change.new)
    if change.new is None:
        return None
    if change.field == "team" and known.group(str(change.new)) is None:
        raise GiveUp(f"{ticket}: Zendesk has no group {change.new}; bind the team to one that it has")
    if not str(change.new).isdecimal():
        raise GiveUp(f"{ticket}: Zendesk has no {change.field} {change.new}; its ids are numbers")
    return int(str(change.new))


def _owner(values: Mapping[str, Any], row: TicketRow, known: Known) -> dict[str, Any]:
    """Group and assignee together, of which Zendesk would choose the missing one by itself.

    An assignee who is no member of the new group can't keep the ticket; nobody new gets it unless that is asked for.
    """
    if "group_id" in values and "assignee_id" not in values:
        stays = row.assignee_id is not None and known.belongs(row.assignee_id, str(values["group_id"]))
        return {"assignee_id": int(row.assignee_id) if stays and row.assignee_id is not None else None}
    if "assignee_id" in values and "group_id" not in values and row.group_id is not None:
        return {"group_id": int(row.group_id)}
    return {}


def _tags(operation: Operation, row: TicketRow, *, tags_as_a_whole: bool) -> dict[str, list[str]]:
    add, off = checked_labels(operation.ticket, operation.add_labels), operation.remove_labels
    if not add and not off:
        return {}
    if tags_as_a_whole:
        return {"tags": sorted((set(row.tags) | set(add)) - set(off))}
    found = {"additional_tags": list(add), "remove_tags": list(off)}
    return {name: tags for name, tags in found.items() if tags}


def checked_labels(ticket: TicketRef, labels: Sequence[str]) -> Sequence[str]:
    """Labels that Zendesk keeps as they are: tags are small letters without spaces and commas. Raises Unsupported."""
    for label in labels:
        if label != label.lower() or not label.strip() or any(each.isspace() or each == "," for each in label):
            raise Unsupported(f"{ticket}: Zendesk would change the tag {label!r}; write it in small letters, with _ for spaces")
    return labels


def _custom(value: Value) -> Any:
    return list(value) if isinstance(value, tuple) else value


def tags_did_not_take(operation: Operation, tags: object) -> bool:
    """Whether the ticket as it is after an update lacks tags that were added, or has those that were taken off."""
    have = set(tags_of(tags))
    return not have.issuperset(operation.add_labels) or not have.isdisjoint(operation.remove_labels)


def judge(operation: Operation, ticket: Ticket, audits: Sequence[Audit], own: str) -> Verification:
    """What a ticket's audits say about an operation: the marker counts in those of hoist's own user alone."""
    made = [audit for audit in audits if audit.author_id == own]
    audit = next((each for each in made if marking.operation_of(each.custom) == operation.marker), None)
    if operation.kind is OperationKind.COMMENT:
        return Verification(found=False) if audit is None else _comment(operation, audit)
    found = judging.judge_edit(
        operation,
        ticket,
        marked=audit is not None,
        platform="Zendesk",
        unmarked="look for an app or a proxy that takes `metadata` out of updates",
    )
    if audit is None or not found.found:
        return found
    labels = ticket.fields.get("labels")
    have = set(labels) if isinstance(labels, tuple) else set()
    later = [change for change in ticket.changes if change.field == "labels" and change.at > audit.created]
    missing = [
        f"{operation.ticket}: the tag {label} is not on the ticket, although Zendesk took the change; look for a trigger that "
        f"sets tags"
        for label in operation.add_labels
        if label not in have and not later
    ]
    found = replace(found, at=audit.created, problems=(*found.problems, *missing))
    if operation.comment is None:
        return found
    said = _comment(operation, audit)
    return replace(found, problems=(*found.problems, *said.problems), native_id=said.native_id)


def _comment(operation: Operation, audit: Audit) -> Verification:
    """What an audit says of the comment that it was to hold."""
    comment = next((event for event in audit.events if event.type == "Comment"), None)
    if comment is None:
        problem = f"{operation.ticket}: Zendesk took the change without its comment; look at the ticket"
        return Verification(found=True, at=audit.created, problems=(problem,))
    problem = (
        f"{operation.ticket}: hoist's comment is visible to the requester; make it internal in the ticket, and look for a "
        f"trigger or an app that makes comments public"
    )
    problems = (problem,) if comment.public is not False else ()
    return Verification(found=True, at=audit.created, problems=problems, native_id=comment.id)
