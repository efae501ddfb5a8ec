"""The story on one page: how a ticket travels from its source through hoist and back, and where transactions begin and end.

    poll     connector.changed -> pages
    mirror   a page's tickets, laid over what was known          } one transaction per page:
    evaluate what their rules ask for                            } tickets, cursor, next looks, outbox
    look     the same for tickets whose next look has come         one transaction per batch
    write    claim | read afresh | mirror, evaluate, merge, commit *sent* | send, verify | settle
             (a bar is the end of a transaction; nothing leaves while one is open)

The stages know nothing of each other; this page calls them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from agent import markers, outbox
from agent.clock import Clock, SourceClock
from agent.evaluate import Decision, Ruling, decide, due_step
from agent.mirror import reconciled
from agent.outbox import Outcome, Terms
from agent.store import episodes, journal, mirrored, operations, quarantine, sources, waiting
from agent.store.database import Database
from agent.store.earliest import earliest
from agent.store.installation import Installation
from agent.store.mirrored import Kept, Mirrored
from agent.store.operations import OperationRow
from agent.store.quarantine import QuarantineRow
from agent.store.states import OperationState, RowState
from agent.store.waiting import WaitingRow
from connectors.contract import Connector, Page, Quarantined, Reading
from connectors.errors import AskAdmin, ConnectorError, TryLater
from rules.escalation import Escalation, Operation, OperationKind
from rules.instants import FOREVER, MINUTE, SECOND, Instant
from rules.merge import merge
from rules.ticket import Ticket

BATCH = 200
"""Tickets that one look takes at most, so that a sweep never keeps due tickets waiting."""
ADMIN_PAUSE = MINUTE
"""How long a source rests that needs its administrator."""


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
        self._next_poll: Instant = 0
        self._next_write: Instant = 0
        life = int(connector.capabilities.request_life_seconds * SECOND)
        self._terms = Terms(life, self._mark)

    # --- under which rules ---------------------------------------------------------------------------------------------

    @property
    def ruling(self) -> Ruling:
        if self._ruling is None:
            raise RuntimeError("rule_by comes first")
        return self._ruling

    def rule_by(self, ruling: Ruling) -> None:
        """Judge by these rules from now on; tickets judged under older ones are swept, the most urgent first."""
        self._ruling = ruling

    # --- one turn ------------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Do what is due: poll, look, write. Errors of the source end up in `problem`, never in the caller."""
        problems = []
        if self.clock.now() >= self._next_poll:
            self._next_poll = self.clock.now() + self.poll_every
            try:
                self.poll()
            except ConnectorError as error:
                self._next_poll = self.clock.now() + max(self.poll_every, _pause(error))
                problems.append(str(error))
        while self.look():
            pass
        if self.clock.now() >= self._next_write:
            try:
                while self.write():
                    pass
            except ConnectorError as error:
                self._next_write = self.clock.now() + _pause(error)
                problems.append(str(error))
        elif self.problem:
            problems.append(self.problem)
        self._say("; ".join(dict.fromkeys(problems)))

    def next_due(self) -> Instant:
        """When there is something to do next, on this machine's clock."""
        with self.database.reading() as db:
            look, write = earliest(db, self.source)
        due = [self._next_poll]
        if write < FOREVER:
            due.append(max(self.source_clock.local(write), self._next_write))
        if look < FOREVER:
            due.append(self.source_clock.local(look + self.ruling.resolution))
        return max(min(due), self.clock.now() + 1)

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
            left = [(row.operation, row.sent_at or 0) for row in sent.get(read.ref.id, ())]
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

    def _decide(self, db: Connection, tickets: Iterable[Ticket], now: Instant) -> dict[str, Decision]:
        """Evaluate tickets and record what came of it: episodes, steps, outbox rows."""
        found = {ticket.ref.id: ticket for ticket in tickets}
        recorded = episodes.of_tickets(db, self.source, found)
        rows = waiting.open_rows(db, self.source, [name for name in found if name in recorded])
        decisions = {
            name: decide(ticket, recorded.get(name, ()), rows.get(name, ()), self.ruling, now) for name, ticket in found.items()
        }
        self._record(db, decisions.values(), now)
        self.counts.looks += len(decisions)
        return decisions

    def _record(self, db: Connection, decisions: Iterable[Decision], now: Instant) -> None:
        made = list(decisions)
        episodes.add(db, self.source, [row for decision in made for row in decision.episodes])
        for decision in made:
            for row, step in decision.steps:
                episodes.begin_step(db, self.source, row, step, now)
            for waiting_row in decision.revived:
                waiting.move(db, waiting_row, RowState.PLANNED, not_before=now + self.ruling.resolution)
        planned = [row for decision in made for row in decision.planned]
        waiting.plan(db, planned)
        self.counts.firings.update(row.key.rule for row in planned)

    def _quarantine(self, db: Connection, quarantined: Sequence[Quarantined], at: Instant) -> None:
        for found in quarantined:
            quarantine.put(db, QuarantineRow(self.source, found.id, found.key, found.reason, found.raw, at))
            journal.append(db, "quarantined", at, self.source, found.id, reason=found.reason)
        self.counts.quarantined += len(quarantined)

    # --- look ----------------------------------------------------------------------------------------------------------

    def look(self) -> bool:
        """Look at tickets whose instant has come, then at some that were judged under older rules; False where none was."""
        now = self.source_clock.now()
        with self.database.transaction() as db:
            due = mirrored.due(db, self.source, now - self.ruling.resolution, BATCH)
            if len(due) < BATCH:
                seen = {m.ticket.ref.id for m in due}
                stale = mirrored.stale(db, self.source, self.ruling.generation, BATCH - len(due))
                due += [m for m in stale if m.ticket.ref.id not in seen]
            if due:
                self._look_at(db, due, now)
        return bool(due)

    def _look_at(self, db: Connection, due: Sequence[Mirrored], now: Instant) -> None:
        decisions = self._decide(db, [m.ticket for m in due], now)
        generation = self.ruling.generation
        mirrored.set_next_looks(db, [(m, decisions[m.ticket.ref.id].next_look, generation) for m in due])

    # --- write ---------------------------------------------------------------------------------------------------------

    def write(self) -> bool:
        """Carry one ticket's escalation a step further; False where there is nothing to do."""
        with self.database.reading() as db:
            if earliest(db, self.source).write > self.source_clock.now():
                return False
        return self._find_out() or self._go_on() or self._escalate()

    def _escalate(self) -> bool:
        """Claim a ticket's due rows, read it afresh, and send what is still true."""
        now = self.source_clock.now()
        with self.database.transaction() as db:
            for row in waiting.expired(db, self.source, now):
                outbox.postpone(db, [row], now, "its worker stopped")
            ticket = waiting.next_ticket(db, self.source, now)
            rows = waiting.claim(db, self.source, ticket, now, now + outbox.LEASE) if ticket is not None else []
        if ticket is None:
            return False
        begun = self.clock.monotonic()
        try:
            reading = self.connector.read([ticket])
        except ConnectorError as error:
            seconds = error.seconds if isinstance(error, TryLater) else 60.0
            with self.database.transaction() as db:
                outbox.postpone(db, rows, self.source_clock.now() + int(seconds * SECOND), str(error))
            raise
        self.source_clock.observe(reading.server_time)
        with self.database.transaction() as db:
            first = self._confirm(db, ticket, rows, reading)
        if first is not None:
            if self.clock.monotonic() - begun < outbox.READ_AGE_LIMIT:
                self._send_from(first)
            else:
                self._settle(first, outbox.Result(Outcome.NOT_SENT, "the read that the write rests on had grown too old"))
        return True

    def _confirm(self, db: Connection, name: str, rows: list[WaitingRow], reading: Reading) -> OperationRow | None:
        """Keep the fresh read, drop what is no longer true; gives the operation committed as sent, None where nothing is."""
        at = reading.server_time
        self._quarantine(db, reading.quarantined, at)
        kept = self._keep(db, reading.tickets, at)
        if name not in kept:
            self._lost(db, name, rows, reading)
            return None
        ticket, decision = kept[name]
        early = [row for row in rows if row.instant >= at]
        outbox.postpone(db, early, at + self.ruling.resolution)
        rest = [row for row in rows if row.instant < at]
        true = [row for row in rest if (row.key.rule, row.key.episode) in decision.holding]
        outbox.supersede(db, [row for row in rest if row not in true], at, "no longer true when it was about to be written")
        if not true or decision.evaluation is None:
            return None
        found, holding = decision.evaluation, decision.holding
        steps = [due_step(row, found, holding[row.key.rule, row.key.episode], ticket, at) for row in true]
        escalation = merge(ticket, steps, self.ruling.rules)
        return outbox.decided(db, true, escalation, at, lambda n: self._operations(escalation, n, at), self.source_clock.now())

    def _lost(self, db: Connection, name: str, rows: list[WaitingRow], reading: Reading) -> None:
        if name in reading.gone:
            outbox.supersede(db, rows, reading.server_time, "the ticket is gone, or no longer visible to hoist")
            mirrored.set_gone(db, self.source, name, reading.server_time)
        else:
            outbox.postpone(db, rows, self.source_clock.now() + ADMIN_PAUSE, "the ticket could not be read as a whole")

    def _operations(self, escalation: Escalation, number: int, at: Instant) -> list[Operation]:
        """The requests of an escalation, fields first: the comment speaks of what has been verified."""
        firings = tuple(self._mark(str(key)) for key in escalation.firings)
        made = []
        for kind in (OperationKind.FIELDS, OperationKind.COMMENT):
            key = f"{escalation.ticket}/{number}/{kind}"
            if kind is OperationKind.FIELDS and (escalation.changes or escalation.add_labels):
                changes, labels = escalation.changes, escalation.add_labels
                made.append(Operation(key, kind, escalation.ticket, self._mark(key), firings, changes, labels, planned_at=at))
            elif kind is OperationKind.COMMENT and escalation.comment:
                text = escalation.comment
                made.append(Operation(key, kind, escalation.ticket, self._mark(key), firings, comment=text, planned_at=at))
        return made

    def _send_from(self, row: OperationRow | None) -> None:
        """Send an operation that was committed as sent, and those after it, until one is not applied."""
        while row is not None:
            if row.operation.key.endswith(outbox.PUT_BACK) and not self._still_ours(row.operation):
                result = outbox.Result(Outcome.OVERTAKEN, "somebody changed it again meanwhile; it was left alone")
            else:
                result = outbox.send(self.connector, row.operation)
                self.counts.requests_for_writes += 1
            self._settle(row, result)
            if result.outcome not in (Outcome.APPLIED, Outcome.OVERWROTE):
                return
            row = self._commit_next(row.escalation)

    def _commit_next(self, escalation: int) -> OperationRow | None:
        """Commit the next planned operation of an escalation as sent; None where all are done."""
        now = self.source_clock.now()
        with self.database.transaction() as db:
            waiting.delay(db, escalation, now + outbox.LEASE)
            return operations.commit_next(db, escalation, now)

    def _still_ours(self, operation: Operation) -> bool:
        """The values that hoist wrote over a person's are still there."""
        reading = self.connector.read([operation.ticket.id])
        fields = {change.field: change.old for change in operation.changes}
        return any(all(t.fields.get(name) == ours for name, ours in fields.items()) for t in reading.tickets)

    def _settle(self, row: OperationRow, result: outbox.Result) -> None:
        now = self.source_clock.now()
        with self.database.transaction() as db:
            outbox.settle(db, row, result, now, self._terms)
            if result.outcome is Outcome.APPLIED:
                mirrored.set_next_look(db, row.operation.ticket, now)
        if result.ask_admin:
            raise AskAdmin(result.said)

    def _go_on(self) -> bool:
        """Go on with an escalation that was begun and whose worker stopped or had to wait."""
        with self.database.reading() as db:
            found = waiting.unfinished(db, self.source, self.source_clock.now())
        for number in dict.fromkeys(row.escalation for row in found if row.escalation is not None):
            row = self._commit_next(number)
            if row is not None:
                self._send_from(row)
                return True
        return False

    def _find_out(self) -> bool:
        """Look for the marker of an operation whose answer was lost, once its waiting time is over."""
        now = self.source_clock.now()
        with self.database.transaction() as db:
            for row in operations.in_state(db, self.source, OperationState.SENT):
                if waiting.lease_ended(db, row.escalation, now):  # its worker died between commit and answer
                    outbox.settle(db, row, outbox.Result(Outcome.UNKNOWN, "hoist stopped before the answer"), now, self._terms)
            unknown = operations.in_state(db, self.source, OperationState.UNKNOWN)
        ripe = next((o for o in unknown if (o.look_at or 0) <= now), None)
        if ripe is None:
            return False
        self._settle(ripe, outbox.verified(self.connector, ripe.operation, None))
        return True

    def _mark(self, key: str) -> str:
        return markers.marker(self._installation, self.source, key)


def _pause(error: ConnectorError) -> int:
    """Milliseconds that a source rests after an error."""
    return int(error.seconds * SECOND) if isinstance(error, TryLater) else ADMIN_PAUSE
