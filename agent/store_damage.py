"""A command that ended in a way nobody foresaw: whether what it stumbled over is in the store, which hoist did not write."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from agent.errors import StoreError
from agent.store import integrity
from agent.store.database import open_database, opened_here


def damage_in_words() -> str:
    """What is damaged in the stores that this process has opened, and what to do; empty where nothing is."""
    for path in opened_here():
        try:
            with closing(open_database(path)) as database, database.reading() as db:
                found = integrity.damage(db)
        except (StoreError, SQLAlchemyError):
            continue
        if found:
            return _in_words(path, found)
    return ""


def refuse_unknown_states(db: Connection, path: Path) -> None:
    """Raises StoreError where a change or a request is in a state that there is not: it would never be written, nor seen."""
    if found := integrity.unknown_states(db):
        raise StoreError(_in_words(path, found))


def _in_words(path: Path, found: Sequence[str]) -> str:
    said = "\n".join(f"- {each}" for each in found)
    return (
        f"the store {path} holds what hoist never wrote there, so it can't go on with it:\n{said}\n"
        "Nothing was lost by that. Put back what stood there, or restore a backup (docs/recovery.md)"
    )
