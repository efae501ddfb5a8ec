"""Field names that walk from record to record: `assignment_group.manager.name`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.servicenow.site.store import Row, Store
from connectors.servicenow.site.tables import Column, Table
from rules.instants import Instant


@dataclass(frozen=True, slots=True)
class Path:
    """A walk over references to a column. `tables` are the table before each step."""

    steps: tuple[Column, ...]
    tables: tuple[str, ...]

    @property
    def last(self) -> Column:
        return self.steps[-1]

    @property
    def table(self) -> str:
        """The table that the last column is one of."""
        return self.tables[-1]

    def end(self, row: Row, store: Store, now: Instant) -> Row | None:
        """The row whose column the path names; None where a reference on the way is empty."""
        for column in self.steps[:-1]:
            sys_id = row.get(column.name)
            found = store.get(column.reference, sys_id, now) if sys_id else None
            if found is None:
                return None
            row = found
        return row


def path(tables: Mapping[str, Table], table: str, text: str) -> Path | None:
    """The walk that a field name describes; None where a name is not known, or is walked through without being a reference."""
    steps: list[Column] = []
    walked: list[str] = []
    words = text.split(".")
    for place, word in enumerate(words):
        column = tables[table].columns.get(word)
        if column is None:
            return None
        steps.append(column)
        walked.append(table)
        if place + 1 < len(words):
            if column.kind != "reference" or column.reference not in tables:
                return None
            table = column.reference
    return Path(tuple(steps), tuple(walked))
