"""Time summed over the stretches in which something runs, from the clock's last reset on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from rules.conditions.hand_overs import hand_overs
from rules.conditions.judge import NEVER_GREW, Holds, Judge, Memo, Span, Within
from rules.instants import Instant
from rules.intervals import Anchors, Intervals, complement, contains, intersection, unbroken
from rules.ticket import UNKNOWN, Change, Value
from rules.timeline import Timeline

Truth = Callable[[Mapping[str, Value]], bool | None]
"""Whether a condition of plain states holds, given the fields' values; None where that is not known."""


class Edge(NamedTuple):
    """A condition whose starts matter: the number of its judge and, for plain states, what tells its truth within an instant."""

    judge: int
    truth: Truth | None
    fields: tuple[str, ...]


class Starts(NamedTuple):
    """Where a condition starts: `sure` instants, and `maybe` stretches in which it may (of no length: a single instant)."""

    sure: list[Instant]
    maybe: Intervals


def combined(parts: list[Truth], *, decisive: bool) -> Truth:
    """The truth of all parts together (`decisive` False: one that does not hold decides) or of any of them (True)."""

    def truth(values: Mapping[str, Value]) -> bool | None:
        found = {part(values) for part in parts}
        if decisive in found:
            return decisive
        return None if None in found else not decisive

    return truth


def clock(
    judges: list[Judge],
    running: int,
    span: Span,
    pause: int | None,
    reset: Edge | None,
    *,
    stop: Edge | None = None,
    of_team: bool = False,
    first: tuple[int, Within | None] | None = None,
) -> Judge:
    """From the instant at which the business time summed since the last reset reaches the span, until the next reset.

    The anchor is that reset; creation where there was none. Where a reset is possible, nothing is sure until it no longer is,
    and the sum begins there. From a start of `stop` the clock stands until a reset; of the two at one instant the reset comes
    first, unless the stop was over by the end of that instant. `of_team`: hand-overs are resets. `first`: a cheap part of what
    runs, and what judges the whole of it where that leaves time enough.
    """

    def judge(timeline: Timeline, memo: Memo) -> Holds:
        cut: Intervals | None = None
        if first is not None and span.at_least and memo[running] is None:
            cut = _ask(judges, first[0], timeline, memo)[1]
            if sum(cut[1::2]) - sum(cut[::2]) < span.at_least:
                return NEVER_GREW
        if cut is None or first is None or first[1] is None:
            surely, may = _ask(judges, running, timeline, memo)
        else:
            surely, may, _ = first[1](timeline, memo, cut)
        if pause is not None:
            paused, may_pause = _ask(judges, pause, timeline, memo)
            exact = surely is may and paused is may_pause
            going = intersection(surely, complement(may_pause, timeline.life))
            may = going if exact else intersection(may, complement(paused, timeline.life))
            surely = going
        if sum(may[1::2]) - sum(may[::2]) < span.at_least:
            return NEVER_GREW
        if reset is None and stop is None and not of_team:
            found, anchors = _reached(unbroken(surely), timeline.life, span)
            return found, found if surely is may else _reached(unbroken(may), timeline.life, span)[0], anchors
        resets = Starts([], []) if reset is None else _starts(timeline, reset, *_ask(judges, reset.judge, timeline, memo))
        if of_team:
            handed = Starts(*hand_overs(timeline))
            resets = handed if reset is None else _both(resets, handed)
        known = surely is may and not resets.maybe
        rounds = _rounds(timeline.life, resets.sure)
        if stop is not None:
            held, may_hold = _ask(judges, stop.judge, timeline, memo)
            stops = _starts(timeline, stop, held, may_hold)
            known = known and not stops.maybe
            may = _without_all(may, _surely_standing(rounds, stops, resets, held), timeline.life)
            surely = _without_all(surely, _maybe_standing(rounds, stops, may_hold), timeline.life)
        found, anchors = _reached(unbroken(surely), _sure_rounds(rounds, resets), span)
        if known:
            return found, found, anchors
        return found, unbroken(_reached(unbroken(may), rounds, span)[0]), anchors

    return judge


def _ask(judges: list[Judge], number: int, timeline: Timeline, memo: Memo) -> tuple[Intervals, Intervals]:
    found = memo[number]
    if found is None:
        found = memo[number] = judges[number](timeline, memo)
    return found[0], found[1]


def _reached(going: Intervals, rounds: Intervals, span: Span) -> tuple[Intervals, Anchors]:
    """For each round of the clock, from when the sum of what goes within it reaches the span."""
    found: Intervals = []
    anchors: Anchors = []
    for start, end, within in _rounds_of(going, rounds, span.at_least):
        reached = _full(within, start, span)
        if reached is not None and reached < end:
            found += (reached, end)
            anchors.append(start)
    return found, anchors


def _rounds_of(going: Intervals, rounds: Intervals, at_least: int) -> list[tuple[Instant, Instant, Intervals]]:
    """The rounds, each with what goes within it, but for those in which too little does."""
    if len(rounds) == 2 and going and rounds[0] <= going[0] and going[-1] <= rounds[1]:
        return [(rounds[0], rounds[1], going)] if sum(going[1::2]) - sum(going[::2]) >= at_least else []
    found: list[tuple[Instant, Instant, Intervals]] = []
    first, length = 0, len(going)
    for n in range(0, len(rounds), 2):
        start, end = rounds[n], rounds[n + 1]
        within: Intervals = []
        total = 0
        while first < length and going[first] < end:
            since, until = going[first], going[first + 1]
            since = max(since, start)
            if until > end:
                within += (since, end)
                total += end - since
                break
            if since < until:
                within += (since, until)
                total += until - since
            first += 2
        if total >= at_least:
            found.append((start, end, within))
    return found


def _full(going: Intervals, start: Instant, span: Span) -> Instant | None:
    """The first instant at which the time summed over the intervals reaches the span."""
    left = span.duration.milliseconds
    if not left:
        return start
    if span.plain is not None:
        for n in range(0, len(going), 2):
            length = going[n + 1] - going[n]
            if length >= left:
                return going[n] + left
            left -= length
        return None
    calendar = span.calendar
    last = len(going) - 2
    for n in range(0, last, 2):
        spent = calendar.between(going[n], going[n + 1])
        if spent >= left:
            return calendar.add(going[n], left)
        left -= spent
    reached = calendar.add(going[last], left)
    return reached if reached <= going[last + 1] else None


def _rounds(life: Intervals, resets: list[Instant]) -> Intervals:
    """The life cut at each reset."""
    found: Intervals = []
    if life:
        start, gone = life
        for at in resets:
            if start < at < gone:
                found += (start, at)
                start = at
        found += (start, gone)
    return found


def _sure_rounds(rounds: Intervals, resets: Starts) -> Intervals:
    """The rounds without the stretches in which a reset is possible."""
    for n in range(0, len(resets.maybe), 2):
        start, end = resets.maybe[n], resets.maybe[n + 1]
        rounds = [
            boundary
            for m in range(0, len(rounds), 2)
            for piece in _without(rounds[m], rounds[m + 1], start, end)
            for boundary in piece
        ]
    return rounds


def _without(start: Instant, end: Instant, hole: Instant, hole_end: Instant) -> list[tuple[Instant, Instant]]:
    if hole >= end or hole_end <= start:
        # a hole of no length is a single instant at which a reset is possible
        return [(start, end)]
    return [(a, b) for a, b in ((start, max(start, hole)), (min(end, hole_end), end)) if a < b]


def _both(one: Starts, other: Starts) -> Starts:
    pairs = [pair for each in (one, other) for pair in zip(each.maybe[::2], each.maybe[1::2], strict=True)]
    return Starts(sorted({*one.sure, *other.sure}), [edge for pair in sorted(pairs) for edge in pair])


def _without_all(going: Intervals, standing: Intervals, life: Intervals) -> Intervals:
    return intersection(going, complement(standing, life)) if standing else going


def _maybe_standing(rounds: Intervals, stops: Starts, may_hold: Intervals) -> Intervals:
    """In each round, from the first instant at which it may have been stopped."""
    found: Intervals = []
    for n in range(0, len(rounds), 2):
        start, end = rounds[n], rounds[n + 1]
        first = [at for at in stops.sure if at >= start]
        first += [max(start, stops.maybe[m]) for m in range(0, len(stops.maybe), 2) if stops.maybe[m + 1] >= start]
        stopped = min((at for at in first if at > start or contains(may_hold, at)), default=end)
        if stopped < end:
            found += (stopped, end)
    return found


def _surely_standing(rounds: Intervals, stops: Starts, resets: Starts, held: Intervals) -> Intervals:
    """In each round, from the first instant at which it was stopped to where a reset is possible."""
    found: Intervals = []
    for n in range(0, len(rounds), 2):
        start, end = rounds[n], rounds[n + 1]
        stopped = min((at for at in stops.sure if at > start or (at == start and contains(held, at))), default=end)
        again = (max(stopped, resets.maybe[m]) for m in range(0, len(resets.maybe), 2) if resets.maybe[m + 1] >= stopped)
        standing = min(end, min(again, default=end))
        if stopped < standing:
            found += (stopped, standing)
    return found


def _starts(timeline: Timeline, edge: Edge, surely: Intervals, may: Intervals) -> Starts:
    """The starts of a condition, those within one instant included."""
    surely, may = unbroken(surely), unbroken(may)
    maybe = [] if surely is may or surely == may else intersection(may, complement(surely, timeline.life))
    ends = set(maybe[1::2])
    sure = {start for start in surely[::2] if start not in ends}
    holes = set()
    if edge.truth is not None:
        for at, saves in timeline.crowded:
            start = _start_within(timeline, edge, edge.truth, at, saves)
            if start:
                sure.add(at)
            elif start is None and not contains(maybe, at):
                holes.add(at)
    maybe = _with_holes(maybe, holes) if holes else maybe
    return Starts(sorted(sure), maybe)


def _with_holes(maybe: Intervals, holes: set[Instant]) -> Intervals:
    pairs = [*zip(maybe[::2], maybe[1::2], strict=True), *((at, at) for at in holes)]
    return [boundary for pair in sorted(pairs) for boundary in pair]


def _start_within(timeline: Timeline, edge: Edge, truth: Truth, at: Instant, saves: list[list[Change]]) -> bool | None:
    """Whether the condition starts at one of the steps of an instant; None where it may."""
    values = {name: timeline.column(name).value_at(at - 1) for name in edge.fields}
    before = last_known = truth(values)
    possible: bool | None = False
    for save in saves:
        looked_at = [change for change in save if change.field in values]
        unseen = [change.field for change in looked_at if change.old != values[change.field]]
        after_unseen = truth({**values, **dict.fromkeys(unseen, UNKNOWN)}) if unseen else before
        values |= {change.field: change.new for change in looked_at}
        for now in (after_unseen, truth(values)):
            if now is True and last_known is False:
                return True
            if now is not False and before is not True and (now is None or before is None):
                possible = None
            before = now
            last_known = last_known if now is None else now
    return possible
