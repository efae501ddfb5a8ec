"""How hoist is: what was read and how far, what waits, what was refused, what could not be mapped. Reads only the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from agent.store import episodes, mirrored, operations, quarantine, refused_rules, sources, unread, waiting
from agent.store.database import Database
from agent.store.quarantine import QuarantineRow
from agent.store.sources import SourceRow
from agent.store.states import OperationState, RowState
from agent.store.waiting import WaitingRow
from rules.instants import MINUTE, SECOND, Instant

BEHIND_AFTER = 5 * MINUTE
"""A source that was not read for so long, and for five of its polls, has fallen behind."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source. `changes` counts what waits or was written, by state; `parked` and `quarantined` need a person.

    `unanswered` counts what was sent without an answer; its mark is looked for from `looked_for_from` on, the earliest instant.
    `lag_seconds` is the time since it was last read to the end, None before the first time.
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

    @property
    def healthy(self) -> bool:
        """Nothing here waits for a person."""
        return not (self.row.problem or self.parked or self.quarantined or self.behind)


@dataclass(frozen=True, slots=True)
class Status:
    """All sources by name, and what is wrong with changed rules that were not taken over; empty where none were.

    `unread`: a sentence for each list, window or rota that can't be read, with the copy that counts in its place.
    """

    sources: tuple[SourceStatus, ...]
    refused_rules: str
    unread: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Nothing waits for a person, and there is something to be healthy."""
        mended = not (self.refused_rules or self.unread)
        return bool(self.sources) and mended and all(source.healthy for source in self.sources)


def status(database: Database, now: Instant, poll_every: Mapping[str, int]) -> Status:
    """Every source that the store knows. `poll_every` in milliseconds, by source, as the settings have it."""
    with database.reading() as db:
        found = tuple(_status(db, row, now, poll_every.get(row.source, 0)) for row in sources.rows(db))
        return Status(found, refused_rules.refused(db), unread.kept(db))


def _status(db: Connection, row: SourceRow, now: Instant, poll_every: int) -> SourceStatus:
    tickets, gone = mirrored.count(db, row.source)
    unanswered = operations.in_state(db, row.source, OperationState.UNKNOWN)
    lag = max(0, now - row.polled_at) if row.polled_at else None
    return SourceStatus(
        row,
        tickets,
        gone,
        mirrored.count_stale(db, row.source, row.generation),
        waiting.count_by_state(db, row.source),
        episodes.count_by_rule(db, row.source, backlog=True),
        episodes.count_by_rule(db, row.source, backlog=False),
        waiting.of_source(db, row.source, (RowState.PARKED,)),
        quarantine.rows(db, row.source),
        len(unanswered),
        min((each.look_at for each in unanswered if each.look_at is not None), default=None),
        lag / SECOND if lag is not None else None,
        lag is None or lag > max(BEHIND_AFTER, 5 * poll_every),
    )
