"""The outbox stage: what was decided becomes operations, which are committed as sent, sent once, and settled by what came of them.

The order of commits is the promise. A row is claimed under a lease; the ticket is read afresh; one transaction keeps that read, drops
what is no longer true, and marks the first operation as *sent*; only then does a byte leave. Whatever happens afterwards can be told
from the store and the source: the marker that travels with the effect says whether it took place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import Connection

from agent.store import episodes, journal, operations, waiting
from agent.store.operations import OperationRow
from agent.store.states import OperationState, RowState
from agent.store.waiting import WaitingRow
from connectors.contract import Connector, Verification
from connectors.errors import AskAdmin, Conflict, GiveUp, Gone, OutcomeUnknown, TryLater, Unsupported
from rules.escalation import Escalation, FieldChange, Operation, OperationKind
from rules.instants import MINUTE, SECOND, Instant

LEASE = 2 * MINUTE
"""How long a worker may hold a row; longer than the longest request."""
READ_AGE_LIMIT = 10.0
"""Seconds after which a fresh read no longer backs a write."""
ATTEMPTS = 5
"""Conflicts in a row after which an escalation is parked."""


class Outcome(Enum):
    """What came of sending one operation."""

    APPLIED = "applied"
    NOT_SENT = "not sent"  # nothing took effect; later again
    UNKNOWN = "unknown"
    LOOK_AGAIN = "look again"  # the record could not be read just now
    OVERWROTE = "overwrote"  # a person's value was replaced
    OVERTAKEN = "overtaken"  # a value that was to be put back had been changed again; nothing was sent
    REFUSED = "refused"
    GONE = "gone"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Terms:
    """What settling needs to know of the source: `request_life` in milliseconds, and how a key becomes a marker."""

    request_life: int
    mark: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Result:
    """An outcome with what there is to say about it. `seconds`: wait at least so long."""

    outcome: Outcome
    said: str = ""
    seconds: float = 0.0
    at: Instant | None = None
    native_id: str = ""
    verification: Verification | None = None
    ask_admin: bool = False


# --- before the first byte -------------------------------------------------------------------------------------------


def decided(
    db: Connection,
    rows: Sequence[WaitingRow],
    escalation: Escalation,
    confirmed_at: Instant,
    make: Callable[[int], Sequence[Operation]],
    now: Instant,
) -> OperationRow | None:
    """Record an escalation, and mark its rows and its first operation as sent; gives that operation.

    `make(number)` gives the operations of the escalation with that number.
    """
    number = operations.add(db, escalation, confirmed_at)
    operations.add_operations(db, number, make(number))
    first = operations.commit_next(db, number, now)
    for row in rows:
        waiting.move(db, row, RowState.SENT, escalation=number, confirmed_at=confirmed_at, not_before=now + LEASE)
        episodes.confirm(db, row.key.source, row.key.ticket, row.key.rule, row.key.episode, confirmed_at)
    _journal_decision(db, rows, escalation, number, confirmed_at)
    return first


def supersede(db: Connection, rows: Sequence[WaitingRow], at: Instant, reason: str) -> None:
    """These rows are no longer true at `at`; should their episode be seen alive again, they are planned anew."""
    for row in rows:
        waiting.move(db, row, RowState.SUPERSEDED, settled_at=at, confirmed_at=at, problem=reason)
        journal.append(db, "superseded", at, row.key.source, row.key.ticket, change=str(row.key), reason=reason)


def postpone(db: Connection, rows: Sequence[WaitingRow], not_before: Instant, reason: str = "") -> None:
    """Nothing left; later again."""
    for row in rows:
        waiting.move(db, row, RowState.PLANNED, not_before=not_before, problem=reason)


def _journal_decision(db: Connection, rows: Sequence[WaitingRow], escalation: Escalation, number: int, at: Instant) -> None:
    journal.append(
        db,
        "escalated",
        at,
        escalation.ticket.source,
        escalation.ticket.id,
        escalation=number,
        changes=[str(row.key) for row in rows],
        because={row.key.rule: list(row.because) for row in rows},
        fields=[[c.field, c.old, c.new] for c in escalation.changes],
        labels=list(escalation.add_labels),
        findings=list(escalation.findings),
        overruled=[[str(o.firing), o.field, o.by_rule] for o in escalation.overruled],
        notices=[n.to for n in escalation.notices],
    )


# --- sending -----------------------------------------------------------------------------------------------------------


def send(connector: Connector, operation: Operation) -> Result:
    """Send one operation, once, and read the platform's own record of it. Touches no store."""
    try:
        receipt = connector.write(operation)
    except TryLater as error:
        return Result(Outcome.NOT_SENT, str(error), error.seconds)
    except OutcomeUnknown as error:
        return Result(Outcome.UNKNOWN, str(error))
    except Conflict as error:
        return Result(Outcome.CONFLICT, str(error))
    except Gone as error:
        return Result(Outcome.GONE, str(error))
    except (GiveUp, Unsupported) as error:
        return Result(Outcome.REFUSED, str(error))
    except AskAdmin as error:
        return Result(Outcome.NOT_SENT, str(error), 60.0, ask_admin=True)
    return verified(connector, operation, Result(Outcome.APPLIED, at=receipt.server_time, native_id=receipt.native_id))


def verified(connector: Connector, operation: Operation, accepted: Result | None) -> Result:
    """What the platform's own record says; `accepted` is the platform's answer to the write, None where it was lost.

    A record that does not show an accepted write yet leaves its outcome open: it is looked at again after the waiting time.
    """
    try:
        found = connector.verify(operation)
    except (TryLater, OutcomeUnknown) as error:
        return Result(
            Outcome.LOOK_AGAIN, f"the record of the write could not be read yet: {error}", getattr(error, "seconds", 30.0)
        )
    except Gone as error:
        return Result(Outcome.GONE, str(error))
    except AskAdmin as error:
        return Result(Outcome.LOOK_AGAIN, f"the write could not be verified yet: {error}", 60.0, ask_admin=True)
    except GiveUp as error:
        return Result(Outcome.REFUSED, f"the write can't be verified: {error}")
    if found.found is None:
        return Result(
            Outcome.REFUSED, "nobody can tell whether the write took effect: its marker can't be read. Look at the ticket"
        )
    if not found.found:
        if accepted is None:
            return Result(Outcome.NOT_SENT, "the request never took effect")
        return Result(Outcome.UNKNOWN, "the platform accepted the write, and its record does not show it")
    at = found.at if found.at is not None else accepted.at if accepted is not None else None
    outcome = Outcome.OVERWROTE if found.overwritten else Outcome.APPLIED
    return Result(outcome, "; ".join(found.problems), at=at, native_id=found.native_id, verification=found)


# --- after the answer --------------------------------------------------------------------------------------------------


def settle(db: Connection, row: OperationRow, result: Result, now: Instant, terms: Terms) -> None:
    """Record what came of an operation, and what follows for the rows of its escalation."""
    rows = waiting.of_escalation(db, row.escalation)
    _journal_outcome(db, row, result, now)
    match result.outcome:
        case Outcome.APPLIED:
            _applied(db, row, rows, result, now)
        case Outcome.UNKNOWN:
            _unknown(db, row, rows, now + terms.request_life, result.said)
        case Outcome.LOOK_AGAIN:
            _unknown(db, row, rows, now + int(result.seconds * SECOND), result.said)
        case Outcome.NOT_SENT:
            _not_sent(db, row, rows, result, now)
        case Outcome.CONFLICT if row.position > 0:  # its fields are written: they are never decided again
            _not_sent(db, row, rows, result, now)
        case Outcome.CONFLICT:
            _conflict(db, row, rows, result, now)
        case Outcome.GONE | Outcome.REFUSED:
            _refused(db, row, rows, now, result.said)
        case Outcome.OVERTAKEN:
            operations.move(db, row, OperationState.DROPPED, settled_at=now, problem=result.said)
            _move_all(db, rows, RowState.OVERRIDDEN, settled_at=now, problem=result.said)
        case Outcome.OVERWROTE:
            _overwrote(db, row, rows, result, now, terms)


def _unknown(db: Connection, row: OperationRow, rows: Sequence[WaitingRow], look_at: Instant, said: str) -> None:
    if row.state is OperationState.UNKNOWN:
        operations.look_later(db, row, look_at)
        return
    operations.move(db, row, OperationState.UNKNOWN, look_at=look_at, problem=said)
    _move_all(db, rows, RowState.UNKNOWN, problem=said)


def _applied(db: Connection, row: OperationRow, rows: Sequence[WaitingRow], result: Result, now: Instant) -> None:
    at = result.at if result.at is not None else now
    operations.move(db, row, OperationState.APPLIED, settled_at=at, native_id=result.native_id, problem=result.said)
    rest = [o for o in operations.of_escalation(db, row.escalation) if o.state is OperationState.PLANNED]
    if rest:
        if row.state is OperationState.UNKNOWN:
            _move_all(db, rows, RowState.SENT, not_before=now)
        return
    if operations.of_escalation(db, row.escalation)[-1].operation.key.endswith(PUT_BACK):
        _move_all(db, rows, RowState.OVERRIDDEN, settled_at=at, problem="a person's change was put back")
        return
    _move_all(db, rows, RowState.APPLIED, settled_at=at, problem=result.said)
    for waiting_row in rows:
        key = waiting_row.key
        episodes.apply(db, key.source, key.ticket, key.rule, key.episode, at)


def _not_sent(db: Connection, row: OperationRow, rows: Sequence[WaitingRow], result: Result, now: Instant) -> None:
    """Proven not to have taken effect: fields are decided anew, a comment alone is sent again."""
    not_before = now + max(SECOND, int(result.seconds * SECOND))
    attempts = max((r.attempts for r in rows), default=0) + (row.state is OperationState.UNKNOWN)
    if attempts >= ATTEMPTS:
        _refused(db, row, rows, now, f"given up after {attempts} requests that never took effect")
    elif row.position == 0:
        operations.move(db, row, OperationState.DROPPED, settled_at=now, problem=result.said)
        _drop_rest(db, row, now)
        _move_all(db, rows, RowState.PLANNED, not_before=not_before, escalation=None, attempts=attempts, problem=result.said)
    else:
        operations.move(db, row, OperationState.PLANNED, sent_at=None, problem=result.said)
        if rows and rows[0].state is RowState.UNKNOWN:
            _move_all(db, rows, RowState.SENT, not_before=not_before)
        else:
            waiting.delay(db, row.escalation, not_before)


def _conflict(db: Connection, row: OperationRow, rows: Sequence[WaitingRow], result: Result, now: Instant) -> None:
    attempts = max((r.attempts for r in rows), default=0) + 1
    if attempts >= ATTEMPTS:
        _refused(db, row, rows, now, f"given up after {attempts} conflicts: {result.said}")
        return
    operations.move(db, row, OperationState.DROPPED, settled_at=now, problem=result.said)
    _drop_rest(db, row, now)
    not_before = now + SECOND * 2**attempts
    _move_all(db, rows, RowState.PLANNED, not_before=not_before, attempts=attempts, escalation=None, problem=result.said)


def _refused(db: Connection, row: OperationRow, rows: Sequence[WaitingRow], now: Instant, said: str) -> None:
    operations.move(db, row, OperationState.REFUSED, settled_at=now, problem=said)
    _drop_rest(db, row, now)
    _move_all(db, rows, RowState.PARKED, settled_at=now, problem=said)


PUT_BACK = "/put-back"


def _overwrote(db: Connection, row: OperationRow, rows: Sequence[WaitingRow], result: Result, now: Instant, terms: Terms) -> None:
    """Theirs is put back, once: an operation of its own takes the place of the rest of the escalation."""
    operations.move(db, row, OperationState.APPLIED, settled_at=result.at or now, problem="overwrote a person's change")
    _drop_rest(db, row, now)
    overwritten = result.verification.overwritten if result.verification is not None else ()
    changes = tuple(FieldChange(o.field, o.ours, o.theirs) for o in overwritten)
    if row.operation.key.endswith(PUT_BACK):
        _move_all(db, rows, RowState.OVERRIDDEN, settled_at=now, problem="a person changed it again meanwhile")
        return
    key = row.operation.key + PUT_BACK
    back = Operation(key, OperationKind.FIELDS, row.operation.ticket, terms.mark(key), changes=changes, planned_at=now)
    operations.add_operations(db, row.escalation, [back])
    if row.state is OperationState.UNKNOWN:
        _move_all(db, rows, RowState.SENT, not_before=now)


def _drop_rest(db: Connection, row: OperationRow, now: Instant) -> None:
    for later in operations.of_escalation(db, row.escalation):
        if later.state is OperationState.PLANNED:
            operations.move(db, later, OperationState.DROPPED, settled_at=now)


def _move_all(db: Connection, rows: Sequence[WaitingRow], to: RowState, **values: object) -> None:
    for row in rows:
        waiting.move(db, row, to, **values)


def _journal_outcome(db: Connection, row: OperationRow, result: Result, now: Instant) -> None:
    operation = row.operation
    overwritten = result.verification.overwritten if result.verification is not None else ()
    journal.append(
        db,
        f"{operation.kind}-{result.outcome.value.replace(' ', '-')}",
        now,
        operation.ticket.source,
        operation.ticket.id,
        operation=operation.key,
        marker=operation.marker,
        said=result.said,
        native_id=result.native_id,
        overwritten=[[o.field, o.theirs, o.ours] for o in overwritten],
    )
