"""What is wrong in a protocol's files, each with its place, so that all of it can be said at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

MOST_PROBLEMS: Final = 300
"""A person mends no more in one go, and it bounds the time that a senseless file can take."""

_LONGEST_TEXT: Final = 80


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is written; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: where, the text, what was expected there (a clause that reads after the text), the nearest valid name or "".

    Line and column count from 1.
    """

    file: str
    line: int
    column: int
    text: str
    expected: str
    hint: str = ""

    def __str__(self) -> str:
        nearest = f'; did you mean "{self.hint}"?' if self.hint else ""
        return f'{self.file}:{self.line}:{self.column}: "{self.text}": {self.expected}{nearest}'


class RulebookError(Exception):
    """The protocol's files can't be used; `problems` is everything that is wrong in all of them, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class TooMany(Exception):
    """More problems than anybody would read."""


class Report:
    """Collects problems and hints while files are read; each is kept once."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}
        self._hints: dict[Problem, None] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(sorted(self._problems))

    @property
    def hints(self) -> tuple[Problem, ...]:
        return tuple(sorted(self._hints))

    def problem(self, place: Place, text: str, expected: str, hint: str = "") -> None:
        """Note something that must be mended. Raises TooMany past the limit."""
        self._problems[_problem(place, text, expected, hint)] = None
        if len(self._problems) >= MOST_PROBLEMS:
            raise TooMany

    def hint(self, place: Place, text: str, expected: str, hint: str = "") -> None:
        """Note something that is accepted, and how it is better written."""
        if len(self._hints) < MOST_PROBLEMS:
            self._hints[_problem(place, text, expected, hint)] = None


def _problem(place: Place, text: str, expected: str, hint: str) -> Problem:
    line = " ".join(text.split())
    short = line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 3] + "..."
    return Problem(place.file, place.line, place.column, short, expected, hint)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name that looks most like the word, whatever its case, spaces and hyphens; "" where none does."""
    by_form = {folded(name): name for name in known}
    close = get_close_matches(folded(word)[:_LONGEST_TEXT], by_form, n=1, cutoff=0.6)
    return by_form[close[0]] if close else ""


def folded(word: str) -> str:
    """One form for names that differ in case, spaces (non-breaking ones too), hyphens and underscores alone."""
    return "_".join(word.casefold().replace("-", " ").replace("_", " ").split())


def listed(names: Iterable[str]) -> str:
    """Names as they stand in a message, at most twenty of them; `none yet` where there are none."""
    every = list(names)
    return (", ".join(every[:20]) + (", ..." if len(every) > 20 else "")) or "none yet"
