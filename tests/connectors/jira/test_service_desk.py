"""What Jira Service Management adds: SLAs as targets, request types, organisations, approvals; and what moves without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.http import Surroundings
from connectors.jira.connector import JiraConnector
from connectors.jira.sandbox import JiraSandbox
from connectors.jira.service_desk import native
from connectors.jira.settings import JiraSettings
from connectors.jira.site.catalog import PARTICIPANTS, account_id
from rules.instants import HOUR, MINUTE, SECOND
from rules.ticket import NATIVE, TARGET, UNKNOWN, Ticket, Value
from tests.connectors.jira.recorded import TEAM, Ledger, Recorded, connector, issue
from tests.connectors.jira.sandbox_caller import Caller
from tests.connectors.sandbox_desk import CHASED, HANDED, START, TAKEN, Clock, desk

RESOLUTION = f"{TARGET}Time to resolution"
SLA = "customfield_10060"


class Place:
    """A desk in the sandbox, and hoist that reads all that a service project has."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.sandbox = JiraSandbox(clock=self.clock, history=desk(TAKEN, HANDED, CHASED))
        self.folder, self.ledger = folder, Ledger()
        self.cursor: str | None = None

    def connected(self, **more: Any) -> JiraConnector:
        (self.folder / "token").write_text(self.sandbox.credentials()["token"])
        asked = {
            "targets": ["Time to resolution"],
            "request_facts": ["request_type", "organisation", "approval"],
            "fields": {"participants": PARTICIPANTS},
        }
        given = self.sandbox.hoist_settings(lambda name, _: f"file:{self.folder / name}") | asked | more
        del given["platform"]
        surroundings = Surroundings(sleep=lambda _: None, monotonic=lambda: self.clock.at / SECOND)
        return JiraConnector("jira", JiraSettings.model_validate(given), surroundings)

    def read(self, hoist: JiraConnector) -> list[Ticket]:
        """The tickets of one run."""
        found: list[Ticket] = []
        for page in hoist.changed(self.cursor, self.ledger):
            found += page.tickets
            self.ledger.versions |= {ticket.ref.id: ticket.version for ticket in page.tickets}
            self.cursor = page.cursor
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    with made.sandbox.serve():
        yield made


def test_a_target_is_due_when_jira_says_so(place: Place) -> None:
    """A clock that runs is due at its breach, one that rests or has ended at no time; its start is its cycle's."""
    place.clock.at = START + 5 * MINUTE
    hoist = place.connected()
    assert hoist.problems() == []
    assert TARGET in hoist.capabilities.reads
    ticket = place.read(hoist)[0]
    assert ticket.fields[f"{RESOLUTION}.start"] == ticket.created
    due = ticket.fields[RESOLUTION]
    assert isinstance(due, int)
    clock = Caller(place.sandbox)("GET", f"issue/{ticket.ref.id}")["fields"][SLA]["ongoingCycle"]
    assert due == clock["breachTime"]["epochMillis"] == place.clock.at + clock["remainingTime"]["millis"]


def test_a_clock_that_moves_without_a_trace_is_found_by_the_sweep(place: Place) -> None:
    """A goal that is set anew moves no `updated`; within ten minutes hoist has the new end, also where it moved far away."""
    place.clock.at = START + 5 * MINUTE
    hoist = place.connected()
    before = {ticket.ref.id: ticket.fields[RESOLUTION] for ticket in place.read(hoist)}
    for _ in range(2):  # the first sweep of a process reads what is near its end once more
        place.clock.at += 11 * MINUTE
        place.read(hoist)
    assert place.read(hoist) == []
    for goal, moved in ((2 * HOUR, -1), (90 * HOUR, 1)):
        for number in range(4):
            place.sandbox.set_goal(number, goal)
        place.clock.at += 11 * MINUTE
        found = {ticket.ref.id: ticket.fields[RESOLUTION] for ticket in place.read(hoist)}
        running = {id_ for id_, due in found.items() if isinstance(due, int)}
        assert running
        assert all((found[id_] - before[id_]) * moved > 0 for id_ in running)  # type: ignore[operator]
        before |= found


def test_a_request_is_read_with_what_its_portal_and_its_approvers_said(place: Place) -> None:
    """Request type, organisation, participants, and whose approval a request waits for, are facts that rules can ask for."""
    place.clock.at = START + 5 * MINUTE
    hoist = place.connected()
    id_ = place.read(hoist)[0].ref.id
    anna, bram = account_id("anna"), account_id("bram")
    waiting = f"{anna}=approved {bram}=pending"
    place.sandbox.ask(id_, request_type="26", companies=("2", "1"), people=(anna, bram), approvals=(waiting,))
    (ticket,) = hoist.read([id_]).tickets
    wanted: dict[str, Value] = {
        "request_type": "Report a system problem",
        "organisation": "Acme",
        "approval": "waiting",
        "approver": (bram,),
        f"{NATIVE}participants": tuple(sorted((anna, bram))),
    }
    assert {name: ticket.fields[name] for name in wanted} == wanted
    assert ("request_type", None, "Report a system problem") in [(each.field, each.old, each.new) for each in ticket.changes]
    for approval in ("declined", "approved"):
        place.sandbox.ask(id_, approvals=(f"{bram}={approval}",))
        fields = hoist.read([id_]).tickets[0].fields
        assert (fields["approval"], fields["approver"]) == (approval, ())


def test_what_the_site_has_not_is_named(place: Place) -> None:
    """A misspelt SLA, and a custom field that is not there, are problems that `hoist check` names with the nearest name."""
    hoist = place.connected(targets=["Time to resolutoin"], fields={"vip": "customfield_1"})
    hoist.identify()
    said = "\n".join(hoist.problems())
    assert "did you mean 'Time to resolution'?" in said
    assert "`fields` names customfield_1 as vip" in said


def test_nothing_of_it_is_asked_for_where_nobody_wants_it(place: Place) -> None:
    """Without settings no SLA, no request type and no further field is read, and rules that ask for one are refused."""
    hoist = place.connected(targets=[], request_facts=[], fields={})
    assert not hoist.capabilities.reads & {TARGET, NATIVE, "approval", "approver", "request_type", "organisation"}
    place.clock.at = START + 5 * MINUTE
    assert RESOLUTION not in place.read(hoist)[0].fields


@pytest.mark.parametrize(
    ("shown", "due"),
    [
        (None, None),
        ({"completedCycles": []}, None),
        ({"ongoingCycle": {"paused": True, "startTime": {"epochMillis": 5}}}, None),
        ({"ongoingCycle": {"paused": False, "breachTime": {"epochMillis": 7}, "startTime": {"epochMillis": 5}}}, 7),
        ({"ongoingCycle": {"paused": False, "startTime": {"epochMillis": 5}}}, UNKNOWN),
        ({"errorMessage": "You are no agent of this project."}, UNKNOWN),
    ],
)
def test_each_state_of_a_clock(jira: Recorded, monkeypatch: pytest.MonkeyPatch, shown: object, due: Value) -> None:
    """What a clock does not say is not known, and never taken for met."""
    custom = {"type": "sd-servicelevelagreement", "custom": "com.atlassian.servicedesk:sd-sla-field"}
    jira.answers("GET", "field", [{"id": SLA, "name": "Time to resolution", "schema": custom}])
    jira.has(issue(**{SLA: shown, TEAM: None}))
    hoist = connector(monkeypatch, targets=["Time to resolution"])
    (ticket,) = hoist.read(["10001"]).tickets
    assert ticket.fields[RESOLUTION] == due


def test_a_clock_of_another_shape_sets_its_ticket_aside(jira: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """An SLA that is not what Jira's reference describes costs no other ticket, and no half of this one is read."""
    custom = {"type": "sd-servicelevelagreement", "custom": "com.atlassian.servicedesk:sd-sla-field"}
    jira.answers("GET", "field", [{"id": SLA, "name": "Time to resolution", "schema": custom}])
    jira.has(issue(1, **{SLA: {"ongoingCycle": {"breachTime": "soon"}}}), issue(2, **{SLA: None}))
    reading = connector(monkeypatch, targets=["Time to resolution"]).read(["10001", "10002"])
    assert [ticket.ref.id for ticket in reading.tickets] == ["10002"]
    assert [(each.id, "breachTime" in each.reason) for each in reading.quarantined] == [("10001", True)]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (None, None),
        ("VIP", "VIP"),
        (3.0, "3"),
        (2.5, "2.5"),
        (True, "true"),
        ({"id": "1", "value": "Yes"}, "Yes"),
        ({"value": "A", "child": {"value": "B"}}, "A / B"),
        ({"accountId": "712020:ann", "displayName": "Ann"}, "712020:ann"),
        ([{"value": "b"}, {"value": "a"}], ("a", "b")),
        ({"odd": 1}, UNKNOWN),
    ],
)
def test_a_custom_field_is_text_to_rules(given: object, text: Value) -> None:
    """Whatever a custom field holds, rules see text, texts in order, nothing, or that it is not known."""
    assert native(given) == text


def test_the_sandbox_shows_queues_and_slas_to_agents_alone(place: Place) -> None:
    """A queue is a saved search with its columns; internal comments and SLAs are not for customers."""
    place.clock.at = START + 5 * MINUTE
    call = Caller(place.sandbox)
    root = "/rest/servicedeskapi"
    (queue, *_) = call("GET", f"{root}/servicedesk/10000/queue", query={"includeCount": "True"})["values"]
    assert queue["issueCount"] == len(call.keys(queue["jql"])) > 0
    (row, *_) = call("GET", f"{root}/servicedesk/10000/queue/{queue['id']}/issue")["values"]
    assert row["fields"].keys() == set(queue["fields"])
    key = row["key"]
    call("POST", f"{root}/request/{key}/comment", {"body": "between us", "public": False})
    assert [each["public"] for each in call("GET", f"{root}/request/{key}/comment")["values"]][-1] is False
    assert call("GET", f"issue/{key}/comment")["comments"][-1]["jsdPublic"] is False
    assert call.status("POST", f"{root}/request/{key}/comment", {"body": "no word on who reads it"}) == 400
    (sla,) = call("GET", f"{root}/request/{key}/sla")["values"]
    assert sla == call("GET", f"issue/{key}")["fields"][SLA]


def test_the_sandbox_answers_searches_for_slas(place: Place) -> None:
    """Clocks that run, rest, ended, were missed or soon end are found by JQL, and a function that is misused is refused."""
    place.clock.at = START + 30 * HOUR
    call, name = Caller(place.sandbox), '"Time to resolution"'
    every = set(call.keys("project = IT"))
    states = [set(call.keys(f"project = IT AND {name} = {state}()")) for state in ("running", "paused", "completed")]
    assert set().union(*states) == every
    assert sum(map(len, states)) == len(every)
    assert set(call.keys(f"project = IT AND {name} = breached()")) <= set(call.keys(f"project = IT AND {name} = everBreached()"))
    soon = set(call.keys('project = IT AND cf[10060] < remaining("4h") AND cf[10060] = running()'))
    assert soon <= states[0]
    assert call.status("POST", "search/jql", {"jql": f'{name} = remaining("4h")'}) == 400


def test_clocks_that_can_not_be_searched_are_said(jira: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Jira refuses the search for SLAs, that is a problem of its own, with what to do, and not one of each run."""
    custom = {"type": "sd-servicelevelagreement", "custom": "com.atlassian.servicedesk:sd-sla-field"}
    jira.answers("GET", "field", [{"id": SLA, "name": "Time to resolution", "schema": custom}])
    jira.answers("GET", "project/ITSM", {"id": "10000", "key": "ITSM"})
    jira.answers("GET", "mypermissions", {"permissions": {}})
    jira.answers("POST", "search/jql", {"errorMessages": ["The field 'cf[10060]' is not for you."]}, 400)
    said = connector(monkeypatch, targets=["Time to resolution"]).problems()
    assert any(
        "is not for you; the SLAs that `targets` names can't be searched: make hoist's account an agent" in each for each in said
    )
