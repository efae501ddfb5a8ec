"""Rows as an instance shows them, for tests of what hoist makes of them."""

from __future__ import annotations

from typing import Any

from connectors.servicenow.mapping import Instance, Mapper, Parts, User
from connectors.servicenow.states import States
from rules.instants import Instant
from rules.ticket import Ticket

TICKET = "0a" * 16
ANNA, CHLOE, DESK, NETWORK = "a1" * 16, "c2" * 16, "d3" * 16, "e4" * 16
CREATED, NOW = 1_795_406_400_000, 1_795_420_800_000  # 2026-11-23 04:00:00 and 08:00:00 UTC
USERS = {"anna": User(ANNA, "anna", "Anna Visser"), "chloe": User(CHLOE, "chloe", "Chloe Maes")}
OWN = User("b5" * 16, "hoist.integration", "hoist integration")


def cell(value: str | None, shown: str | None = None) -> dict[str, str | None]:
    return {"value": value, "display_value": value if shown is None else shown}


def incident(**more: Any) -> dict[str, Any]:
    """A new incident, untouched; columns as values, as cells, or left out where None."""
    row: dict[str, Any] = {
        "sys_id": cell(TICKET),
        "number": cell("INC0010001"),
        "sys_class_name": cell("incident", "Incident"),
        "sys_created_on": cell("2026-11-23 04:00:00", "23-11-2026 05:00:00"),
        "sys_updated_on": cell("2026-11-23 04:00:00", "23-11-2026 05:00:00"),
        "sys_mod_count": cell("0"),
        "state": cell("1", "New"),
        "active": cell("true"),
        "priority": cell("3", "3 - Moderate"),
        "impact": cell("2", "2 - Medium"),
        "urgency": cell("2", "2 - Medium"),
        "assignment_group": cell(DESK, "Service Desk"),
        "assigned_to": cell("", ""),
        "caller_id": cell(CHLOE, "Chloe Maes"),
        "short_description": cell("VPN drops"),
        "description": cell("Since this morning."),
        "hold_reason": cell("", ""),
        "due_date": cell("", ""),
    }
    for name, value in more.items():
        if value is None:
            del row[name]
        else:
            row[name] = cell(value) if isinstance(value, str) else value
    return row


def audit(second: int, column: str, old: str, new: str, user: str = "anna", checkpoint: int | None = None) -> dict[str, str]:
    """A row of sys_audit, so many seconds after the creation."""
    row = {
        "sys_id": f"{second}{column}{old}{new}{user}",
        "documentkey": TICKET,
        "fieldname": column,
        "oldvalue": old,
        "newvalue": new,
    }
    row |= {"user": user, "sys_created_on": f"2026-11-23 04:{second // 60:02}:{second % 60:02}"}
    return row | ({} if checkpoint is None else {"record_checkpoint": str(checkpoint)})


def entry(second: int, user: str, text: str, element: str = "work_notes") -> dict[str, str]:
    """A row of sys_journal_field, so many seconds after the creation."""
    stamp = f"2026-11-23 04:{second // 60:02}:{second % 60:02}"
    return {
        "sys_id": f"{second:032x}",
        "element_id": TICKET,
        "element": element,
        "value": text,
        "sys_created_on": stamp,
        "sys_created_by": user,
    }


def instance(**more: Any) -> Instance:
    """An instance whose incidents hoist reads."""
    fields: dict[str, Any] = dict(
        source="snow", url="https://example.service-now.com", own=OWN, states=States(), requesters={"incident": "caller_id"}
    )
    return Instance(**(fields | more))


def ticket(row: dict[str, Any], *, of: Instance | None = None, known: Instant = NOW, **parts: Any) -> Ticket:
    """The ticket of a row with these parts."""
    given = Parts(parts.pop("audit", ()), parts.pop("journal", ()), **parts)
    return Mapper(of or instance(), USERS, known).ticket(row, given)
