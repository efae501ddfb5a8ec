"""All conditions of a rulebook as one program: a numbered judge for each different condition.

Conditions that mean the same share a number, so what several rules look at is judged once per ticket. Parts are asked for when a
condition needs them and remembered in the ticket's memo, where explanations find them again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from rules.calendars import Calendar
from rules.conditions import clock, counts, due, logic, silence, states
from rules.conditions.judge import Judge, Memo, Span, span
from rules.conditions.states import BoundState
from rules.conditions.tree import is_gate, parts_of, walk
from rules.protocol import All, AnyOf, Clock, Condition, Count, Due, Duration, Held, Not, Silent, State, Unanswered
from rules.ticket import Value
from rules.timeline import Timeline


class Program:
    """Grows by `add` while a rulebook is bound and never changes afterwards.

    `bound` holds every state condition in the source's values; `ranks` are the places of the source's priorities, 0 for the
    most urgent. Every calendar that a duration names must be there.
    """

    def __init__(self, bound: Mapping[State, BoundState], calendars: Mapping[str, Calendar], ranks: Mapping[Value, int]) -> None:
        self._bound = bound
        self._calendars = calendars
        self._ranks = ranks
        self._judges: list[Judge] = []
        self._numbers: dict[Condition, int] = {}
        self._known: dict[Hashable, int] = {}

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
        return [None] * len(self._judges)

    def ask(self, number: int, timeline: Timeline, memo: Memo) -> Any:
        """What the judge of this number finds, from the memo if it was asked before."""
        found = memo[number]
        if found is None:
            found = memo[number] = self._judges[number](timeline, memo)
        return found

    def events_number(self, count: Count) -> int:
        """The number of the judge that finds the events of a count that was added. Raises KeyError for any other."""
        return self._known[_events_key(count)]

    def span(self, duration: Duration) -> Span:
        """The duration on its calendar."""
        return span(duration, self._calendars)

    def _events(self, count: Count) -> int:
        ignored = count.ignore_stays_shorter_than
        return self._number(
            _events_key(count),
            lambda: counts.events_of(
                count.event,
                by_anyone=count.by_anyone,
                ignored=None if ignored is None else self.span(ignored),
                ranks=self._ranks,
            ),
        )

    def _number(self, key: Hashable, make: Callable[[], Judge]) -> int:
        number = self._known.get(key)
        if number is None:
            judge = make()
            number = self._known[key] = len(self._judges)
            self._judges.append(judge)
        return number

    def _made(self, condition: Condition) -> int:
        judges = self._judges
        match condition:
            case State():
                bound = self._bound[condition]
                return self._number(("state", bound.key), lambda: _state(bound))
            case All() | AnyOf():
                return self._many(condition)
            case Not(part):
                inner = self.add(part)
                return self._number(("not", inner), lambda: logic.not_(judges, inner))
            case Held(part, duration):
                inner = self.add(part)
                key = ("held", inner, _meaning(duration))
                return self._number(key, lambda: logic.held(judges, inner, self.span(duration)))
            case Clock():
                return self._clock(condition)
            case Count():
                events, within = self._events(condition), condition.within
                return self._number(
                    ("count", events, condition.at_least, _meaning(within)),
                    lambda: counts.count(judges, events, condition.at_least, None if within is None else self.span(within)),
                )
            case Silent(duration, kinds, replies_only):
                return self._number(
                    ("silent", _meaning(duration), frozenset(kinds), replies_only),
                    lambda: silence.silent(kinds, self.span(duration), replies_only=replies_only),
                )
            case Unanswered(duration, waiting_for, touch_answers):
                return self._number(
                    ("unanswered", _meaning(duration), waiting_for, touch_answers),
                    lambda: silence.unanswered(waiting_for, self.span(duration), touch_answers=touch_answers),
                )
            case Due(field, within):
                return self._number(("due", field, _meaning(within)), lambda: due.due(field, self.span(within)))

    def _many(self, condition: All | AnyOf) -> int:
        numbers = {self.add(part): part for part in condition.parts}
        if len(numbers) == 1:
            return next(iter(numbers))
        # what is cheap to judge goes first: where it never holds, `all` needs no more
        parts = tuple(sorted(numbers, key=lambda number: _cost(numbers[number])))
        gate = is_gate(condition)
        make = logic.all_of if isinstance(condition, All) else logic.any_of
        key = (type(condition), frozenset(parts))
        return self._number(key, lambda: make(self._judges, parts, gate=gate))

    def _clock(self, condition: Clock) -> int:
        running = self.add(condition.running)
        pause = None if condition.pause_while is None else self.add(condition.pause_while)
        reset = None
        if condition.reset is not None:
            fields = {self._bound[part].field for part in walk(condition.reset) if isinstance(part, State)}
            reset = clock.Reset(self.add(condition.reset), self._truth(condition.reset), tuple(sorted(fields)))
        return self._number(
            ("clock", running, pause, None if reset is None else reset.judge, _meaning(condition.duration)),
            lambda: clock.clock(self._judges, running, self.span(condition.duration), pause, reset),
        )

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


def _state(bound: BoundState) -> Judge:
    return states.state(bound.field, bound.verdict) if bound.values is None else states.member(bound.field, bound.values)


def _meaning(duration: Duration | None) -> Hashable:
    """A duration without the words it was written in."""
    return None if duration is None else (duration.milliseconds, duration.business_days, duration.calendar)


def _events_key(count: Count) -> Hashable:
    return ("events", count.event, count.by_anyone, _meaning(count.ignore_stays_shorter_than))


def _cost(condition: Condition) -> int:
    match condition:
        case State():
            return 1
        case Count():
            return 4
        case Silent() | Due():
            return 6
        case Clock() | Unanswered():
            return 8 + sum(map(_cost, parts_of(condition)))
        case _:
            return 2 + sum(map(_cost, parts_of(condition)))
