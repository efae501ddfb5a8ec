"""The business rules of the base system on tasks, as far as a ticket connector meets them.

Before a save: priority looked up from impact and urgency, state and incident_state kept alike, what belongs to a state emptied or
stamped, reassignments counted. After it: a parent's state flows down to its children.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from connectors.servicenow.site.moments import stored
from connectors.servicenow.site.store import Row, Store

if TYPE_CHECKING:
    from connectors.servicenow.site.transactions import Saving, Transaction

NEW, IN_PROGRESS, ON_HOLD, RESOLVED, CLOSED, CANCELED = "1", "2", "3", "6", "7", "8"
AWAITING_CALLER: Final = "1"

ENDED: Final[Mapping[str, frozenset[str]]] = {
    "incident": frozenset({CLOSED, CANCELED}),
    "problem": frozenset({"107"}),
    "change_request": frozenset({"3", "4"}),
    "sc_task": frozenset({"3", "4", "5", "7"}),
    "sc_req_item": frozenset({"3", "4", "7"}),
    "sc_request": frozenset({"3", "4", "7"}),
}
"""States in which a task is no longer active."""

LOOKED_UP: Final = frozenset({"incident", "problem"})
"""Tables whose priority is looked up."""


class Priorities:
    """Priority by impact and urgency, from dl_u_priority; read anew when a row of it changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read = -1
        self._found: dict[tuple[str, str], str] = {}

    def of(self, impact: str, urgency: str) -> str | None:
        """None where no rule fits."""
        if self._read != self._store.saves["dl_u_priority"]:
            self._read = self._store.saves["dl_u_priority"]
            active = [row for row in self._store.all("dl_u_priority") if row.get("active") == "true"]
            active.sort(key=lambda row: int(row.get("order", "0")), reverse=True)  # the lowest order wins
            self._found = {(row.get("impact", ""), row.get("urgency", "")): row.get("priority", "") for row in active}
        return self._found.get((impact, urgency))


def before(
    saving: Saving, table: str, old: Row, row: dict[str, str], journals: Mapping[str, str], by: Transaction
) -> None:  # fmt: skip
    """Change the record as the rules before a save do. Raises Refused where one aborts it."""
    if table in LOOKED_UP:
        _look_up_priority(saving, old, row)
    if table == "incident":
        _on_incident(saving, old, row, journals, by)
    _reassign(saving, table, old, row)
    row["active"] = "false" if row.get("state", "") in ENDED.get(table, ()) else "true"
    if row["active"] == "false" and old.get("active") != "false":
        row["closed_at"] = row.get("closed_at") or stored(by.at)
        row["closed_by"] = row.get("closed_by") or by.user


def _look_up_priority(saving: Saving, old: Row, row: dict[str, str]) -> None:
    changed = any(old.get(name) != row.get(name) for name in ("impact", "urgency"))
    if changed or (old.get("priority") != row.get("priority") and "priority-write-holds" not in saving.policies.variants):
        row["priority"] = saving.priorities.of(row.get("impact", ""), row.get("urgency", "")) or row.get("priority", "")


def _on_incident(
    saving: Saving, old: Row, row: dict[str, str], journals: Mapping[str, str], by: Transaction
) -> None:  # fmt: skip
    if old.get("state") != row.get("state"):
        row["incident_state"] = row.get("state", "")
    elif old.get("incident_state") != row.get("incident_state"):
        if "incident-state-drives" in saving.policies.variants:
            row["state"] = row.get("incident_state", "")
        else:
            row["incident_state"] = row.get("state", "")
    waits = (row.get("state"), row.get("hold_reason")) == (ON_HOLD, AWAITING_CALLER)
    if old and waits and old.get("state") == ON_HOLD and "comments" in journals and by.user == row.get("caller_id"):
        row |= {"state": IN_PROGRESS, "incident_state": IN_PROGRESS}
    if row.get("state") != ON_HOLD:
        row["hold_reason"] = ""
    _stamp_state(old, row, by)


def _stamp_state(old: Row, row: dict[str, str], by: Transaction) -> None:
    was, is_ = old.get("state", ""), row.get("state", "")
    over = {RESOLVED, CLOSED}
    if is_ in over and was not in over:
        row["resolved_at"] = row.get("resolved_at") or stored(by.at)
        row["resolved_by"] = row.get("resolved_by") or by.user
    if was in over and is_ not in over | {CANCELED}:
        row["reopen_count"] = str(int(row.get("reopen_count") or "0") + 1)
        row |= {"reopened_time": stored(by.at), "reopened_by": by.user, "resolved_at": "", "resolved_by": ""}
        row |= {"closed_at": "", "closed_by": "", "close_code": "", "close_notes": ""}


def _reassign(saving: Saving, table: str, old: Row, row: dict[str, str]) -> None:
    variants = saving.policies.variants
    group, person = row.get("assignment_group", ""), row.get("assigned_to", "")
    handed = bool(old.get("assignment_group")) and old.get("assignment_group") != group
    taken_over = bool(old.get("assigned_to")) and bool(person) and old.get("assigned_to") != person
    if handed or (taken_over and "person-changes-count-as-reassignment" in variants):
        row["reassignment_count"] = str(int(row.get("reassignment_count") or "0") + 1)
    if not person or not group or (person == old.get("assigned_to") and not handed):
        return
    if any(each.get("group") == group for each in saving.store.where("sys_user_grmember", "user", person)):
        return
    if person == old.get("assigned_to"):
        row["assigned_to"] = person if "group-change-keeps-assignee" in variants else ""
    elif "assigned-outside-rejected" in variants:
        saving.abort(table, "Assigned to is a member of the group")
    elif "assigned-outside-kept" not in variants:
        row["assigned_to"] = ""


def after(saving: Saving, table: str, old: Row, row: Row, by: Transaction) -> None:
    """What follows from a save: children take over In Progress and On Hold, the latter unless it awaits the caller."""
    state = row.get("state", "")
    if table != "incident" or not old or old.get("state") == state or state not in {IN_PROGRESS, ON_HOLD}:
        return
    if state == ON_HOLD and row.get("hold_reason") == AWAITING_CALLER:
        return
    for child in saving.store.where("incident", "parent_incident", row["sys_id"]):
        if child.get("active") == "true" and child.get("state") not in {RESOLVED, state}:
            saving.update("incident", child, {"state": state, "hold_reason": row.get("hold_reason", "")}, by.of_rule())
