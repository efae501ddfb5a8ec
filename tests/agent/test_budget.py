"""The budget of a source in the store: shared by all processes, and not forgotten by a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.budget import MEASURED_FROM, REQUESTS_OF_A_WRITE, StoredSupply, budget_status
from agent.clock import SteppedClock
from agent.store import budgets, waiting
from agent.store.database import Database, open_database
from agent.store.states import RowState
from agent.store.waiting import Planned
from connectors.budget import Budget, NoTurn, Urgency
from connectors.jira.site.faults import REASONS
from rules.escalation import FiringKey
from rules.instants import DAY, MINUTE, SECOND
from tests.agent.command_line import desk

START = 1_795_406_400_000
LONG = 1e6


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(tmp_path / "hoist.db")) as opened:
        yield opened


class Process:
    """One of hoist's processes, on a machine whose clock steps."""

    def __init__(self, database: Database, clock: SteppedClock, rate: float = 10) -> None:
        supply = StoredSupply(database, "desk", clock)
        self.clock = clock
        self.budget = Budget(rate, 4, supply, sleep=clock.sleep, monotonic=clock.monotonic)

    def ask(self, urgency: Urgency = Urgency.FRESH) -> None:
        with self.budget.turn(urgency, LONG):
            pass


def test_two_processes_share_one_budget(database: Database) -> None:
    """Two that ask in turns get together what one alone would get."""
    clock = SteppedClock(START)
    one, other = Process(database, clock), Process(database, clock)
    for _ in range(100):
        one.ask()
        other.ask()
    assert clock.now() - START == pytest.approx(20 * SECOND, abs=1.6 * SECOND)


def test_a_restart_starts_with_what_was_left(database: Database) -> None:
    """Who stops and starts again gets no second helping."""
    clock = SteppedClock(START)
    for _ in range(20):
        process = Process(database, clock)
        for _ in range(5):
            process.ask()
    assert clock.now() - START >= 9 * SECOND


def test_a_closed_source_stays_closed_over_a_restart(database: Database) -> None:
    """A used-up quota is not tried again by the next process, until it is filled again."""
    clock = SteppedClock(START)
    Process(database, clock).budget.close(1800, "the quota is used up")
    clock.jump(START + 20 * MINUTE)
    with pytest.raises(NoTurn, match="quota is used up") as caught:
        Process(database, clock).ask(Urgency.WRITE)
    assert caught.value.seconds == 600
    clock.jump(START + 30 * MINUTE)
    Process(database, clock).ask()


def test_a_clock_that_was_set_back_does_not_hold_the_source_closed(database: Database) -> None:
    """Nothing waits for the day on which the clock was wrong."""
    Process(database, SteppedClock(START + DAY)).budget.close(1800, "the quota is used up")
    clock = SteppedClock(START)
    Process(database, clock).ask()
    assert clock.now() == START


def test_another_rate_counts_from_its_first_request(database: Database) -> None:
    """What the administrator writes down is heeded at the next start, up and down."""
    clock = SteppedClock(START)
    Process(database, clock, rate=10).ask()
    fast = Process(database, clock, rate=1_000)
    for _ in range(3_000):
        fast.ask()
    assert clock.now() - START == pytest.approx(3 * SECOND, abs=1.1 * SECOND)


def plan(database: Database, number: int) -> None:
    keys = [FiringKey("desk", str(ticket), "nobody-took-it", 1, 0) for ticket in range(number)]
    with database.transaction() as db:
        waiting.plan(db, [Planned(key, START, START, START, 1, ()) for key in keys])


def test_status_says_when_the_last_change_will_be_written(database: Database) -> None:
    """Changes that wait, times what each costs, over the rate; from the instant on at which the source is open again."""
    clock = SteppedClock(START)
    process = Process(database, clock, rate=10)
    with database.reading() as db:
        assert budget_status(db, "desk", START) is None
    process.ask()
    plan(database, 50)
    with database.reading() as db:
        found = budget_status(db, "desk", START)
    assert found is not None
    assert (found.rate, found.waiting, found.requests, found.closed_until) == (10, 50, REQUESTS_OF_A_WRITE, None)
    assert found.last_at == START + 50 * REQUESTS_OF_A_WRITE / 10 * SECOND
    process.budget.close(600, "the quota is used up")
    with database.reading() as db:
        closed = budget_status(db, "desk", START)
    assert closed is not None
    assert (closed.closed_until, closed.said) == (START + 10 * MINUTE, "the quota is used up")
    assert closed.last_at == found.last_at + 10 * MINUTE


def test_status_counts_with_what_a_change_really_costs(database: Database) -> None:
    """Once enough were written, the requests that were made for them are what the next ones are expected to cost."""
    process = Process(database, SteppedClock(START), rate=10)
    plan(database, MEASURED_FROM + 1)
    for _ in range(MEASURED_FROM * 5):
        process.ask()
        process.ask(Urgency.POLL)  # what is read anyway is no cost of a change
    process.budget.close(0.0, "")  # whatever was drawn is counted with the next draw
    with database.transaction() as db:
        for row in waiting.of_source(db, "desk")[:MEASURED_FROM]:
            waiting.move(db, row, RowState.CLAIMED, START)
        for row in waiting.of_source(db, "desk", (RowState.CLAIMED,)):
            waiting.move(db, row, RowState.APPLIED, START, settled_at=START + MINUTE, escalation=1)
    with database.reading() as db:
        found, kept = budget_status(db, "desk", START + MINUTE), budgets.found(db, "desk")
    assert found is not None
    assert kept is not None
    assert found.requests == kept.written / MEASURED_FROM == pytest.approx(5, abs=0.3)
    assert found.waiting == 1


def test_a_used_up_quota_outlives_the_program(tmp_path: Path) -> None:
    """Started again before the quota is filled, hoist sends nothing, says until when, and the status says so too."""
    with desk(tmp_path) as it:
        assert it.hoist("run", "--once").code == 0
        assert "pace up to 50 requests a second" in it.hoist("status").words
        faults = it.sandbox._faults
        faults.rates["too-many-requests"] = 1.0
        faults._times["too-many-requests"] = REASONS.index("jira-quota-tenant-based")
        first = it.hoist("run", "--once")
        sent = faults.times("too-many-requests")
        second = it.hoist("run", "--once")
        assert first.code == second.code == 1
        assert "start hoist again in" in second.words
        assert "Jira's quota of requests is used up, nothing was sent" in second.words
        assert faults.times("too-many-requests") == sent
        assert "CLOSED until" in it.hoist("status").words
        [source] = it.hoist("status", "--json").json["sources"]
        assert source["budget"]["closed_because"] == "Jira's quota of requests is used up"
