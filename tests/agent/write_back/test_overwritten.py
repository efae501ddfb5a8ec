"""Somebody was first between hoist's read and hoist's write: theirs is put back once, and what they said is listed (F10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.store.states import RowState
from agent.why import why
from connectors.contract import Receipt
from connectors.errors import Conflict, OutcomeUnknown
from rules.escalation import Operation
from rules.instants import HOUR, MINUTE, SECOND
from rules.protocol.actions import Comment, Escalate, RaisePriority
from rules.protocol.conditions import Held
from rules.protocol.durations import Duration
from tests.agent.desk import OPEN, Desk, rule

BOTH = rule("too-long", actions=(Escalate("line"), RaisePriority(by=1), Comment("Moved to {team}.")))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, BOTH)
    yield desk
    desk.database.close()


def interrupted(desk: Desk, act: Callable[[str], object]) -> str:
    """A ticket whose escalation is about to be written, and what happens between hoist's read and its write."""
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    desk.helpdesk.between_read_and_write(lambda: act(ticket))
    return ticket


def before_putting_back(desk: Desk, act: Callable[[], object]) -> None:
    """Once, just before the first request that puts something back leaves."""
    write = desk.connector.write

    def interrupting(operation: Operation) -> Receipt:
        if operation.key.endswith("put-back"):
            desk.connector.write = write  # type: ignore[method-assign]
            act()
        return write(operation)

    desk.connector.write = interrupting  # type: ignore[method-assign]


def test_several_fields_of_one_save_are_put_back(desk: Desk) -> None:
    """Anna gave the ticket to Bert of engineering and made it urgent: both stand in the end, and hoist said nothing."""
    anna = {"team": "eng", "assignee": "bert", "priority": "p1"}
    ticket = interrupted(desk, lambda t: desk.helpdesk.change(t, "anna", **anna))
    desk.run(HOUR)
    stored = desk.stored(ticket)
    assert {name: stored.fields[name] for name in anna} == anna, desk.said()
    assert not desk.notes(ticket)
    assert desk.states(ticket) == [RowState.OVERRULED]


def test_the_owner_is_put_back_as_one(tmp_path: Path) -> None:
    """Anna moved her ticket to engineering and kept it; hoist moved it and took her name off: team and person are put back."""
    desk = Desk(tmp_path, rule("moves", BOTH.condition, actions=(Escalate("line"),)))
    ticket = interrupted(desk, lambda t: desk.helpdesk.change(t, "anna", team="eng", assignee="anna"))
    desk.run(HOUR)
    fields = desk.stored(ticket).fields
    assert (fields["team"], fields["assignee"]) == ("eng", "anna"), desk.said()
    desk.database.close()


def test_a_field_that_was_changed_again_does_not_keep_the_others_from_being_put_back(desk: Desk) -> None:
    """Bert moves the ticket on before hers is put back: his team stands, and her priority is put back all the same."""
    ticket = interrupted(desk, lambda t: desk.helpdesk.change(t, "anna", team="eng", priority="p1"))
    verify = desk.connector.verify

    def then_bert(operation: Operation) -> object:
        found = verify(operation)
        desk.connector.verify = verify  # type: ignore[method-assign]
        desk.helpdesk.change(ticket, "bert", team="sd")
        return found

    desk.connector.verify = then_bert  # type: ignore[assignment,method-assign]
    desk.run(HOUR)
    fields = desk.stored(ticket).fields
    assert (fields["team"], fields["priority"]) == ("sd", "p1"), desk.said()
    assert desk.states(ticket) == [RowState.OVERRULED]


def test_a_put_back_without_an_answer_is_looked_for_and_not_sent_twice(desk: Desk) -> None:
    """The answer to putting Anna's team back is lost: its mark is found, and it was put back once."""
    ticket = interrupted(desk, lambda t: desk.helpdesk.change(t, "anna", team="eng"))
    before_putting_back(desk, lambda: desk.helpdesk.fail_next(OutcomeUnknown("no answer"), after_effect=True, on="write"))
    desk.run(HOUR)
    moves = [item.new for save in desk.saves(ticket) for item in save.items if item.field == "team"]
    assert moves == ["ops", "eng"], desk.said()
    assert desk.states(ticket) == [RowState.OVERRULED]


@pytest.mark.parametrize("times", [1, 20])
def test_a_put_back_that_is_refused_as_a_conflict_is_tried_again(desk: Desk, times: int) -> None:
    """Another save is under way in the ticket just then: theirs is put back after it, or a person is told that it was not."""
    ticket = interrupted(desk, lambda t: desk.helpdesk.change(t, "anna", team="eng"))

    def in_the_way() -> None:
        for _ in range(times):
            desk.helpdesk.fail_next(Conflict("409: another save is under way"), on="write")

    before_putting_back(desk, in_the_way)
    desk.run(HOUR)
    if times == 1:
        assert (desk.team(ticket), desk.states(ticket)) == ("eng", [RowState.OVERRULED]), desk.said()
    else:
        assert desk.states(ticket) == [RowState.PARKED]
        assert "could not be put back" in desk.rows(ticket)[0].problem


def test_a_late_put_back_is_waited_for(desk: Desk) -> None:
    """The request that puts it back hangs in the platform for half a minute: it is waited for, and not sent again."""
    ticket = interrupted(desk, lambda t: desk.helpdesk.change(t, "anna", team="eng"))
    before_putting_back(desk, lambda: desk.helpdesk.land_next_write_after(30 * SECOND))
    desk.run(HOUR)
    assert desk.team(ticket) == "eng", desk.said()
    assert len([save for save in desk.saves(ticket) if any(item.field == "team" for item in save.items)]) == 2


def test_nothing_is_put_back_in_a_ticket_that_is_gone(desk: Desk) -> None:
    """Anna's change was overwritten and the ticket is deleted: nothing is left to do, and nobody has to look."""
    ticket = interrupted(desk, lambda t: desk.helpdesk.change(t, "anna", team="eng"))
    verify = desk.connector.verify

    def then_gone(operation: Operation) -> object:
        found = verify(operation)
        desk.helpdesk.delete(ticket)
        return found

    desk.connector.verify = then_gone  # type: ignore[assignment,method-assign]
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.OVERRULED], desk.said()
    assert "is gone" in desk.rows(ticket)[0].problem


def test_a_ticket_that_can_not_be_read_is_put_back_later(desk: Desk) -> None:
    """For ten minutes the ticket can't be read as a whole: Anna's team is put back after that."""
    ticket = interrupted(desk, lambda t: desk.helpdesk.change(t, "anna", team="eng"))
    verify = desk.connector.verify

    def then_unreadable(operation: Operation) -> object:
        found = verify(operation)
        desk.connector.verify = verify  # type: ignore[method-assign]
        desk.helpdesk.unreadable[ticket] = "its history is cut"
        return found

    desk.connector.verify = then_unreadable  # type: ignore[assignment,method-assign]
    desk.run(10 * MINUTE)
    assert desk.team(ticket) == "ops"
    desk.helpdesk.unreadable.clear()
    desk.run(10 * MINUTE)
    assert desk.team(ticket) == "eng", desk.said()


def test_a_second_person_who_was_overwritten_is_not_passed_over(desk: Desk) -> None:
    """Bert moves the ticket in the very moment in which Anna's team is put back: a person is asked to look."""
    ticket = interrupted(desk, lambda t: desk.helpdesk.change(t, "anna", team="eng"))
    before_putting_back(desk, lambda: desk.helpdesk.change(ticket, "bert", team="sd"))
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.PARKED], desk.said()
    assert "another one's was overwritten (team)" in desk.rows(ticket)[0].problem


def test_what_was_put_back_is_theirs_against_every_rule(tmp_path: Path) -> None:
    """Anna's priority was overwritten and put back: another rule says whose it is, and leaves it alone."""
    first = rule("first", BOTH.condition, actions=(RaisePriority(by=2), Comment("Raised.")))
    desk = Desk(
        tmp_path, first, rule("later", Held(OPEN, Duration(HOUR)), actions=(RaisePriority(by=1), Comment("Still there.")))
    )
    ticket = interrupted(desk, lambda t: desk.helpdesk.change(t, "anna", priority="p2"))
    desk.run(2 * HOUR)
    assert desk.stored(ticket).fields["priority"] == "p2", desk.said()
    (note,) = desk.notes(ticket)
    assert "the priority is Anna's since 2026-03-02 08:15:02 UTC: hoist had overwritten it, and put it back." in note.text
    desk.database.close()


# --- what was said meanwhile --------------------------------------------------------------------------------------------


def test_a_comment_that_came_in_between_is_listed_once(desk: Desk) -> None:
    """Ruth writes between hoist's read and its write: the escalation stands, and her comment is journaled as overtaken, once."""
    ticket = interrupted(desk, lambda t: desk.helpdesk.say(t, "ruth", public=True, text="any news?"))
    desk.run(2 * HOUR)
    assert desk.states(ticket) == [RowState.APPLIED]
    (line,) = desk.journal("overtaken")
    assert [comment[2] for comment in line.data["comments"]] == ["ruth"], desk.said()
    assert line.data["operation"].endswith("/fields")
    answer = why(desk.database, desk.pipeline.ruling.rules, ticket, desk.pipeline.source_clock.now())
    assert any("came in while hoist was writing" in note for note in answer.notes)


def test_a_comment_that_shows_late_is_listed_as_well(desk: Desk) -> None:
    """The helpdesk shows comments only after a minute: the read that first brings hers lists it."""
    desk.helpdesk.history_lag = MINUTE
    ticket = interrupted(desk, lambda t: desk.helpdesk.say(t, "ruth", public=True))
    desk.run(2 * HOUR)
    desk.helpdesk.change(ticket, "anna", labels=("seen",))
    desk.run(HOUR)
    assert len(desk.journal("overtaken")) == 1, desk.said()


def test_what_hoist_knew_and_what_came_later_is_not_overtaken(desk: Desk) -> None:
    """Ruth wrote before the read, Bert after the write: hoist decided with the one, and the other answers it."""
    ticket = desk.ticket()
    desk.run(5 * MINUTE)
    desk.helpdesk.say(ticket, "ruth", public=True)
    desk.run(30 * MINUTE)
    desk.helpdesk.say(ticket, "bert", public=False)
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.APPLIED]
    assert desk.journal("overtaken") == []


def test_a_comment_between_the_fields_and_the_note_is_listed(desk: Desk) -> None:
    """Ruth writes after the ticket was moved and before hoist's own comment: it is listed with that one."""
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    write = desk.connector.write

    def then_ruth(operation: Operation) -> Receipt:
        if operation.comment:
            desk.clock.jump(desk.clock.now() + SECOND)
            desk.helpdesk.say(ticket, "ruth", public=True)
        return write(operation)

    desk.connector.write = then_ruth  # type: ignore[method-assign]
    desk.run(HOUR)
    (line,) = desk.journal("overtaken")
    assert line.data["operation"].endswith("/comment"), desk.said()
