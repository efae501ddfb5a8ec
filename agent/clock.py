"""Clocks. Every instant that a rule is judged by is on the clock of the ticket's source, measured from its Date headers."""

from __future__ import annotations

import time
from typing import Final, Protocol

from rules.instants import SECOND, Instant

SAMPLES: Final = 64
BELIEVED_AFTER: Final = 3
PUT_BACK: Final = 10 * SECOND
"""Answers in a row that lag behind the best one by more than so much tell that the source's clock was put back.

As old as a read may be on which a write rests: no source whose clock is put back is taken for one that answers from a cache.
"""

AT_ONCE: Final[Instant] = 0
"""When something is due that a person wants done now, and another process does.

Each knows a source's clock to a second, and not to the same one: `now` of one may be a second ahead for the other, and a hoist
that runs once has nothing to do by then.
"""

_STEADY: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Counts while the machine sleeps too: CLOCK_MONOTONIC does so on macOS, and does not on Linux (clock_gettime(2))."""


class Clock(Protocol):
    """The machine's clock, injected, so that a demo or a simulation can bring its own."""

    def now(self) -> Instant:
        """The present instant by the machine's own clock, which somebody may set."""

    def monotonic(self) -> float:
        """Seconds that only rise, at an even pace, also while the machine sleeps."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The real thing."""

    def now(self) -> Instant:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.clock_gettime(_STEADY)

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


def steady(clock: Clock) -> int:
    """Milliseconds that only rise: for deadlines, which nobody may move by setting the machine's clock."""
    return round(clock.monotonic() * SECOND)


class SourceClock:
    """A source's clock: steady milliseconds plus an offset that never makes it run ahead of the source.

    A Date header is cut to whole seconds and travels for a while, so each one gives a lower bound of the offset; the largest of
    the last ones is the closest. Setting the machine's clock moves nothing here. A source's clock that was put back is believed
    once several answers in a row say so: one alone may have been on its way for long.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: tuple[int, ...] = ()
        self._best: int | None = None  # one value, so that another thread may ask at any time

    @property
    def offset(self) -> int:
        """Milliseconds by which the source is ahead of this machine's clock (nought until it was heard)."""
        return self.now() - self._clock.now()

    def observe(self, server_time: Instant) -> None:
        """An answer of the source has just come, made at `server_time` by its Date header."""
        samples = (*self._samples, server_time - steady(self._clock))[-SAMPLES:]
        latest = samples[-BELIEVED_AFTER:]
        if len(latest) == BELIEVED_AFTER and max(latest) < max(samples) - PUT_BACK:
            samples = latest
        self._samples, self._best = samples, max(samples)

    def now(self) -> Instant:
        """The present instant on the source's clock, at most as far behind as its Date headers are."""
        best = self._best
        return self._clock.now() if best is None else steady(self._clock) + best

    def local(self, at: Instant) -> Instant:
        """The instant on this machine's clock at which the source's clock will show `at`."""
        return self._clock.now() + at - self.now()


def skew_problem(ahead: int, limit: int) -> str:
    """What is wrong where a source's clock is so many milliseconds ahead of this machine's; empty within the limit."""
    if abs(ahead) <= limit:
        return ""
    where = "ahead of" if ahead > 0 else "behind"
    return (
        f"its clock is {abs(ahead) // SECOND:,} seconds {where} this machine's, and skew_limit allows {limit // SECOND:,}: "
        f"set this machine's clock right, or raise skew_limit in hoist.yaml"
    )
