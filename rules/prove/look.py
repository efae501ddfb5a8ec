"""What must be so of a ticket, at one instant of some history that it may have, for a condition to hold then or not to hold.

Each condition becomes two formulas that are *necessary*: for it surely to hold, and surely not to hold. Whatever is not told
apart here is left open, so where no ticket fulfils the formulas, no ticket fulfils the condition; the reverse is not said.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace

from rules.calendars import weekly
from rules.conditions.tree import walk
from rules.instants import Instant
from rules.protocol.conditions import (
    Acknowledged,
    All,
    AnyOf,
    Clock,
    Condition,
    Count,
    Due,
    Ever,
    FirstReply,
    Held,
    Hours,
    InWindow,
    Lingering,
    Not,
    Silent,
    State,
    Target,
    Unanswered,
    Unchanged,
    Until,
)
from rules.protocol.durations import CALENDARS_OF_THE_TICKET, Duration
from rules.prove.counting import no_more_than
from rules.prove.facts import Facts, Sides, Vocabulary
from rules.prove.solver import Formula, Solver
from rules.prove.stopwatches import Stopwatch, Stopwatches
from rules.prove.waits import Years
from rules.ticket import TARGET, Kind

_TOUCHES, _REPLIES = "touches", "replies"


@dataclass(frozen=True, slots=True)
class Learnt:
    """Which condition implies which, and which hours come together."""

    implied: dict[tuple[Condition, Condition], bool] = field(default_factory=dict)
    together: dict[tuple[Hours, ...], tuple[tuple[bool, ...], ...]] = field(default_factory=dict)


class Look:
    """A ticket at one instant. `possible` tells whether a condition can hold at any instant at all; True where in doubt.

    `learnt` keeps what is so of every ticket, for all looks at the same words and years.
    """

    def __init__(
        self,
        solver: Solver,
        words: Vocabulary,
        years: Years,
        possible: Callable[[Condition], bool],
        name: str = "",
        facts: Facts | None = None,
        learnt: Learnt | None = None,
    ) -> None:
        self.solver, self.words, self.name, self.possible = solver, words, name, possible
        self.learnt = Learnt() if learnt is None else learnt
        self.facts = Facts(solver, words, name) if facts is None else facts
        self.watches = Stopwatches(solver, words.bound.world.calendars, years, name)
        self.years = years
        self.rules: list[Formula] = []
        self._sides: dict[Condition, Sides] = {}
        self._free: dict[Hashable, Formula] = {}
        self._counts: dict[Count, Formula] = {}
        self._hours: dict[Hours, Formula] = {}
        self._held: list[tuple[Condition, Stopwatch]] = []

    def constraints(self) -> list[Formula]:
        """What is so of any ticket; asked for when all conditions were looked at."""
        return [
            *self.rules,
            *self._ordered_counts(),
            *self._possible_hours(),
            *self._ordered_stretches(),
            *self.facts.constraints(),
            *self.watches.constraints(),
        ]

    def sides(self, condition: Condition) -> Sides:
        """What must be so for the condition to hold, and for it not to."""
        known = self._sides.get(condition)
        if known is None:
            known = self._sides[condition] = self._made(condition)
        return known

    def holds(self, condition: Condition) -> Formula:
        """What must be so for the condition to hold."""
        return self.sides(condition).holds

    def fails(self, condition: Condition) -> Formula:
        """What must be so for the condition not to hold."""
        return self.sides(condition).fails

    def _made(self, condition: Condition) -> Sides:
        solver = self.solver
        match condition:
            case State():
                return self.facts.state(condition)
            case All(parts=parts):
                sides = [self.sides(part) for part in parts]
                return Sides(solver.all_of(s.holds for s in sides), solver.any_of(s.fails for s in sides))
            case AnyOf(parts=parts):
                sides = [self.sides(part) for part in parts]
                return Sides(solver.any_of(s.holds for s in sides), solver.all_of(s.fails for s in sides))
            case Not(part=part):
                inner = self.sides(part)
                return Sides(inner.fails, inner.holds)
            case Held():
                return self._held_for(condition)
            case Count():
                return self._either(self._count(condition) >= condition.at_least)
            case Until() | Lingering() | Ever() | Clock():
                return self._with_a_past(condition)
            case Silent() | Unanswered() | Unchanged() | Due() | Target():
                return self._over_time(condition)
            case Hours() | InWindow() | Acknowledged() | FirstReply():
                return self._either(self._gate(condition))

    def _either(self, formula: Formula) -> Sides:
        return Sides(formula, self.solver.no(formula))

    def _open(self, *what: Hashable) -> Formula:
        """Something that may be so or not, the same each time."""
        known = self._free.get(what)
        if known is None:
            known = self._free[what] = self.solver.whether(f"{self.name} open {len(self._free)}")
        return known

    # --- what lasts --------------------------------------------------------------------------------------------------------

    def _held_for(self, condition: Held) -> Sides:
        part, duration = condition.part, condition.duration
        if isinstance(part, All) and part.parts:  # all of it has lasted so long where each part has
            return self._made(All(tuple(Held(each, duration) for each in part.parts)))
        if isinstance(part, Held) and _plain(part.duration) and _plain(duration):
            return self._held_for(Held(part.part, Duration(part.duration.milliseconds + duration.milliseconds)))
        inner = self.sides(part)
        watch = self.watches.of(("held", part))
        if all(part != known for known, _ in self._held):
            self._held.append((part, watch))
        reached = self.watches.reached(watch, duration)
        return Sides(self.solver.all_of([inner.holds, reached]), self.solver.any_of([inner.fails, self.solver.no(reached)]))

    def _ordered_stretches(self) -> list[Formula]:
        """What holds wherever another thing holds has lasted for at least as long."""
        found = []
        for one, watch in self._held:
            for other, longer in self._held:
                if watch is not longer and self._implies(one, other):
                    found.append(watch.plain <= longer.plain)
            if isinstance(one, State) and one.field != "tier":
                own = self.watches.of(("unchanged", one.field))
                found.append(self.solver.implies(self.holds(one), watch.plain >= own.plain))
        return found

    def _implies(self, one: Condition, other: Condition) -> bool:
        if _fields(one).isdisjoint(_fields(other)):  # nothing that the one says is about what the other asks
            return False
        known = self.learnt.implied.get((one, other))
        if known is None:
            beside = Look(self.solver, self.words, self.years, self.possible, f"{self.name} beside", learnt=self.learnt)
            asked = [beside.holds(one), beside.fails(other)]
            never = one == other or (not beside._held and self.solver.ask([*asked, *beside.constraints()]).possible is False)
            known = self.learnt.implied[one, other] = never
        return known

    def _over_time(self, condition: Silent | Unanswered | Unchanged | Due | Target) -> Sides:
        match condition:
            case Silent(duration, kinds, replies_only):
                return self._either(self.watches.reached(self._silence(frozenset(kinds), replies_only=replies_only), duration))
            case Unanswered():
                return self._either(self._unanswered(condition))
            case Unchanged(field, duration):
                return self._either(self.watches.reached(self.watches.of(("unchanged", field)), duration))
            case Due():
                return self._due(condition)
            case Target():
                return self._target(condition)

    def _silence(self, kinds: frozenset[Kind], *, replies_only: bool) -> Stopwatch:
        """That of several kinds is as long as the shortest of theirs; a message is a touch as well."""
        key = ("silent", kinds, replies_only)
        watch = self.watches.of(key)
        if self._free.get(key) is None:
            self._free[key] = watch.plain
            if replies_only:
                self.rules.append(self._silence(kinds, replies_only=False).plain <= watch.plain)
            if len(kinds) > 1:
                singles = [self._silence(frozenset((kind,)), replies_only=replies_only) for kind in sorted(kinds)]
                self.rules += [watch.plain <= single.plain for single in singles]
                self.rules.append(self.solver.any_of(watch.plain == single.plain for single in singles))
        return watch

    def _unanswered(self, condition: Unanswered) -> Formula:
        side, touches = condition.waiting_for, condition.touch_answers
        answered_by = _TOUCHES if touches else _REPLIES
        waits, watch = self._open("waits", side, answered_by), self.watches.of(("waits", side, answered_by))
        if touches:
            longer, sooner = self.watches.of(("waits", side, _REPLIES)), self._open("waits", side, _REPLIES)
            self.rules.append(self.solver.implies(waits, self.solver.all_of([sooner, watch.plain <= longer.plain])))
        elif side is Kind.STAFF:
            never = self.solver.no(self._open("first reply"))
            since = [waits, watch.plain == self.watches.age.plain]
            self.rules.append(self.solver.implies(never, self.solver.all_of(since)))
        return self.solver.all_of([waits, self.watches.reached(watch, condition.duration)])

    # --- dates -------------------------------------------------------------------------------------------------------------

    def _dated(self, field: str) -> tuple[Formula, Formula]:
        """Whether there is a date, and how far ahead it is (less than nothing: so long ago)."""
        there = self._open("dated", field)
        if ("date", field) not in self._free:
            self._free["date", field] = self.solver.amount(f"{self.name} until {field}")
            self.rules.append(there == self.solver.no(self.facts.has(field, None)))
        return there, self._free["date", field]

    def _due(self, condition: Due) -> Sides:
        there, ahead = self._dated(condition.field)
        if condition.passed_for is not None:
            long_ago = self._open("past", condition.field, condition.passed_for)
            if _plain(condition.passed_for):
                long_ago = -ahead >= condition.passed_for.milliseconds
            near = self.solver.all_of([ahead <= 0, long_ago])
        elif _plain(condition.within):
            near = ahead <= condition.within.milliseconds
        else:
            left = self._left(condition)
            near = self.solver.any_of([ahead <= 0, left])
        return self._either(self.solver.all_of([there, near]))

    def _left(self, condition: Due) -> Formula:
        within = condition.within
        key = ("left", condition.field, within.calendar, bool(within.business_days))
        if key not in self._free:
            self._free[key] = self.solver.amount(f"{self.name} left {len(self._free)}")
        enough: Formula = self._free[key] <= (within.business_days or within.milliseconds)
        if not within.business_days:  # business time is never longer than the time that it lies in
            _, ahead = self._dated(condition.field)
            self.rules.append(self.solver.implies(ahead <= within.milliseconds, enough))
        return enough

    def _target(self, condition: Target) -> Sides:
        runs, ahead = self._dated(f"{TARGET}{condition.name}")
        if condition.percent is not None:
            key = ("used", condition.name, condition.calendar)
            if key not in self._free:
                self._free[key] = self.solver.amount(f"{self.name} used {len(self._free)}")
            near = self._free[key] >= condition.percent
        elif condition.within is None or _plain(condition.within):
            near = ahead <= (0 if condition.within is None else condition.within.milliseconds)
        else:
            near = self.solver.truth(known=True)
        # one that hoist's own write moved does not count at once
        return self._either(self.solver.all_of([runs, near, self._open("target", condition)]))

    # --- what has a past ---------------------------------------------------------------------------------------------------

    def _with_a_past(self, condition: Until | Lingering | Ever | Clock) -> Sides:
        solver, still = self.solver, self._open(condition)
        match condition:
            case Until(part, ended):
                inner, over = self.sides(part), self.sides(ended)
                return Sides(solver.all_of([inner.holds, over.fails, still]), solver.any_of([inner.fails, solver.no(still)]))
            case Lingering(part, goes_on):
                if not self.possible(part):
                    return Sides(solver.truth(known=False), solver.truth(known=True))
                inner = self.sides(part)
                return Sides(
                    solver.any_of([inner.holds, solver.all_of([self.holds(goes_on), still])]),
                    solver.all_of([inner.fails, solver.no(still)]),
                )
            case Ever(part):
                if not self.possible(part):
                    return Sides(solver.truth(known=False), solver.truth(known=True))
                return Sides(still, solver.all_of([self.fails(part), solver.no(still)]))
            case Clock():
                return self._clock(condition)

    def _clock(self, condition: Clock) -> Sides:
        going = condition.running
        if condition.pause_while is not None:
            going = All((going, Not(condition.pause_while)))
        if condition.duration.milliseconds and not self.possible(going):
            return Sides(self.solver.truth(known=False), self.solver.truth(known=True))
        sum_ = self.watches.of(("clock", replace(condition, duration=Duration())), unbroken=False)
        return self._either(self.watches.reached(sum_, condition.duration))

    def _count(self, count: Count) -> Formula:
        meant = replace(count, at_least=1, again=False)
        known = self._counts.get(meant)
        if known is None:
            known = self._counts[meant] = self.solver.number(f"{self.name} count {len(self._counts)}")
            self.rules.append(known >= 0)
        return known

    def _ordered_counts(self) -> list[Formula]:
        return [
            number <= other_number
            for count, number in self._counts.items()
            for other, other_number in self._counts.items()
            if count != other and no_more_than(count, other)
        ]

    # --- gates -------------------------------------------------------------------------------------------------------------

    def _gate(self, condition: Hours | InWindow | Acknowledged | FirstReply) -> Formula:
        match condition:
            case Hours():
                inside = replace(condition, outside=False)
                known = self._hours.setdefault(inside, self._open("hours", inside))
                return self.solver.no(known) if condition.outside else known
            case InWindow(name):
                return self._open("window", name)
            case FirstReply():
                return self._open("first reply")
            case Acknowledged(expires):
                ever = self._open("acknowledged")
                if expires is None:
                    return ever
                return self.solver.all_of([ever, self.solver.no(self._expired(expires))])

    def _expired(self, expires: Duration) -> Formula:
        return self.watches.reached(self.watches.of("since acknowledged"), expires)

    def _possible_hours(self) -> list[Formula]:
        """Only what the calendars show together at some instant of those years can be."""
        known = tuple(hours for hours in self._hours if hours.calendar not in CALENDARS_OF_THE_TICKET)
        if not known:
            return []
        if known not in self.learnt.together:
            self.learnt.together[known] = self._together(known)
        return [
            self.solver.any_of(
                self.solver.all_of(
                    self._hours[hours] if on else self.solver.no(self._hours[hours])
                    for hours, on in zip(known, state, strict=True)
                )
                for state in self.learnt.together[known]
            )
        ]

    def _together(self, known: tuple[Hours, ...]) -> tuple[tuple[bool, ...], ...]:
        calendars = self.words.bound.world.calendars
        marks: list[tuple[Instant, int]] = []
        for number, hours in enumerate(known):
            if hours.calendar is None:
                calendar = weekly(hours.time_zone, hours.days, hours.start, hours.end)
            else:
                calendar = calendars[hours.calendar]
            marks += ((at, number) for at in calendar.open_intervals(self.years.start, self.years.end))
        shown = {state for state, at in _sweep(sorted(marks), len(known), self.years.start) if at < self.years.end}
        return tuple(sorted(shown))


def _sweep(marks: list[tuple[Instant, int]], number: int, start: Instant) -> Iterator[tuple[tuple[bool, ...], Instant]]:
    """What is on together from the start and from each mark on, at which a thing goes on or off."""
    on = [False] * number
    if not marks or marks[0][0] > start:
        yield tuple(on), start
    for place, (at, which) in enumerate(marks):
        on[which] = not on[which]
        if place + 1 == len(marks) or marks[place + 1][0] > at:
            yield tuple(on), at


def _fields(condition: Condition) -> frozenset[str]:
    """What a condition looks at: fields by name, anything else by kind."""
    parts = (part for part in walk(condition) if not isinstance(part, All | AnyOf | Not))
    named = (part.field if isinstance(part, State) else type(part).__name__ for part in parts)
    return frozenset("team" if name == "tier" else name for name in named)


def _plain(duration: Duration) -> bool:
    return duration.calendar is None and not duration.business_days
