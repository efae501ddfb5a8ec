"""A rule got another id: what the store holds under the former one goes on under the new one, so that nothing happens twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, Table, exists, select, update

from agent.store.tables import activations, episodes, outbox

_HELD_UNDER_A_RULE: Final[tuple[Table, ...]] = (activations, episodes, outbox)


def carry(db: Connection, source: str, former: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    """Carry everything from former ids (new id -> former ids) over; gives the (former, new) that there was something of.

    Where the new id has a past of its own already, the former one's is left as it is: two histories can't be told as one.
    """
    carried = []
    for rule, names in former.items():
        for name in names:
            if _known(db, source, name) and not _known(db, source, rule):
                for table in _HELD_UNDER_A_RULE:
                    place = (table.c.source == source, table.c.rule == name)
                    db.execute(update(table).where(*place).values(rule=rule))
                carried.append((name, rule))
    return carried


def _known(db: Connection, source: str, rule: str) -> bool:
    held = (exists().where(table.c.source == source, table.c.rule == rule) for table in _HELD_UNDER_A_RULE)
    return any(db.execute(select(one)).scalar() for one in held)
