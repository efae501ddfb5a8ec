"""What is probably not meant in chains: tiers that nothing leads to, targets to acknowledge that nothing comes of."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from rules.conditions.tree import walk
from rules.findings import Finding, may_hold
from rules.instants import DAY
from rules.protocol.actions import Assign, Escalate
from rules.protocol.conditions import Acknowledged, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.organisation import Chain
from rules.protocol.rule import Mode, Rule
from rules.protocol.rulebook import Rulebook


def findings_of_chains(rulebook: Rulebook) -> Iterator[Finding]:
    """Everything about chains, chain by chain."""
    yield from _nameless_tiers(rulebook)
    yield from _unused_chains(rulebook)
    yield from _unreachable_tiers(rulebook)
    yield from _idle_targets(rulebook)
    yield from _long_acknowledgement(rulebook)


def _active(rulebook: Rulebook) -> list[Rule]:
    return [rule for rule in rulebook.rules if rule.mode is not Mode.DRAFT]


def _along(rule: Rule, chain: Chain) -> list[Escalate]:
    return [action for action in rule.actions if isinstance(action, Escalate) and action.chain == chain.name]


def _unused_chains(rulebook: Rulebook) -> Iterator[Finding]:
    for chain in rulebook.organisation.chains.values():
        if not any(_along(rule, chain) for rule in rulebook.rules):
            yield Finding(chain.name, "no rule escalates along this chain", rulebook.organisation.place("chain", chain.name))


def _nameless_tiers(rulebook: Rulebook) -> Iterator[Finding]:
    """Above the first tier that is named in no source a move can't lead; it is passed over."""
    for chain in rulebook.organisation.chains.values():
        for lower, upper in pairwise(chain.tiers):
            teams = [rulebook.organisation.teams.get(tier.team) for tier in (lower, upper)]
            below, above = (set(team.sources) if team else set() for team in teams)
            for source in sorted(below - above):
                yield Finding(
                    chain.name,
                    f"in {source} the tier {upper.team} has no name: tickets there are never moved to it",
                    rulebook.organisation.place("chain", chain.name),
                )


def _unreachable_tiers(rulebook: Rulebook) -> Iterator[Finding]:
    """A tier is reached from the one below it, or where a rule names it; the first is where tickets arrive."""
    active = _active(rulebook)
    for chain in rulebook.organisation.chains.values():
        climbing = [(rule, action) for rule in active for action in _along(rule, chain)]
        for lower, upper in pairwise(chain.tiers if climbing else ()):
            named = any(isinstance(a, Assign) and a.team == upper.team for rule in active for a in rule.actions)
            if not named and not any(_leads(rule, action, lower.team, upper.team) for rule, action in climbing):
                yield Finding(
                    chain.name,
                    f"no rule leads to the tier {upper.team}: none looks at tickets of {lower.team}",
                    rulebook.organisation.place("chain", chain.name),
                )


def _leads(rule: Rule, action: Escalate, lower: str, upper: str) -> bool:
    if upper in {action.to, action.enter_at} or action.from_last_resolving_team:
        return True
    return action.to is None and _may_hold_at(rule, lower)


def _may_hold_at(rule: Rule, team: str) -> bool:
    """Whether the rule can act on a ticket that the team has."""

    def verdict(state: State) -> bool | None:
        if state.field in {"team", "tier"} and isinstance(state.test, OneOf):
            return team in state.test.values if not (state.field == "tier" and None in state.test.values) else None
        return None

    return may_hold(rule.condition, verdict)


def _idle_targets(rulebook: Rulebook) -> Iterator[Finding]:
    """A target to acknowledge makes nothing happen by itself: a rule must look at the tickets that are past it."""
    active = _active(rulebook)
    asked = any(isinstance(part, Acknowledged) for rule in active for part in _conditions(rule))
    for chain in rulebook.organisation.chains.values():
        climbing = [rule for rule in active if _along(rule, chain)]
        for tier in chain.tiers if climbing and not asked else ():
            if tier.acknowledge_within is not None and not any(_may_hold_at(rule, tier.team) for rule in climbing):
                sentence = (
                    f"{tier.team} has {tier.acknowledge_within} to acknowledge, and no rule looks at its tickets afterwards"
                )
                yield Finding(chain.name, sentence, rulebook.organisation.place("chain", chain.name))


def _conditions(rule: Rule) -> Iterator[object]:
    yield from walk(rule.condition)
    for step in rule.steps:
        for condition in (step.unless, step.begins):
            if condition is not None:
                yield from walk(condition)


def _long_acknowledgement(rulebook: Rulebook) -> Iterator[Finding]:
    """While a tier may still acknowledge, other escalations wait: a repetition that is shorter comes to nothing."""
    for rule in rulebook.rules:
        chains = [rulebook.organisation.chains[action.chain] for action in rule.actions if isinstance(action, Escalate)]
        for tier in (tier for chain in dict.fromkeys(chains) for tier in chain.tiers):
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
