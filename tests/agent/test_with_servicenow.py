"""hoist at a terminal beside a ServiceNow instance: checked, run once, explained, and its journal verified."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.servicenow.sandbox import Policies, ServiceNowSandbox, Terms
from tests.agent.command_line import hoist, real_time, small_desk
from tests.connectors.servicenow.sandbox_caller import Caller

ORGANISATION = """\
format: 1
defaults: {mode: live, calendar: always, existing_tickets: all}
priorities:
  - {name: P1, snow: 1 - Critical}
  - {name: P2, snow: 2 - High}
  - {name: P3, snow: 3 - Moderate}
calendars:
  always: {hours: all}
teams:
  desk: {snow: Service Desk}
  network: {snow: Network}
chains:
  it: [desk, network]
"""
RULES = """\
rules:
  - rule: nobody-took-it
    title: Nobody took it
    when: {status: [new, open], assignee: nobody}
    for: 15 minutes
    do:
      - escalate: it
      - raise_priority: {by: 1, not_above: P1}
      - comment: "Without an owner for {held}. Moved to {team}."
"""


class Desk:
    """An instance that listens, and the folder with hoist.yaml and protocol/ beside it."""

    def __init__(self, folder: Path, sandbox: ServiceNowSandbox) -> None:
        self.folder, self.sandbox = folder, sandbox
        known = sandbox.credentials()
        (folder / "secret").write_text(known["client_secret"], encoding="utf-8")
        (folder / "protocol").mkdir()
        (folder / "protocol" / "organisation.yaml").write_text(ORGANISATION, encoding="utf-8")
        (folder / "protocol" / "rules.yaml").write_text(RULES, encoding="utf-8")
        auth = {"kind": "client_credentials", "client_id": known["client_id"], "client_secret": f"file:{folder / 'secret'}"}
        self.source: dict[str, Any] = {"platform": "servicenow", "url": known["url"], "username": known["username"], "auth": auth}
        self.source["requests_per_second"] = 1000
        self.write()

    def write(self, **more: object) -> None:
        settings = {"sources": {"snow": self.source | self.sandbox.source_settings() | more}}
        (self.folder / "hoist.yaml").write_text(json.dumps(settings), encoding="utf-8")

    def hoist(self, *arguments: str) -> Any:
        return hoist(*arguments, "--config", self.folder / "hoist.yaml")

    def rows(self, table: str, query: str = "") -> list[dict[str, Any]]:
        return Caller(self.sandbox, "admin").rows(table, query)


def served(folder: Path, terms: Terms) -> Iterator[Desk]:
    sandbox = ServiceNowSandbox(clock=real_time, history=small_desk(real_time()), terms=terms)
    with sandbox.serve():
        yield Desk(folder, sandbox)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield from served(tmp_path, Terms(session_zone="Asia/Kolkata"))


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Desk]:
    withheld = ("read sys_audit", "read incident.urgency", "read sys_user_grmember")
    yield from served(tmp_path, Terms(policies=Policies(withheld=withheld)))


def test_a_ticket_that_nobody_took_is_escalated_once(desk: Desk) -> None:
    """The forgotten incident moves to the next team with a higher priority and a comment, once, however often hoist runs."""
    checked = desk.hoist("check")
    assert checked.code == 0, checked.words
    assert "snow" in checked.words
    for _ in range(2):
        assert desk.hoist("run", "--once").code == 0
    incidents = {row["short_description"]: row for row in desk.rows("incident")}
    forgotten = incidents["No mail since noon"]
    (network,) = desk.rows("sys_user_group", "name=Network")
    assert forgotten["assignment_group"]["value"] == network["sys_id"]
    notes = desk.rows("sys_journal_field", f"element_id={forgotten['sys_id']}")
    assert {note["element"] for note in notes} == {"work_notes"}
    assert sum("Without an owner for" in note["value"] for note in notes) == 1
    assert len(notes) == 2
    audited = desk.rows("sys_audit", f"documentkey={forgotten['sys_id']}^fieldname=priority")
    assert [(row["oldvalue"], row["newvalue"]) for row in audited] == [("2", "1")]
    assert not desk.rows("sys_audit", f"documentkey={incidents['Printer jams']['sys_id']}^user=hoist.integration")
    said = desk.hoist("why", f"snow:{forgotten['number']}")
    assert said.code == 0
    assert "Nobody took it" in said.words or "nobody-took-it" in said.words
    assert desk.hoist("status").code == 0
    assert desk.hoist("journal", "verify").code == 0


def test_missing_rights_are_named_before_anything_runs(bare: Desk) -> None:
    """`hoist check` names each missing right by table and column, and hoist does not start without them."""
    said = bare.hoist("check")
    assert said.code == 1
    assert "lacks read access to sys_audit" in said.words
    assert "incident.urgency is hidden from hoist's account" in said.words
    assert bare.hoist("run", "--once").code != 0
    assert not bare.rows("sys_audit", "user=hoist.integration")


def test_a_clone_is_kept_away_from(desk: Desk) -> None:
    """An instance that calls itself otherwise than configured is not read, let alone written."""
    desk.write(instance="production")
    said = desk.hoist("run", "--once")
    assert said.code != 0
    assert "calls itself hoistsandbox, not production" in said.words


KEPT = ORGANISATION.replace(
    "  network: {snow: Network}", "  network: {snow: Network, on_call: source://snow/Network on call}"
).replace(
    "  always: {hours: all}",
    '  always: {hours: all}\n  office: {time_zone: UTC, hours: {mon-fri: "09:00-17:00"}, schedule: source://snow/Network hours}',
)


def test_schedules_and_rotas_of_the_instance(desk: Desk) -> None:
    """`hoist check` shows who has the duty by the instance's own rota and when its own schedule is open; a run journals them."""
    (roster,) = desk.rows("cmn_rota_roster", "rota.name=Network on call")
    person = desk.rows("sys_user", "active=true^emailISNOTEMPTY")[0]
    Caller(desk.sandbox, "admin")("POST", "table/cmn_rota_member", {"roster": roster["sys_id"], "member": person["sys_id"]})
    (desk.folder / "protocol" / "organisation.yaml").write_text(KEPT, encoding="utf-8")
    assert desk.hoist("rules", "lint", str(desk.folder / "protocol")).code == 0
    checked = desk.hoist("check")
    assert checked.code == 0, checked.words
    assert "by the schedule Network hours of snow (Europe/Amsterdam)" in checked.words
    outside = desk.hoist("check", "--json").json["outside"]
    assert outside["schedules"][0] | {"open": None, "until": None} == {
        "calendar": "office",
        "schedule": "Network hours of snow",
        "read": True,
        "time_zone": "Europe/Amsterdam",
        "open": None,
        "until": None,
    }
    (rota,) = outside["rotas"]
    assert rota["rota"] == "Network on call of snow"
    assert {*rota["on_duty"], *rota["next"]} == {person["email"]}
    assert desk.hoist("run", "--once").code == 0
    told = desk.hoist("journal", "export")
    assert "Network hours of snow" in told.out
    assert "Network on call of snow" in told.out


def test_a_schedule_that_can_no_longer_be_used_stops_nothing(desk: Desk) -> None:
    """What is strange about it is named, and what was read before goes on counting."""
    (desk.folder / "protocol" / "organisation.yaml").write_text(KEPT, encoding="utf-8")
    assert desk.hoist("run", "--once").code == 0
    (schedule,) = desk.rows("cmn_schedule", "name=Network hours")
    (entry,) = desk.rows("cmn_schedule_span", f"schedule={schedule['sys_id']}")
    Caller(desk.sandbox, "admin")("PATCH", f"table/cmn_schedule_span/{entry['sys_id']}", {"repeat_type": "lunar"})
    checked = desk.hoist("check", "--json")
    assert checked.code == 0
    (said,) = [each for each in checked.json["outside"]["findings"] if "Network hours" in each]
    assert "its entry Working days recurs in a way that hoist does not know (lunar)" in said
    assert "goes on counting" in said
    assert checked.json["outside"]["schedules"][0]["time_zone"] == "Europe/Amsterdam"
    assert desk.hoist("run", "--once").code == 0


def test_a_right_on_schedules_that_is_missing_is_named(tmp_path: Path) -> None:
    """By table and column, as a finding: the hours of the protocol count meanwhile."""
    for desk in served(tmp_path, Terms(policies=Policies(withheld=("read cmn_schedule_span.start_date_time",)))):
        (desk.folder / "protocol" / "organisation.yaml").write_text(KEPT, encoding="utf-8")
        checked = desk.hoist("check")
        assert checked.code == 0, checked.words
        assert "lacks read access to cmn_schedule_span.start_date_time; grant it" in checked.words
        assert "until then the hours of the protocol count" in checked.words
        assert "the hours of the protocol, since the schedule Network hours of snow was never read" in checked.words
        assert desk.hoist("run", "--once").code == 0
