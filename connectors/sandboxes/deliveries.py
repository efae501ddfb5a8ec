"""Carries what a platform tells to its receivers, in a thread of its own, with that platform's retries.

What goes wrong on purpose (twice, late, lost, wrongly signed) is decided by whoever puts something in the queue.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import requests

from rules.instants import Instant

TIMEOUT: Final = 10
WATCHED: Final = 20
BROKEN_SHARE: Final = 0.7
BREAK_SECONDS: Final = 5.0

Patience = Callable[[int, str, int], float | None]
"""Seconds until the next try after an answer's status (0: none came) and its Retry-After, the n-th such; None: no other try."""


@dataclass(frozen=True)
class Outgoing:
    """One thing that is told to one receiver.

    `headers` are those of a try, by its instant and the number of tries before. `heard` is told of each try's status, 0 where
    nobody answered. `again`: it is sent a second time on purpose; `late`: behind the one that follows.
    """

    method: str
    url: str
    body: bytes
    headers: Callable[[Instant, int], Mapping[str, str]]
    heard: Callable[[int, Instant], None] = lambda _status, _at: None
    again: bool = False
    late: bool = False


class Deliveries:
    """One worker. `clock` stamps each try; with `breaks` it rests where most of the last tries failed."""

    def __init__(self, clock: Callable[[], Instant], patience: Patience, *, breaks: bool = False) -> None:
        self._clock, self._patience, self._breaks = clock, patience, breaks
        self._queue: queue.SimpleQueue[Outgoing | None] = queue.SimpleQueue()
        self._held: list[Outgoing] = []
        self._recent: deque[bool] = deque(maxlen=WATCHED)
        self._stopped = threading.Event()
        self._session = requests.Session()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._idle = threading.Condition()
        self._open = 0

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def add(self, outgoing: Outgoing) -> None:
        """Put one in the queue; a late one behind the next."""
        with self._idle:
            self._open += 1
        if outgoing.late and not self._held:
            self._held.append(outgoing)
            return
        self._queue.put(outgoing)
        self._let_go()

    def settle(self, timeout: float) -> bool:
        """Wait until everything was delivered or given up; False where that takes longer (seconds)."""
        self._let_go()
        with self._idle:
            return self._idle.wait_for(lambda: not self._open, timeout)

    def stop(self) -> None:
        """Drop what is left."""
        self._stopped.set()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()
        self._session.close()

    def _let_go(self) -> None:
        while self._held:
            self._queue.put(self._held.pop())

    def _work(self) -> None:
        while not self._stopped.is_set():
            outgoing = self._queue.get()
            if outgoing is None:
                return
            for _ in range(2 if outgoing.again else 1):
                self._carry(outgoing)
            with self._idle:
                self._open -= 1
                self._idle.notify_all()

    def _carry(self, outgoing: Outgoing) -> None:
        if self._breaks and len(self._recent) == WATCHED and self._recent.count(False) >= BROKEN_SHARE * WATCHED:
            self._recent.clear()
            self._stopped.wait(BREAK_SECONDS)
        tries = 0
        tried: dict[int, int] = {}
        while not self._stopped.is_set():
            status, retry_after = self._sent(outgoing, tries)
            outgoing.heard(status, self._clock())
            succeeded = 200 <= status < 300
            self._recent.append(succeeded)
            tries += 1
            tried[status] = tried.get(status, 0) + 1
            wait = None if succeeded else self._patience(status, retry_after, tried[status])
            if wait is None:
                return
            self._stopped.wait(wait)

    def _sent(self, outgoing: Outgoing, tries: int) -> tuple[int, str]:
        """Status and Retry-After of one try; 0 where nobody answered."""
        headers = dict(outgoing.headers(self._clock(), tries))
        how = {"headers": headers, "timeout": TIMEOUT, "allow_redirects": False}
        try:
            answer = self._session.request(outgoing.method, outgoing.url, data=outgoing.body, **how)  # type: ignore[arg-type]
        except requests.RequestException:
            return 0, ""
        return answer.status_code, answer.headers.get("Retry-After", "")
