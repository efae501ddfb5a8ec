"""What goes on after its end for as long as something less goes on without a break."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from rules.conditions.judge import NEVER_GREW, Holds, Judge, Memo
from rules.instants import Instant
from rules.intervals import Anchors, Intervals, starts, unbroken, union
from rules.timeline import Timeline


def lingering(judges: list[Judge], part: int, still: int) -> Judge:
    """The part's intervals, each prolonged while the other condition goes on; the part's next one ends what lingers."""

    def judge(timeline: Timeline, memo: Memo) -> Holds:
        surely, may, anchors = _asked(judges, part, timeline, memo)
        if not may:
            return NEVER_GREW
        still_surely, still_may, _ = _asked(judges, still, timeline, memo)
        found, kept = _prolonged(surely, starts(surely) if anchors is None else anchors, unbroken(still_surely))
        known = surely is may and still_surely is still_may
        return found, found if known else union(_prolonged(may, starts(may), unbroken(still_may))[0], found), kept

    return judge


def _asked(judges: list[Judge], number: int, timeline: Timeline, memo: Memo) -> Holds:
    found: Holds | None = memo[number]
    if found is None:
        found = memo[number] = judges[number](timeline, memo)
    return found


def _prolonged(intervals: Intervals, anchors: Anchors, still: Intervals) -> tuple[Intervals, Anchors]:
    found: Intervals = []
    kept: Anchors = []
    n, number = 0, len(anchors)
    while n < number:
        start, end, anchor = intervals[2 * n], _until(still, intervals[2 * n + 1]), anchors[n]
        n += 1
        if n < number and intervals[2 * n] < end:
            last = (bisect_left(intervals, end) + 1) // 2  # all that begin before what lingers has ended
            if anchors[n:last].count(anchor) == last - n:  # nights of one wait, say: one stretch
                n = last
                end = max(end, _until(still, intervals[2 * n - 1]))
            end = min(end, intervals[2 * n]) if n < number else end
        if found and found[-1] == start and kept[-1] == anchor:
            found[-1] = end
        else:
            found += (start, end)
            kept.append(anchor)
    return found, kept


def _until(still: Intervals, end: Instant) -> Instant:
    """The end of what goes on at an instant; the instant itself where nothing does."""
    place = bisect_right(still, end)
    return still[place] if place % 2 else end
