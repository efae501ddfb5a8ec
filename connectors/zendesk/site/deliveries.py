"""Carries what webhooks are told to their receivers, in a thread of its own, with the platform's retries.

https://support.zendesk.com/hc/en-us/articles/4408839108378 (webhooks: retries and the circuit breaker)
409 is tried again up to three times, 429 and 503 where Retry-After is short, silence up to five times, anything else never.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

import requests

from connectors.zendesk.site.webhooks import Attempt, Invocation, waited
from rules.instants import SECOND, Instant

TIMEOUT: Final = 10
TRIES: Final = {409: 4, 429: 4, 503: 4, 0: 6}
PAUSE_SECONDS: Final = 0.2
"""Between two tries, where the receiver names no other time; the platform's own are longer."""
WATCHED: Final = 20
BROKEN_SHARE: Final = 0.7
BREAK_SECONDS: Final = 5.0


class Deliveries:
    """One worker. `clock` stamps each try; `keeps_signature`: tries after the first are signed as the first was."""

    def __init__(self, clock: Callable[[], Instant], *, keeps_signature: bool) -> None:
        self._clock = clock
        self._keeps = keeps_signature
        self._queue: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._held: list[Invocation] = []
        self._recent: deque[bool] = deque(maxlen=WATCHED)
        self._stopped = threading.Event()
        self._session = requests.Session()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._idle = threading.Condition()
        self._open = 0

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def add(self, invocation: Invocation) -> None:
        """Put one in the queue; a late one behind the next."""
        with self._idle:
            self._open += 1
        if invocation.late and not self._held:
            self._held.append(invocation)
            return
        self._queue.put(invocation)
        while self._held:
            self._queue.put(self._held.pop())

    def settle(self, timeout: float) -> bool:
        """Wait until everything was delivered or given up; False where that takes longer (seconds)."""
        while self._held:
            self._queue.put(self._held.pop())
        with self._idle:
            return self._idle.wait_for(lambda: not self._open, timeout)

    def stop(self) -> None:
        """Drop what is left."""
        self._stopped.set()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()
        self._session.close()

    def _work(self) -> None:
        while not self._stopped.is_set():
            invocation = self._queue.get()
            if invocation is None:
                return
            for _ in range(2 if invocation.again else 1):
                self._carry(invocation)
            with self._idle:
                self._open -= 1
                self._idle.notify_all()

    def _carry(self, invocation: Invocation) -> None:
        if len(self._recent) == WATCHED and self._recent.count(False) >= BROKEN_SHARE * WATCHED:
            self._recent.clear()
            self._stopped.wait(BREAK_SECONDS)  # the circuit breaker
        first = self._clock()
        tried: dict[int, int] = {}
        while not self._stopped.is_set():
            status, retry_after = self._post(invocation, first if self._keeps else self._clock())
            succeeded = 200 <= status < 300
            outcome = "success" if succeeded else ("timeout" if not status else "failed")
            number = len(invocation.attempts) + 1
            invocation.attempts.append(Attempt(f"{invocation.id}-{number}", outcome, status, self._clock()))
            self._recent.append(succeeded)
            tried[status] = tried.get(status, 0) + 1
            if succeeded or tried[status] >= TRIES.get(status, 1):
                return
            wait = waited(retry_after) if status in {429, 503} else 0
            if wait is None:
                return
            self._stopped.wait(wait / SECOND or PAUSE_SECONDS)

    def _post(self, invocation: Invocation, at: Instant) -> tuple[int, str]:
        """Status and Retry-After of one try; 0 where nobody answered."""
        given = invocation.webhook.given
        headers = invocation.headers(at)
        try:
            answer = self._session.request(
                given["http_method"], given["endpoint"], data=invocation.body, headers=headers, timeout=TIMEOUT,
                allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException:
            return 0, ""
        return answer.status_code, answer.headers.get("Retry-After", "")
