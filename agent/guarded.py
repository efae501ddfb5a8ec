"""What keeps changes of a source from being written although they are due: pauses, runs that are held, tickets left alone."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from agent.pauses import said
from agent.store import mirrored, pauses, runs, snoozes
from agent.store.runs import Run
from rules.instants import Instant, written


@dataclass(frozen=True, slots=True)
class Guarded:
    """`pauses` and `snoozed` are sentences; `runs` have the number of changes that each holds."""

    pauses: tuple[str, ...] = ()
    runs: tuple[tuple[Run, int], ...] = ()
    snoozed: tuple[str, ...] = ()


def guarded(db: Connection, source: str, now: Instant, there: Instant) -> Guarded:
    """As it is at an instant on this machine's clock and on the source's."""
    alone = snoozes.in_force(db, source, there)
    names = {name: found.ticket.key for name, found in mirrored.mirrored(db, source, list(alone)).items()}
    return Guarded(
        tuple(said(pause) for pause in pauses.in_force(db, source, now)),
        tuple((run, runs.count_held(db, run)) for run in runs.opened(db, source)),
        tuple(f"{names.get(each.ticket, each.ticket)} until {written(each.until)} ({each.by}: {each.why})" for each in alone.values()),
    )
