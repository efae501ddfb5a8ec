"""The in-memory source: a complete connector to a helpdesk that lives in this process.

The demo and backtests run on it, and the agent's tests; it passes the same conformance suite as every other connector. It
promises no more than Jira does: search lags, nothing is refused because a person was first, an answer can be lost.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from connectors.contract import (
    Capabilities,
    CensusPage,
    Guard,
    Identity,
    Ledger,
    Listed,
    Mark,
    Once,
    Overwritten,
    Page,
    Promise,
    Quarantined,
    Reading,
    Receipt,
    Verification,
)
from connectors.errors import Gone, OutcomeUnknown
from connectors.memory_helpdesk import ACCOUNT, Comment, MemoryHelpdesk, Save, StoredTicket
from rules.escalation import Operation, OperationKind
from rules.instants import SECOND, Instant
from rules.thanks import only_thanks
from rules.ticket import FIELDS, PREFIXES, Actor, Change, Kind, Message, Status, Ticket, TicketRef, Value
from rules.world import Directory

__all__ = ["MemoryConnector", "MemoryHelpdesk", "MemorySettings"]

CAPABILITIES: Final = Capabilities(
    platform="memory",
    writes=frozenset({"team", "assignee", "priority", "labels", "remove_labels", "comment", "native", "restriction"}),
    reads=frozenset({*FIELDS, *PREFIXES}),
    promises={
        OperationKind.RESTRICTION: Promise(Guard.PUT_BACK, Once.MARKER, "the record of saves"),
        OperationKind.FIELDS: Promise(Guard.PUT_BACK, Once.MARKER, "the record of saves"),
        OperationKind.COMMENT: Promise(Guard.NOT_DETECTABLE, Once.MARKER, "the comments"),
    },
    request_life_seconds=60,
    date_resolution=SECOND,
)


class MemorySettings(BaseModel):
    """Settings of an in-memory source.

    `overlap_seconds` is how far each run reads back; it must be longer than the helpdesk's search can lag, and the horizon is
    as far behind.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    page_size: int = Field(default=50, ge=1)
    overlap_seconds: int = Field(default=60, ge=1)


class MemoryConnector:
    """Speaks to a `MemoryHelpdesk`: the given one, or an empty one of its own on this machine's clock."""

    Settings = MemorySettings

    def __init__(
        self,
        source: str,
        settings: MemorySettings | None = None,
        surroundings: object = None,  # noqa: ARG002 - every connector is made alike, and this one needs no session
        *,
        helpdesk: MemoryHelpdesk | None = None,
    ) -> None:
        self.source = source
        self.settings = settings or MemorySettings()
        self.helpdesk = helpdesk or _empty_helpdesk()

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def close(self) -> None:
        """It holds nothing open."""

    def identify(self) -> Identity:
        with self.helpdesk.request("identify") as now:
            return Identity(ACCOUNT, self.helpdesk.people[ACCOUNT].name, self.helpdesk.instance, _date(now))

    def problems(self) -> Sequence[str]:
        with self.helpdesk.request("identify"):
            return tuple(self.helpdesk.troubles)

    def directory(self) -> Directory:
        with self.helpdesk.request("directory"):
            desk = self.helpdesk
            statuses = {status.value: status.value for status in Status}
            teams, priorities, people = dict(desk.teams), dict(desk.priorities), dict(desk.people)
            version, managers = desk.directory_version(), dict(desk.managers)
            members = {team: frozenset(inside) for team, inside in desk.members.items()} or None
            return Directory(teams, priorities, statuses, people, version, managers=managers, members=members)

    def changed(self, cursor: str | None, ledger: Ledger) -> Iterator[Page]:
        overlap = self.settings.overlap_seconds * SECOND
        since = 0 if cursor is None else _position(cursor)
        after = (-1, "")
        start: Instant | None = None
        complete = False
        while not complete:
            with self.helpdesk.request("search") as now:
                rows = self.helpdesk.search(since - overlap, after, self.settings.page_size)
            # A row that the index shows late may lie behind the place already read. It was changed no longer than the overlap
            # before this run began, so a cursor that never passes the beginning of its run has it read by the next one.
            start = _date(now) if start is None else start
            complete = len(rows) < self.settings.page_size
            after = (rows[-1].updated, rows[-1].id) if rows else after
            unchanged = set(ledger.unchanged({row.id: row.version for row in rows}))
            reading = self._read_if_any([row.id for row in rows if row.id not in unchanged], _date(now))
            yield Page(
                tickets=reading.tickets,
                quarantined=reading.quarantined,
                cursor=json.dumps({"since": max(since, start if complete else min(start, after[0]))}),
                complete=complete,
                server_time=_date(now),
                horizon=start - overlap,
                unchanged=len(unchanged),
                marks=reading.marks,
            )

    def read(self, ids: Sequence[str]) -> Reading:
        with self.helpdesk.request("read") as now:
            tickets, quarantined, gone = [], [], []
            for ticket_id in dict.fromkeys(ids):
                stored = self.helpdesk.ticket(ticket_id)
                if stored is None or ticket_id in self.helpdesk.hidden:
                    gone.append(ticket_id)
                elif ticket_id in self.helpdesk.unreadable:
                    raw = json.dumps({"id": stored.id, "key": stored.key})
                    quarantined.append(Quarantined(stored.id, stored.key, self.helpdesk.unreadable[ticket_id], raw))
                else:
                    tickets.append(self._ticket(stored, _date(now)))
            marks = {each.ref.id: mark for each in tickets if (mark := self._mark(each.ref.id)) is not None}
            return Reading(tickets, quarantined, gone, _date(now), marks=marks)

    def census(self, cursor: str | None) -> CensusPage:
        after = (-1, "") if cursor is None else _row_place(cursor)
        with self.helpdesk.request("census") as now:
            rows = self.helpdesk.search(0, after, self.settings.page_size)
        last = len(rows) < self.settings.page_size
        tickets = {row.id: Listed(row.version, row.updated) for row in rows}
        return CensusPage(tickets, None if last else json.dumps([rows[-1].updated, rows[-1].id]), _date(now))

    def write(self, operation: Operation) -> Receipt:
        self.helpdesk.interrupt()
        with self.helpdesk.request("write", operation.key) as now:
            if self.helpdesk.late(operation):
                raise OutcomeUnknown(f"{operation.ticket} was sent an operation and no answer came; look for its marker later.")
            made = self.helpdesk.carry_out(operation, now)
            return Receipt(operation.key, _date(now), made)

    def marks(self, ticket: str) -> Collection[str]:
        with self.helpdesk.request("verify", ticket):
            stored = self.helpdesk.ticket(ticket)
            if stored is None:
                raise Gone(f"{self.source}:{ticket} does not exist or is not visible to hoist")
            saves = [each for each in stored.saves if each.by == ACCOUNT and each.marker]
            notes = [each for each in stored.comments if each.by == ACCOUNT and each.marker]
            # Like a property of the ticket, which each further write replaces.
            of_saves = {mark for save in saves[-1:] for mark in (save.marker, *save.firing_markers)}
            return of_saves | {mark for note in notes for mark in (note.marker, *note.firing_markers)}

    def verify(self, operation: Operation) -> Verification:
        with self.helpdesk.request("verify", operation.key) as now:
            stored = self.helpdesk.ticket(operation.ticket.id)
            if stored is None:
                return Verification(found=None, problems=(f"{operation.ticket} is gone, and its record with it.",))
            if operation.kind is OperationKind.COMMENT:
                for comment in stored.comments:
                    if comment.by == ACCOUNT and comment.marker == operation.marker:
                        return Verification(found=True, at=comment.at, native_id=comment.id)
                return Verification(found=False, server_time=now)
            own = [save for save in stored.saves if save.by == ACCOUNT and save.marker == operation.marker]
            return replace(_judged(own, operation), server_time=now)

    def _read_if_any(self, ids: Sequence[str], server_time: Instant) -> Reading:
        return self.read(ids) if ids else Reading((), (), (), server_time)

    def _ticket(self, stored: StoredTicket, known: Instant) -> Ticket:
        until = self.helpdesk.visible_until()
        return Ticket(
            ref=TicketRef(self.source, stored.id),
            key=stored.key,
            url=f"memory://{self.helpdesk.instance}/{stored.key}",
            version=self.helpdesk.version(stored),
            created=stored.created,
            known=known,
            fields=dict(stored.fields),
            changes=self._changes(stored, known, until),
            messages=tuple(self._message(stored, comment, known) for comment in stored.comments if comment.at <= until),
            complete_from=stored.created,
        )

    def _mark(self, ticket: str) -> Mark | None:
        """Of its last write: like a property of the ticket, which each further one replaces."""
        stored = self.helpdesk.ticket(ticket)
        saves = [] if stored is None else [save.operation for save in stored.saves if save.operation is not None]
        if not saves or not saves[-1].installation:
            return None
        last = saves[-1]
        return Mark(last.marker, last.installation, last.installed_at, last.planned_at)

    def _message(self, stored: StoredTicket, comment: Comment, known: Instant) -> Message:
        by = self._actor(stored, comment.by)
        thanks = by.kind is Kind.REQUESTER and only_thanks(comment.text)
        return Message(comment.at, known, comment.id, by, comment.public, thanks)

    def _changes(self, stored: StoredTicket, known: Instant, until: Instant) -> tuple[Change, ...]:
        items = ((save, item) for save in stored.saves if save.at <= until for item in save.items)
        return tuple(
            Change(save.at, known, number, save.id, item.field, item.old, item.new, self._actor(stored, save.by))
            for number, (save, item) in enumerate(items)
        )

    def _actor(self, stored: StoredTicket, account: str) -> Actor:
        return Actor(account, self.helpdesk.kind(stored, account))


def _judged(saves: Sequence[Save], operation: Operation) -> Verification:
    """What the record says of the saves that carry the operation's marker; a resent one has several."""
    if not saves:
        return Verification(found=False)
    read = {change.field: change.old for change in operation.changes}
    meant = {change.field: change.new for change in operation.changes}
    overwritten = tuple(
        Overwritten(item.field, _native(item.old), _native(item.new))
        for save in saves
        for item in save.items
        if item.field in read and item.old != read[item.field]
    )
    problems = tuple(
        f"{operation.ticket}: {name} was to become {value!r} and became {saves[-1].after[name]!r}."
        for name, value in meant.items()
        if saves[-1].after[name] != value
    )
    return Verification(found=True, at=saves[0].at, overwritten=overwritten, problems=problems)


def _native(value: Value) -> str | None:
    return None if value is None else str(value)


def _date(now: Instant) -> Instant:
    """What a Date header would say: whole seconds."""
    return now - now % SECOND


def _position(cursor: str) -> Instant:
    return int(json.loads(cursor)["since"])


def _row_place(cursor: str) -> tuple[Instant, str]:
    updated, ticket = json.loads(cursor)
    return int(updated), str(ticket)


def _empty_helpdesk() -> MemoryHelpdesk:
    return MemoryHelpdesk(
        lambda: time.time_ns() // 1_000_000,
        teams={"service-desk": "Service Desk", "operations": "Operations", "engineering": "Engineering"},
        priorities={"urgent": "Urgent", "high": "High", "normal": "Normal", "low": "Low"},
    )
