"""A helpdesk that lives in memory: tickets, their record, the people who act on them, and the ways in which it can misbehave.

It is the far side of `connectors.memory`. The demo, backtests and tests fill it and let people act; the connector reads it and
writes to it as it would to a platform. Everything that it does is stamped by the clock it was given, so a run can be repeated.
"""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import Final, Literal

from connectors.errors import AskAdmin, ConnectorError, GiveUp, Gone
from rules.escalation import Operation, OperationKind
from rules.instants import FOREVER, Instant
from rules.ticket import FIELDS, NATIVE, RESTRICTED_TO, Kind, Status, Value
from rules.world import Person

RequestKind = Literal["identify", "directory", "search", "census", "read", "write", "verify"]

ACCOUNT: Final = "hoist"
_KEPT_FIELDS: Final = frozenset({*FIELDS, RESTRICTED_TO}) - {"native_status"}  # it has the six statuses themselves, no others
_CHOSEN_FROM: Final = ("team", "priority", "assignee", RESTRICTED_TO)


@dataclass(frozen=True, slots=True)
class Item:
    """One field's move within a save."""

    field: str
    old: Value
    new: Value


@dataclass(frozen=True, slots=True)
class Save:
    """One native save in the record. `after` holds what the fields that were asked for came to; `marker` is empty for people."""

    id: str
    at: Instant
    by: str
    items: tuple[Item, ...]
    after: Mapping[str, Value]
    marker: str = ""
    firing_markers: tuple[str, ...] = ()
    operation: Operation | None = None  # None for people


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment in the record. `text` is kept by the helpdesk alone: a ticket's messages carry no text."""

    id: str
    at: Instant
    by: str
    public: bool
    text: str
    marker: str = ""
    firing_markers: tuple[str, ...] = ()


@dataclass(slots=True)
class StoredTicket:
    """One ticket as the helpdesk keeps it; `events` counts everything that ever happened to it."""

    id: str
    key: str
    created: Instant
    fields: dict[str, Value]
    saves: list[Save] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    events: int = 0
    deleted: Instant | None = None
    hidden_from: Instant = FOREVER  # in searches, which show a deleted ticket for a while


@dataclass(frozen=True, slots=True)
class Row:
    """What the search index says of a ticket."""

    id: str
    updated: Instant
    version: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request that reached the helpdesk; `subject` is an operation's key, or empty."""

    kind: RequestKind
    at: Instant
    subject: str


@dataclass(frozen=True, slots=True)
class _Failure:
    error: ConnectorError
    after_effect: bool
    on: RequestKind | None


class MemoryHelpdesk:
    """The state of one helpdesk. Safe to use from several threads; every request and every act of a person is atomic.

    `clock` gives the helpdesk's own time (an Instant); should it go back, the helpdesk stays where it was. `teams` and
    `priorities` map ids to names, the most urgent priority first; both may be changed at any time, as `people` may.

    Knobs, all to be set at any time:
    `search_lag`: milliseconds after which what is saved from now on shows in a search; a read of a ticket shows it at once.
    `history_lag`: milliseconds after which a change or comment joins what a read shows of the past, though the fields show it
    at once; so its `known` is that much later than its `at`. Past the connector's overlap only a read brings it.
    `automation`: given a ticket's id and the values about to be saved by anyone, names values that the platform saves with them.
    `refuses`: with text, every request is refused as if the credential were wrong.
    `troubles`: what an administrator must mend, as sentences.
    `hidden`: ids of tickets that hoist's account may not see; nothing of them tells so, and they come back without a change.
    `unreadable`: ids of tickets that can't be mapped, with the reason.
    """

    def __init__(
        self, clock: Callable[[], Instant], *, teams: Mapping[str, str], priorities: Mapping[str, str], instance: str = "memory"
    ) -> None:
        self.clock = clock
        self.teams = dict(teams)
        self.priorities = dict(priorities)
        self.instance = instance
        self.people: dict[str, Person] = {ACCOUNT: Person(ACCOUNT, "hoist")}
        self.managers: dict[str, str] = {}
        self.members: dict[str, set[str]] = {}  # by team; a team that is missing tells nobody who is in it
        self.requests: list[Request] = []
        self.search_lag = 0
        self.history_lag = 0
        self.automation: Callable[[str, Mapping[str, Value]], Mapping[str, Value]] | None = None
        self.refuses = ""
        self.troubles: list[str] = []
        self.hidden: set[str] = set()
        self.unreadable: dict[str, str] = {}
        self._kinds: dict[str, Kind] = {ACCOUNT: Kind.OWN_ACCOUNT}
        self._tickets: dict[str, StoredTicket] = {}
        self._log: list[tuple[Instant, str, int, Instant]] = []  # (at, ticket, its number of events, shows), in the order of time
        self._latest: Instant = 0
        self._failures: list[_Failure] = []
        self._interlopers: list[Callable[[], object]] = []
        self._delays: list[int] = []
        self._late: list[tuple[Instant, Operation]] = []
        self._lock = threading.RLock()

    # --- people act ------------------------------------------------------------------------------------------------

    def enrol(
        self,
        account: str,
        name: str = "",
        kind: Kind = Kind.STAFF,
        *,
        active: bool = True,
        email: str = "",
        manager: str = "",
        teams: Collection[str] = (),
    ) -> None:
        """Add an account, or change it. Whoever acts without being enrolled is staff, or the requester of their own ticket.

        Of a team that nobody was enrolled in it is not known who belongs to it. Raises ValueError for a team that is not there.
        """
        if strange := sorted(set(teams) - self.teams.keys()):
            raise ValueError(f"{account} was not enrolled: there is no team {', '.join(strange)}")
        with self._lock:
            for team in teams:
                self.members.setdefault(team, set())
            for team, people in self.members.items():
                (people.add if team in teams else people.discard)(account)
            self.people[account] = Person(account, name or account, active, email)
            self.managers.pop(account, None)
            if manager:
                self.managers[account] = manager
            self._kinds[account] = kind

    def create(self, by: str, *, key: str = "", **fields: Value) -> str:
        """A person opens a ticket; its requester is that person unless named. Gives the ticket's id.

        Fields of its own (`native.NAME`) are there once they were given a value, or nothing, by a person.
        Raises ValueError for any other field, a team, priority or status that the helpdesk does not have.
        """
        with self._lock:
            at = self._arrive()
            values: dict[str, Value] = dict.fromkeys(_KEPT_FIELDS)
            values |= {"status": Status.NEW.value, "labels": (), "subject": "", "description": "", "requester": by}
            values |= self._checked(fields)
            number = len(self._tickets) + 1
            ticket = StoredTicket(str(number), key or f"MEM-{number}", at, values)
            self._meet(by, ticket.fields["assignee"], ticket.fields["requester"])
            self._tickets[ticket.id] = ticket
            self._happened(ticket, at)
            return ticket.id

    def change(self, ticket_id: str, by: str, **fields: Value) -> None:
        """A person saves these values together. Raises ValueError as `create` does, KeyError where there is no such ticket."""
        with self._lock:
            at = self._arrive()
            values = self._checked(fields)
            self._meet(by, values.get("assignee"))
            self._save(self._present(ticket_id), by, values, at)

    def say(self, ticket_id: str, by: str, public: bool, text: str = "") -> str:  # noqa: FBT001 - reads as a sentence
        """A person comments; `public` means that the requester can read it. Gives the comment's id."""
        with self._lock:
            at = self._arrive()
            self._meet(by)
            stored = self._present(ticket_id)
            return self._add(stored, Comment(self._next(stored), at, by, public, text)).id

    def delete(self, ticket_id: str) -> None:
        """The ticket is gone from now on: not searched, not read, not written."""
        with self._lock:
            at = self._arrive()
            stored = self._present(ticket_id)
            stored.deleted, stored.hidden_from = at, at + self.search_lag

    def bring_back(self, ticket_id: str) -> None:
        """A ticket that was deleted is there again as it was: restored from a bin, or visible to hoist's account once more."""
        with self._lock:
            at = self._arrive()
            stored = self._tickets[ticket_id]
            stored.deleted, stored.hidden_from = None, FOREVER
            self._happened(stored, at)

    # --- it misbehaves ---------------------------------------------------------------------------------------------

    def fail_next(self, error: ConnectorError, *, after_effect: bool = False, on: RequestKind | None = None) -> None:
        """The next request (of that kind) raises the error, before or after it took effect; several wait in line."""
        self._failures.append(_Failure(error, after_effect, on))

    def land_next_write_after(self, milliseconds: int) -> None:
        """The answer of the next write is lost, and it takes effect only so much later."""
        self._delays.append(milliseconds)

    def between_read_and_write(self, act: Callable[[], object]) -> None:
        """Call this once, just before the next write takes effect: a person acts at the worst moment."""
        self._interlopers.append(act)

    # --- its record ------------------------------------------------------------------------------------------------

    def ticket(self, ticket_id: str) -> StoredTicket | None:
        """The ticket as it stands; None if there never was one or it is gone."""
        with self._lock:
            self._arrive()
            stored = self._tickets.get(ticket_id)
            return None if stored is None or stored.deleted is not None else stored

    def kind(self, stored: StoredTicket, account: str) -> Kind:
        """In which capacity an account acts on a ticket."""
        asked = Kind.REQUESTER if account == stored.fields["requester"] else Kind.STAFF
        return self._kinds.get(account, asked)

    def directory_version(self) -> str:
        """A stamp that moves with every change of teams, priorities and people."""
        members = sorted((team, sorted(people)) for team, people in self.members.items())
        people = (sorted(self.people.items(), key=itemgetter(0)), sorted(self.managers.items()), members)
        content = repr((list(self.teams.items()), list(self.priorities.items()), people))
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def visible_until(self) -> Instant:
        """The instant up to which reads show the past."""
        return self._arrive() - self.history_lag

    def version(self, stored: StoredTicket, events: int | None = None) -> str:
        """The stamp of a ticket's state, or of an earlier one that had seen so many events; late history moves it too."""
        until = self.visible_until()
        hidden = sum(save.at > until for save in stored.saves) + sum(comment.at > until for comment in stored.comments)
        return f"{stored.events if events is None else events}.{hidden}"

    def search(self, since: Instant, after: tuple[Instant, str], limit: int) -> list[Row]:
        """At most so many rows of the index, updated at `since` or later, ordered by (updated, id), past the row `after`."""
        with self._lock:
            now = self._arrive()
            first = bisect_left(self._log, max(since, after[0]), key=itemgetter(0))
            last = {ticket: (at, events) for at, ticket, events, shows in self._log[first:] if shows <= now}
            found = sorted((at, ticket, events) for ticket, (at, events) in last.items() if (at, ticket) > after)
            shown = (row for row in found if now < self._tickets[row[1]].hidden_from and row[1] not in self.hidden)
            return [Row(ticket, at, self.version(self._tickets[ticket], events)) for at, ticket, events in islice(shown, limit)]

    # --- a request arrives -----------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Let those act who wait for a write; before the write is begun, so that they may act from another thread."""
        waiting, self._interlopers = self._interlopers, []
        for act in waiting:
            act()

    @contextmanager
    def request(self, kind: RequestKind, subject: str = "") -> Iterator[Instant]:
        """One request, atomic; gives the helpdesk's time. Raises AskAdmin for a refused credential, and whatever is to fail."""
        with self._lock:
            now = self._arrive()
            self.requests.append(Request(kind, now, subject))
            if self.refuses:
                raise AskAdmin(self.refuses)
            failure = next((waiting for waiting in self._failures if waiting.on in (None, kind)), None)
            if failure is not None:
                self._failures.remove(failure)
                if not failure.after_effect:
                    raise failure.error
            yield now
            if failure is not None:
                raise failure.error

    def late(self, operation: Operation) -> bool:
        """Whether this write is to land later; it then waits here and its answer is lost."""
        with self._lock:
            if not self._delays:
                return False
            self._late.append((self._arrive() + self._delays.pop(0), operation))
            self._late.sort(key=itemgetter(0))
            return True

    def carry_out(self, operation: Operation, at: Instant) -> str:
        """Write an operation under hoist's account; gives the comment's id, where one was made. Raises Gone, GiveUp."""
        stored = self._tickets.get(operation.ticket.id)
        if stored is None or stored.deleted is not None or stored.id in self.hidden:
            raise Gone(f"{operation.ticket} does not exist or is not visible to hoist; nothing was written.")
        if operation.kind is OperationKind.COMMENT:
            text = operation.comment or ""
            return self._add(
                stored,
                Comment(self._next(stored), at, ACCOUNT, False, text, operation.marker, operation.firing_markers),  # noqa: FBT003
            ).id
        values: dict[str, Value] = {change.field: change.new for change in operation.changes}
        if operation.add_labels or operation.remove_labels:
            present = {*_labels(stored.fields["labels"]), *operation.add_labels}
            values["labels"] = tuple(sorted(present.difference(operation.remove_labels)))
        strange = next((name for name in values if name not in stored.fields), None)
        if words := f"there is no field {strange}." if strange else self._complaint(values):
            raise GiveUp(f"{operation.ticket} was not written; the helpdesk says: {words}")
        self._save(stored, ACCOUNT, values, at, operation)
        return ""

    # --- inside ----------------------------------------------------------------------------------------------------

    def _arrive(self) -> Instant:
        """The time, after every late write that is due by then has landed."""
        now = max(self._latest, self.clock())
        while self._late and self._late[0][0] <= now:
            due, operation = self._late.pop(0)
            try:
                self.carry_out(operation, max(due, self._latest))
            except (Gone, GiveUp):
                continue  # nobody waits for this answer any more
        self._latest = now
        return now

    def _present(self, ticket_id: str) -> StoredTicket:
        stored = self._tickets.get(ticket_id)
        if stored is None or stored.deleted is not None:
            raise KeyError(f"the helpdesk has no ticket {ticket_id}")
        return stored

    def _meet(self, *accounts: Value) -> None:
        for account in accounts:
            if isinstance(account, str):
                self.people.setdefault(account, Person(account, account))

    def _checked(self, fields: Mapping[str, Value]) -> dict[str, Value]:
        if strangers := sorted(name for name in fields if name not in _KEPT_FIELDS and not name.startswith(NATIVE)):
            raise ValueError(f"the helpdesk keeps no field {', '.join(strangers)}; it keeps {', '.join(sorted(_KEPT_FIELDS))}")
        self._meet(fields.get("assignee"))
        if words := self._complaint(fields):
            raise ValueError(words)
        values = dict(fields)
        if "status" in values:
            values["status"] = Status(str(values["status"])).value
        if "labels" in values:
            values["labels"] = tuple(sorted(_labels(values["labels"])))
        return values

    def _complaint(self, values: Mapping[str, Value]) -> str:
        """What the helpdesk says against these values; nothing where it takes them."""
        active = {person.id for person in self.people.values() if person.active}
        for name, ids in zip(_CHOSEN_FROM, (self.teams, self.priorities, active, self.teams), strict=True):
            value = values.get(name)
            if value is not None and value not in ids:
                return f"{name} {value!r} does not exist or can't be chosen."
        return ""

    def _save(
        self, stored: StoredTicket, by: str, asked: Mapping[str, Value], at: Instant, operation: Operation | None = None
    ) -> None:
        more = self.automation(stored.id, asked) if self.automation else {}
        values = {**asked, **more}
        items = tuple(Item(name, old, new) for name, new in values.items() if (old := stored.fields.get(name)) != new)
        if not items and operation is None:
            return  # a save that changes nothing leaves no trace
        stored.fields.update(values)
        marker, firings = (operation.marker, operation.firing_markers) if operation else ("", ())
        after = {name: values[name] for name in asked}
        stored.saves.append(Save(self._next(stored), at, by, items, after, marker, firings, operation))
        self._happened(stored, at)

    def _add(self, stored: StoredTicket, comment: Comment) -> Comment:
        stored.comments.append(comment)
        self._happened(stored, comment.at)
        return comment

    @staticmethod
    def _next(stored: StoredTicket) -> str:
        return f"{stored.id}-{stored.events}"

    def _happened(self, stored: StoredTicket, at: Instant) -> None:
        stored.events += 1
        self._latest = max(self._latest, at)
        self._log.append((at, stored.id, stored.events, at + self.search_lag))


def _labels(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()
