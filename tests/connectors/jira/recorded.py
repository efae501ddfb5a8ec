"""Jira's answers in the shapes of its reference, small; and connectors whose every request is held against that reference."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import pytest
import requests
import responses

from connectors.http import Surroundings
from connectors.jira.connector import JiraConnector
from connectors.jira.settings import JiraSettings
from rules.escalation import FieldChange, Operation, OperationKind
from rules.instants import Instant, moment
from rules.ticket import TicketRef
from tests.connectors.jira.described import description_if_there

URL: Final = "https://example.atlassian.net"
NOW: Final[Instant] = 1_795_406_400_000  # 2026-11-23T04:00:00Z
TEAM: Final = "customfield_10050"
HOIST: Final = "712020:hoist"
ANN: Final = "712020:ann"  # first line
LEE: Final = "712020:lee"  # team lead
RUTH: Final = "qm:ruth"  # a customer who asked
ROBOT: Final = "557058:automation"


def stamp(at: Instant) -> str:
    """As Jira writes instants: an offset without a colon."""
    return moment(at).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def dated(at: Instant) -> dict[str, str]:
    """The header that every answer carries."""
    return {"Date": moment(at).strftime("%a, %d %b %Y %H:%M:%S GMT")}


def user(account: str, type_: str = "atlassian") -> dict[str, Any]:
    """A user as answers embed them."""
    name = account.partition(":")[2].title()
    return {"accountId": account, "accountType": type_, "displayName": name, "active": True, "timeZone": "Europe/Amsterdam"}


CUSTOMER: Final = user(RUTH, "customer")
STATUSES: Final = {
    "1": ("Open", "new"),
    "3": ("In Progress", "indeterminate"),
    "4": ("Waiting for customer", "indeterminate"),
    "5": ("Resolved", "done"),
    "6": ("Closed", "done"),
}


def status(id_: str) -> dict[str, Any]:
    """A status as answers embed it."""
    name, category = STATUSES[id_]
    return {"id": id_, "name": name, "statusCategory": {"id": 2, "key": category, "name": category}}


def issue(number: int = 1, /, **fields: Any) -> dict[str, Any]:
    """An issue as bulkfetch gives it; `fields` replace its own."""
    own: dict[str, Any] = {
        "summary": "Printer on floor three",
        "status": status("3"),
        "priority": {"id": "3", "name": "Medium"},
        "assignee": user(ANN),
        "reporter": CUSTOMER,
        "labels": ["network", "floor-3"],
        "issuetype": {"id": "10010", "name": "Incident", "subtask": False},
        "project": {"id": "10000", "key": "ITSM", "name": "IT"},
        "components": [],
        "created": stamp(NOW - 86_400_000),
        "updated": stamp(NOW - 3_600_000),
        "duedate": None,
        "description": None,
        "comment": {"comments": [], "total": 0, "maxResults": 0, "startAt": 0},
        TEAM: {"id": "20000", "value": "Service Desk"},
    }
    return {"id": str(10_000 + number), "key": f"ITSM-{number}", "fields": own | fields}


def item(
    field: str, old: str | None, new: str | None, old_text: str | None = None, new_text: str | None = None
) -> dict[str, Any]:
    """A changelog item; texts are those of the ids where none are given."""
    return {
        "field": field,
        "fieldtype": "jira",
        "fieldId": field,
        "from": old,
        "fromString": old_text if old_text is not None else old,
        "to": new,
        "toString": new_text if new_text is not None else new,
    }


def entry(
    number: int, at: Instant, items: Sequence[Mapping[str, Any]], author: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One save in a changelog."""
    return {"id": str(number), "author": author or user(ANN), "created": stamp(at), "items": list(items)}


def comment(number: int, at: Instant, author: Mapping[str, Any], *, public: bool | None = True, text: str = "") -> dict[str, Any]:
    """A comment; `public` None is one outside a service project."""
    content = [{"type": "paragraph", "content": [{"type": "text", "text": text}]}] if text else []
    body = {"type": "doc", "version": 1, "content": content}
    made = {"id": str(number), "author": dict(author), "created": stamp(at), "updated": stamp(at), "body": body}
    return made if public is None else made | {"jsdPublic": public}


def settings(url: str = URL, **more: Any) -> JiraSettings:
    """Settings of a site with a select field as its tier field."""
    given = {"projects": ["ITSM"], "tier_field": {"kind": "select", "field": TEAM}} | more
    return JiraSettings.model_validate({"url": url, "username": "hoist@example.com", "token": "env:HOIST_TEST_TOKEN"} | given)


def described_session(connector: JiraConnector) -> None:
    """Have every request that this connector sends judged by Jira's description before it leaves."""
    judge = description_if_there()
    session = connector._client._http._sessions.first
    send = session.send

    def judged(request: requests.PreparedRequest, **more: Any) -> requests.Response:
        if judge:
            wrong = judge.refusals_of_request(str(request.method), str(request.url), request.body)
            assert not wrong, f"{request.method} {request.url}: {wrong}"
        return send(request, **more)

    session.send = judged  # type: ignore[method-assign]


class Waits:
    """Surroundings in which nothing waits: sleeping moves the steady clock and is remembered."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(sleep=self.sleep, monotonic=lambda: self.now, chance=lambda: 0.5)


def connector(monkeypatch: pytest.MonkeyPatch, *, dry_run: bool = False, **more: Any) -> JiraConnector:
    """A connector to the recorded site."""
    monkeypatch.setenv("HOIST_TEST_TOKEN", "s3cret-token")
    made = JiraConnector("jira-cloud", settings(**more), Waits().surroundings, dry_run=dry_run)
    described_session(made)
    return made


class Recorded:
    """The recorded site: who hoist is, its statuses, and whatever else a test lets it answer."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock
        self.answers("GET", "myself", {**user(HOIST, "app"), "emailAddress": "hoist@example.com"})
        self.answers("GET", "serverInfo", {"baseUrl": URL, "deploymentType": "Cloud"})
        self.answers("GET", "status", [status(id_) for id_ in STATUSES])

    def answers(self, method: str, path: str, body: Any = None, code: int = 200, at: Instant = NOW, **headers: str) -> None:
        """Answer a call; several answers to one call come in turn, the last one stays."""
        self.mock.add(method, f"{URL}/rest/api/3/{path}", json=body, status=code, headers={**dated(at), **headers})

    def has(self, *issues: Mapping[str, Any], entries: Mapping[str, Sequence[Mapping[str, Any]]] | None = None) -> None:
        """Let bulk reads give these issues, with changelog entries by issue id."""
        self.answers("POST", "issue/bulkfetch", {"issues": list(issues), "issueErrors": []})
        groups = [{"issueId": id_, "changeHistories": list(saves)} for id_, saves in (entries or {}).items()]
        self.answers("POST", "changelog/bulkfetch", {"issueChangeLogs": groups})

    def finds(
        self, rows: Mapping[str, Instant], token: str | None = None, *, last: bool | None = None, at: Instant = NOW
    ) -> None:
        """Let a search give one page of rows."""
        page: dict[str, Any] = {"issues": [{"id": id_, "fields": {"updated": stamp(when)}} for id_, when in rows.items()]}
        page["isLast"] = (token is None) if last is None else last
        self.answers("POST", "search/jql", page | ({} if token is None else {"nextPageToken": token}), at=at)

    def finds_now(self, rows: Mapping[str, Instant]) -> None:
        """Let every search from now on give these rows and no more."""
        self.mock.remove("POST", f"{URL}/rest/api/3/search/jql")
        self.finds(rows)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """The bodies sent to a path so far."""
        return [json.loads(request.body or b"{}") for request in self.sent(path)]

    def sent(self, path: str) -> list[requests.PreparedRequest]:
        """The requests to a path so far."""
        return [call.request for call in self.mock.calls if str(call.request.url).split("?")[0].endswith(f"/rest/api/3/{path}")]


class Ledger:
    """A mirror's memory of versions."""

    def __init__(self, versions: Mapping[str, str] | None = None) -> None:
        self.versions = dict(versions or {})

    def unchanged(self, versions: Mapping[str, str]) -> list[str]:
        return [id_ for id_, version in versions.items() if self.versions.get(id_) == version]

    def mirrored(self, ids: Collection[str]) -> list[str]:
        return [id_ for id_ in ids if id_ in self.versions]


def edit(*changes: FieldChange, ticket: str = "10001", labels: tuple[str, ...] = (), at: Instant = NOW) -> Operation:
    return Operation("k1", OperationKind.FIELDS, TicketRef("jira-cloud", ticket), "m-1", ("f-1",), changes, labels, planned_at=at)


def note(text: str, ticket: str = "10001", at: Instant = NOW) -> Operation:
    return Operation("k2", OperationKind.COMMENT, TicketRef("jira-cloud", ticket), "m-2", ("f-1",), comment=text, planned_at=at)
