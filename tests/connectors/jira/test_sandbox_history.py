"""What the sandbox replays: made-up desks, and real event logs as they were."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.jira.sandbox import History, JiraSandbox, load, made_up
from connectors.jira.site.catalog import account_id
from connectors.sandboxes.history import Event
from rules.instants import DAY, HOUR, SECOND, Instant, instant, moment
from tests.connectors.jira.sandbox_caller import START, Caller, Clock, desk
from tests.shared import shared

MONDAY = instant(datetime.fromisoformat("2012-05-07T06:00:00+00:00"))
HEADER = "case_id,changed_at,status,sub_status,support_team,support_line,impact,product,owner\n"


# --- made up -------------------------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_desk() -> None:
    """A seed fixes every event; another seed makes another desk."""
    assert made_up(40, 7, START, DAY) == made_up(40, 7, START, DAY)
    assert made_up(40, 7, START, DAY).events != made_up(40, 8, START, DAY).events


@pytest.fixture(scope="module")
def lively() -> History:
    return made_up(300, 1, START, 7 * DAY)


def test_a_made_up_desk_has_as_many_tickets_as_asked_and_lives_on(lively: History) -> None:
    """At the start there are as many tickets as were asked for; later new ones arrive and old ones change."""
    clock = Clock()
    call = Caller(JiraSandbox(clock=clock, history=lively))
    assert call("POST", "search/approximate-count", {"jql": "project = IT"}) == {"count": 300}
    clock.pass_(7 * DAY)
    assert call("POST", "search/approximate-count", {"jql": "project = IT"})["count"] > 400
    assert call("POST", "search/approximate-count", {"jql": f"created < {START} and updated > {START}"})["count"] > 20


def test_a_made_up_desk_looks_like_one(lively: History) -> None:
    """Tickets are taken, handed on, bounced, asked about, forgotten and solved, by staff and requesters, mostly by day."""
    lives: dict[str, list[Event]] = {}
    for event in lively.events:
        lives.setdefault(event.issue, []).append(event)
    teams = [[event.fields["team"] for event in life if "team" in event.fields] for life in lives.values()]
    statuses = [[event.fields["status"] for event in life if "status" in event.fields] for life in lives.values()]
    notes = [(lively.people[event.author].account_type, event.note.public) for event in lively.events if event.note]
    assert any(len(path) > len(set(path)) for path in teams)  # back to a team that had it before
    assert {"Service Desk", "Network Engineering", "Security Operations"} <= {team for path in teams for team in path}
    assert sum("Waiting for customer" in path for path in statuses) > 30
    assert sum(path[-1] == "Closed" for path in statuses) > 100
    assert sum(path == ["Open"] for path in statuses) > 5
    assert {("staff", True), ("staff", False), ("customer", True)} == set(notes)
    days = [moment(life[0].at).weekday() for life in lives.values()]
    assert 0 < sum(day >= 5 for day in days) < len(days) / 10
    assert any(later.at - earlier.at > 2 * DAY for life in lives.values() for earlier, later in pairwise(life))
    assert len({life[0].fields["priority"] for life in lives.values()}) == 4


def test_staff_act_on_tickets_of_their_own_team(lively: History) -> None:
    """Whoever takes a ticket belongs to the team that holds it, so a team's people can be told from the log."""
    team: dict[str, Any] = {}
    members: dict[str, set[Any]] = {}
    for event in lively.events:
        team[event.issue] = event.fields.get("team", team.get(event.issue))
        if event.fields.get("assignee"):
            members.setdefault(str(event.fields["assignee"]), set()).add(team[event.issue])
    assert all(len(teams) == 1 for teams in members.values())


@settings(max_examples=25)
@given(st.integers(0, 60), st.integers(0, 1_000), st.integers(0, 5 * DAY))
def test_every_made_up_desk_is_in_order(tickets: int, seed: int, length: int) -> None:
    """Events are ordered, begin with creations, name only what the desk has, and end where asked."""
    history = made_up(tickets, seed, START, length)
    created: dict[str, Instant] = {}
    for event in history.events:
        created.setdefault(event.issue, event.at)
        assert event.author in history.people
        assert event.fields.get("team", "Service Desk") in history.teams
    assert [event.at for event in history.events] == sorted(event.at for event in history.events)
    assert sum(at <= START for at in created.values()) == tickets
    assert all(event.at < START + max(length, 1) for event in history.events)


# --- logs ----------------------------------------------------------------------------------------------------------


def written(folder: Path, text: str, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_of_one_instant_keep_the_order_of_the_file(tmp_path: Path) -> None:
    """Two rows of one second are two entries, in the order of the file; a row that changes nothing leaves no trace."""
    row = "1,2012-05-07T08:00:00+01:00,Accepted,{status},V30,L1,Medium,P1,{owner}\n"
    log = HEADER + row.format(status="Assigned", owner="Eva")
    log += row.format(status="In Progress", owner="Eva") + row.format(status="Assigned", owner="Eva") * 2
    sandbox = JiraSandbox(clock=lambda: MONDAY + 4 * HOUR, history=load(written(tmp_path, log)))
    entries = Caller(sandbox)("GET", f"issue/{sandbox.issue_id('1')}/changelog")["values"]
    assert [[each["toString"] for each in entry["items"]] for entry in entries] == [["In Progress"], ["Assigned"]]
    assert entries[0]["created"] == entries[1]["created"] == "2012-05-07T07:00:00.000+0000"


def test_the_log_wins_over_what_was_written(tmp_path: Path) -> None:
    """A replayed event sets its fields whatever hoist wrote before, and the changelog shows from what."""
    row = "1,2012-05-07T0{hour}:00:00+01:00,Accepted,In Progress,V30,L1,Medium,P1,{owner}\n"
    clock = Clock(MONDAY)
    log = written(tmp_path, HEADER + row.format(hour=6, owner="Eva") + row.format(hour=8, owner="Max"))
    call = Caller(JiraSandbox(clock=clock, history=load(log)))
    call("PUT", "issue/VINST-1", {"fields": {"priority": {"id": "1"}}})
    clock.at = call.sandbox.next_event(clock.at) or 0
    (_, entry) = call("GET", "issue/VINST-1/changelog")["values"]
    assert {each["field"]: (each["fromString"], each["toString"]) for each in entry["items"]} == {
        "assignee": ("Eva", "Max"),
        "priority": ("Highest", "Medium"),
    }
    assert call.sandbox.next_event(clock.at) is None


def test_nobody_holds_what_awaits_assignment_or_the_automatic_account_did(tmp_path: Path) -> None:
    """Queued issues have no assignee, whoever the row names; the automatic account is an app and never an assignee."""
    row = "{case},2012-05-07T08:00:00+01:00,Queued,{status},V30,L1,Medium,P1,{owner}\n"
    log = row.format(case=1, status="Awaiting Assignment", owner="Eva") + row.format(case=2, status="Closed", owner="SYSTEM")
    call = Caller(JiraSandbox(clock=lambda: MONDAY + DAY, history=load(written(tmp_path, HEADER + log))))
    assert [call("GET", f"issue/VINST-{number}")["fields"]["assignee"] for number in (1, 2)] == [None, None]
    assert call("GET", "user", query={"accountId": account_id("SYSTEM")})["accountType"] == "app"
    assert call("GET", "issue/VINST-1")["fields"]["reporter"]["accountType"] == "customer"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1"),
        ("a,b\n1,2\n", "line 1: these columns are not known: a, b"),
        (HEADER, "no rows"),
        (HEADER + "1,2012-05-07T08:00:00+01:00,Accepted\n", "line 2: 3 columns instead of 9"),
        (HEADER + "1,yesterday,Accepted,Assigned,V30,L1,Medium,P1,Eva\n", "line 2: 'yesterday' names no instant"),
        (HEADER + "1,2012-05-07T08:00:00,Accepted,Assigned,V30,L1,Medium,P1,Eva\n", "line 2: .*no time zone"),
        (HEADER + "1,2012-05-07T08:00:00+01:00,Accepted,Odd,V30,L1,Medium,P1,Eva\n", "line 2: .* category for the status 'Odd'"),
        (HEADER + "1,2012-05-07T08:00:00+01:00,Accepted,Assigned,V30,L1,Huge,P1,Eva\n", "line 2: .* priority for 'Huge'"),
    ],
    ids=range(8),
)
def test_a_log_that_can_not_be_replayed_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    """File, line and reason are told for a log that can't be read."""
    with pytest.raises(ValueError, match=problem) as refused:
        load(written(tmp_path, text))
    assert "log.csv" in str(refused.value)


def test_a_mapping_opens_any_log(tmp_path: Path) -> None:
    """A log of other words is replayed with a mapping: columns, categories, priorities, roles, comments, a time zone."""
    log = "ticket;when;state;group;who;text;visible\n7;2026-11-23 08:00;Neu;Hotline;;;\n"
    log += "7;2026-11-23 08:30;Arbeit;Netz;Eva;Wir sind dran.;yes\n"
    mapping: Mapping[str, object] = {
        "columns": {"issue": "ticket", "at": "when", "status": "state", "team": "group", "assignee": "who"}
        | {"comment": "text", "public": "visible"},
        "statuses": {"Neu": "new", "Arbeit": "indeterminate", "Fertig": "done"},
        "roles": {"closed": ["Fertig"]},
        "time_zone": "Europe/Berlin",
        "delimiter": ";",
        "project": "HD",
    }
    path = written(tmp_path, log)
    sandbox = JiraSandbox(clock=lambda: START, history=load(path, written(tmp_path, json.dumps(mapping), "mapping.json")))
    call = Caller(sandbox, version=2)
    issue = call("GET", "issue/HD-1")["fields"]
    assert (issue["created"], issue["updated"]) == ("2026-11-23T07:00:00.000+0000", "2026-11-23T07:30:00.000+0000")
    assert (issue["status"]["name"], issue["customfield_10050"]["value"]) == ("Arbeit", "Netz")
    assert [(each["body"], each["jsdPublic"]) for each in issue["comment"]["comments"]] == [("Wir sind dran.", True)]
    assert sandbox.source_settings() == {
        "projects": ["HD"],
        "tier_field": {"kind": "select", "field": "customfield_10050"},
        "statuses": {"new": ["Neu"], "open": ["Arbeit"], "pending": [], "on_hold": [], "resolved": [], "closed": ["Fertig"]},
    }


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ("[]", "no mapping"),
        ("{columns: {issue: a}}", "at, status"),
        ("{colums: {}}", "unknown colums"),
        ("{columns: {issue: a, at: b, status: c, colour: d}}", "colour"),
        ("{columns: {issue: a, at: b, status: c}, statuses: {Open: begun}}", "begun"),
        ("{columns: {issue: a, at: b, status: c}, statuses: {Open: new}, roles: {waiting: [Open]}}", "waiting"),
        ("{columns: {issue: a, at: b, status: x}, statuses: {Open: new}}", "status .x."),
        (": :", "YAML"),
    ],
)
def test_a_wrong_mapping_is_refused(tmp_path: Path, mapping: str, problem: str) -> None:
    """What is wrong with a mapping is told by name."""
    with pytest.raises(ValueError, match=problem):
        load(written(tmp_path, "a,b,c\n"), written(tmp_path, mapping, "mapping.yaml"))


def test_comments_of_a_history_keep_their_side() -> None:
    """The sandbox serves a history that was built by hand as well as one that was read."""
    call = Caller(JiraSandbox(clock=lambda: START, history=desk()))
    assert call.keys("project = IT ORDER BY id") == ["IT-1", "IT-2", "IT-3"]
    assert call.sandbox.issue_id("T2") == "10002"


# --- the Volvo log -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(shared() / "data" / "bpic2013_incidents.csv.gz", "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def volvo() -> History:
    return load(shared() / "data" / "bpic2013_incidents.csv.gz")


def test_the_volvo_log_stands_at_a_monday_morning(volvo: History) -> None:
    """All 7,554 incidents are visible on 2012-05-07 at 06:00 UTC, and configuration tells their statuses apart."""
    sandbox = JiraSandbox(clock=lambda: MONDAY, history=volvo)
    call = Caller(sandbox)
    assert call("POST", "search/approximate-count", {"jql": "project = VINST"}) == {"count": 7_554}
    statuses = sandbox.source_settings()["statuses"]
    assert isinstance(statuses, dict)
    assert statuses["pending"] == ["Wait - User", "Wait - Customer"]
    assert sum(map(len, statuses.values())) == 13


@pytest.mark.parametrize("days", [-300, 2.5])
def test_the_volvo_replay_is_the_log_at_any_instant(volvo: History, rows: list[dict[str, str]], days: float) -> None:
    """At each instant every issue has the fields of its last row, and its history is the differences between its rows."""
    clock = Clock(MONDAY - 500 * DAY)
    sandbox = JiraSandbox(clock=clock, history=volvo)
    call = Caller(sandbox)
    call("GET", "myself")  # what comes later is replayed in two pieces, as in a running sandbox
    clock.at = now = MONDAY + round(days * DAY)
    states: dict[str, list[tuple[str | None, ...]]] = {}
    for row in rows:
        if instant(datetime.fromisoformat(row["changed_at"])) <= now:
            states.setdefault(row["case_id"], []).append(state(row))
    found: dict[str, tuple[str | None, ...]] = {}
    entries: dict[str, int] = {}
    body: dict[str, Any] = {"fields": ["status", "assignee", "priority", "components", "customfield_10050", "customfield_10051"]}
    token = None
    while True:
        page = call.search(
            "project = VINST ORDER BY updated ASC, id ASC", maxResults=100, **body, **({"nextPageToken": token} if token else {})
        )
        found |= {each["id"]: shown(each["fields"]) for each in page["issues"]}
        ids = [each["id"] for each in page["issues"]]
        logs = call("POST", "changelog/bulkfetch", {"issueIdsOrKeys": ids, "maxResults": 10_000})["issueChangeLogs"]
        entries |= {each["issueId"]: len(each["changeHistories"]) for each in logs}
        if page["isLast"]:
            break
        token = page["nextPageToken"]
    ids_by_case = {case: sandbox.issue_id(case) for case in states}
    assert found == {ids_by_case[case]: path[-1] for case, path in states.items()}
    changed = {ids_by_case[case]: sum(a != b for a, b in pairwise(path)) for case, path in states.items()}
    assert entries == {id_: number for id_, number in changed.items() if number}


def state(row: Mapping[str, str]) -> tuple[str | None, ...]:
    """A row of the log in Jira's words."""
    nobody = row["sub_status"] == "Awaiting Assignment" or row["owner"] == "SYSTEM"
    impact = {"Major": "Highest"}.get(row["impact"], row["impact"])
    return row["sub_status"], None if nobody else row["owner"], impact, row["product"], row["support_team"], row["support_line"]


def shown(fields: Mapping[str, Any]) -> tuple[str | None, ...]:
    """The same of an issue."""
    assignee, component = fields["assignee"], fields["components"]
    return (
        fields["status"]["name"],
        assignee and assignee["displayName"],
        fields["priority"]["name"],
        component[0]["name"],
        fields["customfield_10050"]["value"],
        fields["customfield_10051"]["value"],
    )


def test_the_volvo_log_tells_its_next_event(volvo: History, rows: list[dict[str, str]]) -> None:
    """The next event after an instant is the next stamp of the log."""
    stamps = sorted(instant(datetime.fromisoformat(row["changed_at"])) for row in rows)
    sandbox = JiraSandbox(clock=lambda: MONDAY, history=volvo)
    expected = next(at for at in stamps if at > MONDAY)
    assert sandbox.next_event(MONDAY) == expected
    assert sandbox.next_event(expected - SECOND) == expected
    assert sandbox.next_event(stamps[-1]) is None
