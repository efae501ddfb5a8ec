"""The journal's chain as it stands in the store: how a line is hashed, read byte by byte, and linked to the one before."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert

from agent.store.journal import AT_ONCE, Head, commitment, fields, head, trimmed
from agent.store.tables import journal_heads
from rules.instants import Instant


@dataclass(slots=True)
class Stored:
    """A line as the bytes that are in the store, whatever somebody made of them.

    `kinds` names how each column is kept: a text that was replaced by the same bytes as a BLOB is found by that alone.
    """

    line: Any
    position: Any
    at: Any
    kind: bytes
    source: bytes
    ticket: bytes
    data: bytes
    previous: bytes | None
    hash: bytes | None
    kinds: str


SEALED: Final = "integer integer integer text text text text text text"
FRESH: Final = "integer null integer text text text text null null"

_COLUMNS: Final = ("line", "position", "at", "kind", "source", "ticket", "data", "previous", "hash")
_READ: Final = (
    "SELECT line, position, at, "  # noqa: S608 - no text from outside is in it
    + ", ".join(f"CAST({name} AS BLOB)" for name in _COLUMNS[3:])
    + ", "
    + " || ' ' || ".join(f"typeof({name})" for name in _COLUMNS)
    + " FROM journal "
)
_CHAIN: Final = _READ + "WHERE position IS NOT NULL ORDER BY position, line"
_WAITING: Final = _READ + "WHERE position IS NULL ORDER BY line"
_BATCH: Final = _WAITING + " LIMIT ?"
_SEAL: Final = "UPDATE journal SET position = ?, previous = ?, hash = ? WHERE line = ? AND position IS NULL"
_FIRST_KEPT: Final = "SELECT position FROM journal WHERE position IS NOT NULL AND at >= ? ORDER BY position LIMIT 1"
_AT: Final = "SELECT line, hash FROM journal WHERE position = ?"
_REMOVE: Final = "DELETE FROM journal WHERE position <= ?"
_REMOVE_BESIDE: Final = "DELETE FROM journal_personal WHERE line IN (SELECT line FROM journal WHERE position <= ?)"
_BESIDE: Final = """\
SELECT line, CAST(commitment AS BLOB), CAST(salt AS BLOB), CAST(subject AS BLOB), CAST(value AS BLOB),
  typeof(commitment) || ' ' || typeof(salt) || ' ' || typeof(subject) || ' ' || typeof(value)
FROM journal_personal WHERE line BETWEEN ? AND ?"""
_STRAYS: Final = """\
SELECT p.line FROM journal_personal p LEFT JOIN journal j ON j.line = p.line
WHERE j.line IS NULL OR instr(j.data, p.commitment) = 0 ORDER BY p.line LIMIT ?"""
_LAST: Final = "SELECT max(position) FROM journal"


def linked(position: int, previous: str, row: Stored) -> str:
    """The hash of a line at a position of the chain: SHA-256 over all that it holds and the hash of the one before."""
    whole = fields(position, previous, row.line, row.at, row.kind, row.source, row.ticket, row.data)
    return hashlib.sha256(whole).hexdigest()


def chained(db: Connection) -> Iterator[Stored]:
    """The sealed lines, in the order of the chain."""
    return _rows(db, _CHAIN)


def waiting(db: Connection, limit: int | None = None) -> Iterator[Stored]:
    """The lines that are not sealed yet, in the order in which they were committed."""
    return _rows(db, _WAITING) if limit is None else _rows(db, _BATCH, (limit,))


def seal(db: Connection, rows: Sequence[Stored], now: Instant) -> Head:
    """Link lines to the end of the chain, in the caller's transaction; gives the new head, without a signature.

    The last position is looked up beside the kept head, so that a head that somebody took away stops nobody from going on:
    verifying names it.
    """
    end = head(db)
    position, previous = max(end.position, db.exec_driver_sql(_LAST).scalar() or 0), end.hash
    links = []
    for position, row in enumerate(rows, position + 1):  # noqa: B020 - it goes on from where it was
        made = linked(position, previous, row)
        links.append((position, previous, made, row.line))
        previous = made
    db.exec_driver_sql(_SEAL, links)
    return Head(position, previous, now, line=rows[-1].line)


def old(db: Connection, before: Instant, limit: int) -> Head | None:
    """The last of the lines at the beginning of the chain that are all older than an instant; None where there is none.

    Of more than `limit` lines, the last of so many. Clocks of several sources stand side by side, so a line may be older than the
    one before: nothing goes that stands behind a line which is to be kept.
    """
    first = db.exec_driver_sql(_FIRST_KEPT, (before,)).scalar() or head(db).position + 1
    last = min(first - 1, trimmed(db).position + limit)
    row = db.exec_driver_sql(_AT, (last,)).one_or_none()
    return None if row is None else Head(last, row.hash, line=row.line)


def remove(db: Connection, last: Head) -> None:
    """Remove the chain up to this line, with the personal values beside it."""
    db.exec_driver_sql(_REMOVE_BESIDE, (last.position,))
    db.exec_driver_sql(_REMOVE, (last.position,))


class Beside:
    """The personal values beside lines that are asked for in order: those of the next thousand are read at once."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._lines = range(0)
        self._found: dict[int, dict[str, str]] = {}

    def of(self, line: int) -> dict[str, str]:
        """The commitment that each value is kept under, and the one that it gives."""
        if line not in self._lines:
            self._lines, self._found = range(line, line + AT_ONCE), {}
            for at, kept, salt, subject, value, kinds in self._db.exec_driver_sql(_BESIDE, (line, line + AT_ONCE - 1)):
                made = commitment(salt.decode(errors="replace"), subject, value) if kinds == "text text text text" else ""
                self._found.setdefault(at, {})[kept.decode(errors="replace")] = made
        return self._found.get(line, {})


def count_beside(db: Connection) -> int:
    """Personal values that are kept, of whatever line."""
    return int(db.exec_driver_sql("SELECT count(*) FROM journal_personal").scalar_one())


def strays(db: Connection, limit: int) -> list[int]:
    """The lines that personal values name as theirs, and that do not hold them."""
    return [int(line) for (line,) in db.exec_driver_sql(_STRAYS, (limit,))]


def keep_head(db: Connection, name: str, kept: Head) -> None:
    """Keep an end of the chain in the place of the one before."""
    values = {"position": kept.position, "line": kept.line, "hash": kept.hash, "at": kept.at, "signature": kept.signature}
    row = insert(journal_heads).values(name=name, **values)
    db.execute(row.on_conflict_do_update(index_elements=["name"], set_=values))


def signature(key: bytes, identity: str, kept: Head) -> str:
    """A head's signature: HMAC-SHA256 over the installation's identity, position and hash."""
    return hmac.new(key, fields("hoist journal", identity, kept.position, kept.hash), hashlib.sha256).hexdigest()


def signed_by(key: bytes, identity: str, kept: Head) -> bool:
    """Whether a head's signature is that of this key."""
    return hmac.compare_digest(signature(key, identity, kept).encode(), kept.signature.encode())


def _rows(db: Connection, query: str, values: tuple[int, ...] = ()) -> Iterator[Stored]:
    found = db.exec_driver_sql(query, values)
    while rows := found.fetchmany(AT_ONCE):
        for row in rows:
            yield Stored(*row)
