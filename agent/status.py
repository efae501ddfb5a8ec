"""How hoist is: what was read and how far, what waits, what was refused, what could not be mapped. Reads only the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from agent import foreign
from agent.budget import BudgetStatus, budget_status
from agent.foreign import Other
from agent.guards.guarded import Guarded, guarded
from agent.hinted import silence
from agent.in_force.governed import Governed, governed
from agent.store import (
    brakes,
    censuses,
    episodes,
    hints,
    journal,
    mirrored,
    operations,
    outages,
    quarantine,
    refused_rules,
    sources,
    stalled,
    unread,
    waiting,
)
from agent.store.brakes import BrakeRow
from agent.store.censuses import Census
from agent.store.database import Database
from agent.store.journal import Head
from agent.store.outages import Outage
from agent.store.quarantine import QuarantineRow
from agent.store.sources import SourceRow
from agent.store.states import OperationState, RowState
from agent.store.waiting import WaitingRow
from rules.instants import MINUTE, SECOND, Instant

BEHIND_AFTER = 5 * MINUTE
"""A source that was not read for so long, and for five of its polls, has fallen behind."""


LISTED = 20
"""Firings left to a person that are named one by one."""


@dataclass(frozen=True, slots=True)
class Fallen:
    """What fell due while hoist did not run: all of it, how much is left to a person, and some of that by ticket and rule."""

    outage: Outage
    due: int
    left: int
    listed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source. `changes` counts what waits or was written, by state; `parked` and `quarantined` need a person.

    `unanswered` counts what was sent without an answer; its mark is looked for from `looked_for_from` on, the earliest instant.
    `lag_seconds` is the time since it was last read to the end, None before the first time. `census` is the last one that has
    ended; `counting` says that another one is under way. `brakes` stop loops with automations, `other` is another hoist that
    writes here. `keys` are those of the parked tickets, by their ids. `webhook` is what is wrong with the one that should tell of
    changes, empty where nothing is.
    """

    row: SourceRow
    tickets: int
    gone: int
    stale: int
    changes: dict[RowState, int]
    backlog: dict[str, int]
    escalations: dict[str, int]
    parked: list[WaitingRow]
    quarantined: list[QuarantineRow]
    unanswered: int
    looked_for_from: Instant | None
    lag_seconds: float | None
    behind: bool
    census: Census | None
    counting: bool
    outage: Fallen | None
    guarded: Guarded = field(default_factory=Guarded)
    budget: BudgetStatus | None = None
    brakes: list[BrakeRow] = field(default_factory=list)
    other: Other | None = None
    keys: dict[str, str] = field(default_factory=dict)
    webhook: str = ""

    @property
    def healthy(self) -> bool:
        """Nothing here waits for a person."""
        left = (
            (self.outage is not None and self.outage.left)
            or self.changes.get(RowState.BACKLOG)
            or self.guarded.runs
            or self.guarded.failed
        )
        beside = self.brakes or self.other is not None or self.webhook
        return not (self.row.problem or self.parked or self.quarantined or self.behind or left or beside)


@dataclass(frozen=True, slots=True)
class Status:
    """All sources by name, and what is wrong with changed rules that were not taken over; empty where none were.

    `unread`: a sentence for each list, window or rota that can't be read, with the copy that counts in its place. `head` is the
    end of the journal's chain, `fresh` how many of its lines wait for the sealer. `stalled`: a sentence for each stage that gets
    no further; `alive_at`: hoist's last sign of life, on this machine's clock. `governed`: which rules are in force.
    """

    sources: tuple[SourceStatus, ...]
    refused_rules: str
    unread: tuple[str, ...]
    head: Head
    fresh: int
    stalled: tuple[str, ...]
    alive_at: Instant | None
    governed: Governed

    @property
    def healthy(self) -> bool:
        """Nothing waits for a person, and there is something to be healthy."""
        mended = self.governed.healthy and not (self.refused_rules or self.unread or self.stalled)
        return bool(self.sources) and mended and all(source.healthy for source in self.sources)


def status(database: Database, now: Instant, poll_every: Mapping[str, int]) -> Status:
    """Every source that the store knows. `poll_every` in milliseconds, by source, as the settings have it."""
    with database.reading() as db:
        found = tuple(_status(db, row, now, poll_every.get(row.source, 0)) for row in sources.rows(db))
        life = outages.last_sign(db)
        alive_at = None if life is None else life.at
        head, fresh = journal.head(db), journal.unsealed(db)
        rules = governed(db, now)
        return Status(found, refused_rules.refused(db), unread.kept(db), head, fresh, stalled.kept(db), alive_at, rules)


def _fallen(db: Connection, source: str, now: Instant) -> Fallen | None:
    """The last outage of the last month, if something fell due in it or is still left of an earlier one."""
    lately = outages.lately(db, source, now)
    for outage in lately:
        due = outages.fell_due(db, outage)
        if due:
            return Fallen(outage, sum(due.values()), due.get(RowState.BACKLOG, 0), tuple(outages.left(db, outage, LISTED)))
    return None


def _status(db: Connection, row: SourceRow, now: Instant, poll_every: int) -> SourceStatus:
    tickets, gone = mirrored.count(db, row.source)
    unanswered = operations.in_state(db, row.source, OperationState.UNKNOWN)
    lag = max(0, now - row.polled_at) if row.polled_at else None
    parked = waiting.of_source(db, row.source, (RowState.PARKED,))
    named = mirrored.mirrored(db, row.source, list({each.key.ticket for each in parked}))
    return SourceStatus(
        row,
        tickets,
        gone,
        mirrored.count_stale(db, row.source, row.generation),
        waiting.count_by_state(db, row.source),
        episodes.count_by_rule(db, row.source, backlog=True),
        episodes.count_by_rule(db, row.source, backlog=False),
        parked,
        quarantine.rows(db, row.source),
        len(unanswered),
        min((each.look_at for each in unanswered if each.look_at is not None), default=None),
        lag / SECOND if lag is not None else None,
        lag is None or lag > max(BEHIND_AFTER, 5 * poll_every),
        censuses.latest(db, row.source, finished=True),
        censuses.latest(db, row.source, finished=False) is not None,
        _fallen(db, row.source, row.polled_at),
        guarded(db, row.source, now, now + (row.clock_ahead or 0)),
        budget_status(db, row.source, now),
        brakes.holding(db, row.source, now),
        foreign.noted(db, row.source),
        {ticket: found.ticket.key for ticket, found in named.items()},
        silence(hints.how(db, row.source), now),
    )
