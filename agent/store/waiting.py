"""The outbox: one row per due step of an episode, its moves one conditional statement each."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, delete, exists, func, insert, select, update

from agent.store.statements import insert_text, listed, one_of
from agent.store.states import ROW_MOVES, RowState
from agent.store.tables import outbox
from rules.escalation import FiringKey
from rules.instants import Instant

BUSY = (RowState.CLAIMED, RowState.SENT, RowState.UNKNOWN)
DORMANT = (RowState.SUPERSEDED, RowState.WATCHED, RowState.HELD)


@dataclass(slots=True, unsafe_hash=True)  # see rules.ticket: faster than frozen
class WaitingRow:
    """One change that waits to be written, or was."""

    id: Final[int]
    key: Final[FiringKey]
    state: Final[RowState]
    instant: Final[Instant]
    planned_at: Final[Instant]
    not_before: Final[Instant]
    urgency: Final[int]
    fence: Final[int]
    confirmed_at: Final[Instant | None]
    settled_at: Final[Instant | None]
    escalation: Final[int | None]
    attempts: Final[int]
    because: Final[tuple[str, ...]]
    problem: Final[str]


@dataclass(slots=True, unsafe_hash=True)  # see rules.ticket: faster than frozen
class Planned:
    """A step to be put into the outbox."""

    key: Final[FiringKey]
    instant: Final[Instant]
    planned_at: Final[Instant]
    not_before: Final[Instant]
    urgency: Final[int]
    because: Final[tuple[str, ...]]
    state: Final[RowState] = RowState.PLANNED
    problem: Final[str] = ""  # what holds it back


_FIRST = ("source", "ticket", "rule", "number", "step", "state", "instant", "planned_at", "not_before", "urgency")
_PLAN = insert_text(insert(outbox), [*_FIRST, "fence", "lease_until", "because", "problem"])
_COLUMNS = [column for column in outbox.c if column.name != "lease_until"]
_ROWS = select(*_COLUMNS).order_by(outbox.c.instant, outbox.c.id)
_DORMANT = _ROWS.where(
    outbox.c.source == bindparam("source"),
    one_of(outbox.c.ticket, "ids"),
    outbox.c.state.in_(DORMANT),
)


def plan(db: Connection, planned: Sequence[Planned]) -> None:
    """Insert rows. Raises IntegrityError where a key is there already: no step is ever planned twice."""
    rows = [
        (
            p.key.source,
            p.key.ticket,
            p.key.rule,
            p.key.episode,
            p.key.step,
            str(p.state),
            p.instant,
            p.planned_at,
            p.not_before,
            p.urgency,
            0,
            0,
            json.dumps(p.because, ensure_ascii=False),
            p.problem,
        )
        for p in planned
    ]
    if rows:
        db.exec_driver_sql(_PLAN, rows)


def move(db: Connection, row: WaitingRow, to: RowState, **values: Any) -> bool:
    """Move a row if it is still in the state and under the fence that the caller saw; False where it is not.

    Raises ValueError for a move that the table of states does not allow.
    """
    if to not in ROW_MOVES[row.state]:
        raise ValueError(f"{row.key}: {row.state} -> {to} is no allowed move")
    place = and_(outbox.c.id == row.id, outbox.c.state == row.state, outbox.c.fence == row.fence)
    return db.execute(update(outbox).where(place).values(state=to, **values)).rowcount == 1


def forget(db: Connection, rows: Sequence[WaitingRow]) -> None:
    """Rows that were only watched, and that another one of their episode stands for now; the journal tells of them."""
    place = and_(outbox.c.id.in_([row.id for row in rows]), outbox.c.state == RowState.WATCHED)
    db.execute(delete(outbox).where(place))


def claim(
    db: Connection, source: str, ticket: str, now: Instant, lease_until: Instant, *, beside: Collection[int] = ()
) -> list[WaitingRow]:
    """Claim all rows of a ticket that are due to be written; none while an earlier write of that ticket is under way.

    `beside`: ids of rows that the caller holds already; they are not given again.
    """
    place = (outbox.c.source == source, outbox.c.ticket == ticket, outbox.c.id.not_in(beside))
    if db.execute(select(exists().where(*place, outbox.c.state.in_(BUSY)))).scalar():
        return []
    values = {"state": RowState.CLAIMED, "fence": outbox.c.fence + 1, "lease_until": lease_until}
    due = (outbox.c.state == RowState.PLANNED, outbox.c.not_before <= now)
    db.execute(update(outbox).where(*place, *due).values(values))
    return _rows(db, *place, outbox.c.state == RowState.CLAIMED)


def still_held(db: Connection, rows: Sequence[WaitingRow]) -> list[WaitingRow]:
    """Of claimed rows those that nobody took over meanwhile: still claimed, under the same fence."""
    place = (outbox.c.id.in_([row.id for row in rows]), outbox.c.state == RowState.CLAIMED)
    fences = {row.id: row.fence for row in db.execute(select(outbox.c.id, outbox.c.fence).where(*place))}
    return [row for row in rows if fences.get(row.id) == row.fence]


def next_tickets(db: Connection, source: str, now: Instant, number: int) -> list[str]:
    """So many tickets whose rows are to be written next: the most urgent, then the longest due."""
    other = outbox.alias()
    busy = exists().where(other.c.source == source, other.c.ticket == outbox.c.ticket, other.c.state.in_(BUSY))
    # The sum keeps SQLite from gathering by not_before and sorting: it walks outbox_by_turn, where nearly every row is due.
    place = (outbox.c.source == source, outbox.c.state == RowState.PLANNED, outbox.c.not_before + 0 <= now, ~busy)
    query = select(outbox.c.ticket).where(*place).order_by(outbox.c.urgency, outbox.c.instant, outbox.c.id)
    found: dict[str, None] = {}
    with db.execute(query) as rows:
        for name in rows.scalars():
            found[name] = None
            if len(found) == number:
                break
    return list(found)


def next_queued(db: Connection, source: str, rule: str) -> WaitingRow | None:
    """The step of a rule's backlog that is let through next: the most urgent, then the longest due."""
    place = (outbox.c.source == source, outbox.c.state == RowState.QUEUED, outbox.c.rule == rule)
    query = select(outbox.c.id).where(*place).order_by(outbox.c.urgency, outbox.c.instant, outbox.c.id).limit(1)
    found = db.execute(query).scalar()
    return None if found is None else _rows(db, outbox.c.id == found)[0]


def expired(db: Connection, source: str, now: Instant) -> list[WaitingRow]:
    """Rows that a worker held when it died: their lease has ended."""
    place = (outbox.c.source == source, outbox.c.state == RowState.CLAIMED, outbox.c.lease_until <= now)
    return _rows(db, *place)


def of_ticket(db: Connection, source: str, ticket: str, states: Collection[RowState] | None = None) -> list[WaitingRow]:
    """Rows of a ticket in the order in which they became due."""
    place = [outbox.c.source == source, outbox.c.ticket == ticket]
    if states is not None:
        place.append(outbox.c.state.in_(tuple(states)))
    return _rows(db, *place)


def of_escalation(db: Connection, escalation: int) -> list[WaitingRow]:
    """The steps that an escalation was merged from."""
    return _rows(db, outbox.c.escalation == escalation)


def of_source(db: Connection, source: str, states: Collection[RowState] | None = None) -> list[WaitingRow]:
    """All rows of a source, or those in some states, in the order in which they became due."""
    place = [outbox.c.source == source]
    if states is not None:
        place.append(outbox.c.state.in_(tuple(states)))
    return _rows(db, *place)


def dormant(db: Connection, source: str, ids: Collection[str]) -> dict[str, list[WaitingRow]]:
    """By ticket: rows that are superseded, only watched or held back, which a new evaluation may wake."""
    found: dict[str, list[WaitingRow]] = {}
    if not ids:
        return found
    for row in _read(db, _DORMANT, {"source": source, "ids": listed(ids)}):
        found.setdefault(row.key.ticket, []).append(row)
    return found


def count_by_state(db: Connection, source: str) -> dict[RowState, int]:
    """How many rows of a source are in each state; a state without any is left out."""
    query = select(outbox.c.state, func.count()).where(outbox.c.source == source).group_by(outbox.c.state)
    return {RowState(state): int(number) for state, number in db.execute(query)}


def unfinished(db: Connection, source: str, now: Instant) -> list[WaitingRow]:
    """Rows of escalations that were begun, whose next operation may be sent now: they waited for it, or their worker is gone."""
    return _rows(db, outbox.c.source == source, outbox.c.state == RowState.SENT, outbox.c.not_before <= now)


def delay(db: Connection, escalation: int, not_before: Instant, **values: Any) -> None:
    """No other worker, and no later try, may send for this escalation earlier."""
    db.execute(update(outbox).where(outbox.c.escalation == escalation).values(not_before=not_before, **values))


def lease_ended(db: Connection, escalation: int, now: Instant) -> bool:
    """No worker is sending for this escalation any more."""
    held = exists().where(outbox.c.escalation == escalation, outbox.c.not_before > now)
    return not db.execute(select(held)).scalar()


def _rows(db: Connection, *place: ColumnElement[bool]) -> list[WaitingRow]:
    return _read(db, _ROWS.where(*place), {})


def _read(db: Connection, query: Select[Any], parameters: Mapping[str, Any]) -> list[WaitingRow]:
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
        for row in db.execute(query, parameters)
    ]
