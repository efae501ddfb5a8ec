"""The brake on a firing: whether its rule is in a loop with an automation of the helpdesk, given what the store recorded."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from agent.store import brakes, journal
from agent.store.episodes import EpisodeRow
from rules.brake import TWICE, Brake, brought_about, taken_back
from rules.gates import Closed
from rules.instants import Instant
from rules.ladder import Steps, joined
from rules.protection import fields_of
from rules.protocol.rule import Rule
from rules.ticket import Kind, Ticket


def brake_on(
    ticket: Ticket, rule: Rule, row: EpisodeRow, steps: Steps, recorded: Iterable[EpisodeRow], now: Instant, after: Instant
) -> Brake | None:
    """The brake that holds at `now` on these steps of an episode; `recorded` are all episodes of the ticket.

    `after`: when somebody last let go of it; what the history holds up to then counts no more.
    """
    former = [each for each in recorded if each.rule == row.rule and each.number != row.number and each.written]
    if len(former) < TWICE and not _touched_by_hoist(ticket):
        return None  # most tickets
    brake = taken_back(ticket, fields_of(joined(rule, steps)), after)
    if brake is None and not row.written:
        brake = brought_about(ticket, sorted(each.written[0].applied_at or 0 for each in former), now, after)
    return brake if brake is not None and now < brake.until else None


def _touched_by_hoist(ticket: Ticket) -> bool:
    for change in ticket.changes:  # noqa: SIM110 - asked of every firing, and a generator is dear
        if change.by.kind is Kind.HOIST:
            return True
    return False


def braked(brake: Brake | None, zone: ZoneInfo) -> Closed | None:
    """A brake as what holds a firing back; people read times in `zone`."""
    return None if brake is None else Closed(brake.until, brake.why, zone)


def trip_all(db: Connection, source: str, tripped: Iterable[tuple[EpisodeRow, Brake]], now: Instant) -> None:
    """Note brakes, and journal each once."""
    for row, brake in tripped:
        if brakes.trip(db, source, row.ticket, row.rule, brake):
            place = {"rule": row.rule, "since": brake.since, "until": brake.until}
            journal.append(db, "brake", now, source, row.ticket, why=brake.why, **place)
