"""What falls due soon is judged beforehand: nothing comes out otherwise than if nobody had looked ahead."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import due_soon
from agent.due_soon import DueSoon
from agent.store import mirrored
from rules import engine
from rules.instants import FOREVER, HOUR, MINUTE, SECOND, Instant
from rules.protocol.conditions import All, Amount, Held, State
from rules.protocol.durations import Duration
from rules.ticket import TicketRef
from tests.agent.desk import ALL_EXISTING, NEVER, OPEN, POLL, SOURCE, Desk, moved_once, rule


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def held_ready(desk: Desk) -> set[str]:
    """The tickets that are held ready."""
    return set(desk.pipeline.mirroring._due_soon.tickets)


def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[Instant]:
    """The instants at which tickets are evaluated from now on, those that are judged beforehand left out."""
    seen: list[Instant] = []

    def noted(*given: object, **named: object) -> object:
        seen.append(given[2])  # type: ignore[arg-type]
        return engine.evaluate(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("agent.evaluate.evaluate", noted)
    return seen


def test_what_is_due_soon_is_not_judged_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ticket that falls due within two polls is read and judged while hoist rests; when it is due, it is moved as ever."""
    ticket = desk.ticket()
    desk.run(15 * MINUTE - SECOND)
    assert held_ready(desk) == {ticket}
    seen = evaluated(monkeypatch)
    with desk.database.transaction() as db:
        due = desk.pipeline.mirroring.due(db, FOREVER - 1, 9)
        desk.pipeline.mirroring.look_at(db, due, desk.stored(ticket).created + 15 * MINUTE + SECOND)
    assert seen == []
    assert held_ready(desk) == set()
    monkeypatch.undo()
    desk.run(HOUR)
    moved_once(desk, ticket)


def test_what_changed_meanwhile_is_judged_as_it_is(desk: Desk) -> None:
    """Anna takes the ticket after it was judged beforehand: what was foreseen is not what happens."""
    ticket = desk.ticket()
    desk.run(12 * MINUTE)
    assert held_ready(desk) == {ticket}
    desk.helpdesk.change(ticket, "anna", assignee="anna")
    desk.run(HOUR)
    assert not desk.saves(ticket)
    assert not desk.rows(ticket)


def test_a_look_before_it_is_due_forgets_nothing(desk: Desk) -> None:
    """A ticket was judged beforehand, and is looked at before its instant, as after a write: it is moved when that comes."""
    ticket = desk.ticket()
    desk.run(15 * MINUTE - 10 * SECOND)
    assert held_ready(desk) == {ticket}
    with desk.database.transaction() as db:
        mirrored.set_next_look(db, TicketRef(SOURCE, ticket), desk.clock.now())
    desk.run(HOUR)
    moved_once(desk, ticket)


def test_what_was_foreseen_under_other_rules_counts_no_more(desk: Desk) -> None:
    """The rules change after a ticket was judged beforehand: it is judged by the new ones."""
    ticket = desk.ticket()
    desk.run(12 * MINUTE)
    assert held_ready(desk) == {ticket}
    desk.rule_by(NEVER)
    desk.run(HOUR)
    assert not desk.saves(ticket)


def test_a_number_that_many_tickets_make_is_not_foreseen(tmp_path: Path) -> None:
    """A ticket was judged beforehand while it had no others like it; when it is due, those that came count."""
    many = State("related.service", Amount(at_least=2))
    condition = All((Held(OPEN, Duration(15 * MINUTE)), many))
    desk = Desk(tmp_path, rule("many", condition, existing=ALL_EXISTING))
    ticket = desk.ticket(service="Mail")
    desk.run(12 * MINUTE)
    others = [desk.ticket(service="Mail") for _ in range(2)]
    desk.run(HOUR)
    assert [len(desk.notes(each)) for each in (ticket, *others)] == [1, 1, 1]


def test_so_many_and_no_more_are_held_ready(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many tickets fall due at once, a set number of them is held in memory; the others are judged when they are due."""
    monkeypatch.setattr(due_soon, "LIMIT", 2)
    tickets = [desk.ticket() for _ in range(5)]
    desk.run(12 * MINUTE)
    assert len(held_ready(desk)) == 2
    desk.run(HOUR)
    for ticket in tickets:
        moved_once(desk, ticket)


def test_it_is_looked_ahead_once_in_a_while(desk: Desk) -> None:
    """Whoever was looked at is not looked at again before the time has come, or the clock was set back."""
    desk.ticket()
    desk.run(MINUTE)
    looked = DueSoon(SOURCE)
    rules, now = desk.pipeline.ruling.rules, desk.clock.now() + 10 * MINUTE
    with desk.database.reading() as db:
        looked.prepare(db, rules, now, POLL)
        assert len(looked.tickets) == 1
        looked.take(*looked.tickets)
        looked.prepare(db, rules, now + POLL - 1, POLL)
        assert not looked.tickets
        looked.prepare(db, rules, now + POLL, POLL)
        assert len(looked.tickets) == 1
        looked.take(*looked.tickets)
        looked.prepare(db, rules, now - 1, POLL)
        assert len(looked.tickets) == 1
        assert mirrored.due(db, SOURCE, FOREVER - 1, 9, looked.tickets)[0].ticket is next(iter(looked.tickets.values())).ticket
