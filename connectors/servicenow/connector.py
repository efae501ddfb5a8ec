"""The ServiceNow connector: the contract in ServiceNow's terms."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from connectors import judging
from connectors.budget import Urgency
from connectors.contract import (
    Capabilities,
    CensusPage,
    Duty,
    Guard,
    Identity,
    Ledger,
    Once,
    Page,
    Promise,
    Reading,
    Receipt,
    Timetable,
    Verification,
)
from connectors.errors import AskAdmin, GiveUp, Gone, OutcomeUnknown, TryLater
from connectors.http import Surroundings
from connectors.servicenow import wire
from connectors.servicenow.aside import Aside
from connectors.servicenow.census import Census
from connectors.servicenow.changes import ChangedTasks
from connectors.servicenow.client import Part, ServiceNowClient, refusal
from connectors.servicenow.facts import InstanceFacts
from connectors.servicenow.fitness import Fitness
from connectors.servicenow.mapping import ALWAYS_NATIVE, READ, Parts
from connectors.servicenow.marking import markers_in
from connectors.servicenow.reading import TicketReader
from connectors.servicenow.rotas import Rotas
from connectors.servicenow.schedules import Schedules
from connectors.servicenow.settings import ServiceNowSettings
from connectors.servicenow.tags import Tags, is_left
from connectors.servicenow.wire import Row
from connectors.servicenow.writing import (
    did_not_take,
    guard,
    journal_is_hidden,
    judge_comment,
    labels_that_did_not_hold,
    own_note,
    pair_of,
    update_of,
    wrote_nothing,
)
from rules.escalation import Operation, OperationKind
from rules.instants import Instant
from rules.ticket import NATIVE, TARGET
from rules.world import Directory

_REQUEST_LIFE: Final = 330.0
"""Seconds. What waits in a session's queue and what a load balancer still holds is over after 300; the rest is margin."""
_TOLD: Final = ("sys_id", "sys_mod_count", "sys_updated_by")


class ServiceNowConnector:
    """One ServiceNow instance. With `dry_run` every write is refused before anything is sent."""

    Settings = ServiceNowSettings

    def __init__(
        self, source: str, settings: ServiceNowSettings, surroundings: Surroundings | None = None, *, dry_run: bool = False
    ) -> None:
        self._source, self._settings = source, settings
        self._client = ServiceNowClient(source, settings, surroundings, dry_run=dry_run)
        self._facts = InstanceFacts(source, self._client, settings)
        self._aside = Aside(settings)
        self._reader = TicketReader(self._client, self._facts, self._aside, settings)
        self._fitness = Fitness(self._client, self._facts, self._reader, settings)
        self._census = Census(self._client.at(Urgency.BACKFILL), settings)
        self._tags = Tags(self._client)
        self._schedules = Schedules(self._client.at(Urgency.POLL))
        self._rotas = Rotas(self._schedules)
        self._first = self._changes(Urgency.BACKFILL)
        self._changed = self._changes(Urgency.POLL)
        self._capabilities = _capabilities(settings)

    def _changes(self, urgency: Urgency) -> ChangedTasks:
        client = self._client.at(urgency)
        reader = TicketReader(client, self._facts, self._aside, self._settings)
        return ChangedTasks(client, reader, self._aside, self._settings)

    def __repr__(self) -> str:
        return f"ServiceNowConnector({self._source})"

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def identify(self) -> Identity:
        self._facts.check_account()
        return self._facts.identify()

    def problems(self) -> Sequence[str]:
        return self._fitness.problems()

    def directory(self) -> Directory:
        return self._facts.directory()

    # --- what the instance keeps beside its tickets -----------------------------------------------------------------------

    def timetable(self, name: str) -> Timetable:
        return self._schedules.timetable(name, self._facts.identify().server_time)

    def duties(self, name: str, zone: str, start: Instant, end: Instant) -> tuple[Duty, ...]:
        return self._rotas.duties(self._source, name, zone, start, end)

    # --- reading ----------------------------------------------------------------------------------------------------------

    def changed(self, cursor: str | None, ledger: Ledger) -> Iterator[Page]:
        return (self._first if cursor is None else self._changed).pages(cursor, ledger)

    def read(self, ids: Sequence[str]) -> Reading:
        return self._reader.read(ids)

    def census(self, cursor: str | None) -> CensusPage:
        return self._census.page(cursor)

    # --- writing --------------------------------------------------------------------------------------------------------

    def write(self, operation: Operation) -> Receipt:
        self._facts.check_account()
        row = self._reader.row_alone(operation.ticket.id)
        if row is None:
            raise Gone(f"{operation.ticket}: there is no such row; it was deleted, or hoist's account may not see it")
        if operation.kind is not OperationKind.COMMENT:
            guard(operation, row, self._facts.called)
            self._check_values(operation)
        tags = self._tags.moves(operation)
        body = update_of(operation, row, self._facts)
        table, key = wire.text(row, "sys_class_name"), wire.text(row, "number")
        written, server_time = self._update(operation, table, body, tags.parts(operation.ticket.id, table, key))
        wrote_nothing(operation, row, written)
        self._facts.wrote_as(wire.text(written, "sys_updated_by"))
        self._move_priority(operation, table, {**row, **written}, body)
        return Receipt(operation.key, server_time)  # an update does not name the journal's entry that it made

    def _check_values(self, operation: Operation) -> None:
        """The platform would keep a sys_id that names nothing, or drop it in silence. Raises GiveUp."""
        for field, new in ((change.field, change.new) for change in operation.changes if change.new is not None):
            if field == "team" and self._facts.group(str(new)) is None:
                called = self._facts.called(field, new)
                raise GiveUp(f"{operation.ticket}: ServiceNow has no active group {called}; bind the team to one that it has")
            if field == "assignee" and not self._facts.has_person(str(new)):
                called = self._facts.called(field, new)
                raise GiveUp(f"{operation.ticket}: ServiceNow has no active user {called}; name a person that it has")

    def _update(self, operation: Operation, table: str, body: Mapping[str, str], tags: Sequence[Part]) -> tuple[Row, Instant]:
        """Update the row and its tags in one request; without the Batch API these follow, and so does what it did not come to."""
        id_, columns = operation.ticket.id, (*_TOLD, *(name for name in body if name != "work_notes"))
        if not tags or not self._client.writes_together:
            written, server_time = self._client.update(table, id_, body, columns)
            self._tags.finish(operation, tags, sent=False)
            return written, server_time
        update = Part("PATCH", f"{table}/{id_}", body, columns)
        (first, *others), server_time = self._client.write_together(id_, [update, *tags])
        if first is None or first.get("status_code") != 200:
            self._tags.put_back(id_, others)
            if first is None:
                raise TryLater(f"{operation.ticket}: the instance ran out of time before it began; hoist tries again", 30.0)
            raise refusal(self._source, id_, first)
        left = [part for part, answer in zip(tags, others, strict=True) if is_left(answer)]
        self._tags.finish(operation, left, sent=True)
        try:
            return wire.row(first.get("body", b"")), server_time
        except wire.Unreadable as problem:
            said = str(problem)
        raise OutcomeUnknown(
            f"{operation.ticket}: the answer to the change can't be read ({said}); hoist looks whether it was made"
        )

    def _move_priority(self, operation: Operation, table: str, row: Row, body: Mapping[str, str]) -> None:
        """Where a priority that was written by itself did not hold, move what the instance computes it from."""
        wanted = body.get("priority", "")
        lookup = self._facts.lookup() if wanted and "impact" not in body else None
        if lookup is None or not lookup.of or "priority" not in did_not_take({"priority": wanted}, row):
            return
        pair = pair_of(operation.ticket, wanted, row, lookup, self._facts.called)
        try:
            self._client.update(table, operation.ticket.id, pair, _TOLD)
        except (TryLater, AskAdmin) as problem:
            said = str(problem)
        else:
            return
        raise OutcomeUnknown(f"{operation.ticket}: it was changed, and its priority did not follow yet ({said}); hoist looks")

    def marks(self, ticket: str) -> Collection[str]:
        row, parts, _ = self._reader.row_and_parts(ticket)
        if row is None:
            raise Gone(f"{self._source}:{ticket}: there is no such row; it was deleted, or hoist's account may not see it")
        own = self._facts.instance().own.user_name
        notes = [wire.text(each, "value") for each in parts.journal if wire.text(each, "sys_created_by") == own]
        return set[str]().union(*map(markers_in, notes))

    def verify(self, operation: Operation) -> Verification:
        self._facts.check_account()
        row, parts, server_time = self._reader.row_and_parts(operation.ticket.id)
        if row is None:
            gone = f"{operation.ticket}: there is no such row; it was deleted, or hoist's account may not see it"
            return Verification(found=None, problems=(gone,))
        if journal_is_hidden(parts.audit, parts.journal):
            hidden = f"{operation.ticket}: its journal entries are hidden from hoist's account; let it read sys_journal_field"
            return Verification(found=None, problems=(hidden,))
        return replace(self._judged(operation, row, parts, server_time), server_time=server_time)

    def _judged(self, operation: Operation, row: Row, parts: Parts, server_time: Instant) -> Verification:
        """What the instance's own record says, as it was read."""
        note = own_note(parts.journal, self._facts.instance().own.user_name, operation.marker)
        if operation.kind is OperationKind.COMMENT:
            return judge_comment(operation, note)
        ticket = self._reader.ticket(row, parts, server_time)
        found = judging.judge_edit(
            operation,
            ticket,
            marked=note is not None,
            platform="ServiceNow",
            unmarked="check that hoist may write work notes",
            called=self._facts.called,
        )
        if not found.found:
            return found
        at = found.at if found.at is not None or note is None else wire.stamp_or_none(wire.text(note, "sys_created_on"))
        missing = labels_that_did_not_hold(operation, ticket.fields.get("labels")) if self._settings.tags else []
        return replace(found, at=at, problems=(*found.problems, *missing))


def _capabilities(settings: ServiceNowSettings) -> Capabilities:
    labels = {"labels", "remove_labels"} if settings.tags else set()
    reads = {*READ, *(f"{NATIVE}{column}" for column in (*ALWAYS_NATIVE, *settings.columns))}
    beside = {"labels": settings.tags, TARGET: settings.targets, "approver": settings.reads_approvers}
    reads |= {field for field, is_read in beside.items() if is_read} | {each.field for each in settings.providers}
    return Capabilities(
        platform="servicenow",
        writes=frozenset({"team", "assignee", "priority", "comment"} | labels),
        reads=frozenset(reads),
        # An update takes no condition, but the audit names the value that was replaced. A comment replaces nothing.
        promises={
            OperationKind.FIELDS: Promise(Guard.PUT_BACK, Once.MARKER, "a work note of hoist's account, or the audit"),
            OperationKind.COMMENT: Promise(Guard.NOT_DETECTABLE, Once.MARKER, "the comment itself, which ends with the marker"),
        },
        request_life_seconds=_REQUEST_LIFE,
    )
