"""The rules as they are bound to a source by what was last read of it: for commands that ask the store and no helpdesk."""

from __future__ import annotations

from sqlalchemy import Connection

from agent.config import Settings
from agent.errors import ConfigError
from agent.in_force.governing import governing, release, rules_in_force
from agent.in_force.kept_texts import former_texts
from agent.in_force.protocol_files import world_of
from agent.in_force.ruling import Ruling
from agent.store import pauses, sources
from agent.store.installation import installation_key
from rules.binding import BoundRules, bind
from rules.instants import Instant


def bound_rules(settings: Settings, db: Connection, source: str) -> BoundRules:
    """The rules as `hoist run` would bind them. Raises ConfigError where the source was never read."""
    if sources.found_source(db, source) is None:
        raise ConfigError(f"{source} was never read: hoist run comes first")
    rulebook = rules_in_force(settings, db).rulebook
    world = world_of(rulebook, settings.protocol, settings.copies)
    former = former_texts(db, source, rulebook)
    return bind(rulebook, source, sources.directory(db, source), world, installation_key(db), former)


def ruling(settings: Settings, db: Connection, source: str, now: Instant) -> Ruling:
    """What `hoist run` judges by; `now` on the source's clock."""
    row, bound = sources.found_source(db, source), bound_rules(settings, db, source)
    since = sources.active_since(db, source)
    generation = row.generation if row is not None else 0
    plan = governing(db, settings.activation)
    released = None if plan is None else release(plan, source, plan.since.get(source, now))
    return Ruling(bound, since, generation, 0, lulls=pauses.lulls(db, source, now), release=released)


def there(db: Connection, source: str, now: Instant) -> Instant:
    """An instant of this machine's on a source's clock, as far ahead as it was when it was last read."""
    row = sources.found_source(db, source)
    return now + ((row.clock_ahead or 0) if row is not None else 0)
