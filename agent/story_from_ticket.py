"""A story written from a ticket in the mirror."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from agent.commands import existing_store, named_ticket
from agent.config import load_settings
from agent.errors import ConfigError
from agent.in_force.protocol_files import load_protocol, world_of
from agent.store import sources
from agent.store.installation import installation_key
from agent.story_commands import Tested, tested, tests_of
from agent.why import named
from rules.binding import bind
from rules.instants import Instant
from rules.language.moments import local_moment, written_local
from rules.language.problems import nearest
from rules.protocol.rulebook import Rulebook
from rules.stories import zone_of
from rules.story_writing import story_text


def write_story(
    ticket: str, should_fire: str, rule: str | None, out: Path | None, protocol: Path | None, config: Path | None
) -> Tested:
    """Write a story from a ticket in the mirror, by default into `tests/` of the protocol, and tell it.

    Raises ConfigError where there is no such ticket or rule, the instant is none, or the file is there already.
    """
    settings = load_settings(config)
    place = protocol or settings.protocol
    rulebook = load_protocol(place).rulebook
    source, name = named_ticket(ticket, [each.name for each in settings.sources])
    _check_rule(rulebook, rule)
    zone = zone_of(rulebook, None)
    try:
        at = local_moment(should_fire, zone)
    except ValueError as error:
        raise ConfigError(f"--should-fire: {should_fire!r}: {error}, in {zone} unless it says otherwise") from None
    world = world_of(rulebook, place, settings.copies)
    with closing(existing_store(settings)) as database, database.reading() as db:
        found = named(db, source, name)
        bound = bind(rulebook, source, sources.directory(db, source), world, installation_key(db))
    if at.at + at.precision <= found.created:
        created = written_local(found.created, zone)
        raise ConfigError(f"--should-fire: no rule fires before there is a ticket: {ticket} was created at {created}")
    text = story_text(found, bound, zone, str(zone), at.at, rule)
    steps = _steps_until(tested({"": text}, rulebook, world), rule)
    if steps:
        text = story_text(found, bound, zone, str(zone), at.at, rule, steps)
    path = out or tests_of(place) / f"{re.sub('[^a-z0-9.-]+', '-', f'{source}-{found.key}'.lower())}.yaml"
    _write_new(path, text)
    return replace(tested({path.name: text}, rulebook, world), written=path)


def _steps_until(tested: Tested, rule: str | None) -> list[tuple[str, Instant, int]]:
    """The steps that one rule takes in a story up to the expected one; none where it takes none then.

    Where no rule is asked for, it is the first that does.
    """
    for told in tested.told:
        (expected,) = told.story.fires
        then = [fired for fired in told.fired if rule in (None, fired.rule) and expected.at.means(fired.at)]
        if then:
            last = then[0]
            taken = [fired for fired in told.fired if fired.rule == last.rule and fired.at <= last.at]
            return [(fired.rule, fired.at, fired.steps[-1]) for fired in taken]
    return []


def _check_rule(rulebook: Rulebook, rule: str | None) -> None:
    known = [each.id for each in rulebook.rules]
    if rule is not None and rule not in known:
        near = nearest(rule, known)
        raise ConfigError(f"there is no rule {rule}; " + (f"did you mean {near}?" if near else f"there are {', '.join(known)}"))


def _write_new(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} is there already: --out names another file") from None
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror}") from error
