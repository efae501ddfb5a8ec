"""The mirrored tickets: one row each, with the next instant at which a rule could fire in an indexed column."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, LargeBinary, bindparam, cast, delete, func, literal_column, or_, select, text
from sqlalchemy.dialects.sqlite import insert

from agent.errors import DamagedTicketError
from agent.store import ticket_body
from agent.store.statements import Prepared, carried_out, insert_text, listed, one_of
from agent.store.tables import tickets
from rules.instants import Instant
from rules.ticket import Ticket, TicketRef


@dataclass(slots=True, unsafe_hash=True)  # see rules.ticket: faster than frozen
class Mirrored:
    """A ticket as mirrored, with the revision that a decision about it rests on.

    `row` is its number in the table, by which it is found soonest: good for as long as the transaction lasts.
    """

    ticket: Final[Ticket]
    revision: Final[int]
    urgency: Final[int]
    next_look: Final[Instant]
    generation: Final[int]
    row: Final[int]


@dataclass(slots=True, unsafe_hash=True)  # see rules.ticket: faster than frozen
class Kept:
    """A ticket to keep, with what was decided about it."""

    ticket: Final[Ticket]
    urgency: Final[int]
    next_look: Final[Instant]
    generation: Final[int]


_INSERT = insert(tickets)
_UPSERT = insert_text(
    _INSERT.on_conflict_do_update(
        index_elements=["source", "id"],
        set_={
            "revision": tickets.c.revision + literal_column("1"),
            **{
                name: _INSERT.excluded[name]
                for name in ("key", "version", "known", "gone", "urgency", "next_look", "generation", "body")
            },
        },
    )
)
_KNOWN = "SELECT known FROM tickets WHERE source = ? AND id = ?"
_REVISION = "SELECT revision FROM tickets WHERE source = ? AND id = ?"
_LOOKED_AT = "UPDATE tickets SET next_look = ? WHERE rowid = ? AND revision = ?"
_BROUGHT_FORWARD = "UPDATE tickets SET next_look = ? WHERE source = ? AND id = ? AND next_look > ?"
_SWEPT = "UPDATE tickets SET next_look = ?, generation = ? WHERE rowid = ? AND revision = ?"
_SELECTED: Final[Sequence[ColumnElement[Any]]] = (
    *(tickets.c[name] for name in ("source", "id", "body", "revision", "urgency", "next_look", "generation")),
    literal_column("tickets.rowid"),
)
_OF_SOURCE = tickets.c.source == bindparam("source")
_AMONG = one_of(tickets.c.id, "ids")
_VERSIONS = Prepared(select(tickets.c.id, tickets.c.version).where(_OF_SOURCE, _AMONG, tickets.c.gone.is_(None)))
_BY_ID = Prepared(select(*_SELECTED).where(_OF_SOURCE, _AMONG))
_DUE = Prepared(
    select(*_SELECTED)
    .where(_OF_SOURCE, tickets.c.next_look <= bindparam("at"))
    .order_by(tickets.c.next_look, literal_column("tickets.rowid"))
    .limit(bindparam("limit"))
)


def keep(db: Connection, kept: Sequence[Kept]) -> None:
    """Insert or replace these tickets; each revision rises by one."""
    rows = [
        (
            k.ticket.ref.source,
            k.ticket.ref.id,
            k.ticket.key,
            k.ticket.version,
            1,
            k.ticket.known,
            k.ticket.gone,
            k.urgency,
            k.next_look,
            k.generation,
            ticket_body.written(k.ticket),
        )
        for k in kept
    ]
    if rows:
        db.exec_driver_sql(_UPSERT, rows)


def set_next_looks(db: Connection, looks: Sequence[tuple[Mirrored, Instant, int]]) -> None:
    """Store (ticket, next look, generation) for tickets that were looked at without being read anew, in the same transaction."""
    looked_at: list[tuple[object, ...]] = []
    swept: list[tuple[object, ...]] = []
    for mirrored, next_look, generation in looks:
        row = (mirrored.row, mirrored.revision)
        # A generation that stays is not written: its index lies in the order of ids, so each row would cost one more page.
        if mirrored.generation == generation:
            looked_at.append((next_look, *row))
        else:
            swept.append((next_look, generation, *row))
    for statement, rows in ((_LOOKED_AT, looked_at), (_SWEPT, swept)):
        if rows:
            db.exec_driver_sql(statement, rows)


def urgencies(db: Connection, source: str, ids: Collection[str]) -> dict[str, int]:
    """How urgent each of these tickets is that is there; 0 is the most urgent priority."""
    place = (tickets.c.source == source, tickets.c.gone.is_(None), one_of(tickets.c.id, "ids"))
    found = db.execute(select(tickets.c.id, tickets.c.urgency).where(*place), {"ids": listed(ids)})
    return {row.id: row.urgency for row in found}


def set_next_look(db: Connection, ref: TicketRef, next_look: Instant) -> None:
    """Bring the next look of one ticket forward (never back)."""
    carried_out(db, _BROUGHT_FORWARD, (next_look, ref.source, ref.id, next_look))


def versions(db: Connection, source: str, ids: Collection[str]) -> dict[str, str]:
    """The mirrored version of each of these ids that is mirrored and not gone."""
    return dict(tuple(row) for row in _VERSIONS(db, source=source, ids=listed(ids)))


def mirrored(db: Connection, source: str, ids: Collection[str]) -> Mapping[str, Mirrored]:
    """These tickets, by id."""
    return {row.id: _mirrored(row) for row in _BY_ID(db, source=source, ids=listed(ids))}


def revision(db: Connection, source: str, ticket: str) -> int:
    """How often the ticket was kept, so that a decision can say which state it rests on; 0 where it never was."""
    found = carried_out(db, _REVISION, (source, ticket)).fetchone()
    return 0 if found is None else int(found[0])


def known_at(db: Connection, ref: TicketRef) -> Instant:
    """Server time of the read that brought the ticket as it is kept; 0 where it never was."""
    found = carried_out(db, _KNOWN, (ref.source, ref.id)).fetchone()
    return 0 if found is None else int(found[0])


def due(
    db: Connection, source: str, at: Instant, limit: int, held: Mapping[str, Mirrored] = MappingProxyType({})
) -> list[Mirrored]:
    """Tickets whose next look has come, the earliest first; those `held` ready are not read again while their revision stands."""
    found = []
    for row in _DUE(db, source=source, at=at, limit=limit):
        known = held.get(row.id)
        if known is not None and known.revision == row.revision:
            found.append(Mirrored(known.ticket, *row[3:]))
        else:
            found.append(_mirrored(row))
    return found


def stale(db: Connection, source: str, generation: int, limit: int) -> list[Mirrored]:
    """Tickets whose next look was computed under an older rulebook or world, the most urgent first."""
    query = select(*_SELECTED).where(tickets.c.source == source, tickets.c.generation < generation)
    ordered = query.order_by(tickets.c.generation, tickets.c.urgency, literal_column("tickets.rowid"))
    return [_mirrored(row) for row in db.execute(ordered.limit(limit))]


def after(db: Connection, source: str, ticket: str, limit: int) -> list[Mirrored]:
    """The tickets that are not gone, in the order of their ids, past this one."""
    query = select(*_SELECTED).where(tickets.c.source == source, tickets.c.id > ticket, tickets.c.gone.is_(None))
    return [_mirrored(row) for row in db.execute(query.order_by(tickets.c.id).limit(limit))]


def rows_end(db: Connection) -> int:
    """Past the number of the last row, of any source: the bounds for `between`."""
    return int(db.execute(select(func.max(literal_column("tickets.rowid"))).select_from(tickets)).scalar() or 0) + 1


def between(db: Connection, first: int, end: int) -> list[Mirrored]:
    """The tickets of all sources that are not gone and whose rows lie within [first, end), as they lie on the disk."""
    row: ColumnElement[int] = literal_column("tickets.rowid")
    query = select(*_SELECTED).where(row >= first, row < end, tickets.c.gone.is_(None)).order_by(row)
    return [_mirrored(found) for found in db.execute(query)]


_TO_BE_JUDGED = """
SELECT id FROM tickets WHERE source = :source AND next_look <= :until AND gone IS NULL
UNION SELECT id FROM tickets WHERE source = :source AND generation < :generation AND gone IS NULL
UNION SELECT ticket FROM outbox WHERE source = :source AND state IN ('planned', 'queued', 'held', 'claimed', 'sent', 'unknown')
"""


def to_be_judged(db: Connection, source: str, until: Instant, generation: int) -> Iterator[str]:
    """The tickets on which something may be done by an instant: something is due by then, under way, or not known any more."""
    place = {"source": source, "until": until, "generation": generation}
    yield from db.execute(text(_TO_BE_JUDGED), place).scalars()


def count_stale(db: Connection, source: str, generation: int) -> int:
    """How many tickets are still to be looked at under the present rules."""
    query = select(func.count()).select_from(tickets).where(tickets.c.source == source, tickets.c.generation < generation)
    return int(db.execute(query).scalar_one())


def by_name(db: Connection, source: str, name: str) -> Mirrored | None:
    """The ticket with this key or id."""
    query = select(*_SELECTED).where(tickets.c.source == source, or_(tickets.c.key == name, tickets.c.id == name))
    row = db.execute(query.order_by(tickets.c.key != name).limit(1)).one_or_none()
    return None if row is None else _mirrored(row)


def count(db: Connection, source: str) -> tuple[int, int]:
    """(tickets mirrored, of these gone)."""
    query = select(func.count(), func.count(tickets.c.gone)).where(tickets.c.source == source)
    total, gone = db.execute(query).one()
    return int(total), int(gone)


def damaged(db: Connection, source: str) -> list[str]:
    """The tickets whose rows are not as hoist wrote them. Reads every row: for when something has gone wrong."""
    found = []
    for row in db.execute(select(*_SELECTED).where(tickets.c.source == source)).yield_per(1_000):
        try:
            _mirrored(row)
        except DamagedTicketError as error:
            found.append(error.ticket)
    return found


def forget(db: Connection, source: str, ticket: str) -> tuple[str, str]:
    """Forget a ticket, as if it had never been read; gives its key and its body as they stood there."""
    place = (tickets.c.source == source, tickets.c.id == ticket)
    row = db.execute(select(cast(tickets.c.key, LargeBinary), cast(tickets.c.body, LargeBinary)).where(*place)).one_or_none()
    db.execute(delete(tickets).where(*place))
    key, body = ("", "") if row is None else ((value or b"").decode(errors="replace") for value in row)
    return key, body


def _mirrored(row: Sequence[Any]) -> Mirrored:
    """Raises DamagedTicketError where somebody or something other than hoist wrote the row."""
    source, name, body, *rest = row
    try:
        ticket = ticket_body.ticket(TicketRef(source, name), body)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedTicketError(source, name) from error
    if not all(type(number) is int for number in rest):
        raise DamagedTicketError(source, name)
    return Mirrored(ticket, *rest)
