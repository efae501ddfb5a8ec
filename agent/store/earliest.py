"""When a source has something to do next, in one statement: asked every turn, so it touches nothing but the ends of indexes."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, bindparam, func, select

from agent.store.states import OperationState, RowState
from agent.store.tables import operations, outbox, tickets
from rules.instants import FOREVER, Instant


class Earliest(NamedTuple):
    """`look`: the earliest next look of a ticket; `write`: when the outbox may have something to do. FOREVER: never."""

    look: Instant
    write: Instant


def _first(column: Column[Any], *place: Any) -> Any:
    return select(func.min(column)).where(column.table.c.source == bindparam("source"), *place).scalar_subquery()


_WAITING: Final = (RowState.PLANNED, RowState.CLAIMED, RowState.SENT)
_QUERY: Final = select(
    _first(tickets.c.next_look),
    *(
        _first(outbox.c.not_before if state is not RowState.CLAIMED else outbox.c.lease_until, outbox.c.state == state)
        for state in _WAITING
    ),
    _first(operations.c.look_at, operations.c.state == OperationState.UNKNOWN),
)


def earliest(db: Connection, source: str) -> Earliest:
    """The earliest instants of a source, past ones included."""
    look, *writes = db.execute(_QUERY, {"source": source}).one()
    return Earliest(FOREVER if look is None else look, min((at for at in writes if at is not None), default=FOREVER))
