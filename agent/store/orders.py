"""What people order to be done to a ticket, beside what rules decide: to take back what hoist wrote, or to rehearse it.

An order is carried out under the same protocol as an escalation: one worker under a lease, operations of its own that are
committed as sent. While it is open, nothing else is begun on its ticket.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, exists, insert, or_, select, update

from agent.store.statements import Prepared, among
from agent.store.tables import orders, outbox
from agent.store.waiting import BUSY
from rules.escalation import FieldChange
from rules.instants import FOREVER, Instant
from rules.ticket import TicketRef, Value


class OrderKind(StrEnum):
    """What was ordered."""

    UNDO = "undo"
    REHEARSAL = "rehearsal"


class OrderState(StrEnum):
    """How far an order is."""

    ORDERED = "ordered"  # waits for its turn
    CLAIMED = "claimed"  # a worker reads the ticket afresh; nothing has left yet
    SENT = "sent"  # an operation of its own may have left
    DONE = "done"
    LEFT = "left"  # nothing was left that could be taken back
    FAILED = "failed"  # refused, or its outcome can't be found out: somebody has to look


OPEN: Final = (OrderState.ORDERED, OrderState.CLAIMED, OrderState.SENT)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an order is about. `changes` go from hoist's value to the one before it; `labels` are taken off.

    `escalations` are those that are taken back, by number, and `rows` their steps in the outbox, by id. Where `as_person`, what
    changes counts as done by the one who ordered it.
    """

    changes: tuple[FieldChange, ...] = ()
    labels: tuple[str, ...] = ()
    escalations: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    as_person: bool = True


Ordered = tuple[str, str, str]
"""Who ordered something, how they are known, and why they did."""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order. `not_before` is the end of a worker's lease while one is at it. `known_by`: how the one who ordered is known."""

    id: int
    ticket: TicketRef
    kind: OrderKind
    state: OrderState
    asked: Asked
    by: str
    known_by: str
    why: str
    ordered_at: Instant
    not_before: Instant
    fence: int
    escalation: int | None
    attempts: int
    settled_at: Instant | None
    problem: str

    @property
    def open(self) -> bool:
        """It is not at its end."""
        return self.state in OPEN


_OPEN: Final = among(orders.c.state, OPEN)
_OF_SOURCE: Final = orders.c.source == bindparam("source")
_earlier = orders.alias()
_BEHIND: Final = exists().where(
    _earlier.c.source == orders.c.source,
    _earlier.c.ticket == orders.c.ticket,
    _earlier.c.id < orders.c.id,
    among(_earlier.c.state, OPEN),
)
_BUSY: Final = exists().where(outbox.c.source == orders.c.source, outbox.c.ticket == orders.c.ticket, among(outbox.c.state, BUSY))
_ALL: Final = select(orders).order_by(orders.c.id)
_DUE: Final = Prepared(
    _ALL.where(
        _OF_SOURCE,
        orders.c.not_before <= bindparam("at"),
        among(orders.c.state, (OrderState.ORDERED, OrderState.CLAIMED)),
        ~_BEHIND,
        ~_BUSY,
    )
)
_WAITS: Final = Prepared(select(orders.c.id).where(_OF_SOURCE, orders.c.not_before <= bindparam("at")).limit(1))
_STOPPED: Final = Prepared(
    _ALL.where(_OF_SOURCE, orders.c.not_before <= bindparam("at"), among(orders.c.state, (OrderState.SENT,)))
)
_TICKETS: Final = Prepared(select(orders.c.ticket).where(_OF_SOURCE, orders.c.not_before <= FOREVER, _OPEN))
_SEEN: Final = and_(orders.c.id == bindparam("at_id"), orders.c.state == bindparam("was"), orders.c.fence == bindparam("under"))


def add(
    db: Connection, ticket: TicketRef, kind: OrderKind, asked: Asked, ordered: Ordered, now: Instant, *, not_before: Instant
) -> OrderRow:
    """Keep an order; gives it with its number. A rehearsal is claimed by whoever orders it, until `not_before`."""
    state = OrderState.CLAIMED if kind is OrderKind.REHEARSAL else OrderState.ORDERED
    by, known_by, why = ordered
    named = {"source": ticket.source, "ticket": ticket.id, "kind": kind, "state": state, "body": _body(asked, known_by)}
    values = named | {"by": by, "why": why, "ordered_at": now, "not_before": not_before}
    number = db.execute(insert(orders).values(values)).inserted_primary_key
    return order(db, int(number[0] if number else 0))


def order(db: Connection, number: int) -> OrderRow:
    """The order with that number. Raises LookupError where there is none."""
    found = _found(db.execute(_ALL.where(orders.c.id == number)))
    if not found:
        raise LookupError(f"there is no order {number}")
    return found[0]


def waits(db: Connection, source: str, now: Instant) -> bool:
    """Whether an order of a source may have something to do."""
    return _WAITS(db, source=source, at=now).scalar() is not None


def due(db: Connection, source: str, now: Instant) -> list[OrderRow]:
    """Orders to begin with: nothing of their tickets is under way, nor an earlier order. Their worker may have stopped."""
    return _found(_DUE(db, source=source, at=now))


def stopped(db: Connection, source: str, now: Instant) -> list[OrderRow]:
    """Orders of which something may have left, and whose worker waited or is gone."""
    return _found(_STOPPED(db, source=source, at=now))


def tickets(db: Connection, source: str) -> set[str]:
    """The tickets on which an order is open: nothing else is begun there."""
    return set(_TICKETS(db, source=source).scalars())


def of_ticket(db: Connection, ticket: TicketRef) -> list[OrderRow]:
    """All orders of a ticket."""
    return _found(db.execute(_ALL.where(orders.c.source == ticket.source, orders.c.ticket == ticket.id)))


def of_interest(db: Connection, source: str, since: Instant) -> list[OrderRow]:
    """The orders of a source that are open, and those that failed since an instant."""
    failed = and_(orders.c.state == OrderState.FAILED, orders.c.settled_at >= since)
    return _found(db.execute(_ALL.where(orders.c.source == source, or_(_OPEN, failed))))


def move(db: Connection, row: OrderRow, to: OrderState, **values: Any) -> bool:
    """Move an order if it is as the caller saw it; its fence rises. An order that ends is never due again."""
    if to not in OPEN:
        values["not_before"] = FOREVER
    place = {"at_id": row.id, "was": row.state, "under": row.fence}
    moved = db.execute(update(orders).where(_SEEN).values(state=to, fence=row.fence + 1, **values), place)
    return moved.rowcount == 1


def _body(asked: Asked, known_by: str) -> str:
    parts = {
        "changes": [[each.field, each.old, each.new] for each in asked.changes],
        "labels": asked.labels,
        "escalations": asked.escalations,
        "rows": asked.rows,
        "as_person": asked.as_person,
        "known_by": known_by,
    }
    return json.dumps(parts, ensure_ascii=False)


def _asked(parts: Mapping[str, Any]) -> Asked:
    return Asked(
        tuple(FieldChange(field, _value(old), _value(new)) for field, old, new in parts["changes"]),
        tuple(parts["labels"]),
        tuple(parts["escalations"]),
        tuple(parts["rows"]),
        parts["as_person"],
    )


def _value(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else value


def _found(rows: Iterable[Any]) -> list[OrderRow]:
    return [_row(row, json.loads(row.body)) for row in rows]


def _row(row: Any, parts: Mapping[str, Any]) -> OrderRow:
    return OrderRow(
        row.id,
        TicketRef(row.source, row.ticket),
        OrderKind(row.kind),
        OrderState(row.state),
        _asked(parts),
        row.by,
        parts["known_by"],
        row.why,
        row.ordered_at,
        row.not_before,
        row.fence,
        row.escalation,
        row.attempts,
        row.settled_at,
        row.problem,
    )
