"""Who is on duty when: a rota as shifts, which are half-open intervals with the people who have them.

Reading rotas from calendar files is the agent's affair; what is here is pure and total.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from rules.instants import FOREVER, Instant
from rules.intervals import Intervals, complement

OVERRIDE: int = 100
"""The rank of an override that stands in the protocol's own files: above every priority that an event of a calendar can have."""


def is_rota(target: str) -> bool:
    """Whether the target of a role names a rota (a calendar file or a URL), and not a person by an e-mail address."""
    return "://" in target or target.casefold().endswith(".ics")


class Shift(NamedTuple):
    """[start, end) of one or more people, by e-mail address in small letters; of shifts that overlap the highest rank counts."""

    start: Instant
    end: Instant
    who: tuple[str, ...]
    rank: int = 0


class Turn(NamedTuple):
    """[start, end) in which the same people are on duty; nobody is where `who` is empty."""

    start: Instant
    end: Instant
    who: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rota:
    """The shifts of one rota, known from `known_from` to `known_until`; outside nobody is known to be on duty.

    `loaded` is when its source was read (0: it was written in the protocol itself). Only the present rota is kept: for the past
    it tells who would have been on duty by it, which need not be who was.
    """

    name: str
    shifts: tuple[Shift, ...] = ()
    known_from: Instant = 0
    known_until: Instant = FOREVER
    loaded: Instant = 0
    _turns: tuple[Turn, ...] = field(init=False, repr=False)
    _starts: tuple[Instant, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        turns = tuple(_turns(self.shifts, self.known_from, self.known_until))
        object.__setattr__(self, "_turns", turns)
        object.__setattr__(self, "_starts", tuple(turn.start for turn in turns))

    def on_duty(self, at: Instant) -> tuple[str, ...]:
        """The people on duty at an instant, none where nobody is or where the rota does not reach."""
        turn = self.turn(at)
        return () if turn is None else turn.who

    def turn(self, at: Instant) -> Turn | None:
        """The turn that is on at an instant; None outside what is known."""
        place = bisect_right(self._starts, at) - 1
        if place < 0 or at >= self._turns[place].end:
            return None
        return self._turns[place]

    def next_turn(self, at: Instant) -> Turn | None:
        """The next turn after the one that is on at an instant in which somebody is on duty; None where none is known."""
        return next((turn for turn in self._turns[bisect_right(self._starts, at) :] if turn.who), None)

    def gaps(self, start: Instant, end: Instant) -> Intervals:
        """Where nobody is on duty within [start, end), as a flat list; what the rota does not reach is a gap as well."""
        covered: Intervals = []
        for turn in self._turns:
            a, b = max(turn.start, start), min(turn.end, end)
            if turn.who and a < b:
                covered += (a, b)
        return _joined(complement(covered, [start, end] if start < end else []))


def without(shifts: Iterable[Shift], absences: Mapping[str, Intervals]) -> tuple[Shift, ...]:
    """The shifts less the absences of their people (e-mail address in small letters -> flat intervals).

    Where everybody of a shift is away it leaves room for one of a lower rank, or for a gap.
    """
    found: list[Shift] = []
    for shift in shifts:
        edges = {shift.start, shift.end}
        for name in shift.who:
            edges |= {edge for edge in absences.get(name, ()) if shift.start < edge < shift.end}
        ordered = sorted(edges)
        for start, end in pairwise(ordered):
            who = tuple(name for name in shift.who if not _within(start, absences.get(name, ())))
            if who:
                found.append(Shift(start, end, who, shift.rank))
    return tuple(found)


def _turns(shifts: Sequence[Shift], known_from: Instant, known_until: Instant) -> Iterable[Turn]:
    """The shifts laid over each other: at each instant those of the highest rank count, all of them together."""
    begun = [shift for shift in shifts if shift.start < shift.end]
    edges = {known_from, known_until} | {edge for shift in begun for edge in (shift.start, shift.end)}
    ordered = sorted(edge for edge in edges if known_from <= edge <= known_until)
    waiting = sorted(begun, key=lambda shift: shift.start)
    on: list[Shift] = []
    place = 0
    last: Turn | None = None
    for start, end in pairwise(ordered):
        while place < len(waiting) and waiting[place].start <= start:
            on.append(waiting[place])
            place += 1
        on = [shift for shift in on if shift.end > start]
        rank = max((shift.rank for shift in on), default=0)
        who = tuple(sorted({name for shift in on if shift.rank == rank for name in shift.who}))
        if last is not None and last.who == who:
            last = Turn(last.start, end, who)
            continue
        if last is not None:
            yield last
        last = Turn(start, end, who)
    if last is not None:
        yield last


def _within(at: Instant, intervals: Sequence[Instant]) -> bool:
    return bisect_right(intervals, at) % 2 == 1


def _joined(intervals: Intervals) -> Intervals:
    found: Intervals = []
    for start, end in zip(intervals[::2], intervals[1::2], strict=True):
        if found and found[-1] == start:
            found[-1] = end
        else:
            found += (start, end)
    return found
