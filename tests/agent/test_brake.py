"""The brake: a loop between hoist and an automation of the helpdesk ends after two rounds, with a reason (story F36)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.screens import beside
from agent.status import status
from agent.store import brakes, mirrored
from agent.store.states import RowState
from agent.why import why
from rules.instants import DAY, HOUR, MINUTE
from rules.protocol.actions import Comment, RaisePriority
from rules.protocol.conditions import Held, OneOf, State
from rules.protocol.durations import Duration
from rules.ticket import Kind, TicketRef
from tests.agent.desk import SOURCE, Desk, again, rule

LOW = Held(State("priority", OneOf(("P3",))), Duration(5 * MINUTE))
RAISING = rule("too-low", LOW, actions=(RaisePriority(by=1), Comment("Raised.")))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, RAISING)
    desk.helpdesk.enrol("robot", "Robot", Kind.AUTOMATION)
    yield desk
    desk.database.close()


def lowered_again_each_time(desk: Desk, ticket: str, milliseconds: int) -> None:
    """The helpdesk's own automation lowers the priority a minute after whoever raised it."""

    def robot() -> None:
        if desk.stored(ticket).fields["priority"] != "p3":
            desk.clock.jump(desk.clock.now() + MINUTE)
            desk.helpdesk.change(ticket, "robot", priority="p3")

    desk.run(milliseconds, meanwhile=robot)


def writes(desk: Desk, ticket: str) -> int:
    return sum(any(item.field == "priority" for item in save.items) for save in desk.saves(ticket))


def test_an_automation_that_takes_it_back_twice_trips_the_brake(desk: Desk) -> None:
    """hoist raises, the automation lowers, twice: the third time hoist holds back, and why and the journal say for what."""
    ticket = desk.ticket()
    lowered_again_each_time(desk, ticket, 6 * HOUR)
    assert writes(desk, ticket) == 2, desk.said()
    assert desk.states(ticket) == [RowState.APPLIED, RowState.APPLIED, RowState.HELD]
    assert "an automation of the helpdesk took back twice what hoist wrote: the priority" in desk.rows(ticket)[-1].problem
    answer = why(desk.database, desk.pipeline.ruling.rules, ticket, desk.pipeline.source_clock.now())
    assert "held back because an automation" in answer.rules[0].next
    assert len(desk.journal("brake")) == 1
    with desk.database.reading() as db:
        (row,) = brakes.holding(db, SOURCE, desk.pipeline.source_clock.now())
    assert (row.ticket, row.rule) == (ticket, "too-low")
    (shown,) = status(desk.database, desk.clock.now(), {}).sources
    assert not shown.healthy
    assert [title for title, *_ in beside.lines(shown, ZoneInfo("UTC"))] == ["  BRAKE"]
    assert beside.data(shown)["brakes"][0]["rule"] == "too-low"


def test_the_brake_holds_over_a_restart_and_for_a_day(desk: Desk) -> None:
    """Starting hoist again makes no third write; a day later it tries again, and meets the same automation."""
    ticket = desk.ticket()
    lowered_again_each_time(desk, ticket, HOUR)
    desk.start()
    lowered_again_each_time(desk, ticket, 4 * HOUR)
    assert writes(desk, ticket) == 2, desk.said()
    desk.pipeline.poll_every = HOUR
    lowered_again_each_time(desk, ticket, DAY)
    assert writes(desk, ticket) > 2


def test_a_person_lets_go_of_it(desk: Desk) -> None:
    """The automation was mended: once a person lets go of the brake, what is still true is written."""
    ticket = desk.ticket()
    lowered_again_each_time(desk, ticket, HOUR)
    assert writes(desk, ticket) == 2
    now = desk.pipeline.source_clock.now()
    with desk.database.transaction() as db:
        assert brakes.release(db, SOURCE, ticket, "too-low", now)
        assert not brakes.release(db, SOURCE, ticket, "too-low", now), "once"
        mirrored.set_next_look(db, TicketRef(SOURCE, ticket), now)
    desk.run(HOUR)
    assert writes(desk, ticket) == 3, desk.said()
    assert desk.stored(ticket).fields["priority"] == "p2"


def test_other_tickets_go_on(desk: Desk) -> None:
    """The brake is one ticket's and one rule's: the next ticket is raised as ever."""
    ticket = desk.ticket()
    lowered_again_each_time(desk, ticket, HOUR)
    other = desk.ticket()
    desk.run(HOUR)
    assert desk.stored(other).fields["priority"] == "p2"


def test_a_person_in_between_is_no_loop(desk: Desk) -> None:
    """The automation lowers it once, Anna lowers it once: two rounds of different makers are no loop with an automation."""
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    desk.helpdesk.change(ticket, "robot", priority="p3")
    desk.run(10 * MINUTE)
    assert writes(desk, ticket) == 2
    desk.helpdesk.change(ticket, "anna", priority="p3")
    desk.run(HOUR)
    assert not desk.journal("brake"), desk.said()


def test_a_rule_that_an_automation_brings_about_again_trips_it_too(desk: Desk) -> None:
    """hoist comments, the automation answers by reopening, the rule begins anew: the third time in a row hoist holds back."""
    spoken = rule("spoken", Held(State("status", OneOf(("open",))), Duration(5 * MINUTE)), actions=(Comment("Look at it."),))
    desk.rule_by(spoken)
    ticket = desk.ticket(status="open")

    seen = 0

    def robot() -> None:
        nonlocal seen
        if len(desk.notes(ticket)) > seen:
            seen = len(desk.notes(ticket))
            desk.clock.jump(desk.clock.now() + MINUTE)
            desk.helpdesk.change(ticket, "robot", status="pending")
            desk.clock.jump(desk.clock.now() + MINUTE)
            desk.helpdesk.change(ticket, "robot", status="open")

    desk.run(5 * HOUR, meanwhile=robot)
    assert len(desk.notes(ticket)) == 2, desk.said()
    assert desk.states(ticket)[-1] is RowState.HELD
    assert "brought it about again twice" in desk.rows(ticket)[-1].problem


def test_repetitions_of_one_ladder_are_no_loop(desk: Desk) -> None:
    """A ladder that repeats while an automation touches the ticket was not brought about by it."""
    desk.rule_by(rule("spoken", LOW, actions=(Comment("Still low."),), repeat=again(10, 5)))
    ticket = desk.ticket()

    def robot() -> None:
        labels = desk.stored(ticket).fields["labels"]
        assert isinstance(labels, tuple)
        if len(labels) < len(desk.notes(ticket)):
            desk.helpdesk.change(ticket, "robot", labels=(*labels, f"seen-{len(labels)}"))

    desk.run(2 * HOUR, meanwhile=robot)
    assert len(desk.notes(ticket)) == 6, desk.said()
