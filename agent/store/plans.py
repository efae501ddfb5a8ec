"""Plans that were applied: which of them is in force, which wait for their instant, and what became of the others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update

from agent.store.tables import plans, sources
from rules.instants import Instant


class PlanState(StrEnum):
    """Of the plans in force there is never more than one."""

    WAITS = "waits"  # for its instant
    IN_FORCE = "in force"
    REPLACED = "replaced"  # by a later one, or by the files
    REFUSED = "refused"  # when its instant came: it no longer fitted
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One applied plan. `at` and `applied_at` are on this machine's clock; `version` is that of its rules, `base` of the former.

    `plan` is its hash, "" for the rules as they were found where plans govern from the start. `body` is what it releases.
    `since` are the instants (by source, on its own clock) at which it was taken over.
    """

    number: int
    plan: str
    state: PlanState
    version: str
    base: str
    at: Instant
    applied_at: Instant
    by: str
    why: str
    body: Any
    since: dict[str, Instant]
    problem: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        return f"plan-{self.plan[:8]}" if self.plan else "the rules as they were found"


def add(db: Connection, row: PlanRow) -> PlanRow:
    """Keep a plan (its `number` is given here). One that is in force from now on replaces the one that was."""
    if row.state is PlanState.IN_FORCE:
        _replace(db)
    values = {
        "plan": row.plan,
        "state": row.state,
        "version": row.version,
        "base": row.base,
        "at": row.at,
        "applied_at": row.applied_at,
        "by": row.by,
        "why": row.why,
        "body": json.dumps(row.body, ensure_ascii=False),
    }
    made = db.execute(insert(plans).values(values)).inserted_primary_key
    if row.state is PlanState.IN_FORCE:
        _unsettle(db, row.version)
    return named(db, made[0] if made is not None else 0)


def in_force(db: Connection) -> PlanRow | None:
    """The plan by whose rules hoist judges; None where the files say which they are."""
    return next(iter(_rows(db, PlanState.IN_FORCE)), None)


def that_wait(db: Connection) -> list[PlanRow]:
    """Plans whose instant has not come, the earliest first."""
    return sorted(_rows(db, PlanState.WAITS), key=lambda row: (row.at, row.number))


def latest(db: Connection, number: int = 10) -> list[PlanRow]:
    """The last plans that were applied, whatever became of them, the latest first."""
    found = db.execute(select(plans).order_by(plans.c.number.desc()).limit(number))
    return [_row(row) for row in found]


def named(db: Connection, number: int) -> PlanRow:
    """The plan of this number. Raises NoResultFound."""
    return _row(db.execute(select(plans).where(plans.c.number == number)).one())


def take_over(db: Connection, row: PlanRow) -> None:
    """The instant of a plan that waited has come."""
    _replace(db)
    db.execute(update(plans).where(plans.c.number == row.number).values(state=PlanState.IN_FORCE))
    _unsettle(db, row.version)


def end(db: Connection, row: PlanRow, state: PlanState, problem: str = "") -> None:
    """A plan is not in force, or no longer."""
    db.execute(update(plans).where(plans.c.number == row.number).values(state=state, problem=problem))


def go_back(db: Connection, row: PlanRow, problem: str) -> PlanRow | None:
    """A plan can't be in force: the one that it replaced is again; None where there was none, and the files govern."""
    end(db, row, PlanState.REFUSED, problem)
    before = next((each for each in latest(db, 1_000) if each.state is PlanState.REPLACED and each.version == row.base), None)
    if before is not None:
        db.execute(update(plans).where(plans.c.number == before.number).values(state=PlanState.IN_FORCE))
    return before


def let_files_govern(db: Connection) -> bool:
    """No plan is in force any more; False where none was."""
    return _replace(db)


def taken_over_at(db: Connection, row: PlanRow, source: str, now: Instant) -> Instant:
    """Since when a plan is in force on a source, by its clock: since `now` where it was not noted before."""
    since = named(db, row.number).since
    if source not in since:
        since = {**since, source: now}
        db.execute(update(plans).where(plans.c.number == row.number).values(since=json.dumps(since)))
    return since[source]


def _replace(db: Connection) -> bool:
    place = plans.c.state == PlanState.IN_FORCE
    return bool(db.execute(update(plans).where(place).values(state=PlanState.REPLACED)).rowcount)


def _unsettle(db: Connection, version: str) -> None:
    """Nothing is decided under what was in force before: whoever judges by an older generation has to take over first."""
    db.execute(update(sources).values(generation=sources.c.generation + 1, looked_with=f"{version}/"))


def _rows(db: Connection, state: PlanState) -> list[PlanRow]:
    return [_row(row) for row in db.execute(select(plans).where(plans.c.state == state).order_by(plans.c.number))]


def _row(row: Any) -> PlanRow:
    return PlanRow(
        row.number,
        row.plan,
        PlanState(row.state),
        row.version,
        row.base,
        row.at,
        row.applied_at,
        row.by,
        row.why,
        json.loads(row.body),
        json.loads(row.since),
        row.problem,
    )
