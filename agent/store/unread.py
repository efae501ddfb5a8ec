"""What is wrong with the files and URLs that the protocol names, kept until it is mended, so that `hoist status` can say it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from agent.store.tables import installation

NAME = "unread_outside"


def keep(db: Connection, said: Sequence[str]) -> None:
    """Keep these sentences in place of those that were kept before."""
    value = json.dumps(list(said), ensure_ascii=False)
    row = insert(installation).values(name=NAME, value=value)
    db.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def kept(db: Connection) -> tuple[str, ...]:
    """A sentence for each list, window or rota that can't be read, with what counts in its place."""
    found = db.execute(select(installation.c.value).where(installation.c.name == NAME)).scalar()
    return tuple(json.loads(found)) if found else ()
