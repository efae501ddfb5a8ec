"""Clocks. Every instant that a rule is judged by is on the clock of the ticket's source, measured from its Date headers."""

from __future__ import annotations

import time
from collections import deque
from typing import Protocol

from rules.instants import SECOND, Instant

SAMPLES = 64


class Clock(Protocol):
    """The machine's clock, injected, so that a demo or a simulation can bring its own."""

    def now(self) -> Instant:
        """The present instant by the machine's own clock."""

    def monotonic(self) -> float:
        """Seconds that only rise."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The real thing."""

    def now(self) -> Instant:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SteppedClock:
    """Stands still until it is told to jump; sleeping is a jump. Whatever runs under it is the same on every machine."""

    def __init__(self, start: Instant) -> None:
        self._now = start

    def now(self) -> Instant:
        return self._now

    def monotonic(self) -> float:
        return self._now / SECOND

    def sleep(self, seconds: float) -> None:
        self._now += int(seconds * SECOND)

    def jump(self, to: Instant) -> None:
        """Go on to an instant; never back."""
        self._now = max(self._now, to)


class SourceClock:
    """A source's clock: the machine's clock plus an offset that never makes it run ahead of the source.

    A Date header is cut to whole seconds and travels for a while, so each one gives a lower bound of the offset; the largest of the
    last ones is the closest.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[int] = deque(maxlen=SAMPLES)

    @property
    def offset(self) -> int:
        """Milliseconds by which the source is ahead of this machine (nought until it was heard)."""
        return max(self._samples, default=0)

    def observe(self, server_time: Instant) -> None:
        self._samples.append(server_time - self._clock.now())

    def now(self) -> Instant:
        return self._clock.now() + self.offset

    def local(self, at: Instant) -> Instant:
        """The instant on this machine's clock at which the source's clock will show `at`."""
        return at - self.offset
