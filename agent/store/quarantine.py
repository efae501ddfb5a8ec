"""Tickets that could not be mapped, with their raw form and the reason, until a later read of them succeeds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from agent.store.statements import Prepared, listed, one_of
from agent.store.tables import quarantine
from rules.instants import Instant

_RELEASE = Prepared(delete(quarantine).where(quarantine.c.source == bindparam("at_source"), one_of(quarantine.c.id, "ids")))


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A ticket that could not be mapped; `raw` as it was received, `at` the server time of the last read that failed."""

    source: str
    id: str
    key: str
    reason: str
    raw: str
    at: Instant


def put(db: Connection, row: QuarantineRow) -> bool:
    """Keep a ticket in quarantine; False where it was there already for that same reason."""
    place = (quarantine.c.source == row.source, quarantine.c.id == row.id)
    before = db.execute(select(quarantine.c.reason).where(*place)).scalar()
    values = {"source": row.source, "id": row.id, "key": row.key, "reason": row.reason, "raw": row.raw, "at": row.at}
    changed = {name: values[name] for name in ("key", "reason", "raw", "at")}
    db.execute(insert(quarantine).values(values).on_conflict_do_update(index_elements=["source", "id"], set_=changed))
    return before != row.reason


def release(db: Connection, source: str, ids: Collection[str]) -> None:
    """These tickets could be mapped after all."""
    _RELEASE(db, at_source=source, ids=listed(ids))


def rows(db: Connection, source: str) -> list[QuarantineRow]:
    """The quarantine of a source, the longest unread first."""
    query = select(quarantine).where(quarantine.c.source == source).order_by(quarantine.c.at, quarantine.c.id)
    return [QuarantineRow(*row) for row in db.execute(query)]
