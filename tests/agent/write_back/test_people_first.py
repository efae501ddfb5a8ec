"""People first: what a person took back from hoist is theirs, and the rules say so instead of writing it again (story F18)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.store.states import RowState
from agent.why import Answer, why
from rules.instants import DAY, HOUR, MINUTE, SECOND
from rules.protocol.actions import Comment, Escalate, RaisePriority, Tell
from rules.protocol.conditions import Held
from rules.protocol.durations import Duration
from rules.protocol.organisation import PeopleKeep
from rules.protocol.rule import Rule, Step
from tests.agent.desk import OPEN, ORGANISATION, Desk, again, moved_once, rule

UNTIL_ITS_END = Held(OPEN, Duration(15 * MINUTE))
PATIENT = Held(OPEN, Duration(HOUR))


def raising(name: str = "too-low", **more: object) -> Rule:
    return rule(name, UNTIL_ITS_END, **{"actions": (RaisePriority(by=1), Comment("Raised.")), **more})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.database.close()


def raised_and_taken_back(desk: Desk) -> str:
    """Hoist raised the priority, and Anna put it back two minutes later."""
    ticket = desk.ticket()
    desk.run(20 * MINUTE)
    assert desk.stored(ticket).fields["priority"] == "p2", desk.said()
    desk.helpdesk.change(ticket, "anna", priority="p3")
    desk.run(MINUTE)
    return ticket


def days_go_by(desk: Desk, number: int) -> None:
    """So many days, in which hoist reads the helpdesk once an hour."""
    desk.pipeline.poll_every = HOUR
    desk.run(number * DAY)


def answered(desk: Desk, ticket: str) -> Answer:
    return why(desk.database, desk.pipeline.ruling.rules, ticket, desk.pipeline.source_clock.now())


def test_no_other_rule_writes_what_a_person_took_back(desk: Desk) -> None:
    """Anna lowers the priority that hoist had raised: a second rule that asks for it says whose it is, and moves the ticket."""
    second = rule("too-long", PATIENT, actions=(RaisePriority(by=1), Escalate("line"), Comment("Moved to {team}.")))
    desk.rule_by(raising(), second)
    ticket = raised_and_taken_back(desk)
    desk.run(HOUR)
    fields = desk.stored(ticket).fields
    assert (fields["priority"], fields["team"]) == ("p3", "ops"), desk.said()
    assert "Note: the priority is Anna's since 2026-03-02 08:20 UTC, who took back what hoist had written." in (
        desk.notes(ticket)[-1].text
    )
    assert desk.states(ticket) == [RowState.APPLIED, RowState.APPLIED]


def test_the_ladder_that_lost_its_write_only_tells(desk: Desk) -> None:
    """Anna takes the ticket's priority back: the repetitions of that rule comment, and change nothing, however long it lasts."""
    desk.rule_by(raising(repeat=again(60 * 20, 3)))
    ticket = raised_and_taken_back(desk)
    days_go_by(desk, 3)
    assert desk.stored(ticket).fields["priority"] == "p3", desk.said()
    assert len(desk.saves(ticket)) == 1
    texts = [note.text for note in desk.notes(ticket)]
    assert len(texts) == 4, "it goes on telling"
    assert "the priority is Anna's since" in texts[1]
    assert (
        "the priority that this rule had written became Anna's at 2026-03-02 08:20 UTC, so it only tells from now on" in texts[3]
    )


def test_a_ticket_that_was_pending_for_a_while_is_still_hers(desk: Desk) -> None:
    """Anna takes it back, waits for Ruth and goes on: the rule begins anew, and the field is still hers."""
    desk.rule_by(raising())
    ticket = raised_and_taken_back(desk)
    desk.helpdesk.change(ticket, "anna", status="pending")
    desk.run(HOUR)
    desk.helpdesk.change(ticket, "anna", status="open")
    desk.run(HOUR)
    assert desk.stored(ticket).fields["priority"] == "p3", desk.said()
    assert [row.key.episode for row in desk.rows(ticket)] == [1, 2]
    assert len(desk.notes(ticket)) == 2, "the second time it only tells"


def test_a_day_later_another_rule_may_write_it_again(desk: Desk) -> None:
    """A day after Anna took it back the field is free for other rules; that of her ticket's first ladder stays silent."""
    desk.rule_by(raising(), rule("much-later", Held(OPEN, Duration(2 * DAY)), actions=(RaisePriority(by=1),)))
    ticket = raised_and_taken_back(desk)
    days_go_by(desk, 3)
    assert [[item.new for item in save.items] for save in desk.saves(ticket)] == [["p2"], ["p2"]], desk.said()


def test_for_how_long_is_said_in_the_organisation(desk: Desk) -> None:
    """`people_keep: 1 hour`: after that hour the next rule writes."""
    desk.organisation = replace(ORGANISATION, people_keep=PeopleKeep(HOUR))
    desk.rule_by(raising(), rule("later", Held(OPEN, Duration(2 * HOUR)), actions=(RaisePriority(by=1),)))
    ticket = raised_and_taken_back(desk)
    desk.run(2 * HOUR)
    assert desk.stored(ticket).fields["priority"] == "p2"


def test_a_step_of_which_nothing_is_left_ends_as_overruled(desk: Desk) -> None:
    """A rule would only move the ticket, which Anna has moved back: nothing is written, and why says whose it is."""
    moving = rule("moves", UNTIL_ITS_END, actions=(Escalate("line"),))
    desk.rule_by(moving, rule("moves-too", PATIENT, actions=(Escalate("line"),)))
    ticket = desk.ticket()
    desk.run(20 * MINUTE)
    assert desk.team(ticket) == "ops"
    desk.helpdesk.change(ticket, "anna", team="sd")
    desk.run(2 * HOUR)
    assert desk.team(ticket) == "sd"
    assert desk.states(ticket) == [RowState.APPLIED, RowState.OVERRULED], desk.said()
    assert len(desk.notes(ticket)) == 1, "there is nothing to tell"
    answer = answered(desk, ticket)
    (second,) = [each for each in answer.rules if each.rule.id == "moves-too"]
    assert "theirs stands: the team is Anna's since" in second.done[0]
    assert any("no rule changes it before 2026-03-03 08:20 UTC" in note for note in answer.notes)
    (line,) = desk.journal("overruled")
    assert line.data["left"][0][1] == "anna"
    desk.said()


def test_the_ladder_goes_on_to_tell_after_a_step_without_anything_to_do(desk: Desk) -> None:
    """The second step would only move the ticket, which is Anna's; the third, which tells, comes in its own time."""
    steps = (
        Step((Escalate("line"),)),
        Step((Escalate("line"),), Duration(30 * MINUTE)),
        Step((Tell("bert@example.com"),), Duration(60 * MINUTE)),
    )
    desk.rule_by(replace(rule("ladder", UNTIL_ITS_END), steps=steps))
    ticket = desk.ticket()
    desk.run(20 * MINUTE)
    desk.helpdesk.change(ticket, "anna", team="sd")
    desk.run(2 * HOUR)
    assert desk.states(ticket) == [RowState.APPLIED, RowState.OVERRULED, RowState.APPLIED], desk.said()
    assert "To be told: bert@example.com" in desk.notes(ticket)[-1].text


def test_taking_a_ticket_that_hoist_handed_over_takes_nothing_back(desk: Desk) -> None:
    """Bert takes what hoist gave to operations: that is what it was given for, and the ladder climbs on if he lets it lie."""
    desk.rule_by(rule("moves", UNTIL_ITS_END, actions=(Escalate("line"),), repeat=again(30, 1)))
    ticket = desk.ticket(assignee="anna")
    desk.run(20 * MINUTE)
    desk.helpdesk.change(ticket, "bert", assignee="bert")
    desk.run(HOUR)
    assert desk.team(ticket) == "eng", desk.said()


def test_giving_it_back_to_whom_it_was_taken_from_takes_the_owner_back(desk: Desk) -> None:
    """Hoist moved the ticket and took Anna's name off it; Bert puts hers back: the ticket is not moved again."""
    desk.rule_by(rule("moves", UNTIL_ITS_END, actions=(Escalate("line"),), repeat=again(30, 1)))
    ticket = desk.ticket(assignee="anna")
    desk.run(20 * MINUTE)
    desk.helpdesk.change(ticket, "bert", assignee="anna")
    desk.run(HOUR)
    assert desk.team(ticket) == "ops", desk.said()
    assert desk.states(ticket) == [RowState.APPLIED, RowState.OVERRULED]


def test_hoists_own_change_is_only_what_it_meant_to_write(desk: Desk) -> None:
    """The platform's automation saves a label with hoist's write; Anna removes it: that takes nothing of hoist's back."""
    desk.helpdesk.automation = lambda _, asked: {"labels": ("hot",)} if "priority" in asked else {}
    desk.rule_by(raising(repeat=again(30, 1)))
    ticket = desk.ticket()
    desk.run(20 * MINUTE)
    desk.helpdesk.automation = None
    desk.helpdesk.change(ticket, "anna", labels=())
    desk.run(HOUR)
    assert desk.stored(ticket).fields["priority"] == "p1", desk.said()


def test_a_confidential_rule_may_be_told_to_respect_people(desk: Desk) -> None:
    """A confidential rule writes all the same, unless the organisation says that it respects people as well."""
    quiet = rule("quiet", PATIENT, actions=(RaisePriority(by=1),), confidential=True)
    for keeps, expected in ((PeopleKeep(), "p2"), (PeopleKeep(confidential_rules=True), "p3")):
        desk.organisation = replace(ORGANISATION, people_keep=keeps)
        desk.rule_by(raising(), replace(quiet, id=f"quiet-{expected}"))
        ticket = raised_and_taken_back(desk)
        desk.run(HOUR)
        assert desk.stored(ticket).fields["priority"] == expected, desk.said()


@pytest.mark.parametrize("later", [1, 300, 999])
def test_who_took_it_within_the_second_of_the_read_was_first(desk: Desk, later: int) -> None:
    """Anna takes the ticket; a Date header is cut to the second, and dates the read that shows it before that."""
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    desk.clock.jump(desk.clock.now() // SECOND * SECOND + later)
    desk.helpdesk.change(ticket, "anna", assignee="anna")
    desk.run(MINUTE)
    assert desk.saves(ticket) == []
    assert desk.states(ticket) == [RowState.SUPERSEDED]


@pytest.mark.parametrize("behind", [7 * SECOND, 2 * MINUTE])
def test_what_a_read_shows_counts_though_it_is_dated_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind: int) -> None:
    """The clocks of a helpdesk's nodes differ: by that of the answers Anna takes the ticket only later."""
    monkeypatch.setattr("connectors.memory._date", lambda now: (now - behind) // SECOND * SECOND)
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.run(15 * MINUTE + behind)
    desk.clock.jump(desk.clock.now() + 2 * SECOND)
    assert desk.pipeline.look()
    assert desk.states(ticket) == [RowState.PLANNED]
    desk.helpdesk.change(ticket, "anna", assignee="anna")
    desk.run(5 * MINUTE)
    assert desk.saves(ticket) == []
    assert desk.states(ticket) == [RowState.SUPERSEDED]


def test_an_act_dated_in_the_far_future_keeps_nothing_waiting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment was imported with a date of next year: the escalation that it has nothing to do with is written."""
    ticket = desk.ticket()
    with monkeypatch.context() as patched:
        patched.setattr(desk.helpdesk, "clock", lambda: desk.clock.now() + 365 * DAY)
        desk.helpdesk.say(ticket, "anna", False, "As we said last year.")
    desk.run(20 * MINUTE)
    moved_once(desk, ticket)


def test_a_hoist_that_runs_once_waits_for_the_second_to_be_over(desk: Desk) -> None:
    """Bert says something in the second of the read: `run --once` reads again once that is over, and leaves nothing behind."""
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    desk.clock.jump(desk.clock.now() // SECOND * SECOND + 300)
    desk.helpdesk.say(ticket, "bert", False, "Not mine.")
    desk.pipeline.turn()
    assert desk.states(ticket) == [RowState.PLANNED]
    desk.pipeline.finish()
    moved_once(desk, ticket)
