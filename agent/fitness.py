"""Does the protocol still fit the organisation? Each finding with its evidence, and a change of the rulebook to talk about.

The suggestions are drafts: they show which lines would change, and a person decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from agent.audit import Audited, OfRule
from rules.audit import Outcome
from rules.binding import BoundRules
from rules.conditions.tree import durations_of, walk
from rules.instants import Instant
from rules.phrases import length
from rules.protocol.actions import Escalate
from rules.protocol.organisation import Chain

MOSTLY: Final = 0.5
ALWAYS: Final = 0.8
WORKS: Final = 0.05
ELSEWHEN: Final = 0.25
ENOUGH: Final = 20
"""Fewer than that show nothing."""


class Misfit(NamedTuple):
    """Something in which the protocol and the desk differ. `change` are lines of a diff, `evidence` tickets or numbers."""

    what: str
    evidence: tuple[str, ...]
    since: Instant | None
    change: str


def misfits(found: Audited) -> list[Misfit]:
    """All of them."""
    return [*_rules(found), *_chains(found), *_targets(found), *_idle_teams(found), *_hours(found)]


# --- rules ---------------------------------------------------------------------------------------------------------------


def _rules(found: Audited) -> Iterator[Misfit]:
    alive = found.population.alive
    for rule, of_rule in found.of_rule.items():
        due = of_rule.outcomes.total() - of_rule.outcomes[Outcome.HELD_BACK]
        if alive >= ENOUGH and not of_rule.outcomes.total():
            yield Misfit(
                f"{rule} was due on none of {alive:,} tickets", (), None, _diff("rules.yaml", f"rule: {rule}", "", "mode: watch")
            )
        elif alive >= ENOUGH and of_rule.tickets >= ALWAYS * alive:
            yield Misfit(
                f"{rule} was due on {of_rule.tickets:,} of {alive:,} tickets: it tells nobody which ones need them",
                _tickets(of_rule),
                _since(of_rule),
                _longer(found.rules, rule),
            )
        undone = of_rule.outcomes[Outcome.OVERRIDDEN]
        written = undone + of_rule.outcomes[Outcome.BY_HOIST] + of_rule.outcomes[Outcome.BY_HOIST_LATE]
        if undone and undone >= MOSTLY * written:
            yield Misfit(
                f"{rule}: people took back {undone:,} of {written:,} changes that it made",
                tuple(entry.ticket for entry in of_rule.examples.get(Outcome.OVERRIDDEN, ())),
                _since(of_rule),
                _diff("rules.yaml", f"rule: {rule}", "mode: live", "mode: watch"),
            )
        elsewhere = of_rule.outcomes[Outcome.WRONG_TIER]
        if due >= ENOUGH and elsewhere >= MOSTLY * due:
            yield Misfit(
                f"{rule}: people moved {elsewhere:,} of {due:,} tickets, to another tier than it names",
                tuple(entry.ticket for entry in of_rule.examples.get(Outcome.WRONG_TIER, ())),
                _since(of_rule),
                _other_chain(found.rules, rule),
            )


def _longer(rules: BoundRules, rule: str) -> str:
    """Twice the rule's first length of time, to begin with."""
    bound = rules.by_id.get(rule)
    spans = [] if bound is None else [each for part in walk(bound.rule.condition) for each in durations_of(part)]
    if not spans or not spans[0].milliseconds:
        return _diff("rules.yaml", f"rule: {rule}", "", "priority: [P1, P2]")
    return _diff("rules.yaml", f"rule: {rule}", str(spans[0]), length(2 * spans[0].milliseconds))


def _other_chain(rules: BoundRules, rule: str) -> str:
    bound = rules.by_id.get(rule)
    chains = [] if bound is None else [action.chain for action in bound.rule.actions if isinstance(action, Escalate)]
    chain = chains[0] if chains else "CHAIN"
    return _diff("rules.yaml", f"rule: {rule}", f"- escalate: {chain}", "- escalate: THE-CHAIN-THAT-PEOPLE-FOLLOW")


def _tickets(of_rule: OfRule) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.ticket for entries in of_rule.examples.values() for entry in entries))[:3]


def _since(of_rule: OfRule) -> Instant | None:
    return min((entry.due for entries in of_rule.examples.values() for entry in entries), default=None)


# --- chains --------------------------------------------------------------------------------------------------------------


def _chains(found: Audited) -> Iterator[Misfit]:
    rules = found.rules
    for chain in rules.organisation.chains.values():
        for tier in chain.tiers:
            ids = rules.teams.get(tier.team, ())
            members = rules.directory.members
            if ids and members is not None and any(one in members for one in ids) and not any(members.get(one) for one in ids):
                yield Misfit(
                    f"{tier.team}, a tier of the chain {chain.name}, has no people", (), None, _without(chain, tier.team)
                )
            lead = _gone_lead(rules, tier.team)
            if lead:
                yield Misfit(
                    f"{lead} leads {tier.team}, a tier of the chain {chain.name}, and has left",
                    (),
                    None,
                    _diff("organisation.yaml", f"{tier.team}:", f"lead: {lead}", "lead: WHO-LEADS-IT-NOW"),
                )
        yield from _against_the_order(found, chain)


def _gone_lead(rules: BoundRules, team: str) -> str:
    known = rules.organisation.teams.get(team)
    lead = known.lead if known is not None else ""
    people = [person for person in rules.directory.people.values() if lead and lead in {person.email, person.id, person.name}]
    return lead if lead and people and not any(person.active for person in people) else ""


def _against_the_order(found: Audited, chain: Chain) -> Iterator[Misfit]:
    """Two neighbouring tiers between which tickets go down more often than up."""
    rules, teams = found.rules, [tier.team for tier in chain.tiers]
    for lower, upper in pairwise(chain.tiers):
        below, above = set(rules.teams.get(lower.team, ())), set(rules.teams.get(upper.team, ()))
        moves = found.passages.moves
        up = sum(number for (a, b), number in moves.items() if a in below and b in above)
        down = sum(number for (a, b), number in moves.items() if a in above and b in below)
        if down > up and down >= ENOUGH:
            yield Misfit(
                f"tickets go from {upper.team} down to {lower.team} more often ({down:,}) than up ({up:,}), against the chain"
                f" {chain.name}",
                (),
                None,
                _diff("organisation.yaml", f"{chain.name}:", _listed(teams), _listed(_swapped(teams, lower.team, upper.team))),
            )


def _listed(teams: list[str]) -> str:
    return f"[{', '.join(teams)}]"


def _swapped(teams: list[str], one: str, other: str) -> list[str]:
    return [{one: other, other: one}.get(team, team) for team in teams]


def _without(chain: Chain, team: str) -> str:
    return _diff("organisation.yaml", f"{chain.name}:", f"- team: {team}", "")


def _targets(found: Audited) -> Iterator[Misfit]:
    """The suggestion is the time that three of four did keep."""
    for tier, of_tier in found.acknowledged.of_tier.items():
        if of_tier.judged >= ENOUGH and of_tier.met < MOSTLY * of_tier.judged:
            yield Misfit(
                f"{tier} took {of_tier.met:,} of {of_tier.judged:,} tickets within the time its chain gives it",
                tuple(of_tier.examples),
                None,
                _diff(
                    "organisation.yaml",
                    f"- team: {tier}",
                    f"acknowledge_within: {_target(found.rules, tier)}",
                    f"acknowledge_within: {length(of_tier.waited.percentile(75) or 0)}",
                ),
            )


def _target(rules: BoundRules, team: str) -> str:
    tiers = (tier for chain in rules.organisation.chains.values() for tier in chain.tiers if tier.team == team)
    return next((str(tier.acknowledge_within) for tier in tiers if tier.acknowledge_within is not None), "")


def _idle_teams(found: Audited) -> Iterator[Misfit]:
    """Teams that do the work and stand in no chain."""
    rules = found.rules
    in_chains = {
        one for chain in rules.organisation.chains.values() for tier in chain.tiers for one in rules.teams.get(tier.team, ())
    }
    for team, acts in found.movement.acts.most_common():
        if acts < WORKS * found.movement.total or found.movement.total < ENOUGH:
            return
        if team not in in_chains:
            name = rules.directory.teams.get(team, team)
            yield Misfit(
                f"{name} did {acts / found.movement.total:.0%} of all that the staff did, and stands in no chain",
                (),
                found.movement.first.get(team),
                _diff("organisation.yaml", "chains:", "", f"- team: {name}"),
            )


def _hours(found: Audited) -> Iterator[Misfit]:
    movement, organisation = found.movement, found.rules.organisation
    if movement.total >= ENOUGH and movement.closed >= ELSEWHEN * movement.total:
        calendar = organisation.calendar or "always"
        opens, closes = movement.hours()
        yield Misfit(
            f"{movement.closed / movement.total:.0%} of what the staff does is done while the calendar {calendar} is closed;"
            f" nine of ten acts on weekdays lie between {opens:02}:00 and {closes:02}:00",
            (),
            None,
            _diff("organisation.yaml", f"{calendar}:", "", f'hours: {{mon-fri: "{opens:02}:00-{closes:02}:00"}}'),
        )


def _diff(file: str, place: str, old: str, new: str) -> str:
    """Lines as in a diff: where, what goes, what comes."""
    return "\n".join([f"@@ {file}: {place}", *([f"-  {old}"] if old else []), *([f"+  {new}"] if new else [])])
