"""The incremental read: which rows changed since a cursor, table by table, in runs that lose nothing to late commits.

Stamps are whole seconds, and a mass update puts thousands of rows into one, so a page goes on behind the last row's stamp *and*
sys_id. A row is stamped before its transaction commits, which may take as long as the longest transaction: so the next run begins
five minutes before this one began, and the ledger makes that overlap cheap. An empty page is no end while rows follow: row rules
may have taken all of it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.contract import Ledger, Page
from connectors.errors import AskAdmin, TryLater
from connectors.servicenow import wire
from connectors.servicenow.aside import Aside
from connectors.servicenow.client import CutShort, Found, Query, ServiceNowClient
from connectors.servicenow.mapping import row_version
from connectors.servicenow.reading import TicketReader, of_table
from connectors.servicenow.settings import ServiceNowSettings
from connectors.servicenow.wire import Row
from rules.instants import MINUTE, Instant

OVERLAP: Final = 5 * MINUTE
"""How far a run reads back, and how far the horizon lies behind its beginning: the longest transaction allowed for."""
_PAGES: Final = 100_000
_SMALLEST_PAGE: Final = 5
_IN_ORDER: Final = "ORDERBYsys_updated_on^ORDERBYsys_id"


class Place(BaseModel):
    """A cursor: `since` is the beginning of the run's window, the rest where the run under way stands.

    `table` counts the configured tables; `stamp` and `id` are those of the last row seen in it, `offset` the rows behind that one
    which row rules hid. `started` is the server time of the run's first answer. After the last table come the tickets that have
    changed `beside` their rows, and those of which the instance says that they were `deleted`, when.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tables: tuple[str, ...]
    since: Instant | None = None
    table: int = 0
    stamp: str = ""
    id: str = ""
    offset: int = 0
    started: Instant | None = None
    pages: int = 0
    beside: tuple[str, ...] = ()
    deleted: Mapping[str, Instant] = {}

    def where(self) -> str:
        """The condition for the next page."""
        if self.stamp:
            same = f"sys_updated_on={self.stamp}^sys_id>{self.id}"
            return f"sys_updated_on>{self.stamp}^NQ{same}^{_IN_ORDER}"
        since = "" if self.since is None else f"sys_updated_on>={wire.written_stamp(self.since)}^"
        return f"{since}{_IN_ORDER}"

    def behind(self, rows: list[Row], limit: int) -> Place:
        """The place behind a page's rows; a page without any moves on by its size among the hidden ones."""
        last = next((row for row in reversed(rows) if wire.text(row, "sys_updated_on") and wire.text(row, "sys_id")), None)
        if last is None:
            return self.model_copy(update={"offset": self.offset + limit, "pages": self.pages + 1})
        behind = {
            "stamp": wire.text(last, "sys_updated_on"),
            "id": wire.text(last, "sys_id"),
            "offset": 0,
            "pages": self.pages + 1,
        }
        return self.model_copy(update=behind)

    def next_table(self) -> Place:
        """The beginning of the next table."""
        return self.model_copy(update={"table": self.table + 1, "stamp": "", "id": "", "offset": 0})

    def next_run(self, started: Instant) -> Place:
        """Where the next run begins."""
        return Place(tables=self.tables, since=started - OVERLAP)


class ChangedTasks:
    """Runs over the changed tasks of one source, and at their end those of which something beside the row has changed."""

    def __init__(self, client: ServiceNowClient, reader: TicketReader, aside: Aside, settings: ServiceNowSettings) -> None:
        self._client, self._reader, self._aside, self._settings = client, reader, aside, settings

    def pages(self, cursor: str | None, ledger: Ledger) -> Iterator[Page]:
        """The pages from the cursor to the end of its run, each read while the one before it is worked on."""
        page, place = self._next(self._place(cursor), ledger)
        with self._client.ahead() as begin:
            while not page.complete:
                upcoming = begin(partial(self._next, place, ledger))
                yield page
                self._aside.told(page.gone)  # it was kept, or nobody would ask for more
                page, place = upcoming()
        yield page
        self._aside.told(page.gone)

    def _place(self, cursor: str | None) -> Place:
        """A cursor of other tables begins anew: the tickets of a table just added are older than any `since`."""
        tables = self._settings.tables
        if cursor is None:
            return Place(tables=tables)
        try:
            place = Place.model_validate_json(cursor)
        except ValidationError:
            return Place(tables=tables)
        return place if place.tables == tables and place.table < len(tables) + bool(place.beside) else Place(tables=tables)

    def _next(self, place: Place, ledger: Ledger) -> tuple[Page, Place]:
        """The page at a place, and the place after it."""
        if place.table == len(place.tables):
            return self._beside(place)
        if place.pages >= _PAGES:
            raise TryLater(f"{self._client.source}: a run over the changed tickets does not end after {_PAGES} pages", 600.0)
        found, limit = self._found(place)
        rows = [of_table(row, place.tables[place.table]) for row in found.rows if self._is_in_window(row, place)]
        started = place.started or found.server_time
        versions = {wire.text(row, "sys_id"): row_version(row) for row in rows}
        known = set(ledger.unchanged(versions)) if versions else set()
        wanted = [row for row in rows if wire.text(row, "sys_id") not in known]
        batch = self._reader.completed(wanted) if wanted else None
        following = place.model_copy(update={"started": started}).behind(rows, limit)
        complete = False
        if not found.more:
            following = following.next_table()
            if following.table == len(place.tables):
                following = self._with_beside(following, {wire.text(row, "sys_id") for row in wanted})
                complete = not following.beside
        if complete:
            following = place.next_run(started)
        page = Page(
            tickets=batch.tickets if batch else (),
            quarantined=batch.quarantined if batch else (),
            cursor=following.model_dump_json(exclude_defaults=True),
            complete=complete,
            server_time=found.server_time,
            horizon=started - OVERLAP,
            unchanged=len(known),
            marks=batch.marks if batch else {},
        )
        return page, following

    def _with_beside(self, place: Place, read: Container[str]) -> Place:
        """The place with what there is to read beside the rows; what has just been read is left out."""
        if place.since is None:
            return place
        found = self._aside.look(self._client, place.since)
        touched = [id_ for id_ in found.touched if id_ not in read and id_ not in found.deleted]
        return place.model_copy(update={"beside": (*touched, *found.deleted), "deleted": found.deleted})

    def _beside(self, place: Place) -> tuple[Page, Place]:
        """A page of tickets whose service levels or tags have changed, and the place after it."""
        now, rest = place.beside[: self._settings.page_size], place.beside[self._settings.page_size :]
        reading = self._reader.read(now)
        started = place.started or reading.server_time
        following = place.model_copy(update={"beside": rest}) if rest else place.next_run(started)
        page = Page(
            tickets=reading.tickets,
            quarantined=reading.quarantined,
            cursor=following.model_dump_json(exclude_defaults=True),
            complete=not rest,
            server_time=reading.server_time,
            horizon=started - OVERLAP,
            marks=reading.marks,
            gone={id_: place.deleted[id_] for id_ in reading.gone if id_ in place.deleted},
        )
        return page, following

    def _found(self, place: Place) -> tuple[Found, int]:
        """A page of rows and its size, which is halved as long as the instance stops in the middle of its answer."""
        table, limit = place.tables[place.table], self._settings.page_size
        query = Query(
            table,
            place.where(),
            self._reader.columns(table),
            limit=limit,
            offset=place.offset,
            labels=True,
            counted=place.since
            is not None,  # a first mirror goes over the whole table, and to count it anew for each page is dear
        )
        while True:
            try:
                return self._client.page(query), query.limit
            except CutShort:
                if query.limit <= _SMALLEST_PAGE:
                    raise
            query = replace(query, limit=query.limit // 2)

    def _is_in_window(self, row: Row, place: Place) -> bool:
        """Whether a row is one that was asked for. An instance that ignores the condition would answer with the whole table."""
        earliest = place.stamp or ("" if place.since is None else wire.written_stamp(place.since))
        stamp = wire.text(row, "sys_updated_on")
        if stamp and stamp < earliest:
            raise AskAdmin(
                f"{self._client.source}: the instance ignores a condition on {place.tables[place.table]}.sys_updated_on, or "
                f"reads it in another time zone: let hoist's account read that column, and set the account's time zone to GMT"
            )
        return True
