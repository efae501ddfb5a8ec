"""The rules that hoist judges by, and how others take their place while it runs: bound to every source, or to none.

What the protocol's folder says, what is read from outside beside it, and the plans that people apply come together here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Final

from agent.clock import Clock
from agent.config import Settings
from agent.errors import ConfigError, StoreError
from agent.in_force import kept_texts
from agent.in_force.activation import Activating
from agent.in_force.fitting import fitted
from agent.in_force.governing import kept_names, names_by, release
from agent.in_force.protocol_files import stamp
from agent.in_force.ruling import Ruling
from agent.in_force.wording import wording
from agent.outside.facts import Outside
from agent.pipeline import Pipeline
from agent.plan.kept_names import renamed_since
from agent.sign_in import SignedIn
from agent.store import journal, plans, refused_rules, renamed, rulebooks, sources, unread
from agent.store.database import Database
from agent.store.plans import PlanRow
from agent.store.rulebooks import Texts
from connectors.contract import Connector
from connectors.errors import ConnectorError
from rules.binding import BindingError, BoundRules
from rules.confidential import CONCEALED
from rules.instants import SECOND, Instant
from rules.language.problems import RulebookError
from rules.protocol.rule import Mode, Rule
from rules.protocol.rulebook import Rulebook
from rules.rulebook import Loaded
from rules.world import Directory, World

log = logging.getLogger("hoist")

LOOK_EVERY: Final = 5 * SECOND


class RulesInForce:
    """`present`, `fit`, `begin` and `begun` when hoist starts, in this order; then `look_around`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        load: Callable[[Path], Loaded],
        pipelines: Sequence[Pipeline],
        *,
        dry_run: bool,
    ) -> None:
        """`load` reads the protocol's folder; `pipelines` are those of all sources, empty until they are opened."""
        self.settings, self.database, self.clock, self.pipelines = settings, database, clock, pipelines
        self.directories: dict[str, Directory] = {}
        """The names that each source knows, as they were last read; a plan that is in force keeps to its own."""
        self.next_look: Instant = 0
        """When files and plans are looked at again."""
        self._load = load
        self._activating = Activating(settings, database, clock, load, dry_run=dry_run)
        self._helpdesks: dict[str, Connector] = {}
        self._outside = Outside(settings.protocol, settings.copies, settings.links, self._helpdesks)
        self._outside_state: Hashable = None
        self._outside_troubles: list[str] | None = None  # None: what the store has of them is of another process
        self._stamp: object = None
        self._rulebook: Rulebook | None = None
        self._refusal = ""
        self._key = b""

    # --- starting ------------------------------------------------------------------------------------------------------

    def present(self) -> Loaded:
        """The rules by which hoist begins. Raises ConfigError, StoreError or RulebookError."""
        self._stamp = stamp(self.settings.protocol)
        return self._activating.present()

    def fit(self, rulebook: Rulebook, answers: Sequence[SignedIn], key: bytes) -> tuple[dict[str, BoundRules], list[str]]:
        """The rules as bound to each source that has answered, and what of them does not fit one, as sentences.

        `key` is the installation's. What the rules ask of the outside is read first.
        """
        self._key = key
        self._helpdesks |= {each.source.name: each.connector for each in answers if each.connector is not None}
        self._outside.update(rulebook.organisation, self.clock.now(), wait=True)
        world = self._outside.world(rulebook.organisation, self.clock.now())
        bound, problems = dict[str, BoundRules](), list[str]()
        for answered in answers:
            if answered.directory is not None and answered.capabilities is not None:
                name = answered.source.name
                self.directories[name] = answered.directory
                former = self._former(name, rulebook)
                try:
                    bound[name] = fitted(rulebook, name, self._names(name), answered.capabilities, world, key, former)
                except BindingError as error:
                    problems += [f"{name}: {problem}" for problem in error.problems]
        return bound, problems

    def begin(self, loaded: Loaded) -> None:
        """They fit: from now on they are in force."""
        self._rulebook = loaded.rulebook
        self._activating.begun(loaded)

    def begun(self, rulebook: Rulebook) -> None:
        """Every source judges by them."""
        with self.database.transaction() as db:
            kept_texts.forget_unused(db, rulebook)
        self._taken_over()
        if self._activating.plan is not None:
            self._say_renamed(self._activating.plan)
        self._outside_state = self._outside.state(rulebook.organisation, self.clock.now())
        self._say_outside()

    def ruling(self, pipeline: Pipeline, bound: BoundRules) -> Ruling:
        """Activate the rules on a source; tickets judged under other rules will be swept."""
        now = pipeline.source_clock.now()
        with self.database.transaction() as db:
            modes: Mapping[str, Mode] = {rule.id: rule.rule.mode for rule in bound.rules}
            for former, rule in renamed.carry(db, bound.source, {rule.id: rule.rule.formerly for rule in bound.rules}):
                told = CONCEALED if bound.rule(rule).rule.confidential else former
                journal.append(db, "rule-renamed", now, bound.source, former=told, rule=rule)
            activated = sources.activate(db, bound.source, modes, now)
            reworded = sources.reword(db, bound.source, {rule.id: wording(rule.rule) for rule in bound.rules}, now)
            versions = f"{bound.version}/{bound.directory.version}/{bound.world.version}"
            before = sources.source_row(db, bound.source).looked_with
            generation = sources.new_generation(db, bound.source, versions)
            kept_texts.note(db, bound, now, self.clock.now(), changed=before != versions)
            plan = self._activating.plan
            released = None if plan is None else release(plan, bound.source, plans.taken_over_at(db, plan, bound.source, now))
            sources.set_directory(db, bound.source, self._names(bound.source))
            if before != versions:
                shown = {rule: mode.value for rule, mode in modes.items()}
                journal.append(db, "rules", now, bound.source, version=bound.version, modes=shown)
        resolution = pipeline.connector.capabilities.date_resolution
        return Ruling(bound, activated, generation, resolution, reworded=reworded, release=released)

    # --- going on ------------------------------------------------------------------------------------------------------

    def look_around(self) -> None:
        """Every few seconds, take over what changed: plans, files, what is outside."""
        if self.clock.now() >= self.next_look:
            self.next_look = self.clock.now() + LOOK_EVERY
            self._reload()

    def _reload(self) -> None:
        """Take over changed rules; a rulebook with mistakes stops nothing: the running one stays."""
        if (plan := self._activating.next()) is not None:
            self._take_over(plan)
            return
        found = stamp(self.settings.protocol)
        if found == self._stamp or self._activating.plan is not None:
            self._say_that_files_wait(found)
            self._look_outside()
            return
        self._stamp = found
        try:
            loaded = self._load(self.settings.protocol)
            if self._rulebook is not None and loaded.rulebook.version != self._rulebook.version:
                self._keep_texts(loaded)
                self._rule_by(loaded.rulebook)
        except (ConfigError, RulebookError, BindingError) as error:
            self._refused(str(error))
        except ConnectorError as error:
            self._stamp = None  # the files may be right: they are tried again as soon as the source answers
            self._refused(f"they could not be compared with the helpdesk's names yet: {error}")
        else:
            self._taken_over()

    def _say_that_files_wait(self, found: object) -> None:
        if found != self._stamp and self._activating.plan is not None:
            log.info("changed files wait: %s is in force; hoist plan shows what they would change", self._activating.plan.name)
        self._stamp = found

    def _take_over(self, plan: PlanRow) -> None:
        """Judge by the rules of a plan that was applied. One that does not fit is refused, and the former rules stay."""
        former = self._activating.plan
        try:
            rulebook = self._activating.rules(plan).rulebook
            # a plan knows the names of when it was made, which hoist may have read long before, and what is gone since
            self.directories |= {each.source: each.connector.directory() for each in self.pipelines}
            self._activating.plan = plan  # what it releases is part of how it is judged
            self._rule_by(rulebook)
            self._say_renamed(plan)
        except ConnectorError as error:  # tried again, as soon as the source answers; nothing is decided before
            self._activating.plan = former
            self._refused(f"they could not be compared with the helpdesk's names yet: {error}")
        except (StoreError, RulebookError, BindingError) as error:
            self._activating.plan = former
            self._activating.refused(plan, str(error))
            if self._rulebook is not None:
                self._bind_all(self._rulebook)
            self._refused(f"{plan.name}: {error}")
        else:
            self._taken_over()

    def _say_renamed(self, plan: PlanRow) -> None:
        for source, directory in self.directories.items():
            for said in renamed_since(source, directory, kept_names(plan, source)):
                log.warning("%s", said)

    def _keep_texts(self, loaded: Loaded) -> None:
        """What is decided from now on can be decided once more."""
        with self.database.transaction() as db:
            rulebooks.keep(db, loaded.rulebook.version, Texts(loaded.texts, loaded.library), self.clock.now())

    def _rule_by(self, rulebook: Rulebook) -> None:
        """Judge by this rulebook from now on, everywhere or nowhere."""
        self._outside.update(rulebook.organisation, self.clock.now())
        self._bind_all(rulebook)
        self._rulebook = rulebook
        self._activating.version = rulebook.version
        log.info("new rules are in force: %s", rulebook.version[:12])
        self._say_outside()

    def _bind_all(self, rulebook: Rulebook) -> None:
        now = self.clock.now()
        world, state = self._outside.world(rulebook.organisation, now), self._outside.state(rulebook.organisation, now)
        bound = {pipeline.source: self._bound(pipeline, rulebook, world) for pipeline in self.pipelines}
        for pipeline in self.pipelines:
            pipeline.rule_soon(self.ruling(pipeline, bound[pipeline.source]))
        self._outside_state = state

    def _look_outside(self) -> None:
        """Take over changed lists, windows and rotas. What can't be read stops nothing: the last good copy goes on."""
        if self._rulebook is None:
            return
        organisation = self._rulebook.organisation
        self._outside.update(organisation, self.clock.now())
        if self._outside.state(organisation, self.clock.now()) != self._outside_state:
            self._bind_all(self._rulebook)
        self._say_outside()

    def _say_outside(self) -> None:
        """Log and journal what changed outside, and each trouble once; what is still wrong is kept for `hoist status`."""
        changes = self._outside.changes()
        troubles, before = self._outside.troubles(self.clock.now()), self._outside_troubles
        if not changes and troubles == before:
            return
        new = [said for said in troubles if said not in (before or ())]
        self._outside_troubles = troubles
        with self.database.transaction() as db:
            unread.keep(db, troubles)
            for change in changes:
                log.info("%s", change)
                journal.append(db, "outside-read", self.clock.now(), "", **change.data())
            for said in new:
                log.warning("%s", said)
                journal.append(db, "outside-unreadable", self.clock.now(), "", said=said)

    def _bound(self, pipeline: Pipeline, rulebook: Rulebook, world: World) -> BoundRules:
        """Where a name is not known, the source may have got it since it was last asked."""
        capabilities, former = pipeline.connector.capabilities, self._former(pipeline.source, rulebook)
        try:
            return fitted(rulebook, pipeline.source, self._names(pipeline.source), capabilities, world, self._key, former)
        except BindingError:
            self.directories[pipeline.source] = pipeline.connector.directory()
            return fitted(rulebook, pipeline.source, self._names(pipeline.source), capabilities, world, self._key, former)

    def _names(self, source: str) -> Directory:
        """Those by which the rules are resolved."""
        return names_by(self._activating.plan, source, self.directories[source])

    def _former(self, source: str, rulebook: Rulebook) -> Mapping[str, Rule]:
        """The rules under former texts by which escalations under way go on."""
        with self.database.reading() as db:
            return kept_texts.former_texts(db, source, rulebook)

    def _refused(self, said: str) -> None:
        if said == self._refusal:
            return
        self._refusal = said
        log.error("the changed rules were not taken over, the former ones stay in force:\n%s", said)
        with self.database.transaction() as db:
            refused_rules.refuse(db, said)
            for pipeline in self.pipelines:
                journal.append(db, "rules-refused", pipeline.source_clock.now(), pipeline.source, said=said)

    def _taken_over(self) -> None:
        """What the files say is what is in force."""
        self._refusal = ""
        with self.database.transaction() as db:
            refused_rules.accept(db)
