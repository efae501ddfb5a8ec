"""Targets that the platform itself keeps for a ticket: due within some time, passed, or so much of it used up.

A target that moves because of what hoist wrote (a priority was raised, so the platform's policy was applied anew) must not make
hoist act again by that alone: until a person or the platform moves it, it is due no sooner than it was before, and one that was
past when hoist's write brought it begins nothing. What hoist wrote before a ticket's history is complete is not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final, NamedTuple

from rules.calendars import Calendar
from rules.conditions.due import near
from rules.conditions.judge import NEVER_GREW, Holds, Judge, Memo, Span
from rules.instants import MINUTE, Instant
from rules.intervals import Anchors, Intervals, union
from rules.ticket import TARGET, UNKNOWN, Kind, Value
from rules.timeline import Column, Timeline

FOLLOWS_WITHIN: Final = 10 * MINUTE
"""A target that the platform moves so soon after hoist's write, with no person's change in between, moved because of it.

Platforms work out targets apart from the save (Zendesk and Jira say nothing of how soon), and where they keep no history of
them the change is dated to the poll that saw it.
"""

PEOPLE: Final = frozenset((Kind.STAFF, Kind.REQUESTER))
"""Whose change is somebody's decision."""


class Share(NamedTuple):
    """A part of the time from the start of a target's cycle to when it is due, counted on a calendar."""

    percent: int
    calendar: Calendar

    def used_up(self, start: Instant, due: Instant) -> Instant:
        """The first instant at which so much of it is used up."""
        whole = self.calendar.between(start, due) if start < due else 0
        return self.calendar.add(start, -int(-Fraction(whole * self.percent, 100) // 1))


class _Piece(NamedTuple):
    """A stretch in which a target is due at one instant; `anchor` is None where what it grew from is not known."""

    since: Instant
    until: Instant
    due: Instant | None  # None: not known
    anchor: Instant | None
    by_hoist: bool


def target(name: str, near_the_end: Span | Share) -> Judge:
    """From so long before a target is due, or from so much of it used up, as long as it runs.

    The anchor is the start of its cycle, where the platform does not tell that the instant at which it was set.
    """
    field = f"{TARGET}{name}"

    def judge(timeline: Timeline, _: Memo) -> Holds:
        column = timeline.columns[field]
        if column.values == [None] or not column.values:
            return NEVER_GREW
        surely: Intervals = []
        anchors: Anchors = []
        may: Intervals = column.unknown
        for piece in _pieces(timeline, field, column):
            start = _reached(near_the_end, piece)
            if start is None:
                may = union(may, [piece.since, piece.until])
                continue
            anchor = piece.since if piece.anchor is None else piece.anchor
            goes_on = bool(surely) and surely[-1] == start and anchors[-1] == anchor
            if goes_on:
                surely[-1] = piece.until
            elif start < piece.until and not (piece.by_hoist and start == piece.since):
                surely += (start, piece.until)
                anchors.append(anchor)
        return surely, union(surely, may) if may else surely, anchors

    return judge


def _pieces(timeline: Timeline, field: str, column: Column) -> Iterator[_Piece]:
    started, moves = timeline.columns[f"{field}.start"], _moved_by_hoist(timeline, field)
    ends = [*column.starts[1:], timeline.gone]
    set_at = {step.at for step in timeline.steps.get(field, ())}
    if timeline.complete_from == timeline.created:
        set_at.add(timeline.created)
    due: Value = None
    for since, until, value in zip(column.starts, ends, column.values, strict=True):
        by_hoist = since in moves
        if by_hoist and isinstance(value, int) and due is not None:
            due = max(due, value) if isinstance(due, int) else UNKNOWN
        else:
            due = value
        if isinstance(value, int):
            cycle = started.value_at(since)
            anchor = since if since in set_at and cycle is not UNKNOWN else None
            if isinstance(cycle, int) and cycle <= since:
                anchor = cycle
            yield _Piece(since, until, due if isinstance(due, int) else None, anchor, by_hoist)


def _reached(near_the_end: Span | Share, piece: _Piece) -> Instant | None:
    """From when on it is so within the piece (its end or later: it is not); None where that is not known."""
    if piece.due is None:
        return None
    if isinstance(near_the_end, Span):
        return near(piece.due, piece.since, near_the_end)
    if piece.anchor is None:
        return None
    return max(piece.since, near_the_end.used_up(piece.anchor, piece.due))


def _moved_by_hoist(timeline: Timeline, field: str) -> set[Instant]:
    """The instants at which the last move of the target was of hoist's making: in the save of its write, or soon after it."""
    steps = timeline.steps.get(field)
    if not steps or not any(change.by.kind is Kind.HOIST for change in timeline.changes):
        return set()
    saves = {change.save for change in timeline.changes if change.by.kind is Kind.HOIST}
    wrote: Instant | None = None
    found: set[Instant] = set()
    for change in timeline.changes:
        if change.field == field:
            soon = wrote is not None and change.at - wrote <= FOLLOWS_WITHIN and change.by.kind not in PEOPLE
            if change.save in saves or soon:
                found.add(change.at)
            else:
                found.discard(change.at)
        elif change.save in saves:
            wrote = change.at
        elif change.by.kind in PEOPLE:
            wrote = None
    return found
