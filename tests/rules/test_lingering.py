"""What goes on after its end for as long as something less goes on."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from rules.conditions.lingering import lingering
from rules.intervals import Anchors, Intervals, contains
from rules.timeline import timeline
from tests.rules.random_stories import ticket

points = st.lists(st.integers(0, 40), max_size=12).map(sorted)


def stretches(edges: list[int]) -> Intervals:
    return [edge for n in range(0, len(edges) - 1, 2) if edges[n] < edges[n + 1] for edge in edges[n : n + 2]]


def one_by_one(part: Intervals, anchors: Anchors, still: Intervals) -> tuple[Intervals, Anchors]:
    """Each stretch by itself, minute by minute, until the next one begins or the other condition ends."""
    found: Intervals = []
    kept: Anchors = []
    for n, anchor in enumerate(anchors):
        start, end = part[2 * n], part[2 * n + 1]
        following = part[2 * n + 2] if 2 * n + 2 < len(part) else 100
        while end < following and contains(still, end):
            end += 1
        if found and found[-1] == start and kept[-1] == anchor:
            found[-1] = end
        else:
            found += (start, end)
            kept.append(anchor)
    return found, kept


@given(points, points, st.randoms(use_true_random=False))
def test_a_wait_of_many_nights_lasts_as_long_as_its_nights_one_by_one(part: list[int], still: list[int], rng: Random) -> None:
    """However many nights a ticket waits through, its wait begins and ends as if each night had been looked at by itself."""
    nights, goes_on = stretches(part), stretches(sorted(set(still)))
    for anchors in ([7] * (len(nights) // 2), [n // 2 for n in range(len(nights) // 2)]):
        judge = lingering([lambda *_, a=anchors: (nights, nights, a), lambda *_: (goes_on, goes_on, None)], 0, 1)
        surely, _, kept = judge(timeline(ticket(rng)), [None, None])
        assert (surely, kept or []) == one_by_one(nights, anchors, goes_on)
