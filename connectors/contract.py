"""What a connector must do. Everything a platform is peculiar about stays behind this page.

A connector is handed its settings, a source name and an HTTP session factory; it keeps no state between calls beyond caches.
Times are Instants on the source's clock (`server_time` comes from its Date headers, rounded down to their resolution).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol, runtime_checkable

from rules.escalation import Operation, OperationKind
from rules.instants import Instant
from rules.ticket import Ticket
from rules.world import Directory


class Guard(StrEnum):
    """What becomes of a person's change made between hoist's read and hoist's write."""

    REFUSED = "refused by the platform"
    PUT_BACK = "detected and put back"
    NOT_DETECTABLE = "not detectable"


class Once(StrEnum):
    """What keeps an operation from taking effect twice."""

    VERSION = "the version that was read, which the platform compares"
    MARKER = "hoist's marker, looked for before a second try"
    UPSERT = "a key of its own in the platform"


@dataclass(frozen=True, slots=True)
class Promise:
    """What a connector can promise of one kind of operation, in the words of `docs/guarantees.md`.

    `found_out`: where an outcome is found out whose answer was lost, after the request's longest life.
    """

    guard: Guard
    once: Once
    found_out: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the platform can do and promise, as data; a rulebook that asks for more is refused when loaded.

    `together`: fields and comment of an escalation leave as one operation, of the kind of fields, which the platform carries out
    as a whole or not at all.
    """

    platform: str  # jira, servicenow, zendesk
    # of team, assignee, priority, labels, remove_labels, comment, native (fields of its own), restriction
    writes: frozenset[str]
    reads: frozenset[str]  # fields that its tickets carry: of rules.ticket.FIELDS, and of PREFIXES where it reads any such field
    promises: Mapping[OperationKind, Promise]
    request_life_seconds: float  # after which a request whose answer was lost can no longer take effect
    date_resolution: int = 1_000  # milliseconds by which a Date header may lag the instant it names
    shows_after: int = 0  # milliseconds that a change is old at least when `changed` tells it
    together: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """Who hoist is in the source, and which instance this is. `advice`: what works today and will not for ever, as sentences."""

    account: str  # the platform's stable id of hoist's account
    account_name: str
    instance: str  # stable id or address of the instance; compared before any write
    server_time: Instant
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A ticket that could not be mapped: its raw form is kept, the page goes on."""

    id: str
    key: str
    reason: str
    raw: str  # JSON text as received, secrets never are in it


@dataclass(frozen=True, slots=True)
class Mark:
    """What the last write of a hoist, whichever one, has left on a ticket, as far as a read shows it at no extra request.

    `operation` is its marker; `installation` wrote it, which has been there since `since`; `at` is when it was decided.
    """

    operation: str
    installation: str
    since: Instant
    at: Instant


@dataclass(frozen=True, slots=True)
class Page:
    """Some changed tickets, and the cursor to commit together with them.

    `cursor` is opaque text. `complete` says that the source holds nothing newer than `horizon` that has not been handed out; only
    the last page of a run is complete. Tickets of one page are distinct. `gone` are those of which the source itself says that
    they were deleted, and when. Of those that are `continued`, which the ledger has, the page tells what came after their
    `complete_from`: what was known before stands, and a field that is missing is as it was.
    """

    tickets: Sequence[Ticket]
    quarantined: Sequence[Quarantined]
    cursor: str
    complete: bool
    server_time: Instant
    horizon: Instant
    unchanged: int = 0  # rows that the ledger knew already
    marks: Mapping[str, Mark] = field(default_factory=dict)  # by ticket
    gone: Mapping[str, Instant] = field(default_factory=dict)
    continued: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A fresh, strongly consistent read of some tickets with every kind of fact (fields, history, comments)."""

    tickets: Sequence[Ticket]
    quarantined: Sequence[Quarantined]
    gone: Sequence[str]  # ids that do not exist, are not visible, or have left the scope of the source
    server_time: Instant  # of the earliest answer that the reading is made of
    why_gone: Mapping[str, str] = field(default_factory=dict)  # by id, half a sentence, for those where the platform says more
    marks: Mapping[str, Mark] = field(default_factory=dict)  # by ticket


@dataclass(frozen=True, slots=True)
class Listed:
    """A ticket as a census lists it; version and time of the last change are empty and None where only its id is asked for."""

    version: str = ""
    updated: Instant | None = None


@dataclass(frozen=True, slots=True)
class CensusPage:
    """Some tickets of a census by id, and the cursor of the next page, None after the last. An id may be listed again."""

    tickets: Mapping[str, Listed]
    cursor: str | None
    server_time: Instant


@dataclass(frozen=True, slots=True)
class Receipt:
    """The source accepted an operation. `native_id` is what it made (a comment's id), where the answer names that."""

    operation: str  # its key
    server_time: Instant
    native_id: str = ""


@dataclass(frozen=True, slots=True)
class Overwritten:
    """A person's value that our write replaced although it was not the one that was read."""

    field: str
    theirs: str | None  # native id, as the platform's own record names it
    ours: str | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What the platform's own record says about an operation that was sent.

    `found` is None where the record can't be read: then nothing may be concluded. `problems` are sentences: a field that did not
    take its value, a comment that the requester can read. `server_time` is that of the earliest answer that it rests on, where
    the connector can tell: a record that is older than the operation says nothing of it. `native_id` of a comment is the id under
    which a read shows it.
    """

    found: bool | None
    at: Instant | None = None  # the source's time of the effect
    overwritten: tuple[Overwritten, ...] = ()
    problems: tuple[str, ...] = ()
    native_id: str = ""
    server_time: Instant | None = None


class Ledger(Protocol):
    """What the mirror holds already, so that rows seen again in an overlap window cost no second request.

    A connector that reads ahead asks from a thread of its own, and for a page before the former one is committed.
    """

    def unchanged(self, versions: Mapping[str, str]) -> Collection[str]:
        """Of these ids with their versions, the ids that are mirrored with that same version."""

    def mirrored(self, ids: Collection[str]) -> Collection[str]:
        """Of these ids, those that are mirrored, in whatever version, and not for gone."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """When a schedule of a source is open: local (start, end) minutes of the day, by weekday (0 = Monday).

    An end at or before its start lies on the next day. `dates` are those that differ from their weekday. `time_zone` is empty
    where the schedule names none.
    """

    time_zone: str
    hours: Mapping[int, tuple[tuple[int, int], ...]]
    dates: Mapping[date, tuple[tuple[int, int], ...]]


@dataclass(frozen=True, slots=True)
class Duty:
    """[start, end) in which somebody is on duty, by e-mail address in small letters; where several are, the highest rank counts.

    `summary` is what people call it; `who` is empty where the source names nobody's address.
    """

    start: Instant
    end: Instant
    who: tuple[str, ...]
    rank: int
    summary: str


@runtime_checkable
class Keeper(Protocol):
    """What a connector may do beside the contract: tell of the schedules and rotas that the source keeps.

    Both may raise TryLater, AskAdmin where hoist may not read what they need, and GiveUp where there is none of that name, or one
    that can't be told as it is meant.
    """

    def timetable(self, name: str) -> Timetable:
        """The opening hours of a schedule; from years back to years ahead, and as its week is outside of that."""

    def duties(self, name: str, zone: str, start: Instant, end: Instant) -> tuple[Duty, ...]:
        """Who is on duty within [start, end) by a rota; local times that name no time zone are those of `zone`."""


class Connector(Protocol):
    """One source. Every method may raise TryLater or AskAdmin beside what it names."""

    @property
    def capabilities(self) -> Capabilities:
        """Constant for the life of the connector."""

    def identify(self) -> Identity:
        """Sign in. Raises AskAdmin where the credential is wrong, also where the platform answers as for an anonymous caller."""

    def problems(self) -> Sequence[str]:
        """What an administrator must mend before anything is written (missing permissions, unknown fields), as sentences."""

    def directory(self) -> Directory:
        """Teams, priorities, statuses and the people seen, read from the source."""

    def changed(self, cursor: str | None, ledger: Ledger) -> Iterator[Page]:
        """Pages of tickets changed since the cursor, oldest first; None starts with everything.

        The caller commits each page with its cursor before it asks for the next one, which may have been read meanwhile.
        """

    def read(self, ids: Sequence[str]) -> Reading:
        """Read these tickets afresh; never from a search index."""

    def census(self, cursor: str | None) -> CensusPage:
        """A page of everything in scope that hoist's account may see, in as few requests as the platform allows.

        None begins a census. At its end every ticket was listed that was there all along; a search index may answer. Of open
        tickets version and last change are named. Raises AskAdmin where the credential no longer shows anything.
        """

    def write(self, operation: Operation) -> Receipt:
        """Send one operation, once. Raises OutcomeUnknown, Conflict, Gone, GiveUp."""

    def marks(self, ticket: str) -> Collection[str]:
        """The markers, of operations and of firings, that hoist's own account has left on a ticket and that can still be read.

        A later one may have taken the place of an earlier one. Raises Gone.
        """

    def verify(self, operation: Operation) -> Verification:
        """Look for the operation's effect and marker in the platform's own record, under hoist's own account."""

    def close(self) -> None:
        """Let go of what it holds open, connections above all; nothing is asked of it afterwards."""
