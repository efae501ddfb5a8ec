"""A source's budget out of the store: one bucket for all processes that ask the source, which a restart does not forget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

from sqlalchemy import Connection

from agent.clock import Clock
from agent.store import budgets, waiting
from agent.store.database import Database
from agent.store.states import RowState
from connectors.budget import Bucket, Drawn, full_bucket
from rules.instants import SECOND, Instant

REQUESTS_OF_A_WRITE = 8.0
"""Requests per change before any was measured: two that read, one that writes and two that verify, a comment's three."""
MEASURED_FROM = 20
"""Changes from which on their requests are believed to be those of the next ones."""
_WAITING = (RowState.PLANNED, RowState.CLAIMED, RowState.SENT, RowState.UNKNOWN)


class StoredSupply:
    """The bucket of one source. Each call is a transaction of its own: none may be made while the caller has one open."""

    def __init__(self, database: Database, source: str, clock: Clock) -> None:
        self._database, self._source, self._clock = database, source, clock

    def draw(self, rate: float, written: int) -> Drawn:
        with self._database.transaction() as db:
            bucket, drawn = self._bucket(db, rate).drawn(self._clock.now())
            budgets.keep(db, self._source, bucket, written)
        return drawn

    def close(self, rate: float, seconds: float, said: str) -> None:
        self._change(rate, lambda bucket, now: bucket.closed(now, seconds, said))

    def slow(self, rate: float) -> None:
        self._change(rate, lambda bucket, now: bucket.slower(now))

    def spare(self, rate: float, seconds: float) -> None:
        self._change(rate, lambda bucket, now: bucket.spared(now, seconds))

    def _change(self, rate: float, change: Callable[[Bucket, Instant], Bucket]) -> None:
        with self._database.transaction() as db:
            budgets.keep(db, self._source, change(self._bucket(db, rate), self._clock.now()))

    def _bucket(self, db: Connection, rate: float) -> Bucket:
        """What is kept; the rate that the administrator allows is the one that was set last."""
        row = budgets.found(db, self._source)
        if row is None or row.bucket.full <= 0:  # nothing yet, or nothing that hoist wrote
            return full_bucket(rate, self._clock.now())
        bucket = row.bucket
        return bucket if bucket.full == rate else replace(bucket, full=rate, rate=rate * min(1.0, bucket.rate / bucket.full))


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """How fast a source is asked, and for how long it has work. Instants on this machine's clock.

    `rate` in requests per second; `full` is what the administrator allows. `closed_until` is None where the source takes
    requests. `waiting` counts changes that are due and not written, of which each costs `requests`; the last one is expected to
    be written at `last_at`, None where none waits.
    """

    rate: float
    full: float
    closed_until: Instant | None
    said: str
    spared_until: Instant | None
    waiting: int
    requests: float
    last_at: Instant | None


def budget_status(db: Connection, source: str, now: Instant) -> BudgetStatus | None:
    """The budget of a source; None before it was first asked for something."""
    row = budgets.found(db, source)
    if row is None:
        return None
    bucket = row.bucket.filled(now)
    counts = waiting.count_by_state(db, source)
    wait, written = sum(counts.get(state, 0) for state in _WAITING), waiting.count_written(db, source, row.since)
    requests = row.written / written if written >= MEASURED_FROM else REQUESTS_OF_A_WRITE
    opens = bucket.closed_until if bucket.closed_for(now) > 0 else None
    last = None if not wait else (opens or now) + ceil(wait * requests / bucket.rate * SECOND)
    spared = bucket.spared_until if bucket.spared_for(now) > 0 else None
    return BudgetStatus(bucket.rate, bucket.full, opens, bucket.said if opens else "", spared, wait, requests, last)
