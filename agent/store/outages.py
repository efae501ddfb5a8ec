"""When hoist did not run, by source, and what is done about the firings that fell due then; and hoist's own signs of life."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from agent.store.states import RowState
from agent.store.tables import installation, outages, outbox
from rules.instants import DAY, Instant, written

LIFE: Final = "life"
RESTORED: Final = 1
READ_BACK: Final = 2
"""Of a restored store: its marks are still to be read back; they are."""
REMEMBERED: Final = 30 * DAY
"""For how long an outage bears on what fell due in it (a lost time: for ever); a ticket not read since is seen as of today."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Hoist did not run from `began` to `ended`, on the source's clock.

    Firings that fell due then before `catch_up_from` are left to a person. `restored`: the store is older than what hoist has
    done, so that whatever was due before `ended` may have been written already. `lost`: it was, and what hoist did in that time
    has left its store for good; the marks in the source have been read back since, or are being read.
    """

    source: str
    began: Instant
    ended: Instant
    catch_up_from: Instant
    restored: bool
    reported_at: Instant | None
    lost: bool = False

    def covers(self, at: Instant) -> bool:
        """Whether hoist did not run at an instant, as far as its store knows."""
        return self.began <= at < self.ended

    @property
    def reason(self) -> str:
        """Why a firing is left to a person."""
        if self.restored:
            return "it may have been written before hoist's store was restored from a backup"
        return f"it fell due while hoist did not run, which was until {written(self.ended)}"

    def leaves(self, at: Instant) -> bool:
        """Whether a firing of that instant is left to a person."""
        return (self.restored or self.began <= at) and at < min(self.ended, self.catch_up_from)


@dataclass(frozen=True, slots=True)
class Life:
    """A sign of life: a number that only rises, and when it was given, on this machine's clock."""

    number: int
    at: Instant


def sign(db: Connection, at: Instant) -> Life:
    """Give a sign of life."""
    last = last_sign(db)
    life = Life(1 if last is None else last.number + 1, at)
    value = json.dumps({"number": life.number, "at": life.at})
    row = insert(installation).values(name=LIFE, value=value)
    db.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
    return life


def last_sign(db: Connection) -> Life | None:
    """The last sign of life in this store; None where hoist has never run on it."""
    value = db.execute(select(installation.c.value).where(installation.c.name == LIFE)).scalar()
    if value is None:
        return None
    found = json.loads(value)
    return Life(found["number"], found["at"])


def add(db: Connection, outage: Outage) -> None:
    """Note an outage."""
    values = {"source": outage.source, "began": outage.began, "ended": outage.ended}
    rest = {"catch_up_from": outage.catch_up_from, "restored": int(outage.restored)}
    db.execute(insert(outages).values({**values, **rest}).on_conflict_do_nothing())


def change(db: Connection, outage: Outage, **values: Any) -> None:
    """Set columns of an outage."""
    db.execute(update(outages).where(outages.c.source == outage.source, outages.c.ended == outage.ended).values(values))


def lately(db: Connection, source: str, now: Instant) -> tuple[Outage, ...]:
    """The outages that still bear on what is decided, the latest first."""
    place = (outages.c.source == source, or_(outages.c.ended > now - REMEMBERED, outages.c.restored > 0))
    found = db.execute(select(outages).where(*place).order_by(outages.c.ended.desc()))
    return tuple(
        Outage(row.source, row.began, row.ended, row.catch_up_from, row.restored == RESTORED, row.reported_at, row.restored > 0)
        for row in found
    )


def fell_due(db: Connection, outage: Outage) -> dict[RowState, int]:
    """How many firings fell due in an outage, by the state that they are in now."""
    query = select(outbox.c.state, func.count()).where(_within(outage)).group_by(outbox.c.state)
    return {RowState(state): int(number) for state, number in db.execute(query)}


def left(db: Connection, outage: Outage, limit: int) -> list[str]:
    """The firings of an outage that are left to a person, the most urgent first: ticket, rule."""
    place = (_within(outage), outbox.c.state == RowState.BACKLOG)
    query = select(outbox.c.ticket, outbox.c.rule).where(*place).order_by(outbox.c.urgency, outbox.c.instant).limit(limit)
    return [f"{row.ticket} {row.rule}" for row in db.execute(query)]


def _within(outage: Outage) -> ColumnElement[bool]:
    """Whatever fell due then, and whatever had fallen due before and was left lying by it."""
    during = and_(outbox.c.instant >= outage.began, outbox.c.instant < outage.ended)
    return and_(
        outbox.c.source == outage.source, during | and_(outbox.c.state == RowState.BACKLOG, outbox.c.instant < outage.ended)
    )
