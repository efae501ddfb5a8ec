"""How hoist is: what was read and how far, what waits, what was refused, what could not be mapped. Reads the store, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from agent.store import episodes, mirrored, quarantine, sources, tables, waiting
from agent.store.database import Database
from agent.store.quarantine import QuarantineRow
from agent.store.sources import SourceRow
from agent.store.states import RowState
from agent.store.waiting import WaitingRow
from rules.instants import SECOND, Instant


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source. `changes` counts what waits or was written, by state; `parked` and `quarantined` need a person."""

    row: SourceRow
    tickets: int
    gone: int
    stale: int
    changes: dict[RowState, int]
    backlog: dict[str, int]
    escalations: dict[str, int]
    parked: list[WaitingRow]
    quarantined: list[QuarantineRow]

    @property
    def healthy(self) -> bool:
        """Nothing here waits for a person."""
        return not (self.row.problem or self.parked or self.quarantined)

    def lag(self, now: Instant) -> float | None:
        """Seconds since the source was last read to the end; None before the first time."""
        return max(0.0, (now - self.row.polled_at) / SECOND) if self.row.polled_at else None


def status(database: Database) -> list[SourceStatus]:
    """Every source that the store knows, by name."""
    with database.reading() as db:
        names = db.execute(select(tables.sources.c.source).order_by(tables.sources.c.source)).scalars().all()
        found = [(name, sources.found_source(db, name)) for name in names]
        return [_status(db, row) for _, row in found if row is not None]


def _status(db: Connection, row: SourceRow) -> SourceStatus:
    tickets, gone = mirrored.count(db, row.source)
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
    )
