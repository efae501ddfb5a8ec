"""The watchdog: a stage that gets no further although there is work for it is said to have stalled."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from agent.pipeline import Pipeline
from agent.store import censuses, journal, sources
from agent.store.earliest import earliest
from rules.instants import MINUTE

STALLED_AFTER: Final = 10 * MINUTE
"""Longer than any request may live, for that is how long a ticket may have to wait for its former write."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage as it is now. `mark` changes whenever it gets further; `due`: there is work for it; `patience` in milliseconds."""

    source: str
    name: str
    due: bool
    mark: Hashable
    patience: int = STALLED_AFTER


class Watchdog:
    """Remembers since when each stage stands still."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], tuple[Stage, int]] = {}

    def look(self, stages: Iterable[Stage], now: int) -> list[str]:
        """A sentence for each stage that has stalled; `now` in steady milliseconds."""
        said = []
        for stage in stages:
            place = stage.source, stage.name
            before, since = self._since.get(place, (stage, now))
            if not (stage.due and before.due and stage.mark == before.mark):
                since = now
            self._since[place] = stage, since
            if now - since > stage.patience:
                of = f"{stage.source}: " if stage.source else ""
                minutes = (now - since) // MINUTE
                said.append(f"{of}{stage.name} has got no further for {minutes:,} minutes although there is work for it")
        return said


def stages_of(db: Connection, pipeline: Pipeline) -> list[Stage]:
    """The stages of one source."""
    source, now, counts = pipeline.source, pipeline.source_clock.now(), pipeline.counts
    row = sources.source_row(db, source)
    due = earliest(db, source)
    census = censuses.latest(db, source, finished=False)
    open_ = () if census is None else (census.phase, census.cursor, censuses.count(db, source, censuses.UNDECIDED))
    resting = bool(pipeline.standing())
    return [
        Stage(source, "reading", due=True, mark=row.polled_at, patience=max(STALLED_AFTER, 5 * pipeline.poll_every)),
        Stage(source, "looking", due.look + pipeline.ruling.resolution <= now, (due.look, counts.looks)),
        Stage(source, "writing", due.write <= now and not resting, (due.write, counts.requests_for_writes)),
        Stage(source, "the census", census is not None and not resting, open_),
    ]


def sealing(db: Connection) -> Stage:
    """The stage that seals the journal's lines."""
    return Stage("", "sealing the journal", journal.unsealed(db) > 0, journal.head(db).position)
