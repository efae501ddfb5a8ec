"""How durations are spread, in a few numbers: what stands for millions of them in flat memory."""

from __future__ import annotations

from math import frexp
from typing import Final

_PARTS: Final = 64
"""Of each doubling: a median is right to within one part in a hundred."""


class Spread:
    """Durations in milliseconds, counted by size; `count`, `total`, `least` and `most` are exact."""

    __slots__ = ("_sizes", "count", "least", "most", "total")

    def __init__(self) -> None:
        self.count = self.total = self.most = 0
        self.least: int | None = None
        self._sizes: dict[int, int] = {}

    def add(self, duration: int) -> None:
        """Count one, nought or longer."""
        self.count += 1
        self.total += duration
        self.most = max(self.most, duration)
        self.least = duration if self.least is None else min(self.least, duration)
        size = _size(duration)
        self._sizes[size] = self._sizes.get(size, 0) + 1

    def join(self, other: Spread) -> None:
        """Count all of the other's as well."""
        self.count += other.count
        self.total += other.total
        self.most = max(self.most, other.most)
        if other.least is not None:
            self.least = other.least if self.least is None else min(self.least, other.least)
        for size, number in other._sizes.items():
            self._sizes[size] = self._sizes.get(size, 0) + number

    def percentile(self, percent: int) -> int | None:
        """So many percent are no longer than this, to within one part in a hundred; None where there are none."""
        if not self.count:
            return None
        wanted, so_far = max(1, -(-self.count * percent // 100)), 0
        for size in sorted(self._sizes):
            so_far += self._sizes[size]
            if so_far >= wanted:
                return min(max(_middle(size), self.least or 0), self.most)
        return self.most

    @property
    def median(self) -> int | None:
        """Half of them are no longer."""
        return self.percentile(50)


def _size(duration: int) -> int:
    if duration <= 0:
        return 0
    fraction, exponent = frexp(duration)  # duration = fraction * 2**exponent, fraction in [0.5, 1)
    return exponent * _PARTS + int((2 * fraction - 1) * _PARTS)


def _middle(size: int) -> int:
    if size == 0:
        return 0
    exponent, part = divmod(size, _PARTS)
    return round((1 + (part + 0.5) / _PARTS) * 2.0 ** (exponent - 1))
