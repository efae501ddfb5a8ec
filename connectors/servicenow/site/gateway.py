"""What stands before an instance: its sessions and their cookies, semaphores, rate rules, outages.

A session runs one transaction at a time; past about ten that wait, further ones are answered 202 and dropped. A node runs four
calls of the REST API at once, fifty more wait, and what comes then gets 429 without any header (KB1297438, KB3047080).
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final

from connectors.sandboxes.answer import Answer
from connectors.sandboxes.faults import Faults
from connectors.servicenow.site import pages
from connectors.servicenow.site.answers import Refused, answered
from connectors.servicenow.site.faults import SLOW_SECONDS
from rules.instants import HOUR, SECOND, Instant

SESSION_QUEUE: Final = 10
SEMAPHORES: Final = 4
QUEUE: Final = 50
MOST_SESSIONS: Final = 10_000
"""Older ones are forgotten: a client that keeps no cookies begins one with each call."""
LIMIT: Final = 1_000
"""Calls per hour that the rate rule of the fault names."""


def too_many(now: Instant) -> Answer:
    """429 of a rate rule: until the full hour."""
    wait = (HOUR - now % HOUR) // SECOND
    headers = {
        "Retry-After": str(max(wait, 1)),
        "X-RateLimit-Limit": str(LIMIT),
        "X-RateLimit-Reset": str(now // SECOND + wait),
        "X-RateLimit-Rule": "5f0e2c3bdb0000109d7b8c2ef49619aa",
    }
    detail = f"Rate limit of {LIMIT} requests per hour for Table API exceeded"
    return answered({"error": {"message": "Rate limit exceeded", "detail": detail}, "status": "failure"}, 429, headers)


def queue_full() -> Answer:
    """429 of a full semaphore queue."""
    return answered({"error": {"message": "Too many requests", "detail": None}, "status": "failure"}, 429)


def dropped() -> Answer:
    """202: the request was not executed."""
    return Answer(202)


def before(faults: Faults, now: Instant) -> Answer | None:
    """What meets a call instead of the instance; nothing takes effect then."""
    pages_ = {
        "html-200": Answer(200, {"Content-Type": pages.HTML}, pages.LOGIN),
        "hibernating": Answer(200, {"Content-Type": pages.HTML}, pages.HIBERNATING),
        "html-503": Answer(503, {"Content-Type": pages.HTML}, pages.MAINTENANCE),
        "refused-before": Answer(0, lost=True),
        "accepted-202": dropped(),
        "too-many-requests-without-retry-after": queue_full(),
    }
    for name, answer in pages_.items():
        if faults.strikes(name):
            return answer
    if faults.strikes("too-many-requests"):
        return too_many(now)
    if faults.strikes("cancelled-500"):
        return Refused(500, pages.CANCELLED).answer()
    if faults.strikes("unauthorized-401"):
        return unauthorized()
    return None


def unauthorized() -> Answer:
    """401 for no credential, or a wrong one."""
    return Refused(401, "User Not Authenticated", "Required to provide Auth information").answer()


def truncated(answer: Answer) -> Answer:
    """A list that a quota rule has cut short: it may not parse, and ends in the error."""
    tail = b'"error":{"message":"' + pages.CANCELLED.encode() + b'","detail":"Transaction cancelled"},"status":"failure"}'
    return Answer(answer.status, answer.headers, answer.body[: max(len(answer.body) * 2 // 3, 1)] + tail)


def delay_seconds(faults: Faults) -> float:
    """How late the answer leaves."""
    return SLOW_SECONDS if faults.strikes("slow") else 0.0


class Sessions:
    """The sessions of an instance, by cookie."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._known: dict[str, None] = {}
        self._made = 0

    def cookies(self, headers: Mapping[str, str]) -> tuple[str, ...]:
        """What is set by an answer: nothing in a session that is known."""
        if session_of(headers) in self._known:
            return ()
        self._made += 1
        id_ = hashlib.sha256(f"{self._seed}/session/{self._made}".encode()).hexdigest()[:32].upper()
        self._known[id_] = None
        if len(self._known) > MOST_SESSIONS:
            del self._known[next(iter(self._known))]
        return (
            f"JSESSIONID={id_}; Path=/; HttpOnly",
            f"glide_user_route=glide.{hashlib.sha256(id_.encode()).hexdigest()[:32]}; Path=/; HttpOnly",
            f"glide_session_store={id_}; Path=/; HttpOnly",
            "BIGipServerpool_hoistsandbox=2642417418.32318.0000; path=/; Httponly",
        )


def session_of(headers: Mapping[str, str]) -> str:
    """The session that a call names; empty for none."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get("JSESSIONID")
    except CookieError:
        return ""
    return found.value if found else ""


class Lanes:
    """Lets calls of different threads in, one at a time for each session, as many at once as there are semaphores."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy: set[str] = set()
        self._waiting: Counter[str] = Counter()
        self._running = 0
        self.closed = threading.Event()

    def enter(self, session: str) -> Answer | None:
        """Wait for a turn; what is answered instead where a queue is full."""
        with self._changed:
            if session and self._waiting[session] >= SESSION_QUEUE:
                return dropped()
            if self._waiting.total() >= QUEUE:
                return queue_full()
            self._waiting[session] += 1
            self._changed.wait_for(lambda: self.closed.is_set() or (self._running < SEMAPHORES and session not in self._busy))
            self._waiting[session] -= 1
            self._running += 1
            if session:
                self._busy.add(session)
        return None

    def leave(self, session: str) -> None:
        """The turn is over."""
        with self._changed:
            self._running -= 1
            self._busy.discard(session)
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody waits any more."""
        self.closed.set()
        with self._changed:
            self._changed.notify_all()
