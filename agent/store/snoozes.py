"""Tickets that hoist leaves alone for a while because somebody said so; times on the source's clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from agent.store.statements import Prepared
from agent.store.tables import snoozes
from rules.instants import Instant


@dataclass(frozen=True, slots=True)
class Snooze:
    """Nothing is done about the ticket with this id before `until`."""

    source: str
    ticket: str
    until: Instant
    by: str
    why: str


_LATER = Prepared(select(snoozes).where(snoozes.c.source == bindparam("source"), snoozes.c.until > bindparam("now")))


def put(db: Connection, snooze: Snooze) -> None:
    """Leave a ticket alone; a later word takes the place of an earlier one."""
    values: dict[str, Any] = {"source": snooze.source, "ticket": snooze.ticket}
    said = {"until": snooze.until, "by": snooze.by, "why": snooze.why}
    row = insert(snoozes).values(values | said)
    db.execute(row.on_conflict_do_update(index_elements=["source", "ticket"], set_=said))


def take_off(db: Connection, source: str, ticket: str) -> bool:
    """Leave it alone no longer; False where nobody had said so."""
    found = db.execute(delete(snoozes).where(snoozes.c.source == source, snoozes.c.ticket == ticket))
    return found.rowcount > 0


def until(db: Connection, source: str, now: Instant) -> dict[str, Instant]:
    """Until when which tickets of a source are left alone, by id."""
    return {name: snooze.until for name, snooze in in_force(db, source, now).items()}


def in_force(db: Connection, source: str, now: Instant) -> dict[str, Snooze]:
    """The tickets of a source that are left alone now, by id; there are few."""
    return {row.ticket: Snooze(row.source, row.ticket, row.until, row.by, row.why) for row in _LATER(db, source=source, now=now)}
