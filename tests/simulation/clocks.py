"""True time, which the helpdesk goes by, and the machine's clock, which somebody may set."""

from __future__ import annotations

from rules.instants import SECOND, Instant


class TrueTime:
    """The one time of a simulated world; it passes only where somebody lets it."""

    def __init__(self, start: Instant) -> None:
        self._now = start

    def now(self) -> Instant:
        return self._now

    def go_on(self, milliseconds: int) -> None:
        self._now += milliseconds

    def reach(self, at: Instant) -> None:
        """Go on to an instant; never back."""
        self._now = max(self._now, at)


class MachineClock:
    """What hoist's machine shows: true time and an offset that is changed when the clock is set. The steady clock is right."""

    def __init__(self, true: TrueTime, offset: int) -> None:
        self._true, self.offset = true, offset

    def now(self) -> Instant:
        return self._true.now() + self.offset

    def monotonic(self) -> float:
        return self._true.now() / SECOND

    def sleep(self, seconds: float) -> None:
        self._true.go_on(int(seconds * SECOND))
