"""What the sandbox replays: made-up desks, and real event logs as incidents with audit rows."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from connectors.sandboxes.history import History
from connectors.servicenow.sandbox import ServiceNowSandbox, load, made_up
from rules.instants import DAY, HOUR, Instant, instant
from tests.connectors.sandbox_desk import CHASED, HANDED, START, TAKEN, Clock, desk
from tests.connectors.servicenow.sandbox_caller import Caller
from tests.shared import shared

HEADER = "case_id,changed_at,status,sub_status,support_team,support_line,impact,product,owner\n"
MONDAY = instant(datetime.fromisoformat("2012-04-30T06:00:00+00:00"))

STATES = {
    "Awaiting Assignment": ("1", ""),
    "Wait - User": ("3", "1"),
    "Wait - Customer": ("3", "1"),
    "Wait - Vendor": ("3", "4"),
    "Wait - Implementation": ("3", "5"),
    "Wait": ("3", ""),
    "In Call": ("6", ""),
    "Resolved": ("6", ""),
    "Closed": ("7", ""),
    "Cancelled": ("8", ""),
}
"""State and on hold reason by sub-status; any other is in progress."""
IMPACTS = {"Major": ("1", "1"), "High": ("1", "2"), "Medium": ("2", "2"), "Low": ("3", "2")}


def test_the_same_seed_makes_the_same_instance() -> None:
    """Ids, people and history follow from the seed; another seed makes others."""

    def seen(seed: int) -> list[dict[str, object]]:
        call = Caller(ServiceNowSandbox(clock=lambda: START, history=made_up(20, seed, START, DAY), seed=seed))
        return call.rows("incident") + call.rows("sys_audit")

    assert seen(1) == seen(1) != seen(2)


def test_history_goes_on_while_a_client_watches() -> None:
    """What the history holds for a later instant appears when the clock gets there."""
    clock = Clock()
    call = Caller(ServiceNowSandbox(clock=clock, history=desk(TAKEN, HANDED, CHASED)))
    one = call.sandbox.issue_id("T1")
    assert call.rows("sys_journal_field", f"element_id={one}^element=comments") == []
    clock.at = call.sandbox.next_event(START) or 0
    (entry,) = call.rows("sys_journal_field", f"element_id={one}^element=comments")
    assert (entry["value"], entry["sys_created_by"], entry["sys_created_on"]) == ("Any news?", "chloe", "2026-11-23 08:00:10")
    assert call.sandbox.next_event(clock.at) is None


def test_an_incident_tells_its_history() -> None:
    """Taken and handed on: who changed what, when, as audit rows."""
    call = Caller(ServiceNowSandbox(clock=lambda: START, history=desk(TAKEN, HANDED)))
    one, anna = call.sandbox.issue_id("T1"), call.sandbox.user_id("anna")
    rows = call.rows("sys_audit", f"documentkey={one}^ORDERBYsys_created_on^ORDERBYfieldname")
    told = [(row["sys_created_on"][11:], row["fieldname"], row["oldvalue"], row["newvalue"]) for row in rows]
    assert {row["user"] for row in rows} == {"anna"}
    assert told == [
        ("07:30:00", "assigned_to", "", anna),
        ("07:30:00", "incident_state", "1", "2"),
        ("07:30:00", "state", "1", "2"),
        ("07:40:00", "assigned_to", anna, ""),
        ("07:40:00", "assignment_group", call.sandbox.group_id("Service Desk"), call.sandbox.group_id("Network Operations")),
        ("07:40:00", "reassignment_count", "0", "1"),
        ("07:40:00", "work_notes", "JOURNAL FIELD ADDITION", "Needs a specialist."),
    ]
    assert call.incident(one)["caller_id"]["value"] == call.sandbox.user_id("chloe")


def test_the_log_wins_over_what_was_written(tmp_path: Path) -> None:
    """A replayed event sets its fields whatever hoist wrote before, and the audit shows from what."""
    row = "1,2012-04-30T0{hour}:00:00+01:00,Accepted,In Progress,V30,L1,Medium,P1,{owner}\n"
    log = tmp_path / "log.csv"
    log.write_text(HEADER + row.format(hour=6, owner="Eva") + row.format(hour=8, owner="Max"))
    clock = Clock(MONDAY)
    call = Caller(ServiceNowSandbox(clock=clock, history=load(log)))
    sys_id = call.sandbox.issue_id("1")
    call.patch(sys_id, impact="1", urgency="1")
    clock.at = call.sandbox.next_event(clock.at) or 0
    rows = call.rows("sys_audit", f"documentkey={sys_id}^user=Max")
    assert {row["fieldname"]: (row["oldvalue"], row["newvalue"]) for row in rows} == {
        "assigned_to": (call.sandbox.user_id("Eva"), call.sandbox.user_id("Max")),
        "impact": ("1", "2"),
        "urgency": ("1", "2"),
        "priority": ("1", "3"),
    }


def test_a_log_without_teams_has_its_lines_as_groups(tmp_path: Path) -> None:
    """Where a log names support lines alone, they are the assignment groups."""
    log, mapping = tmp_path / "log.csv", tmp_path / "mapping.yaml"
    log.write_text("id,when,state,line\n1,2026-11-23T07:00:00Z,Open,L1\n1,2026-11-23T07:30:00Z,Open,L2\n")
    mapping.write_text("columns: {issue: id, at: when, status: state, line: line}\nstatuses: {Open: new}\n")
    call = Caller(ServiceNowSandbox(clock=lambda: START, history=load(log, mapping)))
    (row,) = call.rows("incident", sysparm_display_value="true")
    assert (row["assignment_group"]["display_value"], row["reassignment_count"]) == ("L2", "1")


def test_labels_of_a_history_are_tags() -> None:
    """Labels come and go as entries of their own, which leave the record alone."""
    marked = TAKEN._replace(fields={"labels": ("vip", "vpn")})
    changed = HANDED._replace(fields={"labels": ("vpn",)}, note=None)
    for events, names in (([marked], ["vip", "vpn"]), ([marked, changed], ["vpn"])):
        call = Caller(ServiceNowSandbox(clock=lambda: START, history=desk(*events)))
        entries = call.rows("label_entry", f"table_key={call.sandbox.issue_id('T1')}^ORDERBYtitle", sysparm_display_value="true")
        assert [each["label"]["display_value"] for each in entries] == names
        assert call.incident(call.sandbox.issue_id("T1"))["sys_mod_count"] == "0"


# --- the Volvo log -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(shared() / "data" / "bpic2013_incidents.csv.gz", "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def volvo() -> History:
    return load(shared() / "data" / "bpic2013_incidents.csv.gz")


FIELDS = ("state", "hold_reason", "assignment_group", "assigned_to", "impact", "urgency")


def expected(row: Mapping[str, str]) -> tuple[str, ...]:
    """A row of the log in ServiceNow's words."""
    state, reason = STATES.get(row["sub_status"], ("2", ""))
    nobody = row["sub_status"] == "Awaiting Assignment" or row["owner"] == "SYSTEM"
    return state, reason, row["support_team"], "" if nobody else row["owner"], *IMPACTS[row["impact"]]


def past(rows: list[dict[str, str]], now: Instant) -> dict[str, list[tuple[str, ...]]]:
    """The states that each case went through until now."""
    found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for row in rows:
        if instant(datetime.fromisoformat(row["changed_at"])) <= now:
            found[row["case_id"]].append(expected(row))
    return found


def test_the_volvo_replay_is_the_log(volvo: History, rows: list[dict[str, str]]) -> None:
    """On a Monday morning each incident has the fields of its last row, and its audit is the differences between its rows."""
    clock = Clock(MONDAY - 500 * DAY)
    call = Caller(ServiceNowSandbox(clock=clock, history=volvo))
    call("GET", "table/sys_user", sysparm_limit=1)  # what comes later is replayed in two pieces, as in a running sandbox
    clock.at = MONDAY
    paths = past(rows, MONDAY)
    ids = {case: call.sandbox.issue_id(case) for case in paths}
    found = {
        row["sys_id"]: tuple(row[name] for name in FIELDS)
        for row in call.rows(
            "incident", sysparm_fields=f"sys_id,{','.join(FIELDS)}", sysparm_limit=10_000, sysparm_exclude_reference_link="true"
        )
    }
    names = {row["sys_id"]: row["name"] for table in ("sys_user_group", "sys_user") for row in call.rows(table)}
    shown = {id_: (*row[:2], names[row[2]], names.get(row[3], ""), *row[4:]) for id_, row in found.items()}
    assert shown == {ids[case]: path[-1] for case, path in paths.items()}
    assert len(shown) > 2_000
    audited: dict[tuple[str, str], int] = defaultdict(int)
    for place, name in enumerate(FIELDS):
        for row in call.rows("sys_audit", f"fieldname={name}", sysparm_fields="documentkey", sysparm_limit=100_000):
            audited[row["documentkey"], FIELDS[place]] += 1
    changes = {
        (ids[case], name): sum(before[place] != after[place] for before, after in pairwise(path))
        for case, path in paths.items()
        for place, name in enumerate(FIELDS)
    }
    assert audited == {key: number for key, number in changes.items() if number}


def test_the_volvo_teams_stand_below_their_lines(volvo: History) -> None:
    """Each assignment group is a support team, and its parent is its line."""
    call = Caller(ServiceNowSandbox(clock=lambda: MONDAY - 600 * DAY, history=volvo))
    groups = {row["name"]: row["parent"] for row in call.rows("sys_user_group", sysparm_display_value="true")}
    assert len(groups) == 649 + 4
    assert groups["G97"]["display_value"] == "Support line L1"
    assert len(call.rows("sys_user_group", "parent.name=Support line L3")) > 20
    assert call.sandbox.next_event(MONDAY - HOUR) is not None
