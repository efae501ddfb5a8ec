"""Who held a ticket, one after the other, and which of the moves between them count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rules.conditions.judge import Span
from rules.instants import Instant
from rules.ticket import UNKNOWN, Change, Kind, Unknown, Value
from rules.timeline import Timeline

PEOPLE: Final = frozenset((Kind.STAFF, Kind.REQUESTER))
"""Whose events count unless a rule says otherwise."""


Holder = str | Unknown | None

Arrival = tuple[Instant, Holder, Kind | None]
"""When a team or person begins to hold the ticket, which, and who moved it there: None where it held it at the start, or where
the move was not seen. A bare tuple, since a ticket has as many as changes and every count looks at them all."""


def arrivals_of(timeline: Timeline, name: str, steps: list[Change]) -> list[Arrival]:
    """Who held the ticket, one after the other. Nobody is no holder: what follows a gap follows the holder before it."""
    value: Value = timeline.column(name).value_at(timeline.complete_from) if not steps else steps[0].old
    holder = _holder(value)
    if holder is None and timeline.complete_from > timeline.created:
        holder = UNKNOWN
    since = timeline.complete_from
    found: list[Arrival] = [(since, holder, None)]
    for step in steps:
        if step.old != value:
            unseen = _holder(step.old)  # it came there at some instant since the last step
            holder = UNKNOWN if unseen is None else unseen
            found.append((since, holder, None))
        value, since = step.new, step.at
        if value is not None:
            new = value if value.__class__ is str or value is UNKNOWN else str(value)
            if new is UNKNOWN or new != holder:
                holder = new
                found.append((since, holder, step.by.kind))
    if steps and timeline.column(name).value_at(since) is UNKNOWN:
        found.append((since, UNKNOWN, None))
    return found


def _holder(value: Value) -> Holder:
    return value if value is UNKNOWN or value is None else str(value)


def settled(arrivals: list[Arrival], ignored: Span, gone: Instant) -> list[Arrival]:
    """The arrivals whose stay lasted, each at the instant at which that was known."""
    after, last = ignored.after, len(arrivals) - 1
    found: list[Arrival] = []
    for number, arrival in enumerate(arrivals):
        at, holder, kind = arrival
        if number and kind is None:
            found.append((at, UNKNOWN, None))  # how long it had stayed there was not seen
        elif holder is UNKNOWN:
            found.append(arrival)
        elif (lasted := after(at)) <= (arrivals[number + 1][0] if number < last else gone):
            found.append((lasted, holder, kind))
    return found


def moves(arrivals: list[Arrival], who: frozenset[Kind], *, returns: bool, hazy: bool) -> tuple[list[Instant], list[Instant]]:
    """The sure and the possible moves to another holder, or to a former one."""
    sure: list[Instant] = []
    possible: list[Instant] = []
    former: set[Holder] = set()
    cut = hazy
    before: Arrival | None = None
    last: Arrival | None = None
    for arrival in arrivals:
        at, holder, kind = arrival
        hazy = hazy or holder is UNKNOWN or (kind is None and last is not None)
        if last is not None and kind in who and last[1] is not None and last[1] != holder:
            by = last[2]
            overrides = _overrides(before, last, arrival, cut=cut) if by is None or by is Kind.HOIST else False
            if overrides is not True:
                known = overrides is False and last[1] is not UNKNOWN and holder is not UNKNOWN
                counts = known and (not returns or holder in former)
                if counts:
                    sure.append(at)
                if counts or not known or (returns and hazy):
                    possible.append(at)
        if returns and holder is not None:
            former.add(holder)
        before, last = last, arrival
    return sure, possible


Fits = Callable[[Arrival | None, Arrival, Arrival], bool | None]
"""Whether the move from the second to the third arrival is one that counts, given the one before; None where it may be."""


def moves_that(arrivals: list[Arrival], who: frozenset[Kind], fits: Fits, *, hazy: bool) -> tuple[list[Instant], list[Instant]]:
    """The sure and the possible moves to another holder that fit."""
    sure: list[Instant] = []
    possible: list[Instant] = []
    before: Arrival | None = None
    last: Arrival | None = None
    if hazy and arrivals:
        last = (arrivals[0][0], UNKNOWN, None)  # who had it before the first that is known
    for arrival in arrivals:
        at, holder, kind = arrival
        if last is not None and kind in who and last[1] is not None and last[1] != holder:
            counts = fits(before, last, arrival)
            overrides = counts is not False and _overrides(before, last, arrival, cut=hazy)
            if counts is not False and overrides is not True:
                possible.append(at)
                if counts and overrides is False:
                    sure.append(at)
        before, last = last, arrival
    return sure, possible


def hands_back(before: Arrival | None, last: Arrival, arrival: Arrival) -> bool | None:
    """The ticket goes back to whoever had just handed it over."""
    if last[1] is UNKNOWN or arrival[1] is UNKNOWN:
        return None
    if before is None:
        return False
    if before[1] is UNKNOWN or last[2] is None:
        return None
    return before[1] == arrival[1]


def _overrides(before: Arrival | None, last: Arrival, arrival: Arrival, *, cut: bool) -> bool | None:
    """Whether a person puts back what hoist did; None where it was not seen who had moved it last, or from where."""
    kind = last[2]
    if kind is None:
        return None if (before is not None or cut) and arrival[2] in PEOPLE else False
    if kind is not Kind.HOIST or before is None or arrival[2] not in PEOPLE:
        return False
    return None if before[1] is UNKNOWN else before[1] == arrival[1]
