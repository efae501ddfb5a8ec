"""The incremental read: which tickets changed since a cursor, which is kept for ever and never made anew from a clock.

The export leaves out what changed within the last minute, so nothing that is written late is passed over; the horizon lies as far
back. It lists a ticket whenever anything about it changes, also what leaves `updated_at` alone, such as a target; a ticket that
changes while pages are read comes again. https://developer.zendesk.com/documentation/ticketing/managing-tickets/using-the-incremental-export-api/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.contract import Ledger, Page, Quarantined
from connectors.errors import TryLater
from connectors.zendesk.audits import Audit
from connectors.zendesk.client import ShareUsedUp, ZendeskClient
from connectors.zendesk.events import Events
from connectors.zendesk.facts import AccountFacts
from connectors.zendesk.mapping import row_version
from connectors.zendesk.reading import Batch, TicketReader
from connectors.zendesk.rows import TicketRow
from connectors.zendesk.settings import ZendeskSettings
from rules.instants import MINUTE, SECOND, Instant

Row = TypeVar("Row")

EXCLUDED: Final = MINUTE
"""What is younger is not exported yet."""
OVERLAP: Final = MINUTE
"""How far the stream of events is read back behind what the last run had seen."""
FEW: Final = 25
"""So many tickets are read by their own audits; of more, an export or two tells the news of all."""
_TOGETHER: Final = 100
"""Tickets that are handed out at once: the export's own pages would keep what is read waiting for minutes, and take much room."""


class Place(BaseModel):
    """A cursor: Zendesk's own, empty before the first page. `first`: the first read of all is not at its end yet.

    `since`: the second, since 1970, up to which everything was handed out when the run before this one ended; 0 for the first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: str = ""
    first: bool = False
    since: int = 0


@dataclass(slots=True)
class _Share:
    """Some tickets of an exported page at a place. `following` is that behind them, `last` whether nothing follows it."""

    rows: Sequence[TicketRow]
    time: Instant
    place: Place
    following: Place
    last: bool
    closed: Sequence[TicketRow] = ()
    continued: Sequence[tuple[TicketRow, Sequence[Audit]]] = ()
    unchanged: int = 0
    quarantined: list[Quarantined] = field(default_factory=list)
    gone: dict[str, Instant] = field(default_factory=dict)


class ChangedTickets:
    """Runs over the changed tickets of one account."""

    def __init__(self, client: ZendeskClient, reader: TicketReader, facts: AccountFacts, settings: ZendeskSettings) -> None:
        self._client, self._reader, self._facts, self._settings = client, reader, facts, settings
        self._events = Events(client)
        self._trouble: TryLater | None = None

    def pages(self, cursor: str | None, ledger: Ledger) -> Iterator[Page]:
        """The pages from the cursor on, each read while the one before it is worked on.

        Where hoist's share of the exports is used up a run ends early, and the next one goes on from there.
        """
        self._trouble = None
        try:
            yield from self._pages(_place(cursor), ledger)
        except BaseException:  # also where nobody asks on: what was handed out may not have been kept
            self._events.begin_anew()
            raise

    def _pages(self, place: Place, ledger: Ledger) -> Iterator[Page]:
        shares = self._shares(place, ledger)
        with self._client.ahead() as begin:
            page = self._page(shares)
            while page is not None and not page.complete:
                upcoming = begin(partial(self._page, shares))
                yield page
                page = upcoming()
        if page is not None:
            yield page

    def _page(self, shares: Iterator[_Share]) -> Page | None:
        if (trouble := self._trouble) is not None:
            self._trouble = None
            raise trouble
        share = next(shares, None)
        if share is None:
            return None
        batch = self._reader.completed(share.rows, share.time, in_part=True) if share.rows else Batch()
        if batch.trouble is not None:
            return self._part(share, batch)
        closed = self._reader.closed(share.closed, share.time) if share.closed else Batch()
        since = share.place.since * SECOND
        continued = self._reader.continued(share.continued, share.time, since) if share.continued else Batch()
        return Page(
            tickets=[*batch.tickets, *closed.tickets, *continued.tickets],
            quarantined=[*share.quarantined, *batch.quarantined],
            cursor=share.following.model_dump_json(exclude_defaults=True),
            complete=share.last,
            server_time=share.time,
            horizon=share.time - EXCLUDED,
            unchanged=share.unchanged,
            marks=batch.marks | continued.marks,
            gone=share.gone,
            continued=frozenset(row.id for row, _ in share.continued),
        )

    def _part(self, share: _Share, batch: Batch) -> Page:
        """What was read of some tickets before Zendesk asked hoist to wait: kept, so that the next run has less to read."""
        self._trouble = batch.trouble
        return Page(
            tickets=batch.tickets,
            quarantined=batch.quarantined,
            cursor=share.place.model_dump_json(exclude_defaults=True),
            complete=False,
            server_time=share.time,
            horizon=share.time - EXCLUDED,
            marks=batch.marks,
        )

    def _shares(self, place: Place, ledger: Ledger) -> Iterator[_Share]:
        while True:
            try:
                whole, rows = self._exported(place)
            except ShareUsedUp:
                return
            known = _known(rows, ledger)
            whole.unchanged = len(known)
            changed = [row for row in rows if row.id not in known]
            yield from self._shared_out(whole, changed, self._continued(changed, place, ledger))
            if whole.last:
                self._events.begin_anew()
                return
            place = whole.following

    def _exported(self, place: Place) -> tuple[_Share, list[TicketRow]]:
        """A page of the export: what is true of all of it, and its tickets that are there. The answer itself is not kept."""
        found = self._client.tickets_since(0, place.after, self._settings.page_size, self._reader.include)
        self._facts.note(found.whole)
        # Zendesk names a cursor also at the end; where it names none the one that was sent goes on being good.
        since = (found.server_time - EXCLUDED - OVERLAP) // SECOND if found.ended else place.since
        following = Place(after=found.cursor or place.after, first=place.first and not found.ended, since=since)
        # One that stands still brings nothing but the same page, whatever the answer says of an end.
        whole = _Share((), found.server_time, place, following, last=found.ended or following.after == place.after)
        rows = {row.id: row for row in self._reader.parsed(found.rows, whole.quarantined)}
        whole.gone = {row.id: row.updated for row in rows.values() if row.is_deleted}
        return whole, [row for row in rows.values() if not row.is_deleted]

    def _continued(self, rows: Sequence[TicketRow], place: Place, ledger: Ledger) -> dict[str, Sequence[Audit]]:
        """What the stream of events tells of tickets, where many have news; of the others their own audits will."""
        if len(rows) <= FEW or not place.since:
            return {}
        self._events.read(place.since, max(row.updated for row in rows))
        known, own = set(ledger.mirrored([row.id for row in rows])), self._facts.own.id
        return {row.id: past for row in rows if row.id in known and (past := self._events.take(row, own)) is not None}

    def _shared_out(self, whole: _Share, rows: Sequence[TicketRow], told: Mapping[str, Sequence[Audit]]) -> Iterator[_Share]:
        """A page's tickets in shares, of which only the last one moves the cursor: the others would be passed over."""
        place = whole.place
        closed = {row.id for row in rows if place.first and row.status == "closed"}
        size = min(_TOGETHER, self._settings.page_size)
        part = partial(_Share, time=whole.time, place=place, following=place, last=False)
        for some in _chunks([row for row in rows if row.id in closed], size):
            yield part((), closed=some)
        for news in _chunks([(row, told[row.id]) for row in rows if row.id in told], size):
            yield part((), continued=news)
        *rest, whole.rows = _chunks([row for row in rows if row.id not in closed and row.id not in told], size) or [()]
        for each in rest:
            yield part(each)
        yield whole


def _chunks(rows: Sequence[Row], size: int) -> list[Sequence[Row]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _known(rows: Sequence[TicketRow], ledger: Ledger) -> set[str]:
    """The tickets that are mirrored as they are, of those of which the export says no more than that they were updated."""
    versions = {row.id: row_version(row) for row in rows if not _by_the_system(row)}
    return set(ledger.unchanged(versions)) if versions else set()


def _by_the_system(row: TicketRow) -> bool:
    """Whether something has changed since the ticket was last updated: its version does not tell."""
    return row.generated is not None and row.generated * SECOND > row.updated + SECOND


def _place(cursor: str | None) -> Place:
    begin = Place(first=True)
    try:
        return begin if cursor is None else Place.model_validate_json(cursor)
    except ValidationError:
        return begin
