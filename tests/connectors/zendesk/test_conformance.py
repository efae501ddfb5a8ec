"""The Zendesk connector keeps every connector's promises, over HTTP, against an account that shares no code with it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Overwritten
from connectors.errors import Conflict
from connectors.http import Surroundings
from connectors.sandboxes.answer import Answer
from connectors.sandboxes.history import Event
from connectors.testing import ConnectorConformance, FarComment, FarTicket, Stage
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.sandbox import ZendeskSandbox
from connectors.zendesk.settings import ZendeskSettings
from connectors.zendesk.site import exports
from rules.instants import DAY, Instant
from rules.ticket import Status
from tests.connectors.sandbox_desk import START, Clock, desk

STATUSES = {Status.OPEN.value: "open", Status.ON_HOLD.value: "hold"}
EXPORT = "/api/v2/incremental/tickets/cursor"


TEAMS = ("Service Desk", "Network Operations", "Network Engineering")


def _owned_much_later(team: str) -> Event:
    """Who ever owns a ticket of a group is a member of it from the beginning."""
    fields = {"status": "Open", "team": team, "priority": "Medium", "assignee": "anna", "summary": "x", "description": "x"}
    return Event(START + 400 * DAY, f"LATER-{team}", "chloe", fields)


class Gate(ZendeskSandbox):
    """An account that counts hoist's calls and, when told so, lets something happen to the next update or to the credential.

    People's own calls pass. `veiled` are tickets that the export does not show until then. An export that has nothing new shows
    the last row once more.
    """

    def __init__(self, clock: Clock) -> None:
        history = replace(desk(), teams=TEAMS, events=[_owned_much_later(team) for team in TEAMS])
        super().__init__(clock=clock, history=history)
        self.clock = clock
        self.reads = 0
        self.writes = 0
        self.interloper: Callable[[], None] | None = None
        self.instead: Answer | None = None
        self.lose = False
        self.refuses = False
        self.veiled: dict[int, Instant] = {}
        self.again: dict[str, Any] | None = None

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """As the account does, for hoist through whatever stands at the gate."""
        given = {name.lower(): value for name, value in headers.items()}
        if given.get("user-agent") != "hoist" or path == "/oauth/tokens":
            return super().dispatch(method, path, query, headers, body)
        if path == EXPORT:
            self._unveil()
        instead, lost = self._before_write() if method == "PUT" else (None, False)
        if self.refuses:
            given["authorization"] = "Bearer wrong"
        answer = super().dispatch(method, path, query, given, body) if instead is None else self._dated(instead)
        self.reads += method == "GET" and path.startswith("/api/v2/tickets")
        return replace(self._exported(answer, query) if path == EXPORT else answer, lost=lost)

    def _before_write(self) -> tuple[Answer | None, bool]:
        self.writes += 1
        interloper, self.interloper = self.interloper, None
        if interloper:
            interloper()
        instead, self.instead = self.instead, None
        lost, self.lose = self.lose, False
        return instead, lost

    def _unveil(self) -> None:
        """What was late has its place in the export from now on: it is listed in the order in which it became visible."""
        for ticket in [ticket for ticket, until in self.veiled.items() if until <= self.clock.at]:
            del self.veiled[ticket]
            self.by_the_platform(ticket)

    def _exported(self, answer: Answer, query: str) -> Answer:
        if answer.status != 200:
            return answer
        shown = json.loads(answer.body)
        rows = [row for row in shown["tickets"] if row["id"] not in self.veiled]
        if not rows and not self.veiled and self.again is not None and "start_time" not in query:
            rows = [self.again]
        self.again = rows[-1] if rows else self.again
        return replace(answer, body=json.dumps(shown | {"tickets": rows}).encode())

    def _dated(self, answer: Answer) -> Answer:
        date = super().dispatch("GET", "/", "", {}, b"").headers["Date"]
        return replace(answer, headers={"Date": date, **answer.headers})


class ZendeskStage(Stage):
    """A connector to an account on loopback."""

    page_size = 3
    refusal = r"Zendesk has no (group|priority) 999999"

    def __init__(self, open_: ExitStack, folder: Path) -> None:
        self.clock = Clock()
        self.site = Gate(self.clock)
        self.open = open_
        self.lagging = 0
        open_.enter_context(self.site.serve())
        secret = folder / "secret"
        given = self.site.hoist_settings(lambda _, value: f"file:{secret.write_text(value) and secret}")
        del given["platform"]
        limits = {"requests_per_second": 1000, "exports_per_minute": 1000, "updates_per_minute": 1000}
        self.settings = ZendeskSettings.model_validate({**given, "page_size": self.page_size, **limits})
        self.connector = self.reconnect()
        self.teams = tuple(str(self.site.group_id(name)) for name in TEAMS)  # type: ignore[assignment]
        self.priorities = ("high", "normal")
        self.staff, self.requester = str(self.site.user_id("anna")), str(self.site.user_id("chloe"))

    def reconnect(self) -> ZendeskConnector:
        connector = ZendeskConnector("zendesk-eu", self.settings, Surroundings(sleep=lambda _: None))
        self.open.callback(connector.close)
        return connector

    def now(self) -> Instant:
        return self.clock.at

    def advance(self, milliseconds: int) -> None:
        self.clock.pass_(milliseconds)

    def create(self, *, team: str, priority: str) -> str:
        values: dict[str, object] = {"subject": "VPN drops", "comment": {"body": "Since this morning."}, "priority": priority}
        values |= {"group_id": int(team), "requester_id": int(self.requester)}
        made = self.person("anna", "POST", "tickets", {"ticket": values})["ticket"]
        self._veil(str(made["id"]))
        return str(made["id"])

    def change(self, ticket: str, **values: str) -> None:
        body: dict[str, object] = {}
        for name, value in values.items():
            match name:
                case "team":
                    body["group_id"] = int(value)
                case "assignee":
                    body["assignee_id"] = int(value)
                case "priority":
                    body["priority"] = value
                case _:
                    body["status"] = STATUSES[value]
        self.person("anna", "PUT", f"tickets/{ticket}", {"ticket": body})
        self._veil(ticket)

    def _veil(self, ticket: str) -> None:
        if self.lagging:
            self.site.veiled[int(ticket)] = self.clock.at + self.lagging

    def say(self, ticket: str, by: str, text: str, *, public: bool) -> None:
        self.site.says("anna" if by == self.staff else "chloe", int(ticket), text, public=public)

    def delete(self, ticket: str) -> None:
        self.person("", "DELETE", f"tickets/{ticket}")

    def far(self, ticket: str) -> FarTicket:
        shown = self.person("", "GET", f"tickets/{ticket}")["ticket"]
        audits = self.person("", "GET", f"tickets/{ticket}/audits")["audits"]
        said = [event for audit in audits[1:] for event in audit["events"] if event["type"] == "Comment"]
        return FarTicket(
            team=str(shown["group_id"]) if shown["group_id"] else None,
            priority=shown["priority"],
            assignee=str(shown["assignee_id"]) if shown["assignee_id"] else None,
            labels=tuple(sorted(shown["tags"])),
            comments=tuple(FarComment(str(each["author_id"]), each["public"], each["body"]) for each in said),
            saves=sum(any(event["type"] == "Change" for event in audit["events"]) for audit in audits),
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

    def person(self, handle: str, method: str, path: str, body: object = None) -> Any:
        """What the account answers a person, the service account for none; fails where it refuses."""
        known = self.site.credentials(handle)
        signed = b64encode(f"{known['username']}/token:{known['token']}".encode()).decode()
        headers = {"authorization": f"Basic {signed}", "content-type": "application/json"}
        answer = self.site.dispatch(method, f"/api/v2/{path}", "", headers, json.dumps(body).encode() if body else b"")
        assert answer.status < 300, answer
        return json.loads(answer.body or b"{}")


class TestConformance(ConnectorConformance):
    @pytest.fixture
    def stage(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
        monkeypatch.setattr(exports, "EXCLUDED", 0)  # tests of the export itself keep the minute that it leaves out
        with ExitStack() as open_:
            yield ZendeskStage(open_, tmp_path)

    def test_who_was_first_within_the_second_of_the_stamp_is_named(self, stage: Stage) -> None:
        """Zendesk's stamps are whole seconds: what slips by its own comparison is named by the audit, to be put back."""
        ticket = stage.create(team=stage.teams[0], priority=stage.priorities[1])
        operation = replace(stage.operation(ticket), comment="Without an owner for 20 minutes.")
        stage.before_next_write(lambda: stage.change(ticket, team=stage.teams[2]))
        stage.connector.write(operation)
        found = stage.connector.verify(operation)
        assert (found.found, found.overwritten) == (True, (Overwritten("team", stage.teams[2], stage.teams[1]),))

    def test_fields_and_comment_are_one_save(self, stage: Stage) -> None:
        """What is declared to leave together does: one request, one save, and one marker for all of it."""
        (ticket,) = stage.some_tickets(1)
        assert stage.connector.capabilities.together
        operation = replace(stage.operation(ticket), comment="Without an owner for 20 minutes.")
        before = stage.writes()
        receipt = stage.connector.write(operation)
        far = stage.far(ticket)
        assert (stage.writes() - before, far.saves, len(far.comments)) == (1, 1, 1)
        found = stage.connector.verify(operation)
        assert (found.found, found.problems, found.native_id) == (True, (), receipt.native_id)

    def test_nothing_of_a_refused_escalation_is_written(self, stage: Stage) -> None:
        """Where somebody was first, neither fields nor comment are there afterwards."""
        (ticket,) = stage.some_tickets(1)
        operation = replace(stage.operation(ticket), comment="Without an owner for 20 minutes.")
        stage.before_next_write(lambda: stage.change(ticket, team=stage.teams[2]))
        with pytest.raises(Conflict):
            stage.connector.write(operation)
        far = stage.far(ticket)
        assert (far.team, far.priority, far.comments) == (stage.teams[2], stage.priorities[1], ())
