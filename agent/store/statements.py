"""Statements that run for every page: prepared once, so that a row costs what SQLite needs for it and little more."""

from __future__ import annotations

import json
import sqlite3
from collections import namedtuple
from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Column, ColumnElement, Connection, bindparam, func, literal_column, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import Delete, Insert, Select, Update


class Place(NamedTuple):
    """Part of what a statement finds: so many rows (-1: all), past the `first` ones."""

    first: int
    number: int


EVERYTHING: Final = Place(0, -1)


def one_of(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """The column is one of the values of a parameter made by `listed`: the statement is the same for any number of them."""
    values = func.json_each(bindparam(parameter)).table_valued("value")
    return column.in_(select(values.c.value))


def among(column: Column[Any], words: Collection[StrEnum]) -> ColumnElement[bool]:
    """The column is one of some words of hoist's own, which stand in the statement."""
    return column.in_([literal_column(f"'{word.value}'") for word in words])


def listed(values: Collection[str] | Collection[int]) -> str:
    """The value of a parameter of `one_of`."""
    return json.dumps(list(values))


def insert_text(statement: Insert, columns: Sequence[str] | None = None) -> str:
    """The text of an insert for `exec_driver_sql` with tuples of these columns (all of them), in the table's order.

    SQLAlchemy's own way binds every row by name, which takes longer than SQLite takes to insert it.
    """
    return str(statement.compile(dialect=sqlite.dialect(), column_keys=columns))


def carried_out(db: Connection, text: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
    """A statement in words, carried out by the driver itself. Raises sqlite3.Error."""
    return _driver(db).execute(text, values)


def carried_out_for_each(db: Connection, text: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """The same for each of several rows of values."""
    _driver(db).executemany(text, rows)


_DRIVERS: Final[WeakKeyDictionary[Connection, sqlite3.Connection]] = WeakKeyDictionary()


def _driver(db: Connection) -> sqlite3.Connection:
    """The driver's own connection, which stays the same; to find it anew each time takes a twentieth of a write's time."""
    known = _DRIVERS.get(db)
    if known is not None:
        return known
    driver: sqlite3.Connection = db.connection.driver_connection  # type: ignore[assignment]
    _DRIVERS[db] = driver
    return driver


class Rows:
    """What a statement gave: its rows as named tuples, to be taken once."""

    def __init__(self, cursor: sqlite3.Cursor, shape: type[Any]) -> None:
        self._cursor, self._shape = cursor, shape

    @property
    def rowcount(self) -> int:
        """How many rows a statement changed."""
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int:
        """The number of the row that was inserted; nought where none was."""
        return self._cursor.lastrowid or 0

    def __iter__(self) -> Iterator[Any]:
        return map(self._shape._make, self._cursor)

    def one(self) -> Any:
        """The only row. Raises ValueError where there is none, or more."""
        found = self.one_or_none()
        if found is None:
            raise ValueError("a statement for one row gave none")
        return found

    def one_or_none(self) -> Any:
        """The only row, None where there is none. Raises ValueError where there are more."""
        found = self._cursor.fetchmany(2)
        if len(found) > 1:
            raise ValueError("a statement for one row gave several")
        return self._shape._make(found[0]) if found else None

    def scalars(self) -> Iterator[Any]:
        """The first value of each row."""
        return (row[0] for row in self._cursor)

    def scalar(self) -> Any:
        """The first value of the first row, None where there is none."""
        found = self._cursor.fetchone()
        self._cursor.close()
        return None if found is None else found[0]

    def scalar_one(self) -> Any:
        """The value of the only row. Raises ValueError where there is none, or more."""
        found = self._cursor.fetchmany(2)
        if len(found) != 1:
            raise ValueError("a statement for one row gave none, or several")
        return found[0][0]

    def close(self) -> None:
        """Take no more rows."""
        self._cursor.close()


class Prepared:
    """A statement that is put into words once. Its values are bound by name; it may hold no list of values but `among`'s.

    To build a statement with SQLAlchemy, and to wrap what it gives, takes longer than SQLite takes to carry it out, and a write
    needs thirty of them: the driver itself is asked.
    """

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        self._statement = statement
        self._words: tuple[str, tuple[tuple[str, Any], ...]] | None = None
        self._shape: type[Any] | None = None

    def __call__(self, db: Connection, **values: Any) -> Rows:
        """Carry it out in the caller's transaction. Raises sqlite3.Error."""
        text, parameters = self._words or self._worded(db)
        bound = tuple([values.get(name, fixed) for name, fixed in parameters])
        cursor = carried_out(db, text, bound)
        shape = self._shape or self._shaped(cursor)
        return Rows(cursor, shape)

    def _worded(self, db: Connection) -> tuple[str, tuple[tuple[str, Any], ...]]:
        compiled = self._statement.compile(dialect=db.dialect)
        self._words = str(compiled), tuple((name, compiled.binds[name].effective_value) for name in compiled.positiontup or ())
        return self._words

    def _shaped(self, cursor: sqlite3.Cursor) -> type[Any]:
        names = [column[0] for column in cursor.description or ()]
        self._shape = namedtuple("Row", names, rename=True)  # type: ignore[misc] # noqa: PYI024 - its columns are the statement's
        return self._shape
