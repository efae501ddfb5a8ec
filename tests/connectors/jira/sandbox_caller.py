"""Calls a sandbox as a client would, without a socket; and a small desk whose every instant a test knows."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from connectors.jira.sandbox import Answer, JiraSandbox
from connectors.jira.site.history import Event, History, Note, Person, Status
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


@dataclass
class Caller:
    """Speaks one API version under one credential; `anonymous` sends none."""

    sandbox: JiraSandbox
    person: str = ""
    version: int = 3
    anonymous: bool = False
    wrong: bool = False
    last: Answer = field(default_factory=lambda: Answer(0))

    def __call__(
        self, method: str, path: str, body: object = None, query: Mapping[str, object] | Sequence[tuple[str, object]] = ()
    ) -> Any:
        """The JSON of the answer, None for an empty one; `last` keeps the answer whole."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if not self.anonymous:
            known = self.sandbox.credentials(self.person)
            token = "nonsense" if self.wrong else known["token"]
            headers["Authorization"] = "Basic " + base64.b64encode(f"{known['username']}:{token}".encode()).decode()
        sent = b"" if body is None else json.dumps(body).encode()
        path = path if path.startswith("/") else f"/rest/api/{self.version}/{path}"
        self.last = self.sandbox.dispatch(method, path, urlencode(query), headers, sent)
        return json.loads(self.last.body) if self.last.body[:1] in {b"{", b"["} else None

    def status(
        self, method: str, path: str, body: object = None, query: Mapping[str, object] | Sequence[tuple[str, object]] = ()
    ) -> int:
        """The status of the answer alone."""
        self(method, path, body, query)
        return self.last.status

    def search(self, jql: str, **more: object) -> Any:
        """One page of a search."""
        return self("POST", "search/jql", {"jql": jql, **more})

    def keys(self, jql: str) -> list[str]:
        """The keys that a search finds, in its order."""
        return [each["key"] for each in self.search(jql, fields=["key"])["issues"]]
