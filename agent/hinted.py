"""The hinted stage: tickets of which a webhook told are read at once, by id, and mirrored as any other read.

A hint stays in the store until a read that began after it was mirrored, in the same transaction. It says nothing of what changed:
where polling has read the ticket meanwhile, nothing is left to do.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from agent.clock import Clock, SourceClock, steady
from agent.foreign import Foreign
from agent.mirroring import Mirroring
from agent.store import hints, journal, mirrored
from agent.store.database import Database
from agent.store.hints import Heard, Hint
from connectors.contract import Connector, Reading
from connectors.errors import ConnectorError, GiveUp
from rules.instants import FOREVER, HOUR, MINUTE, SECOND, Instant, written

log = logging.getLogger("hoist")

READ_TOGETHER: Final = 20
LOOKED_THROUGH: Final = 200
"""Hints of which those are chosen that are ready to be read."""
SPACING: Final = 2 * SECOND
"""Between two reads of one ticket that hints ask for: ten thousand hints of one ticket are some reads."""
LEFT_TO_POLLING_AFTER: Final = 15 * MINUTE
SILENT_AFTER: Final = 30 * MINUTE
MOST_LOST: Final = 10
"""Tickets that are taken for gone in an hour because a webhook told of them."""
MOST_COMPARED: Final = 10_000
ENOUGH_MISSED: Final = 3
"""Changes that polling found first, before a webhook is said to be silent: some changes no platform tells of."""


class Hinted:
    """The hints of one source."""

    def __init__(
        self, connector: Connector, database: Database, mirroring: Mirroring, clocks: tuple[Clock, SourceClock], foreign: Foreign
    ) -> None:
        """`clocks`: this machine's and the source's."""
        self._connector, self._database, self._mirroring, self._foreign = connector, database, mirroring, foreign
        self._source = mirroring.source
        self._clock, self._source_clock = clocks
        self._announced, self._wake = threading.Event(), threading.Event()
        self._next = 0  # a former process may have left some
        self._read_at: dict[str, int] = {}
        self._lost_at: list[Instant] = []
        self.watched = False
        """Whether the source has a webhook, so that what it misses is worth a word."""

    def announce(self) -> None:
        """There is a hint in the store; may be called from another thread."""
        self._announced.set()
        self._wake.set()

    def wait(self, seconds: float) -> None:
        """Wait so long, or until there is one more hint."""
        self._wake.wait(seconds)
        self._wake.clear()

    def next_due(self) -> int:
        """When there is a ticket to read, in steady milliseconds; FOREVER where none is."""
        return 0 if self._announced.is_set() else self._next

    def turn(self) -> bool:
        """Read what has to be read; False where nothing had to."""
        now = steady(self._clock)
        if now < self.next_due():
            return False
        self._announced.clear()
        with self._database.reading() as db:
            waiting = hints.waiting(db, self._source, LOOKED_THROUGH)
        self._forget_old_reads(now)
        answered = [hint for hint in waiting if hint.was_read_since]
        rest = [hint for hint in waiting if not hint.was_read_since]
        ready = [hint for hint in rest if self._may_read(hint, now)][:READ_TOGETHER]
        self._next = min((self._read_at[hint.ticket] + SPACING for hint in rest if hint.ticket in self._read_at), default=FOREVER)
        if answered:
            with self._database.transaction() as db:
                self._taken(db, answered)
            self._next = now  # others may stand behind them
        if ready:
            self._next = now  # also where the read fails, or a later hint of these came meanwhile
            self._read(ready)
        return bool(ready)

    def _may_read(self, hint: Hint, now: int) -> bool:
        return now >= self._read_at.get(hint.ticket, -SPACING) + SPACING

    def _forget_old_reads(self, now: int) -> None:
        self._read_at = {ticket: at for ticket, at in self._read_at.items() if now < at + SILENT_AFTER}

    def _read(self, ready: list[Hint]) -> None:
        begun = steady(self._clock)
        self._read_at |= {hint.ticket: begun for hint in ready}
        try:
            reading = self._connector.read([hint.ticket for hint in ready])
        except GiveUp as error:
            log.warning("%s: tickets of which a webhook told can't be read, and are left to polling: %s", self._source, error)
            self._leave_to_polling(ready)
            return
        except ConnectorError:
            self._leave_to_polling([hint for hint in ready if self._is_old(hint)])
            raise
        self._source_clock.observe(reading.server_time)
        with self._database.transaction() as db:
            self._keep(db, reading)
            self._taken(db, ready)

    def _is_old(self, hint: Hint) -> bool:
        return hint.at + LEFT_TO_POLLING_AFTER < self._source_clock.now()

    def _leave_to_polling(self, left: list[Hint]) -> None:
        """What can't be read by id for so long must not keep others waiting: polling reads it, or says what is wrong with it."""
        if left:
            with self._database.transaction() as db:
                self._taken(db, left)

    def _keep(self, db: Connection, reading: Reading) -> None:
        now = self._source_clock.now()
        self._mirroring.keep(db, reading.tickets, now)
        self._foreign.see(db, reading.marks, now)
        self._mirroring.quarantine(db, reading.quarantined, reading.server_time)
        for ticket, known in mirrored.mirrored(db, self._source, list(reading.gone)).items():
            if known.ticket.gone is None and self._believes_in_loss(now):
                self._mirroring.gone(db, ticket, reading.server_time, now)
                why = reading.why_gone.get(ticket, "a webhook told of it, and the helpdesk has it no more")
                journal.append(db, "gone", now, self._source, ticket, reason=why)

    def _believes_in_loss(self, now: Instant) -> bool:
        """A few tickets are deleted in an hour. Where many vanish, hoist may have lost a permission: the census will tell."""
        self._lost_at = [at for at in self._lost_at if at > now - HOUR]
        if len(self._lost_at) >= MOST_LOST:
            return False
        self._lost_at.append(now)
        return True

    def _taken(self, db: Connection, answered: Iterable[Hint]) -> None:
        hints.taken(db, self._source, {hint.ticket: hint.number for hint in answered})

    def found_by_polling(self, db: Connection, tickets: Iterable[str]) -> None:
        """Polling was first to find that these had changed: those of which no webhook has told lately are counted as missed."""
        if not self.watched:
            return
        told = {hint.ticket for hint in hints.waiting(db, self._source, MOST_COMPARED)} | self._read_at.keys()
        if missed := len(set(tickets) - told):
            hints.missed(db, self._source, missed, self._clock.now())


def silence(heard: Heard, now: Instant) -> str:
    """What is wrong with a webhook that tells nothing although there are changes; empty where nothing is."""
    since = max(heard.heard_at, heard.missed_since)
    if heard.missed < ENOUGH_MISSED or now - since < SILENT_AFTER:
        return ""
    before = f"since {written(heard.heard_at)}" if heard.heard_at else "yet"
    return (
        f"its webhook has told nothing {before}, though polling found {heard.missed:,} changes: look at the helpdesk's own list"
        " of deliveries, the proxy and the secret (docs/webhooks.md); polling goes on, only later"
    )
