"""The write stage of one source: escalations on their way there and back, several tickets at once.

    claim    rows that are due, a lease on them
    read     their tickets afresh                                   (a worker)
    confirm  what is still true is merged and committed as *sent*
    send     one operation, and look at the source's record of it   (a worker)
    settle   what came of it; the next operation is committed as *sent*

Workers only ask the source. The thread that calls `round` owns the store: whatever came back and whatever is due is dealt with in
one transaction, so that a write to disk is shared by all that is under way. No ticket has two writes under way, and none waits
for another's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from typing import Final

from sqlalchemy import Connection

from agent import outbox
from agent.census.departed import DepartedTeams
from agent.clock import Clock, SourceClock, steady
from agent.foreign import Foreign
from agent.fresh import fresh
from agent.guards.approval import as_approved, hold_again
from agent.guards.guards import Guards
from agent.mirroring import Judged, Mirroring
from agent.outbox import Outcome, Result
from agent.recording import let_through, rests_on
from agent.store import mirrored, operations, orders, waiting
from agent.store.database import Database
from agent.store.earliest import earliest
from agent.store.operations import OperationRow
from agent.store.states import OperationState
from agent.store.waiting import WaitingRow
from agent.write_back import settling
from agent.write_back.at_once import AtOnce
from agent.write_back.backing_off import Refusals
from agent.write_back.confirming import confirmed
from agent.write_back.overruling import left_to_people
from agent.write_back.settling import Terms
from agent.write_back.workers import OneByOne, Workers
from connectors.contract import Connector, Reading
from connectors.errors import ConnectorError, Limited
from rules.instants import MINUTE, SECOND, Instant
from rules.merge import merge

UNREADABLE_PAUSE: Final = MINUTE
"""After how long a ticket is read again that could not be read as a whole."""
READ_TOGETHER: Final = 5
"""Tickets of one fresh read: fewer requests where many are due, and still written while the read is young."""
PATIENCE: Final = 0.25
"""Seconds that a round waits for something to come back."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A fresh read of claimed tickets; `reading` is the error where there was one, None where the source rests."""

    claimed: dict[str, list[WaitingRow]]
    begun: int  # steady milliseconds
    reading: Reading | ConnectorError | None


@dataclass(frozen=True, slots=True)
class _Sent:
    """An operation that was sent, or whose marker was looked for."""

    row: OperationRow
    result: Result
    asked: bool = True  # a request left for it
    too_late: bool = False  # what it rests on had grown too old meanwhile


Back = _Read | _Sent
Work = Callable[[], Back]


@dataclass(slots=True)
class _Trouble:
    """What the whole source rests for: the error that asks for the longest rest."""

    errors: list[ConnectorError] = field(default_factory=list)

    @property
    def worst(self) -> ConnectorError | None:
        return max(self.errors, key=outbox.seconds_of, default=None)


class Writer:
    """One source's writes. `round` belongs to one thread."""

    def __init__(
        self,
        connector: Connector,
        database: Database,
        mirroring: Mirroring,
        clocks: tuple[Clock, SourceClock],
        workers: Workers[Back] | None = None,
        *,
        foreign: Foreign,
        guards: Guards,
        standing: Callable[[], str],
        refusals: Refusals | None = None,
    ) -> None:
        """`clocks`: this machine's and the source's. `standing` says why nothing may be written; empty where it may.

        `refusals` are counted by whoever calls `round`, and over once a write took effect.
        """
        self.connector, self.database, self.mirroring = connector, database, mirroring
        self.source = mirroring.source
        self.clock, self.source_clock = clocks
        self.workers: Workers[Back] = workers if workers is not None else OneByOne()
        self._terms = Terms(int(connector.capabilities.request_life_seconds * SECOND), mirroring.mark)
        self._trouble, self._refusals = _Trouble(), refusals or Refusals()
        self._at_once = AtOnce(self.workers.places * READ_TOGETHER)
        self._departed = DepartedTeams(connector, clocks[0])
        self._foreign, self._guards, self._standing = foreign, guards, standing
        self._looking_for: set[str] = set()  # operations whose marker is being looked for
        self._nothing_at: Instant = -1
        self._ending = False

    # --- one round -----------------------------------------------------------------------------------------------------

    def round(self, seconds: float = PATIENCE) -> bool:
        """Record what came back, and hand out what is due; False where nothing is due or under way.

        Raises ConnectorError once nothing is under way any more, where the source asked hoist to wait or to mend something.
        """
        back = self.workers.back(seconds if self.workers.under_way else 0.0)
        now = self.source_clock.now()
        self._guards.turn(now)
        if back or self._due(now):
            with self.database.transaction() as db:
                work = [piece for each in back for piece in self._record(db, each, now)]
                if not (self._ending or self._trouble.errors or self._standing()):
                    work += self._hand_out(db, now)
            for piece in work:
                self.workers.begin(piece)
            if not self.workers.under_way:
                self._nothing_at = now
        if self.workers.under_way:
            return True
        if (worst := self._trouble.worst) is not None:
            self._trouble = _Trouble()
            self._nothing_at = -1
            raise worst
        return bool(back)

    def drain(self) -> None:
        """Bring to its end what is under way, and begin nothing that is only due: for a hoist that is to stop.

        Raises ConnectorError as `round` does.
        """
        self._ending = True
        try:
            while self.workers.under_way:
                self.round()
        finally:
            self._ending = False

    @property
    def nothing_at(self) -> Instant:
        """The last instant at which nothing could be done, though something may have been due."""
        return self._nothing_at

    def _due(self, now: Instant) -> bool:
        if self._ending or self._trouble.errors or not self.workers.room:
            return False
        with self.database.reading() as db:
            return earliest(db, self.source).write <= now

    def _record(self, db: Connection, back: Back, now: Instant) -> Iterator[Work]:
        if isinstance(back, _Read):
            yield from self._confirm_all(db, back, now)
        else:
            yield from self._settle(db, back, now)

    def _hand_out(self, db: Connection, now: Instant) -> list[Work]:
        """Work for the places that are free."""
        free = self.workers.room
        if not free:
            return []
        outbox.postpone(db, waiting.expired(db, self.source, now), now, now, "its worker stopped")
        let_through(db, self.source, self.mirroring.ruling, now)
        self._guards.before_claiming(db, now)
        work = list(islice(chain(self._to_look_for(db, now), self._to_go_on_with(db, now)), free))
        free -= len(work)
        if free > 0:
            work += self._to_read(self._claimed(db, min(free * READ_TOGETHER, int(self._at_once)), now), free)
        return work

    # --- claim and read ------------------------------------------------------------------------------------------------

    def _claimed(self, db: Connection, tickets: int, now: Instant) -> dict[str, list[WaitingRow]]:
        ordered = orders.tickets(db, self.source)  # what a person ordered comes first
        names = [name for name in waiting.next_tickets(db, self.source, now, tickets + len(ordered)) if name not in ordered]
        return {name: waiting.claim(db, self.source, name, now, now + outbox.LEASE) for name in names[:tickets]}

    def _to_read(self, claimed: dict[str, list[WaitingRow]], free: int) -> Iterator[Work]:
        """The tickets shared out evenly, the most urgent first in each share."""
        names = list(claimed)
        for share in range(min(free, len(names))):
            yield partial(self._read, {name: claimed[name] for name in names[share::free]})

    def _read(self, claimed: dict[str, list[WaitingRow]]) -> Back:
        begun = steady(self.clock)
        if self._trouble.errors:
            return _Read(claimed, begun, None)
        try:
            return _Read(claimed, begun, fresh(self.connector, list(claimed), self.source, self.source_clock))
        except ConnectorError as error:
            self._trouble.errors.append(error)
            return _Read(claimed, begun, error)

    # --- confirm -------------------------------------------------------------------------------------------------------

    def _confirm_all(self, db: Connection, back: _Read, now: Instant) -> Iterator[Work]:
        reading = back.reading
        if not isinstance(reading, Reading):
            # a second longer than the source rests, so that one ticket's trouble keeps no other one waiting
            pause = SECOND if reading is None else int(outbox.seconds_of(reading) * SECOND) + SECOND
            for rows in back.claimed.values():
                outbox.postpone(db, rows, now, now + pause, "" if reading is None else str(reading))
            return
        self.source_clock.observe(reading.server_time)
        self.mirroring.quarantine(db, reading.quarantined, reading.server_time)
        self._foreign.see(db, reading.marks, now)
        kept = self.mirroring.keep(db, reading.tickets, reading.server_time)
        for name, claimed in back.claimed.items():
            rows = self._guards.of_one_day(db, name, waiting.still_held(db, claimed), now)
            if not rows:
                continue
            if said := self._standing():
                outbox.postpone(db, rows, now, now + SECOND, said)
            elif name not in kept:
                self._lost(db, name, rows, reading)
            elif (first := self._confirm(db, name, rows, kept[name], reading.server_time)) is not None:
                yield partial(self._send, first, back.begun)

    def _confirm(self, db: Connection, name: str, rows: list[WaitingRow], judged: Judged, at: Instant) -> OperationRow | None:
        """Drop what is no longer true; gives the operation committed as sent, None where nothing is."""
        now, ruling = self.source_clock.now(), self.mirroring.ruling
        # what this very read made due is merged with the rest
        rows += waiting.claim(db, self.source, name, now, now + outbox.LEASE, beside=[row.id for row in rows])
        ticket, decision = judged
        verdict = confirmed(rows, ticket, decision, ruling, at)
        outbox.postpone(db, verdict.early, now, now + max(ruling.resolution, verdict.ahead))
        for row, gate in verdict.held:
            if row.approved is None:
                outbox.hold(db, row, gate, now)
            else:
                hold_again(db, row, f"held back {gate}", now)
        for row, reason in verdict.left:
            outbox.leave(db, row, reason, now)
        for row, reason in verdict.over:
            outbox.supersede(db, row, at, reason)
        if not verdict.steps:
            return None
        holding = [ruling.rule(rule) for rule, _ in decision.holding]
        asked = as_approved(db, ticket, verdict.steps, ruling.rules, (at, now), holding)
        left = left_to_people(db, ticket, asked, ruling.rules, at, holding)
        for (row, step), kept in left.overruled:
            outbox.overrule(db, row, step, kept, at)
        if left.overruled:
            mirrored.set_next_look(db, ticket.ref, now)  # what comes after it in its ladder is told
        if not left.steps:
            return None
        true, steps = [row for row, _ in left.steps], [step for _, step in left.steps]
        escalation = merge(ticket, steps, ruling.rules, at, holding)
        together = self.connector.capabilities.together
        make = partial(outbox.operations_of, escalation, at, self.mirroring.mark, base=ticket.version, together=together)
        rests = rests_on(ruling.rules, ticket, mirrored.revision(db, self.source, name))
        return outbox.decided(db, true, steps, escalation, at, make, now, rests_on=rests)

    def _lost(self, db: Connection, name: str, rows: list[WaitingRow], reading: Reading) -> None:
        """The fresh read did not bring the ticket."""
        at, now = reading.server_time, self.source_clock.now()
        if name in reading.gone:
            for row in rows:
                outbox.supersede(db, row, at, "the ticket is gone, or no longer visible to hoist")
            self.mirroring.gone(db, name, at, now)
            self.mirroring.counts.gone += 1
        elif any(each.id == name for each in reading.quarantined):
            outbox.postpone(db, rows, now, now + UNREADABLE_PAUSE, "the ticket could not be read as a whole")
        else:
            outbox.postpone(db, rows, now, now + SECOND, "a later read of the ticket was here first")

    # --- send and settle -----------------------------------------------------------------------------------------------

    def _send(self, row: OperationRow, since: int) -> Back:
        """Send an operation that was committed as sent.

        `since`: when, in steady milliseconds, that began on which the right to send rests: the fresh read, or the commit.
        """
        if self._trouble.errors:
            return _Sent(row, Result(Outcome.NOT_SENT, "the source rests"), asked=False)
        if paused := self._guards.bars(row.escalation):
            return _Sent(row, Result(Outcome.NOT_SENT, paused), asked=False)
        if steady(self.clock) - since >= outbox.HAND_OVER_LIMIT * SECOND:
            said = "what the write rests on had grown too old"
            return _Sent(row, Result(Outcome.NOT_SENT, said), asked=False, too_late=True)
        operation = replace(row.operation, installation=self._foreign.identity, installed_at=self._foreign.since)
        row = replace(row, operation=operation)
        send = outbox.put_back if row.undoes else outbox.send
        return self._came_back(row, self._departed.judged(row.operation, send(self.connector, row.operation)))

    def _settle(self, db: Connection, back: _Sent, now: Instant) -> Iterator[Work]:
        row, result = back.row, back.result
        if row.operation.key in self._looking_for:
            self._looking_for.discard(row.operation.key)
        else:
            self.mirroring.counts.requests_for_writes += back.asked
        if result.departed:
            self.mirroring.ruling = self.mirroring.ruling.without(result.departed)
        if back.too_late:
            self._at_once.too_late()
        if result.outcome is Outcome.APPLIED:
            self._refusals.over()
            self._at_once.written()
        stood = settling.settle(db, row, result, now, self._terms)
        if stood and result.outcome is Outcome.APPLIED:
            mirrored.set_next_look(db, row.operation.ticket, now)
        if stood and result.outcome in (Outcome.APPLIED, Outcome.OVERWROTE) and not (self._trouble.errors or self._standing()):
            yield from self._next_of(db, row.escalation, now)

    def _next_of(self, db: Connection, escalation: int, now: Instant) -> Iterator[Work]:
        """The next planned operation of an escalation, committed as sent; none where all are done, or one is under way."""
        row = operations.commit_next(db, escalation, now)
        if row is not None:
            waiting.delay(db, escalation, now + outbox.LEASE)
            yield partial(self._send, row, steady(self.clock))

    def _came_back(self, row: OperationRow, result: Result) -> Back:
        unread = result.outcome is Outcome.LOOK_AGAIN and isinstance(result.error, Limited)
        if result.error is not None and not unread:  # what the platform does not show for now it may take all the same
            self._trouble.errors.append(result.error)
        return _Sent(row, result)

    # --- what was begun and not ended ----------------------------------------------------------------------------------

    def _to_go_on_with(self, db: Connection, now: Instant) -> Iterator[Work]:
        """Escalations that were begun, and whose worker stopped or had to wait."""
        found = waiting.unfinished(db, self.source, now)
        for number in dict.fromkeys(row.escalation for row in found if row.escalation is not None):
            yield from self._next_of(db, number, now)

    def _to_look_for(self, db: Connection, now: Instant) -> Iterator[Work]:
        """The markers of operations whose answer was lost, once their waiting time is over."""
        for row in operations.in_state(db, self.source, OperationState.SENT):
            if not row.operation.order and waiting.lease_ended(
                db, row.escalation, now
            ):  # its worker died between commit and answer
                settling.settle(db, row, Result(Outcome.UNKNOWN, settling.STOPPED), now, self._terms)
        for row in operations.ripe(db, self.source, now):
            if row.operation.key not in self._looking_for and not row.operation.order:  # see agent.undo.undoing
                self._looking_for.add(row.operation.key)
                yield partial(self._look_for, row)

    def _look_for(self, row: OperationRow) -> Back:
        if (worst := self._trouble.worst) is not None:
            return _Sent(row, Result(Outcome.LOOK_AGAIN, str(worst), outbox.seconds_of(worst)))
        return self._came_back(row, outbox.looked_for(self.connector, row))
