"""The composition root: the only place that knows every part. It builds the pipelines and keeps them going."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from agent import outage
from agent.budget import StoredSupply
from agent.clock import Clock, SystemClock
from agent.config import Settings, SourceSettings
from agent.errors import ConfigError, StoreError
from agent.heartbeat import Heart, restored
from agent.hooks import opening
from agent.hooks.intake import Intake
from agent.in_force.protocol_files import load_protocol
from agent.in_force.rules import RulesInForce
from agent.journal.sealing import Sealer
from agent.pipeline import Care, Pipeline
from agent.sign_in import SignedIn, sign_in
from agent.store import hints, outages, sources
from agent.store.database import Database
from agent.store.installation import Installation, read_or_make
from agent.store.outages import Life
from agent.store_damage import refuse_unknown_states
from agent.watchdog import sealing, stages_of
from agent.write_back.workers import OneByOne, Threads, Workers
from agent.write_back.writing import Back
from connectors.contract import Connector
from connectors.webhooks import Verifier
from rules.binding import BoundRules
from rules.instants import SECOND, Instant
from rules.rulebook import Loaded

if TYPE_CHECKING:
    from agent.hooks.serving import Serving

log = logging.getLogger("hoist")

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
        self.settings, self.database, self.clock = settings, database, clock
        self.pipelines: list[Pipeline] = []
        self.rules = RulesInForce(settings, database, clock, load, self.pipelines, dry_run=dry_run)
        self._sealer = Sealer(database, settings.journal)
        self._connectors: list[Connector] = []
        self._last_sign: Life | None = None
        self._heart: Heart | None = None
        self.intake: Intake | None = None
        """What takes webhooks, once hoist has started; None where no source has one."""

    # --- starting ------------------------------------------------------------------------------------------------------

    def start(self, stopped: Callable[[], bool] | None = None) -> dict[str, str]:
        """Load the protocol, sign in everywhere, and bind the rules to each source.

        A source whose quota of requests is used up is waited for until `stopped`; without that, or then, nothing is begun, and
        why is given by source. Raises ConfigError or RulebookError with everything else that is wrong. In both cases nothing has
        been written anywhere.
        """
        with self.database.reading() as db:
            refuse_unknown_states(db, self.database.path)
        loaded = self.rules.present()
        instances = known_instances(self.database)
        verifiers, unheard = opening.verifiers(self.settings.sources)
        answers = [self._signed_in(source, instances.get(source.name, ""), stopped) for source in self.settings.sources]
        problems = [*unheard, *(problem for answered in answers for problem in answered.problems if not answered.rests)]
        resting = {answered.source.name: "; ".join(answered.problems) for answered in answers if answered.rests}
        if resting and not problems:
            return resting
        with self.database.transaction() as db:
            own = read_or_make(db)
            self._last_sign = outages.last_sign(db)
        self._heart = Heart(self.database, self.clock, self.settings.store, self.settings.heartbeat, own.identity)
        bound, unfit = self.rules.fit(loaded.rulebook, answers, own.key)
        problems += unfit
        if problems:
            raise ConfigError(*problems)
        self.rules.begin(loaded)
        for answered in answers:
            self._open(answered, bound[answered.source.name])
        self.rules.begun(loaded.rulebook)
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
        pipeline.rule_by(self.rules.ruling(pipeline, bound))
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

    # --- going on ------------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Let every source do what is due."""
        self.rules.look_around()
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
                self.rules.look_around()
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


def _turn(pipeline: Pipeline) -> None:
    before = pipeline.problem
    pipeline.turn()
    if pipeline.problem and pipeline.problem != before:
        log.warning("%s: %s", pipeline.source, pipeline.problem)


def known_instances(database: Database) -> dict[str, str]:
    """The instance that each source of the store was filled from."""
    with database.reading() as db:
        return {row.source: row.instance for row in sources.rows(db)}
