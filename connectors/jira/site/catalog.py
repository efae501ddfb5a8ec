"""What a site knows beside its issues: accounts, statuses, priorities, fields and the choices of its select fields.

All of it is fixed when a site is made from a history. Ids are the site's own; names may be shown, never decided on.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from connectors.event_logs.shape import Category
from connectors.sandboxes.history import AccountType, Event, History
from rules.instants import HOUR

Value = str | int | tuple[str, ...] | Mapping[str, object] | None
"""A field's stored value: an id, a text, an instant, ids or words in order, a document, or nothing."""

TEAM: Final = "customfield_10050"
LINE: Final = "customfield_10051"
SLA: Final = "customfield_10060"
TEAM_FIELD: Final = "customfield_10001"
GROUP: Final = "customfield_10052"
CASCADE: Final = "customfield_10053"
REQUEST_TYPE: Final = "customfield_10070"
ORGANISATIONS: Final = "customfield_10071"
PARTICIPANTS: Final = "customfield_10072"
APPROVALS: Final = "customfield_10073"

GOALS: Final = (4 * HOUR, 8 * HOUR, 24 * HOUR, 72 * HOUR)
"""Of the SLA, by the priority's place in the scheme; the last one holds for all further places."""
REQUEST_TYPES: Final[dict[str, str]] = {"25": "Get IT help", "26": "Report a system problem", "27": "Ask for access"}
COMPANIES: Final[Mapping[str, str]] = {"1": "Acme", "2": "Globex", "3": "Initech"}

RESOLUTION: Final = ("10000", "Done")
ISSUE_TYPE: Final = ("10010", "[System] Incident")
SCHEME: Final = "10002"

CATEGORIES: Final[Mapping[Category, tuple[int, str, str, str]]] = {
    "new": (2, "To Do", "blue-gray", "TODO"),
    "indeterminate": (4, "In Progress", "yellow", "IN_PROGRESS"),
    "done": (3, "Done", "green", "DONE"),
}
"""Per category its id, name, colour and word in /statuses/search."""

ACCOUNT_TYPES: Final[Mapping[AccountType, str]] = {"staff": "atlassian", "app": "app", "customer": "customer"}


class User(NamedTuple):
    id: str
    name: str
    email: str
    account_type: str
    active: bool
    login: str = ""


class Status(NamedTuple):
    id: str
    name: str
    category: Category


class Project(NamedTuple):
    id: str
    key: str
    name: str


@dataclass(frozen=True)
class Field:
    """One field as /field lists it. `kind` says how its values are stored, read, written and compared."""

    id: str
    name: str
    kind: str
    schema: Mapping[str, object]
    clauses: Sequence[str] = ()
    writable: bool = True

    @property
    def custom(self) -> bool:
        return self.id.startswith("customfield_")


_FIELD_TYPES: Final = "com.atlassian.jira.plugin.system.customfieldtypes"
_DESK: Final = "com.atlassian.servicedesk"


def _system(name: str, type_: str, **more: object) -> Mapping[str, object]:
    return {"type": type_, "system": name, **more}


def _select(number: int) -> Mapping[str, object]:
    return {"type": "option", "custom": f"{_FIELD_TYPES}:select", "customId": number}


def _custom(type_: str, custom: str, number: int) -> Mapping[str, object]:
    return {"type": type_, "custom": custom, "customId": number}


_SLA_SCHEMA: Final = {"type": "sd-servicelevelagreement", "custom": f"{_DESK}:sd-sla-field", "customId": 10060}

FIELDS: Final[Mapping[str, Field]] = {
    each.id: each
    for each in (
        Field("summary", "Summary", "text", _system("summary", "string"), ("summary",)),
        Field("description", "Description", "body", _system("description", "string"), ("description",)),
        Field("status", "Status", "status", _system("status", "status"), ("status",), writable=False),
        Field("priority", "Priority", "priority", _system("priority", "priority"), ("priority",)),
        Field("assignee", "Assignee", "user", _system("assignee", "user"), ("assignee",)),
        Field("reporter", "Reporter", "user", _system("reporter", "user"), ("reporter",)),
        Field("creator", "Creator", "user", _system("creator", "user"), ("creator",), writable=False),
        Field("labels", "Labels", "labels", _system("labels", "array", items="string"), ("labels",)),
        Field("components", "Components", "components", _system("components", "array", items="component"), ("component",)),
        Field("duedate", "Due date", "date", _system("duedate", "date"), ("due", "duedate")),
        Field("resolution", "Resolution", "resolution", _system("resolution", "resolution"), ("resolution",), writable=False),
        Field(
            "resolutiondate", "Resolved", "instant", _system("resolutiondate", "datetime"), ("resolutiondate", "resolved"),
            writable=False,
        ),
        Field("created", "Created", "instant", _system("created", "datetime"), ("created", "createdDate"), writable=False),
        Field("updated", "Updated", "instant", _system("updated", "datetime"), ("updated", "updatedDate"), writable=False),
        Field("archiveddate", "Archived", "instant", _system("archiveddate", "datetime"), writable=False),
        Field("issuetype", "Issue Type", "issuetype", _system("issuetype", "issuetype"), ("issuetype", "type"), writable=False),
        Field("project", "Project", "project", _system("project", "project"), ("project",), writable=False),
        Field("comment", "Comment", "comment", _system("comment", "comments-page"), ("comment",), writable=False),
        Field(TEAM, "Assignment group", "option", _select(10050), ("cf[10050]", "Assignment group")),
        Field(LINE, "Support line", "option", _select(10051), ("cf[10051]", "Support line")),
        Field(TEAM_FIELD, "Team", "team", _custom("team", f"{_FIELD_TYPES}:atlassian-team", 10001)),
        Field(GROUP, "Support group", "group", _custom("group", f"{_FIELD_TYPES}:grouppicker", 10052)),
        Field(CASCADE, "Line and team", "cascade", _custom("option-with-child", f"{_FIELD_TYPES}:cascadingselect", 10053)),
        Field(
            REQUEST_TYPE, "Request Type", "request_type", _custom("sd-customerrequesttype", f"{_DESK}:vp-origin", 10070),
            writable=False,
        ),
        Field(
            ORGANISATIONS, "Organizations", "companies", _custom("array", f"{_DESK}:sd-customer-organizations", 10071),
            writable=False,
        ),
        Field(
            PARTICIPANTS, "Request participants", "people", _custom("array", f"{_DESK}:sd-request-participants", 10072),
            writable=False,
        ),
        Field(APPROVALS, "Approvals", "approvals", _custom("sd-approvals", f"{_DESK}:sd-approvals", 10073), writable=False),
        Field(SLA, "Time to resolution", "sla", _SLA_SCHEMA, ("cf[10060]", "Time to resolution"), writable=False),
    )
}  # fmt: skip


def account_id(handle: str) -> str:
    """The account id of a handle: stable over sites and seeds, in the form that newer Atlassian accounts have."""
    digest = hashlib.sha256(handle.encode()).hexdigest()
    return f"712020:{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"


class Catalog:
    """The registries of one site."""

    PERSON: ClassVar[Sequence[str]] = ("accountId", "id")
    """The names under which a value tells whom it means."""
    account: Callable[[str], str] = staticmethod(account_id)
    """The account id of a handle."""

    def __init__(self, history: History, agent: User) -> None:
        self.agent = agent
        self.users: dict[str, User] = {agent.id: agent}
        for person in history.people.values():
            id_ = self.account(person.handle)
            kind = ACCOUNT_TYPES[person.account_type]
            handle = person.handle.lower()
            self.users[id_] = User(id_, person.name, f"{handle}@example.com", kind, person.active, handle)
        self.projects = [Project("10000", history.project, history.project_name), Project("10001", "OPS", "Operations")]
        self.statuses = {str(id_): Status(str(id_), *status) for id_, status in enumerate(history.statuses, start=10100)}
        # Ids follow the order of creation, the scheme its own order; "Lowest" exists on the site and is not in the scheme.
        self.priorities = {str(id_): name for id_, name in enumerate((*history.priorities, "Lowest"), start=1)}
        self.scheme = [id_ for id_, name in self.priorities.items() if name in history.priorities]
        waits = {name for role in ("pending", "on_hold") for name in history.roles.get(role, ())}
        self.paused = frozenset(status.id for status in self.statuses.values() if status.name in waits)
        self.done = frozenset(status.id for status in self.statuses.values() if status.category == "done")
        self.components = {str(id_): name for id_, name in enumerate(history.components, start=10200)}
        self.options: dict[str, dict[str, str]] = {
            TEAM: {str(id_): name for id_, name in enumerate(history.teams, start=20000)},
            LINE: {str(id_): name for id_, name in enumerate(history.lines, start=30000)},
        }
        self.goals = list(GOALS)
        # The desk's teams once more, as Atlassian teams, as groups, and as the second level below the lines of support.
        uuid5 = {name: str(uuid.uuid5(uuid.NAMESPACE_URL, name)) for name in history.teams}
        self.teams = {id_: name for name, id_ in uuid5.items()}
        self.groups = {str(uuid.uuid5(uuid.NAMESPACE_DNS, name)): name for name in history.teams}
        self.lines = {"40000": "Support"}
        self.accounts = {handle: self.account(handle) for handle in history.people}
        self._tables: dict[str, tuple[str, Mapping[str, str]]] = {
            "status": ("status", {status.name: status.id for status in self.statuses.values()}),
            "priority": ("priority", _reversed(self.priorities)),
            "assignee": ("assignee", self.accounts),
            "component": ("components", _reversed(self.components)),
            "team": (TEAM, _reversed(self.options[TEAM])),
            "line": (LINE, _reversed(self.options[LINE])),
            "labels": ("labels", {}),
            "summary": ("summary", {}),
            "description": ("description", {}),
        }
        people = {user.id: user.name for user in self.users.values()}
        self._names: dict[str, dict[str, str]] = {
            "status": {status.id: status.name for status in self.statuses.values()},
            "priority": self.priorities,
            "assignee": people,
            "reporter": people,
            "creator": people,
            **self.options,
            TEAM_FIELD: self.teams,
            GROUP: self.groups,
            REQUEST_TYPE: REQUEST_TYPES,
            "resolution": dict([RESOLUTION]),
        }

    def stored(self, event: Event) -> dict[str, Value]:
        """The fields that an event sets, by id, as they are stored."""
        found: dict[str, Value] = {}
        for name, value in event.fields.items():
            field, ids = self._tables[name]
            id_ = ids[value] if ids and isinstance(value, str) else value
            found[field] = ((id_,) if isinstance(id_, str) else ()) if field == "components" else id_
        return found

    def meant(self, given: Mapping[str, object]) -> str | None:
        """What a value tells of whom it means."""
        found = next((given[name] for name in self.PERSON if name in given), None)
        return None if found is None else str(found)

    def user_named(self, text: str) -> User | None:
        """The account that a value means."""
        return self.users.get(text)

    def status_named(self, name: str) -> Status | None:
        """The status of this name or id, upper and lower case alike."""
        wanted = name.lower()
        return next((each for each in self.statuses.values() if wanted in {each.name.lower(), each.id}), None)

    def project(self, key: str) -> Project | None:
        """The project of this key or id."""
        return next((each for each in self.projects if key.upper() in {each.key, each.id}), None)

    def assignable(self, account: str) -> bool:
        """Whether issues can be assigned to this account: staff that is active; no programs, no customers."""
        user = self.users.get(account)
        return user is not None and user.active and user.account_type == "atlassian"

    def shown(self, field: Field, value: Value) -> str | None:
        """A stored value of one thing as people see it; None for nothing."""
        if value is None:
            return None
        key = str(value)
        if field.kind == "cascade":
            parent, _, child = key.partition("/")
            below = f"Level 1 values: {self.options[TEAM][child]}({child})" if child else ""
            return f"Parent values: {self.lines[parent]}({parent}){below}"
        names = self._names.get(field.id)
        return names.get(key, key) if names else key


def _reversed(names: Mapping[str, str]) -> dict[str, str]:
    return {name: id_ for id_, name in names.items()}
