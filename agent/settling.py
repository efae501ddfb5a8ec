"""What came of an operation, recorded: its own state, and what follows for the steps that it was sent for.

Fields come first and are never sent again once they took effect; a comment that was proven not to have been made is sent again
alone. A step ends as applied, parked (a person must look), superseded (planned anew when its episode is seen alive again) or
overridden (a person was first).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from agent.outbox import Outcome, Result
from agent.store import episodes, journal, operations, waiting
from agent.store.operations import OperationRow
from agent.store.states import OperationState, RowState
from agent.store.waiting import WaitingRow
from rules.escalation import FieldChange, Operation, OperationKind
from rules.instants import SECOND, Instant

ATTEMPTS = 5
"""Conflicts, or requests that never took effect, after which an escalation is parked."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What settling needs to know of the source: `request_life` in milliseconds, and how a key becomes a marker."""

    request_life: int
    mark: Callable[[str], str]


def settle(db: Connection, row: OperationRow, result: Result, now: Instant, terms: Terms) -> bool:
    """Record what came of an operation; False where another worker has meanwhile found out, whose word stands."""
    if not operations.stands(db, row):
        _journal_outcome(db, row, result, now, late=True)
        return False
    _journal_outcome(db, row, result, now)
    _Settling(db, row, result, now, terms).settle()
    return True


class _Settling:
    """One operation's outcome."""

    def __init__(self, db: Connection, row: OperationRow, result: Result, now: Instant, terms: Terms) -> None:
        self.db, self.row, self.result, self.now, self.terms = db, row, result, now, terms
        self.rows: Sequence[WaitingRow] = waiting.of_escalation(db, row.escalation)
        self.attempts = max((each.attempts for each in self.rows), default=0)

    def settle(self) -> None:
        match self.result.outcome:
            case Outcome.APPLIED:
                self._applied()
            case Outcome.UNKNOWN:
                self._unknown(self.terms.request_life)
            case Outcome.LOOK_AGAIN:
                self._look_again(int(self.result.seconds * SECOND))
            case Outcome.NOT_SENT:
                self._not_sent()
            case Outcome.CONFLICT:
                self._conflict()
            case Outcome.OVERWROTE:
                self._overwrote()
            case Outcome.OVERTAKEN:
                self._over(OperationState.DROPPED, RowState.OVERRIDDEN)
            case Outcome.OTHERWISE:
                self._over(OperationState.APPLIED, RowState.PARKED)
            case Outcome.REFUSED:
                self._over(OperationState.REFUSED, RowState.PARKED)
            case Outcome.GONE:
                self._gone()

    # --- it took effect --------------------------------------------------------------------------------------------

    def _applied(self) -> None:
        at = self._effect()
        self._move(OperationState.APPLIED, settled_at=at, native_id=self.result.native_id, problem=self.result.said)
        if self.row.undoes:
            self._move_rows(RowState.OVERRIDDEN, settled_at=at, problem="a person's change was overwritten, and put back")
        elif any(each.state is OperationState.PLANNED for each in self._operations()):
            self._let_go_on(self.now)
        else:
            self._rows_applied(at, self.result.said)

    def _rows_applied(self, at: Instant, said: str) -> None:
        self._move_rows(RowState.APPLIED, settled_at=at, problem=said)
        for key in (row.key for row in self.rows):
            episodes.apply(self.db, key.source, key.ticket, key.rule, key.episode, at)

    def _overwrote(self) -> None:
        """Theirs is put back, once: an operation of its own takes the place of the rest of the escalation."""
        operation = self.row.operation
        self._move(OperationState.APPLIED, settled_at=self._effect(), problem="a person's change was overwritten")
        self._drop_rest()
        if self.row.undoes:  # a second person was first while the first one's value was put back: nothing more is written
            self._move_rows(RowState.OVERRIDDEN, settled_at=self.now, problem="a person changed it again meanwhile")
            return
        found = self.result.verification
        changes = tuple(FieldChange(o.field, o.ours, o.theirs) for o in found.overwritten) if found is not None else ()
        key = f"{operation.key}/put-back"
        back = Operation(key, OperationKind.FIELDS, operation.ticket, self.terms.mark(key), changes=changes, planned_at=self.now)
        operations.add_operations(self.db, self.row.escalation, [back], undoes=operation.key)
        self._let_go_on(self.now)

    # --- nobody knows yet ------------------------------------------------------------------------------------------

    def _unknown(self, wait: int) -> None:
        accepted = {"accepted_at": self.result.accepted_at, "native_id": self.result.native_id}
        self._move(OperationState.UNKNOWN, look_at=self.now + wait, problem=self.result.said, **accepted)
        self._move_rows(RowState.UNKNOWN, problem=self.result.said)

    def _look_again(self, wait: int) -> None:
        if self.row.state is OperationState.UNKNOWN:
            operations.look_later(self.db, self.row, self.now + wait)
        else:
            self._unknown(max(wait, self.terms.request_life))

    # --- it did not take effect ------------------------------------------------------------------------------------

    def _not_sent(self) -> None:
        """Only a request that nobody answered to counts as an attempt: a source that says *later* may do so for days."""
        self._again(self.now + int(self.result.seconds * SECOND) + SECOND, self.row.state is OperationState.UNKNOWN)

    def _conflict(self) -> None:
        if self.row.undoes:
            self._over(OperationState.DROPPED, RowState.OVERRIDDEN)
        else:
            self._again(self.now + SECOND * 2 ** (self.attempts + 1), counts=True)

    def _again(self, not_before: Instant, counts: bool) -> None:  # noqa: FBT001 - named where it is called
        """The first operation is decided anew, after a fresh read; a later one is sent again alone."""
        attempts = self.attempts + counts
        if attempts >= ATTEMPTS:
            self._over(OperationState.REFUSED, RowState.PARKED, f"given up after {attempts} attempts: {self.result.said}")
        elif self.row.position == 0:
            self._move(OperationState.DROPPED, settled_at=self.now, problem=self.result.said)
            self._drop_rest()
            anew = {"escalation": None, "attempts": attempts}
            self._move_rows(RowState.PLANNED, not_before=not_before, problem=self.result.said, **anew)
        else:
            self._move(OperationState.PLANNED, problem=self.result.said)
            self._let_go_on(not_before, attempts=attempts, problem=self.result.said)

    def _gone(self) -> None:
        """The ticket is gone. What took effect before it went stands; the rest has no object any more."""
        before = [each for each in self._operations() if each.state is OperationState.APPLIED]
        if self.row.undoes:
            self._over(OperationState.REFUSED, RowState.OVERRIDDEN)
        elif before:
            self._move(OperationState.REFUSED, settled_at=self.now, problem=self.result.said)
            self._rows_applied(before[-1].settled_at or self.now, self.result.said)
        else:
            self._over(OperationState.REFUSED, RowState.SUPERSEDED)

    def _over(self, operation: OperationState, rows: RowState, said: str = "") -> None:
        said = said or self.result.said
        self._move(operation, settled_at=self.now, native_id=self.result.native_id, problem=said)
        self._drop_rest()
        if self.row.undoes and rows is RowState.PARKED:
            said = f"a person's change was overwritten and could not be put back, look at the ticket: {said}"
        self._move_rows(rows, settled_at=self.now, problem=said)

    # --- the moves -------------------------------------------------------------------------------------------------

    def _effect(self) -> Instant:
        return self.result.at if self.result.at is not None else self.now

    def _operations(self) -> list[OperationRow]:
        return operations.of_escalation(self.db, self.row.escalation)

    def _move(self, to: OperationState, **values: object) -> None:
        operations.move(self.db, self.row, to, **values)

    def _move_rows(self, to: RowState, **values: object) -> None:
        for row in self.rows:
            waiting.move(self.db, row, to, **values)

    def _let_go_on(self, not_before: Instant, **values: object) -> None:
        """The escalation's next operation may be sent from `not_before` on."""
        for row in self.rows:
            if row.state is RowState.UNKNOWN:
                waiting.move(self.db, row, RowState.SENT, not_before=not_before, **values)
        waiting.delay(self.db, self.row.escalation, not_before, **values)

    def _drop_rest(self) -> None:
        for later in self._operations():
            if later.state is OperationState.PLANNED:
                operations.move(self.db, later, OperationState.DROPPED, settled_at=self.now)


def _journal_outcome(db: Connection, row: OperationRow, result: Result, now: Instant, *, late: bool = False) -> None:
    operation = row.operation
    overwritten = result.verification.overwritten if result.verification is not None else ()
    outcome = f"{operation.kind}-{result.outcome.value.replace(' ', '-')}"
    journal.append(
        db,
        f"late-{outcome}" if late else outcome,
        now,
        operation.ticket.source,
        operation.ticket.id,
        operation=operation.key,
        marker=operation.marker,
        said=result.said,
        native_id=result.native_id,
        overwritten=[[o.field, o.theirs, o.ours] for o in overwritten],
    )
