"""Paging by offset through rows that move while they are paged: no row between two pages is passed over.

An offset alone loses rows: each row before it that changes moves to the end of the order, and all that follow move up. Therefore
each page is asked for together with the last rows of the page before. What follows the latest of them that is still there is
what follows the page before, wherever it stands now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from rules.instants import MINUTE, Instant

WITNESSES: Final = 5
"""Rows of the page before that are asked for again: only if all of them changed, too, is the place lost."""

Row = tuple[str, Instant]
"""An id, and when the index has it updated."""


class Place(BaseModel):
    """Where the next page begins: after `at` rows of those updated since `since`, the last of which were `last`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: Instant | None = None
    at: int = 0
    last: tuple[Row, ...] = ()


class Found(NamedTuple):
    """Some rows, and how many there are in all."""

    rows: Sequence[Row]
    total: int


class Stretch(NamedTuple):
    """The rows of one page that the one before did not have, and where the next one begins; None after the last."""

    rows: Sequence[Row]
    following: Place | None


Ask = Callable[[int, int], Found]
"""So many rows from an offset on; fewer may come."""


def place_of(token: str) -> Place | None:
    """The place that a token names; None where it names none."""
    try:
        return Place.model_validate_json(token)
    except ValidationError:
        return None


def stretch(place: Place, rows: int, ask: Ask) -> Stretch | None:
    """The page at a place; None where the place is lost."""
    start, size = place.at - len(place.last), rows + len(place.last)
    found = ask(start, size)
    after = _after(place.last, found.rows)
    if after is None and start > 0:
        start = max(0, start - rows)
        found = ask(start, size)
        after = _after(place.last, found.rows)
    if after is None:
        return None
    end = start + len(found.rows)
    if not found.rows or end >= found.total:
        return Stretch(found.rows[after:], None)
    return Stretch(found.rows[after:], Place(since=place.since, at=end, last=tuple(found.rows[-WITNESSES:])))


def nearer(place: Place, rows: Sequence[Row], exact: Callable[[Instant], bool]) -> Place:
    """The same place, counted from the minute of the last of the rows before it: offsets stay small, however long the walk.

    `exact`: whether a query can name that minute. Where all of the rows are of one minute, nobody knows how many there are of it.
    """
    since = rows[-1][1] - rows[-1][1] % MINUTE
    of_minute = sum(1 for _, updated in rows if updated >= since)
    if of_minute == len(rows) or not exact(since):
        return place
    return Place(since=since, at=of_minute, last=tuple(rows[-min(WITNESSES, of_minute) :]))


def _after(last: Sequence[Row], rows: Sequence[Row]) -> int | None:
    """How many of the rows the page before has shown; None where nothing tells."""
    if not last:
        return 0
    return next((rows.index(witness) + 1 for witness in reversed(last) if witness in rows), None)
