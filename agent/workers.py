"""Who asks a source while the thread that owns the store goes on: pieces of work go in, their results come out.

A piece of work touches no store. What it raises is a mistake in hoist, and reaches whoever asks for results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Workers(Protocol[T]):
    """Some places in which work is done side by side."""

    @property
    def places(self) -> int:
        """How much may be under way at once."""

    @property
    def under_way(self) -> int:
        """How much was begun whose result nobody has got yet."""

    def begin(self, work: Callable[[], T]) -> None:
        """Take a piece of work; it waits for a place if need be."""

    def back(self, seconds: float) -> list[T]:
        """The results that came, in the order in which they did; waits so long for the first one, if any work is under way."""

    def close(self) -> None:
        """End; work under way is finished, its results are dropped."""


class OneByOne(Generic[T]):
    """One piece after the other, each when its result is asked for. Under a stepped clock nothing may happen beside it."""

    def __init__(self, places: int = 1) -> None:
        self.places = places
        self._waiting: deque[Callable[[], T]] = deque()

    @property
    def under_way(self) -> int:
        return len(self._waiting)

    def begin(self, work: Callable[[], T]) -> None:
        self._waiting.append(work)

    def back(self, seconds: float) -> list[T]:  # noqa: ARG002 - nothing is ever waited for
        return [self._waiting.popleft()()] if self._waiting else []

    def close(self) -> None:
        self._waiting.clear()


class Threads(Generic[T]):
    """A thread for each place."""

    def __init__(self, places: int, name: str) -> None:
        self.places = places
        self.under_way = 0
        self._pool = ThreadPoolExecutor(places, name)
        self._back: SimpleQueue[Future[T]] = SimpleQueue()

    def begin(self, work: Callable[[], T]) -> None:
        self.under_way += 1
        self._pool.submit(work).add_done_callback(self._back.put)

    def back(self, seconds: float) -> list[T]:
        found: list[T] = []
        while self.under_way:
            try:
                done = self._back.get(block=not found and seconds > 0, timeout=seconds)
            except Empty:
                break
            self.under_way -= 1
            found.append(done.result())
        return found

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
