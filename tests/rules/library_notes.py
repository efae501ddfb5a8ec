"""The ready protocols at work in one protocol of their own (the folder `library`): their stories, and the notes they write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from rules.confidential import cloaked
from rules.due_step import DueStep
from rules.engine import evaluate
from rules.escalation import FiringKey
from rules.explain import because, in_short, values_of
from rules.instants import FOREVER, Instant
from rules.ladder import joined
from rules.merge import merge
from rules.protocol.rulebook import Rulebook
from rules.rota import Rota, Shift
from rules.rulebook import load
from rules.stories import ANYWHERE, Story, bound_for, read_stories, tell, zone_of
from rules.story_steps import Fired
from rules.ticket import Ticket, Value
from rules.timeline import timeline
from rules.world import Directory, Person, World
from tests.rules.protocol_texts import LIBRARY
from tests.rules.worlds import world_of

FOLDER: Final = Path(__file__).parent / "library"
STORIES: Final = {path.name: path.read_text(encoding="utf-8") for path in sorted((FOLDER / "tests").glob("*.yaml"))}
PROTOCOLS: Final = tuple(name.removesuffix(".yaml") for name in LIBRARY)


@cache
def rulebook() -> Rulebook:
    """Every ready protocol, used once, over one organisation."""
    files = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.yaml")}
    return load(files, LIBRARY).rulebook


@cache
def world() -> World:
    """The protocol's lists and calendars, and a rota in which Nora has every night."""
    shift = Shift(0, FOREVER, ("nora@example.com",))
    return replace(world_of(rulebook()), rotas={"rotas/network.ics": Rota("network-ops", (shift,))})


def stories(protocol: str) -> tuple[Story, ...]:
    """The stories of one ready protocol."""
    name = f"{protocol}.yaml"
    return read_stories({name: STORIES[name]}, rulebook(), zone_of(rulebook(), None))


def notes(protocol: str) -> Iterator[tuple[str, str]]:
    """Each step of its rules, and the internal note that it writes where it is taken first in the protocol's stories.

    Nobody else's rules write to the ticket, so that what they did is no part of the note.
    """
    seen: set[str] = set()
    own = frozenset(rule.id for rule in rulebook().rules if _is_of(rule.id, protocol))
    for told in tell([replace(story, writes=own) for story in stories(protocol)], rulebook(), world()):
        for fired in told.fired:
            if _is_of(fired.rule, protocol) and fired.name not in seen:
                seen.add(fired.name)
                yield fired.name, _note(told.ticket, fired)


def _is_of(rule: str, protocol: str) -> bool:
    return rule.removesuffix("-deadline").removesuffix("-keep-informed") == protocol


def _note(whole: Ticket, fired: Fired) -> str:
    bound = replace(bound_for(rulebook(), world(), ANYWHERE), directory=_directory())
    ticket = _as_of(whole, fired.at)
    evaluation = evaluate(timeline(ticket), bound, fired.at)
    episode = next(each for each in evaluation.episodes_of(fired.rule) if each.anchor == fired.episode)
    rule = cloaked(next(each for each in rulebook().rules if each.id == fired.rule), b"")
    step = DueStep(
        FiringKey(ANYWHERE, ticket.ref.id, rule.id, 1, fired.steps[-1]),
        rule,
        because(evaluation, fired.rule, fired.at),
        in_short(evaluation, fired.rule),
        values_of(evaluation, episode, fired.at, ticket),
        joined(rule, fired.steps),
        fired.steps,
    )
    return merge(ticket, [step], bound, fired.at).comment or ""


def _as_of(ticket: Ticket, at: Instant) -> Ticket:
    """The ticket as it was read at an instant."""
    fields: dict[str, Value] = dict(ticket.fields)
    for change in reversed(ticket.changes):
        if change.at > at:
            fields[change.field] = change.old
    return replace(
        ticket,
        fields=fields,
        known=at,
        changes=tuple(change for change in ticket.changes if change.at <= at),
        messages=tuple(message for message in ticket.messages if message.at <= at),
    )


def _directory() -> Directory:
    people = {name: Person(name, name.title(), email=f"{name}@example.com") for name in ("anna", "bob")}
    teams = {name: name for name in rulebook().organisation.teams}
    return Directory(teams, {level.name: level.name for level in rulebook().organisation.priorities}, people=people)
