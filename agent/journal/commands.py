"""What the journal's commands do, one function each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection

from agent.clock import SystemClock
from agent.commands import existing_store, known_source, named_ticket
from agent.config import Settings, load_settings
from agent.errors import ConfigError, StoreError
from agent.in_force.protocol_files import world_of
from agent.journal.erasure import Erasure, erase, erasure
from agent.journal.export import FORMATS
from agent.journal.replaying import DECISIONS, Replayed, is_decision, replayed
from agent.journal.sealing import LEASE, seal, sign_anew
from agent.journal.verification import Verified, given_head, verify
from agent.store import journal, leases
from agent.store.database import Database
from agent.store.journal import Head, Line
from agent.store.journal_events import Chosen
from agent.why import named
from connectors.errors import AskAdmin
from rules.instants import Instant
from rules.protocol.rulebook import Rulebook
from rules.world import World

log = logging.getLogger("hoist")

T = TypeVar("T")
UNREADABLE: Final = "a line of the journal can't be read: hoist journal verify names it"


@dataclass(frozen=True, slots=True)
class Ends:
    """The journal's head, and how many lines wait for the sealer."""

    head: Head
    fresh: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines to export, as a person writes it; `ticket` as SOURCE:KEY."""

    format: str = "jsonl"
    ticket: str | None = None
    source: str | None = None
    since: Instant | None = None
    until: Instant | None = None


def verify_journal(config: Path | None, head: str | None) -> Verified:
    """Whether the journal is as it was sealed, up to a head that was kept elsewhere where one is given.

    Raises ConfigError where the head is written in no known way.
    """
    settings = load_settings(config)
    given = None if head is None else given_head(head)
    key = settings.journal.key()
    with closing(existing_store(settings)) as database, database.reading() as db:
        return verify(db, given, key)


def journal_head(config: Path | None, *, anew: bool) -> Ends:
    """The journal's head, after what waits was sealed; `anew`: signed with the present key, whatever the signature before.

    Raises ConfigError where it is to be signed and no key is set, StoreError where `hoist run` is at it.
    """
    settings = load_settings(config)
    with _sealing(settings) as database:
        if anew:
            _sign_anew(settings, database)
        else:
            sealed_when_ended(settings, database)
        with database.reading() as db:
            return Ends(journal.head(db), journal.unsealed(db))


def _sign_anew(settings: Settings, database: Database) -> None:
    key = settings.journal.key()
    if key is None:
        raise ConfigError(
            "there is nothing to sign with: name a key in hoist.yaml, journal: {signing_key: file:/path/of/the/key}"
        )
    if sign_anew(database, leases.this_process(), SystemClock().now(), key) is None:
        raise StoreError("hoist run seals the journal just now: stop it, sign, and start it again")


def erase_person(config: Path | None, person: str, *, really: bool) -> Erasure:
    """What erasing a person takes away, or took away. Raises ConfigError where the name is that of several people."""
    settings = load_settings(config)
    with _sealing(settings) as database:
        if not really:
            with database.reading() as db:
                return erasure(db, person)
        return erase(database, person, SystemClock().now())


def replay(config: Path | None, wanted: str) -> list[Replayed]:
    """The decision of a line, by its number, or all those on a ticket (SOURCE:KEY), each made once more; the oldest first.

    Raises ConfigError where there is no such line or ticket, or it tells of no decision.
    """
    settings = load_settings(config)
    with closing(existing_store(settings)) as database, database.reading() as db:

        def world(rulebook: Rulebook) -> World:
            return world_of(rulebook, settings.protocol, settings.copies)

        return [replayed(db, line, world) for line in _decisions(settings, db, wanted)]


def _decisions(settings: Settings, db: Connection, wanted: str) -> list[Line]:
    if wanted.isdecimal():
        line = _readable(lambda: journal.line(db, int(wanted)))
        if line is None:
            raise ConfigError(
                f"the journal has no line {wanted}: hoist journal export shows them, and hoist journal head how many"
            )
        if not is_decision(line):
            raise ConfigError(
                f"line {wanted} ({line.kind}) tells of no decision that can be made once more; those of kind"
                f" {', '.join(sorted(DECISIONS))} do, as this hoist writes them"
            )
        return [line]
    source, name = named_ticket(wanted, [each.name for each in settings.sources])
    ticket = named(db, source, name).ref.id
    found = _readable(lambda: [line for line in journal.lines(db, source, ticket) if is_decision(line)])
    if not found:
        raise ConfigError(f"the journal tells of no decision on {wanted}")
    return found


def _readable(read: Callable[[], T]) -> T:
    try:
        return read()
    except (ValueError, TypeError) as error:
        raise StoreError(UNREADABLE) from error


def exported(config: Path | None, wanted: Wanted) -> Iterator[str]:
    """The journal, piece by piece.

    Raises ConfigError where there is no such format, source or ticket, StoreError where a line is no longer readable.
    """
    settings = load_settings(config)
    form = FORMATS.get(wanted.format)
    if form is None:
        raise ConfigError(f"--format: {wanted.format!r} is no format of an export; there are {', '.join(FORMATS)}")
    with closing(existing_store(settings)) as database, database.reading() as db:
        chosen = _chosen(settings, database, wanted)
        try:
            yield from form(db, chosen)
        except (ValueError, TypeError) as error:
            raise StoreError(UNREADABLE) from error


def _chosen(settings: Settings, database: Database, wanted: Wanted) -> Chosen:
    known = [each.name for each in settings.sources]
    source, ticket = wanted.source, None
    if wanted.ticket is not None:
        source, name = named_ticket(wanted.ticket, known)
        if wanted.source not in (None, source):
            raise ConfigError(f"{wanted.ticket} is no ticket of {wanted.source}: leave --source out")
        with database.reading() as db:
            ticket = named(db, source, name).ref.id
    elif source is not None:
        known_source(source, known)
    return Chosen(source, ticket, wanted.since, wanted.until)


def sealed_when_ended(settings: Settings, database: Database) -> None:
    """Seal what a command wrote, where `hoist run` does not do so anyway."""
    try:
        key = settings.journal.key()
    except (AskAdmin, ConfigError) as error:  # whoever runs a command need not be able to read the key
        log.warning("the journal is sealed by the next hoist run: %s", error)
        return
    holder, now = leases.this_process(), SystemClock().now()
    seal(database, holder, now, key)
    with database.transaction() as db:
        leases.release(db, LEASE, holder)


@contextmanager
def _sealing(settings: Settings) -> Iterator[Database]:
    """The store; what was written to the journal meanwhile is sealed afterwards."""
    with closing(existing_store(settings)) as database:
        yield database
        sealed_when_ended(settings, database)
