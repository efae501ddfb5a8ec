"""The work of a regular expression from the parse tree that `re` makes of it.

The tree is private to Python. Importing this raises ImportError or AttributeError where it is not there as it is in 3.11 to 3.13;
`rules.language.patterns` does without then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from re import _compiler, _parser  # type: ignore[attr-defined]
from typing import Any, Final

from rules.conditions.states import TEXT_LIMIT
from rules.language.pattern_limits import WORK, WORK_LIMIT, UnsafePattern, capped, power

SMALL_REPEAT: Final = 10
"""A repeat of at most so many times is small; one of more is wide."""

_NESTED: Final = "a repeat inside a repeat, which some texts hold up for ever; repeat once: `a+`, not `(a+)+`"
_CHOICE: Final = (
    "a repeat around parts that can match the same text in two ways, which some texts hold up for ever; let its alternatives "
    "begin with different characters and leave out `?` in it: `[ab]*`, not `(a|b|ab)*`"
)
_REFERENCE: Final = "a back-reference, which some texts hold up for ever; write out what it stands for, or use `any_word:`"
_FLAGS: Final = "flags for a part of the pattern; write them once at its beginning, such as `(?i)`"

_SINGLE: Final = (_parser.LITERAL, _parser.NOT_LITERAL, _parser.IN, _parser.ANY)
_REPEATS: Final = (_parser.MAX_REPEAT, _parser.MIN_REPEAT, _parser.POSSESSIVE_REPEAT)
_LOOKS: Final = (_parser.ASSERT, _parser.ASSERT_NOT)
_KINDS_OF_CHARACTER: Final = (
    "".join(map(chr, range(256))) + "\u0130\u017f\u212a\u0663\u03b1\u0416\u6f22\u2003\u20ac\u2013\U0001f600"
)

_Item = tuple[Any, Any]
_Characters = frozenset[str]


def work_of_tree(pattern: str) -> int:
    """Comparisons that the worst text of TEXT_LIMIT characters costs, at most. `pattern` must compile.

    Raises UnsafePattern where that is more than WORK_LIMIT, or can't be told.
    """
    tree = _parser.parse(pattern)
    items = _decisive(list(tree))
    estimate = _Estimate(tree, pattern)
    _, work = estimate.sequence(items, frozenset())
    total = work * estimate.starts(items)
    if total > WORK_LIMIT:
        raise UnsafePattern(WORK)
    return int(total)


class _Estimate:
    """Bounds for the parts of one pattern: in how many ways a part can match from one place, and what that costs."""

    def __init__(self, tree: Any, pattern: str) -> None:
        near = (chr(code) for sign in pattern for code in range(max(0, ord(sign) - 1), min(0x10FFFF, ord(sign) + 1) + 1))
        self._state = tree.state
        self._alphabet = "".join(dict.fromkeys((*_KINDS_OF_CHARACTER, *near, *pattern.upper(), *pattern.lower())))
        self._every: _Characters = frozenset(self._alphabet)
        self._wide = 0

    def starts(self, items: Sequence[_Item]) -> int:
        """At how many places of a text the pattern can begin."""
        if items and items[0] == (_parser.AT, _parser.AT_BEGINNING) and not self._state.flags & re.MULTILINE:
            return 1
        return TEXT_LIMIT // _period(_run(items)) + 1

    def sequence(self, items: Sequence[_Item], after: _Characters) -> tuple[int, int]:
        """Ways and cost of parts that follow each other. `after` are the characters that may follow; none at the very end."""
        ways, work = 1, 0
        for n, item in enumerate(items):
            rest = items[n + 1 :]
            own_ways, own_work = self._item(item, self._first(rest, after), _run(rest))
            work = capped(work + ways * own_work)
            ways = capped(ways * own_ways)
        return ways, work

    def _item(self, item: _Item, after: _Characters, run: str) -> tuple[int, int]:
        kind, value = item
        if kind in _SINGLE or kind is _parser.AT:
            return 1, 1
        if kind is _parser.SUBPATTERN:
            if value[1] or value[2]:
                raise UnsafePattern(_FLAGS)
            return self.sequence(list(value[3]), after)
        if kind is _parser.BRANCH:
            return self._branch([list(branch) for branch in value[1]], after)
        if kind in _REPEATS:
            low, high, body = value
            return self._repeat(low, high, list(body), after, run)
        if kind is _parser.ATOMIC_GROUP:
            return self.sequence(list(value), after)
        if kind in _LOOKS:
            return self.sequence(list(value[1]), self._every)
        if kind is _parser.FAILURE:
            return 1, 1
        raise UnsafePattern(_REFERENCE)

    def _branch(self, branches: Sequence[Sequence[_Item]], after: _Characters) -> tuple[int, int]:
        """Alternatives that begin with different characters exclude each other."""
        found = [self.sequence(branch, after) for branch in branches]
        begins = [self._first(branch, after) for branch in branches]
        work = capped(sum(work for _, work in found) + len(branches))
        apart = sum(map(len, begins)) == len(frozenset().union(*begins)) and any(begins)
        every = (ways for ways, _ in found)
        return max(every) if apart else capped(sum(every)), work

    def _repeat(self, low: int, high: int, items: list[_Item], after: _Characters, run: str) -> tuple[int, int]:
        most = min(int(high), TEXT_LIMIT)
        wide = most > SMALL_REPEAT and low != high
        if wide and self._wide:
            raise UnsafePattern(_NESTED)
        again = self._first(items, frozenset())
        self._wide += wide
        ways, work = self.sequence(items, again | after if most > 1 else after)
        self._wide -= wide
        lengths = max(1, most - int(low) + 1)
        if ways > 1:
            if wide:
                raise UnsafePattern(_CHOICE)
            each = power(ways, most)
            return capped(each * lengths), capped(each * (work + len(run)) * most)
        cost = capped(most * (work + len(run)))
        if low == high or again.isdisjoint(after):
            return 1, cost
        return min(lengths, TEXT_LIMIT // _period(run) + 1), cost

    def _first(self, items: Sequence[_Item], after: _Characters) -> _Characters:
        """The characters that these parts, and then `after`, may begin with; all where a part looks around."""
        begins: _Characters = frozenset()
        for n, (kind, value) in enumerate(items, 1):
            if kind in _SINGLE:
                return begins | self._characters((kind, value))
            if kind is _parser.BRANCH:
                rest = self._first(items[n:], after)
                return begins.union(*(self._first(list(branch), rest) for branch in value[1]))
            if kind is _parser.SUBPATTERN or kind is _parser.ATOMIC_GROUP:
                inner = list(value[3] if kind is _parser.SUBPATTERN else value)
                return begins | self._first([*inner, *items[n:]], after)
            if kind not in _REPEATS:
                return self._every
            begins |= self._first(list(value[2]), frozenset())
            if value[0]:
                return begins
        return begins | after

    def _characters(self, item: _Item) -> _Characters:
        """The characters of the alphabet that one place of the pattern accepts, as `re` itself sees it."""
        place: re.Pattern[str] = _compiler.compile(_parser.SubPattern(self._state, [item]), self._state.flags)
        return frozenset(found[0] for found in place.finditer(self._alphabet))


def _decisive(items: list[_Item]) -> list[_Item]:
    """The parts without what a repeat at the end takes beyond its least: that always matches, and at once."""
    match items:
        case [*others, (kind, (0, _, body))] if kind in _REPEATS and all(part in _SINGLE for part, _ in body):
            return _decisive(others)
        case [*others, (kind, (low, high, body))] if kind in _REPEATS and low < high and all(part in _SINGLE for part, _ in body):
            return [*others, (kind, (low, low, body))]
        case [*others, (_parser.SUBPATTERN, (group, 0, 0, body))]:
            return [*others, (_parser.SUBPATTERN, (group, 0, 0, _decisive(list(body))))]
        case _:
            return items


def _literals(items: Sequence[_Item]) -> Iterator[str]:
    for kind, value in items:
        if kind is not _parser.LITERAL:
            return
        yield chr(value).casefold()


def _run(items: Sequence[_Item]) -> str:
    """The fixed text that the parts begin with."""
    return "".join(_literals(items))


def _period(run: str) -> int:
    """How far apart two places at which the text occurs must be: 5 for `error`, 1 for `aaa`."""
    return next((shift for shift in range(1, len(run)) if run.startswith(run[shift:])), len(run)) or 1
