"""`hoist backtest`: what rules would have done on past tickets, on a log or on the mirror."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.hindsight.backtest import Options
from agent.hindsight.backtest import backtest as run
from agent.hindsight.past import Wanted, opened
from agent.screens.backtest import data
from agent.store import waiting
from agent.store.database import open_database
from rules.backtest import Question, judge
from rules.engine import evaluate
from rules.firings import firings
from rules.instants import HOUR, MINUTE
from rules.timeline import timeline
from tests.agent.command_line import Desk, Said, desk, hoist
from tests.shared import shared

MAPPING = """\
columns: {issue: id, at: at, status: state, team: team, assignee: who, author: who, priority: priority}
statuses: {New: new, Active: open, Resolved: resolved}
known_from_start: [priority]
never_set: [labels]
"""
LOG = """\
id,at,state,team,who,priority
A,2026-03-02T08:00:00Z,New,Desk,,high
A,2026-03-02T12:00:00Z,Active,Network,nora,high
B,2026-03-02T08:00:00Z,New,Desk,,high
B,2026-03-02T08:20:00Z,Active,Desk,rick,high
B,2026-03-02T09:00:00Z,Resolved,Desk,rick,high
C,2026-03-02T08:00:00Z,New,Network,,high
C,2026-03-02T08:10:00Z,Active,Network,nora,high
D,2026-03-07T23:00:00Z,New,Desk,,high
D,2026-03-09T08:00:00Z,Resolved,Desk,rick,high
"""
ORGANISATION = """\
format: 1
defaults: {mode: live, calendar: always, time_zone: UTC}
priorities: [{name: P1, old: high}]
calendars: {always: {hours: all}}
teams: {desk: {old: Desk}, network: {old: Network}}
chains: {it: [desk, network]}
"""
RULES = """\
rules:
  - rule: nobody-took-it
    title: Nobody took it
    when: {status: [new, open], assignee: nobody}
    for: 15 minutes
    do:
      - escalate: it
  - rule: still-new
    title: Still new
    when: {status: new}
    for: 1 hour
    do:
      - tell: boss@example.com
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text(LOG, encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "organisation.yaml").write_text(ORGANISATION, encoding="utf-8")
    (tmp_path / "own" / "rules.yaml").write_text(RULES, encoding="utf-8")
    return tmp_path


def backtest(*more: str) -> Said:
    return hoist("backtest", "--log", "log.csv", "--mapping", "mapping.yaml", "--rules", "own", *more)


def rules_of(said: Said) -> dict[str, Any]:
    found: dict[str, Any] = said.json["rulebooks"][0]["rules"]
    return found


def test_the_first_firing_is_told_apart_from_what_rests_on_nobody_having_reacted(folder: Path) -> None:
    """Of each ticket the first escalation is evidence; a second rule on the same ticket counts as later, never with it."""
    assert (folder / "log.csv").exists()
    took, new = rules_of(backtest("--json")).values()
    assert (took["first"], took["if_nobody_had_reacted"], took["alone"]) == (3, 0, 3)
    assert (new["first"], new["if_nobody_had_reacted"], new["alone"]) == (0, 2, 2)


def test_gains_and_false_alarms_are_those_of_the_history(folder: Path) -> None:
    """Time gained is that until people's own next step; solved or taken within an hour anyway, it was a false alarm."""
    assert folder.exists()
    took = rules_of(backtest("--json"))["nobody-took-it"]
    assert took["gained"]["handed over"] == dict.fromkeys(("median", "p90", "least", "most"), 225 * MINUTE) | {"number": 1}
    assert (took["false_alarms"], took["gained"]["solved"]["least"]) == (1, 45 * MINUTE)
    assert rules_of(backtest("--json", "--soon", "1 minutes"))["nobody-took-it"]["false_alarms"] == 0


def test_load_is_told_by_team_and_hour_with_nights_and_weekends_apart(folder: Path) -> None:
    """Who would have been given tickets, and at which hour of which part of the week."""
    assert folder.exists()
    load = backtest("--json").json["rulebooks"][0]["load"]
    assert {(each["who"], each["when"], each["hour"]): each["number"] for each in load} == {
        ("network", "day", 8): 2,
        ("network", "weekend", 23): 1,
    }


def test_two_rulebooks_stand_side_by_side(folder: Path) -> None:
    """The same past under other rules, beside the first ones."""
    (folder / "other").mkdir()
    (folder / "other" / "organisation.yaml").write_text(ORGANISATION, encoding="utf-8")
    (folder / "other" / "rules.yaml").write_text(RULES.replace("15 minutes", "3 hours"), encoding="utf-8")
    one, other = backtest("--against", "other", "--json").json["rulebooks"]
    assert (one["rules"]["nobody-took-it"]["first"], other["rules"]["nobody-took-it"]["first"]) == (3, 0)
    assert "Side by side" in backtest("--against", "other").out


def test_what_if_lays_the_write_over_the_history_until_a_person_changes_the_field(folder: Path) -> None:
    """A rule about the second line sees the ticket that hoist moved there, for as long as nobody moved it on."""
    more = RULES + (
        "  - rule: waits-at-network\n    title: Waits\n    when: {status: new, team: network}\n    for: 1 hour\n"
        "    do: [{tell: boss@example.com}]\n"
    )
    (folder / "own" / "rules.yaml").write_text(more, encoding="utf-8")
    assert rules_of(backtest("--json"))["waits-at-network"]["alone"] == 0
    said = backtest("--json", "--what-if")
    assert rules_of(said)["waits-at-network"]["alone"] == 2
    assert said.json["what_if"]


def test_what_the_log_does_not_hold_is_unknown_and_said(folder: Path) -> None:
    """A rule that looks at what the log has no column for is unknown on its tickets, and fires on none of them."""
    (folder / "own" / "rules.yaml").write_text(RULES.replace("status: new}", "status: new, type: Incident}"), encoding="utf-8")
    said = backtest("--json")
    assert rules_of(said)["still-new"]["unknown_tickets"] == 2
    assert (said.json["rulebooks"][0]["unsure"], rules_of(said)["still-new"]["alone"]) == (2, 0)
    assert any("no column for type" in note for note in said.json["notes"])


def test_a_rule_never_sees_what_a_log_knows_from_the_future(folder: Path) -> None:
    """A closing date on every row is left out with a warning, so a rule about it is unknown; `--trust` takes it as it is."""
    head, *rows = LOG.splitlines()
    ends = {"A": "2026-03-02T12:00:00Z", "B": "2026-03-02T09:00:00Z", "C": "2026-03-02T08:10:00Z", "D": "2026-03-09T08:00:00Z"}
    (folder / "log.csv").write_text("\n".join([f"{head},ended", *(f"{row},{ends[row[0]]}" for row in rows)]), encoding="utf-8")
    mapping = MAPPING.replace("priority: priority}", "priority: priority, due: ended}")
    (folder / "mapping.yaml").write_text(mapping, encoding="utf-8")
    (folder / "own" / "rules.yaml").write_text(
        "rules:\n  - {rule: due-soon, when: {status: [new, open], due: {within: 30 minutes}}, do: [{escalate: it}]}\n", "utf-8"
    )
    said, trusting = backtest("--json"), backtest("--json", "--trust", "due")
    assert any("due is not used: the column ended" in note for note in said.json["notes"])
    assert (rules_of(said)["due-soon"]["alone"], said.json["rulebooks"][0]["unsure"]) == (0, 4)
    assert rules_of(trusting)["due-soon"]["alone"] > 0


def test_a_wrong_question_is_refused_with_what_would_do(folder: Path) -> None:
    """No log, an odd length of time, an organisation with other sources: exit code 2 and a sentence."""
    assert folder.exists()
    assert backtest("--since", "soon").code == 2
    assert "--source" in backtest("--source", "elsewhere").err
    assert hoist("backtest", "--log", "nothing.csv").code == 2


def test_a_backtest_that_is_stopped_says_so_and_tells_what_it_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C: the figures of the tickets that were judged by then, and exit code 130."""
    assert folder.exists()

    def interrupted(*given: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return judge(*given)

    monkeypatch.setattr("agent.hindsight.backtest.AT_ONCE", 1)
    monkeypatch.setattr("agent.hindsight.backtest.judge", interrupted)
    said = backtest("--json")
    assert (said.code, said.json["stopped"], said.json["rulebooks"][0]["tickets"]) == (130, True, 1)


# --- the mirror ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of which hoist only watched."""
    with desk(tmp_path_factory.mktemp("desk")) as made:
        place = made.folder / "protocol" / "organisation.yaml"
        place.write_text(place.read_text(encoding="utf-8").replace("mode: live", "mode: watch"), encoding="utf-8")
        made.hoist("run", "--once")
        yield made


def test_the_mirror_gives_the_firings_that_the_agent_saw(ran: Desk) -> None:
    """A backtest of the mirror finds each firing that hoist noted, at the same instant to the millisecond."""
    store = open_database(ran.folder / "hoist.db")
    with store.reading() as db:
        noted = {(row.key.ticket, row.key.rule, row.instant) for row in waiting.of_source(db, "jira")}
    store.close()
    with opened(Wanted(config=ran.config)) as past:
        found = {
            (ticket.ref.id, fired.rule, fired.at)
            for ticket in past.tickets()
            for fired in firings(evaluate(timeline(ticket), past.rules, 0), 0, past.until)
        }
    assert noted
    assert noted <= found


def test_several_processes_find_what_one_finds(ran: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large mirror is judged by several processes, piece by piece, and the figures are the same."""
    monkeypatch.setattr("agent.hindsight.backtest.ROWS", 1)
    told: list[tuple[int, int]] = []
    found = [run(Options(Wanted(config=ran.config)), lambda *said: told.append(said), processes=many) for many in (1, 2)]
    one, several = (data(each) for each in found)
    assert several == one
    assert one["rulebooks"][0]["tickets"] == 3
    assert told == [(3, 3), (1, 3), (2, 3), (3, 3)]


def test_a_backtest_of_the_mirror_writes_nothing(ran: Desk) -> None:
    """Nothing reaches the helpdesk, and the store stays as it was."""
    before = (ran.folder / "hoist.db").read_bytes()
    said = ran.hoist("backtest", "--since", "90d", "--json")
    assert (said.code, said.json["rulebooks"][0]["tickets"]) == (0, 3)
    assert said.json["rulebooks"][0]["rules"]["nobody-took-it"]["alone"] >= 1
    assert ran.untouched()
    assert (ran.folder / "hoist.db").read_bytes() == before


# --- a log that was published ------------------------------------------------------------------------------------------------


def test_the_volvo_log_is_read_without_a_mapping_and_its_leak_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten ready rules on the log of BPIC 2013, known by its header; the impact, which is the last one, is not used."""
    monkeypatch.chdir(tmp_path)
    with opened(Wanted(log=shared() / "data" / "bpic2013_incidents.csv.gz")) as past:
        assert (past.count, len(past.rules.rules)) == (7554, 10)
        assert any("priority is not used" in note for note in past.notes)
        tickets = [ticket for number, ticket in enumerate(past.tickets()) if number % 20 == 0]
        found = judge(tickets, past.rules, Question(past.first, past.until, HOUR))
        live = [
            len({episode.rule for episode in evaluate(timeline(ticket), past.rules, 0).episodes if episode.start < past.until})
            for ticket in tickets
        ]
    assert found.escalated == sum(map(bool, live))
    assert sum(each.alone for each in found.of_rule.values()) == sum(live)
