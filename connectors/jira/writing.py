"""Operations as Jira's requests, and Jira's own record of them as a verification. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from connectors import judging
from connectors.contract import Mark, Verification
from connectors.errors import Unsupported
from connectors.jira import tier_values
from connectors.jira.mapping import Site
from rules.escalation import FieldChange, Operation
from rules.ticket import UNKNOWN, Ticket

MARKER: Final = "hoist.operation"
"""The property, on issue or comment, that holds an operation's marker: a keyed hash, so that everyone may read it."""
_INTERNAL: Final = {"key": "sd.public.comment", "value": {"internal": True}}


def edit_body(operation: Operation, site: Site, person: Callable[[str], object]) -> dict[str, Any]:
    """The body of one edit: absolute values, labels to add and to take off, and the marker. `person` is how Jira names one.

    Raises Unsupported for a field it can't write.
    """
    fields: dict[str, Any] = {}
    update: dict[str, Any] = {}
    for change in operation.changes:
        if change.field == "priority":
            fields["priority"] = None if change.new is None else {"id": change.new}
        elif change.field == "assignee":
            fields["assignee"] = None if change.new is None else person(str(change.new))
        elif change.field == "team" and site.tier_kind == "component":
            update["components"] = _component_moves(change)
        elif change.field == "team" and site.tier_field:
            fields[site.tier_field] = tier_values.sent(site.tier_kind, change.new)
        else:
            raise Unsupported(
                f"{operation.ticket}: Jira as configured can't set {change.field}; name a tier field that can be written"
            )
    labels = [{"add": label} for label in operation.add_labels] + [{"remove": label} for label in operation.remove_labels]
    if labels:
        update["labels"] = labels
    body: dict[str, Any] = {"properties": [{"key": MARKER, "value": marker_of(operation)}]}
    return body | ({"fields": fields} if fields else {}) | ({"update": update} if update else {})


def comment_body(operation: Operation, inert: Callable[[str], object]) -> dict[str, Any]:
    """The body of an internal comment with its marker. Without the first property the requester would read it.

    `inert` is a text as Jira shows it, without any markup.
    """
    return {"body": inert(operation.comment or ""), "properties": [_INTERNAL, {"key": MARKER, "value": marker_of(operation)}]}


def _component_moves(change: FieldChange) -> list[dict[str, Any]]:
    gone = [{"remove": {"id": change.old}}] if isinstance(change.old, str) and change.old != change.new else []
    return [*gone, *([] if change.new is None else [{"add": {"id": change.new}}])]


def marker_of(operation: Operation) -> dict[str, Any]:
    """The value of the property that marks an operation."""
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
    """What the changelog says about an edit."""
    unmarked = "check that hoist may set issue properties"
    return judging.judge_edit(operation, ticket, marked=marked, platform="Jira", unmarked=unmarked)
