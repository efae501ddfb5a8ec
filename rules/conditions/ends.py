"""What ends an episode for good, and what is never over once it was so."""

from __future__ import annotations

from bisect import bisect_right

from rules.conditions.judge import NEVER, NEVER_GREW, Holds, Judge, Memo
from rules.instants import FOREVER, Instant
from rules.intervals import Anchors, Intervals, complement, intersection, unbroken, union
from rules.timeline import Timeline


def until(judges: list[Judge], part: int, ended: int) -> Judge:
    """The part, until `ended` holds: what grew from the same anchor, and of a gate the rest of its stretch, is over for good.

    It is over from the beginning where `ended` holds by then.
    """

    def judge(timeline: Timeline, memo: Memo) -> Holds:
        whole: Holds = _ask(judges, part, timeline, memo)
        surely, may, anchors = whole
        if not may:
            return whole
        over, may_be_over, _ = _ask(judges, ended, timeline, memo)
        if not may_be_over:
            return whole
        known = surely is may or surely == may
        begun = _begun(surely, anchors)
        if not known:  # an episode may have begun sooner than is sure
            sure, possible = unbroken(surely), unbroken(may)
            earliest = (timeline.created if anchors is not None else _start(may, at) for at in begun)
            begun = [at if _same_until(sure, possible, at) else first for at, first in zip(begun, earliest, strict=True)]
        left, kept = _left(surely, anchors, begun, may_be_over)
        if known and (over is may_be_over or over == may_be_over):
            return (left, left, kept) if left else (NEVER if anchors is None else NEVER_GREW)
        if known:
            return left, unbroken(_left(surely, anchors, begun, over)[0]), kept
        past = over if anchors is not None else union(over, _past(surely, may, over))
        loosely = intersection(unbroken(may), complement(unbroken(past), timeline.life))
        apart = _apart(unbroken(surely), unbroken(may))
        exactly = intersection(unbroken(_left(surely, anchors, _begun(surely, anchors), over)[0]), [timeline.created, apart])
        return left, union(exactly, intersection(loosely, [apart, FOREVER])), kept

    return judge


def _apart(one: Intervals, other: Intervals) -> Instant:
    """The first instant at which two lists differ; FOREVER if there is none."""
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            return min(mine, theirs)
    shorter = min(len(one), len(other))
    return min((*one[shorter:], *other[shorter:]), default=FOREVER)


def _same_until(one: Intervals, other: Intervals, at: Instant) -> bool:
    """Whether two lists are one up to an instant: what is not known later changes nothing of what was."""
    return one[: bisect_right(one, at)] == other[: bisect_right(other, at)]


def ever(judges: list[Judge], part: int) -> Judge:
    """From when the part first held, for the rest of the ticket's life.

    There is one such time in a ticket's life, whenever it turns out to have begun: its anchor is the ticket's creation.
    """

    def judge(timeline: Timeline, memo: Memo) -> Holds:
        surely, may, _ = _ask(judges, part, timeline, memo)
        if not may:
            return NEVER_GREW
        since: Intervals = [surely[0], timeline.gone] if surely else []
        known = surely is may or (bool(surely) and surely[0] == may[0])
        grew: Anchors = [timeline.created] if surely else []
        return since, since if known else [may[0], timeline.gone], grew

    return judge


def _ask(judges: list[Judge], number: int, timeline: Timeline, memo: Memo) -> Holds:
    found: Holds | None = memo[number]
    if found is None:
        found = memo[number] = judges[number](timeline, memo)
    return found


def _begun(surely: Intervals, anchors: Anchors | None) -> list[Instant]:
    """For each interval, when its episode first held."""
    if anchors is None:
        return surely[::2]
    first: dict[Instant, Instant] = {}
    return [first.setdefault(anchor, start) for anchor, start in zip(anchors, surely[::2], strict=True)]


def _left(surely: Intervals, anchors: Anchors | None, begun: list[Instant], over: Intervals) -> tuple[Intervals, Anchors | None]:
    """What of each interval lies before the end of its episode."""
    left: Intervals = []
    kept: Anchors = []
    for n, since in enumerate(begun):
        start, end = surely[2 * n], min(surely[2 * n + 1], _first(over, since))
        if start < end:
            left += (start, end)
            if anchors is not None:
                kept.append(anchors[n])
    return left, None if anchors is None else kept


def _past(surely: Intervals, may: Intervals, over: Intervals) -> Intervals:
    """What of the stretches that surely begin where they do lies behind their end."""
    found: Intervals = []
    for n in range(0, len(surely), 2):
        start, end = surely[n], surely[n + 1]
        ended = _first(over, start)
        if ended < end and _start(may, start) == start:
            found += (ended, end)
    return found


def _first(intervals: Intervals, at: Instant) -> Instant:
    """The first instant, this or a later one, in the intervals; FOREVER if there is none."""
    place = bisect_right(intervals, at)
    if place & 1:
        return at
    return intervals[place] if place < len(intervals) else FOREVER


def _start(intervals: Intervals, at: Instant) -> Instant:
    """The start of the unbroken stretch that an instant lies in."""
    whole = unbroken(intervals)
    return whole[bisect_right(whole, at) - 1]
