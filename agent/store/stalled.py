"""The stages that stand still although there is work for them, kept so that `hoist status` can say so."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from agent.store.tables import installation

NAME = "stalled"


def keep(db: Connection, said: Sequence[str]) -> None:
    """Keep these sentences in place of those that were kept before."""
    value = json.dumps(list(said), ensure_ascii=False)
    row = insert(installation).values(name=NAME, value=value)
    db.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def kept(db: Connection) -> tuple[str, ...]:
    """What had stalled when the watchdog looked last."""
    found = db.execute(select(installation.c.value).where(installation.c.name == NAME)).scalar()
    return tuple(json.loads(found)) if found else ()
