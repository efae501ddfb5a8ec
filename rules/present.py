"""Which rules may hold on a ticket, told from its present values alone: one Python function, generated from all bound rules.

Most tickets of a helpdesk are done, and most rules ask for open ones: what is ruled out here needs no timeline. It is derived
from the very conditions that `rules.engine` judges and never decides a firing: whatever needs history *may* hold. Generated
source reads each field once and asks once what several rules ask for; a tree of closures took more than twice as long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from rules.conditions.program import Program
from rules.conditions.states import Verdict
from rules.instants import Instant
from rules.protocol.conditions import All, AnyOf, AnyWord, Condition, Due, Held, Matches, Not, State, Until
from rules.protocol.durations import CALENDARS_OF_THE_TICKET, Duration
from rules.ticket import UNKNOWN, Ticket, Value

_REMEMBERED: Final = 4_096
"""Different answers that are kept ready; helpdesks show a few dozen."""

Judged = Callable[[Callable[[str, Value], Value], Instant, Instant], int]
"""(look up a field, created, now) -> a bit for each rule that is not ruled out."""


R = TypeVar("R")


class Present(Generic[R]):
    """The generated functions of one source's rules."""

    def __init__(self, rules: Sequence[R], conditions: Sequence[Condition], program: Program) -> None:
        """`conditions`: that of each rule; the program must hold them all."""
        self._rules = rules
        self._later = _Source(conditions, program, later=True).function()
        self._now = _Source(conditions, program, later=False).function()
        self._sets: dict[int, tuple[R, ...]] = {}

    def possible(self, ticket: Ticket, now: Instant) -> Sequence[R]:
        """The rules that may hold at `now` or later if nothing changes any more."""
        if _ahead(ticket, now):
            return self._rules
        return self._named(self._later(ticket.fields.get, ticket.created, now))

    def holding(self, ticket: Ticket, now: Instant) -> Sequence[R]:
        """The rules that may hold at `now`; of those that look at present values, dates and age only, just those that do."""
        if _ahead(ticket, now):
            return self._rules
        return self._named(self._now(ticket.fields.get, ticket.created, now))

    def _named(self, bits: int) -> tuple[R, ...]:
        found = self._sets.get(bits)
        if found is None:
            if len(self._sets) >= _REMEMBERED:
                self._sets.clear()
            found = self._sets[bits] = tuple(rule for n, rule in enumerate(self._rules) if bits >> n & 1)
        return found


def _ahead(ticket: Ticket, now: Instant) -> bool:
    """Its present values are of a later instant."""
    return ticket.known > now or (bool(ticket.changes) and ticket.changes[-1].at > now)


class _Told(NamedTuple):
    """An expression over the locals of the function, how dear it is, and the fields that it reads."""

    text: str
    cost: int
    reads: frozenset[str] = frozenset()


_TRUE: Final = _Told("True", 0)
_FALSE: Final = _Told("False", 0)
_Wanted = Sequence[tuple[int, tuple[_Told, ...]]]
"""Per rule its bit and the tests that must all be passed, the cheapest first."""


class _Source:
    """One function in the making. Nothing that a file says enters its text: values are globals of the function by number."""

    def __init__(self, conditions: Sequence[Condition], program: Program, *, later: bool) -> None:
        self._conditions = conditions
        self._program = program
        self._later = later
        self._globals: dict[str, object] = {"U": UNKNOWN}
        self._names: dict[object, str] = {}
        self._fields: dict[str, str] = {}

    def function(self) -> Judged:
        wanted = [(1 << n, self._conjuncts(condition)) for n, condition in enumerate(self._conditions)]
        body = self._block([one for one in wanted if _FALSE not in one[1]], frozenset(), "  ")
        lines = ["def judged(get, created, now):", "  bits = 0", "  age = now - created", *body, "  return bits"]
        scope = self._globals
        exec("\n".join(lines), scope)  # noqa: S102 - made here, of names and numbers of our own
        judged: Judged = scope["judged"]  # type: ignore[assignment]
        return judged

    def _block(self, wanted: _Wanted, read: frozenset[str], indent: str) -> Iterator[str]:
        """What most rules ask for is asked once, and the rest only of tickets that pass it. `read`: locals that are there."""
        always = sum(bit for bit, tests in wanted if not tests)
        if always:
            yield f"{indent}bits |= {always}"
        wanted = [one for one in wanted if one[1]]
        while wanted:
            asked = Counter(test for _, tests in wanted for test in tests)
            test, times = max(asked.items(), key=lambda item: (item[1], -item[0].cost))
            if times == 1:
                break
            yield from self._reads(test.reads - read, indent)
            read |= test.reads
            yield f"{indent}if {test.text}:"
            yield from self._block([(bit, _without(tests, test)) for bit, tests in wanted if test in tests], read, indent + "  ")
            wanted = [(bit, tests) for bit, tests in wanted if test not in tests]
        often = Counter(local for _, tests in wanted for local in frozenset().union(*(test.reads for test in tests)))
        shared = frozenset(local for local, times in often.items() if times > 1)
        yield from self._reads(shared - read, indent)
        for bit, tests in wanted:
            yield from self._one(bit, tests, read | shared, indent)

    def _one(self, bit: int, tests: tuple[_Told, ...], read: frozenset[str], indent: str) -> Iterator[str]:
        """The tests of one rule; a field is read when the tests before have been passed."""
        ready = [test for test in tests if test.reads <= read]
        later = [test for test in tests if not test.reads <= read]
        if ready:
            yield f"{indent}if {' and '.join(test.text for test in ready)}:"
            indent += "  "
        if not later:
            yield f"{indent}bits |= {bit}"
            return
        yield from self._reads(later[0].reads - read, indent)
        yield from self._one(bit, tuple(later), read | later[0].reads, indent)

    def _reads(self, wanted: frozenset[str], indent: str) -> Iterator[str]:
        for field, local in self._fields.items():
            if local in wanted:
                yield f"{indent}{local} = get({self._named(field)}, U)"

    def _conjuncts(self, condition: Condition) -> tuple[_Told, ...]:
        parts = [condition]
        tests: list[_Told] = []
        while parts:
            part = parts.pop()
            if isinstance(part, All):
                parts += part.parts
            else:
                tests.append(self._told(part, surely=False))
        return tuple(sorted({test for test in tests if test is not _TRUE}, key=lambda test: (test.cost, test.text)))

    def _told(self, condition: Condition, *, surely: bool) -> _Told:
        match condition:
            case State():
                return self._state(condition, surely=surely)
            case All(parts):
                return _joined(" and ", _TRUE, _FALSE, [self._told(part, surely=surely) for part in parts])
            case AnyOf(parts):
                return _joined(" or ", _FALSE, _TRUE, [self._told(part, surely=surely) for part in parts])
            case Not(part):
                return _not(self._told(part, surely=not surely))
            case Held(All(()), duration):
                return self._old(duration, surely=surely)
            case Held(part) | Until(part) if not surely:
                return self._told(part, surely=False)
            case Due():
                return self._due(condition, surely=surely)
            case _:
                return _FALSE if surely else _TRUE

    def _state(self, state: State, *, surely: bool) -> _Told:
        bound = self._program.state(state)
        local = self._local(bound.field)
        reads = frozenset({local})
        unknown = "" if surely else f" or {local} is U"
        if bound.values is not None:
            accepted = bound.values if surely else bound.values | {UNKNOWN}
            return _Told(f"{local} in {self._named(accepted)}", 1, reads)
        if bound.labels is not None:
            return _Told(f"(type({local}) is tuple and not {self._named(bound.labels)}.isdisjoint({local}){unknown})", 4, reads)
        if isinstance(state.test, AnyWord | Matches):
            answer = "is True" if surely else "is not False"
            return _Told(f"{self._named(bound.verdict)}({local}) {answer}", 9, reads)
        return _Told(f"{self._named(_Answers(bound.verdict, surely=surely), (bound.key, surely))}[{local}]", 2, reads)

    def _old(self, duration: Duration, *, surely: bool) -> _Told:
        """The ticket has its age."""
        if self._later or duration.calendar in CALENDARS_OF_THE_TICKET:
            return _FALSE if surely else _TRUE
        span = self._program.span(duration)
        if span.plain is not None:
            return _Told(f"age >= {span.plain}", 1)
        return _Told(f"{self._named(span.after, ('after', duration))}(created) <= now", 8)

    def _due(self, due: Due, *, surely: bool) -> _Told:
        local = self._local(due.field)
        reads = frozenset({local})
        if self._later or not _plain(due.within) or not _plain(due.passed_for or due.within):
            return _FALSE if surely else _Told(f"{local} is not None", 1, reads)
        ago = due.passed_for.milliseconds if due.passed_for else -due.within.milliseconds
        unknown = "False" if surely else f"{local} is U"
        return _Told(f"(now - {local} >= {ago} if type({local}) is int else {unknown})", 3, reads)

    def _local(self, field: str) -> str:
        return self._fields.setdefault(field, f"f{len(self._fields)}")

    def _named(self, value: object, key: Hashable | None = None) -> str:
        """The global that holds a value, the same for equal keys (for equal values, where no key is given)."""
        known = value if key is None else key
        name = self._names.get(known)
        if name is None:
            name = self._names[known] = f"k{len(self._names)}"
            self._globals[name] = value
        return name


class _Answers(dict[Value, bool]):
    """What a test says of each value that was seen: helpdesks have few priorities and teams. Forgotten when they are many."""

    def __init__(self, verdict: Verdict, *, surely: bool) -> None:
        super().__init__()
        self._verdict, self._surely = verdict, surely

    def __missing__(self, value: Value) -> bool:
        if len(self) >= _REMEMBERED:
            self.clear()
        verdict = self._verdict(value)
        answer = self[value] = verdict is True if self._surely else verdict is not False
        return answer


def _plain(duration: Duration) -> bool:
    return duration.calendar is None and not duration.business_days


def _without(tests: tuple[_Told, ...], test: _Told) -> tuple[_Told, ...]:
    return tuple(one for one in tests if one != test)


def _not(told: _Told) -> _Told:
    if told is _TRUE or told is _FALSE:
        return _FALSE if told is _TRUE else _TRUE
    return _Told(f"not ({told.text})", told.cost, told.reads)


def _joined(word: str, neutral: _Told, decisive: _Told, parts: Sequence[_Told]) -> _Told:
    if any(part is decisive for part in parts):
        return decisive
    said = sorted({part for part in parts if part is not neutral}, key=lambda part: (part.cost, part.text))
    if not said:
        return neutral
    reads = frozenset[str]().union(*(part.reads for part in said))
    return _Told("(" + word.join(part.text for part in said) + ")", sum(part.cost for part in said), reads)
