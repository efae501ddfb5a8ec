"""Answers with something odd in them, and those of Jira's own reference: a ticket is read whole or set aside, nothing breaks."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.contract import Page
from connectors.errors import ConnectorError
from connectors.http import Surroundings
from connectors.jira import service_desk, wire
from connectors.jira.connector import JiraConnector
from connectors.jira.mapping import Mapper, Site
from connectors.jira.sandbox import JiraSandbox
from connectors.jira.service_desk import Beside
from connectors.jira.settings import JiraSettings
from connectors.jira.site.catalog import APPROVALS, ORGANISATIONS, PARTICIPANTS, REQUEST_TYPE, SLA, TEAM, account_id
from connectors.jira.webhook import Webhook
from connectors.sandboxes.answer import Answer
from connectors.testing_stage import Mirror
from connectors.webhooks import NotAHint
from rules.instants import MINUTE, SECOND
from rules.ticket import Ticket, Unknown
from tests.connectors.jira.described import Description, description
from tests.connectors.sandbox_desk import CHASED, HANDED, START, TAKEN, Clock, desk
from tests.connectors.spoiling import Spoilt, spoiled, spoils
from tests.shared import shared

VALUES = (str, int, tuple, Unknown, type(None))
"""Kinds of values that rules know."""
KINDS = ("issue/bulkfetch", "changelog/bulkfetch", "search/jql", "api/3/status", "api/3/field")
"""Ends of paths whose answers are spoiled."""


class Spoiling(JiraSandbox):
    """A site whose answers to hoist are spoiled as `spoilt` says."""

    spoilt: Spoilt | None = None

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return spoiled(super().dispatch(method, path, query, headers, body), path, self.spoilt)


class Read:
    """A site of which hoist reads all that it can, and what it brought."""

    def __init__(self, site: Spoiling, clock: Clock, folder: Path) -> None:
        self.site, self.clock = site, clock
        (folder / "token").write_text(site.credentials()["token"])
        given_ = site.hoist_settings(lambda name, _: f"file:{folder / name}")
        del given_["platform"]
        every = {"targets": ["Time to resolution"], "request_facts": ["request_type", "organisation", "approval"]}
        self._settings = JiraSettings.model_validate({**given_, **every, "fields": {"participants": PARTICIPANTS}})
        self.whole = Mirror()
        self.read(None, self.whole)

    def read(self, spoilt: Spoilt | None, mirror: Mirror) -> list[Page]:
        """A run of a connector of its own."""
        self.site.spoilt = spoilt
        surroundings = Surroundings(sleep=lambda _: None, monotonic=lambda: self.clock.at / SECOND)
        connector = JiraConnector("jira", self._settings, surroundings)
        try:
            return mirror.run(connector)
        finally:
            connector.close()
            self.site.spoilt = None


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    clock = Clock()
    made = Spoiling(clock=clock, history=desk(TAKEN, HANDED, CHASED))
    clock.pass_(2 * MINUTE)
    with made.serve():
        clock.at = max(clock.at, START + 5 * MINUTE)
        people = (account_id("anna"), account_id("bram"))
        made.ask("IT-1", request_type="26", companies=("2",), people=people, approvals=(f"{people[0]}=pending",))
        clock.pass_(MINUTE)
        yield Read(made, clock, tmp_path_factory.mktemp("site"))


def shown(ticket: Ticket) -> tuple[object, ...]:
    changes = [(c.at, c.save, c.field, c.old, c.new, c.by) for c in ticket.changes]
    return ticket.version, dict(ticket.fields), changes, [(m.id, m.by, m.public) for m in ticket.messages]


def assert_whole(ticket: Ticket) -> None:
    """It has every field that is always read, and values that rules know alone."""
    assert {"status", "priority", "team", "assignee", "labels", "last_comment", "project", "type"} <= ticket.fields.keys()
    assert all(isinstance(value, VALUES) for value in ticket.fields.values())
    assert all(isinstance(value, VALUES) for change in ticket.changes for value in (change.old, change.new))


@given(spoils(KINDS, 7))
@settings(deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_first_read_survives_any_odd_answer(site: Read, spoilt: Spoilt) -> None:
    """Whatever an answer holds, a ticket is read whole or set aside in its raw form, or all of it is refused in words."""
    try:
        pages = site.read(spoilt, Mirror())
    except ConnectorError as problem:
        said = str(problem)
    else:
        said = ""
        read = {ticket.ref.id: ticket for page in pages for ticket in page.tickets}
        aside = {each.id for page in pages for each in page.quarantined}
        for ticket in read.values():
            assert_whole(ticket)
        if spoilt.kind.endswith("bulkfetch") and spoilt.ticket is not None:
            others = site.whole.tickets.keys() - {str(spoilt.ticket)}
            assert {id_: shown(read[id_]) for id_ in others if id_ in read} == {
                id_: shown(site.whole.tickets[id_]) for id_ in others & read.keys()
            }
            assert read.keys() | aside >= others
    assert said.startswith("jira") or not said


# --- the examples of Jira's own reference --------------------------------------------------------------------------------

SITE = Site("jira", "https://e", "712020:hoist", "select", TEAM, {}, beside=Beside(
    clocks={SLA: "Time to resolution"},
    facts={REQUEST_TYPE: "request_type", ORGANISATIONS: "organisation", APPROVALS: "approval"},
    native={PARTICIPANTS: "participants"},
))  # fmt: skip
SHAPES = wire.shapes(TEAM, tuple((id_, SITE.beside.shape(id_)) for id_ in SITE.beside.ids))


def example(about: Description, method: str, path: str) -> Any:
    """What the reference shows as the answer to a call."""
    answers = about.operation(method, path).about["responses"]["200"]["content"]["application/json"]
    given_ = answers["example"]
    return json.loads(given_) if isinstance(given_, str) else given_


def test_the_examples_of_the_reference_are_read() -> None:
    """Changelogs, comments, statuses, fields and webhooks as Jira's own reference shows them are understood."""
    about = description()
    assert wire.CHANGELOGS.validate_python(example(about, "POST", "/rest/api/3/changelog/bulkfetch"))["groups"]
    assert wire.ENTRIES.validate_python(example(about, "GET", "/rest/api/3/issue/1/changelog"))["values"]
    assert wire.COMMENTS.validate_python(example(about, "GET", "/rest/api/3/issue/1/comment"))["comments"]
    assert wire.STATUSES.validate_python(example(about, "GET", "/rest/api/3/status"))
    assert wire.FIELDS.validate_python(example(about, "GET", "/rest/api/3/field"))
    assert wire.Me.model_validate(example(about, "GET", "/rest/api/3/myself")).account_id
    assert wire.Transitions.model_validate(example(about, "GET", "/rest/api/3/issue/1/transitions")).transitions
    hooks = wire.PageOf[wire.AppWebhook].model_validate(example(about, "GET", "/rest/api/3/webhook"))
    assert all(each.jql and each.events for each in hooks.values)
    assert wire.Registrations.model_validate(example(about, "POST", "/rest/api/3/webhook")).results


def desk_examples() -> Mapping[str, Any]:
    """What the service desk's reference shows of an SLA and of approvals."""
    document = json.loads((shared() / "contracts/jira/jira-service-management-cloud.json").read_bytes())
    root = "/rest/servicedeskapi/request/{issueIdOrKey}"
    shown_ = {}
    for field, path in ((SLA, f"{root}/sla"), (APPROVALS, f"{root}/approval")):
        (content,) = document["paths"][path]["get"]["responses"]["200"]["content"].values()
        given_ = content["example"]
        values = (json.loads(given_) if isinstance(given_, str) else given_)["values"]
        shown_[field] = values[0] if field == SLA else values
    return shown_


def test_an_sla_and_approvals_of_the_reference_are_read() -> None:
    """The clock and the approvals that the service desk's own reference shows give a target and a state."""
    given_ = desk_examples()
    fields = {**service_desk.values(given_, SITE.beside)}
    assert fields["approval"] in {"waiting", "approved", "declined"}
    assert {"target.Time to resolution", "approver", "organisation", "request_type", "native.participants"} <= fields.keys()


WHOLE = {
    "id": "10001", "key": "IT-1", "fields": {
        "status": {"id": "3", "name": "In Progress", "statusCategory": {"key": "indeterminate"}},
        "issuetype": {"id": "1", "name": "Incident"}, "project": {"key": "IT"},
        "created": "2026-11-23T04:00:00.000+0000", "updated": "2026-11-23T05:00:00.000+0000",
        "summary": "Printer", "priority": {"id": "3", "name": "Medium"}, "assignee": {"accountId": "a", "displayName": "Ann"},
        "reporter": {"accountId": "r", "displayName": "Ruth"}, "labels": ["a"], "components": [{"id": "1", "name": "Net"}],
        "duedate": "2026-11-24", "description": {"type": "doc", "version": 1, "content": []},
        "comment": {"total": 1, "comments": [
            {"id": "7", "created": "2026-11-23T04:30:00.000+0000", "author": {"accountId": "r"}},
        ]},
        TEAM: {"id": "2", "value": "Desk"}, REQUEST_TYPE: {"requestType": {"id": "1", "name": "Help"}},
        ORGANISATIONS: [{"id": "1", "name": "Acme"}], PARTICIPANTS: [{"accountId": "r"}],
    },
}  # fmt: skip


@given(spoils(("issue",), 6), st.booleans())
@settings(deadline=None, derandomize=True, max_examples=400)
def test_an_issue_is_understood_or_refused(spoilt: Spoilt, referenced: bool) -> None:
    """An issue that is spoiled anywhere, with a clock and approvals in it, makes a whole ticket or none."""
    beside = {SLA: CLOCK, APPROVALS: WAITING} if not referenced else {}
    whole = json.loads(json.dumps({**WHOLE, "fields": {**WHOLE["fields"], **beside}}))  # type: ignore[dict-item]
    spoilt.spoil(whole)
    try:
        made = SHAPES.issue(json.dumps(whole).encode())
    except ValidationError:
        return
    comments = (made["fields"].get("comment") or {"comments": []})["comments"]
    assert_whole(Mapper(SITE, 1_795_406_400_000).ticket(made, [], comments))


CLOCK = {"ongoingCycle": {"startTime": {"epochMillis": 1}, "breachTime": {"epochMillis": 2}, "paused": False}, "name": "x"}
WAITING = [{"finalDecision": "pending", "approvers": [{"approver": {"accountId": "a"}, "approverDecision": "pending"}]}]

EVENT = {
    "timestamp": 1_795_406_400_000, "webhookEvent": "jira:issue_updated", "issue_event_type_name": "issue_generic",
    "user": {"accountId": "a"}, "issue": {"id": "10001", "key": "IT-1", "fields": {"summary": "Printer"}},
    "changelog": {"id": "5", "items": [{"field": "status", "toString": "Done"}]},
    "comment": {"self": "https://e/rest/api/2/issue/10001/comment/7", "id": "7"},
}  # fmt: skip


@given(spoils(("event",), 5))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_an_event_is_a_hint_or_none(spoilt: Spoilt) -> None:
    """A signed event that is spoiled anywhere names issues by their numbers, or is refused in hoist's own words."""
    whole = json.loads(json.dumps(EVENT))
    spoilt.spoil(whole)
    body = json.dumps(whole).encode()
    door = Webhook(["a-secret-of-sixteen-letters"])
    try:
        delivery = door.verify({"x-hub-signature": signature(body)}, body)
    except NotAHint:
        return
    assert all(each.isdigit() for each in delivery.tickets)


def signature(body: bytes) -> str:
    return f"sha256={hmac.new(b'a-secret-of-sixteen-letters', body, 'sha256').hexdigest()}"
