"""What limits make of a plan is what they make of it when it is in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.plan.consequences import Firing, Touched
from agent.plan.limits import HeldRun, Queue, held_runs, queues
from agent.settings import Limits
from agent.store import journal
from agent.store.states import RowState
from rules.instants import HOUR, MINUTE, Instant
from tests.agent.command_line import RULES, Desk
from tests.agent.desk import SOURCE
from tests.agent.guards.test_limits import LimitedDesk, limited
from tests.agent.plan.planned import plan, settings

ANOTHER = """\
  - rule: too-old
    title: It is old
    when: {status: [new, open]}
    for: 1 hour
    do: [{label: old}]
"""
FEW = Limits(per_rule_and_hour=5, per_source_and_hour=8)


def write(at: Instant, *rules: str, rate: int | None = None) -> Touched:
    firings = tuple(Firing(rule, 0, at, 1, (), rate) for rule in rules)
    return Touched(SOURCE, "1", "T-1", "", at, firings, (), (), None, (), (), 0)


def spread(number: int, over: int, rule: str = "a", begins: Instant = 0) -> list[Touched]:
    return [write(begins + n * (over // number), rule) for n in range(number)]


def test_what_is_within_the_limits_is_not_held() -> None:
    """Five of a rule within an hour, eight of all, and any number where there is no limit."""
    assert held_runs(SOURCE, [*spread(5, HOUR), *spread(3, HOUR, "b")], FEW) == []
    assert held_runs(SOURCE, spread(20, 5 * HOUR), FEW) == []
    assert held_runs(SOURCE, spread(20, MINUTE), None) == []


def test_what_is_too_much_for_a_rule_waits_with_all_that_follows() -> None:
    """What has gone out before goes out; from then on each further change of the rule waits, other rules go on."""
    found = held_runs(SOURCE, [*spread(7, 7 * MINUTE), *spread(2, HOUR, "a", 5 * HOUR), *spread(3, HOUR, "b")], FEW)
    assert found == [HeldRun(SOURCE, "a", 4, 5 * MINUTE, 5)]


def test_what_is_too_much_for_a_source_waits_whatever_its_rule() -> None:
    """Nine of three rules in one minute: none of the rules is too many, all of them are."""
    writes = [write(0, rule) for rule in ("a", "b", "c") for _ in range(3)]
    assert held_runs(SOURCE, [*writes, write(HOUR, "a")], FEW) == [HeldRun(SOURCE, "", 10, 0, 8)]


def test_a_queue_at_a_rate_goes_out_one_by_one() -> None:
    """120 at 20 an hour: the last one after almost six hours, and nothing of it is ever too much."""
    writes = [write(0, "a", rate=20) for _ in range(120)]
    assert queues([*writes, write(0, "b")]) == [Queue(SOURCE, "a", 120, 20)]
    assert queues(writes)[0].lasts == 6 * HOUR - 3 * MINUTE
    assert held_runs(SOURCE, writes, Limits()) == []
    both = queues([write(0, "a", "b", rate=20), write(0, "a", rate=20)])
    assert [(queue.rule, queue.number) for queue in both] == [("a", 2), ("b", 1)], "each rule has turns of its own"


@pytest.mark.parametrize("tickets", [5, 6, 13])
def test_as_many_are_held_as_hoist_then_holds(tmp_path: Path, tickets: int) -> None:
    """Tickets due at once under new rules: the plan names as many as wait for approval an hour later."""
    desk: LimitedDesk = limited(tmp_path, FEW)
    with desk.database.transaction() as db:
        journal.append(db, "rules", desk.clock.now(), SOURCE, version="2")
    for _ in range(tickets):
        desk.ticket()
    desk.run(45 * MINUTE)
    due = [write(row.instant, row.key.rule) for row in desk.rows()]
    assert sum(run.number for run in held_runs(SOURCE, due, FEW)) == desk.count(RowState.HELD)


def test_a_plan_says_what_limits_and_pauses_hold_back(it: Desk) -> None:
    """Nobody is surprised that nothing happens: what is paused is named, and so is what waits for approval."""
    settings(it, limits={"per_rule_and_hour": "1", "per_source_and_hour": "1"})
    assert "limits hold back" not in plan(it)[1].words
    words = plan(it, rules=RULES + ANOTHER)[1].words
    assert "limits hold back 2 at least, until somebody approves it: 2 of too-old (jira: 1 an hour)" in words
    assert it.hoist("pause", "--all", "--why", "the move", "--as", "dina").code == 0
    assert "LOOK every source: paused since" in plan(it)[1].words
    assert "by dina: the move; what is planned waits until it ends" in plan(it)[1].words
