"""When a rule escalates a ticket that nobody touches: for which values, how long after which arrival."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rules.instants import FOREVER, Instant
from rules.lifetime import lifetime
from rules.protocol import (
    AddLabel,
    All,
    Arbiter,
    Assign,
    AtProvider,
    Condition,
    Digest,
    Escalate,
    Mode,
    Not,
    Propose,
    RaisePriority,
    Restrict,
    Rule,
    SetField,
    Step,
    Tell,
)
from rules.prove.facts import OTHER
from rules.prove.moves import escalated, raised
from rules.prove.solver import Formula
from rules.prove.timing import NextOpening, Opening, Timing, later, latest
from rules.prove.untouched import Untouched, Way
from rules.ticket import RESTRICTED_TO, Value

_MOST = 64


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule escalates tickets with such values at this instant, where it lies in its lifetime; it may do so sooner.

    `likely`: values with which it does so unless what other rules write comes in between.
    """

    rule: str
    values: Formula
    likely: Formula
    timing: Timing
    lifetime: tuple[Instant, Instant]

    def in_life(self, at: Instant) -> Instant:
        """The instant of the timing, where the rule is alive then; else FOREVER."""
        begins, ends = self.lifetime
        return at if begins <= at < ends else FOREVER


def firings_of(rule: Rule, untouched: Untouched) -> Iterator[Firing]:
    """The rule's escalations that are sure, at most so many for each of its steps."""
    condition: Condition = rule.condition
    if rule.hold_while is not None:
        condition = All((condition, Not(rule.hold_while)))
    lives = lifetime(replace(rule, mode=Mode.LIVE), untouched.bound.calendars)
    solver = untouched.solver
    for way in untouched.ways(condition):
        ladder = [(way.values, _first(way))]
        for number, step in enumerate(rule.steps):
            ladder = [each for known in ladder for each in _nominal(step, number, known, way, rule, untouched)][:_MOST]
            for values, timing in ladder:
                taken = [values, _escalates(step, rule, untouched)]
                if step.unless is not None:
                    taken.append(untouched.never(step.unless))
                sure = solver.simplified(solver.all_of(taken))
                yield Firing(rule.id, sure, sure, timing, lives)


def _first(way: Way) -> Timing:
    return way.begins if way.within is None else Opening(way.begins, way.within)


def _nominal(
    step: Step, number: int, known: tuple[Formula, Timing], way: Way, rule: Rule, untouched: Untouched
) -> Iterator[tuple[Formula, Timing]]:
    """When the step is due, given when the one before it is; nothing where the rule may have ceased to hold by then."""
    values, before = known
    plain = step.after is None and step.begins is None and not step.at_opening
    if plain and number == 0:
        yield known
        return
    if way.within is not None:
        return
    starts = [Way(untouched.solver.truth(known=True), way.begins)] if step.begins is None else untouched.ways(step.begins)
    for start in starts:
        if start.within is not None:
            continue
        begins = latest(way.begins, start.begins)
        calendars = untouched.bound.calendars
        if step.after is not None:
            begins = later(begins, step.after, calendars)
        opening = step.opening_of or rule.calendar
        if step.at_opening and opening is not None:
            begins = NextOpening(begins, calendars[opening])
        yield untouched.solver.all_of([values, start.values]), latest(before, begins) if number else begins


def _escalates(step: Step, rule: Rule, untouched: Untouched) -> Formula:
    """Values with which the step moves the ticket, raises it, or lets somebody know."""
    return untouched.solver.any_of(_does(action, rule, untouched) for action in step.actions)


def _does(action: object, rule: Rule, untouched: Untouched) -> Formula:
    facts, bound = untouched.facts, untouched.bound
    values = facts.words.values
    match action:
        case Escalate():
            return facts.among("team", [value for value in values["team"] if _leads_on(action, value, rule, untouched)])
        case Assign(team):
            ids = bound.teams.get(team, ())
            allowed = not rule.only_to or team in rule.only_to
            return facts.among("team", [value for value in values["team"] if ids and value not in ids and allowed])
        case RaisePriority():
            return facts.among("priority", [value for value in values["priority"] if raised(action, value, bound)])
        case _:
            return untouched.solver.truth(known=isinstance(action, Tell | Digest | Arbiter | AtProvider | Propose))


def _leads_on(action: Escalate, team: Value, rule: Rule, untouched: Untouched) -> bool:
    """Whether a ticket of the team moves up, or somebody at the top of the chain is told once more."""
    found = escalated(action, team, rule, untouched.bound)
    if found.team is not None:
        return True
    teams = untouched.bound.organisation.teams
    here = next((name for name, ids in untouched.bound.teams.items() if team in ids), "")
    return found.top and here in teams and bool(teams[here].on_call or teams[here].lead)


def steadied(firings: Sequence[Firing], rules: Sequence[Rule], untouched: Untouched) -> tuple[Firing, ...]:
    """The firings that other rules' labels and fields, written before them, don't prevent."""
    solver, facts, values = untouched.solver, untouched.facts, untouched.facts.words.values
    writes: list[tuple[Formula, Formula]] = []
    for action in dict.fromkeys(action for rule in rules for action in rule.actions):
        match action:
            case AddLabel(label):
                known = label if label in facts.words.labels else OTHER
                writes.append((facts.label(known), solver.truth(known=True)))
            case SetField(field, value) if field in values:
                place = values[field].index(value if value in values[field] else OTHER)
                writes.append((facts.field(field), solver.make.IntVal(place)))
            case Restrict(team) if RESTRICTED_TO in values:
                ids = untouched.bound.teams.get(team, ())
                place = values[RESTRICTED_TO].index(ids[0] if ids and ids[0] in values[RESTRICTED_TO] else OTHER)
                writes.append((facts.field(RESTRICTED_TO), solver.make.IntVal(place)))
            case _:
                pass
    found = []
    for firing in firings:
        formula = firing.values
        for pair in dict.fromkeys(writes):  # one after the other, so that every combination is among them
            formula = solver.all_of([formula, solver.exchanged(formula, [pair])])
            formula = solver.simplified(formula)
        found.append(replace(firing, values=formula))
    return tuple(found)
