"""Escalations as decided, and their operations: one row per request, committed as sent before its first byte leaves."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, func, insert, select, update

from agent.store.states import OPERATION_MOVES, OperationState
from agent.store.tables import escalations, operations
from rules.escalation import Escalation, FieldChange, Operation, OperationKind
from rules.instants import Instant
from rules.ticket import TicketRef, Value


@dataclass(frozen=True, slots=True)
class OperationRow:
    """An operation with its state.

    `fence` rises each time it is committed as sent. `undoes` is the key of the operation whose overwriting this one puts back.
    `accepted_at`: server time of the platform's yes, where one came. `look_at`: from when on the marker of an unknown outcome
    may be looked for.
    """

    operation: Operation
    escalation: int
    position: int
    state: OperationState
    fence: int
    undoes: str
    sent_at: Instant | None
    accepted_at: Instant | None
    look_at: Instant | None
    settled_at: Instant | None
    native_id: str
    problem: str


def add(db: Connection, escalation: Escalation, confirmed_at: Instant) -> int:
    """Keep an escalation as decided; gives its number."""
    values = {
        "source": escalation.ticket.source,
        "ticket": escalation.ticket.id,
        "confirmed_at": confirmed_at,
        "body": json.dumps(asdict(escalation), ensure_ascii=False),
    }
    return int(db.execute(insert(escalations).values(values).returning(escalations.c.id)).scalar_one())


def add_operations(db: Connection, escalation: int, made: Sequence[Operation], *, undoes: str = "") -> None:
    """Keep operations of an escalation, after those that it has. Raises IntegrityError where a key is there already."""
    place = operations.c.escalation == escalation
    first = int(db.execute(select(func.count()).select_from(operations).where(place)).scalar_one())
    rows = [
        {
            "key": operation.key,
            "escalation": escalation,
            "position": position,
            "source": operation.ticket.source,
            "ticket": operation.ticket.id,
            "kind": operation.kind,
            "state": OperationState.PLANNED,
            "body": _body(operation),
            "undoes": undoes,
        }
        for position, operation in enumerate(made, first)
    ]
    if rows:
        db.execute(insert(operations), rows)


def move(db: Connection, row: OperationRow, to: OperationState, **values: Any) -> bool:
    """Move an operation if it is still in the state and under the fence that the caller saw; False where it is not.

    Raises ValueError for a move that the table of states does not allow.
    """
    if to not in OPERATION_MOVES[row.state]:
        raise ValueError(f"{row.operation.key}: {row.state} -> {to} is no allowed move")
    return db.execute(update(operations).where(_seen(row)).values(state=to, **values)).rowcount == 1


def stands(db: Connection, row: OperationRow) -> bool:
    """Whether an operation is still in the state and under the fence that the caller saw."""
    return db.execute(select(operations.c.key).where(_seen(row))).scalar() is not None


def commit_next(db: Connection, escalation: int, now: Instant) -> OperationRow | None:
    """Mark the next planned operation as sent and give it; None where none is left, or one is still under way."""
    rows = of_escalation(db, escalation)
    planned = next((row for row in rows if row.state is OperationState.PLANNED), None)
    if planned is None or any(row.state in (OperationState.SENT, OperationState.UNKNOWN) for row in rows):
        return None
    sent = replace(planned, state=OperationState.SENT, fence=planned.fence + 1, sent_at=now)
    return sent if move(db, planned, OperationState.SENT, fence=sent.fence, sent_at=now) else None


def look_later(db: Connection, row: OperationRow, look_at: Instant) -> None:
    """The marker of an unknown outcome could not be looked for; again at `look_at`."""
    db.execute(update(operations).where(_seen(row)).values(look_at=look_at))


def of_escalation(db: Connection, escalation: int) -> list[OperationRow]:
    """The operations of an escalation in the order in which they are sent."""
    return _rows(db, operations.c.escalation == escalation)


def of_ticket(db: Connection, source: str, ticket: str) -> list[OperationRow]:
    """All operations that were ever made for a ticket."""
    return _rows(db, operations.c.source == source, operations.c.ticket == ticket)


def that_may_have_left(db: Connection, source: str, ids: Collection[str]) -> dict[str, list[OperationRow]]:
    """By ticket: operations that left or may have left; what a change by hoist's own account is compared with."""
    found: dict[str, list[OperationRow]] = {}
    place = (operations.c.source == source, operations.c.ticket.in_(tuple(ids)), operations.c.sent_at.is_not(None))
    for row in _rows(db, *place):
        found.setdefault(row.operation.ticket.id, []).append(row)
    return found


def in_state(db: Connection, source: str, state: OperationState) -> list[OperationRow]:
    """The operations of a source that are in a state."""
    return _rows(db, operations.c.source == source, operations.c.state == state)


def ripe(db: Connection, source: str, now: Instant) -> list[OperationRow]:
    """The operations of unknown outcome whose markers may be looked for, the one that waits longest first."""
    place = (operations.c.source == source, operations.c.state == OperationState.UNKNOWN, operations.c.look_at <= now)
    return _rows(db, *place, order=[operations.c.look_at])


def _seen(row: OperationRow) -> ColumnElement[bool]:
    return and_(operations.c.key == row.operation.key, operations.c.state == row.state, operations.c.fence == row.fence)


def _rows(
    db: Connection, *place: ColumnElement[bool], order: Sequence[Column[Any]] = (operations.c.escalation, operations.c.position)
) -> list[OperationRow]:
    query = select(operations).where(*place).order_by(*order)
    return [
        OperationRow(
            _operation(row.key, row.kind, TicketRef(row.source, row.ticket), row.body),
            row.escalation,
            row.position,
            OperationState(row.state),
            row.fence,
            row.undoes,
            row.sent_at,
            row.accepted_at,
            row.look_at,
            row.settled_at,
            row.native_id,
            row.problem,
        )
        for row in db.execute(query)
    ]


def _body(operation: Operation) -> str:
    changes = [(c.field, c.old, c.new) for c in operation.changes]
    parts = {
        "marker": operation.marker,
        "firings": operation.firing_markers,
        "changes": changes,
        "labels": operation.add_labels,
        "comment": operation.comment,
        "planned_at": operation.planned_at,
        "base": operation.base,
    }
    return json.dumps(parts, ensure_ascii=False)


def _operation(key: str, kind: str, ticket: TicketRef, body: str) -> Operation:
    parts = json.loads(body)
    return Operation(
        key,
        OperationKind(kind),
        ticket,
        parts["marker"],
        tuple(parts["firings"]),
        tuple(FieldChange(field, _value(old), _value(new)) for field, old, new in parts["changes"]),
        tuple(parts["labels"]),
        parts["comment"],
        parts["planned_at"],
        parts.get("base", ""),
    )


def _value(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else value
