"""Who this installation of hoist is: a random identity and the key of its markers, made once with the store."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from agent.store.tables import installation
from rules.instants import Instant


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


def begun(db: Connection, now: Instant) -> Instant:
    """Since when this installation is there, on this machine's clock: from `now` on where it was not noted yet."""
    db.execute(insert(installation).values(name="since", value=str(now)).on_conflict_do_nothing())
    return int(noted(db, "since"))


def noted(db: Connection, name: str) -> str:
    """What the store notes under a name; empty where that is nothing."""
    return str(db.execute(select(installation.c.value).where(installation.c.name == name)).scalar() or "")


def note(db: Connection, name: str, value: str) -> None:
    """Note something under a name, in place of what stood there."""
    row = insert(installation).values(name=name, value=value)
    db.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def read_or_make(db: Connection, random_hex: Callable[[int], str] = secrets.token_hex) -> Installation:
    """The installation of this store; `random_hex(n)` gives n random bytes in hex, where the store is new."""
    made = [{"name": "identity", "value": random_hex(8)}, {"name": "marker_key", "value": random_hex(32)}]
    db.execute(insert(installation).on_conflict_do_nothing(), made)
    values = {row.name: row.value for row in db.execute(select(installation))}
    return Installation(values["identity"], bytes.fromhex(values["marker_key"]))
