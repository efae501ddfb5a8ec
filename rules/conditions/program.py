"""All conditions of a rulebook as one program: a numbered judge for each different condition.

Conditions that mean the same share a number, so what several rules look at is judged once per ticket. Parts are asked for when a
condition needs them and remembered in the ticket's memo, where explanations find them again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any

from rules.calendars import ALWAYS, Calendar, weekly
from rules.conditions import attention, clock, counts, due, ends, lingering, logic, silence, states, stays, targets, times
from rules.conditions.cost import cost
from rules.conditions.judge import AnyLength, Judge, Memo, Span, Within, on
from rules.conditions.of_ticket import Given, Way, calendar_of_ticket, measured, measured_events
from rules.conditions.source import Source
from rules.conditions.standing import Plain, standing
from rules.conditions.states import BoundState
from rules.conditions.tree import is_gate, walk
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
from rules.protocol.durations import CALENDAR_OF_APPROVER, CALENDAR_OF_REQUESTER, CALENDARS_OF_THE_TICKET, Duration
from rules.ticket import Value
from rules.timeline import Timeline
from rules.world import World


class Program:
    """Grows by `add` while a rulebook is bound and never changes afterwards.

    `bound` holds every state condition in the source's values. Every calendar and window that a condition names must be in the
    world; `otherwise` names the calendar of teams and requesters that have none of their own. `judges` are those of all numbers,
    `within` those that can be asked for a part of a ticket's life; both are read only.
    """

    def __init__(self, bound: Mapping[State, BoundState], world: World, source: Source) -> None:
        self._bound = bound
        self._world = world
        self._source = source
        self._in_turn: dict[str, Callable[[Timeline, Memo], Given]] = {}
        self.judges: list[Judge] = []
        self.within: dict[int, Within] = {}
        self._numbers: dict[Condition, int] = {}
        self._known: dict[Hashable, int] = {}
        self._plain: dict[int, tuple[Plain, ...]] = {}

    def add(self, condition: Condition) -> int:
        """The number of a condition; its judge and those of its parts are made where they are new."""
        number = self._numbers.get(condition)
        if number is None:
            number = self._numbers[condition] = self._made(condition)
        return number

    def number(self, condition: Condition) -> int:
        """The number of a condition that was added, as a whole or as a part. Raises KeyError for any other."""
        return self._numbers[condition]

    def memo(self) -> Memo:
        """An empty memo for one ticket."""
        return [None] * len(self.judges)

    def ask(self, number: int, timeline: Timeline, memo: Memo) -> Any:
        """What the judge of this number finds, from the memo if it was asked before."""
        found = memo[number]
        if found is None:
            found = memo[number] = self.judges[number](timeline, memo)
        return found

    def state(self, condition: State) -> BoundState:
        """A state condition in the source's values. Raises KeyError for one that no rule asks for."""
        return self._bound[condition]

    def events_number(self, count: Count) -> int:
        """The number of the judge that finds the events of a count that was added. Raises KeyError for any other."""
        return self._known[_events_key(count)]

    def span(self, duration: Duration, timeline: Timeline | None = None) -> Span:
        """The duration on its calendar, which for one of those that a ticket gives takes the ticket's timeline.

        Raises KeyError for a calendar that is not there.
        """
        return on(duration, self.calendar(duration.calendar, timeline))

    def calendar(self, name: str | None, timeline: Timeline | None = None) -> Calendar:
        """The calendar of a name, round the clock for None; for one that a ticket gives, that of the ticket.

        Where it is not known who had the ticket, no time goes by on it. Raises KeyError for a calendar that is not there.
        """
        if name is None:
            return ALWAYS
        if timeline is None or name not in CALENDARS_OF_THE_TICKET:
            return self._world.calendars[name]
        return self._of_ticket(name)(timeline, [])[0]

    def _of_ticket(self, name: str) -> Callable[[Timeline, Memo], Given]:
        """What finds the calendar of this name for a ticket."""
        found = self._in_turn.get(name)
        if found is None:
            named, calendars = self._source.calendars[name], self._world.calendars
            otherwise = self.calendar(self._source.otherwise)

            def of_value(value: Value) -> Calendar:
                own = named(value)
                return otherwise if own is None else calendars[own]

            field = {CALENDAR_OF_REQUESTER: "requester", CALENDAR_OF_APPROVER: "approver"}.get(name, "team")
            found = self._in_turn[name] = calendar_of_ticket(field, of_value)
        return found

    def _lasting(self, duration: Duration, make: Callable[[Span], Judge], way: Way = Way.WAIT) -> Judge:
        """The judge that `make` gives for the duration on its calendar."""
        name = duration.calendar
        if name not in CALENDARS_OF_THE_TICKET or name is None:
            return make(self.span(duration))
        number = self._number(("calendar", name), lambda: self._of_ticket(name))
        return measured(self.judges, number, duration, make, way)

    def _events(self, count: Count) -> int:
        return self._number(_events_key(count), lambda: self._events_judge(count))

    def _events_judge(self, count: Count) -> Judge:
        ignored, source = count.ignore_stays_shorter_than, self._source

        def make(held: Judge | None) -> Judge:
            chain = count.chain or next(iter(source.places), "")
            return counts.events_of(count, held, ranks=source.ranks, places=source.places.get(chain, {}))

        if count.event not in counts.MOVES:
            return make(None)
        name = None if ignored is None else ignored.calendar
        if ignored is not None and name is not None and name in CALENDARS_OF_THE_TICKET:
            number = self._number(("calendar", name), lambda: self._of_ticket(name))
            return measured_events(self.judges, number, ignored, lambda span: make(counts.holders(count.event, span)))
        span = None if ignored is None else self.span(ignored)
        held = self._number(
            ("holders", counts.FIELD_OF[count.event], _meaning(ignored)), lambda: counts.holders(count.event, span)
        )
        return make(partial(self.ask, held))

    def _number(self, key: Hashable, make: Callable[[], Judge]) -> int:
        number = self._known.get(key)
        if number is None:
            judge = make()
            number = self._known[key] = len(self.judges)
            self.judges.append(judge)
        return number

    def _partial(self, key: Hashable, make: Callable[[], AnyLength]) -> int:
        """The number of a judge that can be asked for a part of a ticket's life."""
        number = self._known.get(key)
        if number is None:
            judge = make()
            number = self._number(key, lambda: judge)
            self.within[number] = judge
        return number

    def _made(self, condition: Condition) -> int:
        match condition:
            case State():
                bound = self._bound[condition]
                key, field, values = ("state", bound.key), bound.field, bound.values
                if values is not None:
                    number = self._number(key, lambda: states.member(field, values))
                    self._plain[number] = ((field, values),)
                    return number
                return self._number(key, lambda: states.state(field, bound.verdict))
            case All() | AnyOf():
                return self._many(condition)
            case Clock():
                return self._clock(condition)
            case Count():
                return self._count(condition)
            case Not() | Held() | Lingering() | Until() | Ever():
                return self._of_parts(condition)
            case FirstReply() | InWindow() | Hours() | Acknowledged():
                return self._gate(condition)
            case _:
                return self._in_time(condition)

    def _of_parts(self, condition: Not | Held | Lingering | Until | Ever) -> int:
        judges, inner = self.judges, self.add(condition.part)
        match condition:
            case Not():
                within = self.within.get(inner)
                number = self._partial if within is not None else self._number
                return number(("not", inner), lambda: logic.not_(judges, inner, within))
            case Held(_, duration):
                key = ("held", inner, _meaning(duration))
                return self._number(key, lambda: self._lasting(duration, lambda span: self._held(inner, span)))
            case Lingering(part, still):
                other = self.add(still)
                return self._number(("lingering", inner, other), lambda: self._lingering(part, inner, other))
            case Until(_, ended):
                other = self.add(ended)
                return self._number(("until", inner, other), lambda: ends.until(judges, inner, other))
            case Ever():
                return self._number(("ever", inner), lambda: ends.ever(judges, inner))

    def _gate(self, condition: FirstReply | InWindow | Hours | Acknowledged) -> int:
        match condition:
            case FirstReply():
                return self._number("first reply", lambda: attention.first_reply)
            case InWindow(name):
                return self._number(("window", name), lambda: times.window(self._world.windows[name]))
            case Hours():
                key = ("hours", condition)
                return self._partial(key, lambda: times.hours(self._hours(condition), outside=condition.outside))
            case Acknowledged(expires):
                members = self._source.members
                if expires is None:
                    return self._number(("acknowledged", None), lambda: attention.acknowledged(members, None))
                lasting = partial(self._lasting, expires, lambda span: attention.acknowledged(members, span), Way.MEMORY)
                return self._number(("acknowledged", _meaning(expires)), lasting)

    def _in_time(self, condition: Silent | Unanswered | Due | Target | Unchanged) -> int:
        match condition:
            case Silent(duration, kinds, replies_only):
                return self._number(
                    ("silent", _meaning(duration), frozenset(kinds), replies_only),
                    lambda: self._lasting(duration, lambda span: silence.silent(kinds, span, replies_only=replies_only)),
                )
            case Unanswered(duration, waiting_for, touches):
                return self._number(
                    ("unanswered", _meaning(duration), waiting_for, touches),
                    lambda: self._lasting(duration, lambda span: silence.unanswered(waiting_for, span, touch_answers=touches)),
                )
            case Due():
                dated = (condition.field, _meaning(condition.within), _meaning(condition.passed_for))
                return self._number(("due", dated), lambda: self._due(condition))
            case Target():
                meant = (condition.name, _meaning(condition.within), condition.percent, condition.calendar)
                return self._number(("target", meant), lambda: self._target(condition))
            case Unchanged(field, duration):
                key = ("unchanged", field, _meaning(duration))
                return self._number(key, lambda: self._lasting(duration, lambda span: stays.unchanged(field, span)))

    def _count(self, condition: Count) -> int:
        judges, events = self.judges, self._events(condition)
        at_least, within, again = condition.at_least, condition.within, condition.again
        key = ("count", events, at_least, _meaning(within), again)
        changes_of = counts.at_most(condition)

        def make(span: Span | None) -> Judge:
            return counts.count(judges, events, at_least, span, again=again, changes_of=changes_of)

        if within is None:
            return self._number(key, lambda: make(None))

        return self._number(key, lambda: self._lasting(within, make, Way.MEMORY))

    def _due(self, condition: Due) -> Judge:
        field, within = condition.field, condition.within
        if condition.passed_for is None:
            return self._lasting(within, lambda span: due.due(field, span), Way.AHEAD)
        return self._lasting(condition.passed_for, lambda span: due.due(field, self.span(Duration()), span))

    def _target(self, condition: Target) -> Judge:
        if condition.percent is not None:
            return targets.target(condition.name, targets.Share(condition.percent, self.calendar(condition.calendar)))
        within = condition.within or Duration()
        return self._lasting(within, lambda span: targets.target(condition.name, span), Way.AHEAD)

    def _lingering(self, part: Condition, number: int, still: int) -> Judge:
        """Once begun, what waits for its hours and lingers while it waits does not end with them: only its beginning is told."""
        judge, plain = lingering.lingering(self.judges, number, still), self._plain.get(still)
        match part:
            case All((Held(waits, duration), Hours() as hours)) | All((Hours() as hours, Held(waits, duration))):
                if plain is None or self.add(waits) != still or hours.calendar in CALENDARS_OF_THE_TICKET:
                    return judge
                calendar = self._fixed(hours)
                begins = calendar.next_closing if hours.outside else calendar.next_opening
                return self._lasting(duration, lambda span: standing(plain, judge, span, begins))
            case _:
                return judge

    def _hours(self, condition: Hours) -> times.HoursOf:
        name = condition.calendar
        if name is not None and name in CALENDARS_OF_THE_TICKET:
            return self._of_ticket(name)
        return times.always_the_same(self._fixed(condition))

    def _fixed(self, hours: Hours) -> Calendar:
        """The calendar of some hours that no ticket changes."""
        if hours.calendar is None:
            return weekly(hours.time_zone, hours.days, hours.start, hours.end)
        return self._world.calendars[hours.calendar]

    def _many(self, condition: All | AnyOf) -> int:
        numbers = {self.add(part): part for part in condition.parts}
        if len(numbers) == 1:
            return next(iter(numbers))
        # what is cheap to judge goes first: where it never holds, `all` needs no more
        parts = tuple(sorted(numbers, key=lambda number: cost(numbers[number])))
        gate = is_gate(condition)
        judges, within, key = self.judges, self.within, (type(condition), frozenset(parts))
        if isinstance(condition, AnyOf):
            return self._number(key, lambda: logic.any_of(judges, parts, gate=gate))
        plain = tuple(part for part in parts if part in self._plain)
        if plain == parts and parts:
            return self._at_once(parts)
        if len(plain) > 1:  # one function for all of them, at the place of the cheapest
            first = parts.index(plain[0])
            parts = (*parts[:first], self._at_once(plain), *(part for part in parts[first:] if part not in plain))
        number = self._number if within.keys().isdisjoint(parts) else self._partial
        return number(key, lambda: logic.all_of(judges, parts, gate=gate, within=within))

    def _at_once(self, parts: tuple[int, ...]) -> int:
        """The number of what tells where all of some plain states hold; the cheapest comes first."""
        plain = tuple(one for part in parts for one in self._plain[part])
        otherwise = logic.all_of(self.judges, parts, gate=True, within={})
        number = self._number((All, frozenset(parts)), lambda: standing(plain, otherwise))
        self._plain[number] = plain
        return number

    def _held(self, part: int, span: Span) -> Judge:
        judge, plain = logic.held(self.judges, part, span), self._plain.get(part)
        return judge if plain is None else standing(plain, judge, span)

    def _clock(self, condition: Clock) -> int:
        judges, running, of_team = self.judges, self.add(condition.running), condition.of_team
        pause = None if condition.pause_while is None else self.add(condition.pause_while)
        reset, stop = self._edge(condition.reset), self._edge(condition.stop)

        first = self._first(condition.running)

        def make(span: Span) -> Judge:
            return clock.clock(judges, running, span, pause, reset, stop=stop, of_team=of_team, first=first)

        edges = tuple(None if edge is None else edge.judge for edge in (reset, stop))
        key = ("clock", running, pause, *edges, of_team, _meaning(condition.duration))
        return self._number(key, lambda: self._lasting(condition.duration, make))

    def _first(self, condition: Condition) -> tuple[int, Within | None] | None:
        """The part of an `all` that is cheapest to judge, and what judges the whole within that where it can be."""
        if not isinstance(condition, All) or not condition.parts or self.add(condition) in self._plain:
            return None
        return self.add(min(condition.parts, key=cost)), self.within.get(self.add(condition))

    def _edge(self, condition: Condition | None) -> clock.Edge | None:
        if condition is None:
            return None
        fields = {self._bound[part].field for part in walk(condition) if isinstance(part, State)}
        return clock.Edge(self.add(condition), self._truth(condition), tuple(sorted(fields)))

    def _truth(self, condition: Condition) -> clock.Truth | None:
        """What tells the truth of a condition from the fields' values alone; None if it looks at time as well."""
        match condition:
            case State():
                bound = self._bound[condition]
                return lambda values: bound.verdict(values[bound.field])
            case Not(part):
                inner = self._truth(part)
                return None if inner is None else lambda values: None if (held := inner(values)) is None else not held
            case All() | AnyOf():
                parts = [truth for truth in map(self._truth, condition.parts) if truth is not None]
                decisive = isinstance(condition, AnyOf)
                return clock.combined(parts, decisive=decisive) if len(parts) == len(condition.parts) else None
            case _:
                return None


def _meaning(duration: Duration | None) -> Hashable:
    """A duration without the words it was written in."""
    return None if duration is None else (duration.milliseconds, duration.business_days, duration.calendar)


def _events_key(count: Count) -> Hashable:
    return (
        *("events", count.event, count.by_anyone, count.by, count.chain, count.ignore_thanks),
        _meaning(count.ignore_stays_shorter_than),
    )
