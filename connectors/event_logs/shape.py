"""How an event log is read: its columns, and what its words mean. docs/event-logs.md describes the mapping file.

The incidents log of BPIC 2013 (Volvo IT, VINST; doi:10.4121/uuid:500573e6-accc-4b0c-9576-aa5468b10cee) is known by its header.
Any other log needs a mapping file, YAML or JSON, with the keys of `LogShape`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

import yaml

from rules.ticket import NATIVE, TARGET, Status

Category = Literal["new", "indeterminate", "done"]
"""Nobody has begun, under way, done: as Jira sorts statuses, and coarse enough for every platform."""

NEEDED: Final = ("issue", "at", "status")
ABOUT_THE_ROW: Final = ("issue", "at", "status", "line", "author", "created", "comment", "public")
"""What says whose row it is, when, by whom, and what was said."""

FIELDS: Final[Mapping[str, str]] = {
    "team": "team",
    "priority": "priority",
    "assignee": "assignee",
    "component": "service",
    "summary": "subject",
    "description": "description",
    "type": "type",
    "project": "project",
    "organisation": "organisation",
    "request_type": "request_type",
    "requester": "requester",
    "labels": "labels",
    "due": "due",
}
"""What a column can be called in a mapping file, and the field of a ticket that it fills."""

COLUMNS: Final = (*ABOUT_THE_ROW, *FIELDS)
SAME: Final = "same"
"""Instead of a status: rows with this word leave the status as it was."""
ANY_OTHER: Final = "*"

_CATEGORY_OF: Final[Mapping[str, Category]] = {
    Status.NEW: "new",
    Status.OPEN: "indeterminate",
    Status.PENDING: "indeterminate",
    Status.ON_HOLD: "indeterminate",
    Status.RESOLVED: "done",
    Status.CLOSED: "done",
}
_USUAL: Final[Mapping[str, Status]] = {"new": Status.NEW, "indeterminate": Status.OPEN, "done": Status.RESOLVED}
_MAPPINGS: Final = ("columns", "statuses", "roles", "priorities")
_LISTS: Final = (
    "automatic",
    "unassigned_in",
    "informal",
    "empty",
    "unknown",
    "never_set",
    "known_from_start",
    "from_the_future",
    "kept_if_empty",
)
_TEXTS: Final = ("time_zone", "time_format", "delimiter", "encoding", "project", "project_name", "source")


@dataclass(frozen=True)
class LogShape:
    """How one log is read.

    `columns` maps names of `COLUMNS`, and fields of one's own as `native.NAME` and `target.NAME`, to the log's columns.
    `statuses` gives each word of the status column its category; `roles` sorts them under hoist's six words, what is missing
    follows from the category; rows with a word of `unchanging` leave the status as it was, and so do words that are not listed
    where that is what `other` says. `informal` are statuses that count as resolved and are no formal resolution. `priorities`
    maps the log's words to those of the history, the most urgent first. `automatic` are the authors that are no people: nothing
    is ever assigned to them. `unassigned_in` are the statuses in which nobody has taken the issue, whoever the row names.

    `time_zone` reads stamps that carry no offset, `time_format` those that are not ISO 8601 (the signs of Python's strptime).
    `empty` are words that say that nothing stands there, `unknown` words that say that it is not known. `never_set` are fields
    that the log has no column for because no ticket had any; all others it has none for are unknown. `known_from_start` are
    columns that say the same on every row of an issue and were known from its first one, `from_the_future` those that were not.
    `kept_if_empty` are columns in which an empty cell says that nothing has changed.
    `source` is the source of the organisation whose names the log uses.
    """

    columns: Mapping[str, str]
    statuses: Mapping[str, Category]
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    priorities: Mapping[str, str] = field(default_factory=dict)
    automatic: Sequence[str] = ()
    unassigned_in: Sequence[str] = ()
    informal: Sequence[str] = ()
    time_zone: str = ""
    time_format: str = ""
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    empty: Sequence[str] = ()
    unknown: Sequence[str] = ()
    never_set: Sequence[str] = ()
    known_from_start: Sequence[str] = ()
    from_the_future: Sequence[str] = ()
    kept_if_empty: Sequence[str] = ()
    source: str = ""
    project: str = "LOG"
    project_name: str = "Replayed log"
    unchanging: frozenset[str] = frozenset()
    other: str = ""

    def meanings(self) -> dict[str, Status]:
        """hoist's word for each status."""
        placed = {name: Status(role) for role, names in self.roles.items() for name in names}
        return {name: placed.get(name, _USUAL[category]) for name, category in self.statuses.items()}

    def zone(self) -> ZoneInfo | None:
        """The zone of stamps without an offset, where one is named."""
        return ZoneInfo(self.time_zone) if self.time_zone else None


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
    informal=("In Call",),
    never_set=("labels",),
    known_from_start=("product",),
    from_the_future=("impact",),
    project="VINST",
    project_name="VINST incidents",
)


def known_shape(path: Path, header: Sequence[str]) -> LogShape:
    """The shape of a log that is known by its header. Raises ValueError for any other."""
    if set(VOLVO.columns.values()) <= set(header):
        return VOLVO
    raise ValueError(
        f"{path}, line 1: these columns are not known: {', '.join(header) or 'none'}. Name a mapping file that says which column "
        "holds the issue, the time and the status, and each status's category (new, indeterminate, done) or one of "
        f"{', '.join(Status)}"
    )


def read_shape(path: Path) -> LogShape:
    """The shape that a mapping file describes. Raises ValueError with what is wrong in it."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} can't be read as a mapping in YAML or JSON: {error}") from error
    if not isinstance(given, dict):
        raise ValueError(f"{path} is no mapping: it must have the keys columns and statuses")
    known = sorted({each.name for each in fields(LogShape)} - {"unchanging", "other"})
    if unknown := sorted(set(map(str, given)) - set(known)):
        raise ValueError(f"{path}: unknown {', '.join(unknown)}; a mapping has {', '.join(known)}")
    _check(path, given)
    try:
        shape = _in_categories(given)
        shape.zone()
    except (ValueError, KeyError) as error:
        raise ValueError(f"{path}: {error}") from error
    return shape


def _in_categories(given: Mapping[str, Any]) -> LogShape:
    """Statuses that were given one of hoist's words stand under it, with the category that this word has."""
    roles = {role: list(names) for role, names in given.get("roles", {}).items()}
    statuses: dict[str, Category] = {}
    unchanging = set()
    for name, word in given["statuses"].items():
        if word == SAME:
            unchanging.add(name)
        elif word in _CATEGORY_OF:
            statuses[name] = _CATEGORY_OF[word]
            roles.setdefault(word, []).append(name)
        else:
            statuses[name] = word
    other = given["statuses"].get(ANY_OTHER, "")
    made = LogShape(**{**given, "statuses": statuses, "roles": roles})
    return replace(made, unchanging=frozenset(unchanging), other=other)


def _check(path: Path, given: Mapping[str, Any]) -> None:
    """Raise ValueError with the first thing in a mapping file that a log can't be read by."""
    for name in _MAPPINGS:
        if not isinstance(given.get(name, {}), dict):
            raise ValueError(f"{path}: {name} must be a mapping")
    for name in _LISTS:
        if not isinstance(given.get(name, []), list) or not all(isinstance(each, str) for each in given.get(name, [])):
            raise ValueError(f"{path}: {name} must be a list of texts; put words like no and 1 in quotes")
    for name in _TEXTS:
        if not isinstance(given.get(name, ""), str):
            raise ValueError(f"{path}: {name} must be a text")
    _check_columns(path, given.get("columns", {}))
    _check_statuses(path, given.get("statuses", {}), given.get("roles", {}))


def _check_columns(path: Path, columns: Mapping[Any, Any]) -> None:
    if odd := [name for name, column in columns.items() if not isinstance(name, str) or not isinstance(column, str)]:
        raise ValueError(f"{path}: columns: {odd[0]} must be a text and name one column")
    if unknown := sorted(name for name in set(columns) - set(COLUMNS) if not name.startswith((NATIVE, TARGET))):
        raise ValueError(
            f"{path}: columns has {', '.join(unknown)}, which is none of {', '.join(COLUMNS)}, {NATIVE}NAME and {TARGET}NAME"
        )
    if missing := [name for name in NEEDED if name not in columns]:
        raise ValueError(f"{path}: columns names none for {', '.join(missing)}")


def _check_statuses(path: Path, statuses: Mapping[Any, Any], roles: Mapping[Any, Any]) -> None:
    words = (*get_args(Category), *_CATEGORY_OF, SAME)
    if not statuses:
        raise ValueError(f"{path}: statuses must name the words of the status column, each with one of {', '.join(words)}")
    for status, word in statuses.items():
        if not isinstance(status, str):
            raise ValueError(f"{path}: the status {status!r} must be a text: put it in quotes")
        if word not in words:
            raise ValueError(f"{path}: status {status} has the category {word}, which is none of {', '.join(words)}")
    for role, names in roles.items():
        if role not in set(Status) or not isinstance(names, list) or not set(names) <= set(statuses):
            raise ValueError(f"{path}: roles has {role}: {names}; roles are {', '.join(Status)}, of statuses that are listed")
