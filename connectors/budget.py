"""How fast a source may be asked: one budget for everything that asks it, the most urgent first.

A bucket gives out requests at an even rate, in slices of half a second at most: a budget that several processes share is asked
for a slice now and then, not for each request. What was saved up and what a slice is held for are half a second each, so that in
W seconds never more than rate x (W + 1) requests leave, however many processes share the bucket.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import IntEnum
from heapq import heapify, heappop, heappush
from itertools import count
from math import ceil
from typing import Final, Protocol

SAVED_SECONDS: Final = 0.5
HELD_SECONDS: Final = 0.5
MOST_IN_A_SLICE: Final = 500
OWED_SECONDS: Final = 30.0
"""What was given out in advance is never more than so many seconds' worth: beyond that somebody has edited the store."""
RESERVE: Final = 5
"""Of so many requests one is not for backfill, so that whoever is more urgent finds one that has not left."""
TOGETHER_SECONDS: Final = 0.02
"""Whoever waits for the rate waits at least so long: requests that may leave meanwhile are handed out together."""
SLOWED_TO: Final = 0.5
RECOVERY: Final = 0.02
"""Share of the full rate that comes back per second after the source found hoist too fast: 25 seconds from half to full."""
LEAST_RATE: Final = 1.0
LONGEST_TURN: Final = 3.0
"""Seconds after which a write whose turn has not come is not sent: what it rests on grows old."""
_SECOND: Final = 1000


class Urgency(IntEnum):
    """What a request is for; who waits with the lowest number goes first."""

    WRITE = 0
    FRESH = 1  # the read that a write rests on, and what shows that it took place
    POLL = 2
    BACKFILL = 3  # a first mirror, a census


@dataclass(frozen=True, slots=True)
class Drawn:
    """`number` requests: the first may leave in `seconds` (below nought: so long ago), one each `gap` seconds after it.

    None where the source is closed: for `closed` seconds, for the reason `said`. Backfill rests for `spared` seconds.
    """

    number: int = 0
    seconds: float = 0.0
    gap: float = 0.0
    closed: float = 0.0
    said: str = ""
    spared: float = 0.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket at an instant. All instants are milliseconds on one clock.

    `tokens` is below nought where slices were given out in advance. The source is closed, or spared backfill, from `closed_at`
    and `spared_at` on until the other instant; a clock that was set back before the first one proves nothing any more.
    """

    full: float  # requests per second that the administrator allows
    rate: float  # those that are given out, since the source found hoist too fast
    tokens: float
    at: int
    closed_at: int = 0
    closed_until: int = 0
    said: str = ""
    spared_at: int = 0
    spared_until: int = 0

    def drawn(self, now: int) -> tuple[Bucket, Drawn]:
        """The bucket after the next slice was taken, and the slice."""
        full = self.filled(now)
        spared = full.spared_for(now)
        if (closed := full.closed_for(now)) > 0:
            return full, Drawn(closed=closed, said=self.said, spared=spared)
        number = min(max(1, int(full.rate * HELD_SECONDS)), MOST_IN_A_SLICE)
        gap = 1.0 / full.rate
        return replace(full, tokens=full.tokens - number), Drawn(number, (1.0 - full.tokens) * gap, gap, spared=spared)

    def filled(self, now: int) -> Bucket:
        """The bucket with what has come in since it was last looked at."""
        seconds = max(0, now - self.at) / _SECOND
        rate = max(min(LEAST_RATE, self.full), min(self.full, self.rate + seconds * RECOVERY * self.full))
        most, least = max(1.0, rate * SAVED_SECONDS), -max(1.0, rate * OWED_SECONDS)
        return replace(self, rate=rate, tokens=min(most, max(least, self.tokens) + seconds * rate), at=now)

    def slower(self, now: int) -> Bucket:
        """The source found hoist too fast."""
        filled = self.filled(now)
        return replace(filled, rate=max(min(LEAST_RATE, self.full), filled.rate * SLOWED_TO), tokens=min(filled.tokens, 0.0))

    def closed(self, now: int, seconds: float, said: str) -> Bucket:
        """The source takes no request for so long; an earlier closing that ends later stands."""
        if self.closed_for(now) >= seconds:
            return self
        return replace(self, closed_at=now, closed_until=now + ceil(seconds * _SECOND), said=said)

    def spared(self, now: int, seconds: float) -> Bucket:
        """Backfill leaves what is left to others for so long."""
        if self.spared_for(now) >= seconds:
            return self
        return replace(self, spared_at=now, spared_until=now + ceil(seconds * _SECOND))

    def closed_for(self, now: int) -> float:
        """Seconds until the source takes requests again; nought where it does."""
        return _left(self.closed_at, now, self.closed_until)

    def spared_for(self, now: int) -> float:
        """Seconds until backfill may go on; nought where it may."""
        return _left(self.spared_at, now, self.spared_until)


def _left(since: int, now: int, until: int) -> float:
    return (until - now) / _SECOND if since - _SECOND <= now < until else 0.0


def full_bucket(rate: float, now: int) -> Bucket:
    """A bucket that nobody has drawn from yet."""
    return Bucket(rate, rate, max(1.0, rate * SAVED_SECONDS), now)


class Supply(Protocol):
    """Where slices come from. May be asked by several threads."""

    def draw(self, rate: float, written: int) -> Drawn:
        """The next slice of a budget of `rate` requests per second; `written` requests for writes left since the last one."""

    def close(self, rate: float, seconds: float, said: str) -> None:
        """The source takes no request for so long."""

    def slow(self, rate: float) -> None:
        """The source found hoist too fast."""

    def spare(self, rate: float, seconds: float) -> None:
        """What the source has left is not for backfill for so long."""


class OwnSupply:
    """A budget that no other process shares and that ends with this one."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._bucket: Bucket | None = None
        self._lock = threading.Lock()

    def draw(self, rate: float, written: int) -> Drawn:  # noqa: ARG002 - nobody asks this one what was written
        with self._lock:
            self._bucket, drawn = self._found(rate).drawn(self._now())
            return drawn

    def close(self, rate: float, seconds: float, said: str) -> None:
        with self._lock:
            self._bucket = self._found(rate).closed(self._now(), seconds, said)

    def slow(self, rate: float) -> None:
        with self._lock:
            self._bucket = self._found(rate).slower(self._now())

    def spare(self, rate: float, seconds: float) -> None:
        with self._lock:
            self._bucket = self._found(rate).spared(self._now(), seconds)

    def _found(self, rate: float) -> Bucket:
        return self._bucket or full_bucket(rate, self._now())

    def _now(self) -> int:
        return int(self._monotonic() * _SECOND)


class NoTurn(Exception):
    """Nothing was asked: the source is closed for so many seconds, or (`late`) this request's turn did not come in time."""

    def __init__(self, said: str, seconds: float, *, late: bool = False) -> None:
        super().__init__(said)
        self.seconds, self.late = seconds, late


@dataclass(order=True, slots=True)
class _Place:
    """A place in the queue."""

    urgency: Urgency
    number: int
    until: float = field(compare=False)
    served: bool = field(default=False, compare=False)
    called: threading.Event = field(default_factory=threading.Event, compare=False)


class Budget:
    """At most so many requests at once, as many per second as the supply gives, and the most urgent of those who wait first.

    Of the threads that wait one draws the next slice or sleeps until the next request may leave; all others are called.
    """

    def __init__(
        self, rate: float, concurrent: int, supply: Supply, *, sleep: Callable[[float], None], monotonic: Callable[[], float]
    ) -> None:
        self._rate, self._supply = rate, supply
        self._sleep, self._monotonic = sleep, monotonic
        self._lock = threading.Lock()
        self._places = self._free = concurrent
        self._queue: list[_Place] = []
        self._numbers, self._drawn = count(), count()
        self._open: deque[tuple[float, float]] = deque()  # requests that may leave: from when, and until when
        self._reserved: deque[tuple[float, float]] = deque()
        self._drawing = False
        self._slice = 0  # requests in the last slice
        self._watched: float | None = None  # somebody sleeps until then
        self._closed, self._said, self._spared = 0.0, "", 0.0
        self._slowed = -1.0
        self._written = 0

    @contextmanager
    def turn(self, urgency: Urgency, longest: float) -> Iterator[None]:
        """Wait for a place and a request for `longest` seconds at most, hold the place for the length of the block.

        Raises NoTurn.
        """
        self._enter(urgency, longest)
        try:
            self._draw_ahead()
            yield
        finally:
            with self._lock:
                self._free += 1
                self._serve()

    def close(self, seconds: float, said: str) -> None:
        """The source takes no request for so long."""
        self._supply.close(self._rate, seconds, said)
        with self._lock:
            self._shut(seconds, said)

    def slow(self) -> None:
        """The source found hoist too fast. Requests that were under way together say so together: it counts once a second."""
        with self._lock:
            now = self._monotonic()
            if self._slowed >= 0 and now - self._slowed < 1.0:
                return
            self._slowed = now
            self._open.clear()
            self._reserved.clear()
        self._supply.slow(self._rate)

    def spare(self, seconds: float) -> None:
        """What the source has left is not for backfill for so long; said once a minute at most."""
        with self._lock:
            until = self._monotonic() + seconds
            if until <= self._spared + min(seconds, 60.0):
                return
            self._spared = until
        self._supply.spare(self._rate, seconds)

    # --- waiting ---------------------------------------------------------------------------------------------------

    def _enter(self, urgency: Urgency, longest: float) -> None:
        with self._lock:
            self._refuse(urgency)
            if urgency <= Urgency.FRESH:
                self._written += 1
            if not self._queue and self._free and self._taken(urgency):
                self._free -= 1
                return
            place = _Place(urgency, next(self._numbers), self._monotonic() + longest)
            heappush(self._queue, place)
            self._serve()
        try:
            while not place.served:
                self._further(place)
        except BaseException:
            self._leave(place)
            raise

    def _leave(self, place: _Place) -> None:
        with self._lock:
            if place.served:
                self._free += 1
            else:
                self._queue.remove(place)
                heapify(self._queue)
            self._serve()

    def _further(self, place: _Place) -> None:
        """Draw, or sleep until a request may leave, or wait to be called."""
        with self._lock:
            if place.served:
                return
            self._refuse(place.urgency)
            now = self._monotonic()
            if now >= place.until:
                raise NoTurn("its turn did not come in time", 1.0, late=True)
            following = self._next(place.urgency)
            first = self._queue[0] is place and self._free and not self._drawing
            draws = bool(first) and following is None
            sleeps = bool(first) and following is not None and (self._watched is None or following < self._watched)
            if draws:
                self._drawing = True
            elif sleeps:
                self._watched = following
        if draws:
            self._draw()
        elif sleeps and following is not None:
            self._watch(following, min(max(following - now, TOGETHER_SECONDS), place.until - now))
        else:
            place.called.wait(max(0.0, place.until - now))
            place.called.clear()

    def _draw_ahead(self) -> None:
        """Draw the next slice once half of the last one is gone and others ask, too: else all would wait for it together.

        A slice out of the store is a transaction, which waits for the one that writes.
        """
        with self._lock:
            now, others_ask = self._monotonic(), self._places - self._free > 1
            if self._drawing or not others_ask or self._closed > now or not self._half_gone(now):
                return
            self._drawing = True
        self._draw()

    def _draw(self) -> None:
        drawn = Drawn()
        try:
            with self._lock:
                written, self._written = self._written, 0
            drawn = self._supply.draw(self._rate, written)
        finally:
            with self._lock:
                self._drawing = False
                self._keep(drawn)
                self._serve()

    def _watch(self, until: float, seconds: float) -> None:
        # in whole milliseconds: a stepped clock knows nothing smaller, and would stand
        self._sleep(max(1, ceil(seconds * _SECOND)) / _SECOND)
        with self._lock:
            if self._watched == until:
                self._watched = None
            self._serve()

    # --- under the lock --------------------------------------------------------------------------------------------

    def _keep(self, drawn: Drawn) -> None:
        now = self._monotonic()
        if drawn.closed:
            self._shut(drawn.closed, drawn.said)
        self._spared = max(self._spared, now + drawn.spared) if drawn.spared else self._spared
        self._slice = drawn.number
        for number in range(drawn.number):
            at = now + drawn.seconds + number * drawn.gap
            reserved = next(self._drawn) % RESERVE == RESERVE - 1
            (self._reserved if reserved else self._open).append((at, max(at, now) + HELD_SECONDS))

    def _half_gone(self, now: float) -> bool:
        """Whether half of the last slice was used up, or can't be used for much longer."""
        left = len(self._open) + len(self._reserved)
        ends = max((stock[-1][1] for stock in (self._open, self._reserved) if stock), default=now)
        return self._slice > 1 and (left <= self._slice // 2 or ends - now <= HELD_SECONDS / 2)

    def _shut(self, seconds: float, said: str) -> None:
        self._closed, self._said = max(self._closed, self._monotonic() + seconds), said
        self._open.clear()
        self._reserved.clear()
        for place in self._queue:
            place.called.set()

    def _refuse(self, urgency: Urgency) -> None:
        now = self._monotonic()
        if self._closed > now:
            raise NoTurn(self._said, self._closed - now)
        if urgency is Urgency.BACKFILL and self._spared > now:
            raise NoTurn("most of what the source permits is used up, the rest is kept for what is urgent", self._spared - now)

    def _serve(self) -> None:
        """Let in whoever may go on; whoever is first after that is called, unless somebody watches for it."""
        while self._queue and self._free and self._taken(self._queue[0].urgency):
            place = heappop(self._queue)
            self._free -= 1
            place.served = True
            place.called.set()
        if self._queue and self._free and not self._drawing and self._watched is None:
            self._queue[0].called.set()

    def _taken(self, urgency: Urgency) -> bool:
        stock = self._earliest(urgency)
        if stock is None or stock[0][0] > self._monotonic():
            return False
        stock.popleft()
        return True

    def _next(self, urgency: Urgency) -> float | None:
        stock = self._earliest(urgency)
        return None if stock is None else stock[0][0]

    def _earliest(self, urgency: Urgency) -> deque[tuple[float, float]] | None:
        now = self._monotonic()
        for stock in (self._open, self._reserved):
            while stock and stock[0][1] < now:
                stock.popleft()
        if urgency is Urgency.BACKFILL or not self._reserved:
            return self._open or None
        return self._reserved if not self._open or self._reserved[0] < self._open[0] else self._open
