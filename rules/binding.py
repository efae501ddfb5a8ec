"""A rulebook bound to one source: its words turned into the source's ids, its conditions into judges.

Everything that does not fit is told at once, with the nearest name; a rule that asks for what the source cannot give is refused
here, not when it fires.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rules.calendars import Calendar
from rules.conditions.program import Program
from rules.conditions.states import BoundState
from rules.conditions.tree import calendars_of, durations_of, thresholds, told, walk
from rules.confidential import REASON, cloaked
from rules.naming import Names
from rules.phrases import phrase
from rules.present import Present
from rules.protocol.actions import Arbiter, Assign, Escalate, RaisePriority, Restrict
from rules.protocol.conditions import All, Clock, Condition, Count, OneOf, State
from rules.protocol.durations import CALENDARS_OF_THE_TICKET, Duration
from rules.protocol.organisation import Organisation, Twins
from rules.protocol.rule import Mode, Rule, Step
from rules.protocol.rulebook import Rulebook
from rules.rule_text import text_of
from rules.ticket import CLUSTERED, RELATED, Value
from rules.world import Directory, World


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
    """A rule, the number of its condition in the program, and what explains it.

    `at_once`: its ladder is one step, which is due whenever the rule holds. `text`: the version of its text, where escalations
    that began under it keep to it. `id` is the rule's, but for a former text of a rule, which is judged beside the present one.
    """

    rule: Rule
    number: int
    id: str
    told: tuple[Told, ...]
    at_once: bool
    text: str = ""


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
    that one of them names; `zone` is the time zone of the organisation. `version` is the rulebook's, `directory.version` that of
    the names, `world.version` that of the outside facts. `departed` are ids of teams that have left it: a ticket may still stand
    there, and none is sent there any more. `former` are the former texts of rules by which escalations under way are judged to
    their end, by `judged_as`; `unfit` those that no longer fit, with why.
    """

    source: str
    rules: tuple[BoundRule, ...]
    version: str
    organisation: Organisation
    directory: Directory
    world: World
    teams: Mapping[str, tuple[str, ...]]
    levels: tuple[BoundLevel, ...]
    urgency: Mapping[Value, int]
    program: Program
    thresholds: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    departed: frozenset[str] = frozenset()
    former: tuple[BoundRule, ...] = ()
    unfit: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_id: Mapping[str, BoundRule] = field(init=False)
    to_acknowledge: Mapping[Value, tuple[tuple[str, Duration], ...]] = field(init=False)  # by team id: the team, its time
    present: Present[BoundRule] = field(init=False)
    zone: ZoneInfo = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {rule.id: rule for rule in (*self.rules, *self.former)})
        object.__setattr__(self, "to_acknowledge", _to_acknowledge(self.organisation, self.teams))
        conditions = tuple(rule.rule.condition for rule in self.rules)
        object.__setattr__(self, "present", Present(self.rules, conditions, self.program))
        object.__setattr__(self, "zone", ZoneInfo(self.organisation.time_zone))

    @property
    def calendars(self) -> Mapping[str, Calendar]:
        """The calendars of the world, by name."""
        return self.world.calendars

    def rule(self, rule_id: str) -> BoundRule:
        """The rule of this id. Raises KeyError for a draft or a rule that is not there."""
        return self.by_id[rule_id]

    def judge(self, rule_id: str, text: str) -> str:
        """Under which id an episode of a rule is judged that began under that version of its text; "" where it names none."""
        former = judged_as(rule_id, text)
        return former if text and former in self.by_id else rule_id

    def receiving(self, team: str) -> str | None:
        """The source's id under which a team gets tickets; None where it has none there, or has no longer."""
        return next((team_id for team_id in self.teams.get(team, ()) if team_id not in self.departed), None)

    def runs_as(self, written: str) -> str:
        """The id under which a rule runs that the protocol's files call so: its own, or the opaque one if it is confidential."""
        cloaks = (bound.id for bound in self.rules if bound.rule.confidential and bound.rule.formerly[:1] == (written,))
        return next(cloaks, written)

    def zone_of(self, team: str | None) -> ZoneInfo:
        """The time zone in which a team of the organisation reads times: that of its own calendar, else the organisation's."""
        known = self.organisation.teams.get(team or "")
        hours = self.organisation.calendars.get(known.calendar) if known is not None else None
        return ZoneInfo(hours.time_zone) if hours is not None and hours.names_zone else self.zone


def judged_as(rule_id: str, text: str) -> str:
    """The id under which a former text of a rule is bound; no rule can be called so."""
    return f"{rule_id}@{text}"


def bind(
    rulebook: Rulebook,
    source: str,
    directory: Directory,
    world: World,
    key: bytes = b"",
    former: Mapping[str, Rule] = MappingProxyType({}),
) -> BoundRules:
    """The rulebook in a source's ids, looking at this world.

    `former`: by `judged_as`, rules under a former text of theirs.

    `key` is the installation's; confidential rules run under ids made with it. Ids made without one can be guessed, which will do
    where nothing leaves the hands of those who have the protocol's files.

    Raises BindingError with all problems at once: words and names that nobody knows, durations that nothing can last.
    A rule that applies to other sources only is left out.
    """
    organisation, calendars = rulebook.organisation, world.calendars
    names = Names(organisation, source, directory, world)
    twins = organisation.twins.get(source)
    applied = (rule for rule in rulebook.rules if rule.mode is not Mode.DRAFT and _applies(rule, source))
    rules = [_of_leading(cloaked(rule, key), twins) for rule in applied]
    _check_chains(organisation, names, calendars)
    bound: dict[State, BoundState] = {}
    for rule in rules:
        _check(rule, organisation, names, bound, calendars)
    if names.problems:
        raise BindingError(source, tuple(dict.fromkeys(names.problems)))
    unfit: dict[str, tuple[str, ...]] = {}
    kept = {name: _of_leading(rule, twins) for name, rule in former.items() if _applies(rule, source)}
    for name, rule in kept.items():
        _check(rule, organisation, names, bound, calendars)
        if names.problems:
            unfit[name] = tuple(dict.fromkeys(names.problems))
            names.problems.clear()
    program = Program(bound, world, names.facts)
    return BoundRules(
        source=source,
        rules=tuple(_bound(rule, program) for rule in rules),
        version=rulebook.version,
        organisation=organisation,
        directory=names.directory,
        world=world,
        teams=names.teams,
        levels=tuple(BoundLevel(word, ids) for word, ids in names.levels.items()),
        urgency=names.urgency,
        program=program,
        thresholds=_thresholds((*rulebook.rules, *kept.values())),
        former=tuple(
            replace(_bound(rule, program), id=name, text=name.rpartition("@")[2])
            for name, rule in kept.items()
            if name not in unfit
        ),
        unfit=unfit,
    )


def _check(
    rule: Rule, organisation: Organisation, names: Names, bound: dict[State, BoundState], calendars: Mapping[str, Calendar]
) -> None:
    """Everything about one rule that does not fit becomes a problem of `names`; its states are bound."""
    where = f"{rule.place}, rule {rule.id}" if rule.place else f"rule {rule.id}"
    for condition in _parts(rule):
        if isinstance(condition, State):
            bound[condition] = names.state(condition, where)
        names.problems += _impossible(condition, where)
        names.problems += names.misfits(condition, where)
    for duration in _durations(rule):
        names.problems += _duration(duration, calendars, where, names)
    if rule.calendar is not None and rule.calendar not in {*calendars, *CALENDARS_OF_THE_TICKET}:
        names.problems.append(names.unknown("calendar", rule.calendar, calendars, where))
    _check_actions(rule, organisation, names, where)
    for team in rule.only_to:
        names.team(team, where)


def _of_leading(rule: Rule, twins: Twins | None) -> Rule:
    """The rule for the leading one of twins alone: to lead is a gate, and no part of what must have lasted."""
    if twins is None:
        return rule
    return replace(rule, condition=All((rule.condition, State(twins.field, OneOf(twins.leading)))))


def _thresholds(rules: Iterable[Rule]) -> dict[str, tuple[int, ...]]:
    """Of all rules, those of other sources too: one count is kept for all."""
    found: dict[str, set[int]] = {}
    for rule in rules:
        for condition in conditions_of(rule) if rule.mode is not Mode.DRAFT else ():
            for name, edges in thresholds(condition).items():
                found.setdefault(name, set()).update(edges)
    return {name: tuple(sorted(edges)) for name, edges in found.items() if name in CLUSTERED}


def _to_acknowledge(
    organisation: Organisation, teams: Mapping[str, tuple[str, ...]]
) -> Mapping[Value, tuple[tuple[str, Duration], ...]]:
    found: dict[Value, tuple[tuple[str, Duration], ...]] = {}
    for tier in (tier for chain in organisation.chains.values() for tier in chain.tiers):
        if tier.acknowledge_within is not None:
            for team_id in teams.get(tier.team, ()):
                found[team_id] = (*found.get(team_id, ()), (tier.team, tier.acknowledge_within))
    return found


def conditions_of(rule: Rule) -> Iterator[Condition]:
    """The rule's own condition, then those of its steps and of what holds back its writes."""
    yield rule.condition
    for step in rule.steps:
        yield from (condition for condition in (step.begins, step.unless) if condition is not None)
    if rule.hold_while is not None:
        yield rule.hold_while


def _applies(rule: Rule, source: str) -> bool:
    return rule.applies_to.sources is None or source in rule.applies_to.sources


def _parts(rule: Rule) -> Iterator[Condition]:
    for condition in conditions_of(rule):
        yield from walk(condition)


def _bound(rule: Rule, program: Program) -> BoundRule:
    number, *_ = map(program.add, conditions_of(rule))
    at_once = len(rule.steps) == 1 and rule.steps[0] == Step(rule.steps[0].actions)
    if rule.confidential:
        return BoundRule(rule, number, rule.id, (Told(rule.condition, number, REASON),), at_once)
    parts = dict.fromkeys(told(rule.condition))
    words = tuple(Told(part, program.number(part), phrase(part)) for part in parts)
    text = text_of(rule)
    return BoundRule(rule, number, rule.id, words, at_once, "" if text is None else text.version)


def _durations(rule: Rule) -> Iterator[Duration]:
    for condition in _parts(rule):
        yield from durations_of(condition)
    for step in rule.steps:
        if step.after is not None:
            yield step.after
    yield from (action.within for action in rule.actions if isinstance(action, Arbiter) and action.within is not None)
    if rule.repeat is not None:
        yield rule.repeat.every


def calendars_used(rule: Rule) -> frozenset[str]:
    """The calendars that a rule counts on, those that a ticket gives among them."""
    named = (name for condition in _parts(rule) for name in calendars_of(condition))
    return frozenset(filter(None, (*named, *(duration.calendar for duration in _durations(rule)))))


def _duration(duration: Duration, calendars: Mapping[str, Calendar], where: str, names: Names) -> Iterator[str]:
    if duration.milliseconds < 0 or duration.business_days < 0:
        yield f"{where}: {duration} is less than nothing"
    if duration.calendar is not None and duration.calendar not in {*calendars, *CALENDARS_OF_THE_TICKET}:
        yield names.unknown("calendar", duration.calendar, calendars, where)
    if duration.calendar is None and duration.business_days:
        yield f"{where}: {duration} is counted in business days, which needs a calendar"


def _impossible(condition: object, where: str) -> Iterator[str]:
    match condition:
        case Clock(duration=Duration(business_days=days)) if days:
            # a sum of stretches has no local time that could come round n working days later
            yield f"{where}: a clock sums up hours, not business days; write {condition.duration} in business hours"
        case State(field=name) if name.startswith(RELATED) and name not in CLUSTERED:
            known = ", ".join(known.removeprefix(RELATED) for known in CLUSTERED if known.startswith(RELATED))
            yield f"{where}: tickets related by {name.removeprefix(RELATED)} are not counted; there are: {known}"
        case Count(at_least=at_least) if at_least < 1:
            yield f"{where}: a count of at least {at_least} would always hold; count from 1 on"
        case _:
            pass


def _check_chains(organisation: Organisation, names: Names, calendars: Mapping[str, Calendar]) -> None:
    for chain in organisation.chains.values():
        where = organisation.where("chain", chain.name)
        for tier in chain.tiers:
            names.team(tier.team, where)
            if tier.acknowledge_within is not None:
                names.problems += _duration(tier.acknowledge_within, calendars, where, names)


def _check_actions(rule: Rule, organisation: Organisation, names: Names, where: str) -> None:
    for action in rule.actions:
        match action:
            case Escalate(chain, enter_at, to):
                names.chain(chain, where)
                tiers = organisation.chains[chain].tiers if chain in organisation.chains else ()
                for team, consequence in ((enter_at, "enter"), (to, "be moved")):
                    if team is not None:
                        names.team(team, where)
                        if tiers and team not in [tier.team for tier in tiers]:
                            problem = f"{where}: {team} is no tier of the chain {chain}, so nothing can {consequence} there"
                            names.problems.append(problem)
            case Assign(team) | Restrict(team):
                if team in names.teams and not names.teams[team]:
                    names.problems.append(f"{where}: team {team} has no name in this source, so it cannot be given tickets there")
                names.team(team, where)
            case RaisePriority(_, to, not_above):
                for word in (to, not_above):
                    if word is not None:
                        names.level(word, where)
            case _:
                pass
