"""Event logs as CSV: each row is an issue's state right after one change, and becomes one replayed event.

Which column holds what is said by `connectors.event_logs.shape`. A replay needs a category for every status, and knows only the
columns that a sandbox can show.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from connectors.event_logs.shape import VOLVO, LogShape, known_shape, read_shape
from connectors.sandboxes.history import ROLES, Event, EventValue, History, Note, Person, Status
from rules.instants import instant

__all__ = ["VOLVO", "LogShape", "load"]

REQUESTERS: Final = 500
"""How many made-up customers share the issues of a log that names no reporter."""


def load(path: Path, mapping: Path | None = None) -> History:
    """Read an event log, CSV or CSV.gz in UTF-8, with a mapping file where its header is not known.

    Rows of one instant keep the order of the file. Raises ValueError with file and line for a log that can't be replayed.
    """
    shape = read_shape(mapping) if mapping else None
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode(shape.encoding if shape else "utf-8-sig")
    except (OSError, EOFError, zlib.error, LookupError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} can't be read as CSV or CSV.gz in UTF-8: {error}") from error
    header = next(csv.reader(io.StringIO(text), delimiter=shape.delimiter if shape else ","), [])
    shape = shape or known_shape(path, header)
    missing = [f"{name} ({column})" for name, column in shape.columns.items() if column not in header]
    if missing:
        raise ValueError(f"{path}, line 1: there is no column for {', '.join(missing)}; the columns are {', '.join(header)}")
    reader = csv.reader(io.StringIO(text), delimiter=shape.delimiter)
    next(reader)
    return _Reading(path, shape, header).history(reader)


class _Reading:
    """One pass over the rows; collects what occurs in them."""

    def __init__(self, path: Path, shape: LogShape, header: Sequence[str]) -> None:
        self.path = path
        self.shape = shape
        self.at = {name: header.index(column) for name, column in shape.columns.items()}
        self.width = len(header)
        self.zone = shape.zone()
        self.people: dict[str, Person] = {}
        self.priorities = dict(shape.priorities)
        self.seen: dict[str, dict[str, None]] = {"team": {}, "line": {}, "component": {}}

    def history(self, reader: Iterator[list[str]]) -> History:
        events: list[Event] = []
        begun: set[str] = set()
        for number, row in enumerate(reader, start=2):
            if not row:
                continue
            if len(row) != self.width:
                raise ValueError(f"{self.path}, line {number}: {len(row)} columns instead of {self.width}")
            events.append(self._event(number, row))
        if not events:
            raise ValueError(f"{self.path} has no rows")
        events.sort(key=lambda event: event.at)
        for position, event in enumerate(events):
            if event.issue not in begun:
                begun.add(event.issue)
                events[position] = self._creation(event)
        shape = self.shape
        return History(
            project=shape.project,
            project_name=shape.project_name,
            people=self.people,
            statuses=tuple(Status(name, category) for name, category in shape.statuses.items()),
            priorities=tuple(dict.fromkeys(self.priorities.values())) or ("Medium",),
            teams=sorted(self.seen["team"]),
            lines=sorted(self.seen["line"]),
            components=sorted(self.seen["component"]),
            roles=_roles(shape),
            events=events,
        )

    def _event(self, number: int, row: Sequence[str]) -> Event:
        at = self.at
        status = row[at["status"]]
        if status not in self.shape.statuses:
            raise ValueError(f"{self.path}, line {number}: the mapping gives no category for the status {status!r}")
        values: dict[str, EventValue] = {"status": status}
        for name, seen in self.seen.items():
            if name in at:
                values[name] = value = row[at[name]] or None
                if value:
                    seen[value] = None
        if "priority" in at:
            values["priority"] = self._priority(number, row[at["priority"]])
        if "assignee" in at:
            values["assignee"] = self._assignee(status, row[at["assignee"]])
        if "summary" in at:
            values["summary"] = row[at["summary"]]
        return Event(self._instant(number, row[at["at"]]), row[at["issue"]], self._author(row), values, self._note(row))

    def _instant(self, number: int, text: str) -> int:
        try:
            form = self.shape.time_format
            moment = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 - the zone comes next
            return instant(moment if moment.tzinfo or not self.zone else moment.replace(tzinfo=self.zone))
        except ValueError as error:
            raise ValueError(f"{self.path}, line {number}: {text!r} names no instant: {error}") from error

    def _priority(self, number: int, word: str) -> str:
        if word not in self.priorities:
            if self.shape.priorities:
                raise ValueError(f"{self.path}, line {number}: the mapping names no priority for {word!r}")
            self.priorities[word] = word
        return self.priorities[word]

    def _assignee(self, status: str, word: str) -> str | None:
        if not word or word in self.shape.automatic or status in self.shape.unassigned_in:
            return None
        return self._person(word)

    def _author(self, row: Sequence[str]) -> str:
        column = self.at.get("author", self.at.get("assignee"))
        return self._person((row[column] if column is not None else "") or "Automation")

    def _person(self, handle: str) -> str:
        if handle not in self.people:
            automatic = handle in self.shape.automatic or handle == "Automation"
            self.people[handle] = Person(handle, handle, "app" if automatic else "staff")
        return handle

    def _note(self, row: Sequence[str]) -> Note | None:
        text = row[self.at["comment"]] if "comment" in self.at else ""
        public = row[self.at["public"]] if "public" in self.at else ""
        return Note(text, public.strip().lower() in {"1", "true", "yes", "public"}) if text else None

    def _creation(self, event: Event) -> Event:
        number = zlib.crc32(event.issue.encode()) % REQUESTERS + 1
        customer = Person(f"customer-{number:03}", f"Customer {number:03}", "customer")
        self.people.setdefault(customer.handle, customer)
        summary = event.fields.get("summary") or f"{event.fields.get('component') or 'Incident'}: {event.issue}"
        described = {"summary": summary, "description": f"Case {event.issue} of the replayed log."}
        return event._replace(author=customer.handle, fields={**event.fields, **described})


def _roles(shape: LogShape) -> dict[str, list[str]]:
    """The status names under each of hoist's words; a status that no role names follows its category."""
    roles: dict[str, list[str]] = {role: list(shape.roles.get(role, ())) for role in ROLES}
    placed = {name for names in roles.values() for name in names}
    for name, category in shape.statuses.items():
        if name not in placed:
            roles[{"new": "new", "indeterminate": "open", "done": "resolved"}[category]].append(name)
    return roles
