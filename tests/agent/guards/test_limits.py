"""A rule that turns out to mean everything: hoist holds the run and asks, while the urgent ones go on."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from agent.guards.guards import Guards
from agent.settings import Limits
from agent.store import journal
from agent.store.states import RowState
from rules.instants import DAY, HOUR, MINUTE
from rules.protocol.actions import AddLabel, Escalate
from rules.protocol.conditions import OneOf, State
from tests.agent.desk import SOURCE, Desk, moved_once, rule

FEW = Limits(per_rule_and_hour=5, per_source_and_hour=8, canary=0.1, urgent=3)
BY_LABEL = rule("label", actions=(AddLabel("lifted"),))


class LimitedDesk(Desk):
    """A desk with limits."""

    limits = FEW

    def restart(self, mortal: object = None) -> None:
        super().restart()
        self.limit()

    def limit(self, limits: Limits | None = None) -> LimitedDesk:
        self.limits = limits or self.limits
        pipeline = self.pipeline
        clocks = self.clock, pipeline.source_clock
        pipeline.guards = pipeline.writer._guards = Guards(self.database, pipeline.mirroring, clocks, self.limits)
        return self

    def count(self, state: RowState) -> int:
        return self.states().count(state)


def limited(tmp_path: Path, limits: Limits = FEW, *rules: object) -> LimitedDesk:
    return LimitedDesk(tmp_path, *rules).limit(limits)  # type: ignore[arg-type]


def test_what_is_within_the_limit_is_written(tmp_path: Path) -> None:
    """Five tickets in an hour are nobody's business."""
    desk = limited(tmp_path)
    tickets = [desk.ticket() for _ in range(5)]
    desk.run(HOUR)
    for ticket in tickets:
        moved_once(desk, ticket)


def test_a_run_beyond_the_limit_is_held(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of twenty tickets due at once a canary share of two is written, the rest is held, told and journaled once."""
    desk = limited(tmp_path)
    [desk.ticket() for _ in range(20)]
    with caplog.at_level(logging.WARNING, "hoist"):
        desk.run(45 * MINUTE)
    assert desk.count(RowState.APPLIED) == 2
    assert desk.count(RowState.HELD) == 18
    (line,) = desk.journal("held-run")
    assert line.data["why"] == "0 were written within the last hour and 20 more are due; the limit is 5 per rule and hour"
    assert "changes of the rule nobody-took-it are held for approval" in caplog.text
    held = next(row for row in desk.rows() if row.state is RowState.HELD)
    assert held.problem.startswith("held for approval with run 1: 0 were written")


def test_what_was_written_counts_for_an_hour_and_over_a_restart(tmp_path: Path) -> None:
    """Four now and four half an hour later are too many, hoist having been restarted in between."""
    desk = limited(tmp_path)
    [desk.ticket() for _ in range(4)]
    desk.run(30 * MINUTE)
    assert desk.count(RowState.APPLIED) == 4
    desk.restart()
    [desk.ticket() for _ in range(4)]
    desk.run(30 * MINUTE)
    assert desk.count(RowState.HELD) == 3, "one goes on as a canary"


def test_an_hour_later_it_counts_no_more(tmp_path: Path) -> None:
    """Four in one hour and four in the next are within a limit of five."""
    desk = limited(tmp_path)
    [desk.ticket() for _ in range(4)]
    desk.run(80 * MINUTE)
    [desk.ticket() for _ in range(4)]
    desk.run(30 * MINUTE)
    assert desk.count(RowState.APPLIED) == 8


def test_urgent_tickets_go_on_at_the_named_rate(tmp_path: Path) -> None:
    """While a run is held three urgent ones are written each hour; the others wait for somebody."""
    desk = limited(tmp_path)
    urgent = [desk.ticket(priority="p1") for _ in range(5)]
    [desk.ticket() for _ in range(10)]
    desk.run(30 * MINUTE)
    assert sum(desk.states(ticket) == [RowState.APPLIED] for ticket in urgent) == 3
    assert desk.count(RowState.APPLIED) == 3
    desk.run(HOUR)
    assert sum(desk.states(ticket) == [RowState.APPLIED] for ticket in urgent) == 5


def test_nothing_goes_on_where_the_rules_are_new(tmp_path: Path) -> None:
    """A rulebook that is younger than an hour is the likeliest cause: not even the urgent ones are written."""
    desk = limited(tmp_path)
    with desk.database.transaction() as db:
        journal.append(db, "rules", desk.clock.now(), SOURCE, version="2")
    [desk.ticket(priority="p1") for _ in range(10)]
    desk.run(90 * MINUTE)
    assert desk.count(RowState.HELD) == 10
    (line,) = desk.journal("held-run")
    assert str(line.data["fault"]).startswith("the rules were new at")


def test_a_source_has_a_limit_of_its_own(tmp_path: Path) -> None:
    """Two rules that are each within theirs are too many together."""
    desk = limited(tmp_path, FEW, rule("lift", actions=(Escalate("line"),)), BY_LABEL)
    [desk.ticket() for _ in range(5)]
    desk.run(30 * MINUTE)
    (line,) = desk.journal("held-run")
    assert line.data["of"] == "source"
    assert "the limit is 8 per source and hour" in str(line.data["why"])


def test_another_rule_goes_on(tmp_path: Path) -> None:
    """A run that is held keeps no other rule waiting."""
    vip = rule("vip", State("labels", OneOf(("vip",))), actions=(AddLabel("seen"),))
    desk = limited(tmp_path, Limits(per_rule_and_hour=5, canary=0), rule(), vip)
    [desk.ticket() for _ in range(6)]
    desk.run(30 * MINUTE)
    ticket = desk.ticket(assignee="anna", labels=("vip",))
    desk.run(10 * MINUTE)
    assert desk.states(ticket) == [RowState.APPLIED]
    assert desk.count(RowState.HELD) == 6


def test_what_nobody_approves_in_time_is_dropped(tmp_path: Path) -> None:
    """After a day the rows are superseded with that reason, journaled, and not planned anew while it stays so."""
    desk = limited(tmp_path, Limits(per_rule_and_hour=5, canary=0, expire_after=3 * HOUR))
    tickets = [desk.ticket() for _ in range(6)]
    desk.run(4 * HOUR)
    assert desk.count(RowState.SUPERSEDED) == 6
    assert "nobody approved it in time" in desk.rows()[0].problem
    reasons = [str(line.data["said"]) for line in desk.journal("superseded")]
    assert len(reasons) == 6
    assert all("nobody approved it in time" in reason for reason in reasons)
    desk.helpdesk.change(tickets[0], "anna", labels=("seen",))
    desk.run(DAY)
    assert desk.count(RowState.SUPERSEDED) == 6
    assert desk.saves(tickets[0]) == []


def test_a_run_that_nobody_looks_at_is_told_again_and_louder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At half of its time and shortly before its end, with how much waits and until when."""
    desk = limited(tmp_path, Limits(per_rule_and_hour=5, canary=0, expire_after=4 * HOUR))
    for _ in range(6):
        desk.ticket()
    desk.run(3 * HOUR)
    desk.run(90 * MINUTE)
    told = [(record.levelname, record.getMessage()) for record in caplog.records if "still wait" in record.getMessage()]
    assert [level for level, _ in told] == ["WARNING", "ERROR"]
    assert all("6 changes still wait, and are dropped from 2026-03-02 12:15" in said for _, said in told), told
    assert [line.data["held"] for line in desk.journal("held-run-waits")] == [6, 6]


def test_what_is_no_longer_true_leaves_the_run(tmp_path: Path) -> None:
    """Somebody takes a ticket whose change is held: nothing is left to approve of it."""
    desk = limited(tmp_path, Limits(per_rule_and_hour=5, canary=0))
    tickets = [desk.ticket() for _ in range(6)]
    desk.run(30 * MINUTE)
    desk.helpdesk.change(tickets[0], "anna", assignee="anna")
    desk.run(10 * MINUTE)
    assert desk.states(tickets[0]) == [RowState.SUPERSEDED]


def test_one_ticket_is_changed_so_often_a_day(tmp_path: Path) -> None:
    """After so many changes within a day further ones of that ticket wait until the day has passed."""
    names = [f"label-{number}" for number in range(4)]
    book = [rule(name, rule().condition, actions=(AddLabel(name),)) for name in names]
    desk = limited(tmp_path, Limits(per_ticket_and_day=2))
    desk.rule_by(*book[:1])
    ticket, other = desk.ticket(), desk.ticket()
    for number in range(1, 5):
        desk.run(30 * MINUTE)
        desk.helpdesk.change(ticket, "anna", assignee="anna")
        desk.run(10 * MINUTE)
        desk.helpdesk.change(ticket, "anna", assignee=None)
        desk.rule_by(*book[: number + 1])
    desk.run(30 * MINUTE)
    assert len(desk.saves(ticket)) == 2
    held = [row for row in desk.rows(ticket) if row.state is RowState.HELD]
    assert held
    assert "hoist has changed this ticket 2 times within a day" in held[0].problem
    assert len(desk.saves(other)) >= 1
    desk.run(DAY)
    assert len(desk.saves(ticket)) > 2
