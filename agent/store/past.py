"""Every ticket that the mirror holds, gone ones too, piece by piece: for what judges the past."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, Connection, func, literal_column, select

from agent.errors import DamagedTicketError
from agent.store import ticket_body
from agent.store.tables import tickets
from rules.instants import Instant
from rules.ticket import Ticket, TicketRef

_ROW: Final[ColumnElement[int]] = literal_column("tickets.rowid")
_PIECE: Final = "SELECT id, body FROM tickets WHERE rowid >= ? AND rowid < ? AND source = ?"


def extent(db: Connection, source: str) -> tuple[int, int, int]:
    """(tickets, first row, past the last row) of a source; rows of other sources may lie in between."""
    found = db.execute(select(func.count(), func.min(_ROW), func.max(_ROW)).where(tickets.c.source == source)).one()
    count, first, last = found
    return int(count), int(first or 0), int(last or 0) + 1


def piece(db: Connection, source: str, first: int, end: int) -> list[Ticket]:
    """The tickets of a source whose rows lie within [first, end), as they lie on the disk.

    Raises DamagedTicketError where somebody or something other than hoist wrote the row.
    """
    return [_ticket(source, name, body) for name, body in db.exec_driver_sql(_PIECE, (first, end, source))]


def last_known(db: Connection, source: str) -> Instant:
    """Server time of the latest read of any ticket of a source; 0 where there was none."""
    found = db.execute(select(func.max(tickets.c.known)).where(tickets.c.source == source)).scalar()
    return int(found or 0)


def _ticket(source: str, name: str, body: str) -> Ticket:
    try:
        return ticket_body.ticket(TicketRef(source, name), body)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedTicketError(source, name) from error
