"""One row per episode: the identity of every escalation, and how far its ladder has been climbed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, insert, literal_column, select, update

from agent.store.statements import Place, Prepared, insert_text, listed, one_of
from agent.store.tables import episodes, tickets
from rules.identity import Recorded
from rules.instants import Instant
from rules.ladder import Steps

_INSERT = insert_text(insert(episodes))
_OF_TICKETS = Prepared(
    select(episodes)
    .where(episodes.c.source == bindparam("source"), one_of(episodes.c.ticket, "ids"))
    .order_by(episodes.c.rule, episodes.c.number)
)


class Fired(NamedTuple):
    """One firing of an episode: the steps of the ladder that it stands for, the last of which names it.

    `confirmed`: server time of the read that confirmed it, and until one did the instant at which it was decided. `applied_at`:
    when it took effect, None while it has not. One that was only `watched` counts as if it had when it was due, until its rule
    goes live: in the helpdesk nothing was done.
    """

    steps: Steps
    confirmed: Instant
    applied_at: Instant | None = None
    watched: bool = False


@dataclass(slots=True, unsafe_hash=True)  # see rules.ticket: faster than frozen
class EpisodeRow:
    """One recorded episode; `firings` are its own, oldest first, and never none. Only the last can still be under way.

    `text`: the version of its rule's text under which it began, where it keeps to that (`rules.rule_text`).
    """

    ticket: Final[str]
    rule: Final[str]
    number: Final[int]
    anchor: Final[Instant]
    fired_at: Final[Instant]
    backlog: Final[bool]
    firings: Final[tuple[Fired, ...]]
    text: Final[str] = ""

    @property
    def last(self) -> Fired:
        """Its last firing."""
        return self.firings[-1]

    @property
    def applied(self) -> tuple[Fired, ...]:
        """The firings that took effect, and those that were only watched."""
        return self.firings if self.firings[-1].applied_at is not None else self.firings[:-1]

    @property
    def written(self) -> tuple[Fired, ...]:
        """The firings that took effect in the helpdesk."""
        return tuple(fired for fired in self.applied if not fired.watched)

    def confirmed_before(self, step: int) -> Instant | None:
        """When the last firing of earlier steps was confirmed that was meant to be written; None where there is none."""
        earlier = [fired.confirmed for fired in self.firings if fired.steps[-1] < step and not fired.watched]
        return earlier[-1] if earlier else None

    @property
    def recorded(self) -> Recorded:
        confirmed = tuple(fired.confirmed for fired in self.firings for _ in fired.steps)
        pending = len(self.last.steps) if self.last.applied_at is None else 0
        return Recorded(self.rule, self.number, self.anchor, confirmed, pending)

    def matched_as(self, judge: str) -> Recorded:
        """The row as the episodes are matched with it that were computed under an id (`BoundRules.judge`)."""
        return self.recorded if judge == self.rule else replace(self.recorded, rule=judge)


_ONE = and_(
    and_(episodes.c.source == bindparam("at_source"), episodes.c.ticket == bindparam("at_ticket")),
    and_(episodes.c.rule == bindparam("at_rule"), episodes.c.number == bindparam("at_number")),
)
_FIRINGS = Prepared(select(episodes.c.firings).where(_ONE))
_SET_FIRINGS = Prepared(update(episodes).where(_ONE).values(firings=bindparam("to_firings")))
_LEAVE_BACKLOG = Prepared(update(episodes).where(_ONE).values(backlog=literal_column("0")))


def of_tickets(db: Connection, source: str, ids: Collection[str]) -> Mapping[str, list[EpisodeRow]]:
    """All recorded episodes of these tickets, by ticket id."""
    found: dict[str, list[EpisodeRow]] = {}
    for row in _OF_TICKETS(db, source=source, ids=listed(ids)):
        found.setdefault(row.ticket, []).append(_row(row))
    return found


def add(db: Connection, source: str, rows: Sequence[EpisodeRow]) -> None:
    """Record new episodes. Raises IntegrityError where one of that number is there already."""
    if rows:
        db.exec_driver_sql(_INSERT, [_values(source, row) for row in rows])


def begin(db: Connection, source: str, row: EpisodeRow, fired: Fired) -> None:
    """The next firing was decided; it has not been applied yet."""
    _set_firings(db, source, row.ticket, row.rule, row.number, (*row.firings, fired))


def watch(db: Connection, source: str, row: EpisodeRow) -> None:
    """The episode has further firings that are only watched."""
    _set_firings(db, source, row.ticket, row.rule, row.number, row.firings)


def decide_anew(db: Connection, source: str, row: EpisodeRow, steps: Steps) -> None:
    """The last firing, which never left, was decided anew: it stands for these steps now, and nothing was only watched."""
    firings = (*row.written, row.last._replace(steps=steps, applied_at=None, watched=False))
    if firings != row.firings:
        _set_firings(db, source, row.ticket, row.rule, row.number, firings)


def confirm(db: Connection, source: str, ticket: str, rule: str, number: int, at: Instant, steps: Steps) -> None:
    """A fresh read at `at` confirmed the firing under way, for these steps: both stand for it from now on."""
    *before, last = _firings(db, source, ticket, rule, number)
    _set_firings(db, source, ticket, rule, number, (*before, last._replace(confirmed=at, steps=steps)))


def apply(db: Connection, source: str, ticket: str, rule: str, number: int, at: Instant) -> None:
    """The firing under way took effect."""
    *before, last = _firings(db, source, ticket, rule, number)
    _set_firings(db, source, ticket, rule, number, (*before, last._replace(applied_at=at)))


def leave_backlog(db: Connection, source: str, row: EpisodeRow) -> None:
    """A person chose that this one is acted on although it began before its rule did."""
    _LEAVE_BACKLOG(db, at_source=source, at_ticket=row.ticket, at_rule=row.rule, at_number=row.number)


def count_by_rule(db: Connection, source: str, *, backlog: bool) -> dict[str, int]:
    """How many episodes each rule has in its backlog, or beside it."""
    query = select(episodes.c.rule, func.count()).where(episodes.c.source == source, episodes.c.backlog == int(backlog))
    return {rule: int(number) for rule, number in db.execute(query.group_by(episodes.c.rule))}


def left(
    db: Connection, source: str, rules: Sequence[str], ids: Collection[str] | None, place: Place
) -> list[tuple[EpisodeRow, int]]:
    """Episodes of these rules that were left alone since they are older than their rule, each with the urgency of its ticket.

    Those of tickets that are gone are left out. The most urgent first, then those that fired first; of some tickets where named.
    """
    where = [*_left(source), one_of(episodes.c.rule, "rules"), *([] if ids is None else [one_of(episodes.c.ticket, "ids")])]
    order = (tickets.c.urgency, episodes.c.fired_at, episodes.c.ticket, episodes.c.rule, episodes.c.number)
    query = select(episodes, tickets.c.urgency).select_from(_WITH_TICKETS).where(*where)
    named = {"rules": listed(rules), **({} if ids is None else {"ids": listed(ids)})}
    found = db.execute(query.order_by(*order).limit(place.number).offset(place.first), named)
    return [(_row(values), urgency) for *values, urgency in found]


def _left(source: str) -> tuple[ColumnElement[bool], ...]:
    return episodes.c.source == source, episodes.c.backlog == 1, tickets.c.gone.is_(None)


_WITH_TICKETS = episodes.join(tickets, and_(tickets.c.source == episodes.c.source, tickets.c.id == episodes.c.ticket))


def rows(db: Connection, source: str) -> Iterable[EpisodeRow]:
    """Every episode of a source, in the order of ticket, rule, number."""
    query = select(episodes).where(episodes.c.source == source)
    for row in db.execute(query.order_by(episodes.c.ticket, episodes.c.rule, episodes.c.number)):
        yield _row(row)


def _firings(db: Connection, source: str, ticket: str, rule: str, number: int) -> tuple[Fired, ...]:
    return _read(_FIRINGS(db, at_source=source, at_ticket=ticket, at_rule=rule, at_number=number).scalar_one())


def _set_firings(db: Connection, source: str, ticket: str, rule: str, number: int, firings: Sequence[Fired]) -> None:
    _SET_FIRINGS(db, at_source=source, at_ticket=ticket, at_rule=rule, at_number=number, to_firings=_written(firings))


def _written(firings: Sequence[Fired]) -> str:
    return to_json(firings).decode()


def _read(firings: str) -> tuple[Fired, ...]:
    return tuple(Fired(tuple(steps), *times) for steps, *times in from_json(firings))


def _row(row: Sequence[Any]) -> EpisodeRow:
    _, ticket, rule, number, anchor, fired_at, backlog, firings, text = row
    return EpisodeRow(ticket, rule, number, anchor, fired_at, bool(backlog), _read(firings), text)


def _values(source: str, row: EpisodeRow) -> tuple[object, ...]:
    return source, row.ticket, row.rule, row.number, row.anchor, row.fired_at, int(row.backlog), _written(row.firings), row.text
