"""The composition root: the only place that knows every part. It builds the pipelines and keeps them going."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from agent import kept_texts, outage
from agent.activation import Activating
from agent.budget import StoredSupply
from agent.clock import Clock, SystemClock
from agent.config import Settings, SourceSettings
from agent.errors import ConfigError, StoreError
from agent.fitting import fitted
from agent.governing import release
from agent.heartbeat import Heart, restored
from agent.hooks import opening
from agent.hooks.intake import Intake
from agent.journal_sealing import Sealer
from agent.outside.facts import Outside
from agent.pipeline import Care, Pipeline
from agent.protocol_files import load_protocol, stamp
from agent.ruling import Ruling
from agent.sign_in import SignedIn, sign_in
from agent.store import hints, journal, outages, plans, refused_rules, renamed, rulebooks, sources, unread
from agent.store.database import Database
from agent.store.installation import Installation, read_or_make
from agent.store.outages import Life
from agent.store.plans import PlanRow
from agent.store.rulebooks import Texts
from agent.store_damage import refuse_unknown_states
from agent.watchdog import sealing, stages_of
from agent.wording import wording
from agent.workers import OneByOne, Threads, Workers
from agent.writing import Back
from connectors.contract import Connector
from connectors.errors import ConnectorError
from connectors.webhooks import Verifier
from rules.binding import BindingError, BoundRules
from rules.confidential import CONCEALED
from rules.instants import SECOND, Instant
from rules.language.problems import RulebookError
from rules.protocol.rule import Mode, Rule
from rules.protocol.rulebook import Rulebook
from rules.rulebook import Loaded
from rules.world import Directory, World

if TYPE_CHECKING:
    from agent.hooks.serving import Serving

log = logging.getLogger("hoist")

RELOAD_EVERY = 5 * SECOND
LONGEST_WAIT = 1.0
"""Seconds that a source sleeps at most."""
LOOK_AROUND = 0.2
"""Seconds after which hoist looks again whether it is to stop, or its files have changed."""


class App:
    """hoist with its store and sources. `start` before `turn`; everything that is wrong is said before anything is written."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        load: Callable[[Path], Loaded] = load_protocol,
        *,
        dry_run: bool = False,
    ) -> None:
        """`load` reads the protocol's folder; a demo brings its own way of reading it. With `dry_run` nothing is ever written."""
        self._dry_run = dry_run
        self._activating = Activating(settings, database, clock, load, dry_run=dry_run)
        self.settings, self.database, self.clock = settings, database, clock
        self._sealer = Sealer(database, settings.journal)
        self._load = load
        self.pipelines: list[Pipeline] = []
        self._connectors: list[Connector] = []
        self._directories: dict[str, Directory] = {}
        self._key = b""
        self._last_sign: Life | None = None
        self._heart: Heart | None = None
        self.intake: Intake | None = None
        """What takes webhooks, once hoist has started; None where no source has one."""
        self._stamp: object = None
        self._next_reload: Instant = 0
        self._rulebook: Rulebook | None = None
        self._refusal = ""
        self._helpdesks: dict[str, Connector] = {}
        self._outside = Outside(settings.protocol, settings.copies, settings.links, self._helpdesks)
        self._outside_state: Hashable = None
        self._outside_troubles: list[str] | None = None  # None: what the store has of them is of another process

    # --- starting ------------------------------------------------------------------------------------------------------

    def start(self, stopped: Callable[[], bool] | None = None) -> dict[str, str]:
        """Load the protocol, sign in everywhere, and bind the rules to each source.

        A source whose quota of requests is used up is waited for until `stopped`; without that, or then, nothing is begun, and
        why is given by source. Raises ConfigError or RulebookError with everything else that is wrong. In both cases nothing has
        been written anywhere.
        """
        with self.database.reading() as db:
            refuse_unknown_states(db, self.database.path)
        self._stamp = stamp(self.settings.protocol)
        loaded = self._activating.present()
        rulebook = loaded.rulebook
        instances = known_instances(self.database)
        verifiers, unheard = opening.verifiers(self.settings.sources)
        answers = [self._signed_in(source, instances.get(source.name, ""), stopped) for source in self.settings.sources]
        problems = [*unheard, *(problem for answered in answers for problem in answered.problems if not answered.rests)]
        resting = {answered.source.name: "; ".join(answered.problems) for answered in answers if answered.rests}
        if resting and not problems:
            return resting
        self._helpdesks |= {each.source.name: each.connector for each in answers if each.connector is not None}
        self._outside.update(rulebook.organisation, self.clock.now(), wait=True)
        world = self._outside.world(rulebook.organisation, self.clock.now())
        with self.database.transaction() as db:
            own = read_or_make(db)
            self._key, self._last_sign = own.key, outages.last_sign(db)
        self._heart = Heart(self.database, self.clock, self.settings.store, self.settings.heartbeat, own.identity)
        bound = {}
        for answered in answers:
            if answered.directory is not None and answered.capabilities is not None:
                name = answered.source.name
                self._directories[name] = answered.directory
                former = self._former(name, rulebook)
                try:
                    bound[name] = fitted(rulebook, name, answered.directory, answered.capabilities, world, self._key, former)
                except BindingError as error:
                    problems += [f"{name}: {problem}" for problem in error.problems]
        if problems:
            raise ConfigError(*problems)
        self._rulebook = rulebook
        self._activating.begun(loaded)
        for answered in answers:
            self._open(answered, bound[answered.source.name])
        with self.database.transaction() as db:
            kept_texts.forget_unused(db, rulebook)
        self._taken_over()
        self._outside_state = self._outside.state(rulebook.organisation, self.clock.now())
        self._say_outside()
        self._watch_webhooks(verifiers)
        return {}

    def _watch_webhooks(self, verifiers: Mapping[str, Verifier]) -> None:
        """What comes in is kept for its pipeline; a source that has lost its webhook misses none."""
        if verifiers:
            self.intake = opening.intake(verifiers, self.database, self.clock, self.pipelines)
        with self.database.transaction() as db:
            for pipeline in self.pipelines:
                pipeline.hinted.watched = pipeline.source in verifiers
                if not pipeline.hinted.watched:
                    hints.unwatch(db, pipeline.source)

    def _signed_in(self, source: SourceSettings, instance: str, stopped: Callable[[], bool] | None) -> SignedIn:
        """Sign in to a source, and again once it is ready where it asked for a rest, unless there is nobody who waits."""
        said = ""
        while True:
            supply = StoredSupply(self.database, source.name, self.clock)
            answered = sign_in(source, self.clock, instance, supply, dry_run=self._dry_run)
            if answered.connector is not None:
                self._connectors.append(answered.connector)
            if not answered.rests or stopped is None:
                return answered
            if answered.connector is not None:
                self._connectors.pop().close()
            if said != (said := "; ".join(answered.problems)):
                log.warning("%s; hoist waits for it, and has not begun", said.rpartition("; start hoist again")[0] or said)
            until = self.clock.now() + answered.rests * SECOND
            while self.clock.now() < until:
                if stopped():
                    return answered
                self.clock.sleep(LOOK_AROUND)

    def _open(self, answered: SignedIn, bound: BoundRules) -> None:
        source, connector, identity, directory = answered.source, answered.connector, answered.identity, answered.directory
        if connector is None or identity is None or directory is None:
            raise RuntimeError(f"{source.name} is opened though it did not answer")
        with self.database.transaction() as db:
            installation = read_or_make(db)
            sources.source_row(db, source.name)
            sources.set_identity(db, source.name, instance=identity.instance, account=identity.account, directory=directory)
        workers = self._workers(source)
        own = (source.census_every, source.skew_limit, self.settings.after_outage)
        care = Care(*own, source.retired_installations, source.limits, self._dry_run)
        pipeline = Pipeline(
            source.name, connector, self.database, installation, self.clock, source.poll_every, workers, care=care
        )
        pipeline.source_clock.observe(identity.server_time)
        self._note_outage(pipeline, installation)
        pipeline.rule_by(self._ruling(pipeline, bound))
        self.pipelines.append(pipeline)
        log.info("%s: signed in to %s as %s", source.name, identity.instance, identity.account_name)
        for advice in identity.advice:
            log.warning("%s", advice)

    def _note_outage(self, pipeline: Pipeline, installation: Installation) -> None:
        """Hoist did not run for a while, or its store was put back: so that what fell due then is not written unasked."""
        now = self.clock.now(), pipeline.source_clock.now()
        with self.database.transaction() as db:
            if sources.source_row(db, pipeline.source).polled_at:
                put_back = restored(self.settings.store, installation.identity, self._last_sign)
                outage.begin(db, pipeline.source, self._last_sign, now, self.settings.after_outage, restored=put_back)
        pipeline.aftermath.load(now[1])

    def _workers(self, source: SourceSettings) -> Workers[Back]:
        """Threads, unless hoist runs on a clock that stands while something is done."""
        if isinstance(self.clock, SystemClock):
            return Threads(source.writes_at_once, f"{source.name} writes")
        return OneByOne(source.writes_at_once)

    def _ruling(self, pipeline: Pipeline, bound: BoundRules) -> Ruling:
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
            if before != versions:
                shown = {rule: mode.value for rule, mode in modes.items()}
                journal.append(db, "rules", now, bound.source, version=bound.version, modes=shown)
        resolution = pipeline.connector.capabilities.date_resolution
        return Ruling(bound, activated, generation, resolution, reworded=reworded, release=released)

    # --- going on ------------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Let every source do what is due."""
        self._reload_in_time()
        for pipeline in self.pipelines:
            _turn(pipeline)
        self._sealer.turn(self.clock.now())
        self._beat()

    def finish(self) -> None:
        """What else is done in the background, all at once, for a hoist that runs for one turn only."""
        for pipeline in self.pipelines:
            pipeline.finish()

    def next_due(self) -> Instant:
        """When one of the sources has something to do next, on this machine's clock."""
        return min(pipeline.next_due() for pipeline in self.pipelines)

    def run(self, stopped: Callable[[], bool]) -> None:
        """Keep going until `stopped`, each source in a thread of its own: one that hangs keeps no other waiting.

        What is under way then is finished. Raises what a source's thread died of, after the others have ended.
        """
        serving = self._serving()
        halt, failures = threading.Event(), list[BaseException]()
        threads = [
            threading.Thread(target=self._keep_going, args=(pipeline, halt, failures), name=pipeline.source)
            for pipeline in self.pipelines
        ]
        for thread in threads:
            thread.start()
        try:
            while not (stopped() or failures):
                self._reload_in_time()
                self._sealer.turn(self.clock.now())
                self._beat()
                self.clock.sleep(LOOK_AROUND)
        finally:
            if serving is not None:
                serving.stop()
            halt.set()
            for pipeline in self.pipelines:
                pipeline.stop()
            for thread in threads:
                thread.join()
        if failures:
            raise failures[0]

    def _serving(self) -> Serving | None:
        """The door for webhooks, open; None where hoist.yaml names none. Raises ConfigError."""
        hooks = self.settings.hooks
        if hooks is None:
            return None
        taking = self.intake or opening.intake({}, self.database, self.clock, ())
        return opening.serving(hooks, opening.listening(hooks), taking, self.database, self.clock, self.pipelines)

    def _keep_going(self, pipeline: Pipeline, halt: threading.Event, failures: list[BaseException]) -> None:
        try:
            while not halt.is_set():
                _turn(pipeline)
                wait = (pipeline.next_due() - self.clock.now()) / SECOND
                pipeline.hinted.wait(min(max(wait, 0.001), LONGEST_WAIT))
            pipeline.drain()
        except BaseException as error:  # noqa: BLE001 - it ends all of hoist, in the thread that can say so
            failures.append(error)

    def close(self) -> None:
        """End the sources' workers, seal what they told the journal, and let go of connections."""
        for pipeline in self.pipelines:
            pipeline.writer.workers.close()
        for connector in self._connectors:
            connector.close()
        self._sealer.end(self.clock.now())
        if self._heart is not None and self.pipelines:
            with suppress(StoreError):  # it was said already, or is by whoever looks at the store next
                self._heart.end()

    def _beat(self) -> None:
        if self._heart is not None:
            self._heart.turn(lambda db: [*(stage for each in self.pipelines for stage in stages_of(db, each)), sealing(db)])

    def _reload_in_time(self) -> None:
        if self.clock.now() >= self._next_reload:
            self._next_reload = self.clock.now() + RELOAD_EVERY
            self._reload()

    # --- changed rules -------------------------------------------------------------------------------------------------

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
            self._activating.plan = plan  # what it releases is part of how it is judged
            self._rule_by(rulebook)
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
            pipeline.rule_soon(self._ruling(pipeline, bound[pipeline.source]))
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
            return fitted(rulebook, pipeline.source, self._directories[pipeline.source], capabilities, world, self._key, former)
        except BindingError:
            directory = pipeline.connector.directory()
            bound = fitted(rulebook, pipeline.source, directory, capabilities, world, self._key, former)
        self._directories[pipeline.source] = directory
        with self.database.transaction() as db:
            sources.set_directory(db, pipeline.source, directory)
        return bound

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


def _turn(pipeline: Pipeline) -> None:
    before = pipeline.problem
    pipeline.turn()
    if pipeline.problem and pipeline.problem != before:
        log.warning("%s: %s", pipeline.source, pipeline.problem)


def known_instances(database: Database) -> dict[str, str]:
    """The instance that each source of the store was filled from."""
    with database.reading() as db:
        return {row.source: row.instance for row in sources.rows(db)}
