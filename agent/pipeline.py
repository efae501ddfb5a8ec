"""The story on one page: how a ticket travels from its source through hoist and back, and where transactions begin and end.

    poll     connector.changed -> pages
    hint     tickets of which a webhook told, read by id         one transaction per batch, as for a page
    mirror   a page's tickets, laid over what was known          } one transaction per page:
    evaluate what their rules ask for                            } tickets, cursor, next looks, outbox
    look     the same for tickets whose next look has come         one transaction per batch
    sweep    the same for tickets judged under older rules         one transaction per batch, and then a rest
    census   every ticket by its id, once a day                    a request or a batch at a time, and then a rest
    write    claim | read afresh | mirror, evaluate, merge, commit *sent* | send, verify | settle
             (several tickets at once: agent.write_back; a bar is the end of a transaction; nothing leaves while one is open)

The stages know nothing of each other; this page calls them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from agent import clusters, outbox
from agent.aftermath import Aftermath
from agent.census.census import Censuses
from agent.clock import Clock, SourceClock, skew_problem, steady
from agent.errors import DamagedTicketError
from agent.foreign import Foreign
from agent.guards.guards import Guards
from agent.hinted import Hinted
from agent.in_force.ruling import Ruling
from agent.mirroring import Mirroring
from agent.settings import Limits, Policy
from agent.store import journal, mirrored, sources
from agent.store.database import Database
from agent.store.earliest import earliest, earliest_look
from agent.store.installation import Installation
from agent.undo.undoing import OrderWriter
from agent.write_back.backing_off import Refusals
from agent.write_back.workers import Workers
from agent.write_back.writing import Back, Writer
from connectors.contract import Connector, Page
from connectors.errors import ConnectorError, TryLater
from rules.instants import FOREVER, MINUTE, SECOND, Instant, written

BATCH = 200
"""Tickets that one look takes at most, so that a sweep never keeps due tickets waiting."""
SECONDS_WAITED = 3
"""Times that a hoist that runs for one turn waits for the next second."""
OVERTAKEN = "other rules have come into force, and are taken over first"


@dataclass(frozen=True, slots=True)
class Care:
    """How far a mirror is trusted: a census every so many milliseconds (0: never), the limit of skew, what follows an outage."""

    census_every: int = 0
    skew_limit: int = FOREVER  # milliseconds
    after_outage: Policy = field(default_factory=Policy)
    retired_installations: frozenset[str] = frozenset()  # other hoists that were here and are gone for good
    limits: Limits | None = None  # none: nothing is held for approval
    dry_run: bool = False  # nothing is written


@dataclass(slots=True)
class _Rhythm:
    """Reading, or writing: when it goes on, in steady milliseconds, and what it stands still for."""

    next: int = 0
    trouble: str = ""
    refusals: Refusals = field(default_factory=Refusals)


class _Ledger:
    """The mirror as the connector may see it: which versions are here already."""

    def __init__(self, db: Database, source: str) -> None:
        self._db, self._source = db, source

    def unchanged(self, versions: Mapping[str, str]) -> list[str]:
        with self._db.reading() as db:
            known = mirrored.versions(db, self._source, list(versions))
        return [name for name, version in versions.items() if known.get(name) == version]

    def mirrored(self, ids: Collection[str]) -> list[str]:
        with self._db.reading() as db:
            return list(mirrored.versions(db, self._source, ids))


class Pipeline:
    """One source's way. Not to be shared between threads; several pipelines share the store."""

    def __init__(
        self,
        source: str,
        connector: Connector,
        database: Database,
        installation: Installation,
        clock: Clock,
        poll_every: int,
        workers: Workers[Back] | None = None,
        *,
        care: Care | None = None,
    ) -> None:
        """`poll_every` in milliseconds; `workers` carry the writes, by default one after the other. Call `rule_by` first."""
        self.source, self.connector, self.database = source, connector, database
        self.clock, self.source_clock = clock, SourceClock(clock)
        self.poll_every = poll_every
        with database.reading() as db:
            row = sources.found_source(db, source)
        self.problem = ""
        self._stored_problem = "" if row is None else row.problem  # of a former process
        self._installation = installation
        life = int(connector.capabilities.request_life_seconds * SECOND)
        self.mirroring = Mirroring(source, installation, life)
        self.counts = self.mirroring.counts
        care = care or Care()
        self.foreign = Foreign(source, database, installation, clock.now(), care.retired_installations)
        clocks = clock, self.source_clock
        self.guards = Guards(database, self.mirroring, clocks, care.limits)
        self._reading, self._writing, self._taking_census, self._recovering = _Rhythm(), _Rhythm(), _Rhythm(), _Rhythm()
        self.writer = Writer(
            connector,
            database,
            self.mirroring,
            clocks,
            workers,
            foreign=self.foreign,
            guards=self.guards,
            standing=self.standing,
            refusals=self._writing.refusals,
        )
        self.orders = OrderWriter(connector, database, self.mirroring, clocks, self.foreign.signed)
        self.census = Censuses(connector, database, self.mirroring, (clock, self.source_clock), care.census_every)
        self.hinted = Hinted(connector, database, self.mirroring, clocks, self.foreign)
        self.aftermath = Aftermath(source, connector, database, self.mirroring.mark, care.after_outage)
        self._skew_limit, self._dry_run = care.skew_limit, care.dry_run
        self._reading_hinted = _Rhythm()
        self._sweeping, self._next_sweep = False, 0
        self._counting = False
        self._next_between = 0
        self._next_ruling: Ruling | None = None
        self._stopping = False

    # --- under which rules ---------------------------------------------------------------------------------------------

    @property
    def ruling(self) -> Ruling:
        return self.mirroring.ruling

    def rule_soon(self, ruling: Ruling) -> None:
        """`rule_by` as soon as what is under way is done; may be called from another thread."""
        self._next_ruling = ruling

    def _take_over_rules(self) -> None:
        ruling, self._next_ruling = self._next_ruling, None
        if ruling is not None:
            self.rule_by(ruling)

    def rule_by(self, ruling: Ruling) -> None:
        """Judge by these rules from now on; tickets judged under older ones are swept, the most urgent first."""
        with self.database.reading() as db:
            row = sources.found_source(db, self.source)
        account = "" if row is None else row.account
        self.mirroring.ruling = replace(ruling, outages=self.aftermath.outages, account=account)
        self.mirroring.overtaken = False
        self.guards.load(self.source_clock.now())
        self._sweeping = True
        with self.database.reading() as db:
            counts = clusters.asked_for(db, ruling.rules)
        if counts:
            with self.database.transaction() as db:
                self._counting = clusters.prepare(db, ruling.rules)

    # --- one turn ------------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Do what is due: poll, look, write. Errors of the source end up in `problem`, never in the caller."""
        self._mended(self._do_what_is_due)

    def _do_what_is_due(self) -> None:
        self._take_over_rules()
        self._read_hinted()
        if steady(self.clock) >= self._reading.next:
            self._reading.next = steady(self.clock) + self.poll_every
            self._unless_it_rests(self._reading, self.poll)
        while self.look():
            pass
        self.sweep()
        self._end_counting()
        if self._recovers() and steady(self.clock) >= self._recovering.next:
            self._unless_it_rests(self._recovering, self._recover)
        if steady(self.clock) >= self._writing.next:
            self._unless_it_rests(self._writing, self._carry_out_orders)
        if steady(self.clock) >= self._writing.next and self._may_write():
            self._unless_it_rests(self._writing, self._write_until_the_next_poll)
        if steady(self.clock) >= self._taking_census.next:
            self._unless_it_rests(self._taking_census, self.census.turn)
        self._say_what_troubles()
        self.rest()

    def rest(self) -> None:
        """What is done while no ticket waits: the write-ahead log is brought home, and what falls due soon is judged ahead."""
        self.database.settle()
        with self.database.reading() as db:
            self.mirroring.look_ahead(db, self.source_clock.now(), self.poll_every)

    def finish(self) -> None:
        """What else is done in the background, all at once, for a hoist that runs for one turn only."""
        self._mended(self._do_the_rest)

    def _do_the_rest(self) -> None:
        if self._recovers():
            while self._recovers() and not self._recovering.trouble:
                self._unless_it_rests(self._recovering, self._recover)
            self.turn()
        self._write_what_waits_for_its_second()
        if not self._taking_census.trouble:
            self._unless_it_rests(self._taking_census, self.census.finish)
        self.drain()

    def _write_what_waits_for_its_second(self) -> None:
        """A read says for sure what was so before the second that it is dated by; nobody comes back soon for what began in it."""
        for _ in range(SECONDS_WAITED):
            with self.database.reading() as db:
                wait = earliest(db, self.source, self.writer.nothing_at).write - self.source_clock.now()
            if self.standing() or self._writing.trouble or wait > 2 * self.ruling.resolution:
                return
            self.clock.sleep(max(wait, 0) / SECOND)
            self._unless_it_rests(self._writing, self._write_until_the_next_poll)

    def _mended(self, act: Callable[[], None]) -> None:
        """Do something; where a ticket's row in the store is found to be damaged, read that ticket anew and go on."""
        damaged: Sequence[str] = ()
        while True:
            try:
                if damaged:
                    self._read_anew(damaged)
                return act()
            except DamagedTicketError as error:
                damaged = [error.ticket]
            except (TypeError, ValueError, KeyError, sqlite3.DatabaseError, DatabaseError):
                # a statement may stumble over such a row as well; all else is a mistake in hoist
                with self.database.reading() as db:
                    damaged = mirrored.damaged(db, self.source)
                if not damaged:
                    raise

    def _read_anew(self, damaged: Sequence[str]) -> None:
        with self.database.transaction() as db:
            self.mirroring.read_anew(db, damaged, self.source_clock.now())
        self._unless_it_rests(self._reading, self.poll)

    def drain(self) -> None:
        """Bring to its end what is on its way to the source: after that hoist may stop with nothing left open."""
        if self.writer.workers.under_way:
            self._unless_it_rests(self._writing, self.writer.drain)
        self._say_what_troubles()

    def next_due(self) -> Instant:
        """When there is something to do next, on this machine's clock."""
        with self.database.reading() as db:
            look, write = earliest(db, self.source, self.writer.nothing_at)
        now, there = steady(self.clock), self.source_clock.now()
        waits = [self._reading.next - now]
        if write < FOREVER and not self.standing():
            waits.append(max(write - there, self._writing.next - now))
        if look < FOREVER:
            waits.append(look + self.ruling.resolution - there)
        if self._sweeping:
            waits.append(self._next_sweep - now)
        if (step := self.aftermath.next_step()) < FOREVER:
            waits.append(max(step - there, max(self._recovering.next, self._reading.next if self._reading.trouble else 0) - now))
        if self._hinted_next() < FOREVER:
            waits.append(self._hinted_next() - now)
        if self.census.next_due() < FOREVER:
            waits.append(max(self.census.next_due(), self._taking_census.next) - now)
        return self.clock.now() + max(1, min(waits))

    def _unless_it_rests(self, rhythm: _Rhythm, act: Callable[[], object]) -> None:
        try:
            act()
            rhythm.trouble = ""
            if rhythm is not self._writing:  # the writer says so itself: maybe nothing was due
                rhythm.refusals.over()
        except ConnectorError as error:
            if isinstance(error, TryLater):
                rhythm.refusals.one_more(error, steady(self.clock))
            pause = _pause(error)
            rhythm.next = max(rhythm.next, steady(self.clock) + pause)
            rhythm.trouble = f"{error} (until {written(self.source_clock.now() + pause)})" if pause > MINUTE else str(error)

    def _say_what_troubles(self) -> None:
        rhythms = (self._reading, self._reading_hinted, self._writing, self._taking_census, self._recovering)
        troubles = [each.trouble for each in rhythms]
        self._say("; ".join(dict.fromkeys(filter(None, [self._wrong(), *troubles]))))

    def _say(self, problem: str) -> None:
        self.problem = problem
        if problem != self._stored_problem:
            self._stored_problem = problem
            with self.database.transaction() as db:
                sources.set_problem(db, self.source, problem)
                if problem:
                    journal.append(db, "problem", self.source_clock.now(), self.source, said=problem)

    def stop(self) -> None:
        """End a long read at its next page, and begin no more writes; may be called from another thread."""
        self._stopping = True
        self.hinted.announce()  # whoever waits for the next thing to do waits no longer

    # --- hint, poll, mirror, evaluate ----------------------------------------------------------------------------------

    def _hinted_next(self) -> int:
        """When the next hinted ticket is read, in steady milliseconds."""
        return max(self.hinted.next_due(), self._reading_hinted.next)

    def _read_hinted(self) -> None:
        """One batch, if any is due: however many hints there are, looks and writes get their turn between them."""
        if not self._stopping and steady(self.clock) >= self._hinted_next():
            self._unless_it_rests(self._reading_hinted, self.hinted.turn)

    def poll(self) -> None:
        """Mirror what changed since the cursor; each page commits with its cursor, next looks and outbox rows."""
        with self.database.reading() as db:
            row = sources.found_source(db, self.source)
        self.counts.polls += 1
        for page in self.connector.changed(row.cursor if row else None, _Ledger(self.database, self.source)):
            self.source_clock.observe(page.server_time)
            with self.database.transaction() as db:
                self._keep_page(db, page)
                if row is not None and row.horizon:
                    self.hinted.found_by_polling(db, [ticket.ref.id for ticket in page.tickets])
            self._between_pages()
            if self._stopping:
                return

    def _keep_page(self, db: Connection, page: Page) -> None:
        self.mirroring.keep(db, page.tickets, self.source_clock.now(), page.continued)
        self.foreign.see(db, page.marks, self.source_clock.now())
        if self.aftermath.see(db, page.tickets):
            self._outages_changed()
        self.mirroring.quarantine(db, page.quarantined, page.server_time)
        for name, at in page.gone.items():
            self.mirroring.gone(db, name, at, self.source_clock.now())
        horizon = page.horizon if page.complete else None
        sources.set_cursor(db, self.source, page.cursor, page.server_time, horizon)
        sources.set_clock_ahead(db, self.source, self.source_clock.offset)
        self.counts.unchanged += page.unchanged

    def _between_pages(self) -> None:
        """A long read keeps nobody waiting: what has become due meanwhile is looked at, and written."""
        self._take_over_rules()
        self._read_hinted()
        if steady(self.clock) >= self._next_between:
            self.look()
            if steady(self.clock) >= self._writing.next and not self.standing():
                self._unless_it_rests(self._writing, self._write_once)
            self._next_between = steady(self.clock) + SECOND

    # --- look, sweep ---------------------------------------------------------------------------------------------------

    def look(self) -> bool:
        """Look at tickets whose instant has come; False where there was none."""
        now = self.source_clock.now()
        with self.database.reading() as db:
            if earliest_look(db, self.source) > now - self.ruling.resolution:
                return False
        with self.database.transaction() as db:
            due = self.mirroring.due(db, now - self.ruling.resolution, BATCH)
            self.mirroring.look_at(db, due, now)
        return bool(due)

    def sweep(self) -> None:
        """Look at some tickets that were judged under older rules, and rest for as long as that took."""
        begun = steady(self.clock)
        if not self._sweeping or begun < self._next_sweep:
            return
        with self.database.transaction() as db:
            stale = mirrored.stale(db, self.source, self.ruling.generation, BATCH)
            self.mirroring.look_at(db, stale, self.source_clock.now())
        self._sweeping = len(stale) == BATCH
        ended = steady(self.clock)
        self._next_sweep = ended + (ended - begun)

    def _end_counting(self) -> None:
        """Once all tickets were read and looked at, what they make together is known."""
        if not self._counting or self._sweeping:
            return
        with self.database.transaction() as db:
            if sources.source_row(db, self.source).horizon:
                clusters.complete(db, self.source_clock.now())
                self._counting = False

    def _recovers(self) -> bool:
        """Whether there is a step to take with what an outage has left behind."""
        return not self._reading.trouble and self.aftermath.next_step() <= self.source_clock.now()

    def _recover(self) -> None:
        """A step further with what an outage has left behind."""
        self.aftermath.step(self.source_clock.now())
        self._outages_changed()

    def _outages_changed(self) -> None:
        self.mirroring.ruling = replace(self.ruling, outages=self.aftermath.outages)

    def standing(self) -> str:
        """Why nothing may be written at all now; empty where nothing speaks against it."""
        dry = "nothing is written in a dry run" if self._dry_run else ""
        return self._wrong() or self.guards.standing() or dry or (OVERTAKEN if self.mirroring.overtaken else "")

    def _wrong(self) -> str:
        """What an administrator must see to before anything is written; a pause was their own decision."""
        others = self.census.standing or self.aftermath.standing or self.foreign.standing
        return others or skew_problem(self.source_clock.offset, self._skew_limit)

    # --- write ---------------------------------------------------------------------------------------------------------

    def write(self) -> bool:
        """Carry escalations a step further; False where there is nothing to do."""
        return self.writer.round()

    def _carry_out_orders(self) -> None:
        """What people ordered goes before what rules decided, also in a pause: they may want to tidy up just then."""
        while not (self._wrong() or self._dry_run) and self.orders.round():
            if steady(self.clock) >= self._reading.next:
                return

    def _write_once(self) -> None:
        self.writer.round(0.0)

    def _may_write(self) -> bool:
        """Whether there is anything to do for the writer; while the source stands still, only to hear out what has left."""
        return not self.standing() or self.writer.workers.under_way > 0

    def _write_until_the_next_poll(self) -> None:
        while self._may_write() and self.write():
            if self._stopping or steady(self.clock) >= min(self._reading.next, self._hinted_next()):
                return


def _pause(error: ConnectorError) -> int:
    """Milliseconds that a source rests after an error."""
    return int(outbox.seconds_of(error) * SECOND)
