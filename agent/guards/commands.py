"""What `hoist pause`, `hoist resume` and `hoist snooze` do."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from agent.clock import AT_ONCE, SystemClock
from agent.commands import existing_store, named_ticket
from agent.config import Settings, length_of_time, load_settings
from agent.errors import ConfigError
from agent.in_force.governing import rules_in_force
from agent.last_read import bound_rules, there
from agent.store import journal, mirrored, pauses, snoozes, sources
from agent.store.pauses import Pause
from agent.store.snoozes import Snooze
from agent.who import Who
from agent.why import named
from rules.instants import FOREVER, Instant
from rules.language.problems import nearest


@dataclass(frozen=True, slots=True)
class What:
    """What is paused: a source, a rule, a rule in a source; `everything` says that it is meant to be all."""

    source: str | None = None
    rule: str | None = None
    everything: bool = False

    def __str__(self) -> str:
        rule = f"the rule {self.rule}" if self.rule else "everything"
        return f"{rule} in {self.source}" if self.source else rule


def pause(config: Path | None, what: What, length: str | None, who: Who) -> Instant | None:
    """Pause from now on; gives the end, None where somebody must resume. Raises ConfigError where it names nothing."""
    settings = load_settings(config)
    _known(settings, what)
    now = SystemClock().now()
    until = FOREVER if length is None else now + _length(length)
    with closing(existing_store(settings)) as database, database.transaction() as db:
        rule = _runs_as(settings, db, what)
        pauses.add(db, what.source or "", rule, (now, until), who.name, who.why)
        ends = until if length else None
        journal.append(db, "paused", now, what.source or "", rule=rule, until=ends, **who.data())
    return until if length else None


def resume(config: Path | None, what: What, who: Who) -> list[Pause]:
    """End the pauses of exactly that; gives them. Raises ConfigError where there is none, and says which there are."""
    settings = load_settings(config)
    if not (what.source or what.rule or what.everything):
        raise ConfigError("say what goes on: a SOURCE, --rule ID, or --all")
    now = SystemClock().now()
    with closing(existing_store(settings)) as database, database.transaction() as db:
        rule = _runs_as(settings, db, what)
        ended = pauses.end(db, what.source or "", rule, now)
        if not ended:
            there = [str(What(each.source or None, each.rule or None)) for each in pauses.everywhere(db, now)]
            raise ConfigError(f"{what} is not paused; {'paused: ' + ', '.join(there) if there else 'nothing is'}")
        journal.append(db, "resumed", now, what.source or "", rule=rule, pauses=len(ended), **who.data())
    return ended


def snooze(config: Path | None, ticket: str, length: str, who: Who) -> Instant:
    """Leave a ticket alone for a while; gives the end, on the source's clock. Raises ConfigError where it is not mirrored."""
    settings = load_settings(config)
    source, name = named_ticket(ticket, [each.name for each in settings.sources])
    with closing(existing_store(settings)) as database, database.transaction() as db:
        found, now = named(db, source, name), there(db, source, SystemClock().now())
        until = now + _length(length)
        snoozes.put(db, Snooze(source, found.ref.id, until, who.name, who.why))
        mirrored.set_next_look(db, found.ref, AT_ONCE)
        journal.append(db, "snoozed", now, source, found.ref.id, until=until, **who.data())
    return until


def wake(config: Path | None, ticket: str, who: Who) -> None:
    """Leave a ticket alone no longer. Raises ConfigError where nobody had said so."""
    settings = load_settings(config)
    source, name = named_ticket(ticket, [each.name for each in settings.sources])
    with closing(existing_store(settings)) as database, database.transaction() as db:
        found, now = named(db, source, name), there(db, source, SystemClock().now())
        if not snoozes.take_off(db, source, found.ref.id):
            raise ConfigError(f"{source}:{found.key} is not snoozed")
        mirrored.set_next_look(db, found.ref, AT_ONCE)
        journal.append(db, "woken", now, source, found.ref.id, **who.data())


def _runs_as(settings: Settings, db: Connection, what: What) -> str:
    """The id under which the rule runs: that of a confidential one is not the one in the files."""
    known = [row.source for row in sources.rows(db)]
    return bound_rules(settings, db, known[0]).runs_as(what.rule) if what.rule and known else what.rule or ""


def _length(text: str) -> int:
    try:
        return length_of_time(text)
    except ValueError as error:
        raise ConfigError(f"--for: {error}") from error


def _known(settings: Settings, what: What) -> None:
    if not (what.source or what.rule or what.everything):
        raise ConfigError("say what is paused: a SOURCE, --rule ID, or --all")
    if what.everything and (what.source or what.rule):
        raise ConfigError("--all is everything: name no source and no rule beside it")
    names = [each.name for each in settings.sources]
    if what.source and what.source not in names:
        near = nearest(what.source, names)
        raise ConfigError(
            f"hoist.yaml has no source {what.source!r}; {f'did you mean {near}?' if near else 'there are ' + ', '.join(names)}"
        )
    if what.rule:
        with closing(existing_store(settings)) as database, database.reading() as db:
            ids = [rule.id for rule in rules_in_force(settings, db).rulebook.rules]
        if what.rule not in ids:
            near = nearest(what.rule, ids)
            raise ConfigError(
                f"there is no rule {what.rule}; {f'did you mean {near}?' if near else 'there are ' + ', '.join(ids)}"
            )
