"""What is valid in a rulebook and yet probably not meant: no rule for urgent tickets, tiers that nothing leads to, twins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from rules.calendars import calendar
from rules.conditions.tree import walk
from rules.instants import DAY
from rules.protocol import (
    All,
    AnyOf,
    Clock,
    Comment,
    Condition,
    Count,
    Duration,
    Escalate,
    Held,
    Level,
    Mode,
    Not,
    OneOf,
    Organisation,
    RaisePriority,
    Rule,
    Rulebook,
    State,
    Team,
    Tell,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. `subject` is a rule's id or a name of the organisation; `place` is file and line, or ""."""

    subject: str
    sentence: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.place + ': ' if self.place else ''}{self.subject}: {self.sentence}"


def findings(rulebook: Rulebook) -> tuple[Finding, ...]:
    """Everything worth a look, in a fixed order; none for a rulebook in good shape."""
    return tuple(finding for check in _CHECKS for finding in check(rulebook))


def _nothing_live(rulebook: Rulebook) -> Iterator[Finding]:
    active = [rule for rule in rulebook.rules if rule.mode is not Mode.DRAFT]
    if not rulebook.rules:
        yield Finding("rules", "there is no rule yet")
    elif not active:
        yield Finding("rules", "every rule is a draft: nothing is decided, noted or written")


def _nameless_teams(rulebook: Rulebook) -> Iterator[Finding]:
    for team in rulebook.organisation.teams.values():
        if not team.sources:
            yield Finding(team.name, "has no name in any source, so no ticket can be in it or go to it")


def _shared_native_teams(rulebook: Rulebook) -> Iterator[Finding]:
    owner: dict[tuple[str, str], Team] = {}
    for team in rulebook.organisation.teams.values():
        for native in ((source, name) for source, names in team.sources.items() for name in names):
            first = owner.setdefault(native, team)
            if first is not team:
                yield Finding(
                    team.name, f"is called {native[1]} in {native[0]}, and so is {first.name}; one team gets the tickets of both"
                )


def _sources_without_priorities(rulebook: Rulebook) -> Iterator[Finding]:
    levels = rulebook.organisation.priorities
    known = {source for level in levels for source in level.sources}
    for source in sorted({source for team in rulebook.organisation.teams.values() for source in team.sources} - known):
        if levels:
            yield Finding(source, "has teams but no column in the priorities: conditions on the priority are never true there")
    for level in levels:
        for source in sorted(known - set(level.sources)):
            yield Finding(level.name, f"has no name in {source}: no ticket there has this priority")


def _unused_chains(rulebook: Rulebook) -> Iterator[Finding]:
    used = {action.chain for rule in rulebook.rules for action in rule.actions if isinstance(action, Escalate)}
    for name in rulebook.organisation.chains:
        if name not in used:
            yield Finding(name, "no rule escalates along this chain")


def _tiers_never_reached(rulebook: Rulebook) -> Iterator[Finding]:
    """Above the first tier that is named in no source a move can't lead; it is passed over."""
    for chain in rulebook.organisation.chains.values():
        for lower, upper in pairwise(chain.tiers):
            teams = [rulebook.organisation.teams.get(tier.team) for tier in (lower, upper)]
            below, above = (set(team.sources) if team else set() for team in teams)
            for source in sorted(below - above):
                yield Finding(chain.name, f"in {source} the tier {upper.team} has no name: tickets there are never moved to it")


def _long_acknowledgement(rulebook: Rulebook) -> Iterator[Finding]:
    """While a tier may still acknowledge, other escalations wait: a repetition that is shorter comes to nothing."""
    for rule in rulebook.rules:
        chains = [rulebook.organisation.chains[action.chain] for action in rule.actions if isinstance(action, Escalate)]
        for tier in (tier for chain in chains for tier in chain.tiers):
            if rule.repeat and tier.acknowledge_within and _shorter(rule.repeat.every, tier.acknowledge_within):
                yield Finding(
                    rule.id,
                    f"is repeated every {rule.repeat.every}, while {tier.team} has {tier.acknowledge_within} to acknowledge",
                    rule.place,
                )


def _shorter(one: Duration, other: Duration) -> bool:
    """Only what lies on one calendar can be compared without knowing when."""
    if one.calendar != other.calendar:
        return False
    return one.milliseconds + one.business_days * DAY < other.milliseconds + other.business_days * DAY


def _uncovered_priority(rulebook: Rulebook) -> Iterator[Finding]:
    levels = rulebook.organisation.priorities
    active = [rule for rule in rulebook.rules if rule.mode is not Mode.DRAFT]
    if levels and active and not any(_may_hold(rule.condition, levels[0].name, rulebook.organisation) for rule in active):
        yield Finding(levels[0].name, "no rule looks at tickets of the most urgent priority")


def _may_hold(condition: Condition, priority: str, organisation: Organisation) -> bool:
    """Whether a ticket of this priority can fulfil it, as far as the priority alone decides."""
    match condition:
        case State(field="priority", test=test):
            return _passes(test, priority, organisation)
        case Not(part=State(field="priority", test=test)):
            return not _passes(test, priority, organisation)
        case All(parts=parts):
            return all(_may_hold(part, priority, organisation) for part in parts)
        case AnyOf(parts=parts):
            return any(_may_hold(part, priority, organisation) for part in parts)
        case Held(part=part) | Clock(running=part):
            return _may_hold(part, priority, organisation)
        case _:
            return True


def _passes(test: object, priority: str, organisation: Organisation) -> bool:
    if isinstance(test, OneOf):
        return priority in test.values
    order = [level.name for level in organisation.priorities]
    if isinstance(test, Level):
        at = order.index(priority)
        return (test.at_least is None or at <= order.index(test.at_least)) and (
            test.at_most is None or at >= order.index(test.at_most)
        )
    return True


def _twins(rulebook: Rulebook) -> Iterator[Finding]:
    first: dict[Condition, Rule] = {}
    for rule in rulebook.rules:
        twin = first.setdefault(rule.condition, rule)
        if twin is not rule:
            yield Finding(rule.id, f"has the same conditions as {twin.id}; one rule can do what both do", rule.place)


def _pointless_limit(rulebook: Rulebook) -> Iterator[Finding]:
    """A rule that raises to the least urgent priority, or not above it, changes nothing."""
    levels = rulebook.organisation.priorities
    for rule in rulebook.rules:
        for action in rule.actions:
            if isinstance(action, RaisePriority) and levels and levels[-1].name in {action.to, action.not_above}:
                yield Finding(
                    rule.id,
                    f"raises the priority to {levels[-1].name} at most, the least urgent: it never changes it",
                    rule.place,
                )


def _idle_calendars(rulebook: Rulebook) -> Iterator[Finding]:
    used = {rule.calendar for rule in rulebook.rules}
    for hours in rulebook.organisation.calendars.values():
        if hours.holidays is None and not hours.also_closed and hours.name in used and not calendar(hours).always:
            yield Finding(
                hours.name, "knows no holidays: business time goes on through them; give it `holidays:` or `also_closed:`"
            )


def _no_message(rulebook: Rulebook) -> Iterator[Finding]:
    """Whoever writes `page` expects somebody's telephone to ring."""
    for rule in rulebook.rules:
        told = dict.fromkeys(action.who for action in rule.actions if isinstance(action, Tell))
        if told:
            sentence = f"names {', '.join(told)} in the internal note only; this version of hoist sends no message"
            yield Finding(rule.id, sentence, rule.place)


def _unfilled_placeholders(rulebook: Rulebook) -> Iterator[Finding]:
    for rule in rulebook.rules:
        texts = [action.text for action in rule.actions if isinstance(action, Comment)]
        missing = {
            "count": (any(isinstance(part, Count) for part in walk(rule.condition)), "counts nothing"),
            "chain": (any(isinstance(action, Escalate) for action in rule.actions), "escalates along no chain"),
        }
        for name, (filled, why) in missing.items():
            if not filled and any(f"{{{name}}}" in text for text in texts):
                yield Finding(rule.id, f"its comment says {{{name}}}, and the rule {why}: it would read (not known)", rule.place)


_CHECKS: Final[tuple[Callable[[Rulebook], Iterator[Finding]], ...]] = (
    _nothing_live,
    _uncovered_priority,
    _nameless_teams,
    _shared_native_teams,
    _sources_without_priorities,
    _tiers_never_reached,
    _unused_chains,
    _long_acknowledgement,
    _pointless_limit,
    _idle_calendars,
    _twins,
    _no_message,
    _unfilled_placeholders,
)
