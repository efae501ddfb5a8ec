"""What SQLite refuses for a reason outside of hoist, put into words: a full disk, lost rights, a damaged file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DatabaseError

from agent.errors import StoreError

BUSY_SECONDS: Final = 30

_FULL: Final = frozenset({sqlite3.SQLITE_FULL})
_UNWRITABLE: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_INPUT_OUTPUT: Final = frozenset({sqlite3.SQLITE_IOERR})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_OUTSIDE: Final = _FULL | _UNWRITABLE | _BUSY | _INPUT_OUTPUT | _DAMAGED
"""Result codes that say nothing of the statement (https://www.sqlite.org/rescode.html); all others are a mistake in hoist."""


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Raises StoreError where the store at `path` can't be used; what is a mistake in hoist passes as it is."""
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        cause = error.orig if isinstance(error, DatabaseError) else error
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code not in _OUTSIDE:
            raise
        raise StoreError(f"the store {path} can't be used: {cause}{_advice(code, path)}") from error


def _advice(code: int, path: Path) -> str:
    if code in _FULL:
        return ". Make room on its disk, then start hoist again: what it had committed is kept"
    if code in _UNWRITABLE:
        return "; the file and its folder must be writable"
    if code in _BUSY:
        return f" for {BUSY_SECONDS} seconds; another program is writing to it"
    if code in _INPUT_OUTPUT:
        return ". Look after its disk (room, quota, errors), then start hoist again: what it had committed is kept"
    return f". Restore it from a backup, or save what can be read: sqlite3 {path.name} .recover"
