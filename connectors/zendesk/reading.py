"""Rows with their audits as tickets; one that is none costs no other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.contract import Mark, Quarantined, Reading
from connectors.errors import AskAdmin, Gone, TryLater
from connectors.zendesk import wire
from connectors.zendesk.audits import Audit, audit_of
from connectors.zendesk.client import AT_ONCE, ZendeskClient
from connectors.zendesk.facts import AccountFacts
from connectors.zendesk.mapping import Mapper
from connectors.zendesk.rows import TicketRow, ticket_of
from connectors.zendesk.settings import ZendeskSettings
from connectors.zendesk.wire import Row
from rules.instants import Instant
from rules.ticket import Ticket

_KEPT: Final = 500
_ASK_AGAIN: Final = 30.0
"""Seconds after which a cache on the way may have let go of what it keeps."""


@dataclass(slots=True)
class Batch:
    """Tickets, those rows that are none, and the marks that hoists have left; `trouble` is why others are missing.

    `read_at` is the server time of the earliest answer that any of it rests on; 0 where it rests on none.
    """

    tickets: list[Ticket] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    marks: dict[str, Mark] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    trouble: TryLater | None = None
    read_at: Instant = 0


@dataclass(frozen=True, slots=True)
class Whole:
    """A ticket's row with all its audits; `server_time` is that of the earlier answer."""

    row: TicketRow
    audits: Sequence[Audit]
    server_time: Instant


class TicketReader:
    """Reads tickets by id, and completes rows that an export brought."""

    def __init__(self, client: ZendeskClient, facts: AccountFacts, settings: ZendeskSettings) -> None:
        self._client, self._facts, self._settings = client, facts, settings
        self._last: dict[str, tuple[str, TicketRow]] = {}
        self.include: Final = ",".join(("users", "organizations", *(("slas",) if settings.targets else ())))

    # --- rows ---------------------------------------------------------------------------------------------------------------

    def parsed(self, rows: Iterable[Row], bad: list[Quarantined]) -> Iterator[TicketRow]:
        """The rows that are tickets; the others are added to `bad`."""
        for row in rows:
            try:
                yield ticket_of(row)
            except wire.Unreadable as reason:
                bad.append(self._quarantined(row, str(reason)))

    def _quarantined(self, row: Row, reason: str) -> Quarantined:
        id_ = wire.text(row, "id")
        said = f"{self._client.source}:{id_}: {reason}; look at the ticket, and tell hoist's makers if it looks as any other"
        return Quarantined(id_, id_, said, json.dumps(row, ensure_ascii=False, default=str))

    def completed(self, rows: Sequence[TicketRow], known: Instant, *, in_part: bool = False) -> Batch:
        """The tickets of rows that an answer of `known` brought, with what their audits tell: one request each.

        With `in_part` those that were read before Zendesk asked hoist to wait, which is then the batch's `trouble`; audits that a
        cache on the way has kept from before would pass over an export's news for good, and are asked for again.
        """
        batch = Batch(read_at=known)
        read: list[tuple[TicketRow, tuple[list[Row], Instant] | None]] = []
        for row in rows:
            try:
                found = self._audits(row)
                if in_part and found is not None and found[1] < row.updated:
                    raise self._older(row)
                read.append((row, found))
            except TryLater as error:
                if not (in_part and read):
                    raise
                batch.trouble = error
                break
        self._facts.name_organizations(row.organization_id for row in rows)
        for row, found in read:
            if found is None:
                batch.gone.append(row.id)
            else:
                audits, time = found
                batch.read_at = min(batch.read_at, time)
                self._add(batch, row, audits, min(known, time))
        return batch

    def continued(self, past: Sequence[tuple[TicketRow, Sequence[Audit]]], known: Instant, since: Instant) -> Batch:
        """The tickets of rows with what their audits since an instant tell."""
        batch = Batch()
        self._facts.name_organizations(row.organization_id for row, _ in past)
        for row, audits in past:
            ticket, mark = self._mapper(row, audits, known).continued(row, audits, since)
            batch.tickets.append(ticket)
            if mark is not None:
                batch.marks[row.id] = mark
        return batch

    def closed(self, rows: Sequence[TicketRow], known: Instant) -> Batch:
        """The tickets of rows without their past."""
        self._facts.name_organizations(row.organization_id for row in rows)
        mapper = Mapper(self._facts.account(), self._facts.users(()), known)
        return Batch([mapper.closed(row) for row in rows])

    def _add(self, batch: Batch, row: TicketRow, audits: Sequence[Row], known: Instant) -> None:
        try:
            parsed = [audit_of(each) for each in audits]
        except wire.Unreadable as reason:
            batch.quarantined.append(self._quarantined({"id": row.id, "audits": list(audits)}, str(reason)))
            return
        ticket, mark = self._mapper(row, parsed, known).ticket(row, parsed)
        batch.tickets.append(ticket)
        if mark is not None:
            batch.marks[row.id] = mark

    def _mapper(self, row: TicketRow, audits: Sequence[Audit], known: Instant) -> Mapper:
        met = [row.requester_id, row.assignee_id, *(each.author_id for each in audits)]
        met += [event.author_id for each in audits for event in each.events]
        return Mapper(self._facts.account(), self._facts.users(met), known)

    def _older(self, row: TicketRow) -> TryLater:
        said = f"{self._client.source}:{row.id}: its audits are older than the ticket, from a cache on the way; hoist asks again"
        return TryLater(said, _ASK_AGAIN)

    def _audits(self, row: TicketRow) -> tuple[list[Row], Instant] | None:
        """All of them, and the server time of the earliest answer; None where the ticket was deleted meanwhile.

        Raises TryLater where that there is no such ticket is known from before it was changed last, and so may have been made.
        """
        try:
            return self._client.audits(row.id)
        except Gone as error:
            if error.at is not None and error.at < row.updated:
                raise self._older(row) from None
            return None

    # --- by id --------------------------------------------------------------------------------------------------------------

    def read(self, ids: Sequence[str]) -> Reading:
        """Any number of tickets, each once: a request for a hundred rows, and one for each ticket's audits."""
        batch, times = Batch(), []
        why: dict[str, str] = {}
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            rows, time = self._rows([id_ for id_ in some if wire.ID.fullmatch(id_)], batch.quarantined)
            there = {row.id: row for row in rows if not row.is_deleted}
            seen = self.completed(list(there.values()), time) if there else Batch()
            times.append(seen.read_at or time)
            batch.tickets += seen.tickets
            self._keep([(ticket.version, there[ticket.ref.id]) for ticket in seen.tickets])
            batch.quarantined += seen.quarantined
            batch.marks |= seen.marks
            odd = {each.id for each in batch.quarantined}
            batch.gone += [id_ for id_ in some if (id_ not in there and id_ not in odd) or id_ in seen.gone]
            why |= {row.id: "somebody deleted it" for row in rows if row.is_deleted}
        earliest = min(filter(None, times), default=0) or self._facts.identify().server_time
        return Reading(batch.tickets, batch.quarantined, batch.gone, earliest, why, batch.marks)

    def _rows(self, ids: Sequence[str], bad: list[Quarantined]) -> tuple[list[TicketRow], Instant]:
        """The rows of these tickets, and the server time of the earliest answer; those that are gone are missing.

        One that the list leaves out is asked for by itself: what counts as gone is no longer judged.
        """
        if not ids:
            return [], 0
        found, time = self._listed(ids, self._client.tickets(ids, self.include), bad)
        met = {row.id for row in found} | {each.id for each in bad}
        for id_ in ids:
            if id_ not in met and (alone := self._client.ticket(id_, self.include)) is not None:
                rows, asked = self._listed([id_], alone, bad)
                found, time = [*found, *rows], min(time, asked)
        return found, time

    def _listed(
        self, ids: Sequence[str], answered: tuple[Row, Iterable[Row], Instant], bad: list[Quarantined]
    ) -> tuple[list[TicketRow], Instant]:
        whole, rows, time = answered
        self._facts.note(whole)
        found = list(self.parsed(rows, bad))
        if any(row.id not in ids for row in found):
            raise AskAdmin(
                f"{self._client.source}: it answers with other tickets than it was asked for; look for a proxy in between"
            )
        return found, time

    def _keep(self, read: Iterable[tuple[str, TicketRow]]) -> None:
        """Remember the rows that were read last: what is written next was read just before."""
        for version, row in read:
            self._last.pop(row.id, None)
            self._last[row.id] = (version, row)
        for id_ in list(self._last)[:-_KEPT]:
            self._last.pop(id_, None)

    def row(self, id_: str, version: str = "") -> TicketRow | None:
        """One ticket's row, without asking where it was read last in that very version; None where it is gone."""
        if version and (last := self._last.get(id_)) is not None and last[0] == version:
            return last[1]
        bad: list[Quarantined] = []
        rows, _ = self._rows([id_] if wire.ID.fullmatch(id_) else [], bad)
        return next((row for row in rows if not row.is_deleted), None)

    def whole_after(self, row: TicketRow, time: Instant) -> Whole | None:
        """A ticket whose row came with the answer to an update, with its audits; None where it is gone."""
        return self._with_audits(row, time)

    def whole(self, id_: str) -> Whole | None:
        """One ticket's row with its audits; None where it is gone."""
        bad: list[Quarantined] = []
        rows, time = self._rows([id_] if wire.ID.fullmatch(id_) else [], bad)
        row = next((row for row in rows if not row.is_deleted), None)
        return None if row is None else self._with_audits(row, time)

    def _with_audits(self, row: TicketRow, time: Instant) -> Whole | None:
        found = self._audits(row)
        return None if found is None else Whole(row, [audit_of(each) for each in found[0]], min(time, found[1]))

    def ticket(self, whole: Whole) -> Ticket:
        """The ticket that was read as a whole."""
        self._facts.name_organizations([whole.row.organization_id])
        return self._mapper(whole.row, whole.audits, whole.server_time).ticket(whole.row, whole.audits)[0]
