"""What an account knows beside its tickets: users, groups, memberships, organizations, statuses, ticket fields.

All of it is fixed when an account is made from a history. Ids are large whole numbers, as the platform's are.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from connectors.sandboxes.history import History, Person
from rules.instants import Instant

AGENT: Final = "hoist.integration"
"""The handle of the service account, an admin."""
SYSTEM: Final = -1
"""The user under whose id business rules act."""

PRIORITIES: Final = ("low", "normal", "high", "urgent")
CATEGORIES: Final = ("new", "open", "pending", "hold", "solved")
STATUS_OF_ROLE: Final[Mapping[str, str]] = {
    "new": "new", "open": "open", "pending": "pending", "on_hold": "hold", "resolved": "solved", "closed": "solved",
}  # fmt: skip
TYPES: Final = ("problem", "incident", "question", "task")
ORGANIZATIONS: Final = ("Northern Depots", "Retail", "Head Office")
ROLES: Final = {"staff": "agent", "app": "agent", "customer": "end-user"}

LINE: Final = 22_411_000_000_101
SERVICE: Final = 22_411_000_000_102
FORM: Final = 22_411_000_000_200
BRAND: Final = 22_411_000_000_300
AGREEMENT: Final = 22_411_000_000_400
"""The one agreement to share tickets with another account."""


class User(NamedTuple):
    id: int
    handle: str
    name: str
    email: str
    role: str  # admin, agent, end-user
    active: bool
    organization: int | None
    default_group: int | None
    at: Instant = 0  # of the last change; none since the account was made for 0


class Group(NamedTuple):
    id: int
    name: str


class Membership(NamedTuple):
    id: int
    user: int
    group: int
    default: bool


class CustomStatus(NamedTuple):
    id: int
    label: str
    category: str
    default: bool


@cache
def user_id(handle: str) -> int:
    """The id of a handle: stable over accounts and seeds."""
    return 36_000_000_000_000 + int(hashlib.sha256(handle.encode()).hexdigest()[:12], 16) % 10**12


def email(handle: str) -> str:
    """The address of a handle."""
    return handle.lower() if "@" in handle else f"{handle.lower()}@example.com"


def role_of(history: History, status: str) -> str:
    """The word of hoist's configuration under which the history sorts a status."""
    return next((role for role, names in history.roles.items() if status in names), "open")


class Catalog:
    """The registries of one account. `made` is when it was created."""

    def __init__(self, history: History, made: Instant) -> None:
        self.made = made
        names = tuple(history.teams) or tuple(history.lines)
        self.groups = {id_: Group(id_, name) for id_, name in enumerate(names, start=24_811_000_000_001)}
        self.group_ids = {group.name: group.id for group in self.groups.values()}
        self.organizations = dict(enumerate(ORGANIZATIONS, start=25_311_000_000_001))
        self.memberships = self._memberships(history)
        self.members: dict[int, set[int]] = defaultdict(set)
        self._defaults: dict[int, int] = {}
        for each in self.memberships:
            self.members[each.group].add(each.user)
            if each.default:
                self._defaults[each.user] = each.group
        self.users: dict[int, User] = {}
        for person in (Person(AGENT, "hoist integration"), *history.people.values()):
            user = self._user(person)
            self.users[user.id] = user
        self.by_email = {user.email: user for user in self.users.values()}
        self.statuses = self._statuses(history)
        self.defaults = {each.category: each.id for each in self.statuses.values() if each.default}
        self.status_ids = {each.label: each.id for each in self.statuses.values()}
        self.lines = {_tag(name): name for name in history.lines}
        self.line_tags = {name: tag for tag, name in self.lines.items()}

    @property
    def agent(self) -> User:
        """The service account."""
        return self.users[user_id(AGENT)]

    def put_user(self, user: User) -> None:
        """Take a user in, or a changed one."""
        self.users[user.id] = user
        if user.email:
            self.by_email[user.email] = user

    def assignable(self, user: int) -> bool:
        """Whether tickets can be given to this user."""
        known = self.users.get(user)
        return known is not None and known.role != "end-user" and known.active

    def is_agent(self, user: int) -> bool:
        """Whether what a user says comes from the desk's side."""
        return user == SYSTEM or (user in self.users and self.users[user].role != "end-user")

    def _user(self, person: Person) -> User:
        id_ = user_id(person.handle)
        role = "admin" if person.handle == AGENT else ROLES[person.account_type]
        organizations = list(self.organizations)
        place = organizations[zlib.crc32(person.handle.encode()) % len(organizations)]
        organization = place if role == "end-user" else None
        default = self._defaults.get(id_)
        return User(id_, person.handle, person.name, email(person.handle), role, person.active, organization, default)

    def _memberships(self, history: History) -> list[Membership]:
        """Who ever owned a ticket of a group belongs to it, most of all to the one where that was so most often."""
        seen: dict[str, Counter[str]] = defaultdict(Counter)
        team_of: dict[str, str] = {}
        first = next(iter(self.group_ids), "")
        for event in history.events:
            team = event.fields.get("team") or (event.fields.get("line") if not history.teams else None)
            if isinstance(team, str):
                team_of[event.issue] = team
            owner = event.fields.get("assignee")
            if isinstance(owner, str):
                seen[owner][team_of.get(event.issue, first)] += 1
        staff = [each.handle for each in history.people.values() if each.account_type == "staff"]
        found: list[Membership] = []
        for handle in [AGENT, *staff]:
            names = [name for name, _ in seen[handle].most_common() if name in self.group_ids] or ([first] if first else [])
            for place, name in enumerate(names):
                id_ = 26_511_000_000_001 + len(found)
                found.append(Membership(id_, user_id(handle), self.group_ids[name], default=not place))
        return found

    def _statuses(self, history: History) -> dict[int, CustomStatus]:
        """A custom status for each of the history's, and one for every category that it has none of."""
        wanted = [(each.name, STATUS_OF_ROLE[role_of(history, each.name)]) for each in history.statuses]
        there = {category for _, category in wanted}
        wanted += [(f"{category.title()} (standard)", category) for category in CATEGORIES if category not in there]
        found: dict[int, CustomStatus] = {}
        begun: set[str] = set()
        for id_, (label, category) in enumerate(wanted, start=27_611_000_000_001):
            found[id_] = CustomStatus(id_, label, category, category not in begun)
            begun.add(category)
        return found


def _tag(name: str) -> str:
    """The tag that stands for a choice of a drop-down field."""
    return "line_" + "".join(sign if sign.isalnum() else "_" for sign in name.lower())


def by_urgency(history: History) -> Sequence[str]:
    """The account's words for the history's priorities, the most urgent first; further ones share the last."""
    return PRIORITIES[::-1][: len(history.priorities)]
