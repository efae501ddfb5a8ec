"""The journal's lines with their tickets' keys, in the order of the journal or ticket by ticket, never all in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from agent.store.journal import AT_ONCE, Line, line_of, personal_values
from agent.store.tables import journal, tickets
from rules.instants import Instant


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which lines: of a source, of one of its tickets (by id), from an instant on, before an instant."""

    source: str | None = None
    ticket: str | None = None
    since: Instant | None = None
    until: Instant | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A line, the key of its ticket (empty where it has none, or none is known), and what the hash was made of.

    `chained` is the text of the data as it is chained; `personal` gives salt, subject and value (JSON) of each commitment in it
    that was not erased.
    """

    line: Line
    key: str
    chained: str
    personal: dict[str, tuple[str, str, str]]


def recorded(db: Connection, chosen: Chosen, *, by_ticket: bool = False, of_tickets: bool = False) -> Iterator[Recorded]:
    """Lines in their order, or ticket by ticket; `of_tickets` leaves out those of no ticket.

    Raises ValueError where a line is no longer readable.
    """
    query = _chosen(select(journal, tickets.c.key).select_from(_WITH_KEYS), chosen)
    if of_tickets or by_ticket:
        query = query.where(journal.c.ticket != "")
    order = (journal.c.source, journal.c.ticket, journal.c.line) if by_ticket else (journal.c.line,)
    for row in db.execute(query.order_by(*order)).yield_per(AT_ONCE):
        beside = personal_values(db, row)
        personal = {made: (kept.salt, kept.subject, kept.value) for made, kept in beside.items()}
        yield Recorded(line_of(row, beside), row.key or "", row.data, personal)


def tickets_of(db: Connection, chosen: Chosen) -> Iterator[tuple[str, str, str]]:
    """(source, id, key) of each ticket that chosen lines tell of."""
    columns = select(journal.c.source, journal.c.ticket, tickets.c.key).select_from(_WITH_KEYS)
    query = _chosen(columns, chosen).where(journal.c.ticket != "").distinct()
    for source, ticket, key in db.execute(query.order_by(journal.c.source, journal.c.ticket)).yield_per(AT_ONCE):
        yield source, ticket, key or ""


def _chosen(query: Select[Any], chosen: Chosen) -> Select[Any]:
    if chosen.source is not None:
        query = query.where(journal.c.source == chosen.source)
    if chosen.ticket is not None:
        query = query.where(journal.c.ticket == chosen.ticket)
    if chosen.since is not None:
        query = query.where(journal.c.at >= chosen.since)
    if chosen.until is not None:
        query = query.where(journal.c.at < chosen.until)
    return query


_WITH_KEYS = journal.outerjoin(tickets, and_(tickets.c.source == journal.c.source, tickets.c.id == journal.c.ticket))
