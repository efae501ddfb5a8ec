"""Operations as Jira's requests, and Jira's own record of them as a verification. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.contract import Mark, Overwritten, Verification
from connectors.errors import Unsupported
from connectors.jira import adf
from connectors.jira.mapping import Site
from rules.escalation import FieldChange, Operation
from rules.instants import SECOND
from rules.ticket import UNKNOWN, Change, Kind, Ticket, Value

MARKER: Final = "hoist.operation"
"""The property, on issue or comment, that holds an operation's marker: a keyed hash, so that everyone may read it."""
_INTERNAL: Final = {"key": "sd.public.comment", "value": {"internal": True}}
_GROUP_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def edit_body(operation: Operation, site: Site) -> dict[str, Any]:
    """The body of one edit: absolute values, labels to add and to take off, and the marker.

    Raises Unsupported for a field it can't write.
    """
    fields: dict[str, Any] = {}
    update: dict[str, Any] = {}
    for change in operation.changes:
        if change.field == "priority":
            fields["priority"] = None if change.new is None else {"id": change.new}
        elif change.field == "assignee":
            fields["assignee"] = None if change.new is None else {"accountId": change.new}
        elif change.field == "team" and site.tier_kind == "component":
            update["components"] = _component_moves(change)
        elif change.field == "team" and site.tier_field:
            fields[site.tier_field] = _team_value(site, change.new)
        else:
            raise Unsupported(
                f"{operation.ticket}: Jira as configured can't set {change.field}; name a tier field that can be written"
            )
    labels = [{"add": label} for label in operation.add_labels] + [{"remove": label} for label in operation.remove_labels]
    if labels:
        update["labels"] = labels
    body: dict[str, Any] = {"properties": [{"key": MARKER, "value": _marker(operation)}]}
    return body | ({"fields": fields} if fields else {}) | ({"update": update} if update else {})


def comment_body(operation: Operation) -> dict[str, Any]:
    """The body of an internal comment with its marker. Without the first property the requester would read it."""
    return {"body": adf.inert(operation.comment or ""), "properties": [_INTERNAL, {"key": MARKER, "value": _marker(operation)}]}


def _team_value(site: Site, team: Value) -> object:
    if team is None:
        return None
    match site.tier_kind:
        case "team":
            return team  # the Team field is read as an object and written as its plain id
        case "select":
            return {"id": team}
        case _:
            return {"groupId": team} if _GROUP_ID.fullmatch(str(team)) else {"name": team}


def _component_moves(change: FieldChange) -> list[dict[str, Any]]:
    gone = [{"remove": {"id": change.old}}] if isinstance(change.old, str) and change.old != change.new else []
    return [*gone, *([] if change.new is None else [{"add": {"id": change.new}}])]


def _marker(operation: Operation) -> dict[str, Any]:
    before = {change.field: None if change.old is UNKNOWN else change.old for change in operation.changes}
    after = {change.field: change.new for change in operation.changes}
    return {
        "marker": operation.marker,
        "firings": list(operation.firing_markers),
        "at": operation.planned_at,
        **({"installation": operation.installation, "since": operation.installed_at} if operation.installation else {}),
        **({"before": before, "after": after} if operation.changes else {}),
    }


def marks(value: object, operation: Operation) -> bool:
    """Whether a property's value is this operation's marker."""
    return isinstance(value, Mapping) and value.get("marker") == operation.marker


def marks_in(value: object) -> set[str]:
    """The markers that a property's value holds: of the operation, and of the firings that it was for."""
    if not isinstance(value, Mapping):
        return set()
    firings = value.get("firings")
    named = [value.get("marker"), *(firings if isinstance(firings, Sequence) else ())]
    return {each for each in named if isinstance(each, str)}


def mark_in(value: object) -> Mark | None:
    """The mark of the hoist that wrote last, whichever it is; None where there is none that can be read."""
    if not isinstance(value, Mapping):
        return None
    texts = [value.get(name) for name in ("marker", "installation")]
    instants = [value.get(name) for name in ("since", "at")]
    if not all(isinstance(each, str) for each in texts) or not all(isinstance(each, int) for each in instants):
        return None
    return Mark(*texts, *instants)  # type: ignore[arg-type]


def judge_edit(operation: Operation, ticket: Ticket, *, marked: bool) -> Verification:
    """What the changelog says about an edit.

    The old value that Jira records for each field must be the one that was read; another one was a person's, overwritten. An edit
    that changed nothing (the values were there already) leaves the marker and no entry.
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
        f"{ticket.ref}: {change.field} is {ticket.fields.get(change.field)!s} and not {change.new!s}, although Jira took the "
        f"change; look for a workflow, an automation or a field configuration that sets it"
        for change in operation.changes
        if ticket.fields.get(change.field) != change.new and not _changed_since(ticket, change.field, save)
    ]
    problems += [
        f"{ticket.ref}: the label {label} is still there, although Jira took the change; look for an automation that sets it"
        for label in operation.remove_labels
        if label in _labels_of(ticket.fields.get("labels")) and not _changed_since(ticket, "labels", save)
    ]
    if not marked:
        problems.append(
            f"{ticket.ref}: the change is in the changelog without hoist's marker; check that hoist may set issue properties"
        )
    at, native_id = (save[0].at, save[0].save) if save else (None, "")
    return Verification(found=True, at=at, overwritten=tuple(overwritten), problems=tuple(problems), native_id=native_id)


def _own_save(operation: Operation, ticket: Ticket) -> Sequence[Change]:
    """The newest save of hoist's account, not older than the plan, that set one of the operation's values or labels."""
    wanted = {(change.field, change.new) for change in operation.changes}
    earliest = operation.planned_at - SECOND
    for change in reversed(ticket.changes):
        if change.at < earliest:
            break
        if change.by.kind is not Kind.OWN_ACCOUNT:
            continue
        if (change.field, change.new) in wanted or _moves_labels(operation, change):
            return [each for each in ticket.changes if each.save == change.save]
    return ()


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
