"""Every state can be reached, and no move is made that the tables do not allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import pytest

from agent.store import operations, waiting
from agent.store.database import Database
from agent.store.operations import OperationRow
from agent.store.states import FIRST_ROW_STATES, OPERATION_MOVES, ROW_MOVES, OperationState, RowState
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
            waiting.move(db, row, RowState.APPLIED)
        with pytest.raises(ValueError, match="no allowed move"):
            operations.move(db, sent, OperationState.APPLIED)


def test_of_two_workers_that_saw_the_same_one_wins(database: Database) -> None:
    """A move is made from the state and under the fence that its worker saw, or not at all."""
    planned(database)
    with database.transaction() as db:
        (first,) = waiting.claim(db, "desk", "7", 5, 10)
        assert waiting.claim(db, "desk", "7", 5, 10) == []
        assert waiting.move(db, first, RowState.PLANNED)
        assert not waiting.move(db, first, RowState.SENT)
        (second,) = waiting.claim(db, "desk", "7", 5, 10)
        assert second.fence == first.fence + 1
        assert not waiting.move(db, first, RowState.SENT), "the same state, another fence"
        assert waiting.still_held(db, [first]) == []
        assert waiting.still_held(db, [second]) == [second]
        assert waiting.move(db, second, RowState.SENT)


def test_of_two_commits_one_is_sent(database: Database) -> None:
    """An operation is sent by whoever commits it; a late answer to an earlier sending moves nothing."""
    number = operation(database).escalation
    with database.transaction() as db:
        first = operations.commit_next(db, number, 5)
        assert first is not None
        assert operations.commit_next(db, number, 5) is None
        assert operations.move(db, first, OperationState.PLANNED)
        second = operations.commit_next(db, number, 6)
        assert second is not None
        assert not operations.stands(db, first)
        assert not operations.move(db, first, OperationState.APPLIED)
        assert operations.move(db, second, OperationState.APPLIED)


def test_no_step_is_planned_twice(database: Database) -> None:
    """F2: the key of a step is unique, whoever decides."""
    planned(database)
    with pytest.raises(Exception, match="UNIQUE"):
        planned(database)
