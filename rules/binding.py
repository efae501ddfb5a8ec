"""A rulebook bound to one source: its words turned into the source's ids, its conditions into judges.

Everything that does not fit is told at once, with the nearest name; a rule that asks for what the source cannot give is refused
here, not when it fires.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rules.calendars import Calendar
from rules.conditions.program import Program
from rules.conditions.states import BoundState
from rules.conditions.tree import durations_of, needed, told, walk
from rules.naming import Names
from rules.phrases import phrase
from rules.protocol import (
    Assign,
    Clock,
    Condition,
    Count,
    Duration,
    Escalate,
    Mode,
    Organisation,
    RaisePriority,
    Rule,
    Rulebook,
    State,
)
from rules.ticket import Value
from rules.world import Directory


class BindingError(ValueError):
    """The rulebook does not fit the source; `problems` lists every reason, a sentence each."""

    def __init__(self, source: str, problems: tuple[str, ...]) -> None:
        super().__init__(f"{source}: the rules do not fit this source:\n" + "\n".join(f"- {problem}" for problem in problems))
        self.source = source
        self.problems = problems


class Told(NamedTuple):
    """A part of a rule's condition: its number in the program and what it asks for, in words."""

    condition: Condition
    number: int
    phrase: str


@dataclass(frozen=True, slots=True)
class BoundRule:
    """A rule, the number of its condition in the program, the states without which that does not hold, and what explains it."""

    rule: Rule
    number: int
    id: str
    needs: tuple[BoundState, ...]
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class BoundLevel:
    """A priority: the organisation's word and the source's ids, the one that is written first; none where it has no such."""

    word: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class BoundRules:
    """The rules of a rulebook, drafts left out, in the words of one source.

    `teams` gives the ids of each of the organisation's teams there, the one that receives first, none where the team lives
    elsewhere; `levels` the organisation's priorities, the most urgent first; `urgency` the place in `levels` of each priority id
    that one of them names. `version` is the rulebook's, `directory.version` that of the names.
    """

    source: str
    rules: tuple[BoundRule, ...]
    version: str
    organisation: Organisation
    directory: Directory
    calendars: Mapping[str, Calendar]
    teams: Mapping[str, tuple[str, ...]]
    levels: tuple[BoundLevel, ...]
    urgency: Mapping[Value, int]
    program: Program
    by_id: Mapping[str, BoundRule] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {rule.id: rule for rule in self.rules})

    def rule(self, rule_id: str) -> BoundRule:
        """The rule of this id. Raises KeyError for a draft or a rule that is not there."""
        return self.by_id[rule_id]


def bind(rulebook: Rulebook, source: str, directory: Directory, calendars: Mapping[str, Calendar]) -> BoundRules:
    """The rulebook in a source's ids.

    Raises BindingError with all problems at once: words and names that nobody knows, durations that nothing can last.
    """
    organisation = rulebook.organisation
    names = Names(organisation, source, directory)
    rules = [rule for rule in rulebook.rules if rule.mode is not Mode.DRAFT]
    _check_chains(organisation, names, calendars)
    bound: dict[State, BoundState] = {}
    for rule in rules:
        where = f"{rule.place}, rule {rule.id}" if rule.place else f"rule {rule.id}"
        for condition in walk(rule.condition):
            if isinstance(condition, State):
                bound[condition] = names.state(condition, where)
            names.problems += _impossible(condition, where)
        for duration in _durations(rule):
            names.problems += _duration(duration, calendars, where, names)
        if rule.calendar is not None and rule.calendar not in calendars:
            names.problems.append(names.unknown("calendar", rule.calendar, calendars, where))
        _check_actions(rule, organisation, names, where)
    if names.problems:
        raise BindingError(source, tuple(dict.fromkeys(names.problems)))
    program = Program(bound, calendars, names.ranks)
    return BoundRules(
        source=source,
        rules=tuple(_bound(rule, program, bound) for rule in rules),
        version=rulebook.version,
        organisation=organisation,
        directory=directory,
        calendars=calendars,
        teams=names.teams,
        levels=tuple(BoundLevel(word, ids) for word, ids in names.levels.items()),
        urgency=names.urgency,
        program=program,
    )


def _bound(rule: Rule, program: Program, states: Mapping[State, BoundState]) -> BoundRule:
    number = program.add(rule.condition)
    needs = tuple(states[state] for state in needed(rule.condition))
    parts = dict.fromkeys(told(rule.condition))
    return BoundRule(rule, number, rule.id, needs, tuple(Told(part, program.number(part), phrase(part)) for part in parts))


def _durations(rule: Rule) -> Iterator[Duration]:
    for condition in walk(rule.condition):
        yield from durations_of(condition)
    if rule.repeat is not None:
        yield rule.repeat.every


def _duration(duration: Duration, calendars: Mapping[str, Calendar], where: str, names: Names) -> Iterator[str]:
    if duration.milliseconds < 0 or duration.business_days < 0:
        yield f"{where}: {duration} is less than nothing"
    if duration.calendar is not None and duration.calendar not in calendars:
        yield names.unknown("calendar", duration.calendar, calendars, where)
    if duration.calendar is None and duration.business_days:
        yield f"{where}: {duration} is counted in business days, which needs a calendar"


def _impossible(condition: object, where: str) -> Iterator[str]:
    match condition:
        case Clock(duration=Duration(business_days=days)) if days:
            # a sum of stretches has no local time that could come round n working days later
            yield f"{where}: a clock sums up hours, not business days; write {condition.duration} in business hours"
        case Count(at_least=at_least) if at_least < 1:
            yield f"{where}: a count of at least {at_least} would always hold; count from 1 on"
        case _:
            pass


def _check_chains(organisation: Organisation, names: Names, calendars: Mapping[str, Calendar]) -> None:
    for chain in organisation.chains.values():
        where = f"organisation, chain {chain.name}"
        for tier in chain.tiers:
            names.team(tier.team, where)
            if tier.acknowledge_within is not None:
                names.problems += _duration(tier.acknowledge_within, calendars, where, names)


def _check_actions(rule: Rule, organisation: Organisation, names: Names, where: str) -> None:
    for action in rule.actions:
        match action:
            case Escalate(chain, enter_at):
                names.chain(chain, where)
                if enter_at is not None:
                    names.team(enter_at, where)
                    tiers = organisation.chains[chain].tiers if chain in organisation.chains else ()
                    if tiers and enter_at not in [tier.team for tier in tiers]:
                        names.problems.append(f"{where}: {enter_at} is no tier of the chain {chain}, so nothing can enter there")
            case Assign(team):
                if team in names.teams and not names.teams[team]:
                    names.problems.append(f"{where}: team {team} has no name in this source, so it cannot be given tickets there")
                names.team(team, where)
            case RaisePriority(_, to, not_above):
                for word in (to, not_above):
                    if word is not None:
                        names.level(word, where)
            case _:
                pass
