"""Group commit: what many callers bring at once becomes one transaction, and each is answered after it is on disk.

A commit that reaches the disk takes some milliseconds, however much is in it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")
A = TypeVar("A")

BATCH: Final = 256
MOST_WAITING: Final = 4_096


class GroupCommit(Generic[T, A]):
    """One thread that keeps what it is given, for callers on one event loop. `keep` answers each item of a batch."""

    def __init__(self, keep: Callable[[Sequence[T]], Sequence[A]]) -> None:
        self._keep = keep
        self._waiting: deque[tuple[T, asyncio.Future[A]]] = deque()
        self._gathered: list[tuple[T, asyncio.Future[A]]] = []
        self._condition = threading.Condition()
        self._ends = False
        self._thread = threading.Thread(target=self._work, name="hoist-hooks-commit", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether so much waits that more would wait too long."""
        return len(self._waiting) >= MOST_WAITING

    async def kept(self, item: T) -> A:
        """Its answer, once it is on disk. Raises whatever `keep` raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[A] = loop.create_future()
        if not self._gathered:
            loop.call_soon(self._hand_over)
        self._gathered.append((item, future))
        return await future

    def _hand_over(self) -> None:
        """All that one round of the loop has brought, at once: to wake the thread for each takes as long as to keep it."""
        gathered, self._gathered = self._gathered, []
        with self._condition:
            self._waiting.extend(gathered)
            self._condition.notify()

    def close(self) -> None:
        """Keep what still waits, and end."""
        with self._condition:
            self._ends = True
            self._condition.notify()
        self._thread.join()

    def _work(self) -> None:
        while batch := self._next():
            answers: Sequence[A] = ()
            problem: Exception | None = None
            try:
                answers = self._keep([item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
                problem = error
            loop = batch[0][1].get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_answer, [future for _, future in batch], answers, problem)

    def _next(self) -> list[tuple[T, asyncio.Future[A]]]:
        with self._condition:
            while not self._waiting and not self._ends:
                self._condition.wait()
            return [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]


def _answer(futures: Sequence[asyncio.Future[A]], answers: Sequence[A], problem: Exception | None) -> None:
    for place, future in enumerate(futures):
        if future.done():  # whoever waited for it has given up
            continue
        if problem is not None:
            future.set_exception(problem)
        else:
            future.set_result(answers[place])
