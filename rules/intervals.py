"""Half-open intervals as flat, sorted boundary lists: [a0, b0, a1, b1, ...] stands for [a0, b0), [a1, b1), ...

One list of whole numbers instead of an object per interval is what makes judging a ticket cost microseconds. Lists are never
changed once made, so that one may be shared by many holders. Two intervals of a list may touch where they grew from different
anchors (two episodes that follow each other at once); `complement`, `union` and `unbroken` read them as one stretch.

An anchored list has a second list beside it: the anchor of each interval, so half as long.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Final

from rules.instants import Instant

Intervals = list[Instant]
Anchors = list[Instant]

_MANY: Final = 16
"""From so many times as many boundaries on, the longer of two lists is cut by bisection instead of being walked through."""


def contains(intervals: Intervals, at: Instant) -> bool:
    """Whether an instant lies in one of the intervals."""
    place = bisect_right(intervals, at)
    # where two intervals touch, the instant stands twice in the list, so an even place is still the start of the second
    return place % 2 == 1


def standing(intervals: Intervals, at: Instant, life: Intervals) -> tuple[bool, Instant, Instant]:
    """Whether an instant of the life lies in the intervals, and the stretch around it in which nothing enters or leaves."""
    start, end = life
    boundaries = unbroken(intervals)
    place = bisect_right(boundaries, at)
    since = max(start, boundaries[place - 1]) if place else start
    until = min(end, boundaries[place]) if place < len(boundaries) else end
    return place % 2 == 1, since, until


def intersection(a: Intervals, b: Intervals) -> Intervals:
    """Where both hold."""
    if not (a and b):
        return []
    i, j, length_a, length_b = 0, 0, len(a), len(b)
    if length_a > _MANY * length_b or length_b > _MANY * length_a:
        return _slices(b, a) if length_a > length_b else _slices(a, b)
    found: Intervals = []
    start, end, other, other_end = a[0], a[1], b[0], b[1]
    while True:  # every rule comes through here, and a call of `max` is dear
        since = start if start > other else other  # noqa: FURB136
        if end < other_end:
            if since < end:
                found += (since, end)
            i += 2
            if i == length_a:
                return found
            start, end = a[i], a[i + 1]
        else:
            if since < other_end:
                found += (since, other_end)
            j += 2
            if j == length_b:
                return found
            other, other_end = b[j], b[j + 1]


def _slices(few: Intervals, many: Intervals) -> Intervals:
    """The intersection where one side has many more intervals (opening hours): what lies within the other's is cut out whole."""
    found: Intervals = []
    for start, end in zip(few[::2], few[1::2], strict=True):
        first, last = bisect_right(many, start), bisect_left(many, end)
        if first % 2:
            found.append(start)
        found += many[first:last]
        if last % 2:
            found.append(end)
    return found


def gated(a: Intervals, anchors: Anchors, gate: Intervals) -> tuple[Intervals, Anchors]:
    """Where both hold; each piece keeps the anchor of the anchored interval that it lies in."""
    found: Intervals = []
    kept: Anchors = []
    i, j, length_a, length_b = 0, 0, len(a), len(gate)
    if length_b > _MANY * length_a:
        for n, anchor in enumerate(anchors):
            pieces = _slices(a[2 * n : 2 * n + 2], gate)
            found += pieces
            kept += [anchor] * (len(pieces) >> 1)
        return found, kept
    if not (a and gate):
        return found, kept
    start, end, other, other_end = a[0], a[1], gate[0], gate[1]
    while True:
        since = start if start > other else other  # noqa: FURB136
        if end < other_end:
            if since < end:
                found += (since, end)
                kept.append(anchors[i >> 1])
            i += 2
            if i == length_a:
                return found, kept
            start, end = a[i], a[i + 1]
        else:
            if since < other_end:
                found += (since, other_end)
                kept.append(anchors[i >> 1])
            j += 2
            if j == length_b:
                return found, kept
            other, other_end = gate[j], gate[j + 1]


def both_anchored(a: Intervals, anchors: Anchors, b: Intervals, others: Anchors) -> tuple[Intervals, Anchors]:
    """Where both hold; each piece has the later of the two anchors."""
    found: Intervals = []
    kept: Anchors = []
    i = j = 0
    while i < len(a) and j < len(b):
        start, end = max(a[i], b[j]), min(a[i + 1], b[j + 1])
        anchor = max(anchors[i >> 1], others[j >> 1])
        if start < end:
            if found and found[-1] == start and kept[-1] == anchor:
                found[-1] = end
            else:
                found += (start, end)
                kept.append(anchor)
        if a[i + 1] < b[j + 1]:
            i += 2
        else:
            j += 2
    return found, kept


def union(a: Intervals, b: Intervals) -> Intervals:
    """Where at least one holds; touching intervals become one."""
    if not a:
        return unbroken(b)
    if not b:
        return unbroken(a)
    pairs = sorted([*zip(a[::2], a[1::2], strict=True), *zip(b[::2], b[1::2], strict=True)])
    return _merged(pairs)


def unbroken(a: Intervals) -> Intervals:
    """The same instants, touching intervals made one; the list itself where nothing touches."""
    if len(a) <= 2 or len(set(a)) == len(a):
        return a
    return _merged(zip(a[::2], a[1::2], strict=True))


def _merged(pairs: Iterable[tuple[Instant, Instant]]) -> Intervals:
    found: Intervals = []
    for start, end in pairs:
        if found and start <= found[-1]:
            found[-1] = max(found[-1], end)
        else:
            found += (start, end)
    return found


def anchored_union(parts: Iterable[tuple[Intervals, Anchors]]) -> tuple[Intervals, Anchors]:
    """Where at least one holds; each stretch has the earliest anchor among the intervals that hold at its start."""
    triples = sorted(
        (a[2 * n], anchor, a[2 * n + 1]) for a, anchors in parts for n, anchor in enumerate(anchors)
    )  # by start, then anchor: the first of a stretch is the one that names it
    found: Intervals = []
    kept: Anchors = []
    for start, anchor, end in triples:
        if found and start <= found[-1]:
            found[-1] = max(found[-1], end)
        else:
            found += (start, end)
            kept.append(anchor)
    return found, kept


def complement(a: Intervals, life: Intervals) -> Intervals:
    """Where it does not hold, within the life, [created, gone) or empty."""
    if not life:
        return []
    at, end = life
    found: Intervals = []
    for n in range(0, len(a), 2):
        if at < a[n]:
            found += (at, a[n])
        at = a[n + 1]
    if at < end:
        found += (at, end)
    return found


def gaps(a: Intervals, start: Instant, end: Instant) -> Intervals:
    """`complement` within [start, end) of a list that lies within it and in which no two intervals touch (opening hours)."""
    if not a:
        return [start, end]
    before, after = [start, a[0]] if start < a[0] else [], [a[-1], end] if a[-1] < end else []
    return before + a[1:-1] + after


def starts(a: Intervals) -> list[Instant]:
    """The start of each interval."""
    return a[::2]
