"""How rules come into force while hoist runs: as the files are saved, or as plans are applied, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from agent.clock import Clock
from agent.config import Activation, Settings
from agent.dry_run import only_watching
from agent.in_force.governing import governing, rules_of
from agent.store import journal, plans, rulebooks
from agent.store.database import Database
from agent.store.plans import PlanRow, PlanState
from agent.store.rulebooks import Texts
from rules.rulebook import Loaded

log = logging.getLogger("hoist")

AS_FOUND = "hoist"
"""Who brought the rules into force that were there when plans began to govern."""


class Activating:
    """What decides for one hoist which rules are the present ones."""

    def __init__(
        self, settings: Settings, database: Database, clock: Clock, load: Callable[[Path], Loaded], *, dry_run: bool
    ) -> None:
        self._settings, self._database, self._clock, self._load, self._dry_run = settings, database, clock, load, dry_run
        self.plan: PlanRow | None = None
        """The plan by which hoist judges; None where the files govern."""
        self.version = ""
        """Of the rules by which hoist judges."""

    def present(self) -> Loaded:
        """The rules by which hoist begins.

        Raises ConfigError, StoreError or RulebookError; nothing has been written then.
        """
        with self._database.reading() as db:
            self.plan = governing(db, self._settings.activation)
        return self._load(self._settings.protocol) if self.plan is None else self.rules(self.plan)

    def rules(self, plan: PlanRow) -> Loaded:
        """The rules of a plan."""
        with self._database.reading() as db:
            found = rules_of(db, plan)
        return only_watching(found) if self._dry_run else found

    def begun(self, loaded: Loaded) -> None:
        """The rules of `present` are in force: where plans govern from the start, these are the first."""
        now, version = self._clock.now(), loaded.rulebook.version
        self.version = version
        with self._database.transaction() as db:
            rulebooks.keep(db, version, Texts(loaded.texts, loaded.library), now)
            if self._settings.activation is Activation.FILES and plans.let_files_govern(db):
                log.warning("the files govern (activation: files): the plan that was in force is replaced by them")
            if self._settings.activation is Activation.APPLY and self.plan is None:
                first = PlanRow(0, "", PlanState.IN_FORCE, version, "", now, now, AS_FOUND, "", {}, {})
                self.plan = plans.add(db, first)

    def next(self) -> PlanRow | None:
        """The plan to take over now; None where there is none."""
        if self._settings.activation is Activation.FILES:
            return None
        with self._database.reading() as db:
            due = next((row for row in plans.that_wait(db) if row.at <= self._clock.now()), None)
            present = plans.in_force(db)
        if due is not None:
            present = self._its_instant_has_come(due)
        return None if present is None or (self.plan is not None and present.number == self.plan.number) else present

    def _its_instant_has_come(self, due: PlanRow) -> PlanRow | None:
        """A plan that waited is in force, unless it was made for other rules than those that are."""
        with self._database.transaction() as db:
            present = plans.in_force(db)
            before = self.version if present is None else present.version
            if before == due.base:
                plans.take_over(db, due)
                return plans.named(db, due.number)
            said = f"other rules ({before[:12]}) are in force by now than those that it changes ({due.base[:12]}): plan anew"
            plans.end(db, due, PlanState.REFUSED, said)
            journal.append(db, "plan-refused", self._clock.now(), "", plan=due.plan, said=said)
        log.error("%s is not taken over: %s", due.name, said)
        return present

    def refused(self, plan: PlanRow, said: str) -> None:
        """A plan's rules do not fit: what was in force before is in force again."""
        with self._database.transaction() as db:
            plans.go_back(db, plan, said)
            journal.append(db, "plan-refused", self._clock.now(), "", plan=plan.plan, said=said)
