"""Brakes that have tripped: on which rule of which ticket, why, and when somebody let go of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.sqlite import insert

from agent.store.statements import Prepared, listed, one_of
from agent.store.tables import brakes
from rules.brake import Brake
from rules.instants import Instant


@dataclass(frozen=True, slots=True)
class BrakeRow:
    """One tripped brake. `released_at`: what the ticket's history holds up to then counts no more; None: nobody let go."""

    ticket: str
    rule: str
    brake: Brake
    released_at: Instant | None

    def holds(self, now: Instant) -> bool:
        """Whether it still holds."""
        return now < self.brake.until and (self.released_at is None or self.released_at < self.brake.since)


_OF_TICKETS = Prepared(select(brakes).where(brakes.c.source == bindparam("source"), one_of(brakes.c.ticket, "ids")))


def trip(db: Connection, source: str, ticket: str, rule: str, brake: Brake) -> bool:
    """Note a brake; False where it was noted already."""
    known = of_tickets(db, source, [ticket]).get(ticket, {}).get(rule)
    if known is not None and known.brake.since == brake.since:
        return False
    values = {"since": brake.since, "until": brake.until, "why": brake.why}
    row = insert(brakes).values(source=source, ticket=ticket, rule=rule, **values)
    db.execute(row.on_conflict_do_update(index_elements=["source", "ticket", "rule"], set_=values))
    return True


def release(db: Connection, source: str, ticket: str, rule: str, at: Instant) -> bool:
    """Let go of a brake; False where none holds."""
    place = (brakes.c.source == source, brakes.c.ticket == ticket, brakes.c.rule == rule)
    row = of_tickets(db, source, [ticket]).get(ticket, {}).get(rule)
    if row is None or not row.holds(at):
        return False
    db.execute(update(brakes).where(*place).values(released_at=at))
    return True


def of_tickets(db: Connection, source: str, ids: Collection[str]) -> dict[str, dict[str, BrakeRow]]:
    """The brakes of tickets: by ticket, then by rule."""
    found: dict[str, dict[str, BrakeRow]] = {}
    for row in _OF_TICKETS(db, source=source, ids=listed(ids)):
        brake = BrakeRow(row.ticket, row.rule, Brake(row.since, row.until, row.why), row.released_at)
        found.setdefault(row.ticket, {})[row.rule] = brake
    return found


def released(db: Connection, source: str, ids: Collection[str]) -> dict[str, dict[str, Instant]]:
    """By ticket and rule: when somebody let go of a brake."""
    if not ids:
        return {}
    found = of_tickets(db, source, ids)
    return {
        ticket: {rule: row.released_at for rule, row in rows.items() if row.released_at is not None}
        for ticket, rows in found.items()
    }


def holding(db: Connection, source: str, now: Instant) -> list[BrakeRow]:
    """The brakes that hold on a source, the latest first."""
    rows = db.execute(select(brakes).where(brakes.c.source == source, brakes.c.until > now).order_by(brakes.c.since.desc()))
    found = [BrakeRow(row.ticket, row.rule, Brake(row.since, row.until, row.why), row.released_at) for row in rows]
    return [row for row in found if row.holds(now)]
