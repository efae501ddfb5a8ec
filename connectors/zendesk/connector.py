"""The Zendesk connector: the contract in Zendesk's terms."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from connectors.budget import Urgency
from connectors.contract import (
    Capabilities,
    CensusPage,
    Guard,
    Identity,
    Ledger,
    Once,
    Page,
    Promise,
    Reading,
    Receipt,
    Verification,
)
from connectors.errors import ConnectorError, GiveUp, Gone
from connectors.http import Surroundings
from connectors.zendesk import marking, wire
from connectors.zendesk.census import ROWS, Census
from connectors.zendesk.changes import EXCLUDED, ChangedTickets
from connectors.zendesk.client import ZendeskClient
from connectors.zendesk.facts import AccountFacts
from connectors.zendesk.fitness import Fitness
from connectors.zendesk.mapping import ALWAYS_NATIVE, READ
from connectors.zendesk.reading import TicketReader, Whole
from connectors.zendesk.rows import TicketRow, ticket_of
from connectors.zendesk.settings import ZendeskSettings
from connectors.zendesk.wire import Row
from connectors.zendesk.writing import guard, judge, tags_did_not_take, update_of
from rules.escalation import Operation, OperationKind
from rules.instants import Instant
from rules.ticket import NATIVE, TARGET
from rules.world import Directory

_REQUEST_LIFE: Final = 300.0
"""Seconds. Zendesk publishes no longest life of a request; no load balancer is known to hold one for five minutes."""


class ZendeskConnector:
    """One Zendesk account. With `dry_run` every write is refused before anything is sent."""

    Settings = ZendeskSettings

    def __init__(
        self, source: str, settings: ZendeskSettings, surroundings: Surroundings | None = None, *, dry_run: bool = False
    ) -> None:
        around = surroundings or Surroundings()
        self._source, self._settings = source, settings
        self._client = ZendeskClient(source, settings, around, dry_run=dry_run)
        self._facts = AccountFacts(source, self._client, settings, around.monotonic)
        self._reader = TicketReader(self._client, self._facts, settings)
        self._fitness = Fitness(self._client, self._facts, settings)
        self._census = Census(self._client.at(Urgency.BACKFILL), min(ROWS, settings.page_size))
        self._first = self._changes(Urgency.BACKFILL)
        self._changed = self._changes(Urgency.POLL)
        self._capabilities = _capabilities(settings)
        self._tags_as_a_whole = False
        self._answered: dict[tuple[str, str], tuple[TicketRow, Instant]] = {}  # by ticket and marker, until it is verified

    def _changes(self, urgency: Urgency) -> ChangedTickets:
        client = self._client.at(urgency)
        return ChangedTickets(client, TicketReader(client, self._facts, self._settings), self._facts, self._settings)

    def __repr__(self) -> str:
        return f"ZendeskConnector({self._source})"

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def close(self) -> None:
        self._client.close()

    def identify(self) -> Identity:
        return self._facts.identify()

    def problems(self) -> Sequence[str]:
        return self._fitness.problems()

    def directory(self) -> Directory:
        return self._facts.directory()

    def changed(self, cursor: str | None, ledger: Ledger) -> Iterator[Page]:
        return (self._first if cursor is None else self._changed).pages(cursor, ledger)

    def read(self, ids: Sequence[str]) -> Reading:
        return self._reader.read(ids)

    def census(self, cursor: str | None) -> CensusPage:
        return self._census.page(cursor)

    # --- writing ------------------------------------------------------------------------------------------------------------

    def write(self, operation: Operation) -> Receipt:
        id_ = operation.ticket.id
        row = self._reader.row(id_, operation.base)
        if row is None:
            raise self._gone(operation)
        guard(operation, row, self._facts)
        values = update_of(operation, row, self._facts, tags_as_a_whole=self._tags_as_a_whole)
        written, audit, server_time = self._client.update(id_, values)
        if tags_did_not_take(operation, written.get("tags")):
            self._tag_as_a_whole(operation, written)
        else:
            with suppress(wire.Unreadable):
                self._answered[id_, operation.marker] = (ticket_of(written), server_time)
        return Receipt(operation.key, server_time, _comment_of(audit) if operation.comment is not None else "")

    def _tag_as_a_whole(self, operation: Operation, written: Row) -> None:
        """An account that ignores additional tags in an update gets all tags; `verify` names what failed.

        That Zendesk takes them is documented for updates of many tickets alone.
        """
        self._tags_as_a_whole = True
        only = replace(operation, changes=(), comment=None)
        with suppress(ConnectorError, wire.Unreadable):
            self._client.update(operation.ticket.id, update_of(only, ticket_of(written), self._facts, tags_as_a_whole=True))

    def marks(self, ticket: str) -> Collection[str]:
        whole = self._whole(ticket)
        if whole is None:
            raise Gone(f"{self._source}:{ticket}: there is no such ticket; it was deleted, or hoist's user may not see it")
        own = self._facts.own.id
        made = [audit.custom for audit in whole.audits if audit.author_id == own]
        return set[str]().union(*map(marking.markers_in, made))

    def verify(self, operation: Operation) -> Verification:
        answered = self._answered.pop((operation.ticket.id, operation.marker), None)
        whole = self._whole(operation.ticket.id, answered)
        if whole is None:
            return Verification(found=None, problems=(str(self._gone(operation)),))
        found = judge(operation, self._reader.ticket(whole), whole.audits, self._facts.own.id)
        return replace(found, server_time=whole.server_time)

    def _whole(self, ticket: str, answered: tuple[TicketRow, Instant] | None = None) -> Whole | None:
        """A ticket with its audits, which are always read; its row may be that of the answer to an update."""
        try:
            return self._reader.whole(ticket) if answered is None else self._reader.whole_after(*answered)
        except wire.Unreadable as problem:
            said = str(problem)
        raise GiveUp(f"{self._source}:{ticket}: its record can't be read ({said}); look at the ticket")

    def _gone(self, operation: Operation) -> Gone:
        return Gone(f"{operation.ticket}: there is no such ticket; it was deleted, or hoist's user may not see it")


def _comment_of(audit: Row) -> str:
    """The id of the comment that an audit holds; empty where it holds none."""
    return next((wire.text(event, "id") for event in wire.beside(audit, "events") if event.get("type") == "Comment"), "")


def _capabilities(settings: ZendeskSettings) -> Capabilities:
    fields = {"native"} if settings.fields else set()
    reads = {*READ, *(f"{NATIVE}{name}" for name in (*ALWAYS_NATIVE, *settings.fields))}
    reads |= {"service"} if settings.service_field is not None else set()
    return Capabilities(
        platform="zendesk",
        writes=frozenset({"team", "assignee", "priority", "labels", "remove_labels", "comment"} | fields),
        reads=frozenset(reads | ({TARGET} if settings.targets else set())),
        # A comment rests on the version that was read, as everything in an update does.
        promises={
            kind: Promise(Guard.REFUSED, Once.MARKER, "the metadata of an audit")
            for kind in (OperationKind.FIELDS, OperationKind.COMMENT)
        },
        request_life_seconds=_REQUEST_LIFE,
        shows_after=EXCLUDED,
        together=True,
    )
