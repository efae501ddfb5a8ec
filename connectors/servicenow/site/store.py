"""The rows of an instance: what they are, what of them can be seen yet, and how they are found quickly.

A row is a mapping of column to the database value, a string, without its empty columns; it is never changed in place. Date-times
are text in UTC (`2026-11-23 08:00:00`), so that their order is that of the text.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from connectors.servicenow.site.tables import STAMPED_ONCE, Table
from rules.instants import Instant

Row = Mapping[str, str]

INDEXED: Final[Mapping[str, tuple[str, ...]]] = {
    "sys_audit": ("documentkey",),
    "sys_audit_delete": ("documentkey",),
    "sys_choice": ("name",),
    "sys_db_object": ("name",),
    "sys_dictionary": ("name",),
    "sys_journal_field": ("element_id",),
    "sys_properties": ("name",),
    "sys_user": ("user_name", "email"),
    "sys_user_group": ("name",),
    "sys_user_grmember": ("user", "group"),
    "sys_user_has_role": ("user",),
    "cmn_rota": ("group",),
    "task_sla": ("task",),
    "label_entry": ("table_key",),
    "sysapproval_approver": ("sysapproval",),
} | dict.fromkeys(
    ("incident", "problem", "change_request", "sc_task", "sc_request", "sc_req_item"),
    ("number", "correlation_id", "assignment_group", "parent_incident"),
)
"""Columns by which rows of a table are found without looking at all."""


ATTENDANTS: Final = {"sys_audit": "documentkey", "sys_journal_field": "element_id", "task_sla": "task"}
"""Tables whose rows are saved in the transaction of a record, and the column that names it."""


class Version(NamedTuple):
    """What a row was until the transaction that changed it was committed; None for a row that is not there yet."""

    until: Instant
    row: Row | None


class Store:
    """Rows by table and sys_id. Not safe for threads."""

    def __init__(self, tables: Mapping[str, Table], seed: int) -> None:
        self.tables = tables
        self._seed = seed
        self._made = 0
        self._rows: dict[str, dict[str, Row]] = {name: {} for name in tables}
        self._index: dict[tuple[str, str], dict[str, dict[str, None]]] = {
            (table, column): {} for table, columns in INDEXED.items() for column in columns
        }
        self._order: dict[str, list[tuple[str, str]]] = {name: [] for name in tables}
        self._moved: dict[str, dict[str, str | None]] = {name: {} for name in tables}
        self._veiled: dict[str, dict[str, list[Version]]] = {}
        self.saves = dict.fromkeys(tables, 0)
        """How often each table was written: what was made of its rows holds as long as the number."""

    def new_id(self, table: str) -> str:
        """A sys_id that no row has; the same in every instance of this seed that lived through the same."""
        self._made += 1
        return hashlib.md5(f"{self._seed}/{table}/{self._made}".encode(), usedforsecurity=False).hexdigest()

    def stamp_of(self, table: str) -> str:
        """The column that tells when a row of this table changed last."""
        return "sys_created_on" if table in STAMPED_ONCE else "sys_updated_on"

    # --- what is there -------------------------------------------------------------------------------------------------

    def latest(self, table: str, sys_id: str) -> Row | None:
        """The row as the last save left it, committed or not; of this table alone."""
        return self._rows[table].get(sys_id)

    def table_of(self, table: str, sys_id: str) -> str:
        """The table among this one and those that extend it that has the row; empty where none has it."""
        for name in self.tables[table].family:
            if sys_id in self._rows[name] or sys_id in self._veiled.get(name, ()):
                return name
        return ""

    def get(self, table: str, sys_id: str, now: Instant) -> Row | None:
        """The committed row of this table or one that extends it."""
        for name in self.tables[table].family:
            if name in self._veiled:
                self._lift(name, now)
                if versions := self._veiled.get(name, {}).get(sys_id):
                    return _committed(versions, now)
            if row := self._rows[name].get(sys_id):
                return row
        return None

    def all(self, table: str) -> Iterator[Row]:
        """All rows of this table alone, as the last saves left them."""
        return iter(self._rows[table].values())

    def where(self, table: str, column: str, value: str) -> list[Row]:
        """The rows of this table alone that have this value in an indexed column, as the last saves left them."""
        found = self._index[table, column].get(value, ())
        return [self._rows[table][sys_id] for sys_id in found]

    # --- candidates of a query -----------------------------------------------------------------------------------------

    def every(self, table: str, now: Instant) -> Iterator[Row]:
        """All committed rows of this table and those that extend it."""
        for name in self.tables[table].family:
            yield from self._seen(name, self._rows[name], now)

    def having(self, table: str, column: str, values: Sequence[str], now: Instant) -> Iterator[Row] | None:
        """The committed rows that may have one of these values; None where the column has no index."""
        found: list[Iterator[Row]] = []
        for name in self.tables[table].family:
            if column == "sys_id":
                ids = {value: None for value in values if value in self._rows[name]}
            elif (index := self._index.get((name, column))) is not None:
                ids = {sys_id: None for value in values for sys_id in index.get(value, ())}
            else:
                return None
            found.append(self._seen(name, ids, now))
        return (row for rows in found for row in rows)

    def stamped(self, table: str, low: str, high: str, now: Instant) -> list[Row]:
        """The committed rows last stamped in [low, high], in the order of stamp and sys_id."""
        found: list[Row] = []
        for name in self.tables[table].family:
            order = self._ordered(name)
            ids = dict.fromkeys(sys_id for _, sys_id in order[bisect_left(order, (low, "")) : bisect_right(order, (high, "~"))])
            found += self._seen(name, ids, now)
        stamp = self.stamp_of(table)
        if len(self.tables[table].family) > 1 or self._veiled:
            found.sort(key=lambda row: (row.get(stamp, ""), row["sys_id"]))
        return found

    def _ordered(self, table: str) -> list[tuple[str, str]]:
        """Stamp and sys_id of all rows in order. Sorted when it is asked for, because a replay saves much and asks nothing."""
        order, moved, rows, stamp = self._order[table], self._moved[table], self._rows[table], self.stamp_of(table)
        if len(moved) * 8 > len(order):
            order[:] = sorted((row.get(stamp, ""), sys_id) for sys_id, row in rows.items())
        else:
            for sys_id, before in moved.items():
                if before is not None:
                    del order[bisect_left(order, (before, sys_id))]
                if sys_id in rows:
                    insort(order, (rows[sys_id].get(stamp, ""), sys_id))
        moved.clear()
        return order

    def _seen(self, table: str, ids: Mapping[str, object], now: Instant) -> Iterator[Row]:
        """Rows by their ids; all of which a transaction is under way come as they were before it, whether asked for or not."""
        rows = self._rows[table]
        if table in self._veiled:
            self._lift(table, now)
        veiled = self._veiled.get(table)
        if not veiled:
            yield from (rows[sys_id] for sys_id in ids)
            return
        yield from (rows[sys_id] for sys_id in ids if sys_id not in veiled)
        for versions in list(veiled.values()):
            row = _committed(versions, now)
            if row is not None:
                yield row

    def _lift(self, table: str, now: Instant) -> None:
        """Forget versions whose transactions are committed."""
        veiled = self._veiled[table]
        for sys_id in [each for each, versions in veiled.items() if versions[-1].until <= now]:
            del veiled[sys_id]
        if not veiled:
            del self._veiled[table]

    # --- saves ---------------------------------------------------------------------------------------------------------

    def put(self, table: str, row: Row, committed_at: Instant | None = None) -> None:
        """Save a row. Where `committed_at` is given, it can be read from then on only, and until then as it was before."""
        sys_id = row["sys_id"]
        before = self._rows[table].get(sys_id)
        self._note(table, sys_id, before, committed_at)
        if before is not None:
            self._forget(table, before)
        self._rows[table][sys_id] = row
        self._moved[table].setdefault(sys_id, None)
        for column in INDEXED.get(table, ()):
            if value := row.get(column):
                self._index[table, column].setdefault(value, {})[sys_id] = None

    def remove(self, table: str, sys_id: str, committed_at: Instant | None = None) -> None:
        """Delete a row. Raises KeyError."""
        before = self._rows[table][sys_id]
        self._note(table, sys_id, before, committed_at)
        self._forget(table, before)
        del self._rows[table][sys_id]

    def commit(self, sys_id: str) -> None:
        """Whatever is under way for a record is committed now, with its audit, journal and service levels."""
        for table, column in ATTENDANTS.items():
            veiled = self._veiled.get(table, {})
            for row in self.where(table, column, sys_id) if veiled else ():
                veiled.pop(row["sys_id"], None)

    def _note(self, table: str, sys_id: str, before: Row | None, committed_at: Instant | None) -> None:
        self.saves[table] += 1
        if committed_at is not None:
            versions = self._veiled.setdefault(table, {}).setdefault(sys_id, [])
            # A transaction waits for the one that holds its row, so it is not committed before that.
            versions.append(Version(max([committed_at, *(each.until for each in versions[-1:])]), before))
        elif table in self._veiled:
            # A transaction waits for those that hold its row: once it is committed, they are.
            self._veiled[table].pop(sys_id, None)

    def _forget(self, table: str, row: Row) -> None:
        self._moved[table].setdefault(row["sys_id"], row.get(self.stamp_of(table), ""))
        for column in INDEXED.get(table, ()):
            if value := row.get(column):
                self._index[table, column][value].pop(row["sys_id"], None)


def _committed(versions: Sequence[Version], now: Instant) -> Row | None:
    """The row before the first transaction that is still under way. Only for a row that one is under way for."""
    for until, row in versions:
        if until > now:
            return row
    return None
