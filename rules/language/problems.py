"""What is wrong in a protocol's files, each with its place, so that all of it can be said at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

MOST_PROBLEMS: Final = 300
"""A person mends no more in one go; further ones are counted, and told once these are mended."""

MOST_COUNTED: Final = 400
"""It bounds the time that a senseless file can take."""

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
    """The protocol's files can't be used; `problems` is what is wrong in all of them, in the order of the files.

    Where there is too much to mend in one go, the last of them says how much more there is.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
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
        """In the order of the files, the first MOST_PROBLEMS of them; what is left out is one more, which says how many."""
        found = sorted(self._problems)
        if len(found) <= MOST_PROBLEMS:
            return tuple(found)
        first, more = found[MOST_PROBLEMS], len(found) - MOST_PROBLEMS
        said = f"and {more} more" if len(found) < MOST_COUNTED else f"and at least {more} more"
        rest = Problem(first.file, first.line, first.column, said, "from here on; they are told once those above are mended")
        return (*found[:MOST_PROBLEMS], rest)

    @property
    def hints(self) -> tuple[Problem, ...]:
        return tuple(sorted(self._hints))

    def problem(self, place: Place, text: str, expected: str, hint: str = "") -> None:
        """Note something that must be mended. Raises TooMany past the limit."""
        self.note(problem(place, text, expected, hint))

    def note(self, found: Problem) -> None:
        """Note a problem as it is. Raises TooMany past the limit."""
        self._problems[found] = None
        if len(self._problems) >= MOST_COUNTED:
            raise TooMany

    def take(self, other: Report) -> None:
        """Note all that another one has. Raises TooMany past the limit."""
        self._problems |= other._problems
        self._hints |= other._hints
        if len(self._problems) >= MOST_COUNTED:
            raise TooMany

    def hint(self, place: Place, text: str, expected: str, hint: str = "") -> None:
        """Note something that is accepted, and how it is better written."""
        if len(self._hints) < MOST_PROBLEMS:
            self._hints[problem(place, text, expected, hint)] = None


def problem(place: Place, text: str, expected: str, hint: str = "") -> Problem:
    """A mistake at a place, its text made fit for a line."""
    line = _visible(" ".join(text.split()))
    short = line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 3] + "..."
    return Problem(place.file, place.line, place.column, short, expected, hint)


def _visible(text: str) -> str:
    """Without signs that a terminal would obey, or that turn the line round: each as its code, `U+001B`."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else f"U+{ord(sign):04X}" for sign in text)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name that looks most like the word, whatever its case, spaces and hyphens; "" where none does."""
    return _nearest(folded(word)[:_LONGEST_TEXT], tuple(known))


@lru_cache(maxsize=2_000)
def _nearest(form: str, known: tuple[str, ...]) -> str:
    """Whoever misspells a name does so wherever it stands."""
    by_form = {folded(name): name for name in known}
    close = get_close_matches(form, by_form, n=1, cutoff=0.6)
    return by_form[close[0]] if close else ""


def folded(word: str) -> str:
    """One form for names that differ in case, spaces (non-breaking ones too), hyphens and underscores alone."""
    return "_".join(word.casefold().replace("-", " ").replace("_", " ").split())


def listed(names: Iterable[str]) -> str:
    """Names as they stand in a message, at most twenty of them; `none yet` where there are none."""
    every = list(names)
    return (", ".join(every[:20]) + (", ..." if len(every) > 20 else "")) or "none yet"
