"""The mirror's tickets as a past: with what its source keeps no history of unknown before hoist first saw it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from agent.clusters import laid_over
from agent.mirror import was_inferred
from agent.store import past
from agent.store.database import Database
from rules.binding import BoundRules
from rules.instants import FOREVER, Instant
from rules.ticket import UNKNOWN, Actor, Change, Kind, Ticket

PIECE: Final = 500
"""Rows that are read at once."""
LOOKED_AT: Final = 5_000
"""Tickets, the youngest, that show what the source keeps a history of."""

_HIDDEN: Final = Actor("", Kind.AUTOMATION)


def mirrored_tickets(
    database: Database, rules: BoundRules, hidden: frozenset[str], rows: tuple[int, int] | None = None
) -> Iterator[Ticket]:
    """Every ticket of the rules' source, gone ones too, of those rows if some are named; each piece is a view of its own."""
    with database.reading() as db:
        _, first, end = past.extent(db, rules.source)
    if rows is not None:
        first, end = rows
    for start in range(first, end, PIECE):
        with database.reading() as db:
            found = past.piece(db, rules.source, start, min(start + PIECE, end))
            if rules.thresholds:
                found = laid_over(db, found, rules)
        for ticket in found:
            yield with_unknown_past(ticket, hidden) if hidden else ticket


def without_history(db: Connection, source: str) -> frozenset[str]:
    """Fields whose changes hoist saw by comparing what it read, and that no record of the source ever told of."""
    _, first, end = past.extent(db, source)
    recorded: set[str] = set()
    inferred: set[str] = set()
    for change in _changes(past.piece(db, source, max(first, end - LOOKED_AT), end)):
        (inferred if was_inferred(change) else recorded).add(change.field)
    return frozenset(inferred - recorded)


def _changes(tickets: Iterable[Ticket]) -> Iterator[Change]:
    return (change for ticket in tickets for change in ticket.changes)


def with_unknown_past(ticket: Ticket, fields: frozenset[str]) -> Ticket:
    """The ticket without what its fields are supposed to have been before the first read of it."""
    first = first_read(ticket)
    if first <= ticket.created:
        return ticket
    concerned = [field for field in fields if field in ticket.fields]
    hidden = []
    for field in concerned:
        earliest = min((c for c in ticket.changes if c.field == field), key=lambda c: c.at, default=None)
        value = ticket.fields[field] if earliest is None else earliest.old
        if value is not UNKNOWN:
            hidden.append(Change(first, first, 0, f"first read at {first}", field, UNKNOWN, value, _HIDDEN))
    changes = sorted([*hidden, *ticket.changes], key=lambda change: (change.at, change.sequence))
    return replace(ticket, changes=tuple(changes))


def first_read(ticket: Ticket) -> Instant:
    """Server time of the earliest read that is known of."""
    return min(
        min((change.known for change in ticket.changes), default=FOREVER),
        min((message.known for message in ticket.messages), default=FOREVER),
        ticket.known,
    )
