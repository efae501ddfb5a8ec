"""Hashes of what open tickets say (`rules.similar_words`), and which tickets have some in common. Nothing of a text is kept."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection, and_, bindparam, delete, func, not_, select, update
from sqlalchemy.dialects.sqlite import insert

from agent.store.statements import insert_text, listed, one_of
from agent.store.tables import similar_words, tickets
from rules.instants import Instant
from rules.ticket import TicketRef

_PUT = insert_text(insert(similar_words).on_conflict_do_nothing())
_OF_TICKETS = select(similar_words.c.ticket, similar_words.c.hash).where(
    similar_words.c.source == bindparam("source"), one_of(similar_words.c.ticket, "tickets")
)
_TAKE = delete(similar_words).where(
    similar_words.c.source == bindparam("of_source"),
    similar_words.c.ticket == bindparam("of_ticket"),
    similar_words.c.hash == bindparam("of_hash"),
)
_ASKED = func.json_each(bindparam("hashes")).table_valued("value")
_MEMBERS = select(similar_words.c.source, similar_words.c.ticket).where(one_of(similar_words.c.hash, "hashes")).distinct()
_FURTHER = select(1).where(similar_words.c.hash == _ASKED.c.value).limit(1).offset(bindparam("most")).correlate(_ASKED)
_RARE = select(_ASKED.c.value).where(not_(_FURTHER.exists()))
_OWN, _OTHER = similar_words.alias("own"), similar_words.alias("other")
_ALIKE = (
    select(_OTHER.c.source, _OTHER.c.ticket)
    .distinct()
    .select_from(_OWN.join(_OTHER, _OTHER.c.hash == _OWN.c.hash))
    .where(_OWN.c.source == bindparam("source"), _OWN.c.ticket == bindparam("ticket"))
    .limit(bindparam("enough"))
)
_HOW_MANY = select(func.count()).select_from(_ALIKE.subquery())
_FORWARD = update(tickets).where(
    tickets.c.source == bindparam("of_source"), tickets.c.id == bindparam("of_ticket"), tickets.c.next_look > bindparam("at")
)


def of_tickets(db: Connection, source: str, among: Collection[str]) -> dict[str, frozenset[int]]:
    """The hashes of these tickets, as far as they have any."""
    found: dict[str, set[int]] = {}
    for row in db.execute(_OF_TICKETS, {"source": source, "tickets": listed(among)}):
        found.setdefault(row.ticket, set()).add(row.hash)
    return {ticket: frozenset(hashes) for ticket, hashes in found.items()}


def change(db: Connection, source: str, before: Mapping[str, frozenset[int]], now: Mapping[str, frozenset[int]]) -> None:
    """Of each ticket in `now` these are its hashes, and no longer those of `before`."""
    nothing: frozenset[int] = frozenset()
    taken = [(name, each) for name, of_ticket in now.items() for each in before.get(name, nothing) - of_ticket]
    put = [(source, name, each) for name, of_ticket in now.items() for each in of_ticket - before.get(name, nothing)]
    if taken:
        db.execute(_TAKE, [{"of_source": source, "of_ticket": name, "of_hash": each} for name, each in taken])
    if put:
        db.exec_driver_sql(_PUT, put)


def rare(db: Connection, hashes: Collection[int], most: int) -> set[int]:
    """Those of the hashes that `most` tickets or fewer have. Takes as long for a hash of thousands as for one of `most`."""
    asked = {"hashes": json.dumps(list(hashes)), "most": most}
    return set(db.execute(_RARE, asked).scalars()) if hashes else set()


def members(db: Connection, hashes: Collection[int]) -> set[TicketRef]:
    """The tickets of all sources that have one of these."""
    return {TicketRef(*row) for row in db.execute(_MEMBERS, {"hashes": json.dumps(list(hashes))})} if hashes else set()


def others(db: Connection, ticket: TicketRef, enough: int) -> int:
    """How many other tickets have a hash in common with this one, counted up to `enough`. The counting stops there."""
    asked = {"source": ticket.source, "ticket": ticket.id, "enough": enough + 1}
    return max(int(db.execute(_HOW_MANY, asked).scalar_one()) - 1, 0)


def look_again(db: Connection, at: Instant, among: Iterable[TicketRef]) -> None:
    """Bring the next look of these tickets forward to `at`."""
    rows = [{"of_source": ticket.source, "of_ticket": ticket.id, "at": at} for ticket in among]
    if rows:
        db.execute(_FORWARD.values(next_look=bindparam("at")), rows)


def look_again_at_all(db: Connection, at: Instant) -> None:
    """The same for all tickets that have any."""
    theirs = select(1).where(and_(similar_words.c.source == tickets.c.source, similar_words.c.ticket == tickets.c.id))
    db.execute(update(tickets).where(theirs.exists(), tickets.c.next_look > at).values(next_look=at))


def forget(db: Connection) -> None:
    """No rule asks for similar words any more."""
    db.execute(delete(similar_words))
