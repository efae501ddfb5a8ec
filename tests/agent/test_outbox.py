"""What comes of a write: applied, refused, lost, overtaken by a person. Nothing is lost, and nothing is there twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import outbox
from agent.store import journal, mirrored, waiting
from agent.store.states import OperationState, RowState
from agent.write_back.settling import ATTEMPTS
from connectors.contract import Verification
from connectors.errors import Conflict, ConnectorError, GiveUp, Gone, Limited, OutcomeUnknown, TryLater, Unsupported
from connectors.memory_helpdesk import ACCOUNT
from rules.due_step import DueStep
from rules.escalation import Escalation, Operation, OperationKind
from rules.instants import HOUR, MINUTE, SECOND
from rules.ticket import Kind, TicketRef
from tests.agent.desk import LONG, SOURCE, Desk, Killed, Mortal, again, moved_once, rule


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def overdue(desk: Desk, **fields: str) -> str:
    """A ticket whose step is planned and not written yet."""
    ticket = desk.ticket(**fields)
    desk.let_it_fall_due(ticket)
    return ticket


# --- nobody answered ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_effect", [True, False])
def test_a_lost_answer_is_looked_for_after_the_requests_life(desk: Desk, after_effect: bool) -> None:
    """The marker decides whether the fields are sent again; it is not looked for before a late request can't land any more."""
    ticket = overdue(desk)
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), after_effect=after_effect, on="write")
    lost_at = desk.clock.now()
    desk.run(30 * SECOND)
    assert desk.states(ticket) == [RowState.UNKNOWN]
    assert desk.asked("verify") == 0
    desk.run(HOUR)
    moved_once(desk, ticket)
    looked_at = next(request.at for request in desk.helpdesk.requests if request.kind == "verify")
    assert looked_at - lost_at >= 60 * SECOND


def test_a_request_that_lands_late_is_not_sent_twice(desk: Desk) -> None:
    """The answer is lost, and the request lands just before its life is over."""
    ticket = overdue(desk)
    desk.helpdesk.land_next_write_after(59_000)
    desk.run(HOUR)
    moved_once(desk, ticket)


def test_hoists_own_deaths_are_no_attempts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often hoist is killed with a write on its way that did not take effect, it writes it in the end."""
    ticket = overdue(desk)

    def dies(_self: object, _operation: Operation) -> object:
        raise Killed

    for _ in range(ATTEMPTS + 1):
        with monkeypatch.context() as deadly:
            deadly.setattr(type(desk.connector), "write", dies)
            with pytest.raises(Killed):
                desk.run(HOUR)
        desk.restart()
    desk.run(HOUR)
    moved_once(desk, ticket)


def test_a_rest_shorter_than_a_millisecond_is_a_rest(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that can't be asked yet is not asked for what became of a write again and again within the same instant."""
    ticket = overdue(desk)
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), after_effect=True, on="write")
    verify, asked = desk.connector.verify, list[int]()

    def not_yet(operation: Operation) -> Verification:
        asked.append(desk.clock.now())
        if len(asked) <= 5:
            raise Limited("the limit is used up", 0.0009)
        return verify(operation)

    monkeypatch.setattr(desk.connector, "verify", not_yet)
    desk.run(HOUR)
    moved_once(desk, ticket)
    assert len(set(asked[:6])) == 6


@pytest.mark.parametrize("after_effect", [True, False])
def test_a_lost_comment_is_sent_again_alone(desk: Desk, after_effect: bool) -> None:
    """F6: the fields took effect and are never sent again, whatever became of the comment."""
    ticket = overdue(desk)
    write = desk.connector.write

    def lost(operation: Operation) -> object:
        if operation.kind is OperationKind.COMMENT:
            desk.connector.write = write  # type: ignore[method-assign]
            desk.helpdesk.fail_next(OutcomeUnknown("no answer"), after_effect=after_effect, on="write")
        return write(operation)

    desk.connector.write = lost  # type: ignore[assignment,method-assign]
    desk.run(HOUR)
    moved_once(desk, ticket)


@pytest.mark.parametrize("error", [TryLater("too many requests", 90), Conflict("it was saved meanwhile")])
def test_a_comment_that_was_put_off_leaves_the_fields_alone(desk: Desk, error: ConnectorError) -> None:
    """A comment that the platform put off is sent later; the fields are not decided anew."""
    ticket = overdue(desk)
    write = desk.connector.write

    def put_off(operation: Operation) -> object:
        if operation.kind is OperationKind.COMMENT:
            desk.connector.write = write  # type: ignore[method-assign]
            raise error
        return write(operation)

    desk.connector.write = put_off  # type: ignore[assignment,method-assign]
    desk.run(HOUR)
    moved_once(desk, ticket)


def test_an_unreadable_marker_is_never_resent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody can tell whether a write took effect, it is parked for a person to look."""
    ticket = overdue(desk)
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), on="write")
    monkeypatch.setattr(desk.connector, "verify", lambda _: Verification(None))
    desk.run(LONG)
    assert desk.states(ticket) == [RowState.PARKED]
    assert desk.asked("write") == 1
    assert "Look at the ticket" in desk.rows(ticket)[0].problem


def test_an_accepted_write_that_leaves_no_trace_is_never_resent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform said yes and its record does not show it: a second request could only do it twice."""
    ticket = overdue(desk)
    monkeypatch.setattr(desk.connector, "verify", lambda _: Verification(found=False))
    desk.run(LONG)
    assert desk.states(ticket) == [RowState.PARKED]
    assert desk.asked("write") == 1


def test_a_record_that_comes_late_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform said yes, and its record shows it a little later."""
    ticket = overdue(desk)
    monkeypatch.setattr(desk.connector, "verify", lambda _: Verification(found=False))
    desk.run(10 * SECOND)
    assert desk.states(ticket) == [RowState.UNKNOWN]
    monkeypatch.undo()
    desk.run(HOUR)
    moved_once(desk, ticket)


def test_a_request_that_never_arrives_is_given_up(desk: Desk) -> None:
    """After five requests that never took effect a person must look."""
    ticket = overdue(desk)
    for _ in range(9):
        desk.helpdesk.fail_next(OutcomeUnknown("no answer"), on="write")
    desk.run(LONG)
    assert desk.states(ticket) == [RowState.PARKED]
    assert desk.asked("write") == 5


def test_an_unknown_outcome_blocks_its_own_ticket_and_no_other(desk: Desk) -> None:
    """While hoist waits to learn what became of one request, other tickets are written."""
    first = overdue(desk)
    desk.helpdesk.land_next_write_after(50_000)
    second = desk.ticket()
    desk.clock.jump(desk.clock.now() + 15 * MINUTE)
    desk.run(2 * SECOND)
    assert desk.states(first) == [RowState.UNKNOWN]
    moved_once(desk, second)
    desk.run(HOUR)
    moved_once(desk, first)


# --- the platform says no ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [GiveUp("the field is mandatory"), Unsupported("no such thing here")])
def test_a_refusal_parks_one_escalation_and_no_other(desk: Desk, error: ConnectorError) -> None:
    """It is parked with the platform's own words; other tickets go on."""
    refused = overdue(desk)
    other = desk.ticket()
    desk.helpdesk.fail_next(error, on="write")
    desk.run(HOUR)
    (row,) = desk.rows(refused)
    assert (row.state, row.problem) == (RowState.PARKED, str(error))
    assert [o.state for o in desk.operations(refused)] == [OperationState.REFUSED, OperationState.DROPPED]
    moved_once(desk, other)


def test_a_conflict_is_decided_anew(desk: Desk) -> None:
    """F6: the ticket is no longer what was read: it is read afresh and decided again, under the same key."""
    ticket = overdue(desk)
    desk.helpdesk.fail_next(Conflict("saved meanwhile"), on="write")
    desk.run(HOUR)
    moved_once(desk, ticket)


def test_five_conflicts_park(desk: Desk) -> None:
    """Two that fight over a ticket do so for a while, and then a person must look."""
    ticket = overdue(desk)
    for _ in range(9):
        desk.helpdesk.fail_next(Conflict("saved meanwhile"), on="write")
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.PARKED]
    assert desk.asked("write") == 5


def test_a_ticket_that_goes_before_its_write_is_superseded(desk: Desk) -> None:
    """Gone between read and write: nothing to park, nobody must look."""
    ticket = overdue(desk)
    desk.helpdesk.between_read_and_write(lambda: desk.helpdesk.delete(ticket))
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.SUPERSEDED]


def test_what_was_written_before_a_ticket_went_stands(desk: Desk) -> None:
    """Gone between fields and comment: the step counts as applied and is never decided again, should the ticket come back."""
    ticket = overdue(desk)
    write = desk.connector.write

    def goes(operation: Operation) -> object:
        if operation.kind is OperationKind.COMMENT:
            raise Gone("no longer visible")
        return write(operation)

    desk.connector.write = goes  # type: ignore[assignment,method-assign]
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.APPLIED]
    assert len(desk.saves(ticket)) == 1


def test_no_comment_speaks_of_what_did_not_happen(desk: Desk) -> None:
    """The platform takes the write and sets another team: no note says where the ticket went, a person must look."""
    ticket = overdue(desk)
    desk.helpdesk.automation = lambda _, asked: {"team": "eng"} if "team" in asked else {}
    desk.run(HOUR)
    assert not desk.notes(ticket)
    assert desk.states(ticket) == [RowState.PARKED]
    assert "team" in desk.rows(ticket)[0].problem


# --- people win --------------------------------------------------------------------------------------------------------


def overwritten(desk: Desk) -> str:
    """Anna gives the ticket to engineering between hoist's read and hoist's write."""
    ticket = overdue(desk)
    desk.helpdesk.between_read_and_write(lambda: desk.helpdesk.change(ticket, "anna", team="eng"))
    return ticket


def test_a_persons_change_is_put_back(desk: Desk) -> None:
    """Anna was first: her team stands in the end, nothing is said, and the step ends as overruled, once and for all."""
    ticket = overwritten(desk)
    desk.run(LONG)
    assert [item.new for save in desk.saves(ticket) for item in save.items] == ["ops", "eng"]
    assert desk.team(ticket) == "eng"
    assert not desk.notes(ticket)
    assert desk.states(ticket) == [RowState.OVERRULED]
    (line,) = desk.journal("fields-overwrote")
    assert line.data["overwritten"] == [["team", "eng", "ops"]]


def test_a_value_that_was_changed_again_is_left_alone(desk: Desk) -> None:
    """Anna was first, and Bert changes it again before hoist has put hers back: his stands."""
    ticket = overwritten(desk)
    verify = desk.connector.verify

    def bert_acts(operation: Operation) -> Verification:
        desk.connector.verify = verify  # type: ignore[method-assign]
        found = verify(operation)
        desk.helpdesk.change(ticket, "bert", team="sd")
        return found

    desk.connector.verify = bert_acts  # type: ignore[method-assign]
    desk.run(LONG)
    assert desk.team(ticket) == "sd"
    assert len(desk.saves(ticket)) == 1
    assert desk.states(ticket) == [RowState.OVERRULED]


def test_a_conflict_while_putting_back_is_tried_again_and_then_told(desk: Desk) -> None:
    """A platform that refuses the second write over and over, with nobody there who was first, leaves it to a person."""
    ticket = overwritten(desk)
    write = desk.connector.write

    def refuses(operation: Operation) -> object:
        if operation.key.endswith("put-back"):
            raise Conflict("saved meanwhile")
        return write(operation)

    desk.connector.write = refuses  # type: ignore[assignment,method-assign]
    desk.run(LONG)
    assert desk.states(ticket) == [RowState.PARKED]
    assert len(desk.saves(ticket)) == 1


@pytest.mark.parametrize("error", [TryLater("later", 10), OutcomeUnknown("no answer")])
def test_putting_back_survives_trouble(desk: Desk, error: ConnectorError) -> None:
    """The write that puts a person's value back is tried until it is known to have taken effect, and then no more."""
    ticket = overwritten(desk)
    write = desk.connector.write

    def troubled(operation: Operation) -> object:
        if operation.key.endswith("put-back"):
            desk.connector.write = write  # type: ignore[method-assign]
            raise error
        return write(operation)

    desk.connector.write = troubled  # type: ignore[assignment,method-assign]
    desk.run(LONG)
    assert desk.team(ticket) == "eng"
    assert desk.states(ticket) == [RowState.OVERRULED]
    assert len(desk.saves(ticket)) == 2


def test_a_persons_change_is_put_back_after_any_death(tmp_path: Path) -> None:
    """Wherever hoist dies between overwriting Anna and putting hers back: in the end hers stands."""
    desk = Desk(tmp_path)
    for place in range(1, 60):
        ticket = overwritten(desk)
        mortal = Mortal(place)
        try:
            desk.restart(mortal)
            desk.run(8 * MINUTE)
        except Killed:
            desk.restart()
            desk.run(8 * MINUTE)
        assert desk.team(ticket) == "eng", desk.said()
        assert desk.states(ticket) == [RowState.OVERRULED]
        assert [item.new for save in desk.saves(ticket) for item in save.items] == ["ops", "eng"]
        if mortal.places < place:
            return
    pytest.fail("there were more places than expected")


# --- what is hoist's own -------------------------------------------------------------------------------------------------


def test_hoists_own_change_is_known_by_operation_field_and_value(desk: Desk) -> None:
    """F7: what a trigger adds to hoist's save is the platform's automation; the move itself is hoist's."""
    desk.helpdesk.automation = lambda _, asked: {"priority": "p2"} if asked.get("team") == "ops" else {}
    ticket = overdue(desk)
    desk.run(HOUR)
    with desk.database.reading() as db:
        changes = mirrored.mirrored(db, SOURCE, [ticket])[ticket].ticket.changes
    assert {c.field: c.by.kind for c in changes} == {"team": Kind.HOIST, "priority": Kind.AUTOMATION}


def test_hoists_own_change_is_known_before_its_receipt(tmp_path: Path) -> None:
    """A poll that brings hoist's write before the answer came knows whose it is."""
    desk = Desk(tmp_path, rule(repeat=again(30, 1)))
    ticket = overdue(desk)
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), after_effect=True, on="write")
    desk.run(SECOND)
    desk.pipeline.poll()
    assert desk.states(ticket) == [RowState.UNKNOWN]
    with desk.database.reading() as db:
        changes = mirrored.mirrored(db, SOURCE, [ticket])[ticket].ticket.changes
    assert [(c.by.id, c.by.kind) for c in changes] == [(ACCOUNT, Kind.HOIST)]


# --- at the edges ------------------------------------------------------------------------------------------------------


def test_an_escalation_with_nothing_to_write_is_done(desk: Desk) -> None:
    """A step whose escalation has no operation is applied as decided, and waits for nothing."""
    ticket = overdue(desk)
    now = desk.clock.now()
    with desk.database.transaction() as db:
        rows = waiting.claim(db, SOURCE, ticket, now, now + outbox.LEASE)
        empty = Escalation(TicketRef(SOURCE, ticket), tuple(row.key for row in rows))
        steps = [DueStep(row.key, rule(), (), "", {}, (), (row.key.step,)) for row in rows]
        assert outbox.decided(db, rows, steps, empty, now, lambda _: (), now, rests_on={}) is None
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.APPLIED]
    assert not desk.saves(ticket)


def test_every_outcome_is_in_the_journal(desk: Desk) -> None:
    """From what fell due to the note, the journal tells what was decided, asked and written, because of what, in which order."""
    ticket = overdue(desk)
    desk.run(HOUR)
    with desk.database.reading() as db:
        told = [line.kind for line in journal.lines(db, SOURCE, ticket)]
        (decided,) = journal.lines(db, kind="escalated")
    assert told == [
        *("planned", "claimed", "requests-planned", "fields-sent", "sent", "escalated"),
        *("fields-applied", "comment-sent", "comment-applied", "applied"),
    ]
    assert decided.data["rules"] == desk.pipeline.ruling.rules.version
    assert decided.data["fields"] == [["team", "sd", "ops"]]
