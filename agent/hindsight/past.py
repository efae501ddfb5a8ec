"""Where past tickets come from, with the rules that judge them: an event log, or the mirror of one source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from agent.commands import existing_store, known_source
from agent.config import Settings, load_settings
from agent.errors import ConfigError
from agent.hindsight.log_protocol import files_for, priorities_of
from agent.hindsight.past_mirror import mirrored_tickets, without_history
from agent.in_force.protocol_files import library, load_protocol, protocol_place, world_of
from agent.store import past, sources
from agent.store.database import Database
from agent.store.installation import installation_key
from connectors.event_logs.tickets import EventLog, field_of
from rules.audit import with_bare_rules
from rules.binding import BoundRules, bind
from rules.conditions.tree import walk
from rules.instants import Instant, written
from rules.protocol.conditions import Due, State, Target, Unchanged
from rules.protocol.organisation import Organisation
from rules.rulebook import Loaded, load
from rules.stories import sources_of
from rules.ticket import TARGET, Ticket
from rules.world import Directory


@dataclass(frozen=True)
class Wanted:
    """Which past, as a person asks for it: an event log with its mapping, or (without one) the mirror of a source.

    `protocol` names the rules to judge by instead of the usual ones; `trusted` are fields of a log that are taken at their word.
    """

    config: Path | None = None
    log: Path | None = None
    mapping: Path | None = None
    source: str | None = None
    protocol: Path | None = None
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Past:
    """Past tickets and the rules that judge them.

    `tickets` reads them anew each time, of a mirror also those of some of its `rows` alone; `count` is about how many there are.
    `first` and `until` are the first and the last instant of which anything is known. `notes` say what is left out or unknown, a
    sentence each. `informal` are native statuses that count as resolved and are no formal resolution. `database` is that of a
    mirror. `loaded` is the protocol as its files have it, or as it was made of the log.
    """

    told: str
    rules: BoundRules
    loaded: Loaded
    tickets: Callable[..., Iterator[Ticket]]
    count: int
    first: Instant
    until: Instant
    notes: tuple[str, ...]
    informal: frozenset[str] = frozenset()
    database: Database | None = None
    rows: range = range(0)


@contextmanager
def opened(wanted: Wanted, *, audited: bool = False) -> Iterator[Past]:
    """The past that is wanted; for an audit with rules that find what exceptions held back.

    Raises ConfigError, RulebookError or BindingError where there is none to be had.
    """
    if wanted.log is None:
        with _of_mirror(wanted, audited=audited) as found:
            yield found
    else:
        with closing(_read(wanted.log, wanted)) as log:
            yield _of_log(log, wanted, audited=audited)


# --- a log ---------------------------------------------------------------------------------------------------------------


def _read(path: Path, wanted: Wanted) -> EventLog:
    try:
        return EventLog(path, wanted.mapping, wanted.source or "", wanted.trusted)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _of_log(log: EventLog, wanted: Wanted, *, audited: bool) -> Past:
    rules, loaded = _rules_for(log, wanted, audited=audited)
    notes = [str(leak) for leak in log.leaks]
    known = {*log.fields, *map(field_of, log.shape.never_set), "status", "native_status"}
    if missing := sorted(_looked_at(rules) - known):
        notes.append(f"the log has no column for {', '.join(missing)}: what rules ask of these is unknown")
    return Past(
        told=f"the log {log.path.name}: {log.issues:,} tickets, {log.rows:,} rows",
        rules=rules,
        loaded=loaded,
        tickets=log.tickets,
        count=log.issues,
        first=log.seen.first,
        until=log.seen.last,
        notes=tuple(notes),
        informal=frozenset(log.shape.informal),
    )


def _rules_for(log: EventLog, wanted: Wanted, *, audited: bool) -> tuple[BoundRules, Loaded]:
    """The rules that are named, else those of this installation, else ready ones."""
    place = wanted.protocol
    if place is None and (wanted.config is not None or Path("hoist.yaml").exists() or Path("protocol").exists()):
        place = protocol_place(None, wanted.config)
    loaded = load(files_for(log, place), library())
    rulebook = with_bare_rules(loaded.rulebook) if audited else loaded.rulebook
    organisation = rulebook.organisation
    log.take_as(_source(organisation, log.source, wanted.source))
    named = [name for level in organisation.priorities for name in level.sources.get(log.source, ())]
    directory = Directory(
        {name: name for name in log.seen.teams},
        {name: name for name in (*priorities_of(log), *named)},
        teams_listed=False,  # a team that had no ticket in the log is there all the same
    )
    world = world_of(rulebook, place if place is not None and place.is_dir() else None)
    return bind(rulebook, log.source, directory, world), loaded


def _source(organisation: Organisation, of_log: str, asked: str | None) -> str:
    """As which source of the organisation the log is read: its names are the log's."""
    known = sources_of(organisation)
    if of_log in known:
        return of_log
    if asked is None and len(known) == 1:
        return known[0]
    raise ConfigError(
        f"the organisation has names for {', '.join(known) or 'no source'}, and none for {of_log}: say with --source (or"
        " `source:` in the mapping) whose names for teams and priorities the log uses"
    )


def _looked_at(rules: BoundRules) -> frozenset[str]:
    """The fields that conditions of the rules look at by their values."""
    parts = (part for bound in rules.rules for part in walk(bound.rule.condition))
    fields = {"team" if part.field == "tier" else part.field for part in parts if isinstance(part, State | Due | Unchanged)}
    targets = {f"{TARGET}{t.name}" for bound in rules.rules for t in walk(bound.rule.condition) if isinstance(t, Target)}
    return frozenset(fields | targets)


# --- a mirror ------------------------------------------------------------------------------------------------------------


@contextmanager
def _of_mirror(wanted: Wanted, *, audited: bool) -> Iterator[Past]:
    settings = load_settings(wanted.config)
    source = _mirrored_source(settings, wanted.source)
    with closing(existing_store(settings)) as database:
        with database.reading() as db:
            if sources.found_source(db, source) is None:
                raise ConfigError(f"{source} was never read: hoist run comes first")
            rules, loaded = _rules_of_mirror(settings, db, source, wanted.protocol, audited=audited)
            hidden = without_history(db, source)
            count, first, end = past.extent(db, source)
            until = past.last_known(db, source)
        missing = f"{source} keeps no history of {', '.join(sorted(hidden))}: unknown before hoist first read a ticket"
        yield Past(
            told=f"the mirror of {source}: {count:,} tickets, read up to {written(until)}",
            rules=rules,
            loaded=loaded,
            tickets=lambda rows=None: mirrored_tickets(database, rules, hidden, rows),
            count=count,
            first=0,
            until=until,
            notes=(missing,) if hidden else (),
            database=database,
            rows=range(first, end),
        )


def _mirrored_source(settings: Settings, asked: str | None) -> str:
    known = [each.name for each in settings.sources]
    if asked is not None:
        known_source(asked, known)
        return asked
    if len(known) == 1:
        return known[0]
    raise ConfigError(f"there are several sources, name one with --source: {', '.join(known)}")


def _rules_of_mirror(
    settings: Settings, db: Connection, source: str, protocol: Path | None, *, audited: bool
) -> tuple[BoundRules, Loaded]:
    """Rules that are tried, or those of this installation; bound as `hoist run` would."""
    place = protocol or settings.protocol
    loaded = load_protocol(place)
    rulebook = with_bare_rules(loaded.rulebook) if audited else loaded.rulebook
    world = world_of(rulebook, place, settings.copies)
    return bind(rulebook, source, sources.directory(db, source), world, installation_key(db)), loaded
