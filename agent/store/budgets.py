"""The budget of each source, in the store so that all processes draw from one bucket and a restart forgets nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Final

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.sqlite import insert

from agent.store.statements import Prepared
from agent.store.tables import budgets
from connectors.budget import Bucket

_NAMES: Final = tuple(each.name for each in fields(Bucket))
_FOUND: Final = Prepared(select(budgets).where(budgets.c.source == bindparam("of_source")))
_ADDED: Final = insert(budgets).values({name: bindparam(f"to_{name}") for name in ("source", *_NAMES, "since", "written")})
_KEEP: Final = Prepared(
    _ADDED.on_conflict_do_update(
        index_elements=["source"],
        set_={name: _ADDED.excluded[name] for name in _NAMES} | {"written": budgets.c.written + _ADDED.excluded.written},
    )
)


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """A source's bucket, and how many requests were made for writes since it was first drawn from."""

    bucket: Bucket
    since: int
    written: int


def found(db: Connection, source: str) -> BudgetRow | None:
    """The budget of a source; None before it was first drawn from."""
    row = _FOUND(db, of_source=source).one_or_none()
    return None if row is None else BudgetRow(Bucket(*(getattr(row, name) for name in _NAMES)), row.since, row.written)


def keep(db: Connection, source: str, bucket: Bucket, written: int = 0) -> None:
    """Keep a bucket, with so many more requests made for writes."""
    named = {f"to_{name}": value for name, value in asdict(bucket).items()}
    _KEEP(db, to_source=source, **named, to_since=bucket.at, to_written=written)
