"""hoist rehearse: whatever breaks, the ticket is as it was afterwards, but for one internal note; and the truth is told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from agent.errors import ConfigError
from agent.hands_on import at_hand
from agent.store import orders, waiting
from agent.store.orders import OrderState
from agent.store.states import RowState
from agent.store.waiting import Planned
from agent.undo.rehearsing import LABEL, Rehearsal, Rehearsing
from agent.who import Who
from connectors.errors import GiveUp, OutcomeUnknown, TryLater
from connectors.memory import MemoryConnector
from rules.escalation import FiringKey
from rules.instants import HOUR, MINUTE
from rules.protocol.actions import AddLabel, Escalate, RaisePriority, Tell
from rules.protocol.actions import Comment as Say
from rules.world import Directory
from tests.agent.desk import NEVER, SOURCE, Desk, Killed, Mortal, rule

WHO = Who("eva", "system account eva at desk", "a rehearsal")
ALL = (Escalate("line"), RaisePriority(1), AddLabel("lifted"), Say("Moved to {team}."))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, NEVER, rule("by-hand", actions=ALL))


def rehearsing(desk: Desk, ticket: str, name: str | None = None, mortal: Mortal | None = None) -> Rehearsing:
    connector, pipeline = desk.worker(mortal)
    hands = at_hand(connector, pipeline.database, pipeline.ruling.rules, desk.clock, desk.store)
    return Rehearsing(hands, ticket, name, WHO)


def rehearse(desk: Desk, ticket: str, name: str | None = None) -> Rehearsal:
    return rehearsing(desk, ticket, name).carry_out()


def values(desk: Desk, ticket: str) -> tuple[object, object, object]:
    fields = desk.stored(ticket).fields
    return fields["team"], fields["priority"], fields["labels"]


def as_it_was(desk: Desk, ticket: str, priority: str = "p3") -> None:
    assert values(desk, ticket) == ("sd", priority, ()), desk.said()
    assert not any(note.public for note in desk.notes(ticket))
    with desk.database.reading() as db:
        assert orders.tickets(db, SOURCE) == set(), desk.said()


def test_all_is_done_and_taken_back(desk: Desk) -> None:
    """The first step of a rule, written, read back and undone; no rule takes it for a person's change afterwards."""
    ticket = desk.ticket()
    found = rehearse(desk, ticket, "by-hand")
    assert found.ok, found.steps
    assert len(found.steps) == 6
    as_it_was(desk, ticket)
    assert len(desk.saves(ticket)) == 2
    (note,) = desk.notes(ticket)
    assert note.text.startswith("Rehearsal of hoist by eva: nobody is told, and what changes here is taken back at once.")
    assert desk.states() == []
    desk.run(HOUR)
    assert values(desk, ticket) == ("ops", "p2", ("lifted",)), "no override: the rule writes when its time has come"


def test_where_the_priority_is_the_highest_a_label_is_set(desk: Desk) -> None:
    """Something is written and taken back on every ticket."""
    ticket = desk.ticket(priority="p1")
    made = rehearsing(desk, ticket)
    assert f"label {LABEL}: set" in made.found.plan
    assert made.found.what == "rehearsal: a label and an internal note"
    assert made.carry_out().ok
    as_it_was(desk, ticket, "p1")


def test_where_there_is_no_such_label_a_note_alone_is_rehearsed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to make a label in the helpdesk for a rehearsal, and what was left out is said."""
    directory = MemoryConnector.directory

    def with_labels(connector: MemoryConnector) -> Directory:
        return replace(directory(connector), labels=frozenset({"vip"}))

    monkeypatch.setattr(MemoryConnector, "directory", with_labels)
    ticket = desk.ticket(priority="p1")
    made = rehearsing(desk, ticket)
    assert made.found.what == "rehearsal: an internal note"
    assert any(f"has no label {LABEL}" in note for note in made.found.notes)
    found = made.carry_out()
    assert found.ok, found.steps
    as_it_was(desk, ticket, "p1")


def test_nobody_is_told(tmp_path: Path) -> None:
    """What a rule would say to people is named, and not said."""
    desk = Desk(tmp_path, rule("calls", actions=(Tell("head-of-it"), RaisePriority(1))))
    ticket = desk.ticket()
    found = rehearse(desk, ticket, "calls")
    assert "nobody is told: head-of-it would be" in found.notes
    assert found.ok
    assert "notices" not in str(desk.journal("escalated"))


def test_it_waits_for_nobody_and_disturbs_nobody(desk: Desk) -> None:
    """While one of the ticket's changes is being written, or an order is open, nothing is rehearsed on it."""
    ticket = desk.ticket()
    desk.run(MINUTE)
    with desk.database.transaction() as db:
        waiting.plan(db, [Planned(FiringKey(SOURCE, ticket, "other", 1, 0), 1, 1, 1, 0, ())])
        assert waiting.claim(db, SOURCE, ticket, 2, desk.clock.now() + HOUR)
    with pytest.raises(ConfigError, match="being written just now"):
        rehearse(desk, ticket)
    assert desk.asked("write") == 0


def test_a_change_of_a_person_meanwhile_is_theirs(desk: Desk) -> None:
    """Anna changes the priority while the note is written: hers stays, and the rehearsal says that it is not as before."""
    ticket = desk.ticket()
    made = rehearsing(desk, ticket)
    hands = made._hands
    write = hands.connector.write

    def then_anna(operation: object) -> object:
        receipt = write(operation)  # type: ignore[arg-type]
        if len(desk.stored(ticket).saves) == 1:
            desk.helpdesk.change(ticket, "anna", priority="p1")
        return receipt

    hands.connector.write = then_anna  # type: ignore[assignment,method-assign]
    found = made.carry_out()
    assert not found.ok
    assert values(desk, ticket) == ("sd", "p1", ())


Trouble = Callable[[Desk], object]
TROUBLES: dict[str, Trouble] = {
    "answer lost": lambda desk: desk.helpdesk.fail_next(OutcomeUnknown("no answer"), after_effect=True, on="write"),
    "request lost": lambda desk: desk.helpdesk.fail_next(OutcomeUnknown("no answer"), on="write"),
    "late": lambda desk: desk.helpdesk.land_next_write_after(50_000),
    "busy": lambda desk: desk.helpdesk.fail_next(TryLater("too many", 30), on="write"),
    "refused": lambda desk: desk.helpdesk.fail_next(GiveUp("no right to edit"), on="write"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_goes_wrong_is_said_and_taken_back(desk: Desk, trouble: str) -> None:
    """A request that is refused or lost is a step that was not as it should be; nothing of it is left."""
    ticket = desk.ticket()
    made = rehearsing(desk, ticket, "by-hand")
    TROUBLES[trouble](desk)
    found = made.carry_out()
    assert not found.ok
    as_it_was(desk, ticket)
    assert any("took everything back" in step.said for step in found.steps) == (trouble != "refused")


def lives_through(folder: Path, dies_at: int) -> bool:
    """A rehearsal dies at a place, and hoist run is started afterwards; False where it died."""
    folder.mkdir()
    desk = Desk(folder, NEVER, rule("by-hand", NEVER.condition, actions=ALL), poll=HOUR)
    ticket = desk.ticket()
    desk.run(MINUTE)
    mortal = Mortal(dies_at)
    with suppress(Killed):
        rehearsing(desk, ticket, "by-hand", mortal).carry_out()
    desk.restart()
    desk.run(20 * MINUTE)
    as_it_was(desk, ticket)
    assert len(desk.saves(ticket)) in {0, 2}, desk.said()
    assert len(desk.notes(ticket)) <= 1
    desk.database.close()
    return mortal.places < dies_at


def test_death_at_any_place_leaves_the_ticket_as_it_was(tmp_path: Path) -> None:
    """Wherever a rehearsal is killed, the next hoist run takes back what it had written."""
    lived = next(n for n in count(1) if lives_through(tmp_path / str(n), n))
    assert lived > 20, "there were places to die at"


def test_it_ends_in_the_journal(desk: Desk) -> None:
    """Who rehearsed what, and how each step went; the order is at its end."""
    ticket = desk.ticket()
    rehearse(desk, ticket)
    (line,) = desk.journal("rehearsed")
    assert (line.data["by"], line.data["ok"], len(line.data["steps"])) == ("eva", True, 6)
    assert [kind for kind in ("rehearsal-ordered", "undo-ordered", "rehearsal-done", "undo-done") if desk.journal(kind)] == [
        "rehearsal-ordered",
        "undo-ordered",
        "rehearsal-done",
        "undo-done",
    ]
    with desk.database.reading() as db:
        assert {each.state for each in orders.of_ticket(db, rehearsing(desk, ticket).ticket.ref)} == {OrderState.DONE}
    assert RowState.UNDONE not in desk.states()
