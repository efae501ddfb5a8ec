"""A plan in the making: changed rules beside those in force, over all of the mirror. Nothing is written, nowhere.

Names are resolved by what the sources say now, asked through sessions that refuse to send a write, or by what was read last; the
store is opened to be read only; the mirror is judged by a pool of processes (`agent.plan.consequences`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from agent.clock import SystemClock
from agent.config import Settings, SourceSettings
from agent.errors import ConfigError
from agent.guards.pauses import said
from agent.hindsight.whole_mirror import Rules, pieces
from agent.in_force.fitting import fitted
from agent.in_force.governing import governing, rules_in_force
from agent.in_force.protocol_files import files_of, library
from agent.judging_pool import in_processes
from agent.last_read import there
from agent.plan.consequences import Both, Found, Wanted, judge, start, starting
from agent.plan.kept_names import KeptNames, with_names
from agent.settings import Limits
from agent.sign_in import sign_in
from agent.store import pauses, rulebooks, sources
from agent.store.database import Database, open_read_only
from agent.store.installation import installation_key
from agent.store.plans import PlanRow
from agent.store.rulebooks import Texts
from agent.watched import Watched, watched
from connectors.contract import Capabilities
from rules.binding import BindingError
from rules.comparison import Comparison, Sign, compared
from rules.instants import DAY, Instant
from rules.phrases import stamp
from rules.protocol.rulebook import Rulebook
from rules.rulebook import load
from rules.world import Directory

HORIZON: Final = DAY
SMALL: Final = 20_000
"""Rows of a mirror that one process judges sooner than others are started."""

Progress = Callable[[int, int], None]
"""Told how many rows of the mirror were judged, of how many."""


@dataclass(frozen=True, slots=True)
class Base:
    """What a plan rests on: the versions of the rules in force and of the outside facts, and what hoist.yaml says."""

    rules: str
    world: str
    config: str

    def differences(self, other: Base) -> list[str]:
        """What is another one than in a plan of `other`, as sentences."""
        said = {
            "rules": f"other rules are in force ({self.rules[:12]}) than those that it was made for ({other.rules[:12]})",
            "world": "lists, windows, calendars or files of people are not what they were when it was made",
            "config": "hoist.yaml says something else than when it was made",
        }
        return [sentence for name, sentence in said.items() if getattr(self, name) != getattr(other, name)]


@dataclass(frozen=True, slots=True)
class Planned:
    """Everything that a plan says. `names` are those by which its rules were resolved, `now` each source's own instant."""

    base: Base
    version: str
    texts: Texts
    rulebook: Rulebook
    comparison: Comparison
    names: Mapping[str, Directory]
    platforms: Mapping[str, str]
    now: Mapping[str, Instant]
    made_at: Instant
    changed: Mapping[str, frozenset[str]]  # by source: the ids under which changed rules run
    found: Found
    watched: Mapping[str, Watched] = field(default_factory=dict)  # by rule that goes live
    notes: tuple[str, ...] = ()
    limits: Mapping[str, Limits | None] = field(default_factory=dict)
    former: PlanRow | None = None  # the plan in force, which it would replace; None where the files govern


@dataclass(frozen=True, slots=True)
class Survey:
    """What the sources said when they were asked, or what was read last; `notes` say which could not be asked."""

    names: Mapping[str, Directory]
    capabilities: Mapping[str, Capabilities]
    notes: tuple[str, ...] = ()


def surveyed(settings: Settings, database: Database, *, offline: bool) -> Survey:
    """The names that each source has now, and what it can do; of those that can't be asked, the names that were read last."""
    names, can, notes = dict[str, Directory](), dict[str, Capabilities](), list[str]()
    with database.reading() as db:
        known = {source.name: sources.found_source(db, source.name) for source in settings.sources}
        last = {source.name: sources.directory(db, source.name) for source in settings.sources}
    for source in settings.sources:
        row = known[source.name]
        if row is None:
            notes.append(f"{source.name} was never read, and is left out: hoist run comes first")
            continue
        directory, capabilities, problem = (None, None, "") if offline else _asked(source, row.instance)
        names[source.name] = last[source.name] if directory is None else directory
        if capabilities is not None:
            can[source.name] = capabilities
        if directory is None:
            why = "it was not to be asked" if offline else problem
            notes.append(f"{source.name}: names as they were read last, and what it can't do is not known: {why}")
    if not names:
        raise ConfigError("no source was ever read: hoist run comes first; a plan compares rules on what it has read")
    return Survey(names, can, tuple(notes))


def _asked(source: SourceSettings, instance: str) -> tuple[Directory | None, Capabilities | None, str]:
    answered = sign_in(source, SystemClock(), instance, dry_run=True)
    if answered.connector is not None:
        answered.connector.close()
    return answered.directory, answered.capabilities if answered.directory is not None else None, "; ".join(answered.problems)


def active_rules(settings: Settings, db: Connection) -> Texts:
    """The texts of the rules in force. Raises ConfigError where none were yet, or their texts are not kept."""
    versions = [sources.version_in_force(db, source.name) for source in settings.sources]
    version = next(filter(None, versions), None)
    if version is None:
        raise ConfigError("no rules are in force yet: hoist run comes first; a plan compares rules with those in force")
    found = rulebooks.found(db, version)
    if found is None:  # an older hoist kept no texts
        loaded = rules_in_force(settings, db)
        return Texts(loaded.texts, loaded.library)
    return found


def changed_texts(place: Path) -> Texts:
    """The texts of a protocol's files as they are now. Raises ConfigError where some can't be read."""
    read = files_of(place)
    if read.unread:
        raise ConfigError(*map(str, read.unread))
    return Texts(read.texts, library())


class Planning:
    """What is asked once, before the mirror is judged."""

    def __init__(
        self,
        settings: Settings,
        coming: Texts,
        kept: Mapping[str, KeptNames] | None = None,
        *,
        offline: bool,
        horizon: int = HORIZON,
    ) -> None:
        """With `kept` (by source) the changed rules are resolved by the names of a plan that was made before.

        Raises ConfigError, StoreError; RulebookError with all problems of the changed files.
        """
        if not settings.store.exists():
            raise ConfigError(f"there is no store at {settings.store} yet: hoist run makes it")
        self.settings, self.here = settings, SystemClock().now()
        self.coming = load(coming.files, coming.library)
        with closing(open_read_only(settings.store)) as database:
            with database.reading() as db:
                active = active_rules(settings, db)
                self.now = {
                    source.name: there(db, source.name, self.here)
                    for source in settings.sources
                    if sources.found_source(db, source.name) is not None
                }
                self.key = installation_key(db)
                self.former = governing(db, settings.activation)
            self.survey = surveyed(settings, database, offline=offline)
        self.active = load(active.files, active.library)
        self.rules = tuple(Rules(texts, settings.protocol, settings.copies, self.here) for texts in (active, coming))
        self.worlds = self.rules[0].world(self.active.rulebook), self.rules[1].world(self.coming.rulebook)
        self.comparison = compared(self.active.rulebook, self.coming.rulebook)
        names = {source: with_names(each, (kept or {}).get(source, KeptNames())) for source, each in self.survey.names.items()}
        now = {source: self.now[source] for source in names}
        self.wanted = Wanted(settings.store, self.rules[0], self.rules[1], names, now, horizon)

    @property
    def base(self) -> Base:
        world = f"{self.worlds[0].version[:16]}/{self.worlds[1].version[:16]}"
        return Base(self.active.rulebook.version, world, self.settings.fingerprint)

    def impossible(self) -> list[str]:
        """What sources can't do of the changed rules, as sentences; with any of it they can't come into force."""
        problems: list[str] = []
        for source, capabilities in self.survey.capabilities.items():
            directory = self.survey.names[source]
            try:
                fitted(self.coming.rulebook, source, directory, capabilities, self.worlds[1], self.key)
            except BindingError as error:
                problems += [f"{source}: {problem}" for problem in error.problems]
        return list(dict.fromkeys(problems))

    def judged(self, progress: Progress, processes: int | None = None) -> tuple[Mapping[str, Both], Found]:
        """Play every ticket of the mirror forward under both. Raises BindingError where the changed rules do not fit."""
        desk = start(self.wanted)
        with closing(desk.database):
            rows, found, done = pieces(desk.database), Found(), 0
            for piece, more in zip(rows, self._found(rows, processes), strict=True):
                found.add(more)
                done += len(piece)
                progress(done, rows[-1].stop - 1)
        return desk.sources, found

    def _found(self, rows: list[range], processes: int | None) -> Iterator[Found]:
        many = processes or (1 if not rows or rows[-1].stop <= SMALL else os.cpu_count() or 1)
        return in_processes(starting(self.wanted), judge, rows, many)

    def planned(self, progress: Progress, processes: int | None = None) -> Planned:
        """The whole plan."""
        both, found = self.judged(progress, processes)
        changed = {source: each.only_coming for source, each in both.items()}
        live = [each.rule for each in self.comparison.rules if each.sign is Sign.TO_LIVE]
        return Planned(
            self.base,
            self.coming.rulebook.version,
            Texts(self.coming.texts, self.coming.library),
            self.coming.rulebook,
            self.comparison,
            self.survey.names,
            {source.name: source.platform for source in self.settings.sources},
            self.wanted.now,
            self.here,
            changed,
            found,
            self._watched(live, both),
            (*self.survey.notes, *self._paused()),
            {source.name: source.limits for source in self.settings.sources},
            self.former,
        )

    def _paused(self) -> Iterator[str]:
        """What is paused of the sources: nothing of it is written, whatever is planned, until the pause ends."""
        zone = ZoneInfo(self.coming.rulebook.organisation.time_zone)
        with closing(open_read_only(self.settings.store)) as database, database.reading() as db:
            found = {pause.id: pause for source in self.survey.names for pause in pauses.in_force(db, source, self.here)}
        for pause in found.values():
            sentence = said(pause, lambda at: stamp(at, zone))
            yield f"{pause.source or 'every source'}: {sentence}; what is planned waits until it ends"

    def _watched(self, rules: list[str], both: Mapping[str, Both]) -> Mapping[str, Watched]:
        """What rules did while they watched that go live."""
        with closing(open_read_only(self.settings.store)) as database, database.reading() as db:
            return {
                rule: watched(db, {source: each.coming.ruling.rules.runs_as(rule) for source, each in both.items()}, self.now)
                for rule in rules
            }
