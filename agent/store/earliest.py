"""When a source has something to do next, in one statement: asked every turn, so it touches nothing but the ends of indexes."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, bindparam, func, select

from agent.store.statements import Prepared, Rows
from agent.store.states import OperationState, RowState
from agent.store.tables import activations, operations, orders, outbox, tickets
from rules.instants import FOREVER, Instant


class Earliest(NamedTuple):
    """`look`: the earliest next look of a ticket; `write`: when the outbox may have something to do. FOREVER: never."""

    look: Instant
    write: Instant


def _first(column: Column[Any], *place: ColumnElement[bool]) -> Any:
    return select(func.min(column)).where(column.table.c.source == bindparam("source"), *place).scalar_subquery()


def _first_write(column: Column[Any], place: ColumnElement[bool]) -> Any:
    return _first(column, place, column > bindparam("after"))


_LOOK: Final = Prepared(select(_first(tickets.c.next_look)))
_WRITE: Final = Prepared(
    select(
        _first_write(outbox.c.not_before, outbox.c.state == RowState.PLANNED),
        _first_write(outbox.c.lease_until, outbox.c.state == RowState.CLAIMED),
        _first_write(outbox.c.not_before, outbox.c.state == RowState.SENT),
        _first_write(operations.c.look_at, operations.c.state == OperationState.UNKNOWN),
        _first_write(activations.c.next_turn, activations.c.queued > 0),
        _first_write(orders.c.not_before, orders.c.not_before < FOREVER),
    )
)


def earliest(db: Connection, source: str, after: Instant = -1) -> Earliest:
    """The earliest instants of a source, past ones included; of writes only those later than `after`.

    (A row can be due and yet have to wait, for an earlier write of its ticket: whoever found nothing to do at an instant asks for
    what comes after it.)
    """
    return Earliest(earliest_look(db, source), _least(_WRITE(db, source=source, after=after)))


def earliest_look(db: Connection, source: str) -> Instant:
    """The earliest next look of a ticket of a source alone; FOREVER if there is none."""
    return _least(_LOOK(db, source=source))


def _least(found: Rows) -> Instant:
    return min((at for at in found.one() if at is not None), default=FOREVER)
