"""Who asks a source while the thread that owns the store goes on: pieces of work go in, their results come out.

A piece of work touches no store. What it raises is a mistake in hoist, and reaches whoever asks for results.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

T = TypeVar("T")

AHEAD: Final = 0.5
"""Pieces of work that wait for a place, to each that has one: whoever is done goes on at once, while results are recorded."""

TOGETHER: Final = 8
"""Results that are given at once: what follows from them is soon on its way, and none waits for the record of forty others."""


class Workers(Protocol[T]):
    """Some places in which work is done side by side."""

    @property
    def places(self) -> int:
        """How much may be under way at once."""

    @property
    def room(self) -> int:
        """How many more pieces of work are to be begun now."""

    @property
    def under_way(self) -> int:
        """How much was begun whose result nobody has got yet."""

    def begin(self, work: Callable[[], T]) -> None:
        """Take a piece of work; it waits for a place if need be."""

    def back(self, seconds: float) -> list[T]:
        """Results that came, in the order in which they did; waits so long for the first one, if any work is under way."""

    def close(self) -> None:
        """End; work under way is finished, its results are dropped."""


class OneByOne(Generic[T]):
    """One piece after the other, each when its result is asked for. Under a stepped clock nothing may happen beside it."""

    def __init__(self, places: int = 1) -> None:
        self.places = places
        self._waiting: deque[Callable[[], T]] = deque()

    @property
    def room(self) -> int:
        return max(0, self.places - self.under_way)

    @property
    def under_way(self) -> int:
        return len(self._waiting)

    def begin(self, work: Callable[[], T]) -> None:
        self._waiting.append(work)

    def back(self, seconds: float) -> list[T]:  # noqa: ARG002 - nothing is ever waited for
        return [self._waiting.popleft()()] if self._waiting else []

    def close(self) -> None:
        self._waiting.clear()


class _Done(NamedTuple, Generic[T]):
    """What a piece of work came to."""

    result: T | None = None
    error: BaseException | None = None


class Threads(Generic[T]):
    """A thread for each place, begun when it is first needed."""

    def __init__(self, places: int, name: str) -> None:
        self.places = places
        self.under_way = 0
        self._most = places + max(1, int(places * AHEAD))
        self._name = name
        self._threads: list[threading.Thread] = []
        self._waiting: SimpleQueue[Callable[[], T] | None] = SimpleQueue()
        self._back: SimpleQueue[_Done[T]] = SimpleQueue()

    @property
    def room(self) -> int:
        return max(0, self._most - self.under_way)

    def begin(self, work: Callable[[], T]) -> None:
        self.under_way += 1
        self._waiting.put(work)
        if len(self._threads) < min(self.places, self.under_way):
            name = f"{self._name}_{len(self._threads)}"
            self._threads.append(threading.Thread(target=self._work, name=name, daemon=True))
            self._threads[-1].start()

    def back(self, seconds: float) -> list[T]:
        found: list[T] = []
        while self.under_way and len(found) < TOGETHER:
            try:
                done = self._back.get(block=not found and seconds > 0, timeout=seconds)
            except Empty:
                break
            self.under_way -= 1
            if done.error is not None:
                raise done.error
            found.append(done.result)  # type: ignore[arg-type]
        return found

    def close(self) -> None:
        while True:
            try:
                self._waiting.get_nowait()
            except Empty:
                break
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            try:
                self._back.put(_Done(work()))
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
                self._back.put(_Done(error=error))
