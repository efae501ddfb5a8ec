"""Event logs as CSV: each row is an issue's state right after one change, and becomes one replayed event.

The incidents log of BPIC 2013 (Volvo IT, VINST; doi:10.4121/uuid:500573e6-accc-4b0c-9576-aa5468b10cee) is known by its header.
Any other log needs a mapping file, YAML or JSON, with the keys of `LogShape`.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

import yaml

from connectors.sandboxes.history import ROLES, Category, Event, EventValue, History, Note, Person, Status
from rules.instants import instant

REQUESTERS: Final = 500
"""How many made-up customers share the issues of a log that names no reporter."""

COLUMNS: Final = (
    "issue", "at", "status", "team", "line", "priority", "assignee", "author", "component", "summary", "comment", "public",
)  # fmt: skip
NEEDED: Final = ("issue", "at", "status")


@dataclass(frozen=True)
class LogShape:
    """How one log is read: its columns, and what its words mean.

    `columns` maps what a site needs (issue, at, status; optionally team, line, priority, assignee, author, component, summary,
    comment, public) to the log's column names. `statuses` gives each status its category. `roles` sorts statuses under hoist's
    words (pending, on_hold, resolved, closed; what is missing follows from the category). `priorities` maps the log's words to
    those of the history, the most urgent first. `automatic` are the authors that are no people: nothing is ever assigned to them.
    `unassigned_in` are the statuses in which nobody has taken the issue, whoever the row names. `time_zone` reads stamps that
    carry no offset.
    """

    columns: Mapping[str, str]
    statuses: Mapping[str, Category]
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    priorities: Mapping[str, str] = field(default_factory=dict)
    automatic: Sequence[str] = ()
    unassigned_in: Sequence[str] = ()
    time_zone: str = ""
    delimiter: str = ","
    project: str = "LOG"
    project_name: str = "Replayed log"


VOLVO: Final = LogShape(
    columns={
        "issue": "case_id",
        "at": "changed_at",
        "status": "sub_status",
        "team": "support_team",
        "line": "support_line",
        "priority": "impact",
        "component": "product",
        "assignee": "owner",
        "author": "owner",
    },
    statuses={
        "Awaiting Assignment": "new",
        "Assigned": "indeterminate",
        "In Progress": "indeterminate",
        "Wait": "indeterminate",
        "Wait - User": "indeterminate",
        "Wait - Customer": "indeterminate",
        "Wait - Vendor": "indeterminate",
        "Wait - Implementation": "indeterminate",
        "Unmatched": "indeterminate",
        "In Call": "done",
        "Resolved": "done",
        "Closed": "done",
        "Cancelled": "done",
    },
    roles={
        "pending": ("Wait - User", "Wait - Customer"),
        "on_hold": ("Wait", "Wait - Vendor", "Wait - Implementation"),
        "resolved": ("In Call", "Resolved"),
        "closed": ("Closed", "Cancelled"),
    },
    priorities={"Major": "Highest", "High": "High", "Medium": "Medium", "Low": "Low"},
    automatic=("SYSTEM",),
    unassigned_in=("Awaiting Assignment",),
    project="VINST",
    project_name="VINST incidents",
)


def load(path: Path, mapping: Path | None = None) -> History:
    """Read an event log, CSV or CSV.gz in UTF-8, with a mapping file where its header is not known.

    Rows of one instant keep the order of the file. Raises ValueError with file and line for a log that can't be replayed.
    """
    shape = _shape(mapping) if mapping else None
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} can't be read as CSV or CSV.gz in UTF-8: {error}") from error
    header = next(csv.reader(io.StringIO(text), delimiter=shape.delimiter if shape else ","), [])
    shape = shape or _known(path, header)
    missing = [f"{name} ({column})" for name, column in shape.columns.items() if column not in header]
    if missing:
        raise ValueError(f"{path}, line 1: there is no column for {', '.join(missing)}; the columns are {', '.join(header)}")
    reader = csv.reader(io.StringIO(text), delimiter=shape.delimiter)
    next(reader)
    return _Reading(path, shape, header).history(reader)


def _known(path: Path, header: Sequence[str]) -> LogShape:
    if set(VOLVO.columns.values()) <= set(header):
        return VOLVO
    raise ValueError(
        f"{path}, line 1: these columns are not known: {', '.join(header) or 'none'}. Name a mapping file that says which column "
        "holds the issue, the time and the status, and each status's category (new, indeterminate, done)"
    )


def _shape(path: Path) -> LogShape:
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} can't be read as a mapping in YAML or JSON: {error}") from error
    if not isinstance(given, dict):
        raise ValueError(f"{path} is no mapping: it must have the keys columns and statuses")
    known = {each.name for each in fields(LogShape)}
    if unknown := sorted(set(map(str, given)) - known):
        raise ValueError(f"{path}: unknown {', '.join(unknown)}; a mapping has {', '.join(sorted(known))}")
    _check(path, given)
    return LogShape(**given)


def _check(path: Path, given: Mapping[str, Any]) -> None:
    """Raise ValueError with the first thing in a mapping file that a log can't be read by."""
    for name in ("columns", "statuses", "roles", "priorities"):
        if not isinstance(given.get(name, {}), dict):
            raise ValueError(f"{path}: {name} must be a mapping")
    columns, statuses = given.get("columns", {}), given.get("statuses", {})
    if unknown := sorted(set(columns) - set(COLUMNS)):
        raise ValueError(f"{path}: columns has {', '.join(unknown)}, which is none of {', '.join(COLUMNS)}")
    if missing := [name for name in NEEDED if name not in columns]:
        raise ValueError(f"{path}: columns names none for {', '.join(missing)}")
    categories = get_args(Category)
    for status, category in statuses.items():
        if category not in categories:
            raise ValueError(f"{path}: status {status} has the category {category}, which is none of {', '.join(categories)}")
    for role, names in given.get("roles", {}).items():
        if role not in ROLES or not set(names) <= set(statuses):
            raise ValueError(f"{path}: roles has {role}: {names}; roles are {', '.join(ROLES)}, of statuses that are listed")


class _Reading:
    """One pass over the rows; collects what occurs in them."""

    def __init__(self, path: Path, shape: LogShape, header: Sequence[str]) -> None:
        self.path = path
        self.shape = shape
        self.at = {name: header.index(column) for name, column in shape.columns.items()}
        self.width = len(header)
        self.zone = ZoneInfo(shape.time_zone) if shape.time_zone else None
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
            moment = datetime.fromisoformat(text)
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
