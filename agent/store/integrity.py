"""What the store holds that hoist never wrote there: looked for when something has gone wrong, row by row, in words.

SQLite lets any program put anything into any column. Where a command stumbles over such a value, this names table, row and
column, so that whoever changed it can change it back, or restore a backup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from sqlalchemy import Column, Connection, Float, Integer, Table

from agent.errors import DamagedTicketError
from agent.store import (
    censuses,
    episodes,
    mirrored,
    operations,
    orders,
    outages,
    pauses,
    runs,
    snoozes,
    sources,
    stalled,
    unread,
    waiting,
)
from agent.store.installation import installation_key
from agent.store.orders import OrderKind, OrderState
from agent.store.runs import Scope
from agent.store.states import OperationState, RowState
from agent.store.tables import metadata
from rules.escalation import OperationKind
from rules.instants import FOREVER
from rules.protocol.rule import Mode

NAMED: Final = 20
"""Findings that are named at most."""

_WORDS: Final[Mapping[str, type[StrEnum]]] = {
    "outbox.state": RowState,
    "operations.state": OperationState,
    "operations.kind": OperationKind,
    "orders.state": OrderState,
    "orders.kind": OrderKind,
    "activations.mode": Mode,
    "runs.scope": Scope,
    "censuses.phase": censuses.Phase,
    "census_rows.state": censuses.Seen,
}
_JSON: Final[Mapping[str, str]] = {
    "tickets.body": "array",
    "episodes.firings": "array",
    "outbox.because": "array",
    "outbox.approved": "object",
    "escalations.body": "object",
    "operations.body": "object",
    "orders.body": "object",
    "sources.directory": "object",
    "journal.data": "object",
    "rulebooks.texts": "array",
}
_READ: Final[Mapping[str, Callable[[Connection, str], object]]] = {
    "episodes": lambda db, source: list(episodes.rows(db, source)),
    "outbox": waiting.of_source,
    "operations": lambda db, source: [operations.in_state(db, source, state) for state in OperationState],
    "orders": lambda db, source: orders.of_interest(db, source, 0),
    "sources": sources.directory,
    "censuses": lambda db, source: [censuses.latest(db, source, finished=finished) for finished in (True, False)],
    "outages": lambda db, source: outages.lately(db, source, 0),
    "pauses": lambda db, source: pauses.in_force(db, source, 0),
    "runs": runs.opened,
    "snoozes": lambda db, source: snoozes.in_force(db, source, -FOREVER),
}
"""What reads the rows of a source, table by table, and stumbles over what has another shape."""
_VALUES: Final[Mapping[str, Callable[[Connection], object]]] = {
    "key": installation_key,
    "last sign of life": outages.last_sign,
    unread.NAME: unread.kept,
    stalled.NAME: stalled.kept,
}
"""What reads the values of the installation."""
_WITHOUT_EPISODE: Final = f"""\
SELECT source || '/' || ticket || '/' || rule || '/' || number || '/' || step FROM outbox o WHERE NOT EXISTS
 (SELECT 1 FROM episodes e WHERE e.source = o.source AND e.ticket = o.ticket AND e.rule = o.rule AND e.number = o.number)
LIMIT {NAMED}"""  # noqa: S608 - no text from outside is in it


def damage(db: Connection) -> list[str]:
    """What is not as hoist wrote it, a sentence each, so many at most. Reads everything."""
    return list(islice(_damage(db), NAMED))


def _damage(db: Connection) -> Iterator[str]:
    named: set[str] = set()
    for table in metadata.sorted_tables:
        for column in table.columns:
            for row in db.exec_driver_sql(_wrong(table, column)):
                named.add(table.name)
                yield f"{table.name}, {_key(table, row)}: {column.name} {row[-1]}"
    for name in db.exec_driver_sql(_WITHOUT_EPISODE).scalars():
        yield f"outbox, {name}: its row in episodes is missing"
    yield from _of_no_source(db)
    if "sources" in named:
        return
    for source in [row.source for row in sources.rows(db)]:
        if "tickets" not in named:
            yield from (f"tickets, source {source!r} id {name!r}: body can't be read" for name in mirrored.damaged(db, source))
        for table_name, read in _READ.items():
            if table_name not in named and (why := _unreadable(db, source, read)):
                yield f"{table_name}, source {source!r}: a row can't be read ({why})"


def unknown_states(db: Connection) -> list[str]:
    """Changes and requests in a state that there is not: whoever asks for those in some state would never see them."""
    return [
        f"{table.name}, {_key(table, row)}: state {row[-1]}"
        for table in (metadata.tables[name] for name in ("outbox", "operations", "orders"))
        for row in db.exec_driver_sql(_wrong(table, table.c.state))
    ]


def _of_no_source(db: Connection) -> Iterator[str]:
    for name, read in _VALUES.items():
        try:
            read(db)
        except (TypeError, ValueError, LookupError) as error:
            yield f"installation, {name}: it can't be read ({error})"


def _unreadable(db: Connection, source: str, read: Callable[[Connection, str], object]) -> str:
    try:
        read(db, source)
    except (TypeError, ValueError, LookupError, AttributeError, DamagedTicketError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _wrong(table: Table, column: Column[Any]) -> str:
    """A query for the rows whose value is none of hoist's: their keys, and half a sentence."""
    name, full = f'"{column.name}"', f"{table.name}.{column.name}"
    kinds, wanted = _kinds(column)
    tests = [f"WHEN typeof({name}) NOT IN ({kinds}) THEN 'holds ' || typeof({name}) || ' where {wanted} belongs'"]
    if (words := _WORDS.get(full)) is not None:
        known = ", ".join(f"'{word.value}'" for word in words)
        tests.append(f"WHEN {name} NOT IN ({known}) THEN 'is no word that hoist knows there'")
    if (shape := _JSON.get(full)) is not None:
        right = f"CASE WHEN json_valid({name}) THEN json_type({name}) = '{shape}' ELSE 0 END"
        tests.append(f"WHEN {name} IS NOT NULL AND NOT {right} THEN 'is no JSON {shape}'")
    keys = ", ".join(f'quote("{each.name}")' for each in table.primary_key.columns)
    found = f"CASE {' '.join(tests)} END"
    return f"SELECT {keys}, {found} FROM {table.name} WHERE {found} IS NOT NULL LIMIT {NAMED}"  # noqa: S608 - hoist's own names


def _kinds(column: Column[Any]) -> tuple[str, str]:
    """The kinds of values that SQLite may name of a column, and what belongs there in words."""
    null = ", 'null'" if column.nullable else ""
    if isinstance(column.type, Float):
        return f"'real', 'integer'{null}", "a number"
    return (f"'integer'{null}", "a number") if isinstance(column.type, Integer) else (f"'text'{null}", "a text")


def _key(table: Table, row: Any) -> str:
    keys = [each.name for each in table.primary_key.columns]
    return " ".join(f"{name} {value}" for name, value in zip(keys, row, strict=False))
