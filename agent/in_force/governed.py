"""What governs: which rules are in force and by which plan, and which plans wait or were refused. Reads only the store."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from agent.store import plans, sources
from agent.store.plans import PlanRow, PlanState
from rules.instants import DAY, Instant


@dataclass(frozen=True, slots=True)
class Governed:
    """`version` is that of the rules in force, "" where none were yet; `plan` brought them, None where the files govern.

    `waiting` plans come into force at their instant. `refused` did not within the last day, and no later one was applied.
    `behind`: the sources where the plan in force was not taken over yet.
    """

    version: str
    plan: PlanRow | None = None
    waiting: tuple[PlanRow, ...] = ()
    refused: PlanRow | None = None
    behind: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """No plan failed that somebody relies on."""
        return self.refused is None


def governed(db: Connection, now: Instant) -> Governed:
    """As it is at an instant on this machine's clock."""
    rows, plan = sources.rows(db), plans.in_force(db)
    version = next((row.looked_with.partition("/")[0] for row in rows if row.looked_with), "")
    behind = () if plan is None else tuple(row.source for row in rows if row.source not in plan.since)
    return Governed(version if plan is None else plan.version, plan, tuple(plans.that_wait(db)), _refused(db, now), behind)


def _refused(db: Connection, now: Instant) -> PlanRow | None:
    lately = plans.latest(db)
    last = max((row.applied_at for row in lately), default=0)
    return next((row for row in lately if row.state is PlanState.REFUSED and row.at > now - DAY and last <= row.at), None)
