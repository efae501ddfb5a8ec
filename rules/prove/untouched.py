"""When a condition holds on a ticket that arrives with some values and that nobody touches: for which values, from when on.

What is found is *enough* for the condition to hold; of conditions that may cease to hold by themselves, or that need what nobody
does to such a ticket, nothing is found. A named window is taken to be off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from rules.binding import BoundRules
from rules.calendars import Calendar, weekly
from rules.conditions.judge import on
from rules.conditions.tree import walk
from rules.instants import Instant
from rules.intervals import complement, intersection
from rules.protocol.actions import Action, AddLabel, Restrict, SetField
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
from rules.protocol.durations import (
    CALENDAR_OF_APPROVER,
    CALENDAR_OF_REQUESTER,
    CALENDAR_OF_TIER,
    CALENDARS_OF_THE_TICKET,
    Duration,
)
from rules.prove.facts import LABELS, Facts
from rules.prove.solver import Formula
from rules.prove.timing import AT_ONCE, Later, Timing, later, latest
from rules.prove.waits import Years
from rules.ticket import RESTRICTED_TO, TARGET, Kind

_MOST = 64
"""Ways in which one condition can come to hold; of one with more, the first are enough to go by."""

Stretches = tuple[Instant, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """With such values it holds from `begins` on, whenever time lies in the stretches (None: always)."""

    values: Formula
    begins: Timing
    within: Stretches | None = None


@dataclass(frozen=True, slots=True)
class Keeper:
    """A confidential rule: as long as its condition holds, no rule moves the ticket to other teams than these."""

    condition: Condition
    teams: frozenset[str]


class Untouched:
    """Tickets to which nobody does anything. `facts` are their values, `keepers` the confidential rules that may keep them."""

    def __init__(self, facts: Facts, bound: BoundRules, years: Years, keepers: Sequence[Keeper] = ()) -> None:
        self.facts, self.bound, self.years, self.solver = facts, bound, years, facts.solver
        self.keepers = tuple(keepers)
        self._ways: dict[Condition, tuple[Way, ...]] = {}
        self._hours: dict[Hours, Stretches] = {}
        self.set = frozenset(field for rule in bound.rules for action in rule.rule.actions for field in _fields_of(action))

    def ways(self, condition: Condition) -> tuple[Way, ...]:
        """The ways in which it comes to hold, at most `_MOST`."""
        known = self._ways.get(condition)
        if known is None:
            known = self._ways[condition] = tuple(way for way, _ in zip(self._found(condition), range(_MOST), strict=False))
        return known

    def never(self, condition: Condition) -> Formula:
        """Values with which it never holds."""
        solver = self.solver
        match condition:
            case State():
                return self.facts.state(condition).fails
            case All(parts=parts):
                return solver.any_of(map(self.never, parts))
            case AnyOf(parts=parts):
                return solver.all_of(map(self.never, parts))
            case Not(part=part):
                return solver.any_of(way.values for way in self.ways(part) if way.begins == AT_ONCE and way.within is None)
            case Held(part=part) | Until(part=part) | Lingering(part=part) | Ever(part=part):
                return self.never(part)
            case Clock(running=running, duration=duration):
                return self.never(running) if duration.milliseconds else solver.truth(known=False)
            case Due() | Target():
                return self.facts.has(condition.field if isinstance(condition, Due) else f"{TARGET}{condition.name}", None)
            case _:
                waits = isinstance(condition, Unanswered) and condition.waiting_for is Kind.REQUESTER
                return solver.truth(known=waits or isinstance(condition, Count | FirstReply | Acknowledged | InWindow))

    def unkept(self, teams: Iterable[str]) -> Formula:
        """Values with which no confidential rule ever keeps others from moving the ticket to one of these teams."""
        wanted = frozenset(teams)
        return self.solver.all_of(self.never(keeper.condition) for keeper in self.keepers if not wanted <= keeper.teams)

    def always(self, condition: Condition) -> Formula:
        """Values with which it holds from the arrival on for ever, whatever the rules set; what rules set is left out."""
        if any(isinstance(part, State) and part.field in self.set for part in walk(condition)):
            return self.solver.truth(known=False)
        return self.solver.any_of(way.values for way in self.ways(condition) if way.begins == AT_ONCE and way.within is None)

    def _found(self, condition: Condition) -> Iterator[Way]:
        match condition:
            case State():
                yield Way(self.facts.state(condition).holds, AT_ONCE)
            case All(parts=parts):
                yield from self._all(tuple(self.ways(part) for part in parts))
            case AnyOf(parts=parts):
                for part in parts:
                    yield from self.ways(part)
            case Not(part=part):
                yield from self._not(part)
            case Held(part=part, duration=duration):
                for way in self.ways(part):
                    yield from self._lasting(way, duration)
            case Until(part=part, ended=ended):
                over = self.never(ended)
                yield from (replace(way, values=self.solver.all_of([way.values, over])) for way in self.ways(part))
            case Lingering(part=part):
                yield from self.ways(part)
            case Ever(part=part):
                yield from (way for way in self.ways(part) if way.within is None)
            case Clock():
                yield from self._clock(condition)
            case _:
                yield from self._by_itself(condition)

    def _by_itself(self, condition: Condition) -> Iterator[Way]:
        always = Way(self.solver.truth(known=True), AT_ONCE)
        match condition:
            case Silent(duration=duration, kinds=kinds) if Kind.HOIST not in kinds:
                yield from self._lasting(always, duration)
            case Unanswered(duration=duration, waiting_for=Kind.STAFF):
                yield from self._lasting(always, duration)
            case Unchanged(field=field, duration=duration) if field not in self.set:
                yield from self._lasting(always, duration)
            case Hours(calendar=name) if name not in CALENDARS_OF_THE_TICKET:
                yield replace(always, within=self._open(condition))
            case _:
                return

    def _all(self, parts: tuple[tuple[Way, ...], ...]) -> Iterator[Way]:
        for ways in product(*parts):
            within: Stretches | None = None
            for way in ways:
                if way.within is not None:
                    within = way.within if within is None else tuple(intersection(list(within), list(way.within)))
            yield Way(self.solver.all_of(way.values for way in ways), latest(*(way.begins for way in ways)), within)

    def _not(self, part: Condition) -> Iterator[Way]:
        match part:
            case All(parts=parts):
                for each in parts:
                    yield from self.ways(Not(each))
            case AnyOf(parts=parts):
                yield from self._all(tuple(self.ways(Not(each)) for each in parts))
            case Not(part=inner):
                yield from self.ways(inner)
            case Hours():
                yield from self.ways(replace(part, outside=not part.outside))
            case _:
                yield Way(self.never(part), AT_ONCE)

    def _clock(self, clock: Clock) -> Iterator[Way]:
        stands = [self.never(part) for part in (clock.pause_while, clock.stop) if part is not None]
        if clock.reset is not None:
            stands.append(self.solver.any_of([self.never(clock.reset), self.always(clock.reset)]))
        for way in self.ways(clock.running):
            if way.within is None:
                yield from self._lasting(replace(way, values=self.solver.all_of([way.values, *stands])), clock.duration)

    def _lasting(self, way: Way, duration: Duration) -> Iterator[Way]:
        """The way, from the instant on at which it has lasted for the duration."""
        for values, counted in self.counted(duration):
            begins = later(way.begins, counted, self.bound.world.calendars)
            within = None
            if way.within is not None:
                after = on(counted, begins.calendar).after if isinstance(begins, Later) else lambda at: at
                pairs = zip(way.within[::2], way.within[1::2], strict=True)
                within = tuple(edge for a, b in pairs if (start := after(a)) < b for edge in (start, b))
            yield Way(self.solver.all_of([way.values, values]), begins, within)

    def counted(self, duration: Duration) -> Iterator[tuple[Formula, Duration]]:
        """A duration on the calendar that it names; where the ticket's team gives it, on that of each team."""
        if duration.calendar is None:
            yield self.solver.truth(known=True), duration
            return
        for values, calendar in self.named(duration.calendar):
            if calendar is not None or not duration.business_days:
                yield values, replace(duration, calendar=calendar)

    def named(self, name: str) -> Iterator[tuple[Formula, str | None]]:
        """The calendar of a name, None for round the clock; where the ticket's team gives it, that of each team."""
        if name not in CALENDARS_OF_THE_TICKET:
            yield self.solver.truth(known=True), name
        elif name not in {CALENDAR_OF_REQUESTER, CALENDAR_OF_APPROVER}:
            organisation = self.bound.organisation
            tiers = {tier.team for chain in organisation.chains.values() for tier in chain.tiers}
            for value in self.facts.words.values["team"]:
                team = next((t for t, ids in self.bound.teams.items() if value in ids), None)
                own = organisation.teams[team].calendar if team and (name != CALENDAR_OF_TIER or team in tiers) else ""
                yield self.facts.has("team", value), own or organisation.calendar

    def _open(self, hours: Hours) -> Stretches:
        known = self._hours.get(hours)
        if known is None:
            start, end = self.years.start, Years(self.years.first, self.years.last + 1).end
            if hours.calendar is None:
                calendar: Calendar = weekly(hours.time_zone, hours.days, hours.start, hours.end)
            else:
                calendar = self.bound.world.calendars[hours.calendar]
            stretches = calendar.open_intervals(start, end)
            known = self._hours[hours] = tuple(complement(stretches, [start, end]) if hours.outside else stretches)
        return known


def _fields_of(action: Action) -> tuple[str, ...]:
    """What it writes without escalating the ticket by that."""
    match action:
        case SetField(field=field):
            return (field,)
        case AddLabel():
            return (LABELS,)
        case Restrict():
            return (RESTRICTED_TO,)
        case _:
            return ()
