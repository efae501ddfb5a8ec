"""One row per episode: the identity of every escalation, and how far its steps have come."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Update, and_, bindparam, func, insert, select, update

from agent.store.statements import insert_text, listed, one_of
from agent.store.tables import episodes
from rules.identity import Recorded
from rules.instants import Instant

_INSERT = insert_text(insert(episodes))
_OF_TICKETS = (
    select(episodes)
    .where(episodes.c.source == bindparam("source"), one_of(episodes.c.ticket, "ids"))
    .order_by(episodes.c.rule, episodes.c.number)
)


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """`step` is the last step decided (0: the firing itself); `applied_at` when that step took effect, None while it has not."""

    ticket: str
    rule: str
    number: int
    anchor: Instant
    fired_at: Instant
    confirmed: tuple[Instant, ...]
    backlog: bool
    step: int
    applied_at: Instant | None

    @property
    def recorded(self) -> Recorded:
        return Recorded(self.rule, self.number, self.anchor, self.confirmed, pending=self.applied_at is None)


def of_tickets(db: Connection, source: str, ids: Collection[str]) -> Mapping[str, list[EpisodeRow]]:
    """All recorded episodes of these tickets, by ticket id."""
    found: dict[str, list[EpisodeRow]] = {}
    for row in db.execute(_OF_TICKETS, {"source": source, "ids": listed(ids)}):
        found.setdefault(row.ticket, []).append(_row(row))
    return found


def add(db: Connection, source: str, rows: Sequence[EpisodeRow]) -> None:
    """Record new episodes. Raises IntegrityError where one of that number is there already."""
    if rows:
        db.exec_driver_sql(_INSERT, [_values(source, row) for row in rows])


def begin_step(db: Connection, source: str, row: EpisodeRow, step: int, decided_at: Instant) -> None:
    """The next step was decided; it has not been applied yet."""
    confirmed = json.dumps((*row.confirmed, decided_at))
    db.execute(_update(source, row.ticket, row.rule, row.number).values(step=step, applied_at=None, confirmed=confirmed))


def confirm(db: Connection, source: str, ticket: str, rule: str, number: int, at: Instant) -> None:
    """A fresh read at `at` confirmed the step under way: that time stands for it from now on."""
    row = db.execute(select(episodes.c.confirmed).where(_place(source, ticket, rule, number))).scalar_one()
    confirmed = [*json.loads(row)[:-1], at]
    db.execute(_update(source, ticket, rule, number).values(confirmed=json.dumps(confirmed)))


def apply(db: Connection, source: str, ticket: str, rule: str, number: int, at: Instant) -> None:
    """The step under way took effect."""
    db.execute(_update(source, ticket, rule, number).values(applied_at=at))


def leave_backlog(db: Connection, source: str, row: EpisodeRow) -> None:
    """A person chose that this one is acted on although it began before its rule did."""
    db.execute(_update(source, row.ticket, row.rule, row.number).values(backlog=0))


def count_by_rule(db: Connection, source: str, *, backlog: bool) -> dict[str, int]:
    """How many episodes each rule has in its backlog, or beside it."""
    query = select(episodes.c.rule, func.count()).where(episodes.c.source == source, episodes.c.backlog == int(backlog))
    return {rule: int(number) for rule, number in db.execute(query.group_by(episodes.c.rule))}


def rows(db: Connection, source: str) -> Iterable[EpisodeRow]:
    """Every episode of a source, in the order of ticket, rule, number."""
    query = select(episodes).where(episodes.c.source == source)
    for row in db.execute(query.order_by(episodes.c.ticket, episodes.c.rule, episodes.c.number)):
        yield _row(row)


def _place(source: str, ticket: str, rule: str, number: int) -> ColumnElement[bool]:
    one = and_(episodes.c.rule == rule, episodes.c.number == number)
    return and_(episodes.c.source == source, episodes.c.ticket == ticket, one)


def _update(source: str, ticket: str, rule: str, number: int) -> Update:
    return update(episodes).where(_place(source, ticket, rule, number))


def _row(row: Row[*tuple[Any, ...]]) -> EpisodeRow:
    _, ticket, rule, number, anchor, fired_at, confirmed, backlog, step, applied_at = row
    return EpisodeRow(ticket, rule, number, anchor, fired_at, tuple(json.loads(confirmed)), bool(backlog), step, applied_at)


def _values(source: str, row: EpisodeRow) -> tuple[object, ...]:
    return (
        source,
        row.ticket,
        row.rule,
        row.number,
        row.anchor,
        row.fired_at,
        json.dumps(row.confirmed),
        int(row.backlog),
        row.step,
        row.applied_at,
    )
