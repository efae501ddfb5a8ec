"""The sweep of SLA clocks: what moves about a request while its `updated` stays.

A clock runs out, rests and is set anew without a trace in `updated`: when a calendar or a goal is changed, when the desk
counts late. So requests with a clock that runs and is near its end, or past it, are searched every ten minutes, and those whose
clock shows another end than before are read. When a clock is due is known from any read before; nothing waits for a sweep to find
that it was missed. https://support.atlassian.com/jira-service-management-cloud/docs/advanced-search-reference-jql-functions/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from connectors.contract import Page
from connectors.errors import TryLater
from connectors.http import Refused
from connectors.jira.client import Clocks, JiraClient
from connectors.jira.facts import SiteFacts
from connectors.jira.reading import BATCH, TicketReader
from connectors.jira.service_desk import dues
from rules.instants import MINUTE, Instant
from rules.ticket import Value

EVERY: Final = 10 * MINUTE
AHEAD: Final = "4h"
"""A clock that ends later than so can wait for its request to change, or for its end to come nearer."""
_PAGES: Final = 1_000

Dues = tuple[Value, ...]


class ClockSweep:
    """Sweeps of one source, after its runs. What the last one showed is remembered."""

    def __init__(self, client: JiraClient, facts: SiteFacts, reader: TicketReader, projects: Sequence[str]) -> None:
        self._client, self._facts, self._reader, self._projects = client, facts, reader, projects
        self._seen: Mapping[str, Dues] = {}
        self._at: Instant | None = None

    def after(self, run: Iterator[Page]) -> Iterator[Page]:
        """The pages of a run, and then those of a sweep where one is due: they leave cursor and horizon as they are."""
        last: Page | None = None
        for page in run:
            last = page
            yield page
        if last is None or not last.complete or (self._at is not None and last.server_time - self._at < EVERY):
            return
        if clocks := tuple(self._facts.site().beside.clocks):
            yield from self._swept(clocks, last)

    def problem(self) -> str:
        """Why the clocks can't be searched, as a sentence; empty where they can."""
        clocks = tuple(self._facts.site().beside.clocks)
        if not clocks:
            return ""
        try:
            self._client.clocks(self._jql(clocks), clocks, None)
        except Refused as refusal:
            return f"{refusal}; the SLAs that `targets` names can't be searched: make hoist's account an agent, or take them out"
        return ""

    def _swept(self, clocks: Sequence[str], last: Page) -> Iterator[Page]:
        shown = {id_: dues(fields, clocks) for page in self._pages(clocks) for id_, fields in page.rows.items()}
        # Those that are no longer there have moved, too: stopped, or to an end further away.
        moved = [id_ for id_ in {**shown, **self._seen} if shown.get(id_) != self._seen.get(id_)]
        for start in range(0, len(moved), BATCH):
            read = self._reader.read(moved[start : start + BATCH])
            yield Page(
                read.tickets, read.quarantined, last.cursor, complete=False, server_time=read.server_time, horizon=last.horizon,
                marks=read.marks,
            )  # fmt: skip
        self._seen, self._at = shown, last.server_time

    def _pages(self, clocks: Sequence[str]) -> Iterator[Clocks]:
        token: str | None = None
        for _ in range(_PAGES):
            page = self._client.clocks(self._jql(clocks), clocks, token)
            yield page
            if page.token is None:
                return
            if page.token == token:
                break
            token = page.token
        raise TryLater(f"{self._client.source}: Jira's search of SLA clocks does not end; hoist asks again", 60.0)

    def _jql(self, clocks: Sequence[str]) -> str:
        projects = ", ".join(f'"{project}"' for project in self._projects)
        named = [f"cf[{id_.rpartition('_')[2]}]" for id_ in clocks]
        near = " OR ".join(f'({name} = running() AND {name} < remaining("{AHEAD}"))' for name in named)
        return f"project in ({projects}) AND ({near}) ORDER BY created ASC, id ASC"
