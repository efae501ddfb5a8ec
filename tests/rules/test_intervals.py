"""The interval algebra against sets of instants."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rules.intervals import (
    Intervals,
    anchored_union,
    both_anchored,
    complement,
    contains,
    gaps,
    gated,
    intersection,
    standing,
    starts,
    unbroken,
    union,
)

LIFE = [0, 40]


@st.composite
def intervals(draw: st.DrawFn, *, touching: bool = True) -> Intervals:
    """Intervals within the life; with `touching`, some follow each other at once."""
    found: Intervals = []
    at = 0
    for gap, size in draw(st.lists(st.tuples(st.integers(0 if touching else 1, 4), st.integers(1, 5)), max_size=6)):
        if at + gap + size <= LIFE[1]:
            found += (at + gap, at + gap + size)
            at += gap + size
    return found


def instants(a: Intervals) -> set[int]:
    return {at for n in range(0, len(a), 2) for at in range(a[n], a[n + 1])}


@given(intervals(), intervals())
def test_intervals_are_sets_of_instants(a: Intervals, b: Intervals) -> None:
    """Both, either and neither hold exactly where a list of all instants says so."""
    assert instants(intersection(a, b)) == instants(a) & instants(b)
    assert instants(union(a, b)) == instants(a) | instants(b)
    assert instants(complement(a, LIFE)) == set(range(*LIFE)) - instants(a)
    assert [contains(a, at) for at in range(-1, 41)] == [at in instants(a) for at in range(-1, 41)]


@given(intervals(), intervals())
def test_results_are_sorted_and_without_gaps_of_no_length(a: Intervals, b: Intervals) -> None:
    """Union, complement and unbroken give each stretch once, whole."""
    for result in (union(a, b), complement(a, LIFE), unbroken(a)):
        assert result == sorted(set(result))


@given(intervals(), intervals(touching=False))
def test_a_gate_keeps_anchors(a: Intervals, gate: Intervals) -> None:
    """Each piece knows the interval that it was cut from."""
    found, anchors = gated(a, starts(a), gate)
    assert found == intersection(a, gate)
    for piece, anchor in zip(starts(found), anchors, strict=True):
        assert anchor in starts(a)
        assert anchor <= piece < a[a.index(anchor, 2 * starts(a).index(anchor)) + 1]


@given(intervals(), intervals())
def test_of_two_anchors_the_later_one_counts_for_both_and_the_earlier_for_either(a: Intervals, b: Intervals) -> None:
    """`all` began when its last part did, `any` when the first one that held did."""
    found, anchors = both_anchored(a, starts(a), b, starts(b))
    assert instants(found) == instants(a) & instants(b)
    assert all(
        anchor in {*starts(a), *starts(b)} and anchor <= start for start, anchor in zip(starts(found), anchors, strict=True)
    )
    either, earliest = anchored_union([(a, [start - 100 for start in starts(a)]), (b, starts(b))])
    assert either == union(a, b)
    assert earliest == [start - 100 if start in starts(a) else start for start in starts(either)]


@given(intervals(), st.integers(0, 39))
def test_a_stretch_is_as_wide_as_nothing_changes(a: Intervals, at: int) -> None:
    """Since when and until when something has been so reaches to the next change, or to an end of life."""
    holds, start, end = standing(a, at, LIFE)
    assert holds is contains(a, at)
    assert start <= at < end
    assert len({contains(a, t) for t in range(start, end)}) == 1
    assert start == 0 or contains(a, start - 1) is not contains(a, at)
    assert end == 40 or contains(a, end) is not contains(a, at)


@given(st.lists(st.integers(0, 200), unique=True, max_size=40), st.integers(0, 40))
def test_few_against_many_is_the_same_as_a_walk(boundaries: list[int], width: int) -> None:
    """Opening hours of a year are cut by bisection, and give what walking through all of them gives."""
    many = sorted(boundaries)[: len(boundaries) // 2 * 2]
    few = [20, 21 + width, 70, 71 + width]
    many += [1_000 + n for n in range(200)]
    holds = [at for at in range(-5, 1_300) if contains(few, at) and contains(many, at)]
    assert [at for at in range(-5, 1_300) if contains(intersection(few, many), at)] == holds
    assert [at for at in range(-5, 1_300) if contains(intersection(many, few), at)] == holds
    cut, anchors = gated(few, [7, 8], many)
    assert [at for at in range(-5, 1_300) if contains(cut, at)] == holds
    assert len(anchors) == len(cut) // 2
    assert gaps(many, -5, 1_300) == complement(many, [-5, 1_300])
