"""The incremental read: which issues changed since a cursor, in runs that lose nothing to a lagging index.

A run searches `updated >= since` in the order of `updated`, page by page, and hands out what the ledger does not know yet. Jira's
index lags behind its database (seconds, minutes after bulk edits), so the next run begins five minutes before this one began;
the ledger makes that overlap cheap. `since` moves on the last page of a run only: rows that change while a run is under way
move to its end, and a run that breaks off goes on at its page token or begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.contract import Ledger, Page, Quarantined
from connectors.errors import AskAdmin, TryLater
from connectors.http import Refused
from connectors.jira.client import JiraClient, Search
from connectors.jira.facts import SiteFacts
from connectors.jira.mapping import row_version
from connectors.jira.reading import Batch, TicketReader
from connectors.jira.settings import JiraSettings
from connectors.jira.wire import Rows
from rules.instants import HOUR, MINUTE, Instant

OVERLAP: Final = 5 * MINUTE
"""How far a run reads back, and how far the horizon lies behind a run's beginning: the lag of the index that is allowed for."""
_LONGEST_HOLD: Final = HOUR
_PAGES: Final = 50_000
_NOTHING: Final = Batch((), (), {}, 0, {})


class Place(BaseModel):
    """A cursor. `since` and `token` say where to go on; the rest is what the run under way has learnt.

    `started` is the server time of the run's first answer, `seen` the newest `updated` it met, `held` the oldest `updated` of a
    row that the index has and the database did not give.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    projects: tuple[str, ...]
    since: Instant | None = None
    token: str | None = None
    started: Instant | None = None
    seen: Instant | None = None
    held: Instant | None = None
    pages: int = 0

    def next_run(self, started: Instant) -> Place:
        """Where the next run begins: never later than any row that this one may not have been shown."""
        since = min(started - OVERLAP, started - OVERLAP if self.seen is None else self.seen)
        if self.held is not None:
            # A row that never comes must not hold the cursor for ever: after an hour it is an orphan of the index.
            since = min(since, max(self.held, started - _LONGEST_HOLD))
        return Place(projects=self.projects, since=since)


@dataclass(slots=True)
class _Way:
    """What a run has met since hoist took it up: its page tokens, and whether one of them was refused."""

    tokens: set[str]
    begun_anew: bool = False


class ChangedIssues:
    """Runs over the changed issues of one source."""

    def __init__(self, client: JiraClient, facts: SiteFacts, reader: TicketReader, settings: JiraSettings) -> None:
        self._client = client
        self._facts = facts
        self._reader = reader
        self._settings = settings

    def pages(self, cursor: str | None, ledger: Ledger) -> Iterator[Page]:
        """The pages from the cursor to the end of its run, each read while the one before it is worked on.

        The ledger may thus be asked about a page before the former one is in it. No ticket is in both, unless the index has moved
        it on in between, and then it has changed or is read once too often.
        """
        run = self._run(self._place(cursor), ledger)
        page = next(run)
        with self._client.ahead() as begin:
            while not page.complete:
                upcoming = begin(partial(next, run))
                yield page
                page = upcoming()
        yield page

    def _run(self, place: Place, ledger: Ledger) -> Iterator[Page]:
        """The pages from a place on; the last one is complete."""
        way = _Way({place.token} if place.token else set())
        while True:
            for page, following in self._searched(place, way, ledger):
                place = following
                yield page
            if page.complete:
                return

    def _place(self, cursor: str | None) -> Place:
        """A cursor of other projects begins anew: the tickets of a project just added are older than any `since`."""
        projects = self._settings.projects
        if cursor is None:
            return Place(projects=projects)
        try:
            place = Place.model_validate_json(cursor)
        except ValidationError:
            return Place(projects=projects)
        return place if place.projects == projects else Place(projects=projects)

    def _search(self, place: Place, way: _Way) -> tuple[Place, Rows, Instant]:
        """The next page of rows; a token that Jira no longer takes (they live seven days) begins the run anew, once."""
        if place.pages >= _PAGES:
            raise TryLater(f"{self._client.source}: a run over the changed tickets does not end after {_PAGES} pages", 600.0)
        found = self._asked(place)
        if found.rows is None:
            if way.begun_anew:
                raise TryLater(f"{self._client.source}: Jira's search refuses its own page tokens; hoist asks again", 30.0)
            way.begun_anew, way.tokens = True, set()
            place = Place(projects=place.projects, since=place.since)
            found = self._asked(place)
        rows: Rows = found.rows or {}
        if place.started is None:
            place = place.model_copy(update={"started": found.answer.server_time})
            if not rows.get("issues") and rows.get("next_token") is None:
                # An expired credential looks like an empty site.
                self._facts.identify()
        return place, rows, found.answer.server_time

    def _asked(self, place: Place) -> Search:
        try:
            return self._client.changed(place.projects, place.since, self._settings.search_size, place.token)
        except Refused as refusal:
            said = str(refusal)
        raise AskAdmin(f"{said}; correct `projects`, or grant hoist's account Browse projects there")

    def _next_token(self, rows: Rows, way: _Way) -> str | None:
        token = rows.get("next_token")
        if token is None and rows.get("is_last") is False:
            raise TryLater(f"{self._client.source}: Jira says that more tickets follow but not where; hoist asks again", 30.0)
        if token in way.tokens:
            raise TryLater(
                f"{self._client.source}: Jira's search turns in a circle (a page token came twice); hoist asks again", 30.0
            )
        if token is not None:
            way.tokens.add(token)
        return token

    def _searched(self, place: Place, way: _Way, ledger: Ledger) -> Iterator[tuple[Page, Place]]:
        """What one page of the search shows, as pages of issues, each with the place after it.

        Rows are light and issues are not, so one search serves several reads. Until the last of them the place stays where it is:
        a run that breaks off in between searches there once more, and the ledger knows what was kept.
        """
        place, rows, server_time = self._search(place, way)
        token = self._next_token(rows, way)
        started = place.started or server_time
        stamps = {row["id"]: row["fields"]["updated"] for row in rows.get("issues", ())}
        versions = {id_: row_version(updated) for id_, updated in stamps.items()}
        known = set(ledger.unchanged(versions)) if versions else set()
        wanted = [id_ for id_ in versions if id_ not in known]
        size = self._settings.page_size
        for start in range(0, max(len(wanted), 1), size):
            last = start + size >= len(wanted)
            ids = wanted[start : start + size]
            batch = self._reader.batch(ids) if ids else _NOTHING
            # Not named at all: left for the next run, which begins before it. Named with an error: kept apart with Jira's words.
            held = [stamps[id_] for id_, said in batch.missing.items() if not said]
            if held:
                place = place.model_copy(update={"held": min([*held, *([] if place.held is None else [place.held])])})
            if last:
                place = self._after(place, token, max(stamps.values(), default=place.seen), started)
            yield self._page(batch, place, server_time, started, known=len(known) if last else 0, last=last and token is None)

    def _after(self, place: Place, token: str | None, seen: Instant | None, started: Instant) -> Place:
        """The place after a page of the search."""
        after = place.model_copy(update={"token": token, "seen": seen, "pages": place.pages + 1})
        return after if token is not None else after.next_run(started)

    def _page(self, batch: Batch, place: Place, at: Instant, started: Instant, *, known: int, last: bool) -> tuple[Page, Place]:
        source, missing = self._client.source, batch.missing
        refused = [Quarantined(id_, "", f"{source}:{id_}: {said}", "") for id_, said in missing.items() if said]
        page = Page(
            tickets=batch.tickets,
            quarantined=[*batch.quarantined, *refused],
            cursor=place.model_dump_json(exclude_defaults=True),
            complete=last,
            server_time=at,
            horizon=started - OVERLAP,
            unchanged=known,
            marks=batch.marks,
        )
        return page, place
