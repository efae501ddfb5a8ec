"""Rows of a log gathered by their issue, on disk: a log may be ordered by time, and larger than memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final

from connectors.event_logs.rows import Row

_AT_ONCE: Final = 10_000


class Spool:
    """A temporary file of SQLite's, gone with the process. Rows of an issue keep the order in which they were put in."""

    def __init__(self) -> None:
        # an empty name: a file that only SQLite knows, kept in memory while it is small
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        columns = "issue TEXT, number INTEGER, place TEXT, body TEXT"
        self._db.execute(f"CREATE TABLE row ({columns}, PRIMARY KEY (issue, number)) WITHOUT ROWID")
        self.rows = 0
        self.issues = 0

    def close(self) -> None:
        """Forget it all."""
        self._db.close()

    def fill(self, rows: Iterable[tuple[str, Row]]) -> None:
        """Take in (issue, row), in the order of the log."""
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO row VALUES (?, ?, ?, ?)", self._numbered(rows))
        self._db.execute("COMMIT")
        (self.issues,) = self._db.execute("SELECT count(DISTINCT issue) FROM row").fetchone()

    def _numbered(self, rows: Iterable[tuple[str, Row]]) -> Iterator[tuple[str, int, str, str]]:
        for issue, (place, values) in rows:
            self.rows += 1
            yield issue, self.rows, place, json.dumps(values, ensure_ascii=False)

    def by_issue(self) -> Iterator[tuple[str, list[Row]]]:
        """Each issue with its rows, in the order of their names."""
        found = self._db.execute("SELECT issue, place, body FROM row ORDER BY issue, number")
        found.arraysize = _AT_ONCE
        for issue, rows in groupby(found, key=itemgetter(0)):
            yield issue, [Row(place, tuple(json.loads(body))) for _, place, body in rows]
