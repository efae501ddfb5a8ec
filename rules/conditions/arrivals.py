"""Who held a ticket, one after the other, and which of the moves between them count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from rules.conditions.judge import Span
from rules.instants import Instant
from rules.ticket import UNKNOWN, Change, Kind, Unknown, Value
from rules.timeline import Timeline

PEOPLE: Final = frozenset((Kind.STAFF, Kind.REQUESTER))
"""Whose events count unless a rule says otherwise."""


class Arrival(NamedTuple):
    """A team or person begins to hold the ticket. `kind` None: it held it at the start, or a move there was not seen."""

    at: Instant
    holder: str | Unknown | None
    kind: Kind | None


def arrivals_of(timeline: Timeline, name: str, steps: list[Change]) -> list[Arrival]:
    """Who held the ticket, one after the other. Nobody is no holder: what follows a gap follows the holder before it."""
    value: Value = timeline.column(name).value_at(timeline.complete_from) if not steps else steps[0].old
    holder = _holder(value)
    if holder is None and timeline.complete_from > timeline.created:
        holder = UNKNOWN
    since = timeline.complete_from
    found = [Arrival(since, holder, None)]
    for step in steps:
        if step.old != value:
            unseen = _holder(step.old)  # it came there at some instant since the last step
            holder = UNKNOWN if unseen is None else unseen
            found.append(Arrival(since, holder, None))
        value, since = step.new, step.at
        if value is not None:
            new = value if value.__class__ is str or value is UNKNOWN else str(value)
            if new is UNKNOWN or new != holder:
                holder = new
                found.append(Arrival(since, holder, step.by.kind))
    if steps and timeline.column(name).value_at(since) is UNKNOWN:
        found.append(Arrival(since, UNKNOWN, None))
    return found


def _holder(value: Value) -> str | Unknown | None:
    return value if value is UNKNOWN or value is None else str(value)


def settled(arrivals: list[Arrival], ignored: Span, gone: Instant) -> list[Arrival]:
    """The arrivals whose stay lasted, each at the instant at which that was known."""
    after, last = ignored.after, len(arrivals) - 1
    found: list[Arrival] = []
    for number, arrival in enumerate(arrivals):
        at, holder, kind = arrival
        if number and kind is None:
            found.append(Arrival(at, UNKNOWN, None))  # how long it had stayed there was not seen
        elif holder is UNKNOWN:
            found.append(arrival)
        elif (lasted := after(at)) <= (arrivals[number + 1].at if number < last else gone):
            found.append(Arrival(lasted, holder, kind))
    return found


def moves(arrivals: list[Arrival], who: frozenset[Kind], *, returns: bool, hazy: bool) -> tuple[list[Instant], list[Instant]]:
    """The sure and the possible moves to another holder, or to a former one."""
    sure: list[Instant] = []
    possible: list[Instant] = []
    former: set[str | Unknown | None] = set()
    cut = hazy
    before: Arrival | None = None
    last: Arrival | None = None
    for arrival in arrivals:
        hazy = hazy or arrival.holder is UNKNOWN or (arrival.kind is None and last is not None)
        if last is not None and arrival.kind in who and last.holder is not None and last.holder != arrival.holder:
            overrides = _overrides(before, last, arrival, cut=cut)
            if overrides is not True:
                known = overrides is False and last.holder is not UNKNOWN and arrival.holder is not UNKNOWN
                counts = known and (not returns or arrival.holder in former)
                if counts:
                    sure.append(arrival.at)
                if counts or not known or (returns and hazy):
                    possible.append(arrival.at)
        if arrival.holder is not None:
            former.add(arrival.holder)
        before, last = last, arrival
    return sure, possible


Fits = Callable[[Arrival | None, Arrival, Arrival], bool | None]
"""Whether the move from the second to the third arrival is one that counts, given the one before; None where it may be."""


def moves_that(arrivals: list[Arrival], who: frozenset[Kind], fits: Fits, *, hazy: bool) -> tuple[list[Instant], list[Instant]]:
    """The sure and the possible moves to another holder that fit."""
    sure: list[Instant] = []
    possible: list[Instant] = []
    before: Arrival | None = None
    last = Arrival(arrivals[0].at, UNKNOWN, None) if hazy and arrivals else None  # who had it before the first that is known
    for arrival in arrivals:
        if last is not None and arrival.kind in who and last.holder is not None and last.holder != arrival.holder:
            overrides, counts = _overrides(before, last, arrival, cut=hazy), fits(before, last, arrival)
            if overrides is not True and counts is not False:
                possible.append(arrival.at)
                if counts and overrides is False:
                    sure.append(arrival.at)
        before, last = last, arrival
    return sure, possible


def hands_back(before: Arrival | None, last: Arrival, arrival: Arrival) -> bool | None:
    """The ticket goes back to whoever had just handed it over."""
    if last.holder is UNKNOWN or arrival.holder is UNKNOWN:
        return None
    if before is None:
        return False
    if before.holder is UNKNOWN or last.kind is None:
        return None
    return before.holder == arrival.holder


def _overrides(before: Arrival | None, last: Arrival, arrival: Arrival, *, cut: bool) -> bool | None:
    """Whether a person puts back what hoist did; None where it was not seen who had moved it last, or from where."""
    if last.kind is None:
        return None if (before is not None or cut) and arrival.kind in PEOPLE else False
    if last.kind is not Kind.HOIST or before is None or arrival.kind not in PEOPLE:
        return False
    return None if before.holder is UNKNOWN else before.holder == arrival.holder
