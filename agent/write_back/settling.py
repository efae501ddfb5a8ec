"""What came of an operation, recorded: its own state, and what follows for the steps that it was sent for.

Fields come first and are never sent again once they took effect; a comment that was proven not to have been made is sent again
alone. A step ends as applied, parked (a person must look), superseded (planned anew when its episode is seen alive again) or
overruled (a person was first).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import ceil
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from agent.outbox import Outcome, Result
from agent.store import episodes, journal, operations, waiting
from agent.store.operations import OperationRow
from agent.store.states import OperationState, RowState
from agent.store.waiting import WaitingRow
from agent.write_back import overtaken
from agent.write_back.backing_off import rest
from connectors.contract import Overwritten
from rules.escalation import FieldChange, Operation
from rules.instants import SECOND, Instant
from rules.protection import OWNER
from rules.ticket import UNKNOWN

ATTEMPTS = 5
"""Conflicts, or requests that never took effect, after which an escalation is parked."""
DEATHS: Final = 10
"""The same where it was hoist that stopped: it may be killed for reasons of its own some times, and not by chance each time."""
PLACES: Final = 32
APART: Final = 5 * SECOND
STOPPED: Final = "hoist stopped before the answer"
"""What is said of a request whose worker died."""
DIES_OF_IT: Final = (
    f"{STOPPED} each time, and the request never took effect: look into hoist's log and the system's for why it ends there, then"
    " let hoist changes retry try it again"
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What settling needs to know of the source: `request_life` in milliseconds, and how a key becomes a marker."""

    request_life: int
    mark: Callable[[str], str]


def settle(db: Connection, row: OperationRow, result: Result, now: Instant, terms: Terms) -> bool:
    """Record what came of an operation; False where another worker has meanwhile found out, whose word stands."""
    if not operations.stands(db, row):
        journal_outcome(db, row, result, now, late=True)
        return False
    _Settling(db, row, result, now, terms).settle()
    if result.outcome is Outcome.APPLIED:
        overtaken.at_settling(db, row, now)
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
                self._look_again(ceil(self.result.seconds * SECOND))  # 0 would be at once, again and again
            case Outcome.NOT_SENT:
                self._not_sent()
            case Outcome.CONFLICT:
                self._conflict()
            case Outcome.OVERWROTE:
                self._overwrote()
            case Outcome.OVERTAKEN:
                self._left_alone()
            case Outcome.OTHERWISE:
                self._over(OperationState.APPLIED, RowState.PARKED)
            case Outcome.REFUSED:
                self._over(OperationState.REFUSED, RowState.PARKED)
            case Outcome.DEPARTED:
                self._departed()
            case Outcome.GONE:
                self._gone()

    # --- it took effect --------------------------------------------------------------------------------------------

    def _applied(self) -> None:
        at = self._effect()
        self._move(OperationState.APPLIED, settled_at=at, native_id=self.result.native_id, problem=self.result.said)
        if operations.more_to_send(self.db, self.row.escalation):
            self._let_go_on(self.now)
        elif self.row.undoes:
            self._move_rows(RowState.OVERRULED, settled_at=at, problem="a person's change was overwritten, and put back")
        else:
            self._rows_applied(at, self.result.said)

    def _rows_applied(self, at: Instant, said: str) -> None:
        self._move_rows(RowState.APPLIED, settled_at=at, problem=said)
        for key in (row.key for row in self.rows):
            episodes.apply(self.db, key.source, key.ticket, key.rule, key.episode, at)

    def _overwrote(self) -> None:
        """Theirs is put back, once: operations of their own take the place of the rest of the escalation."""
        operation = self.row.operation
        self._move(OperationState.APPLIED, settled_at=self._effect(), problem="a person's change was overwritten")
        self._drop_rest()
        found = self.result.verification.overwritten if self.result.verification is not None else ()
        if self.row.undoes:  # a second person was first while the first one's value was put back
            lost = ", ".join(each.field for each in found)
            said = f"while a person's change was put back, another one's was overwritten ({lost}): look at the ticket"
            self._move_rows(RowState.PARKED, settled_at=self.now, problem=said)
            return
        backs = [
            Operation(key, operation.kind, operation.ticket, self.terms.mark(key), changes=changes, planned_at=self.now)
            for key, changes in _put_back(operation, found)
        ]
        operations.add_operations(self.db, self.row.escalation, backs, undoes=operation.key)
        self._let_go_on(self.now)

    def _left_alone(self) -> None:
        """What was to be put back has been changed again, and stays; what else there is to put back is."""
        self._move(OperationState.DROPPED, settled_at=self.now, problem=self.result.said)
        if operations.more_to_send(self.db, self.row.escalation):
            self._let_go_on(self.now)
        else:
            self._move_rows(RowState.OVERRULED, settled_at=self.now, problem=self.result.said)

    # --- nobody knows yet ------------------------------------------------------------------------------------------

    def _unknown(self, wait: int) -> None:
        accepted = {"accepted_at": self.result.accepted_at, "native_id": self.result.native_id}
        self._move(OperationState.UNKNOWN, look_at=self.now + wait, problem=self.result.said, **accepted)
        self._move_rows(RowState.UNKNOWN, problem=self.result.said)

    def _look_again(self, wait: int) -> None:
        if self.row.state is OperationState.UNKNOWN:
            operations.look_later(self.db, self.row, self.now + wait)
            journal_outcome(self.db, self.row, self.result, self.now)
        else:
            self._unknown(max(wait, self.terms.request_life))

    # --- it did not take effect ------------------------------------------------------------------------------------

    def _not_sent(self) -> None:
        """Only a request that nobody answered to counts as an attempt: a source that says *later* may do so for days.

        Where it was hoist that stopped, nobody knows what the answer would have been; it goes on for longer.
        """
        seconds = rest(self.result.seconds, self._refused_before()) if self.result.seconds else 0.0
        unanswered = self.row.state is OperationState.UNKNOWN
        stopped = unanswered and self.row.problem == STOPPED
        later = self.now + int(seconds * SECOND) + SECOND
        if stopped:
            self._again(later + self._apart(), counts=True, most=DEATHS, in_the_end=DIES_OF_IT)
        else:
            self._again(later, counts=unanswered)

    def _apart(self) -> int:
        """Milliseconds by which what hoist has died with more than once is tried at another time than what died beside it.

        One of them may be what it died of: the others are written before it, or after the next start.
        """
        return self.row.escalation % PLACES * APART if self.attempts else 0

    def _refused_before(self) -> int:
        """How often in a row the source has said the same to this request: a first one is made anew each time."""
        if self.row.position > 0:
            return self.row.fence - 1
        made = operations.of_ticket(self.db, self.row.operation.ticket.source, self.row.operation.ticket.id)
        firsts = (each for each in reversed(made) if each.position == 0 and each.escalation < self.row.escalation)
        return sum(1 for _ in takewhile(lambda each: each.problem == self.result.said, firsts))

    def _conflict(self) -> None:
        """Read afresh and tried again; where a value was to be put back, that read tells whether it is still to be."""
        self._again(self.now + SECOND * 2 ** (self.attempts + 1), counts=True)

    def _again(self, not_before: Instant, *, counts: bool, most: int = ATTEMPTS, in_the_end: str = "") -> None:
        """The first operation is decided anew, after a fresh read; a later one is sent again alone."""
        attempts = self.attempts + counts
        if counts and attempts >= most:
            said = f"given up after {attempts} attempts: {in_the_end or self.result.said}"
            self._over(OperationState.REFUSED, RowState.PARKED, said)
        elif self.row.position == 0:
            self._move(OperationState.DROPPED, settled_at=self.now, problem=self.result.said)
            self._drop_rest()
            anew = {"escalation": None, "attempts": attempts}
            self._move_rows(RowState.PLANNED, not_before=not_before, problem=self.result.said, **anew)
        else:
            self._move(OperationState.PLANNED, problem=self.result.said)
            self._let_go_on(not_before, attempts=attempts, problem=self.result.said)

    def _departed(self) -> None:
        """Decided anew after a fresh read, without the team; what took effect before stands, and is not asked for again."""
        attempts = self.attempts + 1
        if self.row.undoes or attempts >= ATTEMPTS:
            self._over(OperationState.REFUSED, RowState.PARKED)
            return
        self._move(OperationState.REFUSED, settled_at=self.now, problem=self.result.said)
        self._drop_rest()
        anew = {"escalation": None, "attempts": attempts}
        self._move_rows(RowState.PLANNED, not_before=self.now, problem=self.result.said, **anew)

    def _gone(self) -> None:
        """The ticket is gone. What took effect before it went stands; the rest has no object any more."""
        before = [each for each in self._operations() if each.state is OperationState.APPLIED]
        if self.row.undoes:
            self._over(OperationState.REFUSED, RowState.OVERRULED)
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
        line = outcome_line(self.row, self.result)
        operations.move(self.db, self.row, to, self.now, line.told, line.kind, **values)

    def _move_rows(self, to: RowState, **values: object) -> None:
        for row in self.rows:
            waiting.move(self.db, row, to, self.now, **values)

    def _let_go_on(self, not_before: Instant, **values: object) -> None:
        """The escalation's next operation may be sent from `not_before` on."""
        for row in self.rows:
            if row.state is RowState.UNKNOWN:
                waiting.move(self.db, row, RowState.SENT, self.now, not_before=not_before, **values)
        waiting.delay(self.db, self.row.escalation, not_before, **values)

    def _drop_rest(self) -> None:
        for later in self._operations():
            if later.state is OperationState.PLANNED:
                operations.move(self.db, later, OperationState.DROPPED, self.now, settled_at=self.now)


def _put_back(operation: Operation, found: Sequence[Overwritten]) -> Iterator[tuple[str, tuple[FieldChange, ...]]]:
    """The operations that put people's values back, by key. Each field stands for itself: one that was changed again stays.

    The owner is one value: team and person are put back together, to what they were before hoist wrote.
    """
    theirs = {each.field: FieldChange(each.field, each.ours, each.theirs) for each in found}
    groups: list[tuple[FieldChange, ...]] = []
    if not OWNER.isdisjoint(theirs):
        before = {c.field: FieldChange(c.field, c.new, c.old) for c in operation.changes if c.field in OWNER}
        groups.append(tuple(theirs.pop(name, change) for name, change in before.items() if change.new is not UNKNOWN))
    groups += [(change,) for change in theirs.values()]
    for number, changes in enumerate(groups):
        yield "/".join((operation.key, *([changes[0].field] if number else []), "put-back")), changes


class OutcomeLine(NamedTuple):
    """What the journal tells of a request: the kind of its line, and what stands in it."""

    kind: str
    told: dict[str, Any]


def outcome_line(row: OperationRow, result: Result) -> OutcomeLine:
    """What a request came to, as the journal tells it, whoever asked for it."""
    overwritten = result.verification.overwritten if result.verification is not None else ()
    told = {
        "marker": row.operation.marker,
        "said": result.said,
        "native_id": result.native_id,
        "overwritten": [[o.field, journal.of_field(o.field, o.theirs), journal.of_field(o.field, o.ours)] for o in overwritten],
    }
    return OutcomeLine(f"{row.operation.kind}-{result.outcome.value.replace(' ', '-')}", told)


def journal_outcome(db: Connection, row: OperationRow, result: Result, now: Instant, *, late: bool = False) -> None:
    """A line of its own for an outcome that moves nothing; `late`: another worker had found out first."""
    line, ticket = outcome_line(row, result), row.operation.ticket
    kind = f"late-{line.kind}" if late else line.kind
    journal.append(db, kind, now, ticket.source, ticket.id, operation=row.operation.key, **line.told)
