"""What happened on a service desk, in its own words: people, statuses, teams, and dated events that a site replays.

Names stand here, ids are the site's. An event is absolute: it sets the fields it names to the values it gives, whatever was
there before, as a person would. The first event of an issue is its creation.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from connectors.event_logs.shape import Category
from rules.instants import Instant

AccountType = Literal["staff", "app", "customer"]
"""Staff, programs and requesters; only the first can be assigned."""

EventField = Literal["status", "team", "line", "priority", "assignee", "component", "labels", "summary", "description"]
"""What an event can set. Values are names; `labels` is a tuple; None empties."""

EventValue = str | tuple[str, ...] | None

ROLES: Final = ("new", "open", "pending", "on_hold", "resolved", "closed")
"""The words of hoist's configuration that the statuses of a site are sorted under."""


class Person(NamedTuple):
    handle: str  # how events name this account
    name: str
    account_type: AccountType = "staff"
    active: bool = True


class Status(NamedTuple):
    name: str
    category: Category


class Note(NamedTuple):
    """A comment; `public` means that the requester can read it."""

    text: str
    public: bool


class Event(NamedTuple):
    at: Instant
    issue: str  # the history's own name of the issue; the site gives it an id and a key
    author: str  # handle
    fields: Mapping[str, EventValue]
    note: Note | None = None


@dataclass(frozen=True)
class History:
    """One project's past and, beyond the site's clock, its future.

    `events` are ordered by time, those of one instant in the order of the log. `priorities` are the project's scheme, the most
    urgent first. `roles` sorts the status names under the words of hoist's configuration.
    """

    project: str  # key
    project_name: str
    people: Mapping[str, Person]
    statuses: Sequence[Status]
    priorities: Sequence[str]
    teams: Sequence[str]
    lines: Sequence[str]
    components: Sequence[str]
    roles: Mapping[str, Sequence[str]]
    events: Sequence[Event]
    _instants: Sequence[Instant] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_instants", [event.at for event in self.events])

    def position(self, at: Instant) -> int:
        """How many events lie at or before the instant."""
        return bisect_right(self._instants, at)

    def next_event(self, after: Instant) -> Instant | None:
        """The instant of the first event later than `after`; None where there is no more."""
        position = self.position(after)
        return self._instants[position] if position < len(self._instants) else None
