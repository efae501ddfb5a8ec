"""An instance's own record of what an account did, read through its API without any of hoist's own reading code."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import requests

from connectors.sandboxes.record import FoundComment, FoundSave
from rules.instants import Instant, instant

TABLE: Final = "incident"
FIELDS: Final = {"assignment_group": "team", "assigned_to": "assignee", "priority": "priority"}
BESIDE: Final = frozenset({"impact", "urgency", "reassignment_count", "work_notes", "comments"})
"""What is changed on the way to a priority, what the instance counts by itself, and notes, which have a table of their own."""
ALONE: Final = "Changed by hoist."
"""A note that only carries the marker of a change of columns."""
TIMEOUT: Final = 60
_PAGE: Final = 1_000
_TOGETHER: Final = 40
_MARKER: Final = re.compile(r"\[hoist \S+((?: \w=\S*)*)\]\s*$")

Row = dict[str, str]
Item = tuple[str, str | None, str | None]


class ServiceNowRecord:
    """Reads an instance as an auditor would."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self._api = f"{url}/api/now/table"
        self._session = requests.Session()
        self._session.auth = (username, password)
        self._account = username
        self._notes: dict[str, list[FoundComment]] | None = None  # a request for each incident would take long
        self.names: dict[str, str] = {}

    def issues(self) -> list[str]:
        """The sys_ids of all incidents, and meanwhile what everybody is called."""
        for user in self._rows("sys_user", "", ("sys_id", "user_name", "name")):
            self.names[user["user_name"]] = self.names[user["sys_id"]] = user["name"]
        return [row["sys_id"] for row in self._rows(TABLE, "", ("sys_id",))]

    def saves(self, issues: Sequence[str]) -> Iterator[FoundSave]:
        """Every save by the account, those of an incident in order; labels that were added at its time are of it."""
        found: dict[tuple[str, Instant], list[Item]] = defaultdict(list)
        columns = ("documentkey", "fieldname", "oldvalue", "newvalue", "user", "sys_created_on")
        for row in self._of("sys_audit", f"tablename={TABLE}^documentkeyIN", issues, columns):
            if row["user"] == self._account and row["fieldname"] not in BESIDE:
                name = FIELDS.get(row["fieldname"], row["fieldname"])
                found[row["documentkey"], _at(row)].append((name, row["oldvalue"] or None, row["newvalue"] or None))
        for place, labels in self._labels(issues).items():
            found[place].append(("labels", None, " ".join(sorted(labels))))
        for (issue, at), items in sorted(found.items(), key=lambda each: each[0][1]):
            yield FoundSave(issue, at, tuple(items))

    def comments(self, issue: str) -> list[FoundComment]:
        """The notes of the account on an incident that say something."""
        if self._notes is None:
            self._notes = defaultdict(list)
            query = f"name={TABLE}^sys_created_by={self._account}"
            for row in self._rows("sys_journal_field", query, ("element_id", "element", "value", "sys_created_on")):
                self._notes[row["element_id"]].append(_note(row["element_id"], row))
        return [note for note in self._notes.get(issue, ()) if note.text != ALONE]

    def _labels(self, issues: Sequence[str]) -> dict[tuple[str, Instant], list[str]]:
        names = {row["sys_id"]: row["name"] for row in self._rows("label", "", ("sys_id", "name"))}
        found: dict[tuple[str, Instant], list[str]] = defaultdict(list)
        query = f"table={TABLE}^sys_created_by={self._account}^table_keyIN"
        for row in self._of("label_entry", query, issues, ("label", "table_key", "sys_created_on")):
            found[row["table_key"], _at(row)].append(names[row["label"]])
        return found

    def _of(self, table: str, query: str, issues: Sequence[str], columns: Sequence[str]) -> Iterator[Row]:
        """The rows of a table that belong to these incidents; a query that is too long for a URL is refused."""
        for start in range(0, len(issues), _TOGETHER):
            yield from self._rows(table, query + ",".join(issues[start : start + _TOGETHER]), columns)

    def _rows(self, table: str, query: str, columns: Sequence[str]) -> Iterator[Row]:
        offset = 0
        while True:
            asked: dict[str, Any] = {
                "sysparm_query": f"{query}^ORDERBYsys_created_on^ORDERBYsys_id".lstrip("^"),
                "sysparm_fields": ",".join(columns),
                "sysparm_exclude_reference_link": "true",
                "sysparm_limit": _PAGE,
                "sysparm_offset": offset,
            }
            answer = self._session.get(f"{self._api}/{table}", params=asked, timeout=TIMEOUT)
            answer.raise_for_status()
            rows = answer.json()["result"]
            yield from (row for row in rows if row)
            if not rows:
                return
            offset += _PAGE


def _note(issue: str, row: Row) -> FoundComment:
    found = _MARKER.search(row["value"])
    parts = dict(part.split("=", 1) for part in found[1].split()) if found else {}
    text = row["value"][: found.start()] if found else row["value"]
    firings = tuple(filter(None, parts.get("f", "").split(",")))
    return FoundComment(issue, _at(row), firings, row["element"] == "comments", text.strip())


def _at(row: Row) -> Instant:
    return instant(datetime.strptime(row["sys_created_on"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC))
