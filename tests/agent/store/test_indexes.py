"""However many tickets are open and steps wait, a turn touches what is due and nothing else."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from agent.store import earliest, mirrored, operations, orders, sources, waiting
from agent.store.database import Database
from agent.store.mirrored import Kept
from agent.store.states import OperationState, RowState
from agent.store.waiting import Planned
from rules.escalation import FiringKey
from rules.protocol.rule import Mode
from rules.ticket import Ticket, TicketRef

NOW = 1_000_000
MANY = 3_000


@pytest.fixture
def full(database: Database) -> Database:
    """A store with many tickets that are looked at later, and many steps that wait."""
    with database.transaction() as db:
        sources.source_row(db, "desk")
        sources.activate(db, "desk", {"r": Mode.LIVE}, 0)
        one = Ticket(TicketRef("desk", "0"), "SD-0", "", "1", 0, 0, {})
        tickets = [replace(one, ref=TicketRef("desk", str(n)), key=f"SD-{n}") for n in range(MANY)]
        mirrored.keep(db, [Kept(ticket, n % 3, NOW + n, 1) for n, ticket in enumerate(tickets)])
        states = (RowState.PLANNED, RowState.QUEUED, RowState.WATCHED)
        rows = [Planned(FiringKey("desk", str(n), "r", 1, 0), n, n, NOW + n, n % 3, (), states[n % 3]) for n in range(MANY)]
        waiting.plan(db, rows)
    return database


def plans(db: Connection, act: Callable[[], object]) -> list[str]:
    """How SQLite finds what the act asks for."""
    asked: list[str] = []
    driver: sqlite3.Connection = db.connection.driver_connection  # type: ignore[assignment]
    driver.set_trace_callback(asked.append)
    act()
    driver.set_trace_callback(None)
    assert asked
    found = []
    for statement in asked:
        found += [str(row[3]) for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}")]
    return found


ACTS: dict[str, Callable[[Connection], object]] = {
    "earliest": lambda db: earliest.earliest(db, "desk"),
    "due": lambda db: mirrored.due(db, "desk", NOW + 5, 200),
    "stale": lambda db: mirrored.stale(db, "desk", 2, 200),
    "next_tickets": lambda db: waiting.next_tickets(db, "desk", NOW + 5, 8),
    "next_queued": lambda db: waiting.next_queued(db, "desk", "r"),
    "expired": lambda db: waiting.expired(db, "desk", NOW),
    "unfinished": lambda db: waiting.unfinished(db, "desk", NOW),
    "ripe": lambda db: operations.ripe(db, "desk", NOW),
    "sent": lambda db: operations.in_state(db, "desk", OperationState.SENT),
    "claim": lambda db: waiting.claim(db, "desk", "3", NOW, NOW),
    "dormant": lambda db: waiting.dormant(db, "desk", ["3", "4"]),
    "versions": lambda db: mirrored.versions(db, "desk", ["3", "4"]),
    "orders that wait": lambda db: orders.waits(db, "desk", NOW),
    "orders that are due": lambda db: orders.due(db, "desk", NOW),
    "tickets with orders": lambda db: orders.tickets(db, "desk"),
}
# a few rows each, found by an index
SORTED_BY_HAND = {"expired", "unfinished", "sent", "claim", "dormant", "next_queued", "orders that are due"}


@pytest.mark.parametrize("name", ACTS)
def test_what_is_asked_every_turn_walks_an_index(full: Database, name: str) -> None:
    """No table is read from end to end, and nothing long is sorted."""
    with full.transaction() as db:
        found = plans(db, lambda: ACTS[name](db))
    tables = "tickets|outbox|operations|escalations|journal|orders"
    assert not [step for step in found if re.match(rf"SCAN ({tables})\b(?!.*INDEX)", step)], found
    if name not in SORTED_BY_HAND:
        assert not [step for step in found if "TEMP B-TREE" in step], found


def test_the_most_urgent_is_written_first_and_the_longest_due_of_those(full: Database) -> None:
    """F14: urgency decides, then the instant; what is not due yet waits, however urgent."""
    with full.transaction() as db:
        assert waiting.next_tickets(db, "desk", NOW - 1, 8) == []
        assert waiting.next_tickets(db, "desk", NOW, 1) == ["0"]
        assert earliest.earliest(db, "desk") == (NOW, NOW)
        assert earliest.earliest(db, "desk", NOW).write == NOW + 3


def test_tickets_are_looked_at_as_they_fall_due(full: Database) -> None:
    """F14: the earliest first; a sweep takes the most urgent first."""
    with full.transaction() as db:
        assert [m.ticket.ref.id for m in mirrored.due(db, "desk", NOW + 2, 9)] == ["0", "1", "2"]
        assert [m.urgency for m in mirrored.stale(db, "desk", 2, 5)] == [0] * 5
        assert mirrored.stale(db, "desk", 1, 5) == []
