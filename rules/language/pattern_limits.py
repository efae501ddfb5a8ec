"""How much work a regular expression may make, and what is said of one that could make more."""

from __future__ import annotations

from typing import Final

WORK_LIMIT: Final = 200_000_000
"""Comparisons that the worst text of TEXT_LIMIT characters may cost, estimated from above."""

WORK: Final = (
    "too many repeats that can match the same text, which long texts hold up; let each repeat end where the next part begins "
    "(`[^@]+@`, not `.+@`), leave out `.*` at the beginning, or write several patterns under `all:`"
)


class UnsafePattern(ValueError):
    """The pattern could hold hoist up; the text says why, and what to write instead."""


def capped(number: int) -> int:
    """A number, and no more than is needed to see that it is too much."""
    return min(number, WORK_LIMIT + 1)


def power(ways: int, times: int) -> int:
    """`ways` to the power of `times`, capped."""
    found = 1
    for _ in range(times):
        found = capped(found * ways)
        if found in {0, 1, WORK_LIMIT + 1}:
            break
    return found
