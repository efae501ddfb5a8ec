"""Every state can be reached, and no move is made that the tables do not allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import pytest
from sqlalchemy import update

from agent.store import journal, operations, waiting
from agent.store.database import Database
from agent.store.journal import Line
from agent.store.operations import OperationRow
from agent.store.states import FIRST_ROW_STATES, OPERATION_MOVES, ROW_MOVES, OperationState, RowState
from agent.store.tables import operations as operations_table
from agent.store.tables import outbox
from agent.store.waiting import Planned, WaitingRow
from rules.escalation import Escalation, FiringKey, Operation, OperationKind
from rules.ticket import TicketRef

S = TypeVar("S", RowState, OperationState)
REF = TicketRef("desk", "7")


def reached(moves: Mapping[S, frozenset[S]], begin: frozenset[S]) -> set[S]:
    """Every state that the moves lead to from where a life begins."""
    found, new = set(begin), set(begin)
    while new:
        new = {to for state in new for to in moves[state]} - found
        found |= new
    return found


def test_every_state_can_be_reached() -> None:
    """From the states in which a step or an operation begins, the moves lead everywhere."""
    assert reached(ROW_MOVES, FIRST_ROW_STATES) == set(RowState)
    assert reached(OPERATION_MOVES, frozenset({OperationState.PLANNED})) == set(OperationState)


def test_every_state_has_its_moves() -> None:
    """A state that was forgotten in the table would be found at midnight."""
    assert set(ROW_MOVES) == set(RowState)
    assert set(OPERATION_MOVES) == set(OperationState)


def planned(database: Database, ticket: str = "7", not_before: int = 0) -> WaitingRow:
    with database.transaction() as db:
        waiting.plan(db, [Planned(FiringKey("desk", ticket, "r", 1, 0), 1, 1, not_before, 0, ("because",))])
        return waiting.of_ticket(db, "desk", ticket)[0]


def operation(database: Database) -> OperationRow:
    with database.transaction() as db:
        number = operations.add(db, Escalation(REF, ()), 1)
        operations.add_operations(db, number, [Operation("k", OperationKind.COMMENT, REF, "m", comment="words")])
        return operations.of_escalation(db, number)[0]


def test_a_move_that_is_not_allowed_is_an_error(database: Database) -> None:
    """From planned nothing can be applied: it must have been sent."""
    row, sent = planned(database), operation(database)
    with database.transaction() as db:
        with pytest.raises(ValueError, match="no allowed move"):
            waiting.move(db, row, RowState.APPLIED, 5)
        with pytest.raises(ValueError, match="no allowed move"):
            operations.move(db, sent, OperationState.APPLIED, 5)


def test_of_two_workers_that_saw_the_same_one_wins(database: Database) -> None:
    """A move is made from the state and under the fence that its worker saw, or not at all."""
    planned(database)
    with database.transaction() as db:
        (first,) = waiting.claim(db, "desk", "7", 5, 10)
        assert waiting.claim(db, "desk", "7", 5, 10) == []
        assert waiting.move(db, first, RowState.PLANNED, 5)
        assert not waiting.move(db, first, RowState.SENT, 5)
        (second,) = waiting.claim(db, "desk", "7", 5, 10)
        assert second.fence == first.fence + 1
        assert not waiting.move(db, first, RowState.SENT, 5), "the same state, another fence"
        assert waiting.still_held(db, [first]) == []
        assert waiting.still_held(db, [second]) == [second]
        assert waiting.move(db, second, RowState.SENT, 5)


def test_of_two_commits_one_is_sent(database: Database) -> None:
    """An operation is sent by whoever commits it; a late answer to an earlier sending moves nothing."""
    number = operation(database).escalation
    with database.transaction() as db:
        first = operations.commit_next(db, number, 5)
        assert first is not None
        assert operations.commit_next(db, number, 5) is None
        assert operations.move(db, first, OperationState.PLANNED, 5)
        second = operations.commit_next(db, number, 6)
        assert second is not None
        assert not operations.stands(db, first)
        assert not operations.move(db, first, OperationState.APPLIED, 5)
        assert operations.move(db, second, OperationState.APPLIED, 5)


def test_no_step_is_planned_twice(database: Database) -> None:
    """F2: the key of a step is unique, whoever decides."""
    planned(database)
    with pytest.raises(Exception, match="UNIQUE"):
        planned(database)


# --- and the journal tells each -----------------------------------------------------------------------------------------


def lines_of(database: Database) -> list[Line]:
    with database.reading() as db:
        return list(journal.lines(db))


@pytest.mark.parametrize("state", sorted(FIRST_ROW_STATES))
def test_the_journal_tells_how_each_change_begins(database: Database, state: RowState) -> None:
    """Whatever becomes of what is due, its first line says it, with the reasons, and on what that rests."""
    key = FiringKey("desk", "7", "r", 1, 0)
    with database.transaction() as db:
        rests = {"7": {"rules": "v1", "revision": 4}}
        waiting.plan(db, [Planned(key, 3, 5, 5, 0, ("nobody owns it",), state, "a gate")], rests)
    (line,) = lines_of(database)
    assert (line.kind, line.at, line.source, line.ticket) == (state, 5, "desk", "7")
    assert line.data == {
        "change": str(key),
        "state": state,
        "due": 3,
        "because": {str(key): ["nobody owns it"]},
        "said": "a gate",
        "rules": "v1",
        "revision": 4,
    }


@pytest.mark.parametrize(("was", "to"), [(was, to) for was, allowed in ROW_MOVES.items() for to in sorted(allowed)])
def test_the_journal_tells_every_move_of_a_change(database: Database, was: RowState, to: RowState) -> None:
    """All moves of the table, one by one: each is a line, committed with it, that names the change, whence and whereto."""
    row = planned(database)
    with database.transaction() as db:
        db.execute(update(outbox).values(state=was))
        (row,) = waiting.of_ticket(db, "desk", "7")
    before = len(lines_of(database))
    with database.transaction() as db:
        assert waiting.move(db, row, to, 9, problem="so it is")
        assert not waiting.move(db, row, to, 9), "somebody else has moved it"
    *_, line = found = lines_of(database)
    assert len(found) == before + 1
    assert (line.kind, line.at, line.source, line.ticket) == (to, 9, "desk", "7")
    assert line.data == {"change": str(row.key), "was": was, "state": to, "said": "so it is"}


@pytest.mark.parametrize(("was", "to"), [(was, to) for was, allowed in OPERATION_MOVES.items() for to in sorted(allowed)])
def test_the_journal_tells_every_move_of_a_request(database: Database, was: OperationState, to: OperationState) -> None:
    """All moves of the table: each is a line that names the request, whence and whereto."""
    operation(database)
    with database.transaction() as db:
        db.execute(update(operations_table).values(state=was))
        (row,) = operations.of_ticket(db, "desk", "7")
    before = len(lines_of(database))
    with database.transaction() as db:
        assert operations.move(db, row, to, 9)
        assert not operations.move(db, row, to, 9)
    *_, line = found = lines_of(database)
    assert len(found) == before + 1
    assert (line.kind, line.at, line.ticket) == (f"comment-{to}", 9, "7")
    assert line.data == {"operation": "k", "was": was, "state": to}


def test_a_request_has_a_line_before_it_is_sent(database: Database) -> None:
    """What is to be asked of the helpdesk is named when it is decided."""
    operation(database)
    (line,) = lines_of(database)
    assert (line.kind, line.data["operations"]) == ("requests-planned", ["k"])


def test_tries_in_vain_for_one_reason_are_told_once(database: Database) -> None:
    """A helpdesk that is down all weekend fills no journal: the first try is told, and the next when something is different."""
    planned(database)
    with database.transaction() as db:
        for reason in ("it is down", "it is down", "it is down", "it is shut"):
            (row,) = waiting.claim(db, "desk", "7", 5, 10)
            assert waiting.move(db, row, RowState.PLANNED, 5, problem=reason)
    told = [(line.kind, line.data.get("said")) for line in lines_of(database)]
    assert told == [("planned", None), ("claimed", None), ("planned", "it is down"), ("planned", "it is shut")]
