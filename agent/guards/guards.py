"""What stands between a change that is due and its being written: pauses and limits, asked by the write stage."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from agent.clock import Clock, SourceClock
from agent.guards.limits import Limiting
from agent.guards.pauses import Pausing
from agent.mirroring import Mirroring
from agent.settings import Limits
from agent.store.database import Database
from agent.store.waiting import WaitingRow
from rules.instants import Instant


class Guards:
    """The guards of one source."""

    def __init__(
        self, database: Database, mirroring: Mirroring, clocks: tuple[Clock, SourceClock], limits: Limits | None = None
    ) -> None:
        """`clocks`: this machine's and the source's. Without `limits` nothing is held."""
        self._database, self._mirroring = database, mirroring
        self._pausing = Pausing(mirroring.source, database, clocks, self._when)
        self._limiting = Limiting(mirroring.source, limits, self._when)

    def _when(self, at: Instant) -> str:
        """An instant as people of the organisation read it, by the rules that are in force then."""
        return self._mirroring.ruling.when(at)

    def load(self, now: Instant) -> None:
        """Take over what the store knows of pauses that are over."""
        with self._database.reading() as db:
            lulls = self._pausing.lulls(db, now)
        self._mirroring.ruling = replace(self._mirroring.ruling, lulls=lulls)

    def standing(self) -> str:
        """Why nothing at all may be written; empty where nothing speaks against it."""
        return self._pausing.standing()

    def bars(self, escalation: int) -> str:
        """Why nothing of an escalation may be sent now; for whichever thread is about to send it."""
        return self._pausing.bars(escalation)

    def turn(self, now: Instant) -> None:
        """Go on after pauses, and look after runs that are held; a transaction only where there is something to do."""
        with self._database.reading() as db:
            over, busy = self._pausing.over(db), self._limiting.busy(db, now)
        if not (over or busy):
            return
        with self._database.transaction() as db:
            if over:
                self._pausing.release(db, self._mirroring.ruling, now)
            if busy:
                self._limiting.turn(db, now)
        if over:
            self.load(now)

    def before_claiming(self, db: Connection, now: Instant) -> None:
        """Keep back what is paused or too much, before rows are claimed."""
        self._pausing.hold_up(db, now)
        self._limiting.hold_what_is_too_much(db, now)

    def of_one_day(self, db: Connection, ticket: str, rows: list[WaitingRow], now: Instant) -> list[WaitingRow]:
        """Of claimed rows of a ticket those that may be written today."""
        return self._limiting.of_one_day(db, ticket, rows, now)
