"""When a rule escalates a ticket that nobody touches: for which values, how long after which arrival."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rules.calendars import ALWAYS as ALWAYS_OPEN
from rules.instants import FOREVER, Instant
from rules.lifetime import lifetime
from rules.protocol.actions import (
    AddLabel,
    Arbiter,
    Assign,
    AtProvider,
    Digest,
    Escalate,
    Propose,
    RaisePriority,
    Restrict,
    SetField,
    Tell,
)
from rules.protocol.conditions import All, Condition, Not
from rules.protocol.rule import Mode, Rule, Step
from rules.prove.duty import ALWAYS as NOBODY
from rules.prove.duty import NEVER, Stretches, nobody_higher, nobody_to_tell
from rules.prove.facts import OTHER, field_of_person
from rules.prove.moves import raised
from rules.prove.solver import Formula
from rules.prove.timing import NextOpening, Opening, Timing, later, latest
from rules.prove.untouched import Untouched, Way
from rules.recipients import OF_TICKET
from rules.ticket import RESTRICTED_TO

_MOST = 64


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule escalates tickets with such values at this instant, where it lies in its lifetime; it may do so sooner.

    `likely`: values with which it does so unless what other rules write comes in between. `nobody`: stretches of time in which
    nobody is there whom it could reach.
    """

    rule: str
    values: Formula
    likely: Formula
    timing: Timing
    lifetime: tuple[Instant, Instant]
    nobody: Stretches = NEVER

    def effective(self, at: Instant) -> Instant:
        """The instant of the timing, where the rule is alive and somebody is there then; else FOREVER."""
        begins, ends = self.lifetime
        return at if begins <= at < ends and not bisect_right(self.nobody, at) % 2 else FOREVER

    @property
    def edges(self) -> tuple[Instant, ...]:
        """The instants from which on that becomes otherwise."""
        return tuple(edge for edge in (*self.lifetime, *self.nobody) if 0 < edge < FOREVER)


def firings_of(rule: Rule, untouched: Untouched) -> Iterator[Firing]:
    """The rule's escalations that are sure, at most so many for each of its steps."""
    condition: Condition = rule.condition
    if rule.hold_while is not None:
        condition = All((condition, Not(rule.hold_while)))
    lives = lifetime(replace(rule, mode=Mode.LIVE), untouched.bound.calendars)
    solver = untouched.solver
    done = [tuple(_escalates(step, rule, untouched)) for step in rule.steps]
    for way in untouched.ways(condition):
        ladder = [(way.values, _first(way))]
        foreseen: list[Formula] = []
        for number, step in enumerate(rule.steps):
            ladder = [each for known in ladder for each in _nominal(step, number, known, way, rule, untouched)][:_MOST]
            taken = [*foreseen, *([untouched.never(step.unless)] if step.unless is not None else [])]
            for values, timing in ladder:
                for those, nobody in done[number]:
                    sure = solver.simplified(solver.all_of([values, those, *taken]))
                    yield Firing(rule.id, sure, sure, timing, lives, nobody)
            if step.unless is not None:  # a step that is freed late moves those above it
                foreseen.append(solver.any_of([untouched.never(step.unless), untouched.always(step.unless)]))


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
        for chosen, begins in _delayed(step, latest(way.begins, start.begins), rule, untouched):
            sure = untouched.solver.all_of([values, start.values, chosen])
            yield sure, latest(before, begins) if number else begins


def _delayed(step: Step, begins: Timing, rule: Rule, untouched: Untouched) -> Iterator[tuple[Formula, Timing]]:
    """A step's instant, from that on which it counts: its `after`, then its opening, on whichever calendar they are."""
    counted = [(untouched.solver.truth(known=True), begins)]
    if step.after is not None:
        times = list(untouched.counted(step.after))
        counted = [(chosen, later(begins, duration, untouched.bound.calendars)) for chosen, duration in times]
    opening = step.opening_of or rule.calendar
    if not step.at_opening or opening is None:
        yield from counted
        return
    for name_chosen, name in untouched.named(opening):
        opens = ALWAYS_OPEN if name is None else untouched.bound.calendars[name]
        for chosen, at in counted:
            yield untouched.solver.all_of([chosen, name_chosen]), NextOpening(at, opens)


def _escalates(step: Step, rule: Rule, untouched: Untouched) -> Iterator[tuple[Formula, Stretches]]:
    """Values with which the step moves the ticket, raises it, or lets somebody know, and when nobody is there for that.

    Those of several actions are told apart: at an instant at which one reaches nobody, another may reach somebody.
    """
    by_time: dict[Stretches, list[Formula]] = {}
    for action in step.actions:
        for values, nobody in _does(action, rule, untouched):
            if nobody != NOBODY:
                by_time.setdefault(nobody, []).append(values)
    yield from ((untouched.solver.any_of(formulas), nobody) for nobody, formulas in by_time.items())


def _does(action: object, rule: Rule, untouched: Untouched) -> Iterator[tuple[Formula, Stretches]]:
    facts, bound, years = untouched.facts, untouched.bound, untouched.years
    values = facts.words.values
    match action:
        case Escalate(chain):
            free = untouched.unkept(tier.team for tier in bound.organisation.chains[chain].tiers)
            for value in values["team"]:
                nobody = nobody_higher(action, value, rule, bound, years)
                yield untouched.solver.all_of([facts.has("team", value), free]), nobody
        case Assign(team):
            ids = bound.teams.get(team, ())
            allowed = not rule.only_to or team in rule.only_to
            others = [value for value in values["team"] if ids and value not in ids and allowed]
            yield untouched.solver.all_of([facts.among("team", others), untouched.unkept([team])]), NEVER
        case RaisePriority():
            yield facts.among("priority", [value for value in values["priority"] if raised(action, value, bound)]), NEVER
        case Tell(who=who) | Digest(to=who) | Arbiter(who=who):
            yield from _told(who, rule, untouched)
        case AtProvider() | Propose():
            yield untouched.solver.truth(known=True), NEVER
        case _:
            return


def _told(who: str, rule: Rule, untouched: Untouched) -> Iterator[tuple[Formula, Stretches]]:
    facts = untouched.facts
    if who in OF_TICKET:
        yield untouched.solver.no(facts.has(field_of_person(who), None)), NEVER
        return
    bound, years = untouched.bound, untouched.years
    absent = {value: nobody_to_tell(who, value, rule, bound, years) for value in facts.words.values["team"]}
    if len(set(absent.values())) == 1:  # whatever the team
        yield untouched.solver.truth(known=True), next(iter(absent.values()))
    else:
        yield from ((facts.has("team", value), nobody) for value, nobody in absent.items())


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
