"""What is true of a whole account: who hoist is there, its groups and agents, brands, forms, statuses and priorities."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import RLock
from typing import Final
from urllib.parse import urlsplit

from connectors.contract import Identity
from connectors.errors import AskAdmin
from connectors.zendesk import wire
from connectors.zendesk.auth import API_TOKENS_END
from connectors.zendesk.client import AT_ONCE, ZendeskClient
from connectors.zendesk.history import STATUSES, Account, CustomStatus, User
from connectors.zendesk.settings import ApiToken, ZendeskSettings
from connectors.zendesk.wire import Row
from rules.ticket import NATIVE
from rules.world import Directory, Person

PRIORITIES: Final = ("urgent", "high", "normal", "low")
STAFF: Final = frozenset({"agent", "admin"})
_MEMBERS_KEPT: Final = 300.0
"""Seconds for which hoist relies on what it was told of who is in which group."""
_MOST_KNOWN: Final = 5_000
_PRIORITY_FIELDS: Final = frozenset({"priority", "basic_priority"})


class AccountFacts:
    """Read when first needed and kept; `forget` has them read again. Safe to use from several threads."""

    def __init__(self, source: str, client: ZendeskClient, settings: ZendeskSettings, monotonic: Callable[[], float]) -> None:
        self._source, self._client, self._settings = source, client, settings
        self._monotonic = monotonic
        self._lock = RLock()
        self._own: User | None = None
        self._account: Account | None = None
        self._users: dict[str, User] = {}
        self._organizations: dict[str, str] = {}
        self._groups: dict[str, str] = {}
        self._members: dict[str, frozenset[str]] | None = None
        self._members_at = float("-inf")
        self._priorities: tuple[str, ...] | None = None

    # --- who and where ------------------------------------------------------------------------------------------------------

    def identify(self) -> Identity:
        """Who the credential belongs to. Raises AskAdmin where that is nobody, or no agent."""
        row, server_time = self._client.me()
        own = user_of(row)
        if not own.id or own.role not in STAFF:
            who = f"{own.name or own.id}, who is no agent" if own.id else "an anonymous user"
            raise AskAdmin(f"{self._source}: the credential belongs to {who}: it is wrong or has expired; renew it")
        with self._lock:
            if self._own is not None and self._own.id != own.id:
                raise AskAdmin(
                    f"{self._source}: the credential belongs to another account than before ({own.name}); start hoist again if "
                    f"that is meant"
                )
            self._own = own
        advice = (f"{self._source}: {API_TOKENS_END}",) if isinstance(self._settings.auth, ApiToken) else ()
        host = urlsplit(self._settings.url).hostname or ""
        return Identity(own.id, own.name or own.email, host, server_time, advice)

    @property
    def own(self) -> User:
        """hoist's own user."""
        if self._own is None:
            self.identify()
        return self._own or User("")

    # --- what tickets are read with -----------------------------------------------------------------------------------------

    def account(self) -> Account:
        """What rows are mapped with."""
        with self._lock:
            if self._account is None:
                self._account = Account(
                    source=self._source,
                    url=self._settings.url,
                    own=self.own.id,
                    statuses={each.id: each for each in map(_status, self._found("custom_statuses")) if each.id},
                    names={
                        "brand_id": _names(self._found("brands")),
                        "ticket_form_id": _names(self._found("ticket_forms")),
                        "organization_id": self._organizations,
                    },
                    fields=self._fields(),
                    automation=self._automation(),
                )
            return self._account

    def _found(self, path: str) -> list[Row]:
        """A list that not every plan or role has."""
        return self._client.all_if_allowed(path, path) or []

    def _fields(self) -> dict[str, str]:
        named = {str(number): f"{NATIVE}{name}" for name, number in self._settings.fields.items()}
        service = self._settings.service_field
        return named if service is None else named | {str(service): "service"}

    def number_of(self, name: str) -> str:
        """The number of the custom field that rules call so; empty where there is none."""
        return next((number for number, called in self._fields().items() if called == name), "")

    def _automation(self) -> frozenset[str]:
        wanted = {each.casefold() for each in self._settings.automation_accounts}
        return frozenset(user.id for user in self.agents() if user.email.casefold() in wanted) if wanted else frozenset()

    def forget(self) -> None:
        """Have the account's facts read again at their next use."""
        with self._lock:
            self._account = self._priorities = self._members = None
            self._users.clear()
            self._organizations.clear()

    # --- people -------------------------------------------------------------------------------------------------------------

    def note(self, whole: Row) -> None:
        """Remember people and organizations that came beside a list of tickets."""
        with self._lock:
            if len(self._users) + len(self._organizations) > _MOST_KNOWN:
                self._users.clear()
                self._organizations.clear()
            self._users |= {user.id: user for user in map(user_of, wire.beside(whole, "users"))}
            self._organizations.update(_names(wire.beside(whole, "organizations")))

    def users(self, ids: Iterable[str | None]) -> Mapping[str, User]:
        """The accounts of these ids, as far as Zendesk shows them."""
        with self._lock:
            unknown = sorted({id_ for id_ in ids if id_ and id_ not in self._users and wire.ID.fullmatch(id_)})
            for start in range(0, len(unknown), AT_ONCE):
                some = unknown[start : start + AT_ONCE]
                found = {user.id: user for user in map(user_of, self._client.users(some))}
                self._users |= {id_: found.get(id_) or User(id_) for id_ in some}
            return self._users

    def name_organizations(self, ids: Iterable[str | None]) -> None:
        """Learn what organizations are called that came beside no list."""
        with self._lock:
            unknown = sorted({id_ for id_ in ids if id_ and id_ not in self._organizations and wire.ID.fullmatch(id_)})
            for start in range(0, len(unknown), AT_ONCE):
                some = unknown[start : start + AT_ONCE]
                found = _names(self._client.organizations(some))
                self._organizations.update({id_: found.get(id_, "") for id_ in some})

    def agents(self) -> list[User]:
        """Everybody on the staff, read now."""
        rows = [row for role in sorted(STAFF) for row in self._client.all_of("users", "users", {"role": role})]
        return list({user.id: user for user in map(user_of, rows) if user.role in STAFF}.values())

    # --- groups and priorities ----------------------------------------------------------------------------------------------

    def group(self, id_: str) -> str | None:
        """The name of a group; None where there is none of that id."""
        with self._lock:
            if id_ not in self._groups:
                self._groups = self._read_groups()
            return self._groups.get(id_)

    def belongs(self, user: str, group: str) -> bool:
        """Whether an agent can be assigned tickets of a group."""
        with self._lock:
            if self._members is None or self._monotonic() - self._members_at > _MEMBERS_KEPT:
                self._members = self._read_members()
            return user in self._members.get(group, ())

    def priorities(self) -> Sequence[str]:
        """Those that the account uses, the most urgent first: some show only two of the four."""
        with self._lock:
            if self._priorities is None:
                rows = self._client.all_if_allowed("ticket_fields", "ticket_fields") or []
                options = [each for row in rows if row.get("type") in _PRIORITY_FIELDS for each in _options(row)]
                self._priorities = tuple(each for each in PRIORITIES if each in options) or PRIORITIES
            return self._priorities

    def _read_groups(self) -> dict[str, str]:
        rows = self._client.all_of("groups", "groups")
        return {wire.text(row, "id"): wire.text(row, "name") for row in rows if row.get("deleted") is not True}

    def _read_members(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for row in self._client.all_of("group_memberships/assignable", "group_memberships"):
            found.setdefault(wire.text(row, "group_id"), set()).add(wire.text(row, "user_id"))
        self._members_at = self._monotonic()
        return {group: frozenset(users) for group, users in found.items()}

    def directory(self) -> Directory:
        """Groups with those who can be assigned their tickets, priorities, statuses and agents, read now."""
        self.forget()
        groups, members, agents, account = self._read_groups(), self._read_members(), self.agents(), self.account()
        with self._lock:
            self._groups, self._members = groups, members
            self._users |= {user.id: user for user in agents}
        people = {user.id: Person(user.id, user.name, user.active, user.email) for user in agents}
        statuses = {id_: each.label for id_, each in account.statuses.items()} or {name: name for name in STATUSES}
        priorities = {name: name for name in self.priorities()}
        belonging = {group: members.get(group, frozenset()) & people.keys() for group in groups}
        shape = (sorted(groups.items()), list(priorities), sorted(statuses.items()))
        version = hashlib.sha256(repr((shape, sorted((g, sorted(m)) for g, m in belonging.items()))).encode()).hexdigest()[:16]
        return Directory(groups, priorities, statuses, people, version, members=belonging)


def user_of(row: Row) -> User:
    """The account that a user's row tells of; a suspended one is not active."""
    active = row.get("active") is not False and row.get("suspended") is not True
    return User(wire.text(row, "id"), wire.text(row, "name"), wire.text(row, "email"), wire.text(row, "role"), active)


def _status(row: Row) -> CustomStatus:
    return CustomStatus(
        wire.text(row, "id"), wire.text(row, "agent_label") or wire.text(row, "id"), wire.text(row, "status_category")
    )


def _names(rows: Iterable[Row]) -> dict[str, str]:
    return {wire.text(row, "id"): wire.text(row, "name") for row in rows}


def _options(row: Row) -> list[str]:
    return [wire.text(each, "value") for each in wire.beside(row, "system_field_options")]
