"""The search index of a site: eventually consistent, as Jira's is, and sorted by `updated`.

Reads by id show an issue as it is; a search shows it as it was `lag` milliseconds ago.
"""

from __future__ import annotations

import copy
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator

from connectors.jira.site.state import Issue
from rules.instants import Instant

_MANY = 500  # changes at once from which on sorting everything is cheaper than placing each


class SearchIndex:
    """Rows by id, and their order by (updated, id). Without lag a row is the issue itself, else a copy of its fields."""

    def __init__(self, lag: int = 0) -> None:
        self.lag = lag
        self.rows: dict[int, Issue] = {}
        self._order: list[tuple[Instant, int]] = []
        self._placed: dict[int, Instant] = {}
        self._dirty: set[int] = set()
        self._waiting: deque[tuple[Instant, int, Issue | None]] = deque()

    def touched(self, issue: Issue, at: Instant, *, deleted: bool) -> None:
        """An issue changed at this instant, or was deleted; it shows once the lag has passed."""
        if not self.lag:
            self._show(issue.id, None if deleted else issue)
        else:
            self._waiting.append((at + self.lag, issue.id, None if deleted else _frozen(issue)))

    def catch_up(self, now: Instant) -> None:
        """Show what has become due, and put the order right."""
        while self._waiting and self._waiting[0][0] <= now:
            _, id_, row = self._waiting.popleft()
            self._show(id_, row)
        if len(self._dirty) > _MANY:
            self._placed = {id_: row.updated for id_, row in self.rows.items()}
            self._order = sorted((updated, id_) for id_, updated in self._placed.items())
        else:
            for id_ in self._dirty:
                self._place(id_)
        self._dirty.clear()

    def ascending(self, after: tuple[Instant, int]) -> Iterator[Issue]:
        """Rows later than this place in the order of (updated, id)."""
        start = bisect_left(self._order, (after[0], after[1] + 1))
        return (self.rows[self._order[place][1]] for place in range(start, len(self._order)))

    def descending(self, before: tuple[Instant, int]) -> Iterator[Issue]:
        """Rows earlier than this place, the latest first."""
        end = bisect_left(self._order, before)
        return (self.rows[self._order[place][1]] for place in range(end - 1, -1, -1))

    def _show(self, id_: int, row: Issue | None) -> None:
        if row is None:
            self.rows.pop(id_, None)
        else:
            self.rows[id_] = row
        self._dirty.add(id_)

    def _place(self, id_: int) -> None:
        old = self._placed.pop(id_, None)
        if old is not None:
            del self._order[bisect_left(self._order, (old, id_))]
        if row := self.rows.get(id_):
            self._placed[id_] = row.updated
            insort(self._order, (row.updated, id_))


def _frozen(issue: Issue) -> Issue:
    row = copy.copy(issue)
    row.fields = dict(issue.fields)
    row.properties = dict(issue.properties)
    row.entries = list(issue.entries)
    row.comments = list(issue.comments)
    return row
