"""Statements that run for every page: prepared once, so that a row costs what SQLite needs for it and little more."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, bindparam, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import Insert


def one_of(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """The column is one of the values of a parameter made by `listed`: the statement is the same for any number of them."""
    values = func.json_each(bindparam(parameter)).table_valued("value")
    return column.in_(select(values.c.value))


def listed(values: Collection[str]) -> str:
    """The value of a parameter of `one_of`."""
    return json.dumps(list(values))


def insert_text(statement: Insert, columns: Sequence[str] | None = None) -> str:
    """The text of an insert for `exec_driver_sql` with tuples of these columns (all of them), in the table's order.

    SQLAlchemy's own way binds every row by name, which takes longer than SQLite takes to insert it.
    """
    return str(statement.compile(dialect=sqlite.dialect(), column_keys=columns))
