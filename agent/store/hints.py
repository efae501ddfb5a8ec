"""Hints that webhooks gave: of which tickets, until they are read; and how each source's webhook does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, select, update

from agent.store.statements import Prepared, carried_out
from agent.store.tables import deliveries, hints, tickets, webhooks
from rules.instants import SECOND, Instant

SURELY_LATER: Final = 2 * SECOND
"""Date headers are whole seconds."""
_DELIVERED = """\
INSERT INTO deliveries (source, name, at) SELECT value ->> 0, value ->> 1, ? FROM json_each(?) WHERE true
 ON CONFLICT DO NOTHING RETURNING source, name"""
_HINTED = """\
INSERT INTO hints (source, ticket, number, at) SELECT value ->> 0, value ->> 1, 1, value ->> 2 FROM json_each(?) WHERE true
 ON CONFLICT DO UPDATE SET number = number + 1, at = max(at, excluded.at)"""
_HEARD = """\
INSERT INTO webhooks (source, heard_at) VALUES (?, ?)
 ON CONFLICT DO UPDATE SET heard_at = excluded.heard_at, missed = 0, missed_since = 0"""
_MISSED = """\
INSERT INTO webhooks (source, missed, missed_since) VALUES (?, ?, ?)
 ON CONFLICT DO UPDATE SET missed = missed + excluded.missed,
 missed_since = CASE missed WHEN 0 THEN excluded.missed_since ELSE missed_since END"""
_WAITING = Prepared(
    select(hints.c.ticket, hints.c.number, hints.c.at, tickets.c.known)
    .outerjoin(tickets, (tickets.c.source == hints.c.source) & (tickets.c.id == hints.c.ticket))
    .where(hints.c.source == bindparam("at_source"))
    .order_by(hints.c.at)
    .limit(bindparam("most"))
)
_TAKEN = Prepared(
    delete(hints).where(
        hints.c.source == bindparam("at_source"), hints.c.ticket == bindparam("of"), hints.c.number == bindparam("up_to")
    )
)


@dataclass(frozen=True, slots=True)
class Hint:
    """A ticket that something happened to; `at` on the source's clock. `known`: its latest read before now, None without one."""

    ticket: str
    number: int
    at: Instant
    known: Instant | None

    @property
    def was_read_since(self) -> bool:
        """Whether the ticket was read so much later that the read has seen what the hint tells."""
        return self.known is not None and self.known > self.at + SURELY_LATER


@dataclass(frozen=True, slots=True)
class Heard:
    """How a source's webhook does: when it was heard last (0: never), and what polling found first since, from when on."""

    heard_at: Instant
    missed: int
    missed_since: Instant


def new_ones(db: Connection, names: Iterable[tuple[str, str]], at: Instant) -> set[tuple[str, str]]:
    """Note deliveries by (source, name); those of them that were not known yet."""
    return set(carried_out(db, _DELIVERED, (at, json.dumps(list(names)))))


def give(db: Connection, given: Iterable[tuple[str, str, Instant]]) -> None:
    """Hints by (source, ticket, the source's time); of several of a ticket one is left, since one read answers them all."""
    carried_out(db, _HINTED, (json.dumps(list(given)),))


def heard(db: Connection, source: str, at: Instant) -> None:
    """A source's webhook was heard: whatever polling found before it, the webhook is alive."""
    carried_out(db, _HEARD, (source, at))


def waiting(db: Connection, source: str, most: int) -> list[Hint]:
    """The hints of a source, the longest waiting first, so many at most."""
    return [Hint(*row) for row in _WAITING(db, at_source=source, most=most)]


def taken(db: Connection, source: str, answered: Mapping[str, int]) -> None:
    """These tickets were read, each for its hint of that number; a later hint of it stays."""
    for ticket, number in answered.items():
        _TAKEN(db, at_source=source, of=ticket, up_to=number)


def missed(db: Connection, source: str, number: int, at: Instant) -> None:
    """Polling found so many changes of which no webhook had told."""
    carried_out(db, _MISSED, (source, number, at))


def how(db: Connection, source: str) -> Heard:
    """How a source's webhook does."""
    row = db.execute(select(webhooks).where(webhooks.c.source == source)).one_or_none()
    return Heard(0, 0, 0) if row is None else Heard(row.heard_at, row.missed, row.missed_since)


def count(db: Connection, source: str) -> int:
    """Tickets of a source that wait to be read."""
    return int(db.execute(select(func.count()).select_from(hints).where(hints.c.source == source)).scalar_one())


def forget(db: Connection, source: str, before: Instant, most: int) -> None:
    """Forget deliveries from before an instant, and beyond the latest so many."""
    of = deliveries.c.source == source
    beyond = select(deliveries.c.at).where(of).order_by(deliveries.c.at.desc()).offset(most).limit(1)
    oldest = db.execute(beyond).scalar()
    db.execute(delete(deliveries).where(of, deliveries.c.at < max(before, 0 if oldest is None else oldest + 1)))


def unwatch(db: Connection, source: str) -> None:
    """The source has no webhook any more: none is missed."""
    db.execute(update(webhooks).where(webhooks.c.source == source).values(missed=0, missed_since=0))
