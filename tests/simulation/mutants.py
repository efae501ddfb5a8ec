"""Outboxes that are broken on purpose, each by taking the place of one named function of hoist."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

from sqlalchemy import Connection

from agent import app, mirror, outbox
from agent.aftermath import Aftermath
from agent.hinted import Hinted
from agent.outbox import Outcome, Result
from agent.store import mirrored, operations, waiting
from agent.store.hints import Hint
from agent.store.operations import OperationRow
from agent.store.waiting import WaitingRow
from agent.write_back import settling, writing
from agent.write_back.writing import Writer, _Read
from connectors import judging
from connectors.contract import Connector, Reading, Verification
from connectors.jira import webhook
from rules import ladder
from rules.escalation import Operation, OperationKind
from rules.instants import Instant
from rules.ladder import Ahead, Due

Mutant = Callable[[], AbstractContextManager[object]]
NEVER: Final = Result(Outcome.NOT_SENT, "nobody looked")


def no_look_for_the_marker() -> AbstractContextManager[object]:
    """What was not answered counts as never done."""
    return patch.object(outbox, "looked_for", lambda _connector, _row: NEVER)


def no_fence() -> AbstractContextManager[object]:
    """Whoever once held rows goes on with them."""

    def still_held(_db: Connection, rows: list[WaitingRow]) -> list[WaitingRow]:
        return rows

    return patch.object(waiting, "still_held", still_held)


def no_fresh_read() -> AbstractContextManager[object]:
    """What the mirror holds is good enough."""

    def read(self: Writer, claimed: dict[str, list[WaitingRow]]) -> _Read:
        with self.database.reading() as db:
            known = mirrored.mirrored(db, self.source, list(claimed))
        now = self.source_clock.now()
        tickets = [replace(each.ticket, known=now) for each in known.values()]
        return _Read(claimed, int(self.clock.monotonic() * 1000), Reading(tickets, (), (), now))

    return patch.object(Writer, "_read", read)


@contextmanager
def sent_is_committed_after_the_send() -> Iterator[None]:
    """The store hears of a request once it was answered."""
    commit_next, settle = operations.commit_next, settling.settle

    def not_yet(db: Connection, escalation: int, now: Instant) -> OperationRow | None:
        place = db.begin_nested()
        row = commit_next(db, escalation, now)
        place.rollback()
        return row

    def now_both(db: Connection, row: OperationRow, result: Result, now: Instant, terms: settling.Terms) -> bool:
        if not operations.stands(db, row):
            commit_next(db, row.escalation, now)
        return settle(db, row, result, now, terms)

    with patch.object(operations, "commit_next", not_yet), patch.object(settling, "settle", now_both):
        yield


def no_waiting_time() -> AbstractContextManager[object]:
    """The marker is looked for at once; that it is not there counts."""
    unknown = settling._Settling._unknown
    return patch.object(settling._Settling, "_unknown", lambda self, _wait: unknown(self, 0))


def decided_anew_by_what_is_there() -> AbstractContextManager[object]:
    """A save without an answer is decided again, one further than what the ticket shows by then."""
    looked_for = outbox.looked_for

    def again(connector: Connector, row: OperationRow) -> Result:
        return NEVER if row.operation.kind is OperationKind.FIELDS else looked_for(connector, row)

    return patch.object(outbox, "looked_for", again)


def no_look_at_the_old_value() -> AbstractContextManager[object]:
    """Whose value was replaced is not asked."""
    judge_edit = judging.judge_edit

    def content(*given: Any, **named: Any) -> Verification:
        return replace(judge_edit(*given, **named), overwritten=())

    return patch.object(judging, "judge_edit", content)


def no_horizon() -> AbstractContextManager[object]:
    """An answer counts as of when it came, however old it is."""
    confirm_all = Writer._confirm_all

    def as_of_now(self: Writer, db: Connection, back: _Read, now: Instant) -> Iterator[writing.Work]:
        if isinstance(back.reading, Reading):
            tickets = [replace(ticket, known=now) for ticket in back.reading.tickets]
            back = replace(back, reading=replace(back.reading, tickets=tickets, server_time=now))
        yield from confirm_all(self, db, back, now)

    return patch.object(Writer, "_confirm_all", as_of_now)


def no_look_at_what_was_known() -> AbstractContextManager[object]:
    """An older answer is laid over a later one."""
    return patch.object(mirror, "_overtaken", lambda _read, _before: False)


def steps_one_by_one() -> AbstractContextManager[object]:
    """Missed steps are made up for, one after the other."""
    ahead = ladder._Ladder.ahead

    def first_alone(self: ladder._Ladder, taken: frozenset[int], applied_at: Instant | None, now: Instant) -> Ahead:
        found = ahead(self, taken, applied_at, now)
        if found.due is None or len(found.due.steps) == 1:
            return found
        return Ahead(Due(found.due.steps[:1], found.due.since), now + 1)

    return patch.object(ladder._Ladder, "ahead", first_alone)


@contextmanager
def restore_not_noticed() -> Iterator[None]:
    """Neither the file beside the store nor the helpdesk is asked whether the store is an older one."""
    with patch.object(app, "restored", lambda *_: False), patch.object(Aftermath, "see", lambda *_: False):
        yield


def no_look_at_the_date_of_a_read() -> AbstractContextManager[object]:
    """A read counts as fresh since it was just asked for."""
    return patch.object(writing, "fresh", lambda connector, ids, _source, _clock: connector.read(ids))


def no_look_at_the_date_of_a_record() -> AbstractContextManager[object]:
    """What a record does not show never took effect, however old the record is."""
    verified = outbox._verified

    def at_any_time(connector: Connector, operation: Operation, accepted: Result | None, _since: Instant) -> Result:
        return verified(connector, operation, accepted, 0)

    return patch.object(outbox, "_verified", at_any_time)


def no_look_at_signatures() -> AbstractContextManager[object]:
    """Whoever knocks at the door for webhooks is believed."""
    return patch.object(webhook, "is_one_of", lambda _made, _given: True)


def hints_count_as_reads() -> AbstractContextManager[object]:
    """That a webhook told of a ticket is good enough: it is not read."""

    def taken(self: Hinted, ready: list[Hint]) -> None:
        with self._database.transaction() as db:
            self._taken(db, ready)

    return patch.object(Hinted, "_read", taken)


MUTANTS: Final[dict[str, Mutant]] = {
    "marker look-up removed": no_look_for_the_marker,
    "fence removed": no_fence,
    "fresh read removed": no_fresh_read,
    "sent committed after the send": sent_is_committed_after_the_send,
    "waiting time zero": no_waiting_time,
    "relative values re-decided": decided_anew_by_what_is_there,
    "old-value check removed": no_look_at_the_old_value,
    "horizon check removed": no_horizon,
    "ticket revision check removed": no_look_at_what_was_known,
    "steps not collapsed": steps_one_by_one,
    "restore not noticed": restore_not_noticed,
    "age of a record not compared": no_look_at_the_date_of_a_record,
    "signature of a webhook not compared": no_look_at_signatures,
}
"""By what is missing."""
