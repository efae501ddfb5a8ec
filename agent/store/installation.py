"""Who this installation of hoist is: a random identity and the key of its markers, made once with the store."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from agent.store.tables import installation


@dataclass(frozen=True, slots=True)
class Installation:
    """The identity is public; the key stays in the store."""

    identity: str
    key: bytes

    def __repr__(self) -> str:
        return f"Installation({self.identity})"


def installation_key(db: Connection) -> bytes:
    """The key of the installation that this store belongs to; an empty one where it belongs to none yet."""
    value = db.execute(select(installation.c.value).where(installation.c.name == "marker_key")).scalar()
    return bytes.fromhex(value or "")


def installation_identity(db: Connection) -> str:
    """The identity of the installation that this store belongs to; empty where it belongs to none yet."""
    value = db.execute(select(installation.c.value).where(installation.c.name == "identity")).scalar()
    return str(value or "")


def read_or_make(db: Connection, random_hex: Callable[[int], str] = secrets.token_hex) -> Installation:
    """The installation of this store; `random_hex(n)` gives n random bytes in hex, where the store is new."""
    made = [{"name": "identity", "value": random_hex(8)}, {"name": "marker_key", "value": random_hex(32)}]
    db.execute(insert(installation).on_conflict_do_nothing(), made)
    values = {row.name: row.value for row in db.execute(select(installation))}
    return Installation(values["identity"], bytes.fromhex(values["marker_key"]))
