"""What somebody has paused: a source, a rule, a rule in one source, or all; and which pauses a source has gone on after.

The times of a pause are this machine's, for it may concern several sources; those of a lull are the source's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, bindparam, exists, insert, literal_column, or_, select, update

from agent.store.statements import Prepared, among
from agent.store.states import RowState
from agent.store.tables import outbox, pause_releases, pauses
from rules.instants import DAY, FOREVER, Instant

REMEMBERED: Final = 30 * DAY
"""For how long a pause bears on what fell due in it; a ticket that was not read since is looked at as of today."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing of `rule` (empty: of any rule) is written to `source` (empty: to any) from `since` until `until`."""

    id: int
    source: str
    rule: str
    since: Instant
    until: Instant
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Lull:
    """A pause that a source has gone on after, on the source's clock; `rule` is empty where it concerned all."""

    rule: str
    since: Instant
    until: Instant


_COLUMNS = [pauses.c[name] for name in ("id", "source", "rule", "since", "until", "by", "why")]
_HERE = pauses.c.source.in_([literal_column("''"), bindparam("source")])
_ON = pauses.c.until > bindparam("now")
_RELEASED = exists().where(pause_releases.c.pause == pauses.c.id, pause_releases.c.source == bindparam("source"))
_ALL: Final[Select[Any]] = select(*_COLUMNS).order_by(pauses.c.id)
_IN_FORCE = Prepared(_ALL.where(_HERE, _ON))
_OF_EVERYTHING = Prepared(_ALL.where(_HERE, _ON, pauses.c.rule == literal_column("''")))
_ENDED = Prepared(_ALL.where(_HERE, ~_ON, ~_RELEASED))
_of_it = select(outbox.c.rule).where(outbox.c.escalation == bindparam("escalation"))
_BARS = Prepared(_ALL.where(_HERE, _ON, or_(pauses.c.rule == literal_column("''"), pauses.c.rule.in_(_of_it))))
_DUE = and_(
    outbox.c.source == bindparam("source"),
    among(outbox.c.state, (RowState.PLANNED, RowState.SENT)),
    outbox.c.not_before <= bindparam("at"),
)
_begun = select(outbox.c.escalation).where(
    outbox.c.source == bindparam("source"), outbox.c.rule == bindparam("rule"), outbox.c.state == RowState.SENT
)
_HOLD_UP = Prepared(
    update(outbox)
    .where(_DUE, or_(outbox.c.rule == bindparam("rule"), outbox.c.escalation.in_(_begun)))
    .values({"not_before": bindparam("to_not_before"), "problem": bindparam("to_problem")})
)
_GO_ON = Prepared(
    update(outbox)
    .where(outbox.c.source == bindparam("source"), outbox.c.state == RowState.SENT, outbox.c.not_before > bindparam("beyond"))
    .values({"not_before": bindparam("to_not_before"), "problem": literal_column("''")})
)


def add(db: Connection, source: str, rule: str, times: tuple[Instant, Instant], by: str, why: str) -> None:
    """Pause from the first of two instants until the second."""
    since, until = times
    values = {"source": source, "rule": rule, "since": since, "until": until, "by": by, "why": why}
    db.execute(insert(pauses).values(values))


def end(db: Connection, source: str, rule: str, now: Instant) -> list[Pause]:
    """End the pauses of exactly this source and rule; gives them as they were."""
    place = (pauses.c.source == source, pauses.c.rule == rule, pauses.c.until > now)
    found = _found(db.execute(_ALL.where(*place)).all())
    db.execute(update(pauses).where(*place).values(until=now))
    return found


def everywhere(db: Connection, now: Instant) -> list[Pause]:
    """All pauses that are in force."""
    return _found(db.execute(_ALL.where(pauses.c.until > now)).all())


def in_force(db: Connection, source: str, now: Instant) -> list[Pause]:
    """The pauses that concern a source."""
    return _found(_IN_FORCE(db, source=source, now=now))


def of_everything(db: Connection, source: str, now: Instant) -> Pause | None:
    """A pause of all that is written to a source."""
    return next(iter(_found(_OF_EVERYTHING(db, source=source, now=now))), None)


def that_bars(db: Connection, source: str, escalation: int, now: Instant) -> Pause | None:
    """A pause because of which nothing of this escalation may be sent."""
    return next(iter(_found(_BARS(db, source=source, escalation=escalation, now=now))), None)


def hold_up(db: Connection, source: str, pause: Pause, until: Instant, now: Instant, said: str) -> None:
    """What is due of a paused rule waits, begun escalations too; instants are on the source's clock."""
    _HOLD_UP(db, source=source, rule=pause.rule, at=now, to_not_before=until, to_problem=said)


def go_on(db: Connection, source: str, beyond: Instant, now: Instant) -> None:
    """Escalations that were begun before a pause are finished: those that would wait until after `beyond`."""
    _GO_ON(db, source=source, beyond=beyond, to_not_before=now)


def ended(db: Connection, source: str, now: Instant) -> list[Pause]:
    """Pauses that are over, and after which the source has not gone on yet."""
    return _found(_ENDED(db, source=source, now=now))


def release(db: Connection, pause: Pause, source: str, lull: Lull) -> None:
    """The source goes on after a pause."""
    values = {"pause": pause.id, "source": source, "since": lull.since, "until": lull.until}
    db.execute(insert(pause_releases).values(values))


def lulls(db: Connection, source: str, now: Instant) -> tuple[Lull, ...]:
    """The pauses that still bear on what is decided."""
    of_source = pause_releases.c.source == source, pause_releases.c.until > now - REMEMBERED
    joined = pauses.c.id == pause_releases.c.pause
    query = select(pauses.c.rule, pause_releases.c.since, pause_releases.c.until).where(joined, *of_source)
    return tuple(Lull(*row) for row in db.execute(query.order_by(pause_releases.c.until.desc())))


def open_ended(pause: Pause) -> bool:
    """Whether it lasts until somebody ends it."""
    return pause.until >= FOREVER


def _found(rows: Any) -> list[Pause]:
    return [Pause(row.id, row.source, row.rule, row.since, row.until, row.by, row.why) for row in rows]
