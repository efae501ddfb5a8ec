"""Why changed rules were not taken over, kept until they are mended, so that `hoist status` can say it."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from agent.store.tables import installation

NAME = "refused_rules"


def refuse(db: Connection, said: str) -> None:
    """Keep what is wrong with the changed rules; `said` may have several lines."""
    row = insert(installation).values(name=NAME, value=said)
    db.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": said}))


def accept(db: Connection) -> None:
    """The rules that are in force are those of the files."""
    db.execute(delete(installation).where(installation.c.name == NAME))


def refused(db: Connection) -> str:
    """What is wrong with the changed rules; empty where they are in force."""
    return db.execute(select(installation.c.value).where(installation.c.name == NAME)).scalar() or ""
