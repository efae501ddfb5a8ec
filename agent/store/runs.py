"""Runs: what was due beyond a limit, held until somebody approves it; and what the limits are counted from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, exists, func, insert, literal_column, or_, select, update

from agent.store import waiting
from agent.store.statements import Prepared, among
from agent.store.states import OperationState, RowState
from agent.store.tables import escalations, operations, outbox, runs
from agent.store.waiting import WaitingRow
from rules.instants import Instant


class Scope(StrEnum):
    """What a limit is of."""

    RULE = "rule"
    SOURCE = "source"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True)
class Run:
    """Firings beyond a limit. `name`: of the rule, or the ticket's id. `fault`: why nothing of it goes on, where it may not."""

    id: int
    source: str
    scope: Scope
    name: str
    since: Instant
    why: str
    fault: str
    closed_at: Instant | None


_WRITTEN: Final = tuple(
    RowState(state) for state in ("sent", "unknown", "applied", "parked", "overruled", "undone", "superseded")
)
_LEFT: Final = (OperationState.SENT, OperationState.UNKNOWN, OperationState.APPLIED)
_OF_SOURCE = outbox.c.source == bindparam("source")
_DUE = and_(
    _OF_SOURCE,
    outbox.c.state == RowState.PLANNED,
    outbox.c.not_before <= bindparam("at"),
    outbox.c.let_at.is_(None),
)
_DUE_BY_RULE = Prepared(select(outbox.c.rule, func.count()).where(_DUE).group_by(outbox.c.rule))
_SENT_BY_RULE = Prepared(
    select(outbox.c.rule, func.count())
    .select_from(escalations.join(outbox, outbox.c.escalation == escalations.c.id))
    .where(
        escalations.c.source == bindparam("source"),
        escalations.c.confirmed_at > bindparam("since"),
        among(outbox.c.state, _WRITTEN),
        outbox.c.let_at.is_(None),
        exists().where(operations.c.escalation == escalations.c.id, among(operations.c.state, _LEFT)),
    )
    .group_by(outbox.c.rule)
)
_OF_TICKET = Prepared(
    select(outbox.c.confirmed_at)
    .distinct()
    .where(
        _OF_SOURCE,
        outbox.c.ticket == bindparam("ticket"),
        outbox.c.confirmed_at > bindparam("since"),
        exists().where(operations.c.escalation == outbox.c.escalation, among(operations.c.state, _LEFT)),
    )
    .order_by(outbox.c.confirmed_at)
)
_HOLD = Prepared(
    update(outbox)
    .where(_DUE, or_(bindparam("of_rule") == literal_column("''"), outbox.c.rule == bindparam("of_rule")))
    .values(
        {
            "state": RowState.HELD,
            "run": bindparam("to_run"),
            "not_before": bindparam("to_not_before"),
            "problem": bindparam("to_problem"),
        }
    )
)
_HELD = and_(outbox.c.run == runs.c.id, outbox.c.state == RowState.HELD)
_OPEN = Prepared(select(runs).where(runs.c.source == bindparam("source"), runs.c.closed_at.is_(None)).order_by(runs.c.id))
_CLOSE = Prepared(
    update(runs)
    .where(runs.c.source == bindparam("source"), runs.c.closed_at.is_(None), ~exists().where(_HELD))
    .values({"closed_at": bindparam("to_closed_at")})
)


def add(db: Connection, source: str, scope: Scope, name: str, since: Instant, why: str, fault: str = "") -> Run:
    """Open a run."""
    values = {"source": source, "scope": scope.value, "name": name, "since": since, "why": why, "fault": fault}
    made = db.execute(insert(runs).values(values)).inserted_primary_key
    return Run(made[0] if made else 0, source, scope, name, since, why, fault, None)


def opened(db: Connection, source: str) -> list[Run]:
    """The runs of a source that wait for somebody."""
    return [_run(row) for row in _OPEN(db, source=source)]


def named(db: Connection, number: int) -> Run | None:
    """The run with a number."""
    row = db.execute(select(runs).where(runs.c.id == number)).one_or_none()
    return None if row is None else _run(row)


def reopen(db: Connection, number: int) -> None:
    """Something of it is held again."""
    db.execute(update(runs).where(runs.c.id == number).values(closed_at=None))


def close_empty(db: Connection, source: str, now: Instant) -> None:
    """Close the runs of which nothing is held any more."""
    _CLOSE(db, source=source, to_closed_at=now)


def due_by_rule(db: Connection, source: str, now: Instant) -> Mapping[str, int]:
    """How many changes of each rule are due that no limit has let through."""
    return {row[0]: int(row[1]) for row in _DUE_BY_RULE(db, source=source, at=now)}


def sent_by_rule(db: Connection, source: str, since: Instant) -> Mapping[str, int]:
    """How many changes of each rule were written since then; what was approved does not count."""
    return {row[0]: int(row[1]) for row in _SENT_BY_RULE(db, source=source, since=since)}


def written_to(db: Connection, source: str, ticket: str, since: Instant) -> list[Instant]:
    """When a ticket was written since then, once for each escalation, in order."""
    return [int(row[0]) for row in _OF_TICKET(db, source=source, ticket=ticket, since=since)]


def hold(db: Connection, run: Run, now: Instant, expires: Instant, problem: str) -> int:
    """Hold what is due within the scope of a run, and give the number."""
    rule = run.name if run.scope is Scope.RULE else ""
    due = [outbox.c.source == run.source, outbox.c.state == RowState.PLANNED, outbox.c.not_before <= now]
    rows = waiting.most_urgent(db, *due, outbox.c.let_at.is_(None), *([outbox.c.rule == rule] if rule else []))
    waiting.tell(db, rows, RowState.HELD, now, run=run.id, problem=problem)
    held = _HOLD(db, source=run.source, at=now, of_rule=rule, to_run=run.id, to_not_before=expires, to_problem=problem)
    return int(held.rowcount)


def held(db: Connection, run: Run, limit: int | None = None) -> list[WaitingRow]:
    """What a run holds, the most urgent and then the longest due first."""
    return waiting.most_urgent(db, outbox.c.run == run.id, outbox.c.state == RowState.HELD, limit=limit)


def expired(db: Connection, source: str, now: Instant) -> list[WaitingRow]:
    """What is held with a run beyond its time."""
    late = (outbox.c.state == RowState.HELD, outbox.c.not_before <= now, outbox.c.run.is_not(None))
    return waiting.most_urgent(db, outbox.c.source == source, *late)


def count_held(db: Connection, run: Run) -> int:
    """What a run holds now."""
    place = (outbox.c.run == run.id, outbox.c.state == RowState.HELD)
    return int(db.execute(select(func.count()).select_from(outbox).where(*place)).scalar_one())


def count(db: Connection, run: Run) -> int:
    """All that was ever held with a run."""
    return int(db.execute(select(func.count()).select_from(outbox).where(outbox.c.run == run.id)).scalar_one())


def let_through(db: Connection, run: Run, since: Instant, *, urgent: bool) -> int:
    """How many of a run went on by themselves since then: all of them, or without `urgent` those of the canary share."""
    place = [outbox.c.run == run.id, outbox.c.let_at > since, outbox.c.approved.is_(None)]
    if not urgent:
        place.append(outbox.c.urgency > 0)
    return int(db.execute(select(func.count()).select_from(outbox).where(*place)).scalar_one())


def _run(row: Any) -> Run:
    return Run(row.id, row.source, Scope(row.scope), row.name, row.since, row.why, row.fault, row.closed_at)
