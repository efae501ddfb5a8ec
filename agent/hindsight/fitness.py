"""Does the protocol still fit the organisation? Each finding with its evidence, since when, and a change to talk about.

Changes are diffs of the protocol's files that can be loaded and that lint has nothing new to say of; a person decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from agent.hindsight.audit import Audited, OfRule
from agent.hindsight.suggestion import Change, Suggestions
from rules.audit import Outcome
from rules.conditions.tree import durations_of, walk
from rules.evidence import SHOWN, Evidence
from rules.instants import HOUR, MINUTE, Instant
from rules.protocol.actions import Escalate
from rules.protocol.durations import Duration
from rules.protocol.organisation import Chain
from rules.protocol.rule import Mode
from rules.world import Person

MOSTLY: Final = 0.5
ALWAYS: Final = 0.8
WORKS: Final = 0.05
ELSEWHEN: Final = 0.25
ENOUGH: Final = 20
"""Fewer than that show nothing."""


class Misfit(NamedTuple):
    """Something in which the protocol and the desk differ.

    `evidence` are tickets, `since` the first instant (of those audited) at which it shows, `change` is a unified diff; "" where
    hoist knows of none.
    """

    what: str
    evidence: tuple[str, ...]
    since: Instant | None
    change: str


def misfits(found: Audited) -> list[Misfit]:
    """All of them."""
    looked = _Fitness(found)
    return [*looked.rules(), *looked.people(), *looked.chains(), *looked.targets(), *looked.idle_teams(), *looked.hours()]


class _Fitness:
    """An audit, looked through for what does not fit."""

    def __init__(self, found: Audited) -> None:
        self.found, self.bound, self.organisation = found, found.rules, found.rules.organisation
        self.suggested = Suggestions(found.loaded)

    # --- rules -----------------------------------------------------------------------------------------------------------

    def rules(self) -> Iterator[Misfit]:
        """Rules that are never or nearly always due, that people take back, whose tickets go to another tier."""
        alive = self.found.population.alive
        for rule, of_rule in self.found.of_rule.items():
            if alive >= ENOUGH and not of_rule.outcomes.total():
                yield self._never(rule, of_rule, alive)
            elif alive >= ENOUGH and of_rule.tickets >= ALWAYS * alive:
                what = f"{rule} was due on {of_rule.tickets:,} of {alive:,} tickets: it tells nobody which ones need them"
                yield Misfit(what, _tickets(of_rule), min(of_rule.first.values()), self._rarer(rule))
            yield from self._taken_back(rule, of_rule)
            yield from self._elsewhere(rule, of_rule)

    def _never(self, rule: str, of_rule: OfRule, alive: int) -> Misfit:
        if of_rule.unknown >= MOSTLY * alive:
            what = f"{rule} can't be due: of {of_rule.unknown:,} of {alive:,} tickets something that it asks for is not known"
            return Misfit(what, (), self.found.asked.since, "")
        return Misfit(f"{rule} was due on none of {alive:,} tickets", (), self.found.asked.since, self._quieter(rule))

    def _rarer(self, rule: str) -> str:
        """Twice the rule's first length of time, to begin with."""
        spans = [span for part in walk(self.bound.by_id[rule].rule.condition) for span in durations_of(part)]
        return self.suggested.best(*(self.suggested.longer(rule, span) for span in spans[:1]), *self._modes(rule))

    def _quieter(self, rule: str) -> str:
        return self.suggested.best(*self._modes(rule))

    def _modes(self, rule: str) -> list[Change]:
        live = self.bound.by_id[rule].rule.mode is Mode.LIVE
        return [self.suggested.with_mode(rule, mode) for mode in (("watch", "draft") if live else ("draft",))]

    def _taken_back(self, rule: str, of_rule: OfRule) -> Iterator[Misfit]:
        undone = of_rule.outcomes[Outcome.OVERRIDDEN]
        made = undone + of_rule.outcomes[Outcome.BY_HOIST] + of_rule.outcomes[Outcome.BY_HOIST_LATE]
        if undone and undone >= MOSTLY * made and rule in self.bound.by_id:
            what = f"{rule}: people took back {undone:,} of {made:,} changes that it made"
            yield Misfit(what, _tickets(of_rule, Outcome.OVERRIDDEN), of_rule.first[Outcome.OVERRIDDEN], self._quieter(rule))

    def _elsewhere(self, rule: str, of_rule: OfRule) -> Iterator[Misfit]:
        due = of_rule.outcomes.total() - of_rule.outcomes[Outcome.HELD_BACK]
        elsewhere = of_rule.outcomes[Outcome.WRONG_TIER]
        if due >= ENOUGH and elsewhere >= MOSTLY * due and rule in self.bound.by_id:
            often = [team for team, _ in of_rule.elsewhere.most_common(1)]
            most = "".join(f", most often to {self._name(team)}" for team in often)
            what = f"{rule}: people moved {elsewhere:,} of {due:,} tickets to another tier than it names{most}"
            change = self.suggested.best(*(change for team in often for change in self._toward(rule, team)))
            yield Misfit(what, _tickets(of_rule, Outcome.WRONG_TIER), of_rule.first[Outcome.WRONG_TIER], change)

    def _toward(self, rule: str, team_id: str) -> Iterator[Change]:
        """Another chain with that team for the rule, or the team in the rule's own chain."""
        own = [action.chain for action in self.bound.by_id[rule].rule.actions if isinstance(action, Escalate)]
        for mine in own[:1]:
            for chain in self.organisation.chains.values():
                if chain.name != mine and team_id in self._ids(chain):
                    yield self.suggested.with_chain(rule, mine, chain.name)
            yield self._joined(self.organisation.chains[mine], team_id)

    # --- people ----------------------------------------------------------------------------------------------------------

    def people(self) -> Iterator[Misfit]:
        """Tiers without people; leads of tiers, and people in roles, who have left."""
        for chain in self.organisation.chains.values():
            for team in (tier.team for tier in chain.tiers):
                if self._is_empty(team):
                    seen = self._acts(team)
                    change = self.suggested.best(self.suggested.without_tier(chain.name, team))
                    yield Misfit(
                        f"{team}, a tier of the chain {chain.name}, has no people", tuple(seen.tickets), self._after(seen), change
                    )
        chains_of: dict[str, list[str]] = {}
        for chain in self.organisation.chains.values():
            for tier in chain.tiers:
                chains_of.setdefault(tier.team, []).append(chain.name)
        for team, names in chains_of.items():
            yield from self._gone_lead(team, " and ".join(names))
        for role, who in self.organisation.roles.items():
            for gone in self._gone(who):
                seen = self.found.of_leavers.get(gone.id, Evidence())
                change = self.suggested.best(*(self.suggested.with_role(role, other) for other in self._heirs(gone)))
                yield Misfit(f"{who} is {role} and has left", tuple(seen.tickets), self._after(seen), change)

    def _is_empty(self, team: str) -> bool:
        ids, members = self.bound.teams.get(team, ()), self.bound.directory.members
        known = [members[one] for one in ids if one in members] if members is not None else []
        people = self.bound.directory.people
        return bool(known) and not any(person not in people or people[person].active for each in known for person in each)

    def _gone_lead(self, team: str, chains: str) -> Iterator[Misfit]:
        known = self.organisation.teams.get(team)
        lead = known.lead if known is not None else ""
        for gone in self._gone(lead):
            seen = self.found.of_leavers.get(gone.id, Evidence())
            changes = [self.suggested.with_lead(team, other) for other in (*self._heirs(gone), None)]
            what = f"{lead} leads {team}, a tier of {chains}, and has left"
            yield Misfit(what, tuple(seen.tickets), self._after(seen), self.suggested.best(*changes))

    def _gone(self, who: str) -> list[Person]:
        """The person so named, where nobody of that name is active."""
        named = [each for each in self.bound.directory.people.values() if who and who in {each.email, each.id, each.name}]
        return [] if any(each.active for each in named) else named[:1]

    def _heirs(self, gone: Person) -> list[str]:
        """Who stands in for them, or managed them, by e-mail address."""
        directory = self.bound.directory
        named = (known.get(gone.id, "") for known in (directory.deputies, directory.managers))
        people = (directory.people.get(one) for one in named)
        return [person.email for person in people if person is not None and person.active and person.email]

    def _acts(self, team: str) -> Evidence:
        """What was done to tickets while that team had them."""
        seen = [self.found.movement.acts.get(one, Evidence()) for one in self.bound.teams.get(team, ())]
        return max(seen, key=lambda each: each.last, default=Evidence())

    def _after(self, seen: Evidence) -> Instant:
        """The last sign of life, or the beginning of what was audited."""
        return seen.last if seen.number else self.found.asked.since

    # --- chains ----------------------------------------------------------------------------------------------------------

    def chains(self) -> Iterator[Misfit]:
        """Two neighbouring tiers between which tickets go down more often than up."""
        for chain in self.organisation.chains.values():
            for lower, upper in pairwise(tier.team for tier in chain.tiers):
                up, down = self._moves(lower, upper), self._moves(upper, lower)
                if down.number > up.number and down.number >= ENOUGH:
                    what = (
                        f"tickets go from {upper} down to {lower} more often ({down.number:,}) than up ({up.number:,}), against"
                        f" the chain {chain.name}"
                    )
                    change = self.suggested.best(self.suggested.swapped(chain.name, lower, upper))
                    yield Misfit(what, tuple(down.tickets), down.first, change)

    def _moves(self, one: str, other: str) -> Evidence:
        """From one team of the organisation to another."""
        found, ids = Evidence(), self.bound.teams
        for before in ids.get(one, ()):
            for after in ids.get(other, ()):
                found.join(self.found.passages.moves.get((before, after), Evidence()))
        return found

    def idle_teams(self) -> Iterator[Misfit]:
        """Teams that do the work and stand in no chain."""
        movement = self.found.movement
        in_chains = {one for chain in self.organisation.chains.values() for one in self._ids(chain)}
        busy = [(team, acts) for team, acts in movement.acts.items() if acts.number >= WORKS * movement.total >= WORKS * ENOUGH]
        for team, acts in sorted(busy, key=lambda each: -each[1].number):
            if team not in in_chains:
                share = f"{acts.number / movement.total:.0%}"
                what = f"{self._name(team)} did {share} of all that the staff did, and stands in no chain"
                changes = [self._joined(chain, team) for chain in self.organisation.chains.values()]
                yield Misfit(what, tuple(acts.tickets), acts.first, self.suggested.best(*changes))

    def _joined(self, chain: Chain, team_id: str) -> Change:
        """The chain with that team above the tier that gives it most tickets."""
        given = {tier.team: self._given(tier.team, team_id) for tier in chain.tiers}
        after = max(given, key=lambda team: given[team])
        known = next((name for name, ids in self.bound.teams.items() if team_id in ids), None)
        if known is not None:
            return self.suggested.with_tier(chain.name, after, known)
        name = self._name(team_id)
        team = self.suggested.with_team(name, self.bound.source, name)
        return [*team, *self.suggested.with_tier(chain.name, after, name)]

    def _given(self, team: str, team_id: str) -> int:
        moves = self.found.passages.moves
        return sum(moves.get((one, team_id), Evidence()).number for one in self.bound.teams.get(team, ()))

    def _ids(self, chain: Chain) -> set[str]:
        return {one for tier in chain.tiers for one in self.bound.teams.get(tier.team, ())}

    def _name(self, team_id: str) -> str:
        return self.bound.directory.teams.get(team_id, team_id)

    # --- times -----------------------------------------------------------------------------------------------------------

    def targets(self) -> Iterator[Misfit]:
        """Times to take a ticket that less than half keep; what is suggested is the time that three of four did keep."""
        for team, of_tier in self.found.acknowledged.of_tier.items():
            if of_tier.judged < ENOUGH or of_tier.met >= MOSTLY * of_tier.judged:
                continue
            what = f"{team} took {of_tier.met:,} of {of_tier.judged:,} tickets within the time its chain gives it"
            changes = [
                self.suggested.with_target(
                    chain.name, team, _kept_by_most(of_tier.waited.percentile(75), tier.acknowledge_within)
                )
                for chain in self.organisation.chains.values()
                for tier in chain.tiers
                if tier.team == team and tier.acknowledge_within is not None
            ]
            yield Misfit(what, tuple(of_tier.missed.tickets), of_tier.missed.first, self.suggested.best(*changes))

    def hours(self) -> Iterator[Misfit]:
        """A calendar against the hours at which the staff really works."""
        movement = self.found.movement
        closed = movement.closed
        if movement.total < ENOUGH or closed.number < ELSEWHEN * movement.total:
            return
        calendar = self.organisation.calendar or "always"
        opens, closes = movement.hours()
        share = f"{closed.number / movement.total:.0%}"
        what = (
            f"{share} of what the staff does is done while the calendar {calendar} is closed; nine of ten acts on weekdays lie"
            f" between {opens:02}:00 and {closes:02}:00"
        )
        change = self.suggested.with_hours(calendar, f'{{mon-fri: "{opens:02}:00-{closes:02}:00"}}')
        yield Misfit(what, tuple(closed.tickets), closed.first, self.suggested.best(change))


def _tickets(of_rule: OfRule, *outcomes: Outcome) -> tuple[str, ...]:
    entries = [entry for outcome in outcomes or of_rule.examples for entry in of_rule.examples.get(outcome, ())]
    return tuple(dict.fromkeys(entry.ticket for entry in entries))[:SHOWN]


def _kept_by_most(waited: int | None, target: Duration) -> str:
    """A time that three of four did keep, in whole minutes or, from two hours on, hours."""
    unit, length = ("hour", HOUR) if (waited or 0) > 2 * HOUR else ("minute", MINUTE)
    number = max(1, -(-(waited or 0) // length))
    business = "business " if target.calendar is not None or target.business_days else ""
    return f"{number} {business}{unit}{'' if number == 1 else 's'}"
