"""The census stage: once a day every ticket of a source is counted by its id, so that a mirror knows whether it is complete.

    listing  everything that the source lists is laid beside the mirror
    reading  what is listed and not mirrored so is read: each such ticket that the mirror claimed to have was missed
    seeking  what is mirrored and not listed is read by id: gone, moved away, or there all the same
    judging  every ticket is judged once more: what should have been decided by now and was not, was lost

Each step is one request, or one batch of tickets; then the census rests for several times as long as that took. Where it stands
is in the store, so that it goes on after a restart. Should many open tickets vanish at once, hoist has lost a permission rather
than they their existence: none is taken for gone, and nothing is written, until they come back or an administrator says so.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from agent import clusters
from agent.clock import Clock, SourceClock, steady
from agent.evaluate import Decision, decide
from agent.mirroring import Mirroring
from agent.store import censuses, episodes, journal, mirrored, sources, waiting
from agent.store.censuses import VANISHED, Census, Held, Phase, Row, Seen
from agent.store.database import Database
from agent.store.journal import Personal
from agent.store.mirrored import Mirrored
from connectors.contract import CensusPage, Connector, Listed
from rules.instants import FOREVER, MINUTE, Instant
from rules.ticket import Ticket

READ_TOGETHER: Final = 100
SOUGHT_TOGETHER: Final = 20
"""Fewer than are read together elsewhere: of what is gone, a platform may be asked one by one."""
JUDGED_TOGETHER: Final = 200
RESTS_FOR: Final = 4
"""Times as long as a step took: of a source's read budget the census takes a fifth."""
SHORTEST_REST: Final = 100
AGAIN: Final = 2 * MINUTE
"""After how long tickets that have vanished in numbers are looked for again."""
NEVER_ALARMING: Final = 10
SHARE: Final = 50
"""One open ticket in so many may vanish between two censuses, or ten, if that is more; but never more than half of them."""
A_FEW: Final = 2


class Censuses:
    """The censuses of one source."""

    def __init__(
        self, connector: Connector, database: Database, mirroring: Mirroring, clocks: tuple[Clock, SourceClock], every: int
    ) -> None:
        """`clocks`: this machine's and the source's. `every` in milliseconds; 0: never."""
        self._connector, self._database, self._mirroring = connector, database, mirroring
        self._source = mirroring.source
        self._clock, self._source_clock = clocks
        self._every = every
        self._next = 0
        self._gone_before = 0
        with database.reading() as db:
            under_way = censuses.latest(db, self._source, finished=False)
            row = sources.found_source(db, self._source)
        self._read_before = row is not None and row.horizon > 0
        self.alarm = "" if under_way is None else under_way.alarm
        """What is wrong by the census under way; empty where nothing is."""

    @property
    def standing(self) -> str:
        """Why nothing may be written now; empty where nothing speaks against it."""
        if self.alarm or not self._suspicious():
            return self.alarm
        return "several tickets in a row had vanished when they were to be written: nothing is until all of them are counted"

    def _suspicious(self) -> bool:
        """Tickets vanish one by one as they are written: rather than bury them all like that, hoist counts first."""
        return self._every > 0 and self._mirroring.counts.gone - self._gone_before > A_FEW

    def next_due(self) -> int:
        """When there is a step to take, in steady milliseconds; FOREVER where there is no census at all."""
        return self._next if self._every else FOREVER

    def turn(self) -> bool:
        """Take a step if one is due; False where there was none."""
        begun = steady(self._clock)
        if self._suspicious() and not self.alarm:
            self._next = min(self._next, begun)
        if not self._every or begun < self._next:
            return False
        census = self._under_way()
        if census is None:
            return False
        rest = self._step(census)
        took = steady(self._clock) - begun
        self._next = steady(self._clock) + max(rest, SHORTEST_REST, took * RESTS_FOR)
        return True

    def finish(self) -> None:
        """Take every step at once, unless the alarm is raised.

        What this very process has read for the first time waits for the next one: it proves little about what was missed.
        """
        while self._read_before and self._every and not self.alarm and (census := self._under_way()) is not None:
            self._step(census)

    def _under_way(self) -> Census | None:
        """The census to go on with, begun if it is time; None where it is not, or the mirror was never read to the end."""
        now = self._source_clock.now()
        with self._database.reading() as db:
            census = censuses.latest(db, self._source, finished=False)
            last = censuses.latest(db, self._source, finished=True)
            row = sources.found_source(db, self._source)
        if census is not None:
            return census
        if row is None or not row.horizon:
            self._next = steady(self._clock) + MINUTE
        elif last is not None and (due := last.started_at + self._every) > now and not self._suspicious():
            self._next = steady(self._clock) + due - now
        else:
            with self._database.transaction() as db:
                return censuses.begin(db, self._source, now)
        return None

    def _step(self, census: Census) -> int:
        """One step; gives the milliseconds to rest at least."""
        match census.phase:
            case Phase.LISTING:
                self._list(census)
            case Phase.READING:
                self._read(census)
            case Phase.SEEKING:
                return self._seek(census)
            case Phase.JUDGING:
                self._judge(census)
        return 0

    # --- listing -------------------------------------------------------------------------------------------------------

    def _list(self, census: Census) -> None:
        page = self._connector.census(census.cursor)
        self._source_clock.observe(page.server_time)
        with self._database.transaction() as db:
            censuses.note(db, self._source, page.tickets, self._wanting(db, page))
            if page.cursor is not None:
                censuses.change(db, census, cursor=page.cursor)
            else:
                censuses.change(db, census, phase=Phase.READING.value, cursor=None, listed=censuses.count(db, self._source))

    def _wanting(self, db: Connection, page: CensusPage) -> set[str]:
        """The tickets of a page that the mirror has not, or in a version older than the one listed.

        What changed after the mirror's horizon is not wanting yet: the next poll reads it.
        """
        row = sources.source_row(db, self._source)
        held = censuses.held(db, self._source, page.tickets)
        found = {id_ for id_, listed in page.tickets.items() if _wants(held.get(id_), listed, row.horizon)}
        return found - censuses.quarantined(db, self._source, found) if found else found

    # --- reading -------------------------------------------------------------------------------------------------------

    def _read(self, census: Census) -> None:
        with self._database.reading() as db:
            rows = {row.id: row for row in censuses.rows(db, self._source, [Seen.WANTING], READ_TOGETHER)}
        if not rows:
            with self._database.transaction() as db:
                censuses.note_unlisted(db, census)
                censuses.change(db, census, phase=Phase.SEEKING.value)
            return
        reading = self._connector.read(list(rows))
        self._source_clock.observe(reading.server_time)
        with self._database.transaction() as db:
            horizon = sources.source_row(db, self._source).horizon
            held = censuses.held(db, self._source, rows)
            for ticket in reading.tickets:
                self._count(db, census, ticket, rows[ticket.ref.id], held.get(ticket.ref.id), horizon)
            self._mirroring.quarantine(db, reading.quarantined, reading.server_time)
            self._mirroring.keep(db, reading.tickets, self._source_clock.now())
            censuses.set_state(db, self._source, rows, Seen.READ)

    def _count(self, db: Connection, census: Census, read: Ticket, row: Row, held: Held | None, horizon: Instant) -> None:
        """One that the mirror should have had was missed; one that it had held for gone is back."""
        if held is not None and held.gone is not None:
            censuses.add(db, census, returned=1)
            journal.append(db, "census-returned", read.known, self._source, read.ref.id)
        elif (row.updated if row.updated is not None else read.created) <= horizon and (held is None or _older(held, row, read)):
            censuses.add(db, census, missed=1)
            told = "" if held is None else held.version
            journal.append(db, "census-missed", read.known, self._source, read.ref.id, mirrored=told, found=read.version)

    # --- seeking -------------------------------------------------------------------------------------------------------

    def _seek(self, census: Census) -> int:
        """What is gone is buried when all was sought and it is not too much; else the alarm is raised."""
        if self.alarm and not census.accepted_by:
            return self._seek_again(census)
        with self._database.reading() as db:
            rows = censuses.rows(db, self._source, [Seen.UNLISTED], SOUGHT_TOGETHER)
            some_open = censuses.count_open(db, self._source) if rows and not census.open else census.open
        if rows:
            self._sought(census, rows, open=some_open)
            self._alarm(census, some_open)
        elif self._buried(census):
            with self._database.transaction() as db:
                censuses.change(db, census, phase=Phase.JUDGING.value, cursor=None)
        return 0

    def _seek_again(self, census: Census) -> int:
        """Have some come back of those that vanished? They are looked for in turns, a few at a time."""
        with self._database.reading() as db:
            rows = censuses.rows(db, self._source, [Seen.VANISHED], SOUGHT_TOGETHER, census.cursor or "")
        vanished = self._sought(census, rows, cursor=rows[-1].id if rows else None)
        self._alarm(census, census.open)
        return AGAIN if vanished == len(rows) else 0

    def _sought(self, census: Census, rows: list[Row], **values: int | str | None) -> int:
        """Read these by id, and set columns of the census with them; gives how many of them the source does not give."""
        reading = self._connector.read([row.id for row in rows])
        self._source_clock.observe(reading.server_time)
        with self._database.transaction() as db:
            censuses.change(db, census, **values)
            self._mirroring.quarantine(db, reading.quarantined, reading.server_time)
            self._mirroring.keep(db, reading.tickets, self._source_clock.now())
            there = {ticket.ref.id for ticket in reading.tickets} | {each.id for each in reading.quarantined}
            censuses.set_state(db, self._source, there, Seen.FOUND)
            opened = censuses.opened(db, self._source, reading.gone)
            for id_ in reading.gone:
                state = Seen.VANISHED if id_ in opened else Seen.VANISHED_CLOSED
                censuses.set_state(db, self._source, [id_], state, reading.why_gone.get(id_, ""))
        return len(reading.gone)

    def _alarm(self, census: Census, some_open: int) -> None:
        """Raise the alarm, or end it, by how many open tickets have vanished so far."""
        with self._database.reading() as db:
            vanished = censuses.count(db, self._source, [Seen.VANISHED])
        alarm = ""
        if vanished > tolerated(some_open) and not census.accepted_by:
            alarm = (
                f"{vanished:,} or more of {some_open:,} open tickets have vanished at once, as when hoist's account loses a "
                f"permission: none of them is taken for gone and nothing is written. Give the permission back, or, if they are "
                f"gone indeed, say so with hoist census accept {self._source}"
            )
        if bool(alarm) != bool(self.alarm):
            self._say(census, alarm)

    def _say(self, census: Census, alarm: str) -> None:
        with self._database.transaction() as db:
            censuses.change(db, census, alarm=alarm)
            kind = "census-alarm" if alarm else "census-alarm-ended"
            accepted: dict[str, Any] = {"accepted_by": Personal(census.accepted_by)} if census.accepted_by else {}
            journal.append(db, kind, self._source_clock.now(), self._source, said=alarm, **accepted)
        self.alarm = alarm

    def _buried(self, census: Census) -> bool:
        """Some of the tickets that are gone are marked so; True where none is left."""
        if self.alarm:
            self._say(census, "")
        now = self._source_clock.now()
        with self._database.transaction() as db:
            rows = censuses.rows(db, self._source, VANISHED, JUDGED_TOGETHER)
            for row in rows:
                self._mirroring.gone(db, row.id, now, now)
                why = row.why or "the source no longer gives it: it was deleted, or hidden from hoist's account"
                journal.append(db, "gone", now, self._source, row.id, reason=why)
            ids = [row.id for row in rows]
            self._mirroring.look_at(db, list(mirrored.mirrored(db, self._source, ids).values()), now)
            censuses.set_state(db, self._source, ids, Seen.BURIED)
            censuses.add(db, census, gone=len(rows))
        return not rows

    # --- judging -------------------------------------------------------------------------------------------------------

    def _judge(self, census: Census) -> None:
        now = self._source_clock.now()
        with self._database.transaction() as db:
            batch = mirrored.after(db, self._source, census.cursor or "", JUDGED_TOGETHER)
            lost = self._overlooked(db, batch, now)
            self._mirroring.look_at(db, lost, now)
            censuses.add(db, census, lost=len(lost))
            for each in lost:
                journal.append(db, "census-overlooked", now, self._source, each.ticket.ref.id, next_look=each.next_look)
            if batch:
                censuses.change(db, census, cursor=batch[-1].ticket.ref.id)
            else:
                self._end(db, census, now)

    def _overlooked(self, db: Connection, batch: list[Mirrored], now: Instant) -> list[Mirrored]:
        """Tickets that nobody was going to look at now, and on which something is due."""
        ruling = self._mirroring.ruling
        asleep = [each for each in batch if each.next_look > now and each.generation == ruling.generation]
        found = {ticket.ref.id: ticket for ticket in clusters.laid_over(db, [each.ticket for each in asleep], ruling.rules)}
        recorded = episodes.of_tickets(db, self._source, found)
        rows = waiting.dormant(db, self._source, [name for name in found if name in recorded])
        return [
            each
            for each in asleep
            if _something_due(
                decide(found[name], recorded.get(name, ()), rows.get(name, ()), ruling, now)
                if (name := each.ticket.ref.id) in found
                else None
            )
        ]

    def _end(self, db: Connection, census: Census, now: Instant) -> None:
        censuses.finish(db, census, now)
        self._gone_before = self._mirroring.counts.gone
        journal.append(db, "census", now, self._source, "", **numbers(census))


def tolerated(some_open: int) -> int:
    """How many of so many open tickets may vanish between two censuses without an alarm."""
    return min(max(NEVER_ALARMING, some_open // SHARE), max(A_FEW, some_open // 2))


def _wants(held: Held | None, listed: Listed, horizon: Instant) -> bool:
    if listed.updated is not None and listed.updated > horizon:
        return False
    if held is None or held.gone is not None:
        return True
    # A mirror that has read the ticket since has seen that change, whatever its stamp: Date headers are cut to whole seconds.
    return listed.updated is not None and held.version != listed.version and held.known < listed.updated


def _older(held: Held, row: Row, read: Ticket) -> bool:
    """The mirror still holds what it held when the ticket was listed (a poll may have been there meanwhile)."""
    return row.updated is not None and held.known < row.updated and held.version != read.version


def _something_due(decision: Decision | None) -> bool:
    return decision is not None and bool(decision.planned or decision.steps or decision.revived or decision.queued)


def numbers(census: Census) -> dict[str, int]:
    """What a census counted, by name."""
    return {name: getattr(census, name) for name in ("listed", "missed", "returned", "gone", "lost")}
