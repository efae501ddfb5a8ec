"""The ServiceNow connector keeps every connector's promises, over HTTP, against an instance that shares no code with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from connectors.http import Surroundings
from connectors.sandboxes.answer import Answer
from connectors.servicenow.connector import ServiceNowConnector
from connectors.servicenow.sandbox import ServiceNowSandbox
from connectors.servicenow.settings import ServiceNowSettings
from connectors.testing import ConnectorConformance, FarComment, FarTicket, Stage
from rules.instants import Instant
from rules.ticket import Status
from tests.connectors.sandbox_desk import Clock, desk
from tests.connectors.servicenow.sandbox_caller import Caller

STATES = {Status.OPEN.value: {"state": "2"}, Status.ON_HOLD.value: {"state": "3", "hold_reason": "4"}}
TAGS = ("escalated", "first", "second", "lifted", "vip")
JOURNAL = "JOURNAL FIELD ADDITION"


class Gate(ServiceNowSandbox):
    """An instance that counts hoist's calls and, when told so, lets something happen to the next write or to the credential.

    People's own calls pass. `veiled` are tickets that lists in the order of changes do not show until then.
    """

    def __init__(self, clock: Clock) -> None:
        history = replace(desk(), teams=("Service Desk", "Network Operations", "Network Engineering"), events=())
        super().__init__(clock=clock, history=history)
        self.clock = clock
        self.reads = 0
        self.writes = 0
        self.interloper: Callable[[], None] | None = None
        self.instead: Answer | None = None
        self.lose = False
        self.refuses = False
        self.veiled: dict[str, Instant] = {}

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """As the instance does, for hoist through whatever stands at the gate."""
        given = {name.lower(): value for name, value in headers.items()}
        if given.get("user-agent") != "hoist" or path == "/oauth_token.do":
            return super().dispatch(method, path, query, headers, body)
        instead, lost = None, False
        reads = method == "GET" or (path.endswith("/batch") and b'"PATCH"' not in body)
        if not reads:
            instead, lost = self._before_write()
        if self.refuses:
            given["authorization"] = "Basic d3Jvbmc6d3Jvbmc="
        answer = super().dispatch(method, path, query, given, body) if instead is None else self._dated(instead)
        lists = "ORDERBYsys_updated_on" in unquote(query)
        self.reads += reads and not lists and ("/incident" in path or b"documentkeyIN" in body)
        return replace(self._without_veiled(answer) if lists else answer, lost=lost)

    def _before_write(self) -> tuple[Answer | None, bool]:
        self.writes += 1
        interloper, self.interloper = self.interloper, None
        if interloper:
            interloper()
        instead, self.instead = self.instead, None
        lost, self.lose = self.lose, False
        return instead, lost

    def _without_veiled(self, answer: Answer) -> Answer:
        if answer.status != 200 or not self.veiled:
            return answer
        shown = json.loads(answer.body)
        hidden = {id_ for id_, until in self.veiled.items() if until > self.clock.at}
        shown["result"] = [row for row in shown["result"] if row["sys_id"]["value"] not in hidden]
        return replace(answer, body=json.dumps(shown).encode())

    def _dated(self, answer: Answer) -> Answer:
        date = super().dispatch("GET", "/", "", {}, b"").headers["Date"]
        return replace(answer, headers={"Date": date, **answer.headers})


class ServiceNowStage(Stage):
    """A connector to an instance on loopback."""

    page_size = 3
    refusal = r"ServiceNow has no (active group|priority) 999999"

    def __init__(self, open_: ExitStack, folder: Path) -> None:
        self.clock = Clock()
        self.site = Gate(self.clock)
        self.open = open_
        self.lagging = 0
        open_.enter_context(self.site.serve())
        known = self.site.credentials()
        secret = folder / "secret"
        secret.write_text(known["client_secret"])
        self.settings = ServiceNowSettings.model_validate(
            {
                "url": known["url"],
                "username": known["username"],
                "auth": {"kind": "client_credentials", "client_id": known["client_id"], "client_secret": f"file:{secret}"},
                "page_size": self.page_size,
                "requests_per_second": 1000,
                **self.site.source_settings(),
            }
        )
        for tag in TAGS:
            self.person("admin", "POST", "table/label", {"name": tag, "global": "true", "viewable_by": "everyone"})
        self.connector = self.reconnect()
        self.teams = tuple(self.site.group_id(name) for name in ("Service Desk", "Network Operations", "Network Engineering"))  # type: ignore[assignment]
        self.priorities = ("2", "3")
        self.staff, self.requester = self.site.user_id("anna"), self.site.user_id("chloe")

    def reconnect(self) -> ServiceNowConnector:
        connector = ServiceNowConnector("snow", self.settings, Surroundings(sleep=lambda _: None))
        self.open.callback(connector.close)
        return connector

    def now(self) -> Instant:
        return self.clock.at

    def advance(self, milliseconds: int) -> None:
        self.clock.pass_(milliseconds)

    def create(self, *, team: str, priority: str) -> str:
        urgency = {"3": "2", "2": "1"}[priority]
        values = {
            "short_description": "VPN drops",
            "caller_id": self.requester,
            "assignment_group": team,
            "impact": "2",
            "urgency": urgency,
        }
        made = self.person("anna", "POST", "table/incident", values)["result"]
        self._veil(str(made["sys_id"]))
        assert made["priority"] == priority
        return str(made["sys_id"])

    def change(self, ticket: str, **values: str) -> None:
        body: dict[str, str] = {}
        for name, value in values.items():
            match name:
                case "team":
                    body["assignment_group"] = value
                case "assignee":
                    body["assigned_to"] = value
                case "priority":
                    body["urgency"] = {"3": "2", "2": "1"}[value]
                case _:
                    body |= STATES[value]
        self.person("anna", "PATCH", f"table/incident/{ticket}", body)
        self._veil(ticket)

    def _veil(self, ticket: str) -> None:
        if self.lagging:
            self.site.veiled[ticket] = self.clock.at + self.lagging

    def say(self, ticket: str, by: str, text: str, *, public: bool) -> None:
        handle = "anna" if by == self.staff else "chloe"
        self.person(handle, "PATCH", f"table/incident/{ticket}", {"comments" if public else "work_notes": text})

    def delete(self, ticket: str) -> None:
        self.person("admin", "DELETE", f"table/incident/{ticket}")

    def far(self, ticket: str) -> FarTicket:
        shown = self.person("admin", "GET", f"table/incident/{ticket}", sysparm_exclude_reference_link="true")["result"]
        journal = self.rows("sys_journal_field", f"element_id={ticket}")
        tags = self.rows("label_entry", f"table_key={ticket}", sysparm_fields="label.name")
        audit = [row for row in self.rows("sys_audit", f"documentkey={ticket}") if row["oldvalue"] != JOURNAL]
        return FarTicket(
            team=shown["assignment_group"] or None,
            priority=shown["priority"],
            assignee=shown["assigned_to"] or None,
            labels=tuple(sorted(row["label.name"] for row in tags)),
            comments=tuple(FarComment(row["sys_created_by"], row["element"] == "comments", row["value"]) for row in journal),
            saves=len({row["record_checkpoint"] for row in audit}),
        )

    def detail_reads(self) -> int:
        return self.site.reads

    def writes(self) -> int:
        return self.site.writes

    def lag_search(self, milliseconds: int) -> None:
        self.lagging = milliseconds

    def before_next_write(self, act: Callable[[], None]) -> None:
        self.site.interloper = act

    def lose_next_answer(self) -> None:
        self.site.lose = True

    def throttle_next_write(self, seconds: int) -> None:
        self.site.instead = Answer(429, {"Retry-After": str(seconds), "Content-Type": "application/json"}, b"{}")

    def refuse_credential(self) -> None:
        self.site.refuses = True

    def rows(self, table: str, query: str, **more: str) -> list[dict[str, Any]]:
        """The rows of a table, as the administrator sees them."""
        return list(self.person("admin", "GET", f"table/{table}", sysparm_query=query, **more)["result"])

    def person(self, handle: str, method: str, path: str, body: object = None, **query: str) -> Any:
        """What the instance answers a person; fails where it refuses."""
        caller = Caller(self.site, handle)
        answer = caller(method, path, body, **query)
        assert caller.last.status < 300, caller.last
        return answer


class TestConformance(ConnectorConformance):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> Iterator[Stage]:
        with ExitStack() as open_:
            yield ServiceNowStage(open_, tmp_path)
