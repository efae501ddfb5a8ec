"""Stories: a ticket that was made up, or really happened, and what the rules must make of it.

A story is told in the organisation's words. What hoist writes in it happens as it would in the helpdesk, unless the story says
otherwise; people do what the story tells, and nobody reacts to a step but so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from rules.binding import BindingError, BoundRules, bind
from rules.conditions.tree import walk
from rules.deeds import deed
from rules.engine import Evaluation
from rules.instants import FOREVER, SECOND, Instant
from rules.language.marked_yaml import Block
from rules.language.moments import Moment, written_local
from rules.language.part import Names
from rules.language.problems import Report, RulebookError, TooMany
from rules.language.schema import AsWritten
from rules.language.story import EVERYTHING, NOTHING, StoryFile, StoryReading, WrittenChange, WrittenStory, written_stories
from rules.obstacles import in_the_way
from rules.protocol.actions import Action, SetField
from rules.protocol.conditions import State, Target
from rules.protocol.organisation import Organisation, Team
from rules.protocol.rule import AppliesTo, Mode, Rule
from rules.protocol.rulebook import Rulebook
from rules.story_pictures import picture
from rules.story_steps import MOST_STEPS, Act, Fired, HeldBack, Played, named, play
from rules.ticket import FIELDS, RELATED, TARGET, Actor, Kind, Status, Ticket, TicketRef, Value
from rules.world import Directory, World

ANYWHERE: Final = "any source"
"""Where a story happens that names no source: every team and priority is there, and the rules of all sources apply."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A rule (None: any) fires at a moment, with its step of this number (1 is the first), which does at least this."""

    rule: str | None
    at: Moment
    step: int
    does: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A rule does not fire in [start, end)."""

    rule: str
    start: Instant
    end: Instant


@dataclass(frozen=True, slots=True)
class Story:
    """A ticket as it was created, what people do to it until `until`, and what must come of it. `place`: file and line.

    `writes`: the rules whose escalations are written to the ticket, None for all.
    """

    name: str
    place: str
    source: str
    zone: tzinfo
    ticket: Ticket
    acts: tuple[Act, ...]
    until: Instant
    fires: tuple[Expected, ...]
    forbidden: tuple[Forbidden, ...]
    nothing_else: bool
    writes: frozenset[str] | None = None

    def local(self, at: Instant) -> str:
        """An instant as its readers write it; the milliseconds that hoist's writes take are none of the story's."""
        return written_local(at if self.writes == frozenset() else at - at % SECOND, self.zone)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a story: what failed, a sentence each, and the picture that shows why, a line each; none where all is well.

    `ticket` is as everybody has left it, hoist among them.
    """

    story: Story
    ticket: Ticket
    fired: tuple[Fired, ...]
    failures: tuple[str, ...] = ()
    picture: tuple[str, ...] = ()


def story_schema() -> dict[str, Any]:
    """The JSON Schema of a file of stories, for editors."""
    found = StoryFile.model_json_schema(by_alias=True, schema_generator=AsWritten)
    return {"$schema": AsWritten.schema_dialect, **found, "title": "Stories that test a hoist protocol"}


def read_stories(files: Mapping[str, str], rulebook: Rulebook, zone: tzinfo = UTC) -> tuple[Story, ...]:
    """The stories of some files (name -> text); local times are in `zone` where a story says nothing else.

    Raises RulebookError with every problem of every file.
    """
    report = Report()
    rules = tuple(rule.id for rule in rulebook.rules)
    context = StoryReading(report, names_of(rulebook.organisation), None, rules)
    context.zone = zone
    stories: list[Story] = []
    try:
        for written, block, local in written_stories(files, context):
            stories.append(_story(written, block, local))
    except TooMany:
        pass
    if report.problems:
        raise RulebookError(report.problems)
    return tuple(stories)


def zone_of(rulebook: Rulebook, calendar: str | None) -> ZoneInfo:
    """The time zone of a calendar; else the organisation's."""
    organisation = rulebook.organisation
    hours = organisation.calendars.get(calendar or "")
    return ZoneInfo(hours.time_zone if hours is not None and hours.names_zone else organisation.time_zone)


def names_of(organisation: Organisation) -> Names:
    """What an organisation defines, as the language checks words against it."""
    return Names(
        priorities=tuple(level.name for level in organisation.priorities),
        sources=frozenset(source for level in organisation.priorities for source in level.sources),
        teams={name: bool(team.lead) for name, team in organisation.teams.items()},
        chains={name: tuple(tier.team for tier in chain.tiers) for name, chain in organisation.chains.items()},
        roles=frozenset(organisation.roles),
        calendars={name: hours.always for name, hours in organisation.calendars.items()},
        providers={name: provider.calendar for name, provider in organisation.providers.items()},
        contacts=frozenset(name for name, provider in organisation.providers.items() if provider.contact),
    )


def bound_for(rulebook: Rulebook, world: World, source: str = ANYWHERE) -> BoundRules:
    """The rules, drafts among them, in a source whose ids are the organisation's own words.

    Confidential rules go by their own names: whoever tries them has their files.

    Raises BindingError where the rules don't fit.
    """
    organisation = _in_own_words(rulebook.organisation, source)
    rules = tuple(_tried(rule, source) for rule in rulebook.rules)
    directory = Directory(
        teams={name: name for name, team in organisation.teams.items() if source in team.sources},
        priorities={level.name: level.name for level in organisation.priorities if source in level.sources},
    )
    return bind(replace(rulebook, organisation=organisation, rules=rules), source, directory, world)


def _tried(rule: Rule, source: str) -> Rule:
    mode = Mode.WATCH if rule.mode is Mode.DRAFT else rule.mode
    return replace(rule, mode=mode, confidential=False, applies_to=AppliesTo() if source == ANYWHERE else rule.applies_to)


def _in_own_words(organisation: Organisation, source: str) -> Organisation:
    def named(sources: Mapping[str, tuple[str, ...]], word: str) -> dict[str, tuple[str, ...]]:
        return {source: (word,)} if source in sources or source == ANYWHERE else {}

    teams = {name: replace(team, sources=named(team.sources, name)) for name, team in organisation.teams.items()}
    levels = tuple(replace(level, sources=named(level.sources, level.name)) for level in organisation.priorities)
    return replace(organisation, teams=teams, priorities=levels)


def sources_of(organisation: Organisation) -> tuple[str, ...]:
    """The sources in which the organisation has a team or a priority."""
    named: list[Team] = list(organisation.teams.values())
    found = [*(s for level in organisation.priorities for s in level.sources), *(s for team in named for s in team.sources)]
    return tuple(sorted(set(found)))


def tell(stories: Sequence[Story], rulebook: Rulebook, world: World) -> tuple[Told, ...]:
    """What comes of each story, under this protocol and world.

    Raises BindingError where the rules fit no source that a story names.
    """
    known = sources_of(rulebook.organisation)
    strangers = [s for s in stories if s.source != ANYWHERE and s.source not in known]
    if strangers:
        said = tuple(f"{s.place}: no team or priority has a name in a source {s.source}" for s in strangers)
        raise BindingError(strangers[0].source, said)
    bound = {source: bound_for(rulebook, world, source) for source in dict.fromkeys(story.source for story in stories)}
    return tuple(_tell(story, bound[story.source], rulebook.rules) for story in stories)


def _tell(story: Story, bound: BoundRules, rules: Sequence[Rule]) -> Told:
    ticket = replace(story.ticket, fields=empty_fields(bound) | dict(story.ticket.fields))
    chosen = story.writes
    written = [rule.id for rule in rules if chosen is None or rule.id in chosen]
    played = play(bound, ticket, story.acts, story.until, rules=rules, writes=written.__contains__)
    judge = _Judge(story, played)
    failures = tuple(judge.failures())
    shown = picture(played, story.local, tuple(judge.concerned), (*written, *judge.told)) if failures else ()
    return Told(story, played.ticket, played.fired, failures, shown)


def empty_fields(bound: BoundRules) -> dict[str, Value]:
    """Whatever a story does not say is not there: known to be empty, never unknown."""
    empty: dict[str, Value] = dict.fromkeys(FIELDS) | {"labels": (), "status": Status.NEW.value, "queue": 0}
    actions = (action for rule in bound.rules for step in rule.rule.steps for action in step.actions)
    empty |= dict.fromkeys(action.field for action in actions if isinstance(action, SetField))
    for condition in (part for rule in bound.rules for part in walk(rule.rule.condition)):
        match condition:
            case State(field=name) if name != "tier":
                empty.setdefault(name, 0 if name.startswith(RELATED) else None)
            case Target(name=name):
                empty |= {f"{TARGET}{name}": None, f"{TARGET}{name}.start": None}
            case _:
                pass
    return empty


@dataclass(slots=True)
class _Judge:
    """Compares what fired with what was expected; `concerned` are the rules that the failures are about."""

    story: Story
    played: Played
    concerned: dict[str, None] = field(default_factory=dict)

    @property
    def evaluation(self) -> Evaluation:
        return self.played.evaluation

    @property
    def fired(self) -> tuple[Fired, ...]:
        return self.played.fired

    @property
    def told(self) -> tuple[str, ...]:
        """The rules that the story names, or the failures are about; all of them where nothing else is to fire."""
        if self.story.nothing_else or any(expected.rule is None for expected in self.story.fires):
            return tuple(step.rule for step in self.fired)
        expected = (each.rule for each in self.story.fires if each.rule is not None)
        return (*expected, *(each.rule for each in self.story.forbidden), *self.concerned)

    def failures(self) -> Iterator[str]:
        if self.played.cut_off:
            self.concerned |= {step.rule: None for step in self.fired[-4:]}
            last = self.fired[-1]
            yield f"hoist goes on and on: after {MOST_STEPS} escalations, the last of {last.name}, the story was cut off"
        unexpected = list(self.fired)
        missing: list[Expected] = []
        for expected in self.story.fires:
            found = next((step for step in self.fired if _meant(expected, step)), None)
            if found is None:
                missing.append(expected)
                continue
            if found in unexpected:
                unexpected.remove(found)
            yield from self._wrong_deeds(expected, found)
        for expected in missing:
            yield self._missing(expected, unexpected)
        yield from self._too_many(unexpected)

    def _too_many(self, unexpected: Sequence[Fired]) -> Iterator[str]:
        expected_rules = {expected.rule for expected in self.story.fires}
        for step in unexpected:
            stretches = [f for f in self.story.forbidden if f.rule == step.rule and f.start <= step.at < f.end]
            if stretches:
                said = (
                    "which must not fire"
                    if (stretches[0].start, stretches[0].end) == (0, FOREVER)
                    else "which must not fire then"
                )
            elif self.story.nothing_else:
                said = "and nothing else was to fire"
            elif step.rule in expected_rules:
                said = "which the story does not expect"
            else:
                continue
            self.concerned[step.rule] = None
            yield f"{step.name} fires at {self._local(step.at)}, {said}"

    def _missing(self, expected: Expected, unexpected: list[Fired]) -> str:
        """Why it did not fire; where it fires at another time, that one is explained as well and taken from the unexpected."""
        local = self._local(expected.at.at)
        if expected.rule is None:
            self.concerned |= dict.fromkeys(rule.id for rule in self.evaluation.rules.rules)
            return f"no rule fires at {local}"
        if expected.rule not in self.evaluation.rules.by_id:
            return f"{expected.rule} was to fire at {local}, and it does not apply to {self.story.source}"
        self.concerned[expected.rule] = None
        name = named(self.evaluation.bound(expected.rule).rule, expected.step - 1)
        others = [step for step in unexpected if step.rule == expected.rule and expected.step - 1 in step.steps]
        if others:
            near = min(others, key=lambda step: abs(step.at - expected.at.at))
            unexpected.remove(near)
            held = self._held_back(expected)
            until_then = "" if held is None else f", for until then it is held back {held.gate}"
            return f"{name} was to fire at {local}; it fires at {self._local(near.at)}{until_then}"
        held = self._held_back(expected)
        if held is not None:
            return f"{name} was to fire at {local}; from {self._local(held.at)} on it is held back {held.gate}"
        why = in_the_way(self.evaluation, expected.rule, expected.at.at)
        return f"{name} was to fire at {local}; it does not fire" + (f": then {', '.join(why)}" if why else "")

    def _held_back(self, expected: Expected) -> HeldBack | None:
        """What held the step back when it was expected."""
        moment = expected.at.at + expected.at.precision
        for held in self.played.held_back:
            if held.rule == expected.rule and expected.step - 1 in held.steps and held.at < moment <= held.gate.until:
                return held
        return None

    def _wrong_deeds(self, expected: Expected, found: Fired) -> Iterator[str]:
        missing = [action for action in expected.does if action not in found.actions]
        if missing:
            self.concerned[found.rule] = None
            done = "; ".join(deed(action) for action in found.actions) or "nothing"
            wanted = "; ".join(deed(action) for action in missing)
            yield f"{found.name} fires at {self._local(found.at)} and was to do this: {wanted}; it does this: {done}"

    def _local(self, at: Instant) -> str:
        return self.story.local(at)


def _meant(expected: Expected, step: Fired) -> bool:
    same_rule = step.rule == expected.rule if expected.rule is not None else True
    return same_rule and expected.step - 1 in step.steps and expected.at.means(step.at)


# --- from what is written to a story -----------------------------------------------------------------------------------


def _story(written: WrittenStory, block: Block, zone: tzinfo) -> Story:
    source = written.source or ANYWHERE
    name = next(value for key, value in block.items() if key.casefold() == "story").place
    return Story(
        name=written.story,
        place=f"{name.file}:{name.line}",
        source=source,
        zone=zone,
        ticket=_ticket(written, source),
        acts=tuple(_acts(written)),
        until=FOREVER if written.until is None else written.until.at + written.until.precision,
        fires=tuple(
            Expected(fired.rule, fired.at, fired.step, tuple(action for deeds in fired.does or () for action in deeds.actions()))
            for fired in written.fires or ()
        ),
        forbidden=tuple(
            Forbidden(each.rule, each.from_.at if each.from_ else 0, each.to.at if each.to else FOREVER)
            for each in written.does_not_fire or ()
        ),
        nothing_else=written.nothing_else,
        writes=_writers(written),
    )


def _writers(written: WrittenStory) -> frozenset[str] | None:
    said = set(written.writes or (EVERYTHING,))
    return None if EVERYTHING in said else frozenset(said - {NOTHING})


def _ticket(written: WrittenStory, source: str) -> Ticket:
    """The ticket as it was created."""
    created = written.ticket.created.at
    fields: dict[str, Value] = {"status": Status.NEW.value, "labels": (), "queue": 0, **written.ticket.values()}
    return Ticket(TicketRef(source, written.ticket.key), written.ticket.key, "", "", created, created, fields)


def _acts(written: WrittenStory) -> Iterator[Act]:
    requester = written.ticket.values().get("requester")
    for each in written.changes:
        values = each.values()
        by = _actor(each, requester)
        yield Act(each.at.at, by, values, tuple(each.add_label or ()), tuple(each.remove_label or ()), each.message, each.thanks)
        requester = values.get("requester", requester)


def _actor(change: WrittenChange, requester: Value) -> Actor:
    kind, name = change.by
    if kind is Kind.REQUESTER and not name and isinstance(requester, str):
        name = requester
    return Actor(name or kind.value, kind)
