"""Statements that run for every page: prepared once, so that a row costs what SQLite needs for it and little more."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, CursorResult, bindparam, func, literal_column, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import Delete, Insert, Select, Update


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


class Prepared:
    """A statement that is put into words once. Its values are bound by name; it may hold no list of values but `among`'s.

    To build a statement with SQLAlchemy takes longer than SQLite takes to carry it out, and a write needs thirty of them.
    """

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        self._statement = statement
        self._texts: dict[str, tuple[str, tuple[tuple[str, Any], ...]]] = {}

    def __call__(self, db: Connection, **values: Any) -> CursorResult[Any]:
        """Carry it out in the caller's transaction."""
        text, parameters = self._texts.get(db.dialect.name) or self._worded(db)
        return db.exec_driver_sql(text, tuple(values.get(name, fixed) for name, fixed in parameters))

    def _worded(self, db: Connection) -> tuple[str, tuple[tuple[str, Any], ...]]:
        compiled = self._statement.compile(dialect=db.dialect)
        found = str(compiled), tuple((name, compiled.binds[name].effective_value) for name in compiled.positiontup or ())
        self._texts[db.dialect.name] = found
        return found
