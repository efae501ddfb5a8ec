"""Tickets with their audits, and the order in which the incremental exports tell them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from rules.instants import DAY, SECOND, Instant

Value = str | int | bool | tuple[str, ...] | None
"""A field's stored value; the fields of an organization's own stand under their ids."""

ARCHIVED_AFTER: Final = 120 * DAY
FIRST_ID: Final = 31_911_000_000_001


class Via(NamedTuple):
    """How something came about: `rule` with the trigger or automation that did it, or a channel of people."""

    channel: str
    rel: str | None = None
    rule: int | None = None
    title: str | None = None


WEB: Final = Via("web")
API: Final = Via("api")


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event of an audit; `via` where it is not the audit's own."""

    id: int
    kind: str
    facts: Mapping[str, Any]
    via: Via | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    audit: int
    author: int
    body: str
    public: bool
    at: Instant
    via: Via


@dataclass(frozen=True, slots=True)
class Audit:
    id: int
    ticket: int
    at: Instant
    author: int
    via: Via
    custom: Mapping[str, object]
    events: tuple[AuditEvent, ...]


@dataclass(slots=True)
class Ticket:
    """One ticket. `generated` is in seconds: the stream's own stamp, which every change moves."""

    id: int
    created: Instant
    updated: Instant
    via: Via
    values: dict[str, Value]
    audits: list[Audit] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    statuses: list[tuple[Instant, str]] = field(default_factory=list)
    generated: int = 0
    public: bool = True  # what a comment without `public` is
    deleted: Instant | None = None
    deleted_by: int = 0
    scrubbed: bool = False
    incidents: set[int] = field(default_factory=set)
    followup_of: int | None = None
    followups: list[int] = field(default_factory=list)
    revision: int = 0

    @property
    def status(self) -> str:
        return str(self.values["status"])

    @property
    def tags(self) -> tuple[str, ...]:
        tags = self.values["tags"]
        return tags if isinstance(tags, tuple) else ()

    def number(self, name: str) -> int | None:
        """The value of a field that holds an id."""
        value = self.values.get(name)
        return value if isinstance(value, int) else None

    def archived(self, now: Instant) -> bool:
        """Whether it has been closed for so long that it was moved out of the way."""
        return self.status == "closed" and self.statuses[-1][0] + ARCHIVED_AFTER <= now


class Tickets:
    """All tickets of an account, deleted ones included."""

    def __init__(self) -> None:
        self.by_id: dict[int, Ticket] = {}
        self.audits: list[Audit] = []
        self._stream: list[tuple[int, int]] = []
        self._next = FIRST_ID

    def __iter__(self) -> Iterator[Ticket]:
        """Those that are not deleted, in the order of their ids."""
        return (ticket for ticket in self.by_id.values() if ticket.deleted is None)

    def next_id(self) -> int:
        """An id for an audit, an event or a comment."""
        self._next += 1
        return self._next

    def find(self, id_: int) -> Ticket | None:
        """A ticket that is there."""
        found = self.by_id.get(id_)
        return found if found is not None and found.deleted is None else None

    def add(self, ticket: Ticket) -> None:
        """Take a new ticket in."""
        self.by_id[ticket.id] = ticket

    def touch(self, ticket: Ticket, at: Instant) -> None:
        """Something about a ticket changed: it moves to the end of the stream."""
        if ticket.generated:
            del self._stream[bisect_left(self._stream, (ticket.generated, ticket.id))]
        ticket.generated = max(at // SECOND, ticket.generated)
        ticket.revision += 1
        insort(self._stream, (ticket.generated, ticket.id))

    def stream(self, after: tuple[int, int], until: int, most: int) -> list[Ticket]:
        """At most so many tickets behind a place (second, id) of the stream, up to a second."""
        start = bisect_left(self._stream, (after[0], after[1] + 1))
        end = bisect_left(self._stream, (until + 1, 0))
        return [self.by_id[id_] for _, id_ in self._stream[start : min(end, start + most)]]

    def ends_before(self, after: tuple[int, int], until: int) -> bool:
        """Whether the stream has nothing more behind a place, up to a second."""
        start = bisect_left(self._stream, (after[0], after[1] + 1))
        return start >= bisect_left(self._stream, (until + 1, 0))
