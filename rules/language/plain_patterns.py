r"""The work of a plain regular expression, by a grammar of our own: characters, sets, `.`, groups, `|`, repeats, `^`, `$`, `\b`.

What it can't read it refuses, and it takes any two parts to be able to match the same text: its bound is above the true one.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from rules.conditions.states import TEXT_LIMIT
from rules.language.pattern_limits import WORK, WORK_LIMIT, UnsafePattern, capped, power

_PLAIN: Final = (
    "what hoist can't judge on this version of Python; use characters, sets such as `[a-z]`, `.`, groups, `|`, repeats, `^`, `$` "
    "and `\\b` alone, or `any_word:`"
)
_FLAGS: Final = re.compile(r"\(\?[aimsu]+\)")
_PLACE: Final = re.compile(r"\^|\$|\\[bBAZ]")
_ONE: Final = re.compile(r"\[\^?(?:\\.|[^\\\[\]])+\]|\\[dDwWsSnrt]|\\[^a-zA-Z0-9]|[^\\\[\](){}*+?|^$]", re.DOTALL)
_REPEAT: Final = re.compile(r"(?:([*+?])|\{(\d{0,5})(,?)(\d{0,5})\})\??(?![*+?{])")
_DEEPEST: Final = 20


class _Cost(NamedTuple):
    """In how many ways a part can match from one place, and how many comparisons trying all of them takes."""

    ways: int
    work: int


def work_of_plain(pattern: str) -> int:
    """Comparisons that the worst text of TEXT_LIMIT characters costs, at most. `pattern` must compile.

    Raises UnsafePattern where that is more than WORK_LIMIT, or where the pattern is not a plain one.
    """
    reader = _Reader(pattern)
    cost = reader.whole()
    total = cost.work * (TEXT_LIMIT + 1)
    if total > WORK_LIMIT:
        raise UnsafePattern(WORK)
    return total


class _Reader:
    """Reads one pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at, self.depth = pattern, 0, 0

    def whole(self) -> _Cost:
        self._take(_FLAGS)
        cost = self._choice()
        if self.at < len(self.pattern):
            raise UnsafePattern(_PLAIN)
        return cost

    def _choice(self) -> _Cost:
        ways, work = self._sequence()
        while self._sees("|"):
            self.at += 1
            more = self._sequence()
            ways, work = capped(ways + more.ways), capped(work + more.work)
        return _Cost(ways, work)

    def _sequence(self) -> _Cost:
        ways, work = 1, 1
        while self.at < len(self.pattern) and not self._sees("|") and not self._sees(")"):
            part = self._part()
            ways, work = capped(ways * part.ways), capped(work + ways * part.work)
        return _Cost(ways, work)

    def _part(self) -> _Cost:
        if self._take(_PLACE):
            return _Cost(1, 1)
        one = _Cost(1, 1) if self._take(_ONE) else self._group()
        repeat = self._take(_REPEAT)
        return one if repeat is None else _repeated(one, *_bounds(repeat))

    def _group(self) -> _Cost:
        begins = next((begin for begin in ("(?:", "(") if self.pattern.startswith(begin, self.at)), None)
        if begins is None or self.depth == _DEEPEST:
            raise UnsafePattern(_PLAIN)
        self.at += len(begins)
        if self._sees("?"):
            raise UnsafePattern(_PLAIN)
        self.depth += 1
        inner = self._choice()
        self.depth -= 1
        if not self._sees(")"):
            raise UnsafePattern(_PLAIN)
        self.at += 1
        return inner

    def _sees(self, sign: str) -> bool:
        return self.pattern.startswith(sign, self.at)

    def _take(self, what: re.Pattern[str]) -> re.Match[str] | None:
        found = what.match(self.pattern, self.at)
        if found is not None:
            self.at = found.end()
        return found


def _bounds(repeat: re.Match[str]) -> tuple[int, int]:
    sign, low, comma, high = repeat.groups()
    if sign:
        return {"*": (0, TEXT_LIMIT), "+": (1, TEXT_LIMIT), "?": (0, 1)}[sign]
    if not (low or comma):
        raise UnsafePattern(_PLAIN)  # `{}` is two characters
    least = int(low or 0)
    most = int(high) if high else TEXT_LIMIT if comma else least
    return min(least, TEXT_LIMIT), min(max(least, most), TEXT_LIMIT)


def _repeated(one: _Cost, low: int, high: int) -> _Cost:
    """One way each for every number of times, where the part itself has one; else all combinations of its ways."""
    if one.ways == 1:
        return _Cost(high - low + 1, capped(high * one.work + 1))
    most = power(one.ways, high)
    return _Cost(capped(most * (high - low + 1)), capped(most * (one.work * high + 1)))
