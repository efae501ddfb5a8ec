"""The journal: append-only lines, each committed with what it records and chained to the one before by a hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select

from agent.store.tables import journal
from rules.instants import Instant

ROOT = "0" * 64


@dataclass(frozen=True, slots=True)
class Line:
    """`at` is on the source's clock; `data` is plain JSON without secrets."""

    line: int
    at: Instant
    kind: str
    source: str
    ticket: str
    data: Mapping[str, Any]
    previous: str
    hash: str


def append(db: Connection, kind: str, at: Instant, source: str, ticket: str = "", **data: Any) -> None:
    """Add a line in the caller's transaction."""
    previous = db.execute(select(journal.c.hash).order_by(journal.c.line.desc()).limit(1)).scalar() or ROOT
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    sealed = _hash(previous, at, kind, source, ticket, text)
    values = {"at": at, "kind": kind, "source": source, "ticket": ticket, "data": text, "previous": previous, "hash": sealed}
    db.execute(insert(journal), values)


def lines(db: Connection, source: str | None = None, ticket: str | None = None, kind: str | None = None) -> Iterator[Line]:
    """Lines in order, of a source, a ticket or a kind where given."""
    query = select(journal).order_by(journal.c.line)
    for column, wanted in ((journal.c.source, source), (journal.c.ticket, ticket), (journal.c.kind, kind)):
        if wanted is not None:
            query = query.where(column == wanted)
    for row in db.execute(query):
        yield Line(row.line, row.at, row.kind, row.source, row.ticket, json.loads(row.data), row.previous, row.hash)


def broken_at(db: Connection) -> int | None:
    """The number of the first line that does not follow from the one before, None where the chain is whole."""
    previous = ROOT
    for number, row in enumerate(db.execute(select(journal).order_by(journal.c.line)), 1):
        whole = row.line == number and row.previous == previous
        if not whole or row.hash != _hash(previous, row.at, row.kind, row.source, row.ticket, row.data):
            return int(row.line)
        previous = row.hash
    return None


def head(db: Connection) -> tuple[int, str]:
    """(number of lines, hash of the last one). Kept elsewhere, the hash shows whether lines were cut off at the end."""
    last = db.execute(select(journal.c.hash).order_by(journal.c.line.desc()).limit(1)).scalar()
    return int(db.execute(select(func.count()).select_from(journal)).scalar_one()), ROOT if last is None else str(last)


def _hash(previous: str, at: Instant, kind: str, source: str, ticket: str, data: str) -> str:
    return hashlib.sha256("\x1f".join((previous, str(at), kind, source, ticket, data)).encode()).hexdigest()
