"""The outbox: one row per due step of an episode, its moves one conditional statement each."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, select, update

from agent.store.states import ROW_MOVES, RowState
from agent.store.tables import outbox
from rules.escalation import FiringKey
from rules.instants import Instant

BUSY = (RowState.CLAIMED, RowState.SENT, RowState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """One change that waits to be written, or was."""

    id: int
    key: FiringKey
    state: RowState
    instant: Instant
    planned_at: Instant
    not_before: Instant
    urgency: int
    fence: int
    confirmed_at: Instant | None
    settled_at: Instant | None
    escalation: int | None
    attempts: int
    because: tuple[str, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A step to be put into the outbox."""

    key: FiringKey
    instant: Instant
    planned_at: Instant
    not_before: Instant
    urgency: int
    because: tuple[str, ...]
    state: RowState = RowState.PLANNED
    spacing: int = 0  # milliseconds to keep from the rule's row before it, for tickets that were there when it went live


def plan(db: Connection, planned: Sequence[Planned]) -> None:
    """Insert rows. Raises IntegrityError where a key is there already: no step is ever planned twice."""
    turns = _turns(db, planned)
    rows = [
        {
            "source": p.key.source,
            "ticket": p.key.ticket,
            "rule": p.key.rule,
            "number": p.key.episode,
            "step": p.key.step,
            "state": p.state,
            "instant": p.instant,
            "planned_at": p.planned_at,
            "not_before": turns.get(p.key, p.not_before),
            "urgency": p.urgency,
            "fence": 0,
            "lease_until": 0,
            "because": json.dumps(p.because, ensure_ascii=False),
        }
        for p in planned
    ]
    if rows:
        db.execute(insert(outbox), rows)


def move(db: Connection, row: WaitingRow, to: RowState, **values: Any) -> bool:
    """Move a row if it is still in the state and under the fence that the caller saw; False where it is not.

    Raises ValueError for a move that the table of states does not allow.
    """
    if to not in ROW_MOVES[row.state]:
        raise ValueError(f"{row.key}: {row.state} -> {to} is no allowed move")
    place = and_(outbox.c.id == row.id, outbox.c.state == row.state, outbox.c.fence == row.fence)
    return db.execute(update(outbox).where(place).values(state=to, **values)).rowcount == 1


def claim(db: Connection, source: str, ticket: str, now: Instant, lease_until: Instant) -> list[WaitingRow]:
    """Claim all rows of a ticket that are due to be written; none while an earlier write of that ticket is under way."""
    busy = exists().where(outbox.c.source == source, outbox.c.ticket == ticket, outbox.c.state.in_(BUSY))
    if db.execute(select(busy)).scalar():
        return []
    place = (outbox.c.source == source, outbox.c.ticket == ticket, outbox.c.state == RowState.PLANNED, outbox.c.not_before <= now)
    values = {"state": RowState.CLAIMED, "fence": outbox.c.fence + 1, "lease_until": lease_until}
    db.execute(update(outbox).where(*place).values(values))
    return of_ticket(db, source, ticket, (RowState.CLAIMED,))


def next_ticket(db: Connection, source: str, now: Instant) -> str | None:
    """The ticket whose rows are to be written next: the most urgent, then the longest due."""
    other = outbox.alias()
    busy = exists().where(other.c.source == source, other.c.ticket == outbox.c.ticket, other.c.state.in_(BUSY))
    place = (outbox.c.source == source, outbox.c.state == RowState.PLANNED, outbox.c.not_before <= now, ~busy)
    query = select(outbox.c.ticket).where(*place).order_by(outbox.c.urgency, outbox.c.instant, outbox.c.id)
    return db.execute(query.limit(1)).scalar()


def expired(db: Connection, source: str, now: Instant) -> list[WaitingRow]:
    """Rows that a worker held when it died: their lease has ended."""
    place = (outbox.c.source == source, outbox.c.state == RowState.CLAIMED, outbox.c.lease_until < now)
    return _rows(db, *place)


def of_ticket(db: Connection, source: str, ticket: str, states: Collection[RowState] | None = None) -> list[WaitingRow]:
    """Rows of a ticket in the order in which they became due."""
    place = [outbox.c.source == source, outbox.c.ticket == ticket]
    if states is not None:
        place.append(outbox.c.state.in_(tuple(states)))
    return _rows(db, *place)


def of_escalation(db: Connection, escalation: int) -> list[WaitingRow]:
    return _rows(db, outbox.c.escalation == escalation)


def of_source(db: Connection, source: str, states: Collection[RowState] | None = None) -> list[WaitingRow]:
    place = [outbox.c.source == source]
    if states is not None:
        place.append(outbox.c.state.in_(tuple(states)))
    return _rows(db, *place)


def open_rows(db: Connection, source: str, ids: Collection[str]) -> dict[str, list[WaitingRow]]:
    """By ticket: rows that are planned or superseded, which a new evaluation may move."""
    found: dict[str, list[WaitingRow]] = {}
    states = (RowState.PLANNED, RowState.SUPERSEDED)
    for row in _rows(db, outbox.c.source == source, outbox.c.ticket.in_(tuple(ids)), outbox.c.state.in_(states)):
        found.setdefault(row.key.ticket, []).append(row)
    return found


def count_by_state(db: Connection, source: str) -> dict[RowState, int]:
    query = select(outbox.c.state, func.count()).where(outbox.c.source == source).group_by(outbox.c.state)
    return {RowState(state): int(number) for state, number in db.execute(query)}


def unfinished(db: Connection, source: str, now: Instant) -> list[WaitingRow]:
    """Rows of escalations that were begun, whose next operation may be sent now: they waited for it, or their worker is gone."""
    return _rows(db, outbox.c.source == source, outbox.c.state == RowState.SENT, outbox.c.not_before <= now)


def delay(db: Connection, escalation: int, not_before: Instant) -> None:
    """No other worker, and no later try, may send for this escalation earlier."""
    db.execute(update(outbox).where(outbox.c.escalation == escalation).values(not_before=not_before))


def lease_ended(db: Connection, escalation: int, now: Instant) -> bool:
    """No worker is sending for this escalation any more."""
    held = exists().where(outbox.c.escalation == escalation, outbox.c.not_before > now)
    return not db.execute(select(held)).scalar()


def _turns(db: Connection, planned: Sequence[Planned]) -> dict[FiringKey, Instant]:
    """Not-befores of the rows that must keep their distance: each after the rule's latest one."""
    turns: dict[FiringKey, Instant] = {}
    last: dict[tuple[str, str], Instant] = {}
    for p in planned:
        if p.spacing:
            rule = (p.key.source, p.key.rule)
            if rule not in last:
                place = (outbox.c.source == rule[0], outbox.c.rule == rule[1])
                last[rule] = db.execute(select(func.max(outbox.c.not_before)).where(*place)).scalar() or 0
            last[rule] = turns[p.key] = max(p.planned_at, last[rule] + p.spacing)
    return turns


_COLUMNS = [column for column in outbox.c if column.name != "lease_until"]


def _rows(db: Connection, *place: ColumnElement[bool]) -> list[WaitingRow]:
    query = select(*_COLUMNS).where(*place).order_by(outbox.c.instant, outbox.c.id)
    return [
        WaitingRow(
            row.id,
            FiringKey(row.source, row.ticket, row.rule, row.number, row.step),
            RowState(row.state),
            row.instant,
            row.planned_at,
            row.not_before,
            row.urgency,
            row.fence,
            row.confirmed_at,
            row.settled_at,
            row.escalation,
            row.attempts,
            tuple(json.loads(row.because)),
            row.problem,
        )
        for row in db.execute(query)
    ]
