"""The outbox: one row per due step of an episode, its moves one conditional statement each."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from agent.store import journal
from agent.store.journal import Entry
from agent.store.statements import EVERYTHING, Place, Prepared, among, insert_text, listed, one_of
from agent.store.states import ROW_MOVES, RowState
from agent.store.tables import outbox
from rules.escalation import FiringKey
from rules.instants import Instant

BUSY = (RowState.CLAIMED, RowState.SENT, RowState.UNKNOWN)
DORMANT = (RowState.SUPERSEDED, RowState.WATCHED, RowState.HELD, RowState.BACKLOG)
WAITING: Final = (RowState.HELD, RowState.BACKLOG, RowState.QUEUED, RowState.PARKED)
"""What waits for a person; of what is held that alone which is held with a run."""
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


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
    run: Final[int | None] = None  # with which it was held for approval
    let_at: Final[Instant | None] = None  # when it was let through the limits
    approved: Final[str | None] = None  # JSON: the values that somebody approved


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
_COLUMNS = [
    *(outbox.c[name] for name in ("id", "source", "ticket", "rule", "number", "step", "state", "instant", "planned_at")),
    *(outbox.c[name] for name in ("not_before", "urgency", "fence", "confirmed_at", "settled_at", "escalation", "attempts")),
    *(outbox.c[name] for name in ("because", "problem", "run", "let_at", "approved")),
]
_ROWS = select(*_COLUMNS).order_by(outbox.c.instant, outbox.c.id)
_OF_SOURCE = outbox.c.source == bindparam("source")
_OF_TICKET = and_(_OF_SOURCE, outbox.c.ticket == bindparam("ticket"))
_DUE = and_(outbox.c.state == RowState.PLANNED, outbox.c.not_before <= bindparam("at"))
_DORMANT = Prepared(_ROWS.where(_OF_SOURCE, one_of(outbox.c.ticket, "ids"), among(outbox.c.state, DORMANT)))
_BUSY_BESIDE = Prepared(select(exists().where(_OF_TICKET, among(outbox.c.state, BUSY), ~one_of(outbox.c.id, "ids"))))
_CLAIM = Prepared(
    update(outbox)
    .where(_OF_TICKET, _DUE)
    .values(
        {"state": RowState.CLAIMED, "fence": outbox.c.fence + literal_column("1"), "lease_until": bindparam("to_lease_until")}
    )
    .returning(*_COLUMNS)
)
_FENCES = Prepared(select(outbox.c.id, outbox.c.fence).where(one_of(outbox.c.id, "ids"), outbox.c.state == RowState.CLAIMED))
_other = outbox.alias()
_BUSY = exists().where(_other.c.source == bindparam("source"), _other.c.ticket == outbox.c.ticket, among(_other.c.state, BUSY))
# The sum keeps SQLite from gathering by not_before and sorting: it walks outbox_by_turn, where nearly every row is due.
_BY_TURN = Prepared(
    select(outbox.c.ticket)
    .where(_OF_SOURCE, outbox.c.state == RowState.PLANNED, outbox.c.not_before + literal_column("0") <= bindparam("at"), ~_BUSY)
    .order_by(outbox.c.urgency, outbox.c.instant, outbox.c.id)
)
_EXPIRED = Prepared(_ROWS.where(_OF_SOURCE, outbox.c.state == RowState.CLAIMED, outbox.c.lease_until <= bindparam("at")))
_UNFINISHED = Prepared(_ROWS.where(_OF_SOURCE, outbox.c.state == RowState.SENT, outbox.c.not_before <= bindparam("at")))
_OF_ESCALATION = Prepared(_ROWS.where(outbox.c.escalation == bindparam("escalation")))
_LEASED = Prepared(select(exists().where(outbox.c.escalation == bindparam("escalation"), outbox.c.not_before > bindparam("at"))))


def plan(db: Connection, planned: Sequence[Planned], rests_on: Mapping[str, Mapping[str, Any]] = _NOTHING) -> None:
    """Insert rows, each with its line in the journal. Raises IntegrityError where a key is there already.

    `rests_on`: by ticket, what the journal tells of that on which the decision rests (`agent.recording`).
    """
    rows = [
        (
            p.key.source,
            p.key.ticket,
            p.key.rule,
            p.key.episode,
            p.key.step,
            p.state.value,
            p.instant,
            p.planned_at,
            p.not_before,
            p.urgency,
            0,
            0,
            journal.text_of(p.because),
            p.problem,
        )
        for p in planned
    ]
    if rows:
        db.exec_driver_sql(_PLAN, rows)
        journal.append_all(db, [_planned(p, rests_on.get(p.key.ticket, _NOTHING)) for p in planned])


def _planned(row: Planned, rests_on: Mapping[str, Any]) -> Entry:
    said = {"said": row.problem} if row.problem else {}
    key, state = str(row.key), row.state.value  # encoder and driver take their time over an enum
    told = {"change": key, "state": state, "due": row.instant, "because": {key: row.because}}
    return Entry(state, row.planned_at, row.key.source, row.key.ticket, {**told, **said, **rests_on})


def move(
    db: Connection,
    row: WaitingRow,
    to: RowState,
    at: Instant,
    told: Mapping[str, Any] = _NOTHING,
    kind: str = "",
    /,
    **values: Any,
) -> bool:
    """Move a row if it is still in the state and under the fence that the caller saw; False where it is not.

    The journal gets a line of this `kind` (by default the state), dated `at`, with whatever else is to be `told`. Raises
    ValueError for a move that the table of states does not allow.
    """
    if to not in ROW_MOVES[row.state]:
        raise ValueError(f"{row.key}: {row.state} -> {to} is no allowed move")
    named = {f"to_{name}": value for name, value in values.items()}
    moved = _moving(tuple(values))(db, at_id=row.id, was=row.state, under=row.fence, to_state=to, **named)
    if moved.rowcount != 1:
        return False
    if not _tried_in_vain(row, to, values):
        journal.append(db, kind or to, at, row.key.source, row.key.ticket, **{**_moved(row, to, values), **told})
    return True


def tell(db: Connection, rows: Sequence[WaitingRow], to: RowState, at: Instant, **values: Any) -> None:
    """The journal's lines of rows that one statement has moved."""
    journal.append_all(db, [Entry(to, at, r.key.source, r.key.ticket, _moved(r, to, values)) for r in rows])


def _moved(row: WaitingRow, to: RowState, values: Mapping[str, Any]) -> dict[str, Any]:
    key = row.key
    told = {"change": str(key), "was": row.state, "state": to}
    if "step" in values and values["step"] != key.step:  # it stands for a further step from now on
        told |= {"change": str(replace(key, step=values["step"])), "former": str(key)}
    return told | {"said": values["problem"]} if values.get("problem") else told


def _tried_in_vain(row: WaitingRow, to: RowState, values: Mapping[str, Any]) -> bool:
    """A try that came to nothing for the same reason as the one before: while a source is down, that is every minute."""
    return row.state is RowState.CLAIMED and to is RowState.PLANNED and bool(row.problem) and values.get("problem") == row.problem


@cache
def _moving(names: tuple[str, ...]) -> Prepared:
    seen = (outbox.c.id == bindparam("at_id"), outbox.c.state == bindparam("was"), outbox.c.fence == bindparam("under"))
    return Prepared(update(outbox).where(*seen).values({name: bindparam(f"to_{name}") for name in ("state", *names)}))


def note(db: Connection, row: WaitingRow, problem: str) -> None:
    """Say why a row waits; it stays where it is."""
    place = and_(outbox.c.id == row.id, outbox.c.state == row.state, outbox.c.fence == row.fence)
    db.execute(update(outbox).where(place).values(problem=problem))


def delay_row(db: Connection, row: WaitingRow, not_before: Instant) -> None:
    """A planned row waits until then and no longer."""
    place = and_(outbox.c.id == row.id, outbox.c.state == RowState.PLANNED, outbox.c.fence == row.fence)
    db.execute(update(outbox).where(place).values(not_before=not_before, problem=""))


def forget(db: Connection, rows: Sequence[WaitingRow]) -> None:
    """Rows that were only watched, and that another one of their episode stands for now; the journal tells of them."""
    place = and_(outbox.c.id.in_([row.id for row in rows]), outbox.c.state == RowState.WATCHED)
    db.execute(delete(outbox).where(place))


def claim(
    db: Connection, source: str, ticket: str, now: Instant, lease_until: Instant, *, beside: Collection[int] = ()
) -> list[WaitingRow]:
    """Claim all rows of a ticket that are due to be written; none while an earlier write of that ticket is under way.

    `beside`: ids of rows that the caller holds already; they are not given again. A row that was tried before is told of in the
    journal by what comes of it.
    """
    place = {"source": source, "ticket": ticket}
    if _BUSY_BESIDE(db, **place, ids=listed(beside)).scalar():
        return []
    claimed = sorted(_found(_CLAIM(db, **place, at=now, to_lease_until=lease_until)), key=lambda row: (row.instant, row.id))
    if not claimed:
        return []
    first = [Entry(RowState.CLAIMED, now, source, ticket, _claimed(row)) for row in claimed if not row.problem]
    journal.append_all(db, first)
    return claimed


def _claimed(row: WaitingRow) -> dict[str, Any]:
    return {"change": str(row.key), "was": RowState.PLANNED, "state": RowState.CLAIMED}


def still_held(db: Connection, rows: Sequence[WaitingRow]) -> list[WaitingRow]:
    """Of claimed rows those that nobody took over meanwhile: still claimed, under the same fence."""
    fences = {row.id: row.fence for row in _FENCES(db, ids=listed([row.id for row in rows]))}
    return [row for row in rows if fences.get(row.id) == row.fence]


def next_tickets(db: Connection, source: str, now: Instant, number: int) -> list[str]:
    """So many tickets whose rows are to be written next: the most urgent, then the longest due."""
    found: dict[str, None] = {}
    rows = _BY_TURN(db, source=source, at=now)
    for name in rows.scalars():
        found[name] = None
        if len(found) == number:
            break
    rows.close()
    return list(found)


def next_queued(db: Connection, source: str, rule: str) -> WaitingRow | None:
    """The step of a rule's backlog that is let through next: the most urgent, then the longest due."""
    place = (outbox.c.source == source, outbox.c.state == RowState.QUEUED, outbox.c.rule == rule)
    query = select(outbox.c.id).where(*place).order_by(outbox.c.urgency, outbox.c.instant, outbox.c.id).limit(1)
    found = db.execute(query).scalar()
    return None if found is None else _rows(db, outbox.c.id == found)[0]


def most_urgent(db: Connection, *place: ColumnElement[bool], limit: int | None = None) -> list[WaitingRow]:
    """Rows in some place, the most urgent and then the longest due first."""
    order = (outbox.c.urgency, outbox.c.instant, outbox.c.id)
    return _found(db.execute(select(*_COLUMNS).where(*place).order_by(*order).limit(limit)))


def expired(db: Connection, source: str, now: Instant) -> list[WaitingRow]:
    """Rows that a worker held when it died: their lease has ended."""
    return _found(_EXPIRED(db, source=source, at=now))


def of_ticket(db: Connection, source: str, ticket: str, states: Collection[RowState] | None = None) -> list[WaitingRow]:
    """Rows of a ticket in the order in which they became due."""
    place = [outbox.c.source == source, outbox.c.ticket == ticket]
    if states is not None:
        place.append(outbox.c.state.in_(tuple(states)))
    return _rows(db, *place)


def of_escalation(db: Connection, escalation: int) -> list[WaitingRow]:
    """The steps that an escalation was merged from."""
    return _found(_OF_ESCALATION(db, escalation=escalation))


def of_source(db: Connection, source: str, states: Collection[RowState] | None = None) -> list[WaitingRow]:
    """All rows of a source, or those in some states, in the order in which they became due."""
    place = [outbox.c.source == source]
    if states is not None:
        place.append(outbox.c.state.in_(tuple(states)))
    return _rows(db, *place)


def that_wait(db: Connection, source: str, ids: Collection[str] | None = None, place: Place = EVERYTHING) -> list[WaitingRow]:
    """Rows that wait for a person, of some tickets where named: the most urgent, then the longest due."""
    where = [*_for_somebody(source), *([] if ids is None else [one_of(outbox.c.ticket, "ids")])]
    order = (outbox.c.urgency, outbox.c.instant, outbox.c.id)
    query = select(*_COLUMNS).where(*where).order_by(*order).limit(place.number).offset(place.first)
    return _found(db.execute(query, {} if ids is None else {"ids": listed(ids)}))


def count_waiting(db: Connection, source: str) -> dict[RowState, int]:
    """How many rows wait for a person, by state."""
    query = select(outbox.c.state, func.count()).where(*_for_somebody(source)).group_by(outbox.c.state)
    return {RowState(state): int(number) for state, number in db.execute(query)}


def _for_somebody(source: str) -> tuple[ColumnElement[bool], ...]:
    held = or_(outbox.c.state != RowState.HELD, outbox.c.run.is_not(None))
    return outbox.c.source == source, outbox.c.state.in_(WAITING), held


def dormant(db: Connection, source: str, ids: Collection[str]) -> dict[str, list[WaitingRow]]:
    """By ticket: rows that are superseded, only watched or held back, which a new evaluation may wake."""
    found: dict[str, list[WaitingRow]] = {}
    if not ids:
        return found
    for row in _found(_DORMANT(db, source=source, ids=listed(ids))):
        found.setdefault(row.key.ticket, []).append(row)
    return found


def unsettled(db: Connection, source: str, ids: Collection[str], states: Collection[RowState]) -> dict[str, list[WaitingRow]]:
    """By ticket: rows in these states."""
    found: dict[str, list[WaitingRow]] = {}
    if not ids:
        return found
    place = (outbox.c.source == source, one_of(outbox.c.ticket, "ids"), outbox.c.state.in_(tuple(states)))
    for row in _found(db.execute(_ROWS.where(*place), {"ids": listed(ids)})):
        found.setdefault(row.key.ticket, []).append(row)
    return found


def count_by_state(db: Connection, source: str) -> dict[RowState, int]:
    """How many rows of a source are in each state; a state without any is left out."""
    query = select(outbox.c.state, func.count()).where(outbox.c.source == source).group_by(outbox.c.state)
    return {RowState(state): int(number) for state, number in db.execute(query)}


def count_written(db: Connection, source: str, since: Instant) -> int:
    """How many changes of a source were sent and settled since then, whatever came of them."""
    place = (outbox.c.source == source, outbox.c.settled_at >= since, outbox.c.escalation.is_not(None))
    return int(db.execute(select(func.count()).select_from(outbox).where(*place)).scalar_one())


def unfinished(db: Connection, source: str, now: Instant) -> list[WaitingRow]:
    """Rows of escalations that were begun, whose next operation may be sent now: they waited for it, or their worker is gone."""
    return _found(_UNFINISHED(db, source=source, at=now))


def delay(db: Connection, escalation: int, not_before: Instant, **values: Any) -> None:
    """No other worker, and no later try, may send for this escalation earlier."""
    named = {f"to_{name}": value for name, value in values.items()}
    _delaying(tuple(values))(db, at_escalation=escalation, to_not_before=not_before, **named)


@cache
def _delaying(names: tuple[str, ...]) -> Prepared:
    changed: dict[str, BindParameter[Any]] = {name: bindparam(f"to_{name}") for name in ("not_before", *names)}
    return Prepared(update(outbox).where(outbox.c.escalation == bindparam("at_escalation")).values(changed))


def lease_ended(db: Connection, escalation: int, now: Instant) -> bool:
    """No worker is sending for this escalation any more."""
    return not _LEASED(db, escalation=escalation, at=now).scalar()


def _rows(db: Connection, *place: ColumnElement[bool]) -> list[WaitingRow]:
    return _found(db.execute(_ROWS.where(*place)))


def _found(rows: Iterable[Sequence[Any]]) -> list[WaitingRow]:
    return [_row(*row) for row in rows]


def _row(name: int, *others: Any) -> WaitingRow:
    key, (state, *plain, because, problem, run, let_at, approved) = others[:5], others[5:]
    said = tuple(json.loads(because)), problem, run, let_at, approved
    return WaitingRow(name, FiringKey(*key), RowState(state), *plain, *said)  # type: ignore[call-arg]


def carried_out(
    db: Connection, source: str, *, ticket: str | None = None, rule: str | None = None, since: Instant | None = None
) -> list[WaitingRow]:
    """Rows, of a ticket and a rule where named, of which an escalation of `since` or later wrote something, or may have."""
    place = [outbox.c.source == source, outbox.c.escalation.is_not(None)]
    place += [outbox.c.state.in_((RowState.SENT, RowState.UNKNOWN, RowState.APPLIED, RowState.PARKED))]
    for column, wanted in ((outbox.c.ticket, ticket), (outbox.c.rule, rule)):
        if wanted is not None:
            place.append(column == wanted)
    if since is not None:
        place.append(outbox.c.confirmed_at >= since)
    return _rows(db, *place)


def under_way(db: Connection, source: str, ticket: str) -> bool:
    """Whether an escalation of a ticket is being written."""
    return bool(_BUSY_BESIDE(db, source=source, ticket=ticket, ids=listed([])).scalar())
