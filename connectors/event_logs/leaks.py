"""What a log fills from the future: values that stand on rows of a time at which nobody could know them.

An export often repeats on every row of an issue what was known only at its end: a closing date, the last priority, the team that
solved it. A rule that looks at such a column judges with hindsight. Three signs are looked for, issue by issue:

- a date that lies after the row it stands on, or, of a due date, that is the very instant at which the issue ended;
- a column whose name says so (`latest`, `final`, `closed`, `resolution` and the like) and that is constant in every issue;
- a field that changes on any desk (team, person, priority, labels, one of the log's own) and never does in any issue of the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rules.instants import MINUTE, Instant
from rules.ticket import NATIVE, TARGET

CHANGING: Final = frozenset({"team", "priority", "assignee", "labels"})
"""Fields that no desk leaves alone for long."""

ENOUGH: Final = 20
"""Issues of several rows, in none of which a column changes, before that alone says anything."""

_OF_THE_END: Final = re.compile(
    r"(?:^|[^a-z])(?:latest|last|final|clos(?:ed?|ing|ure)|resol(?:ved|ver|ution)|solved|complet(?:ed?|ion)|end(?:ed)?|finish(?:ed)?"
    r"|outcome)(?:[^a-z]|$)"
)
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SLACK: Final = MINUTE
_OFTEN: Final = 0.1

Dated = Callable[[str], Instant | None]
"""The instant that a text names, None where it names none."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A field that is left out, the column that would have filled it, and why, as a clause."""

    field: str
    column: str
    why: str

    def __str__(self) -> str:
        return f"{self.field} is not used: the column {self.column} {self.why}"


class _Watched:
    """What the rows of a log have shown of one column."""

    __slots__ = ("at_end", "changing", "dated", "early", "several")

    def __init__(self) -> None:
        self.several = self.changing = self.early = self.dated = self.at_end = 0


class Watch:
    """Looks at a log issue by issue.

    `fields` gives the column of each field; columns that are `trusted` are taken at their word, those `known` to leak are not.
    """

    def __init__(self, fields: Mapping[str, str], trusted: Sequence[str], known: Sequence[str], dated: Dated) -> None:
        self._fields = {field: column for field, column in fields.items() if column not in trusted}
        self._known = known
        self._dated = dated
        self._watched = {field: _Watched() for field in self._fields}

    def see(self, stamps: Sequence[Instant], values: Mapping[str, Sequence[str]]) -> None:
        """The instants of an issue's rows, in order, and of each field the text on each of them."""
        for field, watched in self._watched.items():
            texts = values[field]
            if len(texts) > 1:
                watched.several += 1
                watched.changing += texts.count(texts[0]) < len(texts)
            at = self._dated(texts[0]) if texts[0] else None
            if at is not None:
                watched.dated += 1
                watched.early += at > stamps[0] + _SLACK
                watched.at_end += len(stamps) > 1 and stamps[-1] > stamps[0] + _SLACK and _meets(at, stamps[1:])

    def leaks(self) -> tuple[Leak, ...]:
        """The fields to leave out."""
        return tuple(
            Leak(field, column, why) for field, column in self._fields.items() if (why := self._why(field, self._watched[field]))
        )

    def _why(self, field: str, watched: _Watched) -> str:
        column = self._fields[field]
        if column in self._known:
            return "is said by the mapping to hold what was known only later"
        if field == "due" or field.startswith(TARGET):
            ends = watched.dated and watched.at_end >= _OFTEN * watched.dated
            return f"names the instant of a later row of the same issue ({watched.at_end} issues)" if ends else ""
        if watched.early:
            return f"holds dates that lie after the row on which they stand ({watched.early} issues)"
        if watched.changing or not watched.several:
            return ""
        if _OF_THE_END.search(_HUMP.sub("_", column).lower()):
            return f"says by its name what was known at the end, and never changes within an issue ({watched.several} issues)"
        may_change = field in CHANGING or field.startswith(NATIVE)
        if may_change and watched.several >= ENOUGH:
            return f"is the same on every row of an issue, in each of {watched.several}: it may be the last value"
        return ""


def _meets(at: Instant, stamps: Sequence[Instant]) -> bool:
    return any(abs(at - stamp) <= _SLACK for stamp in stamps)
