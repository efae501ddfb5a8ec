"""What the check of the demo holds hoist to: a firing that nobody could see is no fault of hoist's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.demo.proof import shows

SECONDS = st.integers(0, 60)


@pytest.mark.parametrize(
    ("end", "acts", "kept_back", "seen"),
    [
        (100, [], 0, True),
        (63, [], 0, False),
        (100, [0, 20, 40], 0, True),
        (100, [0], 60, False),
        (124, [0], 60, True),
        (124, [0, 30], 60, False),
        (190, [0, 30, 170], 60, True),
        (190, [0, 125], 60, True),
        (120, [-30], 60, True),
        (100, [200], 60, True),
    ],
)
def test_a_firing_must_show_long_enough_in_one_piece(end: int, acts: list[int], kept_back: int, seen: bool) -> None:
    """What a platform keeps back after each change of a ticket does not count, and begins anew with every change."""
    assert shows(0, end, acts, bound=63, kept_back=kept_back) == seen


@given(SECONDS, st.lists(st.integers(-20, 60), max_size=4), st.integers(0, 10), st.integers(0, 20))
def test_it_is_what_counting_seconds_gives(end: int, acts: list[int], bound: int, kept_back: int) -> None:
    """The longest run of seconds in which nothing is kept back decides."""
    longest = run = 0
    for second in range(end):
        run = 0 if any(at <= second < at + kept_back for at in acts) else run + 1
        longest = max(longest, run)
    assert shows(0, end, acts, bound=bound, kept_back=kept_back) == (longest > bound)
