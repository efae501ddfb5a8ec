"""When something begins to hold on a ticket that nobody touches, as a function of the ticket's arrival.

Every function here gives no earlier instant for a later arrival, and between its breaks it either stands or moves with the
arrival. So the longest wait from an arrival on begins at a break, and `breaks` gives them all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rules.calendars import ALWAYS, Calendar
from rules.instants import FOREVER, Instant
from rules.protocol.durations import Duration
from rules.prove.waits import Years, beginnings, edges


@dataclass(frozen=True, slots=True)
class Arrival:
    """At once."""

    def at(self, arrival: Instant) -> Instant:
        return arrival

    def breaks(self, years: Years) -> Iterator[Instant]:
        yield years.start


@dataclass(frozen=True, slots=True)
class Later:
    """So long after something else."""

    since: Timing
    duration: Duration
    calendar: Calendar

    def at(self, arrival: Instant) -> Instant:
        return self.after(self.since.at(arrival))

    def after(self, since: Instant) -> Instant:
        return FOREVER if since >= FOREVER else min(FOREVER, self.calendar.after(since, self.duration))

    def breaks(self, years: Years) -> Iterator[Instant]:
        yield from self.since.breaks(years)
        if self.calendar.always and not self.duration.business_days:
            return
        found = beginnings(self.duration, self.calendar, years)
        yield from (at for begun in found for at in arrivals_of(self.since, begun, years))


@dataclass(frozen=True, slots=True)
class Latest:
    """When the last of several things has begun."""

    parts: tuple[Timing, ...]

    def at(self, arrival: Instant) -> Instant:
        return max(part.at(arrival) for part in self.parts)

    def breaks(self, years: Years) -> Iterator[Instant]:
        for part in self.parts:
            yield from part.breaks(years)


@dataclass(frozen=True, slots=True)
class Opening:
    """The first instant from something else on that lies in some stretches of time."""

    since: Timing
    stretches: tuple[Instant, ...]

    def at(self, arrival: Instant) -> Instant:
        return self.after(self.since.at(arrival))

    def after(self, since: Instant) -> Instant:
        place = bisect_right(self.stretches, since)
        if place % 2:
            return since
        return self.stretches[place] if place < len(self.stretches) else FOREVER

    def breaks(self, years: Years) -> Iterator[Instant]:
        yield from self.since.breaks(years)
        yield from (at for edge in self.stretches for at in arrivals_of(self.since, edge, years))


@dataclass(frozen=True, slots=True)
class NextOpening:
    """The next opening of a calendar from something else on."""

    since: Timing
    calendar: Calendar

    def at(self, arrival: Instant) -> Instant:
        return self.after(self.since.at(arrival))

    def after(self, since: Instant) -> Instant:
        return FOREVER if since >= FOREVER else self.calendar.next_opening(since)

    def breaks(self, years: Years) -> Iterator[Instant]:
        yield from self.since.breaks(years)
        yield from (at for edge in edges(self.calendar, years) for at in arrivals_of(self.since, edge, years))


Timing = Arrival | Later | Latest | Opening | NextOpening

AT_ONCE: Final = Arrival()


class Columns:
    """When timings begin for each of some arrivals, in order. What several timings have in common is worked out once."""

    def __init__(self, arrivals: Sequence[Instant]) -> None:
        self.arrivals = arrivals
        self._known: dict[Timing, Sequence[Instant]] = {}

    def of(self, timing: Timing) -> Sequence[Instant]:
        """`timing.at` of each arrival."""
        known = self._known.get(timing)
        if known is None:
            known = self._known[timing] = self._made(timing)
        return known

    def _made(self, timing: Timing) -> Sequence[Instant]:
        match timing:
            case Arrival():
                return self.arrivals
            case Latest(parts=parts):
                return list(map(max, *(self.of(part) for part in parts)))
            case Later(since=since) | Opening(since=since) | NextOpening(since=since):
                found: list[Instant] = []
                before: Instant | None = None
                for at in self.of(since):
                    found.append(found[-1] if at == before else timing.after(at))  # nights and weekends end at one instant
                    before = at
                return found


def arrivals_of(timing: Timing, reached: Instant, years: Years) -> Iterator[Instant]:
    """The last arrival for which it begins no later than an instant, and the arrival after that; none outside the years."""
    if isinstance(timing, Arrival):
        if years.start <= reached < years.end:
            yield reached
            yield reached + 1
        return
    if isinstance(timing, Later) and timing.calendar.always and not timing.duration.business_days:
        yield from arrivals_of(timing.since, reached - timing.duration.milliseconds, years)
        return
    low, high = years.start, min(reached, years.end) + 1
    if high <= low or timing.at(low) > reached:
        return
    while high - low > 1:
        middle = (low + high) // 2
        if timing.at(middle) <= reached:
            low = middle
        else:
            high = middle
    yield low
    yield low + 1


def later(since: Timing, duration: Duration, calendars: Mapping[str, Calendar]) -> Timing:
    """So long after something else, on the duration's calendar. Raises KeyError for a calendar that is not there."""
    if not duration.milliseconds and not duration.business_days:
        return since
    return Later(since, duration, ALWAYS if duration.calendar is None else calendars[duration.calendar])


def latest(*parts: Timing) -> Timing:
    """When the last of them has begun."""
    distinct = tuple(part for part in dict.fromkeys(parts) if part != AT_ONCE)
    if not distinct:
        return AT_ONCE
    return distinct[0] if len(distinct) == 1 else Latest(distinct)
