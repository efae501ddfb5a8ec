"""Tickets that could not be mapped, with their raw form and the reason, until a later read of them succeeds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from agent.store.tables import quarantine
from rules.instants import Instant


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    source: str
    id: str
    key: str
    reason: str
    raw: str
    at: Instant


def put(db: Connection, row: QuarantineRow) -> None:
    values = {"source": row.source, "id": row.id, "key": row.key, "reason": row.reason, "raw": row.raw, "at": row.at}
    changed = {name: values[name] for name in ("key", "reason", "raw", "at")}
    db.execute(insert(quarantine).values(values).on_conflict_do_update(index_elements=["source", "id"], set_=changed))


def release(db: Connection, source: str, ids: Collection[str]) -> None:
    """These tickets could be mapped after all."""
    db.execute(delete(quarantine).where(quarantine.c.source == source, quarantine.c.id.in_(ids)))


def rows(db: Connection, source: str) -> list[QuarantineRow]:
    query = select(quarantine).where(quarantine.c.source == source).order_by(quarantine.c.at, quarantine.c.id)
    return [QuarantineRow(*row) for row in db.execute(query)]
