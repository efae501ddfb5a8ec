"""What all questions about one protocol share: its rules in its own words, the years looked at, the solver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from rules.binding import BoundRules, conditions_of
from rules.instants import FOREVER
from rules.protocol.conditions import Condition
from rules.protocol.rule import Mode, Rule, Step
from rules.protocol.rulebook import Rulebook
from rules.prove.facts import Facts, Vocabulary
from rules.prove.look import Learnt, Look
from rules.prove.solver import Solver
from rules.prove.waits import Years
from rules.stories import bound_for, zone_of
from rules.world import World

_GUARD = "guard "


class Setting:
    """A protocol that is being looked at. Raises BindingError where its rules don't fit its own words."""

    def __init__(self, rulebook: Rulebook, world: World, guards: Sequence[Condition], years: Years, seconds: float) -> None:
        asked = tuple(Rule(f"{_GUARD}{n}", "", guard, (Step(()),)) for n, guard in enumerate(guards))
        active = tuple(rule for rule in rulebook.rules if rule.mode is not Mode.DRAFT)
        self.rulebook = rulebook
        self.years = years
        self.bound: BoundRules = bound_for(replace(rulebook, rules=(*active, *asked)), world)
        self.rules = tuple(rule.rule for rule in self.bound.rules if not rule.id.startswith(_GUARD))
        self.confidential = frozenset(rule.id for rule in rulebook.rules if rule.confidential)
        self.conditions = tuple(part for rule in self.bound.rules for part in conditions_of(rule.rule))
        self.words = Vocabulary(self.bound, self.conditions)
        self.solver = Solver(seconds)
        self._learnt = Learnt()
        self._possible: dict[Condition, bool] = {}

    def look(self, name: str = "", facts: Facts | None = None) -> Look:
        """A ticket at some instant."""
        return Look(self.solver, self.words, self.years, self.possible, name, facts, self._learnt)

    def possible(self, condition: Condition) -> bool:
        """Whether a condition can hold at some instant of some ticket; True where that is in doubt."""
        known = self._possible.get(condition)
        if known is None:
            look = self.look("possible")
            holds = look.holds(condition)
            known = self._possible[condition] = self.solver.ask([holds, *look.constraints()]).possible is not False
        return known

    def zone(self, rule: Rule | None = None) -> ZoneInfo:
        """The zone in which instants are said."""
        return zone_of(self.rulebook, rule.calendar if rule is not None else self.rulebook.organisation.calendar)

    def source_of(self, rule: Rule) -> frozenset[str] | None:
        """Where a rule applies; None for everywhere."""
        written = next((each for each in self.rulebook.rules if each.id == rule.id), rule)
        sources = written.applies_to.sources
        return None if sources is None else frozenset(sources)


NO_END = FOREVER
