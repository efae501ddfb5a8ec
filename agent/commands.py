"""What the commands do, one function each; the command line parses before and prints after."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from agent.app import App, calendars_of
from agent.clock import SystemClock
from agent.config import Settings, load_settings
from agent.errors import ConfigError
from agent.lock import only_one
from agent.protocol_files import library, load_protocol, texts
from agent.status import SourceStatus, status
from agent.store import sources
from agent.store.database import Database, open_database
from agent.why import Answer, why
from rules.binding import bind
from rules.instants import DAY, Instant
from rules.language.problems import RulebookError
from rules.lint import findings
from rules.rulebook import load


def run_agent(config: Path | None, *, once: bool, stopped: Callable[[], bool]) -> bool:
    """Run until stopped, or for one turn; True where a source stood still at the end."""
    settings = load_settings(config)
    with only_one(settings.store), closing(open_database(settings.store)) as database:
        app = App(settings, database, SystemClock())
        app.start()
        if once:
            app.turn()
        else:
            app.run(stopped)
        return any(pipeline.problem for pipeline in app.pipelines)


def check_all(config: Path | None) -> dict[str, Any]:
    """Everything that `run` would stumble over, and what each source can promise; writes nothing to any helpdesk."""
    settings = load_settings(config)
    with closing(open_database(settings.store)) as database:
        return App(settings, database, SystemClock()).check()


def statuses(config: Path | None) -> tuple[list[SourceStatus], Instant]:
    """Every source, and the present instant."""
    settings = load_settings(config)
    with closing(_existing(settings)) as database:
        return status(database), SystemClock().now()


def explain(config: Path | None, ticket: str, rule: str | None, at: Instant | None) -> Answer:
    """The answer for SOURCE:KEY, at an instant (default: now, or the last poll where the source's clock is far from this one's)."""
    settings = load_settings(config)
    source, colon, name = ticket.partition(":")
    known = [each.name for each in settings.sources]
    if not colon or source not in known:
        raise ConfigError(f"{ticket!r} names no ticket: write SOURCE:KEY, with a source of hoist.yaml ({', '.join(known)})")
    rulebook = load_protocol(settings.protocol).rulebook
    with closing(_existing(settings)) as database:
        with database.reading() as db:
            row, directory = sources.found_source(db, source), sources.directory(db, source)
        if row is None:
            raise ConfigError(f"{source} was never read: hoist run comes first")
        now = SystemClock().now()
        moment = row.polled_at if abs(now - row.polled_at) > DAY else now
        return why(database, bind(rulebook, source, directory, calendars_of(rulebook)), name, moment if at is None else at, rule)


def lint_rules(place: Path | None, config: Path | None) -> dict[str, Any]:
    """Problems, findings and hints of a protocol, as plain data."""
    try:
        loaded = load(texts(_protocol(place, config)), library())
    except RulebookError as error:
        return {"problems": [str(problem) for problem in error.problems], "findings": [], "hints": [], "rules": 0}
    shown = [str(finding) for finding in findings(loaded.rulebook)]
    hints = [str(hint) for hint in loaded.hints]
    return {"problems": [], "findings": shown, "hints": hints, "rules": len(loaded.rulebook.rules)}


def _protocol(place: Path | None, config: Path | None) -> Path:
    if place is not None:
        return place
    try:
        return load_settings(config).protocol
    except ConfigError:
        if config is not None or not Path("protocol").exists():
            raise
        return Path("protocol")


def _existing(settings: Settings) -> Database:
    if not settings.store.exists():
        raise ConfigError(f"there is no store at {settings.store} yet: hoist run makes it")
    return open_database(settings.store)
