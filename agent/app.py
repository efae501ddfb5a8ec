"""The composition root: the only place that knows every part. It builds the pipelines and keeps them going."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agent.clock import Clock
from agent.config import Settings, SourceSettings
from agent.errors import ConfigError
from agent.evaluate import Ruling
from agent.pipeline import Pipeline
from agent.protocol_files import load_protocol, stamp
from agent.store import journal, sources
from agent.store.database import Database
from agent.store.installation import read_or_make
from connectors.contract import Connector, Identity
from connectors.errors import ConnectorError
from connectors.http import Surroundings
from connectors.registry import connector_class
from rules.binding import BindingError, BoundRules, bind
from rules.calendars import ALWAYS, Calendar, calendar
from rules.instants import SECOND, Instant
from rules.language.problems import RulebookError
from rules.protocol import Mode, Rulebook
from rules.rulebook import Loaded
from rules.world import Directory

log = logging.getLogger("hoist")

RELOAD_EVERY = 5 * SECOND
LONGEST_WAIT = 1.0
"""Seconds that the loop sleeps at most, so that it notices new files and signals."""


class App:
    """hoist with its store and sources. `start` before `turn`; everything that is wrong is said before anything is written."""

    def __init__(
        self, settings: Settings, database: Database, clock: Clock, load: Callable[[Path], Loaded] = load_protocol
    ) -> None:
        """`load` reads the protocol's folder; a demo brings its own way of reading it."""
        self.settings, self.database, self.clock = settings, database, clock
        self._load = load
        self.pipelines: list[Pipeline] = []
        self.notes: list[str] = []
        self._identities: dict[str, Identity] = {}
        self._directories: dict[str, Directory] = {}
        self._stamp: object = None
        self._next_reload: Instant = 0
        self._rulebook: Rulebook | None = None

    # --- starting ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Load the protocol, sign in everywhere, and bind the rules to each source.

        Raises ConfigError or RulebookError with everything that is wrong; then nothing has been written anywhere.
        """
        self._rulebook = self._loaded()
        problems: list[str] = []
        connectors = {}
        for source in self.settings.sources:
            connector = self._connector(source)
            found = self._signed_in(source, connector)
            problems += found
            if not found:
                connectors[source.name] = connector
        bound = {}
        for name in connectors:
            try:
                bound[name] = self._bound(name, self._rulebook)
            except BindingError as error:
                problems += [f"{name}: {problem}" for problem in error.problems]
        if problems:
            raise ConfigError(*problems)
        for source in self.settings.sources:
            self._open(source, connectors[source.name], bound[source.name])

    def check(self) -> dict[str, Any]:
        """What `start` would stumble over, and what each source promises, as plain data. Writes nothing to any helpdesk."""
        found: dict[str, Any] = {"problems": [], "sources": [], "rules": []}
        rulebook = None
        try:
            rulebook = self._loaded()
        except (ConfigError, RulebookError) as error:
            found["problems"] += str(error).splitlines()
        for source in self.settings.sources:
            connector = self._connector(source)
            problems = self._signed_in(source, connector)
            if source.name in self._directories and rulebook is not None:
                try:
                    self._bound(source.name, rulebook)
                except BindingError as error:
                    problems += [f"{source.name}: {problem}" for problem in error.problems]
            found["problems"] += problems
            found["sources"].append(self._described(source, connector))
        if rulebook is not None:
            found["rules"] = [{"rule": rule.id, "mode": rule.mode.value, "title": rule.title} for rule in rulebook.rules]
        found["notes"] = self.notes
        return found

    def _described(self, source: SourceSettings, connector: Connector) -> dict[str, Any]:
        identity = self._identities.get(source.name)
        capabilities = connector.capabilities
        return {
            "source": source.name,
            "platform": source.platform,
            "account": identity.account_name if identity else None,
            "instance": identity.instance if identity else None,
            "writes": sorted(capabilities.writes),
            "a person's change between read and write": {str(k): v.value for k, v in capabilities.guards.items()},
            "lost answer: the marker is looked for after (seconds)": capabilities.request_life_seconds,
        }

    def _connector(self, source: SourceSettings) -> Connector:
        surroundings = Surroundings(sleep=self.clock.sleep, monotonic=self.clock.monotonic)
        return connector_class(source.platform)(source.name, source.settings, surroundings)

    def _signed_in(self, source: SourceSettings, connector: Connector) -> list[str]:
        """Sign in and read the directory; gives what is wrong, as sentences."""
        try:
            identity = connector.identify()
            skew = identity.server_time - self.clock.now()
            self._identities[source.name] = identity
            problems = list(connector.problems())
            self._directories[source.name] = connector.directory()
        except ConnectorError as error:
            return [f"{source.name}: {error}"]
        if abs(skew) > source.skew_limit:
            problems.append(
                f"{source.name}: its clock differs from this machine's by {abs(skew) // SECOND} seconds, which is more than skew_limit:"
                " set this machine's clock right, or raise skew_limit in hoist.yaml"
            )
        problems += self._other_instance(source.name, identity)
        return problems

    def _other_instance(self, source: str, identity: Identity) -> list[str]:
        with self.database.reading() as db:
            row = sources.found_source(db, source)
        if row is None or row.instance in ("", identity.instance):
            return []
        return [
            f"{source}: this is {identity.instance}, but the store was filled from {row.instance}: give the other instance a source"
            " name of its own, or start with an empty store"
        ]

    def _bound(self, source: str, rulebook: Rulebook) -> BoundRules:
        return bind(rulebook, source, self._directories[source], calendars_of(rulebook))

    def _open(self, source: SourceSettings, connector: Connector, bound: BoundRules) -> None:
        with self.database.transaction() as db:
            installation = read_or_make(db)
            sources.source_row(db, source.name)
            identity, directory = self._identities[source.name], self._directories[source.name]
            sources.set_identity(db, source.name, instance=identity.instance, account=identity.account, directory=directory)
        pipeline = Pipeline(source.name, connector, self.database, installation, self.clock, source.poll_every)
        pipeline.source_clock.observe(identity.server_time)
        pipeline.rule_by(self._ruling(pipeline, connector, bound))
        self.pipelines.append(pipeline)

    def _ruling(self, pipeline: Pipeline, connector: Connector, bound: BoundRules) -> Ruling:
        """Activate the rules on a source; tickets judged under other rules will be swept."""
        now = pipeline.source_clock.now()
        with self.database.transaction() as db:
            modes: Mapping[str, Mode] = {rule.id: rule.rule.mode for rule in bound.rules}
            activated = sources.activate(db, bound.source, modes, now)
            versions = f"{bound.version}/{bound.directory.version}"
            before = sources.source_row(db, bound.source).looked_with
            generation = sources.new_generation(db, bound.source, versions)
            if before != versions:
                shown = {rule: mode.value for rule, mode in modes.items()}
                journal.append(db, "rules", now, bound.source, version=bound.version, modes=shown)
        return Ruling(bound, activated, generation, connector.capabilities.date_resolution)

    # --- going on ------------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Let every source do what is due."""
        if self.clock.now() >= self._next_reload:
            self._next_reload = self.clock.now() + RELOAD_EVERY
            self._reload()
        for pipeline in self.pipelines:
            before = pipeline.problem
            pipeline.turn()
            if pipeline.problem and pipeline.problem != before:
                log.warning("%s: %s", pipeline.source, pipeline.problem)

    def next_due(self) -> Instant:
        """When one of the sources has something to do next, on this machine's clock."""
        return min(pipeline.next_due() for pipeline in self.pipelines)

    def run(self, stopped: Callable[[], bool]) -> None:
        """Keep going until `stopped`."""
        while not stopped():
            self.turn()
            wait = (self.next_due() - self.clock.now()) / SECOND
            self.clock.sleep(min(max(wait, 0.001), LONGEST_WAIT))

    def _reload(self) -> None:
        """Take over changed rules; a rulebook with mistakes stops nothing: the running one stays."""
        found = stamp(self.settings.protocol)
        if found == self._stamp:
            return
        self._stamp = found
        try:
            rulebook = self._load(self.settings.protocol).rulebook
            bound = {p.source: self._bound(p.source, rulebook) for p in self.pipelines}
        except (ConfigError, RulebookError, BindingError) as error:
            self._refused(str(error))
            return
        if self._rulebook is not None and rulebook.version != self._rulebook.version:
            self._rulebook = rulebook
            for pipeline in self.pipelines:
                pipeline.rule_by(self._ruling(pipeline, pipeline.connector, bound[pipeline.source]))
            log.info("new rules are in force: %s", rulebook.version[:12])

    def _refused(self, said: str) -> None:
        log.error("the changed rules were not taken over, the former ones stay in force:\n%s", said)
        with self.database.transaction() as db:
            for pipeline in self.pipelines:
                journal.append(db, "rules-refused", pipeline.source_clock.now(), pipeline.source, said=said)

    def _loaded(self) -> Rulebook:
        self._stamp = stamp(self.settings.protocol)
        loaded = self._load(self.settings.protocol)
        self.notes = [str(hint) for hint in loaded.hints]
        return loaded.rulebook


def calendars_of(rulebook: Rulebook) -> dict[str, Calendar]:
    """The calendars of a rulebook, ready to count; `always` is round the clock unless the organisation says otherwise."""
    found = {name: calendar(hours) for name, hours in rulebook.organisation.calendars.items()}
    return {"always": ALWAYS, **found}
