"""Orders of people, carried out as escalations are: the ticket is read afresh, and what still can be done is committed as sent.

An order ends as done, left (nothing could be taken back by then, with why) or failed (somebody has to look at the ticket). The
steps of what it took back become `undone`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from agent import outbox
from agent.clock import Clock, SourceClock, steady
from agent.fresh import fresh
from agent.mirroring import Mirroring
from agent.outbox import Outcome, Result
from agent.store import journal, mirrored, operations, orders, waiting
from agent.store.database import Database
from agent.store.journal import Personal
from agent.store.operations import OperationRow
from agent.store.orders import OrderKind, OrderRow, OrderState
from agent.store.states import OperationState, RowState
from agent.undo.undo import Reversal, Seen, still
from agent.write_back.settling import ATTEMPTS, STOPPED, journal_outcome, outcome_line
from connectors.contract import Connector, Reading
from connectors.errors import ConnectorError
from rules.escalation import Escalation, FieldChange, Operation, OperationKind
from rules.instants import MINUTE, SECOND, Instant
from rules.ticket import Ticket

UNREADABLE_PAUSE: Final = MINUTE


@dataclass(frozen=True, slots=True)
class _Send:
    """An operation that was committed as sent, or whose marker is to be looked for.

    `since`: when, in steady milliseconds, that began on which the right to send rests.
    """

    row: OperationRow
    since: int = 0
    look: bool = False


_Step = OrderRow | _Send
"""A claimed order whose ticket is to be read, or what is to be sent."""


class OrderWriter:
    """One source's orders, one after the other: they are few, and a person waits for each. `round` belongs to one thread."""

    def __init__(
        self,
        connector: Connector,
        database: Database,
        mirroring: Mirroring,
        clocks: tuple[Clock, SourceClock],
        own: Callable[[Operation], Operation] = lambda operation: operation,
    ) -> None:
        """`clocks`: this machine's and the source's. `own` adds to an operation what shows whose hoist it is of."""
        self._connector, self._database, self._mirroring = connector, database, mirroring
        self._source = mirroring.source
        self._clock, self._source_clock = clocks
        self._own = own
        self.request_life = int(connector.capabilities.request_life_seconds * SECOND)

    # --- one round -----------------------------------------------------------------------------------------------------

    def round(self, only: int | None = None) -> bool:
        """Take one order as far as it goes now; False where none is due. `only`: that one, by number.

        Raises ConnectorError where the source asked hoist to wait or to mend something; the order then waits.
        """
        now = self._source_clock.now()
        with self._database.reading() as db:
            if not orders.waits(db, self._source, now):
                return False
        with self._database.transaction() as db:
            begun = self._begun(db, now, only)
        if begun is None:
            return False
        step: _Step | None = begun
        while step is not None:
            step = self._taken(step)
        return True

    def _taken(self, step: _Step) -> _Step | None:
        """Ask the source outside of any transaction, record what it said, and give what comes next of the same order."""
        if isinstance(step, OrderRow):
            since = steady(self._clock)
            try:
                reading = fresh(self._connector, [step.ticket.id], self._source, self._source_clock)
            except ConnectorError as error:
                with self._database.transaction() as db:
                    pause = int(outbox.seconds_of(error) * SECOND) + SECOND
                    orders.move(db, step, OrderState.ORDERED, not_before=self._source_clock.now() + pause, problem=str(error))
                raise
            self._source_clock.observe(reading.server_time)
            with self._database.transaction() as db:
                row = self._confirm(db, step, reading)
            return None if row is None else _Send(row, since)
        return self._sent(step)

    def _sent(self, step: _Send) -> _Step | None:
        row = step.row
        if step.look:
            result = outbox.looked_for(self._connector, row)
        elif steady(self._clock) - step.since >= outbox.HAND_OVER_LIMIT * SECOND:
            result = Result(Outcome.NOT_SENT, "what the write rests on had grown too old")
        else:
            result = (outbox.put_back if row.undoes else outbox.send)(self._connector, self._own(row.operation))
        with self._database.transaction() as db:
            now = self._source_clock.now()
            stood = self.settle(db, row, result, now)
            further = self._next_of(db, row.operation.order, now) if stood and result.error is None else None
        if result.error is not None:
            raise result.error
        return None if further is None else _Send(further, steady(self._clock))

    # --- what is due ---------------------------------------------------------------------------------------------------

    def _begun(self, db: Connection, now: Instant, only: int | None) -> _Step | None:
        """The next thing to ask the source, under a lease; orders that are through or were broken off are ended."""
        for order in orders.stopped(db, self._source, now):
            if only in (None, order.id) and (step := self._gone_on(db, order, now)) is not None:
                return step
        for order in orders.due(db, self._source, now):
            if only not in (None, order.id):
                continue
            if order.kind is OrderKind.REHEARSAL:  # it was never sent, and whoever ordered it is gone
                self.end(db, order, OrderState.FAILED, "it was broken off before anything was written", now)
            elif orders.move(db, order, OrderState.CLAIMED, not_before=now + outbox.LEASE):
                return orders.order(db, order.id)
        return None

    def _gone_on(self, db: Connection, order: OrderRow, now: Instant) -> _Send | None:
        """Of an order of which something may have left, and whose worker had to wait or is gone: what to ask the source."""
        rows = operations.of_escalation(db, order.escalation or 0)
        for row in rows:
            if row.state is OperationState.SENT:
                self.settle(db, row, Result(Outcome.UNKNOWN, STOPPED), now)
                return None
            if row.state is OperationState.UNKNOWN:
                orders.move(db, order, OrderState.SENT, not_before=now + outbox.LEASE)
                return _Send(row, look=True)
        if order.kind is OrderKind.REHEARSAL:
            drop_planned(db, rows, now)
            self.end(db, order, OrderState.FAILED, "it was broken off", now)
            return None
        further = self._next_of(db, order.id, now)
        return None if further is None else _Send(further, steady(self._clock))

    def _next_of(self, db: Connection, number: int, now: Instant) -> OperationRow | None:
        """The next planned operation of an order, committed as sent; None where there is none, or one is under way."""
        order = orders.order(db, number)
        if order.kind is OrderKind.REHEARSAL or order.state is not OrderState.SENT or order.escalation is None:
            return None
        row = operations.commit_next(db, order.escalation, now)
        if row is not None:
            orders.move(db, order, OrderState.SENT, not_before=now + outbox.LEASE)
        return row

    # --- confirm -------------------------------------------------------------------------------------------------------

    def _confirm(self, db: Connection, claimed: OrderRow, reading: Reading) -> OperationRow | None:
        """Keep what can still be done by this read, committed as sent; None where nothing is."""
        order, now = orders.order(db, claimed.id), self._source_clock.now()
        if (order.state, order.fence) != (claimed.state, claimed.fence):
            return None
        if order.ticket.id in reading.gone:
            self.end(db, order, OrderState.FAILED, "the ticket is gone, or no longer visible to hoist", now)
            return None
        read = next((each for each in reading.tickets if each.ref.id == order.ticket.id), None)
        ticket = None if read is None else self._mirroring.reconciled(db, read)
        if ticket is None:
            pause = SECOND if read is not None else UNREADABLE_PAUSE
            said = "the ticket could not be read as a whole"
            orders.move(db, order, OrderState.ORDERED, not_before=now + pause, problem=said)
            return None
        return self._decide(db, order, ticket, reading.server_time, now)

    def _decide(self, db: Connection, order: OrderRow, ticket: Ticket, at: Instant, now: Instant) -> OperationRow | None:
        written = operations.of_ticket(db, self._source, ticket.ref.id)
        # nobody's name: what stays, and why, goes into the journal
        found = still(Seen(ticket, written, self._connector.capabilities.writes, {}, ZoneInfo("UTC")), order.asked)
        if found.empty:
            self.end(db, order, OrderState.LEFT, _reasons(found) or "there was nothing to take back", now)
            return None
        number = operations.add(db, Escalation(ticket.ref, (), found.changes), at)
        operations.add_operations(db, number, [self._operation(order, found, ticket, number, at)])
        orders.move(db, order, OrderState.SENT, escalation=number, not_before=now + outbox.LEASE, problem=_reasons(found))
        shown = [[c.field, journal.of_field(c.field, c.old), journal.of_field(c.field, c.new)] for c in found.changes]
        stays = [[each.what, each.why] for each in found.stays]
        self.note(db, order, "undo", now, escalation=number, fields=shown, labels=list(found.labels), stays=stays)
        return operations.commit_next(db, number, now)

    def _operation(self, order: OrderRow, found: Reversal, ticket: Ticket, number: int, at: Instant) -> Operation:
        key = f"{ticket.ref}/{number}/undo"
        return Operation(
            key,
            OperationKind.FIELDS,
            ticket.ref,
            self._mirroring.mark(key),
            changes=found.changes,
            planned_at=at,
            base=ticket.version,
            remove_labels=found.labels,
            order=order.id,
            ordered_by=order.by if order.asked.as_person else "",
        )

    # --- settle --------------------------------------------------------------------------------------------------------

    def settle(self, db: Connection, row: OperationRow, result: Result, now: Instant) -> bool:
        """Record what came of an operation; False where another worker has meanwhile found out, whose word stands."""
        if not operations.stands(db, row):
            journal_outcome(db, row, result, now, late=True)
            return False
        _Settling(self, db, row, result, now).settle()
        return True

    def end(self, db: Connection, order: OrderRow, state: OrderState, said: str, now: Instant) -> None:
        """An order is at its end."""
        if orders.move(db, order, state, settled_at=now, problem=said):
            self.note(db, order, f"{order.kind}-{state}", now, said=said)

    def undone(self, db: Connection, order: OrderRow, now: Instant) -> None:
        """The steps whose values were taken back."""
        said = f"by order of {order.by}: {order.why}"
        for row in waiting.of_ticket(db, self._source, order.ticket.id, (RowState.APPLIED,)):
            if row.id in order.asked.rows:
                waiting.move(db, row, RowState.UNDONE, now, settled_at=now, problem=said)

    def note(self, db: Connection, order: OrderRow, kind: str, now: Instant, **data: object) -> None:
        """A line of the journal about an order."""
        who = {"order": order.id, "by": Personal(order.by), "known_by": Personal(order.known_by, order.by), "why": order.why}
        journal.append(db, kind, now, order.ticket.source, order.ticket.id, **who, **data)

    def mark(self, key: str) -> str:
        """The marker of an operation."""
        return self._mirroring.mark(key)


class _Settling:
    """One operation's outcome, as far as it differs from that of an escalation: there are no steps that wait for it."""

    def __init__(self, whose: OrderWriter, db: Connection, row: OperationRow, result: Result, now: Instant) -> None:
        self.orders, self.db, self.row, self.result, self.now = whose, db, row, result, now
        self.order = orders.order(db, row.operation.order)

    def settle(self) -> None:
        match self.result.outcome:
            case Outcome.APPLIED:
                self._applied()
            case Outcome.UNKNOWN | Outcome.LOOK_AGAIN:
                self._unknown()
            case Outcome.NOT_SENT | Outcome.CONFLICT:
                self._again()
            case Outcome.OVERWROTE:
                self._overwrote()
            case Outcome.OVERTAKEN:
                self._over(OperationState.DROPPED, OrderState.DONE)
            case Outcome.OTHERWISE:
                self._over(OperationState.APPLIED, OrderState.FAILED)
            case Outcome.REFUSED | Outcome.DEPARTED | Outcome.GONE:
                self._over(OperationState.REFUSED, OrderState.FAILED)

    def _applied(self) -> None:
        self._took_effect(self.result.said)
        if self.order.kind is OrderKind.REHEARSAL:
            orders.move(self.db, self.order, OrderState.SENT, not_before=self.now + outbox.LEASE)
            return  # whoever rehearses goes on
        self._done("; ".join(filter(None, (self.order.problem, self.result.said))))

    def _done(self, said: str) -> None:
        self.orders.undone(self.db, self.order, self.now)
        mirrored.set_next_look(self.db, self.order.ticket, self.now)
        self.orders.end(self.db, self.order, OrderState.DONE, said, self.now)

    def _overwrote(self) -> None:
        """Theirs is put back, once, as after any write; what else was taken back stays so."""
        self._took_effect("a person's change was overwritten")
        if self.row.undoes or self.result.verification is None or self.order.kind is OrderKind.REHEARSAL:
            self._end(OrderState.FAILED, "a person's change was overwritten: look at the ticket")
            return
        changes = tuple(FieldChange(o.field, o.ours, o.theirs) for o in self.result.verification.overwritten)
        operation = self.row.operation
        key = f"{operation.key}/put-back"
        back = replace(
            operation, key=key, marker=self.orders.mark(key), changes=changes, remove_labels=(), ordered_by="", base=""
        )
        operations.add_operations(self.db, self.row.escalation, [replace(back, planned_at=self.now)], undoes=operation.key)
        said = f"{', '.join(each.field for each in changes)}: somebody was first, and theirs was put back"
        if len(changes) < len(operation.changes) or operation.remove_labels:
            self.orders.undone(self.db, self.order, self.now)
        orders.move(self.db, self.order, OrderState.SENT, not_before=self.now, problem=said)

    def _unknown(self) -> None:
        wait = max(int(self.result.seconds * SECOND), 0 if self.row.state is OperationState.UNKNOWN else self.orders.request_life)
        if self.row.state is OperationState.UNKNOWN:
            operations.look_later(self.db, self.row, self.now + wait)
            journal_outcome(self.db, self.row, self.result, self.now)
        else:
            known = {"accepted_at": self.result.accepted_at, "native_id": self.result.native_id}
            self._move(OperationState.UNKNOWN, look_at=self.now + wait, problem=self.result.said, **known)
        orders.move(self.db, self.order, OrderState.SENT, not_before=self.now + wait, problem=self.result.said)

    def _again(self) -> None:
        """It did not take effect: decided anew after a fresh read. A value that is put back is sent again as it is."""
        counts = self.result.outcome is Outcome.CONFLICT or self.row.state is OperationState.UNKNOWN
        attempts, said = self.order.attempts + counts, self.result.said
        later = self.now + int(self.result.seconds * SECOND) + SECOND
        if attempts >= ATTEMPTS or self.order.kind is OrderKind.REHEARSAL:
            self._over(OperationState.DROPPED, OrderState.FAILED)
        elif self.row.undoes:
            self._move(OperationState.PLANNED, problem=said)
            orders.move(self.db, self.order, OrderState.SENT, not_before=later, attempts=attempts, problem=said)
        else:
            self._move(OperationState.DROPPED, settled_at=self.now, problem=said)
            values = {"escalation": None, "attempts": attempts, "problem": said}
            orders.move(self.db, self.order, OrderState.ORDERED, not_before=later, **values)

    def _over(self, operation: OperationState, order: OrderState) -> None:
        said = self.result.said
        self._move(operation, settled_at=self.now, native_id=self.result.native_id, problem=said)
        if self.row.undoes and order is OrderState.FAILED:
            said = f"a person's change was overwritten and could not be put back, look at the ticket: {said}"
        self._end(order, said)

    def _end(self, state: OrderState, said: str) -> None:
        drop_planned(self.db, operations.of_escalation(self.db, self.row.escalation), self.now)
        self.orders.end(self.db, self.order, state, said, self.now)

    def _took_effect(self, said: str) -> None:
        at = self.result.at if self.result.at is not None else self.now
        self._move(OperationState.APPLIED, settled_at=at, native_id=self.result.native_id, problem=said)

    def _move(self, to: OperationState, **values: object) -> None:
        line = outcome_line(self.row, self.result)
        operations.move(self.db, self.row, to, self.now, line.told, line.kind, **values)


def drop_planned(db: Connection, rows: Sequence[OperationRow], now: Instant) -> None:
    """What an order would have sent next is never sent."""
    for row in rows:
        if row.state is OperationState.PLANNED:
            operations.move(db, row, OperationState.DROPPED, now, settled_at=now)


def _reasons(found: Reversal) -> str:
    return "; ".join(f"{each.what} stays: {each.why}" for each in found.stays)
