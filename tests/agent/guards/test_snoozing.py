"""Anna keeps hoist away from one ticket: for a while with a word, or with a label from inside the helpdesk."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.store import mirrored, snoozes
from agent.store.snoozes import Snooze
from agent.store.states import RowState
from agent.why import why
from rules.instants import DAY, HOUR, MINUTE
from tests.agent.desk import SOURCE, Desk, moved_once
from tests.agent.guards.test_pauses import pause, resume


def snooze(desk: Desk, ticket: str, milliseconds: int) -> None:
    """Anna says to leave it alone."""
    with desk.database.transaction() as db:
        snoozes.put(db, Snooze(SOURCE, ticket, desk.clock.now() + milliseconds, "anna", "the part is ordered"))
        mirrored.set_next_look(db, mirrored.mirrored(db, SOURCE, [ticket])[ticket].ticket.ref, desk.clock.now())


def next_of(desk: Desk, ticket: str) -> str:
    return why(desk.database, desk.pipeline.ruling.rules, ticket, desk.clock.now()).rules[0].next


def test_a_snoozed_ticket_is_left_alone_until_then(tmp_path: Path) -> None:
    """Nothing is written while it sleeps; when it wakes, what is still true then is."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.run(MINUTE)
    snooze(desk, ticket, 2 * HOUR)
    desk.run(HOUR)
    assert desk.rows(ticket) == []
    assert "anna said to leave this ticket alone: the part is ordered" in next_of(desk, ticket)
    desk.run(65 * MINUTE)
    moved_once(desk, ticket)


def test_a_ticket_is_snoozed_at_the_last_moment(tmp_path: Path) -> None:
    """What is planned already is not written either, and is planned anew when the ticket wakes."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    snooze(desk, ticket, 2 * HOUR)
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.SUPERSEDED]
    assert "leave the ticket alone" in desk.rows(ticket)[0].problem
    desk.run(90 * MINUTE)
    moved_once(desk, ticket)


def test_what_is_left_to_a_person_stays_with_them_while_it_sleeps(tmp_path: Path) -> None:
    """It fell due in a pause, and somebody is to say what becomes of it: a snooze takes that word from nobody."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    pause(desk)
    desk.run(HOUR)
    resume(desk)
    desk.run(5 * MINUTE)
    assert desk.states(ticket) == [RowState.BACKLOG]
    said = desk.rows(ticket)[0].problem
    snooze(desk, ticket, 2 * HOUR)
    desk.run(HOUR)
    assert [(row.state, row.problem) for row in desk.rows(ticket)] == [(RowState.BACKLOG, said)]
    desk.helpdesk.change(ticket, "anna", assignee="anna")
    desk.run(2 * HOUR)
    assert desk.states(ticket) == [RowState.SUPERSEDED]
    assert desk.saves(ticket) == []


def test_a_ticket_is_woken_early(tmp_path: Path) -> None:
    """`--off` takes the word back."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.run(MINUTE)
    snooze(desk, ticket, DAY)
    desk.run(HOUR)
    with desk.database.transaction() as db:
        assert snoozes.take_off(db, SOURCE, ticket)
        assert not snoozes.take_off(db, SOURCE, ticket)
        mirrored.set_next_look(db, mirrored.mirrored(db, SOURCE, [ticket])[ticket].ticket.ref, desk.clock.now())
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)


@pytest.mark.parametrize(("label", "milliseconds"), [("hoist-hold-4h", 4 * HOUR), ("hoist-hold-2d", 2 * DAY)])
def test_a_label_holds_for_so_long(tmp_path: Path, label: str, milliseconds: int) -> None:
    """`hoist-hold-4h` keeps hoist away for four hours from when it was set, with nobody to take it off."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    desk.helpdesk.change(ticket, "anna", labels=(label,))
    desk.run(milliseconds - MINUTE)
    assert desk.saves(ticket) == []
    assert label in next_of(desk, ticket)
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)


def test_a_label_that_says_no_time_hoist_knows_holds_nothing(tmp_path: Path) -> None:
    """`hoist-hold-forever` is no such label: the notes name those that are."""
    desk = Desk(tmp_path)
    ticket = desk.ticket(labels=("hoist-hold-forever",))
    desk.run(HOUR)
    moved_once(desk, ticket)
