"""All, any, not and held: conditions made of conditions.

`judges` is the list of all judges of a program; parts are numbers in it. Parts are asked for one by one, and `all` stops asking
once nothing can hold any more.
"""

from __future__ import annotations

from collections.abc import Mapping

from rules.conditions.judge import NEVER, NEVER_GREW, AnyLength, Holds, Judge, Memo, Span, Within
from rules.intervals import (
    Anchors,
    Intervals,
    anchored_union,
    both_anchored,
    complement,
    gated,
    intersection,
    starts,
    unbroken,
    union,
)
from rules.timeline import Timeline


def all_of(judges: list[Judge], parts: tuple[int, ...], *, gate: bool, within: Mapping[int, Within]) -> AnyLength:
    """Where all parts hold. The anchor is the latest among the build-ups; a condition of gates alone is a gate.

    `within`: the parts that can be judged only as far as those before them may hold.
    """
    never = NEVER if gate else NEVER_GREW
    asked = [(number, within.get(number)) for number in parts]

    def judge(timeline: Timeline, memo: Memo, cut: Intervals | None = None) -> Holds:
        surely = may = timeline.life if cut is None else cut
        anchors: Anchors | None = None
        for number, narrow in asked:
            part = memo[number]
            if part is None:
                if narrow is None or may is timeline.life:
                    part = memo[number] = judges[number](timeline, memo)
                else:
                    part = narrow(timeline, memo, may)
            others, others_may, others_anchors = part
            if not others_may:
                return never
            if others_may is timeline.life and others_anchors is None and others is others_may:
                continue
            known = surely is may and others is others_may
            if surely is timeline.life:
                both = others
                anchors = others_anchors
            elif others_anchors is anchors is None:
                both = intersection(surely, others)
            else:
                both, anchors = _both(surely, anchors, others, others_anchors)
            may = both if known else intersection(may, others_may)
            surely = both
            if not may:
                return never
        return surely, may, anchors

    return judge


def _both(a: Intervals, anchors: Anchors | None, b: Intervals, others: Anchors | None) -> tuple[Intervals, Anchors | None]:
    """Where both hold, at least one of which has anchors."""
    if anchors is not None and others is not None:
        return both_anchored(a, anchors, b, others)
    if anchors is not None:
        return gated(a, anchors, b)
    return (intersection(a, b), None) if others is None else gated(b, others, a)


def any_of(judges: list[Judge], parts: tuple[int, ...], *, gate: bool) -> Judge:
    """Where at least one part holds. Beside a build-up, a gate counts with its own start; gates alone make a gate."""

    def judge(timeline: Timeline, memo: Memo) -> Holds:
        found: list[Holds] = []
        for number in parts:
            part = memo[number]
            if part is None:
                part = memo[number] = judges[number](timeline, memo)
            found.append(part)
        may: Intervals = []
        for _, part_may, _ in found:
            may = union(may, part_may)
        known = all(part_surely is part_may for part_surely, part_may, _ in found)
        if gate:
            if known:
                return may, may, None
            surely: Intervals = []
            for part_surely, _, _ in found:
                surely = union(surely, part_surely)
            return surely, may, None
        surely, anchors = anchored_union(
            (part_surely, starts(part_surely) if part_anchors is None else part_anchors) for part_surely, _, part_anchors in found
        )
        return surely, surely if known else may, anchors

    return judge


def not_(judges: list[Judge], part: int, within: Within | None = None) -> AnyLength:
    """Where the part does not hold: what surely holds and what may hold change places within the ticket's life."""

    def judge(timeline: Timeline, memo: Memo, cut: Intervals | None = None) -> Holds:
        found = memo[part]
        if found is None:
            if cut is None or within is None:
                found = memo[part] = judges[part](timeline, memo)
            else:
                found = within(timeline, memo, cut)
        surely, may, _ = found
        not_may = complement(may, timeline.life)
        not_surely = not_may if surely is may else complement(surely, timeline.life)
        if cut is None:
            return not_may, not_surely, None
        held = intersection(not_may, cut)
        return held, held if surely is may else intersection(not_surely, cut), None

    return judge


def held(judges: list[Judge], part: int, span: Span) -> Judge:
    """Each stretch of the part from the instant at which it has lasted for the span; dropped where it ends before.

    The anchor is that of what is held, of a gate the start of the stretch.
    """
    at_least, after = span.at_least, span.after

    def lasting(stretches: Intervals, anchors: Anchors) -> tuple[Intervals, Anchors]:
        found: Intervals = []
        kept: Anchors = []
        for n in range(0, len(stretches), 2):
            start, end = stretches[n], stretches[n + 1]
            if end - start > at_least:
                reached = after(start)
                if reached < end:
                    found += (reached, end)
                    kept.append(anchors[n >> 1])
        return found, kept

    def judge(timeline: Timeline, memo: Memo) -> Holds:
        found = memo[part]
        if found is None:
            found = memo[part] = judges[part](timeline, memo)
        surely, may, anchors = found
        if not may:
            return NEVER_GREW
        known = surely is may
        if anchors is None:
            reached, kept = lasting(surely, surely[::2])
        else:
            reached, kept = lasting(*_unbroken(surely, anchors))
        if known:
            return reached, reached, kept
        may = unbroken(may)
        return reached, lasting(may, may[::2])[0], kept

    return judge


def _unbroken(intervals: Intervals, anchors: Anchors) -> tuple[Intervals, Anchors]:
    """Touching intervals as one, with the anchor of the first: what is held does not ask why it holds."""
    joined = unbroken(intervals)
    if joined is intervals:
        return intervals, anchors
    first = dict(zip(reversed(intervals[::2]), reversed(anchors), strict=True))
    return joined, [first[start] for start in joined[::2]]
