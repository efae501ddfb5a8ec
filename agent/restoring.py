"""After a restore of hoist's own store: what it did since the backup is read back from the marks that it left in the source.

A firing whose mark is found was written, and is recorded so. One on a ticket that bears no mark but those the store knows was
not, and goes the way of any firing that fell due during an outage. On a ticket with marks that the store can't explain nobody can
tell: it stays with a person. The same is asked of escalations that were under way when the backup was made
(`agent.write_back.half_done`).

Marks are read once no request of before the restore can take effect any more: the absence of one proves nothing earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from sqlalchemy import Connection

from agent.settings import Policy
from agent.store import episodes, journal, operations, outages, waiting
from agent.store.database import Database
from agent.store.outages import Outage
from agent.store.states import UNDER_WAY, RowState
from agent.store.waiting import WaitingRow
from agent.write_back.half_done import UNCLEAR, HalfDone, Told
from connectors.contract import Connector
from connectors.errors import Gone
from rules.escalation import Operation
from rules.instants import SECOND, Instant


class Restoring:
    """The reading back of one source."""

    def __init__(self, source: str, connector: Connector, database: Database, mark: Callable[[str], str], policy: Policy) -> None:
        self._source, self._connector, self._database = source, connector, database
        self._mark, self._policy = mark, policy
        self._request_life = int(connector.capabilities.request_life_seconds * SECOND)

    def begins(self, outage: Outage) -> Instant:
        """From when on marks may be read, on the source's clock."""
        return outage.ended + self._request_life

    def step(self, outage: Outage, now: Instant) -> Outage:
        """Read one ticket's marks back; the outage as it is then, an ordinary one once every ticket was asked."""
        with self._database.reading() as db:
            waits = self._unasked(db, outage)
        if not waits:
            return self._end(outage, now)
        ticket = waits[0].key.ticket
        try:
            marks = self._connector.marks(ticket)
        except Gone:
            marks = ()
        with self._database.transaction() as db:
            self._tell(db, outage, ticket, marks, now)
        return outage

    def _unasked(self, db: Connection, outage: Outage) -> list[WaitingRow]:
        rows = waiting.of_source(db, self._source, (RowState.BACKLOG, *UNDER_WAY))
        return [row for row in rows if row.instant < outage.ended and row.problem == outage.reason]

    def _tell(self, db: Connection, outage: Outage, ticket: str, marks: Collection[str], now: Instant) -> None:
        rows = [row for row in self._unasked(db, outage) if row.key.ticket == ticket]
        known = {mark for row in operations.of_ticket(db, self._source, ticket) for mark in _all_marks(row.operation)}
        own = {self._mark(str(row.key)): row for row in waiting.of_ticket(db, self._source, ticket)}
        unexplained = set(marks) - known - set(own)
        told = Told(db, self._mark, marks, set(marks) - known, outage.began, now)
        for number in dict.fromkeys(row.escalation for row in rows if row.escalation is not None and row.state in UNDER_WAY):
            HalfDone(told, number).settle()
        settled = _Settled(self._policy.from_(outage.ended), now)
        for row in (each for each in rows if each.state is RowState.BACKLOG):
            if self._mark(str(row.key)) in marks:
                settled.written(db, row)
            elif told.unexplained:
                settled.unclear(db, row, UNCLEAR)
            else:
                settled.released(db, row, replace(outage, restored=False).reason)
        if unexplained:
            journal.append(db, "marks-unexplained", now, self._source, ticket, number=len(unexplained))

    def _end(self, outage: Outage, now: Instant) -> Outage:
        ended = replace(outage, restored=False, catch_up_from=self._policy.from_(outage.ended))
        with self._database.transaction() as db:
            outages.change(db, outage, restored=outages.READ_BACK, catch_up_from=ended.catch_up_from)
            journal.append(db, "marks-read-back", now, self._source)
        return ended


class _Settled:
    """What becomes of a firing that may have been written."""

    def __init__(self, catch_up_from: Instant, now: Instant) -> None:
        self._catch_up_from, self._now = catch_up_from, now

    def written(self, db: Connection, row: WaitingRow) -> None:
        """Its mark was found."""
        key = row.key
        said = "its mark was read back from the source"
        waiting.move(db, row, RowState.APPLIED, self._now, {}, "read-back", settled_at=self._now, problem=said)
        episodes.apply(db, key.source, key.ticket, key.rule, key.episode, self._now)

    def unclear(self, db: Connection, row: WaitingRow, why: str) -> None:
        """Nobody can tell."""
        waiting.note(db, row, why)

    def released(self, db: Connection, row: WaitingRow, why: str) -> None:
        """It was not written."""
        if row.instant >= self._catch_up_from:
            waiting.move(db, row, RowState.PLANNED, self._now, not_before=self._now, problem="")
        else:
            waiting.note(db, row, why)


def _all_marks(operation: Operation) -> Collection[str]:
    return (operation.marker, *operation.firing_markers)
