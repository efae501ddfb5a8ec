"""A small desk whose every instant a test knows, and a clock to move; the same for the sandboxes of all platforms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connectors.sandboxes.history import Event, History, Note, Person, Status
from rules.instants import HOUR, MINUTE, SECOND, Instant, instant

START = instant(datetime.fromisoformat("2026-11-23T08:00:00+00:00"))


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    at: Instant = START

    def __call__(self) -> Instant:
        return self.at

    def pass_(self, milliseconds: int) -> None:
        self.at += milliseconds


def desk(*events: Event) -> History:
    """Anna and Bram of the first line, Femke of the second; Customer Chloe reported three issues in the last hours."""
    opened: list[Event] = [
        Event(
            START - (4 - number) * HOUR,
            f"T{number}",
            "chloe",
            {"status": "Open", "team": "Service Desk", "line": "L1", "priority": "Medium", "assignee": None, "component": "VPN"}
            | {"summary": f"VPN drops {number}", "description": "Since this morning.\n\nEvery few minutes."},
        )
        for number in (1, 2, 3)
    ]
    return History(
        project="IT",
        project_name="IT service desk",
        people={
            each.handle: each
            for each in (
                Person("anna", "Anna Visser"),
                Person("bram", "Bram Smit"),
                Person("femke", "Femke Jansen"),
                Person("gone", "Goran Novak", active=False),
                Person("chloe", "Chloe Maes", "customer"),
                Person("SYSTEM", "SYSTEM", "app"),
            )
        },
        statuses=(
            Status("Open", "new"),
            Status("In Progress", "indeterminate"),
            Status("Waiting for customer", "indeterminate"),
            Status("Resolved", "done"),
        ),
        priorities=("Highest", "High", "Medium", "Low"),
        teams=("Service Desk", "Network Operations"),
        lines=("L1", "L2"),
        components=("E-mail", "VPN"),
        roles={"new": ("Open",), "open": ("In Progress",), "pending": ("Waiting for customer",), "resolved": ("Resolved",)},
        events=sorted([*opened, *events], key=lambda event: event.at),
    )


TAKEN = Event(START - 30 * MINUTE, "T1", "anna", {"assignee": "anna", "status": "In Progress"})
HANDED = Event(
    START - 20 * MINUTE,
    "T1",
    "anna",
    {"team": "Network Operations", "line": "L2", "assignee": None},
    Note("Needs a specialist.", public=False),
)
CHASED = Event(START + 10 * SECOND, "T1", "chloe", {}, Note("Any news?", public=True))
