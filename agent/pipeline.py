"""The story on one page: how a ticket travels from its source through hoist and back, and where transactions begin and end.

    poll     connector.changed -> pages
    mirror   a page's tickets, laid over what was known          } one transaction per page:
    evaluate what their rules ask for                            } tickets, cursor, next looks, outbox
    look     the same for tickets whose next look has come         one transaction per batch
    sweep    the same for tickets judged under older rules         one transaction per batch, and then a rest
    write    claim | read afresh | mirror, evaluate, merge, commit *sent* | send, verify | settle
             (a bar is the end of a transaction; nothing leaves while one is open)

The stages know nothing of each other; this page calls them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sqlalchemy import Connection

from agent import clusters, markers, outbox, settling
from agent.clock import Clock, SourceClock, steady
from agent.evaluate import Decision, Ruling, confirmed, decide
from agent.mirror import Sent, reconciled
from agent.outbox import Outcome, Result
from agent.recording import let_through, record
from agent.store import episodes, journal, mirrored, operations, quarantine, sources, waiting
from agent.store.database import Database
from agent.store.earliest import earliest, earliest_look
from agent.store.installation import Installation
from agent.store.mirrored import Kept, Mirrored
from agent.store.operations import OperationRow
from agent.store.quarantine import QuarantineRow
from agent.store.states import OperationState
from agent.store.waiting import WaitingRow
from connectors.contract import Connector, Page, Quarantined, Reading
from connectors.errors import ConnectorError
from rules.instants import FOREVER, MINUTE, SECOND, Instant, written
from rules.merge import merge
from rules.ticket import Ticket

BATCH = 200
"""Tickets that one look takes at most, so that a sweep never keeps due tickets waiting."""
UNREADABLE_PAUSE = MINUTE
"""After how long a ticket is read again that could not be read as a whole."""


@dataclass(slots=True)
class Counts:
    """What a pipeline did since it was made."""

    mirrored: int = 0
    unchanged: int = 0
    quarantined: int = 0
    polls: int = 0
    looks: int = 0
    requests_for_writes: int = 0
    firings: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Rhythm:
    """Reading, or writing: when it goes on, in steady milliseconds, and what it stands still for."""

    next: int = 0
    trouble: str = ""


class _Ledger:
    """The mirror as the connector may see it: which versions are here already."""

    def __init__(self, db: Database, source: str) -> None:
        self._db, self._source = db, source

    def unchanged(self, versions: Mapping[str, str]) -> list[str]:
        with self._db.reading() as db:
            known = mirrored.versions(db, self._source, list(versions))
        return [name for name, version in versions.items() if known.get(name) == version]


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
    ) -> None:
        """`poll_every` in milliseconds. Call `rule_by` before anything else."""
        self.source, self.connector, self.database = source, connector, database
        self.clock, self.source_clock = clock, SourceClock(clock)
        self.poll_every = poll_every
        self.counts = Counts()
        self.problem = ""
        self._installation = installation
        self._ruling: Ruling | None = None
        self._reading, self._writing = _Rhythm(), _Rhythm()
        self._sweeping, self._next_sweep = False, 0
        self._counting = False
        self._nothing_to_write_at: Instant = -1
        life = int(connector.capabilities.request_life_seconds * SECOND)
        self._terms = settling.Terms(life, self._mark)

    # --- under which rules ---------------------------------------------------------------------------------------------

    @property
    def ruling(self) -> Ruling:
        if self._ruling is None:
            raise RuntimeError("rule_by comes first")
        return self._ruling

    def rule_by(self, ruling: Ruling) -> None:
        """Judge by these rules from now on; tickets judged under older ones are swept, the most urgent first."""
        self._ruling = ruling
        self._sweeping = True
        with self.database.reading() as db:
            counts = clusters.asked_for(db, ruling.rules)
        if counts:
            with self.database.transaction() as db:
                self._counting = clusters.prepare(db, ruling.rules)

    # --- one turn ------------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Do what is due: poll, look, write. Errors of the source end up in `problem`, never in the caller."""
        if steady(self.clock) >= self._reading.next:
            self._reading.next = steady(self.clock) + self.poll_every
            self._unless_it_rests(self._reading, self.poll)
        while self.look():
            pass
        self.sweep()
        self._end_counting()
        if steady(self.clock) >= self._writing.next:
            self._unless_it_rests(self._writing, self._write_until_the_next_poll)
        self._say("; ".join(dict.fromkeys(each.trouble for each in (self._reading, self._writing) if each.trouble)))
        self.database.settle()

    def next_due(self) -> Instant:
        """When there is something to do next, on this machine's clock."""
        with self.database.reading() as db:
            look, write = earliest(db, self.source, self._nothing_to_write_at)
        now, there = steady(self.clock), self.source_clock.now()
        waits = [self._reading.next - now]
        if write < FOREVER:
            waits.append(max(write - there, self._writing.next - now))
        if look < FOREVER:
            waits.append(look + self.ruling.resolution - there)
        if self._sweeping:
            waits.append(self._next_sweep - now)
        return self.clock.now() + max(1, min(waits))

    def _unless_it_rests(self, rhythm: _Rhythm, act: Callable[[], None]) -> None:
        try:
            act()
            rhythm.trouble = ""
        except ConnectorError as error:
            pause = _pause(error)
            rhythm.next = max(rhythm.next, steady(self.clock) + pause)
            rhythm.trouble = f"{error} (until {written(self.source_clock.now() + pause)})" if pause > MINUTE else str(error)
            self._nothing_to_write_at = -1

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            with self.database.transaction() as db:
                sources.set_problem(db, self.source, problem)
                if problem:
                    journal.append(db, "problem", self.source_clock.now(), self.source, said=problem)

    # --- poll, mirror, evaluate ----------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Mirror what changed since the cursor; each page commits with its cursor, next looks and outbox rows."""
        with self.database.reading() as db:
            row = sources.found_source(db, self.source)
        self.counts.polls += 1
        for page in self.connector.changed(row.cursor if row else None, _Ledger(self.database, self.source)):
            self.source_clock.observe(page.server_time)
            with self.database.transaction() as db:
                self._keep_page(db, page)

    def _keep_page(self, db: Connection, page: Page) -> None:
        self._keep(db, page.tickets, self.source_clock.now())
        self._quarantine(db, page.quarantined, page.server_time)
        horizon = page.horizon if page.complete else None
        sources.set_cursor(db, self.source, page.cursor, page.server_time, horizon)
        self.counts.unchanged += page.unchanged

    def _keep(self, db: Connection, tickets: Sequence[Ticket], now: Instant) -> dict[str, tuple[Ticket, Decision]]:
        """Mirror and evaluate tickets just read, in the caller's transaction."""
        if not tickets:
            return {}
        ids = [ticket.ref.id for ticket in tickets]
        before = mirrored.mirrored(db, self.source, ids)
        sent = operations.that_may_have_left(db, self.source, ids) if before else {}
        kept = []
        for read in tickets:
            known = before.get(read.ref.id)
            left = [self._sent(row) for row in sent.get(read.ref.id, ())]
            ticket = reconciled(read, known.ticket if known else None, left)
            if ticket is not None:
                kept.append(ticket)
        decisions = self._decide(db, kept, now)
        generation = self.ruling.generation
        looks = [decisions[ticket.ref.id] for ticket in kept]
        mirrored.keep(db, [Kept(t, d.urgency, d.next_look, generation) for t, d in zip(kept, looks, strict=True)])
        quarantine.release(db, self.source, ids)
        self.counts.mirrored += len(kept)
        return {ticket.ref.id: (ticket, decisions[ticket.ref.id]) for ticket in kept}

    def _sent(self, row: OperationRow) -> Sent:
        since = row.sent_at or 0
        return Sent(row.operation, since, max(row.settled_at or 0, since + self._terms.request_life))

    def _decide(self, db: Connection, tickets: Iterable[Ticket], now: Instant) -> dict[str, Decision]:
        """Evaluate tickets and record what came of it: episodes, steps, outbox rows."""
        read = list(tickets)
        clusters.count(db, read, self.ruling.rules, now, self._installation.key)
        found = {ticket.ref.id: ticket for ticket in clusters.laid_over(db, read, self.ruling.rules)}
        recorded = episodes.of_tickets(db, self.source, found)
        rows = waiting.dormant(db, self.source, [name for name in found if name in recorded])
        decisions = {
            name: decide(ticket, recorded.get(name, ()), rows.get(name, ()), self.ruling, now) for name, ticket in found.items()
        }
        planned = record(db, self.source, decisions.values(), now, self.ruling.resolution)
        self.counts.firings.update(row.key.rule for row in planned)
        self.counts.looks += len(decisions)
        return decisions

    def _quarantine(self, db: Connection, quarantined: Sequence[Quarantined], at: Instant) -> None:
        for found in quarantined:
            if quarantine.put(db, QuarantineRow(self.source, found.id, found.key, found.reason, found.raw, at)):
                journal.append(db, "quarantined", at, self.source, found.id, reason=found.reason)
                self.counts.quarantined += 1

    # --- look, sweep ---------------------------------------------------------------------------------------------------

    def look(self) -> bool:
        """Look at tickets whose instant has come; False where there was none."""
        now = self.source_clock.now()
        with self.database.reading() as db:
            if earliest_look(db, self.source) > now - self.ruling.resolution:
                return False
        with self.database.transaction() as db:
            due = mirrored.due(db, self.source, now - self.ruling.resolution, BATCH)
            self._look_at(db, due, now)
        return bool(due)

    def sweep(self) -> None:
        """Look at some tickets that were judged under older rules, and rest for as long as that took."""
        begun = steady(self.clock)
        if not self._sweeping or begun < self._next_sweep:
            return
        with self.database.transaction() as db:
            stale = mirrored.stale(db, self.source, self.ruling.generation, BATCH)
            self._look_at(db, stale, self.source_clock.now())
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

    def _look_at(self, db: Connection, looked_at: Sequence[Mirrored], now: Instant) -> None:
        decisions = self._decide(db, [m.ticket for m in looked_at], now)
        generation = self.ruling.generation
        mirrored.set_next_looks(db, [(m, decisions[m.ticket.ref.id].next_look, generation) for m in looked_at])

    # --- write ---------------------------------------------------------------------------------------------------------

    def write(self) -> bool:
        """Carry one ticket's escalation a step further; False where there is nothing to do."""
        now = self.source_clock.now()
        with self.database.reading() as db:
            due = earliest(db, self.source).write <= now
        if due and (self._find_out(now) or self._go_on(now) or self._escalate(now)):
            return True
        self._nothing_to_write_at = now
        return False

    def _write_until_the_next_poll(self) -> None:
        while self.write():
            if steady(self.clock) >= self._reading.next:
                return

    def _escalate(self, now: Instant) -> bool:
        """Claim a ticket's due rows, read it afresh, and send what is still true."""
        name, rows = self._claim(now)
        if name is None:
            return False
        begun = steady(self.clock)
        try:
            reading = self.connector.read([name])
        except ConnectorError as error:
            with self.database.transaction() as db:
                # a second longer than the source rests, so that one ticket's trouble keeps no other one waiting
                outbox.postpone(db, rows, self.source_clock.now() + _pause(error) + SECOND, str(error))
            raise
        self.source_clock.observe(reading.server_time)
        with self.database.transaction() as db:
            first = self._confirm(db, name, rows, reading)
        if first is not None:
            self._send_from(first, begun)
        return True

    def _claim(self, now: Instant) -> tuple[str | None, list[WaitingRow]]:
        with self.database.transaction() as db:
            outbox.postpone(db, waiting.expired(db, self.source, now), now, "its worker stopped")
            let_through(db, self.source, self.ruling, now)
            name = waiting.next_ticket(db, self.source, now)
            return name, [] if name is None else waiting.claim(db, self.source, name, now, now + outbox.LEASE)

    def _confirm(self, db: Connection, name: str, claimed: list[WaitingRow], reading: Reading) -> OperationRow | None:
        """Keep the fresh read, drop what is no longer true; gives the operation committed as sent, None where nothing is."""
        at, now = reading.server_time, self.source_clock.now()
        self._quarantine(db, reading.quarantined, at)
        kept = self._keep(db, reading.tickets, at)
        rows = waiting.still_held(db, claimed)
        if not rows:
            return None
        if name not in kept:
            self._lost(db, name, rows, reading)
            return None
        # what this very read made due is merged with the rest
        rows += waiting.claim(db, self.source, name, now, now + outbox.LEASE, beside=[row.id for row in rows])
        ticket, decision = kept[name]
        verdict = confirmed(rows, ticket, decision, self.ruling, at)
        outbox.postpone(db, verdict.early, now + self.ruling.resolution)
        for row, gate in verdict.held:
            outbox.hold(db, row, gate)
        for row, reason in verdict.over:
            outbox.supersede(db, row, at, reason)
        if not verdict.steps:
            return None
        true, steps = [row for row, _ in verdict.steps], [step for _, step in verdict.steps]
        holding = [self.ruling.rule(rule) for rule, _ in decision.holding]
        escalation = merge(ticket, steps, self.ruling.rules, at, holding)
        make = partial(outbox.operations_of, escalation, at, self._mark)
        return outbox.decided(db, true, steps, escalation, at, make, now, version=self.ruling.rules.version)

    def _lost(self, db: Connection, name: str, rows: list[WaitingRow], reading: Reading) -> None:
        """The fresh read did not bring the ticket."""
        at, now = reading.server_time, self.source_clock.now()
        if name in reading.gone:
            for row in rows:
                outbox.supersede(db, row, at, "the ticket is gone, or no longer visible to hoist")
            for known in mirrored.mirrored(db, self.source, [name]).values():
                gone = Kept(replace(known.ticket, gone=at), known.urgency, FOREVER, self.ruling.generation)
                mirrored.keep(db, [gone])
                clusters.count(db, [gone.ticket], self.ruling.rules, now, self._installation.key)
        elif any(each.id == name for each in reading.quarantined):
            outbox.postpone(db, rows, now + UNREADABLE_PAUSE, "the ticket could not be read as a whole")
        else:
            outbox.postpone(db, rows, now + SECOND, "a later read of the ticket was here first")

    def _send_from(self, row: OperationRow | None, since: int) -> None:
        """Send an operation that was committed as sent, and those after it, until one is not applied.

        `since`: when, in steady milliseconds, that began on which the right to send rests: the fresh read, or the commit.
        """
        while row is not None:
            if steady(self.clock) - since >= outbox.READ_AGE_LIMIT * SECOND:
                result = Result(Outcome.NOT_SENT, "what the write rests on had grown too old")
            else:
                self.counts.requests_for_writes += 1
                send = outbox.put_back if row.undoes else outbox.send
                result = send(self.connector, row.operation)
            self._settle(row, result)
            if result.outcome not in (Outcome.APPLIED, Outcome.OVERWROTE):
                return
            since = steady(self.clock)
            row = self._commit_next(row.escalation)

    def _commit_next(self, escalation: int) -> OperationRow | None:
        """Commit the next planned operation of an escalation as sent; None where all are done, or another worker is at it."""
        now = self.source_clock.now()
        with self.database.transaction() as db:
            row = operations.commit_next(db, escalation, now)
            if row is not None:
                waiting.delay(db, escalation, now + outbox.LEASE)
            return row

    def _settle(self, row: OperationRow, result: Result) -> None:
        now = self.source_clock.now()
        with self.database.transaction() as db:
            if settling.settle(db, row, result, now, self._terms) and result.outcome is Outcome.APPLIED:
                mirrored.set_next_look(db, row.operation.ticket, now)
        if result.error is not None:
            raise result.error

    def _go_on(self, now: Instant) -> bool:
        """Go on with an escalation that was begun and whose worker stopped or had to wait."""
        with self.database.reading() as db:
            found = waiting.unfinished(db, self.source, now)
        for number in dict.fromkeys(row.escalation for row in found if row.escalation is not None):
            begun = steady(self.clock)
            row = self._commit_next(number)
            if row is not None:
                self._send_from(row, begun)
                return True
        return False

    def _find_out(self, now: Instant) -> bool:
        """Look for the marker of an operation whose answer was lost, once its waiting time is over."""
        with self.database.transaction() as db:
            for row in operations.in_state(db, self.source, OperationState.SENT):
                if waiting.lease_ended(db, row.escalation, now):  # its worker died between commit and answer
                    lost = Result(Outcome.UNKNOWN, "hoist stopped before the answer")
                    settling.settle(db, row, lost, now, self._terms)
            ripe = operations.ripe(db, self.source, now)
        if ripe is None:
            return False
        self._settle(ripe, outbox.looked_for(self.connector, ripe))
        return True

    def _mark(self, key: str) -> str:
        return markers.marker(self._installation, self.source, key)


def _pause(error: ConnectorError) -> int:
    """Milliseconds that a source rests after an error."""
    return int(outbox.seconds_of(error) * SECOND)
