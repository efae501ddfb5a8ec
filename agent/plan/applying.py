"""`hoist apply`: a plan comes into force exactly as it was looked at, or not at all.

What it lists is released as long as it is what the plan saw; whatever else was so already is left to a person. The check of what
it rests on and the change are one transaction: of two plans that are applied at once one is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from agent.clock import SystemClock
from agent.config import Activation, Settings
from agent.errors import ConfigError, HoistError
from agent.plan.consequences import Touched
from agent.plan.file import ReadPlan, is_file, read_plan
from agent.plan.planning import Base, Planning, Progress
from agent.store import journal, mirrored, plans, rulebooks, sources
from agent.store.database import open_database
from agent.store.plans import PlanRow, PlanState
from agent.who import Who
from rules.instants import Instant, written

BY_FILES: Final = (
    "hoist.yaml says activation: files, so what the files say is in force within seconds, and no plan is ever applied"
)


class StalePlanError(HoistError):
    """The plan rests on what is no longer so; the sentences say what."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A firing that is left to a person after all, and why."""

    source: str
    key: str
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a plan: how many it `released`, and what is `held`, with what moved. It `waits`, or is in force."""

    plan: str
    version: str
    at: Instant
    waits: bool
    released: int = 0
    held: tuple[HeldBack, ...] = ()


def apply_plan(settings: Settings, plan: ReadPlan, at: Instant | None, who: Who, progress: Progress) -> Applied:
    """Bring a plan into force, now or at an instant.

    Raises StalePlanError where it rests on what is no longer so; ConfigError where plans do not govern, or the instant is past.
    """
    if settings.activation is Activation.FILES:
        raise ConfigError(BY_FILES)
    now = SystemClock().now()
    if at is not None and at <= now:
        raise ConfigError(f"--at {written(at)}: that is past; without --at the plan is applied now")
    planning = Planning(settings, plan.protocol, plan.kept_names(), offline=True, horizon=0)
    _refuse_stale(planning.base, plan)
    if planning.coming.rulebook.version != plan.rules:
        raise StalePlanError(f"{plan.name} was made by another version of hoist, which reads its rules otherwise: plan anew")
    found = planning.judged(progress)[1].now if at is None else None
    row = _kept(settings, planning, plan, at, who)
    if found is None:
        return Applied(plan.name, plan.rules, row.at, waits=True)
    held = _held(settings, plan, found)
    return Applied(plan.name, plan.rules, row.at, waits=False, released=_released(plan, held), held=tuple(held.values()))


def withdraw_plan(settings: Settings, named: str, who: Who) -> None:
    """A plan that waits for its instant, by its name or file, is not applied after all. Raises ConfigError where none waits."""
    with closing(open_database(settings.store)) as database, database.transaction() as db:
        waiting = plans.that_wait(db)
        row = next((each for each in waiting if each.name == named), None)
        if row is None and is_file(named):
            plan = read_plan(named)
            named, row = plan.name, next((each for each in waiting if each.plan == plan.hash), None)
        if row is None:
            raise ConfigError(f"{named} does not wait for any instant, so there is nothing to withdraw")
        plans.end(db, row, PlanState.WITHDRAWN)
        journal.append(db, "plan-withdrawn", SystemClock().now(), "", plan=row.plan, **who.data())


def _refuse_stale(base: Base, plan: ReadPlan) -> None:
    if differences := base.differences(plan.rests_on):
        raise StalePlanError(f"{plan.name} was not applied: {'; '.join(differences)}. Plan anew: hoist plan")


def _kept(settings: Settings, planning: Planning, plan: ReadPlan, wanted: Instant | None, who: Who) -> PlanRow:
    """The plan in the store, in force or waiting for the instant that is wanted, if what it rests on is still so."""
    now, waits = SystemClock().now(), wanted is not None
    at = now if wanted is None else wanted
    state = PlanState.WAITS if waits else PlanState.IN_FORCE
    made = PlanRow(0, plan.hash, state, plan.rules, plan.base.rules, at, now, who.name, who.why, plan.release(), since={})
    with closing(open_database(settings.store)) as database, database.transaction() as db:
        if any(each.plan == plan.hash for each in plans.that_wait(db)):
            raise StalePlanError(f"{plan.name} was applied already, and waits for its instant")
        _refuse_stale(Base(_in_force(db, planning), planning.base.world, planning.base.config), plan)
        rulebooks.keep(db, plan.rules, plan.protocol, at)
        row = plans.add(db, made)
        for source, names in planning.wanted.directories.items() if not waits else ():
            sources.set_directory(db, source, names)
        told = {"plan": plan.hash, "version": plan.rules, "base": plan.base.rules, "from": written(at)}
        journal.append(db, "plan-applied", now, "", **told, **who.data())
    return row


def _in_force(db: Connection, planning: Planning) -> str:
    versions = [sources.version_in_force(db, source) for source in planning.wanted.now]
    return next(filter(None, versions), "")


# --- what is left to a person after all ------------------------------------------------------------------------------------


_Place = tuple[str, str, str]  # source, ticket's id, rule


def _held(settings: Settings, plan: ReadPlan, found: list[Touched]) -> Mapping[_Place, HeldBack]:
    """What the plan lists and is not what it saw, and what it would have listed had it been so then."""
    listed = plan.listed()
    present = {(each.source, each.id, firing.rule): (each, firing) for each in found for firing in each.firings}
    held: dict[_Place, HeldBack] = {}
    with closing(open_database(settings.store)) as database, database.reading() as db:
        for place, (key, precondition) in listed.items():
            source, name, rule = place
            if place not in present:
                held[place] = HeldBack(source, key, rule, "it is no longer so")
                continue
            known = mirrored.mirrored(db, source, [name])[name].ticket
            if moved := precondition.moved(known, present[place][1].anchor):
                held[place] = HeldBack(source, key, rule, moved)
    for place, (each, _) in present.items():
        if place not in listed:
            held[place] = HeldBack(each.source, each.key, place[2], "it has come to be so since the plan was made")
    return held


def _released(plan: ReadPlan, held: Mapping[_Place, HeldBack]) -> int:
    return sum(place not in held for place in plan.listed())
