"""The Jira connector keeps every connector's promises, over HTTP, against a site that shares no code with it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.http import Surroundings
from connectors.jira.connector import JiraConnector
from connectors.jira.sandbox import Answer, JiraSandbox
from connectors.jira.settings import JiraSettings
from connectors.jira.site.catalog import ISSUE_TYPE, TEAM, account_id
from connectors.testing import ConnectorConformance, FarComment, FarTicket, Stage
from rules.escalation import Operation, OperationKind
from rules.instants import Instant
from rules.ticket import TicketRef
from tests.connectors.jira.sandbox_caller import Caller, Clock, desk

Spoil = Callable[[dict[str, str]], Answer | None]
READING_POSTS = ("bulkfetch", "search/jql", "api/2/search")


def refused(_: dict[str, str]) -> Answer:
    """The gateway turns a wrong credential away."""
    return Answer(401, {"Content-Type": "application/json"}, b'{"code":401,"message":"Unauthorized"}')


def anonymous(headers: dict[str, str]) -> None:
    """Jira takes a wrong credential for no credential, and answers what everybody may see."""
    headers["authorization"] = "Basic d3Jvbmc6d3Jvbmc="


class Gate(JiraSandbox):
    """A site that counts hoist's calls and, when told so, lets something happen to the next write or to the credential.

    People's own calls pass. `spoil` may change the headers of a call of hoist's, or answer it.
    """

    def __init__(self, clock: Clock) -> None:
        history = replace(desk(), teams=("Service Desk", "Network Operations", "Network Engineering"), events=())
        super().__init__(clock=clock, history=history)
        self.reads = 0
        self.writes = 0
        self.interloper: Callable[[], None] | None = None
        self.instead: Answer | None = None
        self.lose = False
        self.spoil: Spoil = lambda _: None

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """As the site does, for hoist through whatever stands at the gate."""
        given = {name.lower(): value for name, value in headers.items()}
        writes = method != "GET" and not path.endswith(READING_POSTS)
        instead, lost = self.spoil(given), False
        if given.get("user-agent") != "hoist":
            given, instead = dict(headers), None
        elif writes:
            instead, lost = self._before_write(instead)
        else:
            self.reads += "/issue/" in path or "/changelog/" in path
        answer = super().dispatch(method, path, query, given, body) if instead is None else self._dated(instead)
        return replace(answer, lost=lost)

    def _before_write(self, instead: Answer | None) -> tuple[Answer | None, bool]:
        self.writes += 1
        interloper, self.interloper = self.interloper, None
        if interloper:
            interloper()
        instead, self.instead = instead or self.instead, None
        lost, self.lose = self.lose, False
        return instead, lost

    def _dated(self, answer: Answer) -> Answer:
        date = super().dispatch("GET", "/", "", {}, b"").headers["Date"]
        return replace(answer, headers={"Date": date, **answer.headers})


class JiraStage(Stage):
    """A connector to a site on loopback. `spoil` is how Jira takes a wrong credential."""

    GATE: ClassVar[type[Gate]] = Gate
    FIELDS: ClassVar[str] = "fields"
    page_size = 3
    staff, requester = account_id("anna"), account_id("chloe")
    refusal = r"Specify a valid 'id' or 'value' for Assignment group|The priority selected is invalid"

    def __init__(self, open_: ExitStack, folder: Path) -> None:
        self.clock = Clock()
        self.site = self.GATE(self.clock)
        self.open = open_
        self.spoil: Spoil = refused
        open_.enter_context(self.site.serve())
        credentials = self.site.credentials()
        token = folder / "token"
        token.write_text(credentials["token"])
        given = {name: value for name, value in credentials.items() if name != "platform"} | {"token": f"file:{token}"}
        sizes = {"page_size": self.page_size, "search_size": self.page_size}
        self.settings = JiraSettings.model_validate({**given, **sizes, **self.site.source_settings()})
        self.connector = self.reconnect()
        fields = self.person("anna", "GET", f"issue/createmeta/IT/issuetypes/{ISSUE_TYPE[0]}")[self.FIELDS]
        allowed = {each["fieldId"]: [choice["id"] for choice in each.get("allowedValues", ())] for each in fields}
        first, second, third = allowed[TEAM]
        self.teams = (first, second, third)
        self.priorities = (allowed["priority"][0], allowed["priority"][2])

    def reconnect(self) -> JiraConnector:
        connector = JiraConnector("jira", self.settings, Surroundings(sleep=lambda _: None))
        self.open.callback(connector.close)
        return connector

    def now(self) -> Instant:
        return self.clock.at

    def advance(self, milliseconds: int) -> None:
        self.clock.pass_(milliseconds)

    def create(self, *, team: str, priority: str) -> str:
        fields = {
            "project": {"key": "IT"},
            "issuetype": {"id": ISSUE_TYPE[0]},
            "summary": "VPN drops",
            "reporter": {"accountId": self.requester},
            TEAM: {"id": team},
            "priority": {"id": priority},
        }
        return str(self.person("chloe", "POST", "issue", {"fields": fields})["id"])

    def change(self, ticket: str, **values: str) -> None:
        fields = {
            name: {"accountId" if name == "assignee" else "id": value} for name, value in values.items() if name != "status"
        }
        named = {TEAM if name == "team" else name: value for name, value in fields.items()}
        if named:
            self.person("anna", "PUT", f"issue/{ticket}", {"fields": named})
        if "status" in values:
            wanted = self.settings.statuses.model_dump()[values["status"]]
            open_ = self.person("anna", "GET", f"issue/{ticket}/transitions")["transitions"]
            (transition,) = (each["id"] for each in open_ if each["to"]["name"] in wanted)
            self.person("anna", "POST", f"issue/{ticket}/transitions", {"transition": {"id": transition}})

    def say(self, ticket: str, by: str, text: str, *, public: bool) -> None:
        internal = [] if public else [{"key": "sd.public.comment", "value": {"internal": True}}]
        handle = "anna" if by == self.staff else "chloe"
        self.person(handle, "POST", f"issue/{ticket}/comment", {"body": text, "properties": internal})

    def delete(self, ticket: str) -> None:
        self.person("anna", "DELETE", f"issue/{ticket}")

    def far(self, ticket: str) -> FarTicket:
        shown = self.person("anna", "GET", f"issue/{ticket}")["fields"]
        comments = self.person("anna", "GET", f"issue/{ticket}/comment")["comments"]
        return FarTicket(
            team=shown[TEAM]["id"] if shown[TEAM] else None,
            priority=shown["priority"]["id"],
            assignee=shown["assignee"]["accountId"] if shown["assignee"] else None,
            labels=tuple(shown["labels"]),
            comments=tuple(FarComment(each["author"]["accountId"], each["jsdPublic"], each["body"]) for each in comments),
            saves=self.person("anna", "GET", f"issue/{ticket}/changelog")["total"],
        )

    def detail_reads(self) -> int:
        return self.site.reads

    def writes(self) -> int:
        return self.site.writes

    def lag_search(self, milliseconds: int) -> None:
        # Without lag an index shows the issues themselves; they must be parted before they change unseen.
        index = self.site._site.index
        index.rows = {id_: copy.deepcopy(row) for id_, row in index.rows.items()}
        index.lag = milliseconds

    def before_next_write(self, act: Callable[[], None]) -> None:
        self.site.interloper = act

    def lose_next_answer(self) -> None:
        self.site.lose = True

    def throttle_next_write(self, seconds: int) -> None:
        self.site.instead = Answer(429, {"Retry-After": str(seconds), "Content-Type": "application/json"}, b"{}")

    def refuse_credential(self) -> None:
        self.site.spoil = self.spoil

    def person(self, handle: str, method: str, path: str, body: object = None) -> Any:
        """What Jira answers a person, in plain text; fails where it refuses."""
        caller = Caller(self.site, handle, version=2)
        answer = caller(method, path, body)
        assert caller.last.status < 300, caller.last
        return answer


class TestConformance(ConnectorConformance):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> Iterator[Stage]:
        with ExitStack() as open_:
            yield JiraStage(open_, tmp_path)


@pytest.fixture
def jira(tmp_path: Path) -> Iterator[JiraStage]:
    """A site without issues, a connector to it, Anna of the first line and Customer Chloe."""
    with ExitStack() as open_:
        yield JiraStage(open_, tmp_path)


def test_an_anonymous_answer_is_no_sign_in(jira: JiraStage) -> None:
    """Where Jira answers a wrong credential with 200, hoist still says that the credential is wrong."""
    jira.spoil = anonymous
    TestConformance().test_wrong_credential_asks_the_administrator(jira)


def test_an_anonymous_answer_makes_no_ticket_disappear(jira: JiraStage) -> None:
    """A token that expires while hoist runs hides every ticket from it; none of them counts as gone."""
    jira.spoil = anonymous
    TestConformance().test_wrong_credential_makes_no_ticket_disappear(jira)


def test_a_marker_under_another_account_counts_for_nothing(jira: JiraStage) -> None:
    """A comment of Anna's that carries the property of hoist's own comment is not taken for hoist's."""
    ticket = jira.create(team=jira.teams[0], priority=jira.priorities[0])
    operation = Operation("k", OperationKind.COMMENT, TicketRef("jira", ticket), "5f3a", comment="Moved.", planned_at=jira.now())
    forged = {"key": "hoist.operation", "value": {"marker": operation.marker}}
    jira.person("anna", "POST", f"issue/{ticket}/comment", {"body": "Moved.", "properties": [forged]})
    assert jira.connector.verify(operation).found is False
