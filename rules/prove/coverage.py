"""Tickets that meet a guard and that no rule escalates in time if nobody acts: one of them, or that there is none.

For every arrival that can be the worst one, the rules that are in time then are known; the solver looks for values that meet the
guard and that none of these rules escalates. What it finds is run through the engine before it is told.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rules.binding import BoundRule, conditions_of
from rules.conditions.tree import walk
from rules.confidential import own_teams
from rules.instants import FOREVER, MINUTE, Instant
from rules.phrases import phrase
from rules.protocol.conditions import All, AnyOf, Condition, InWindow, Not, OneOf, State
from rules.protocol.rule import Mode, Rule
from rules.protocol.rulebook import Rulebook
from rules.prove.facts import LABELS, OTHER, Facts, Vocabulary
from rules.prove.firings import Firing, firings_of, steadied
from rules.prove.proofs import Example, Guard, Kind, Proof, Question
from rules.prove.replay import Written, ticket_of, written
from rules.prove.setting import Setting
from rules.prove.solver import Formula
from rules.prove.timing import AT_ONCE, Columns, Timing, arrivals_of, later
from rules.prove.untouched import Keeper, Untouched
from rules.prove.wording import at_local, described, lasting, lines, listed
from rules.ticket import Status, Ticket, Value

_HOLES_TOLD: Final = 3
_REFUTED: Final = 12
_FACT_ORDER: Final = ("priority", "status", "team", "assignee", "requester", LABELS)
_USUAL: Final[Mapping[str, tuple[Value, ...]]] = {
    "status": (Status.NEW.value, Status.OPEN.value),
    "assignee": (None, OTHER),
    "requester": (OTHER,),
    "due": (None,),
}


@dataclass(frozen=True, slots=True)
class _Times:
    """How long after an arrival each firing comes (FOREVER: never), and how long it may take."""

    arrival: Instant
    waits: tuple[int, ...]
    allowed: int


@dataclass(frozen=True, slots=True)
class _Hole:
    """A ticket that is not escalated in time, by the formulas."""

    values: dict[str, Value]
    arrival: Instant


def coverage(setting: Setting, guards: Sequence[Guard]) -> Iterator[Proof]:
    """An answer for each guard, and each group of sources that have the same rules."""
    grounds = [_Ground(setting, rules, where) for rules, where in _groups(setting)]
    for guard in guards:
        if not _looks_at_fields_alone(guard.condition):
            sentence = "is not known to be covered: only what fields say can be asked of such tickets, nothing that takes time"
            yield Proof(Question.COVERED, Kind.UNDECIDED, guard.text, sentence)
            continue
        for ground in grounds:
            yield from _Search(ground, guard).answers()


def usual_guards(rulebook: Rulebook) -> tuple[Guard, ...]:
    """The two most urgent priorities, new and open."""
    return tuple(guard_of_priority(level.name) for level in rulebook.organisation.priorities[:2])


def guard_of_priority(word: str) -> Guard:
    """Tickets of a priority that are new or open."""
    statuses = State("status", OneOf((Status.NEW.value, Status.OPEN.value)))
    return Guard(f"priority: {word}, status: [new, open]", All((State("priority", OneOf((word,))), statuses)))


def _looks_at_fields_alone(condition: Condition) -> bool:
    return all(isinstance(part, State | All | AnyOf | Not) for part in walk(condition))


def _groups(setting: Setting) -> Iterator[tuple[tuple[Rule, ...], str]]:
    """The rules of each source; sources with the same rules are one group."""
    sources = sorted({source for rule in setting.rules for source in setting.source_of(rule) or ()})
    everywhere = tuple(rule for rule in setting.rules if setting.source_of(rule) is None)
    if not sources:
        yield everywhere, ""
        return
    groups: dict[tuple[str, ...], list[str]] = {}
    for source in [*sources, ""]:
        applying = tuple(r.id for r in setting.rules if (of := setting.source_of(r)) is None or source in of)
        groups.setdefault(applying, []).append(source or "any other source")
    for ids, names in groups.items():
        yield tuple(rule for rule in setting.rules if rule.id in ids), f" in {listed(names)}"


def _keepers(setting: Setting, rules: Sequence[Rule]) -> Iterator[Keeper]:
    for rule in rules:
        if rule.id in setting.confidential:
            teams = own_teams(replace(rule, confidential=True), setting.bound.organisation)
            yield Keeper(rule.condition, teams or frozenset())


class _Ground:
    """What all guards share: tickets' values, and when the rules of one source escalate them."""

    def __init__(self, setting: Setting, rules: tuple[Rule, ...], where: str) -> None:
        self.setting, self.rules, self.where = setting, rules, where
        self.facts = Facts(setting.solver, Vocabulary(setting.bound, setting.conditions, lists=True), "ticket")
        untouched = Untouched(self.facts, setting.bound, setting.years, [*_keepers(setting, rules)])
        self.all = steadied([firing for rule in rules for firing in firings_of(rule, untouched)], rules, untouched)
        self.firings = tuple(firing for firing in self.all if not setting.solver.make.is_false(firing.values))
        self._known: dict[Hashable, tuple[_Times, ...]] = {}
        self._columns: dict[Timing, Columns] = {}

    def times(self, firings: tuple[Firing, ...], deadline: Timing | None) -> tuple[_Times, ...]:
        """For every arrival that can be the worst, when each of the firings comes and how long it may take."""
        key = (tuple((firing.timing, firing.lifetime, firing.nobody) for firing in firings), deadline or AT_ONCE)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._times(firings, deadline or AT_ONCE)
        return known

    def _times(self, firings: tuple[Firing, ...], deadline: Timing) -> tuple[_Times, ...]:
        columns = self._columns.get(deadline)
        if columns is None:
            columns = self._columns[deadline] = Columns(self._arrivals(deadline))
        waits = [
            [FOREVER if at >= FOREVER else at - arrival for arrival, at in zip(columns.arrivals, fires, strict=True)]
            for fires in (map(firing.effective, columns.of(firing.timing)) for firing in firings)
        ]
        allowed = [arrival - at for arrival, at in zip(columns.arrivals, columns.of(deadline), strict=True)]
        found: dict[tuple[int, ...], Instant] = {}
        for arrival, row in zip(columns.arrivals, zip(allowed, *waits, strict=True), strict=True):
            found.setdefault(row, arrival)
        return tuple(_Times(found[each], each[1:], -each[0]) for each in _worst(list(found)))

    def _arrivals(self, deadline: Timing) -> list[Instant]:
        """Every arrival that can be the worst, whichever of the firings are asked for."""
        years = self.setting.years
        timings = dict.fromkeys((*(firing.timing for firing in self.firings), deadline))
        edges = dict.fromkeys((firing.timing, edge) for firing in self.firings for edge in firing.edges)
        arrivals = {at for timing in timings for at in timing.breaks(years)}
        arrivals |= {at for timing, edge in edges for at in arrivals_of(timing, edge - 1, years)}
        return sorted(at for at in arrivals if years.start <= at < years.end)


class _Search:
    """One guard on one ground."""

    def __init__(self, ground: _Ground, guard: Guard) -> None:
        self.setting, self.guard, self.rules, self.where = ground.setting, guard, ground.rules, ground.where
        self.solver, self.facts = ground.setting.solver, ground.facts
        self.ground = ground
        self.meets = _met(guard.condition, self.facts)
        self.firings = tuple(each for each in ground.firings if self._possible([self.meets, each.values]) is not False)
        within = guard.within
        self.deadline = None if within is None else later(AT_ONCE, within, self.setting.bound.calendars)
        plain = within is None or within.calendar is None
        self.times = ground.times(self.firings, None if plain else self.deadline)
        self.among: list[BoundRule] = [self.setting.bound.rule(rule.id) for rule in self.rules]
        self.surprising: dict[str, None] = {}

    def answers(self) -> Iterator[Proof]:
        """What can be said of the guard."""
        if self._possible([self.meets]) is False:
            yield self._proof(Kind.UNDECIDED, "no ticket is like that, so nothing is said of it")
            return
        holes = list(self._holes())
        yield from (self._told(hole, step) for hole, step in holes)
        if self.surprising:
            names = ", ".join(self.surprising)
            sentence = f"is not known to be covered{self._in()}: what these rules do for it can't be foreseen: {names}"
            yield self._proof(Kind.UNDECIDED, sentence)
        elif not holes:
            yield self._covered()

    # --- time --------------------------------------------------------------------------------------------------------------

    def _in_time(self, within: int | None) -> dict[tuple[int, ...], Instant]:
        """Which firings come within so long, None: in the guard's time, for the worst arrivals; the fewest first."""
        found: dict[tuple[int, ...], Instant] = {}
        for times in self.times:
            bound = self._allowed(times) if within is None else within
            found.setdefault(tuple(n for n, wait in enumerate(times.waits) if wait <= bound), times.arrival)
        fewest = [numbers for numbers in found if not any(set(other) < set(numbers) for other in found)]
        return {numbers: found[numbers] for numbers in sorted(fewest, key=lambda numbers: (len(numbers), numbers))}

    def _allowed(self, times: _Times) -> int:
        within = self.guard.within
        if within is None:
            return FOREVER - 1
        return times.allowed if within.calendar is not None else within.milliseconds

    # --- holes -------------------------------------------------------------------------------------------------------------

    def _holes(self) -> Iterator[tuple[_Hole, Written | None]]:
        """Tickets that the engine, too, does not escalate in time, each with its first escalation, if any."""
        blocked: list[Formula] = []
        told = refuted = 0
        for numbers, arrival in self._in_time(None).items():
            missed = [self.solver.no(self.firings[n].values) for n in numbers]
            while told < _HOLES_TOLD:
                values = self._plainest([self.meets, *missed, *blocked])
                if values is None:
                    break
                hole, first = self._run(values, arrival)
                if first is None or self._late(hole, first):
                    told += 1
                    yield hole, first
                    odd = self._odd(values)
                    if not odd:
                        return
                    blocked.append(self._differs(odd))
                    continue
                refuted += 1
                blocked.append(self._unlike(values, first.rules))
                self.surprising |= dict.fromkeys(first.rules)
                if refuted >= _REFUTED:
                    return

    def _run(self, values: dict[str, Value], arrival: Instant) -> tuple[_Hole, Written | None]:
        """A ticket with these values and its first escalation, arriving at a whole minute if that is as bad."""
        hole = _Hole(values, -(-arrival // MINUTE) * MINUTE)
        first = self._first(hole)
        if hole.arrival == arrival or first is None or self._late(hole, first):
            return hole, first
        hole = _Hole(values, arrival)
        return hole, self._first(hole)

    def _late(self, hole: _Hole, first: Written) -> bool:
        return self.deadline is not None and first.at > self.deadline.at(hole.arrival)

    def _first(self, hole: _Hole) -> Written | None:
        """The first escalation of such a ticket, by the engine."""
        steps = written(self.setting.bound, self._ticket(hole), self.among, confidential=self.setting.confidential)
        return next((step for step in steps if step.escalates), None)

    def _ticket(self, hole: _Hole) -> Ticket:
        return ticket_of(self.setting.bound, hole.values, hole.arrival)

    def _plainest(self, asked: list[Formula]) -> dict[str, Value] | None:
        """The plainest values that fulfil the formulas: usual ones wherever they will do; None where none do."""
        if self._possible(asked) is not True:
            return None
        for label in (*self.facts.words.labels, OTHER):
            asked = self._if_possible(asked, self.solver.no(self.facts.label(label)))
        for name in self._fields():
            for value in (*_USUAL.get(name, ()), *self._first_line(name)):
                if value in self.facts.words.values[name]:
                    narrower = self._if_possible(asked, self.facts.has(name, value))
                    if narrower is not asked:
                        asked = narrower
                        break
        answer = self.solver.ask([*asked, *self.facts.constraints()])
        return self.facts.values_in(answer.model) if answer.possible else None

    def _first_line(self, name: str) -> tuple[Value, ...]:
        organisation = self.setting.bound.organisation
        tiers = [tier.team for chain in organisation.chains.values() for tier in chain.tiers]
        return tuple(dict.fromkeys(tiers)) if name == "team" else (OTHER, None) if name not in _USUAL else ()

    def _fields(self) -> list[str]:
        known = self.facts.words.values
        return [name for name in (*_FACT_ORDER, *sorted(known.keys() - set(_FACT_ORDER))) if name in known]

    def _if_possible(self, asked: list[Formula], more: Formula) -> list[Formula]:
        return [*asked, more] if self._possible([*asked, more]) is True else asked

    def _possible(self, asked: Sequence[Formula]) -> bool | None:
        return self.solver.ask([*asked, *self.facts.constraints()]).possible

    def _differs(self, values: Mapping[str, Value]) -> Formula:
        """The ticket differs in at least one of these."""
        different = []
        for name, value in values.items():
            if name == LABELS:
                labels = value if isinstance(value, tuple) else ()
                different += [self.solver.no(self.facts.label(label)) for label in labels]
            else:
                different.append(self.solver.no(self.facts.has(name, value)))
        return self.solver.any_of(different)

    def _unlike(self, values: Mapping[str, Value], rules: Sequence[str]) -> Formula:
        """No ticket that these rules are as likely to escalate as one with such values."""
        same = self.solver.no(self._differs(values))
        firings = (each for each in self.ground.all if each.rule in rules)
        likely = [each.likely for each in firings if self._possible([same, each.likely]) is True]
        return self.solver.no(self.solver.any_of(likely)) if likely else self._differs(values)

    def _odd(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """What is not as usual about a ticket; what the guard asks for left out."""
        odd: dict[str, Value] = {}
        guarded = {part.field for part in walk(self.guard.condition) if isinstance(part, State)}
        for name, value in values.items():
            if name == LABELS and value:
                odd[name] = value
            elif name not in guarded and name != LABELS:
                usual = (*_USUAL.get(name, ()), *self._first_line(name))[:1]
                if value not in usual:
                    odd[name] = value
        return odd

    # --- sentences ---------------------------------------------------------------------------------------------------------

    def _told(self, hole: _Hole, first: Written | None) -> Proof:
        zone = self.setting.zone()
        shown = self._worth_saying(hole.values)
        late = (
            "and never is" if first is None else f"the first is {listed(first.names)}, after {lasting(first.at - hole.arrival)}"
        )
        when = "" if first is None and self.guard.within is None else f" that arrives {at_local(hole.arrival, zone)}"
        sentence = f"{described(shown)}{when}{self.where} is escalated by no rule{self._in()} if nobody acts"
        sentence += "" if self.guard.within is None else f"; {late}"
        steps = [] if first is None else [first]
        story = Example(self._ticket(hole), lines(self._ticket(hole), shown, steps, zone, ("team", "priority")))
        return self._proof(Kind.FOUND, sentence, story)

    def _worth_saying(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """What the guard asks for, and what else matters."""
        odd, guarded = self._odd(values), {part.field for part in walk(self.guard.condition) if isinstance(part, State)}
        always = {"priority", "status", "team", "assignee"} | guarded
        return {name: values[name] for name in (*_FACT_ORDER, *sorted(values)) if name in values and name in always | odd.keys()}

    def _in(self) -> str:
        return "" if self.guard.within is None else f" within {self.guard.within}"

    def _covered(self) -> Proof:
        bound = self._smallest()
        watching = {firing.rule for firing in self.firings} & {rule.id for rule in self.rules if rule.mode is not Mode.LIVE}
        looked_at = (part for rule in self.rules for whole in conditions_of(rule) for part in walk(whole))
        windows = {part.name for part in looked_at if isinstance(part, InWindow)}
        years = self.setting.years
        said = f"within {lasting(bound)}" if bound is not None else "in the end"
        sentence = f"every ticket{self.where} of which {phrase(self.guard.condition)} is escalated {said} if nobody acts"
        sentence += f", whenever it arrives from {years.first} to {years.last}"
        if windows:
            sentence += f", outside of {listed(sorted(windows))}"
        if watching:
            sentence += f" (once {listed(sorted(watching), 'and')} {'is' if len(watching) == 1 else 'are'} live)"
        return self._proof(Kind.PROVED, sentence)

    def _smallest(self) -> int | None:
        """The shortest time within which every such ticket is escalated."""
        waits = sorted({wait for times in self.times for wait in times.waits if wait < FOREVER // 2})
        low, high = 0, len(waits)
        while low < high:
            middle = (low + high) // 2
            if self._all_within(waits[middle]):
                high = middle
            else:
                low = middle + 1
        return waits[low] if low < len(waits) else None

    def _all_within(self, within: int) -> bool:
        return all(
            self._possible([self.meets, *(self.solver.no(self.firings[n].values) for n in numbers)]) is False
            for numbers in self._in_time(within)
        )

    def _proof(self, kind: Kind, sentence: str, story: Example | None = None) -> Proof:
        return Proof(Question.COVERED, kind, self.guard.text, sentence, story)


def _met(condition: Condition, facts: Facts) -> Formula:
    match condition:
        case All(parts=parts):
            return facts.solver.all_of(_met(part, facts) for part in parts)
        case AnyOf(parts=parts):
            return facts.solver.any_of(_met(part, facts) for part in parts)
        case Not(part=part):
            return facts.solver.no(_met(part, facts))
        case State():
            return facts.state(condition).holds
        case _:
            raise TypeError(f"{condition} looks at more than fields")


def _worst(waits: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Those that none of the others is at least as long as in every respect."""
    kept: list[tuple[int, ...]] = []
    for each in sorted(waits, key=lambda one: (-sum(one), one)):
        if not any(all(a >= b for a, b in zip(other, each, strict=True)) for other in kept):
            kept.append(each)
    return kept
