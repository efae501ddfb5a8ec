"""Questions that several threads have at the same time leave as one, where a platform answers many at the price of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Event, Lock
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class _Round(Generic[K, V]):
    """What is asked for at once, and what came of it."""

    def __init__(self) -> None:
        self.keys: dict[K, None] = {}
        self.done = Event()
        self.found: Mapping[K, V] = {}
        self.error: BaseException | None = None


class Together(Generic[K, V]):
    """Answers one question at a time to whoever asks, and puts them to the platform `most` at once.

    One round is under way at a time, and whoever asks meanwhile is of the next one: an answer was always read after it was asked
    for. Nobody waits for others to join, so that a question alone leaves as it would without this.
    """

    def __init__(self, read: Callable[[Sequence[K]], Mapping[K, V]], most: int) -> None:
        self._read, self._most = read, most
        self._joining, self._turn = Lock(), Lock()
        self._open: _Round[K, V] | None = None

    def of(self, key: K) -> V | None:
        """What is read under this key; None where nothing is. Raises what reading raised, to each who was of that round."""
        mine, leads = self._joined(key)
        if leads:
            self._lead(mine)
        else:
            mine.done.wait()
        if mine.error is not None:
            raise mine.error
        return mine.found.get(key)

    def _joined(self, key: K) -> tuple[_Round[K, V], bool]:
        """The round that a question is of, and whether whoever asks it is its first and sees to it."""
        with self._joining:
            leads = self._open is None
            mine = self._open = self._open or _Round()
            mine.keys[key] = None
            if len(mine.keys) >= self._most:
                self._open = None
            return mine, leads

    def _lead(self, mine: _Round[K, V]) -> None:
        with self._turn:
            with self._joining:
                if self._open is mine:
                    self._open = None
            try:
                mine.found = self._read(list(mine.keys))
            except BaseException as error:  # noqa: BLE001 - it is raised to everybody who asked
                mine.error = error
            finally:
                mine.done.set()
