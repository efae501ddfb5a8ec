"""What the commands do, one function each; the command line parses before and prints after."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.app import App, known_instances
from agent.check import Checked, check
from agent.clock import SystemClock
from agent.collector import spare_the_collector
from agent.config import Settings, load_settings
from agent.dry_run import dry_settings, watching
from agent.errors import ConfigError, StoreError
from agent.heartbeat import life_file
from agent.in_force.governing import plan_in_force
from agent.in_force.protocol_files import load_protocol
from agent.last_read import bound_rules
from agent.lock import only_one
from agent.status import Status, status
from agent.store import sources
from agent.store.database import Database, open_database, saved_file
from agent.why import Answer, why
from rules.instants import DAY, Instant
from rules.language.problems import RulebookError, nearest

log = logging.getLogger("hoist")


@dataclass(frozen=True, slots=True)
class Done:
    """What one source's pipeline did, and why it stands still (empty where it does not)."""

    source: str
    read: int
    firings: int
    writes: int
    problem: str


def run_agent(config: Path | None, *, once: bool, stopped: Callable[[], bool], dry_run: bool = False) -> list[Done]:
    """Run until stopped, or for one turn; what was done since the start, by source.

    `dry_run`: every rule only watches, on a copy of the store, and nothing is written to any source.
    """
    settings = load_settings(config)
    if dry_run:
        settings = dry_settings(settings)
    load = watching(load_protocol) if dry_run else load_protocol
    with (
        only_one(settings.store),
        closing(_own_store(settings.store)) as database,
        closing(App(settings, database, SystemClock(), load, dry_run=dry_run)) as app,
    ):
        if resting := app.start(None if once else stopped):
            return [_not_begun(source.name, resting) for source in settings.sources]
        spare_the_collector()
        if once:
            app.turn()
            app.finish()
        else:
            log.info("hoist runs; Ctrl-C or SIGTERM stops it after the turn under way")
            app.run(stopped)
            log.info("hoist has stopped; what waits is written when it runs again")
        return [
            Done(p.source, p.counts.mirrored, p.counts.firings.total(), p.counts.requests_for_writes, p.problem)
            for p in app.pipelines
        ]


def _not_begun(source: str, resting: Mapping[str, str]) -> Done:
    """A source of which nothing was done."""
    others = f"hoist begins with all of its sources or with none, and {', '.join(resting)} can't be asked now"
    return Done(source, 0, 0, 0, f"nothing was read or written: {resting.get(source, others)}")


def _own_store(path: Path) -> Database:
    """The store that hoist runs on, made where there was none. Raises StoreError where there was one, and it is lost.

    A hoist that began anew beside what it has forgotten would know none of its own writes.
    """
    life, saved = life_file(path), saved_file(path)
    if life.exists() and not path.exists():
        where = f"hoist has saved it to {saved}, move it back" if saved.exists() else "put it back, or restore a backup"
        raise StoreError(
            f"the store {path} is missing, though hoist ran on it until a while ago: {where}. To begin anew without it, delete"
            f" {life}: hoist then knows nothing of what it wrote, and takes whatever is true for older than its rules"
        )
    return open_database(path)


def check_all(config: Path | None) -> Checked:
    """Everything that `run` would stumble over, and what each source can promise; writes nothing, not even a store."""
    settings = load_settings(config)
    instances: dict[str, str] = {}
    in_force = None
    if settings.store.exists():
        with closing(open_database(settings.store)) as database:
            instances = known_instances(database)
            with database.reading() as db:
                in_force = plan_in_force(settings, db)
    return check(settings, SystemClock(), instances, in_force)


def statuses(config: Path | None) -> tuple[Status, Instant, ZoneInfo]:
    """Every source, the present instant, and the time zone in which people read it."""
    settings = load_settings(config)
    now = SystemClock().now()
    with closing(existing_store(settings)) as database:
        found = status(database, now, {source.name: source.poll_every for source in settings.sources})
    return found, now, time_zone(settings)


def time_zone(settings: Settings) -> ZoneInfo:
    """The organisation's; UTC where its files can't be read, which must not keep anybody from seeing how hoist is."""
    try:
        return ZoneInfo(load_protocol(settings.protocol).rulebook.organisation.time_zone)
    except (ConfigError, RulebookError):
        return ZoneInfo("UTC")


def explain(config: Path | None, ticket: str, rule: str | None, at: Instant | None) -> Answer:
    """The answer for SOURCE:KEY at an instant; by default now, or the last poll where the source's clock is far from this one's.

    Raises ConfigError where there is no such source, ticket or rule, or nothing was read yet.
    """
    settings = load_settings(config)
    source, name = named_ticket(ticket, [each.name for each in settings.sources])
    with closing(existing_store(settings)) as database:
        with database.reading() as db:
            bound, row = bound_rules(settings, db, source), sources.found_source(db, source)
        now, polled_at = SystemClock().now(), 0 if row is None else row.polled_at
        moment = polled_at if abs(now - polled_at) > DAY else now
        return why(database, bound, name, moment if at is None else at, rule)


def named_ticket(ticket: str, known: list[str]) -> tuple[str, str]:
    """The source and the key or id of SOURCE:KEY. Raises ConfigError where there is no such source among the known."""
    source, colon, name = ticket.partition(":")
    if not colon or not name:
        example = f"{known[0]}:{ticket.strip(':')}" if known else "SOURCE:KEY"
        raise ConfigError(f"{ticket!r} names no ticket: write SOURCE:KEY, like {example}")
    if source not in known:
        near = nearest(source, known)
        hint = f"did you mean {near}:{name}?" if near else f"there are {', '.join(known)}"
        raise ConfigError(f"{ticket!r} names no ticket: hoist.yaml has no source {source!r}; {hint}")
    return source, name


def known_source(source: str, known: list[str]) -> None:
    """Raises ConfigError where there is no such source among the known."""
    if source not in known:
        near = nearest(source, known)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
        raise ConfigError(f"hoist.yaml has no source {source!r}; {hint}")


def existing_store(settings: Settings) -> Database:
    """The store that `hoist run` has made. Raises ConfigError where there is none."""
    if not settings.store.exists():
        raise ConfigError(f"there is no store at {settings.store} yet: hoist run makes it")
    return open_database(settings.store)
