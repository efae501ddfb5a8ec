"""What is true of a whole instance: who hoist is there, which one it is, its states, priorities, groups and people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from threading import RLock
from typing import Final
from urllib.parse import urlsplit

from connectors.contract import Identity
from connectors.errors import AskAdmin
from connectors.judging import as_it_is
from connectors.servicenow import choices, wire
from connectors.servicenow.client import Query, ServiceNowClient
from connectors.servicenow.mapping import Instance, User
from connectors.servicenow.moves import native_status
from connectors.servicenow.priorities import Lookup, lookup_of
from connectors.servicenow.settings import REQUESTERS, ServiceNowSettings
from connectors.servicenow.states import States
from connectors.servicenow.wire import Row
from rules.ticket import Value
from rules.world import Directory, Person

_USER: Final = (
    "sys_id", "user_name", "name", "email", "active", "manager", "web_service_access_only", "internal_integration_user",
)  # fmt: skip
_MEMBER: Final = (
    "sys_id", "group", "user", "user.user_name", "user.name", "user.email", "user.active", "user.manager",
)  # fmt: skip
_LOOKUP: Final = ("impact", "urgency", "priority", "active", "order")
_HOSTED: Final = ".service-now.com"
IDS_AT_ONCE: Final = 40
"""sys_ids in one condition: 32 characters each, so that an address stays below 2,048."""
_NAMES_AT_ONCE: Final = 40
_MOST_TABLES_KNOWN: Final = 20_000
_LONGEST_LINE: Final = 8


class InstanceFacts:
    """Read when first needed and kept; `forget` has them read again. Safe to use from several threads."""

    def __init__(self, source: str, client: ServiceNowClient, settings: ServiceNowSettings) -> None:
        self._source, self._client, self._settings = source, client, settings
        self._lock = RLock()
        self._own: User | None = None
        self._instance: Instance | None = None
        self._lookup: Lookup | None = None
        self._choices: list[Row] = []
        self._lineage: dict[str, tuple[str, ...]] = {}
        self._users: dict[str, User] = {}
        self._people: dict[str, Person] = {}
        self._groups: dict[str, str] = {}
        self._group_names: dict[str, str] = {}  # of those that were active once, too
        self._tables: dict[str, str] = {}
        self._other_account = ""

    # --- who and where --------------------------------------------------------------------------------------------------

    def identify(self) -> Identity:
        """Who the credential belongs to, and which instance this is.

        The Table API has no question for the caller's own account. The instance evaluates gs.getUserID() in a condition; where it
        does not, the user of the settings is taken at their word until the first write names who wrote. Raises AskAdmin.
        """
        name = self._settings.username
        where = f"user_name={name}^ORsys_id=javascript:gs.getUserID()"
        found = self._client.find(Query("sys_user", where, _USER, limit=5))
        users = {wire.text(row, "user_name").casefold(): user_of(row) for row in found.rows}
        own = users.get(name.casefold())
        if own is None and len(users) == 1:
            (other,) = users
            raise AskAdmin(f"{self._source}: the credential belongs to {other}, and there is no user {name}; correct username")
        if own is None or not own.id:
            raise AskAdmin(
                f"{self._source}: the instance shows no user {name}; correct username, or let hoist's account read sys_user"
            )
        others = sorted(set(users) - {name.casefold()})
        if len(others) == 1:
            raise AskAdmin(f"{self._source}: the credential belongs to {others[0]}, not to {name}; correct username or auth")
        with self._lock:
            if self._own is not None and self._own.id != own.id:
                raise AskAdmin(f"{self._source}: {name} is another account than before; start hoist again if that is meant")
            self._own = own
        return Identity(own.id, own.name or own.user_name, self._which_instance(), found.server_time)

    def _which_instance(self) -> str:
        """What the instance calls itself; the host of its address where that may not be read. Raises AskAdmin for a clone."""
        rows = self._client.find_if_allowed(Query("sys_properties", "name=instance_name", ("name", "value"), limit=5))
        named = next((wire.text(row, "value") for row in rows or () if wire.text(row, "name") == "instance_name"), "")
        host = urlsplit(self._settings.url).hostname or ""
        wanted = self._settings.instance or (host.removesuffix(_HOSTED) if host.endswith(_HOSTED) else "")
        if named and wanted and named.casefold() != wanted.casefold():
            raise AskAdmin(
                f"{self._source}: the instance calls itself {named}, not {wanted}: this is a clone or another one, and hoist "
                f"keeps away from it; correct url or instance"
            )
        if not named and self._settings.instance:
            raise AskAdmin(
                f"{self._source}: the instance does not say what it is called; let hoist's account read sys_properties, or take "
                f"out `instance`"
            )
        return named or host

    def instance(self) -> Instance:
        """What rows are mapped with."""
        with self._lock:
            if self._instance is None:
                if self._own is None:
                    self.identify()
                self._choices = self._read_choices()
                self._instance = Instance(
                    source=self._source,
                    url=self._settings.url,
                    own=self._own or User("", self._settings.username),
                    states=self._states(),
                    requesters={table: self._requester_of(table) for table in self._settings.tables},
                    columns=self._settings.columns,
                    providers=self._settings.providers,
                    automation=frozenset(self._settings.automation_accounts),
                )
            return self._instance

    def forget(self) -> None:
        """Have the instance's facts read again at their next use; people who are gone by then are not known any more."""
        with self._lock:
            self._instance = self._lookup = None
            self._users.clear()

    def wrote_as(self, name: str) -> None:
        """Note under which account a write went through, as the row names it."""
        if name and name != self.instance().own.user_name:
            self._other_account = name

    def check_account(self) -> None:
        """Raises AskAdmin where writes go through under another account: hoist would not find its own marker."""
        if self._other_account:
            raise AskAdmin(
                f"{self._source}: what hoist writes is written as {self._other_account}, not as {self._settings.username}; "
                f"correct username or auth, and start hoist again"
            )

    # --- choices --------------------------------------------------------------------------------------------------------

    def _read_choices(self) -> list[Row]:
        self._lineage = {table: self._line_of(table) for table in self._settings.tables}
        names = ",".join(dict.fromkeys(name for line in self._lineage.values() for name in line))
        where = f"nameIN{names}^elementIN{','.join(choices.ELEMENTS)}^ORDERBYsequence"
        return self._client.find_if_allowed(Query("sys_choice", where, choices.COLUMNS, limit=1_000)) or []

    def _line_of(self, table: str) -> tuple[str, ...]:
        """The table and those that it extends; asked of the instance for a table that is its own."""
        found: list[str] = []
        name = table
        while name and len(found) < _LONGEST_LINE:
            if known := choices.well_known(name):
                return (*found, *known)
            found.append(name)
            rows = (
                self._client.find_if_allowed(Query("sys_db_object", f"name={name}", ("name", "super_class.name"), limit=2)) or ()
            )
            own = (row for row in rows if wire.text(row, "name") == name)
            name = next((wire.text(row, "super_class.name") for row in own), "")
        return (*found, "task")

    def requester_of(self, table: str) -> str:
        """The column that names a table's requester: as configured, as the base system has it, or opened_by."""
        return self.instance().requesters.get(table, "opened_by")

    def _requester_of(self, table: str) -> str:
        base = (REQUESTERS[name] for name in self._lineage[table] if name in REQUESTERS)
        return self._settings.requesters.get(table) or next(base, "opened_by")

    def _labels(self, table: str, element: str, *, retired: bool = False) -> dict[str, str]:
        return choices.labels(self._choices, self._lineage[table], element, retired=retired)

    def _states(self) -> States:
        holds: dict[str, str] = {}
        for table in self._settings.tables:
            holds = self._labels(table, "hold_reason", retired=True) | holds
        return States(
            labels={table: self._labels(table, "state", retired=True) for table in self._settings.tables},
            hold_labels=holds,
            by_name=self._settings.statuses.by_name(),
            holds=self._settings.hold_reasons.by_name(),
            lineage=self._lineage,
        )

    def lookup(self) -> Lookup:
        """How the instance derives a priority from impact and urgency."""
        with self._lock:
            if self._lookup is None:
                rows = self._client.find_if_allowed(Query("dl_u_priority", "ORDERBYorder", _LOOKUP, limit=1_000))
                self._lookup = lookup_of(rows or ())
            return self._lookup

    def priorities(self) -> dict[str, str]:
        """The most urgent first: in the order of the choice list."""
        self.instance()
        found: dict[str, str] = {}
        for table in self._settings.tables:
            found |= {value: label for value, label in self._labels(table, "priority").items() if value not in found}
        return found

    # --- people and groups ----------------------------------------------------------------------------------------------

    def users(self, names: Iterable[str]) -> Mapping[str, User]:
        """The accounts of these user names, as far as the instance shows them."""
        with self._lock:
            unknown = sorted({name for name in names if name and name not in self._users and _can_be_asked_for(name)})
            for start in range(0, len(unknown), _NAMES_AT_ONCE):
                some = unknown[start : start + _NAMES_AT_ONCE]
                where = f"user_nameIN{','.join(some)}"
                found = {user.user_name: user for user in map(user_of, self._client.find_all(Query("sys_user", where, _USER)))}
                self._users |= {name: found.get(name) or User(name, name) for name in some}
            return self._users

    def saw(self, rows: Sequence[Row]) -> None:
        """Remember the table of each row that passes, and who holds it."""
        if len(self._tables) > _MOST_TABLES_KNOWN:
            self._tables.clear()
        for row in rows:
            self._tables[wire.text(row, "sys_id")] = wire.text(row, "sys_class_name")
            if (id_ := wire.text(row, "assigned_to")) and id_ not in self._people:
                self._people[id_] = Person(id_, wire.label(row, "assigned_to"))

    def table_of(self, id_: str) -> str:
        """The table of a ticket that was seen before; empty for any other."""
        return self._tables.get(id_, "")

    def group(self, id_: str) -> str | None:
        """The name of an active group; None where there is none with that sys_id."""
        if id_ not in self._groups and wire.SYS_ID.fullmatch(id_):
            rows = self._client.find_all(Query("sys_user_group", f"sys_id={id_}", ("sys_id", "name", "active"), limit=2))
            for row in rows:
                self._group_names[wire.text(row, "sys_id")] = wire.text(row, "name")
                if wire.text(row, "active") != "false":
                    self._groups[wire.text(row, "sys_id")] = wire.text(row, "name")
        return self._groups.get(id_)

    def has_person(self, id_: str) -> bool:
        """Whether there is an active account with that sys_id."""
        known = self._people.get(id_)
        if known is not None and known.email:  # of those met on tickets alone it is not known whether they are active
            return known.active
        found = self._by_id([id_]).get(id_)
        if found is not None:
            self._people[id_] = _person(found)
        return found is not None and found.active

    def called(self, field: str, value: Value) -> str:
        """What people call a value of a field, as far as that was read already; a value that nobody knows is shown as it is."""
        with self._lock:
            known: Mapping[str, str] = {}
            if field == "team":
                known = self._group_names
            elif field == "assignee":
                known = {id_: person.name for id_, person in self._people.items() if id_ == value}
            elif field == "priority":
                known = self.priorities()
            return known.get(str(value)) or as_it_is(field, value)

    def directory(self) -> Directory:
        """Groups with their members, priorities, states, people and whom they report to, read now."""
        self.forget()
        instance, priorities = self.instance(), self.priorities()
        groups = self._client.find_all(
            Query("sys_user_group", "active=true^ORDERBYsys_id", ("sys_id", "name", "manager", "active"), 1_000)
        )
        teams = {wire.text(row, "sys_id"): wire.text(row, "name") for row in groups if wire.text(row, "active") != "false"}
        users, members = self._members(teams)
        managers = {user.id: user.manager for user in users.values() if user.manager}
        leads = {lead for row in groups if (lead := wire.text(row, "manager"))}
        users |= self._by_id(({*managers.values(), *leads} | self._people.keys()) - users.keys())
        with self._lock:
            self._groups = dict(teams)
            self._group_names |= teams
            people = self._people | {user.id: _person(user) for user in users.values()}
        statuses = {
            str(native_status(table, value)): label
            for table, labels in instance.states.labels.items()
            for value, label in labels.items()
        }
        shape = (sorted(teams.items()), list(priorities.items()), sorted(statuses.items()), sorted(managers.items()))
        belongs = sorted((team, sorted(each)) for team, each in (members or {}).items())
        version = hashlib.sha256(repr((shape, belongs)).encode()).hexdigest()[:16]
        labels = self._tags()
        version = f"{version}{hashlib.sha256(repr(sorted(labels)).encode()).hexdigest()[:8]}" if labels else version
        return Directory(teams, priorities, statuses, people, version, managers=managers, members=members, labels=labels)

    def _tags(self) -> frozenset[str] | None:
        """The names of the tags that everyone sees; None where hoist writes none, or may not know."""
        query = Query("label", "active=true^viewable_by=everyone^ORDERBYsys_id", ("sys_id", "name"), limit=1_000)
        rows = self._client.find_if_allowed(query) if self._settings.tags else None
        return None if rows is None else frozenset(filter(None, (wire.text(row, "name") for row in rows)))

    def _members(self, teams: Mapping[str, str]) -> tuple[dict[str, User], dict[str, frozenset[str]] | None]:
        """Everybody who is in a group, and who is in which; None where hoist may not know."""
        rows = self._client.find_if_allowed(Query("sys_user_grmember", "ORDERBYsys_id", _MEMBER, limit=2_000))
        if rows is None:
            return {}, None
        users: dict[str, User] = {}
        members: dict[str, set[str]] = {team: set() for team in teams}
        for row in rows:
            id_, group = wire.text(row, "user"), wire.text(row, "group")
            if not id_ or wire.text(row, "user.active") == "false":
                continue
            users[id_] = User(
                id_,
                wire.text(row, "user.user_name"),
                wire.text(row, "user.name"),
                wire.text(row, "user.email"),
                manager=wire.text(row, "user.manager"),
            )
            if group in members:
                members[group].add(id_)
        return users, {team: frozenset(ids) for team, ids in members.items()}

    def _by_id(self, ids: Iterable[str]) -> dict[str, User]:
        found: dict[str, User] = {}
        wanted = sorted(id_ for id_ in ids if wire.SYS_ID.fullmatch(id_))
        for start in range(0, len(wanted), IDS_AT_ONCE):
            some = wanted[start : start + IDS_AT_ONCE]
            rows = self._client.find_all(Query("sys_user", f"sys_idIN{','.join(some)}", _USER))
            found |= {user.id: user for user in map(user_of, rows) if user.id in some}
        return found


def user_of(row: Row) -> User:
    """The account that a row of sys_user tells of."""
    return User(
        id=wire.text(row, "sys_id"),
        user_name=wire.text(row, "user_name"),
        name=wire.text(row, "name"),
        email=wire.text(row, "email"),
        active=wire.text(row, "active") != "false",
        manager=wire.text(row, "manager"),
        program=wire.is_true(row, "web_service_access_only") or wire.is_true(row, "internal_integration_user"),
    )


def _person(user: User) -> Person:
    return Person(user.id, user.name or user.user_name, user.active, user.email)


def _can_be_asked_for(name: str) -> bool:
    """Whether a user name may stand in a list of a query, which knows no way to quote."""
    return not set(name) & set("^,\n") and not name.casefold().startswith("javascript:")
