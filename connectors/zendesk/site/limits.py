"""Rate limits by the account's own clock, and the headers that tell of them.

https://developer.zendesk.com/api-reference/introduction/rate-limits/
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Final

from connectors.sandboxes.answer import Answer
from connectors.zendesk.site.answers import answered
from connectors.zendesk.site.terms import Plan
from rules.instants import MINUTE, SECOND, Instant

LISTED: Final = 100
"""Calls a minute of the list of tickets."""
SEARCHES: Final = 100
PER_TICKET: Final = 30
PER_TICKET_WINDOW: Final = 10 * MINUTE


class Window:
    """At most `limit` within so many milliseconds."""

    def __init__(self, limit: int, length: int) -> None:
        self.limit = limit
        self._length = length
        self._taken: deque[Instant] = deque()

    def take(self, now: Instant) -> bool:
        """Use one; False where none is left."""
        self._forget(now)
        if len(self._taken) >= self.limit:
            return False
        self._taken.append(now)
        return True

    def spend(self, at: Instant) -> None:
        """Somebody who is not asked used one."""
        self._taken.append(at)

    def remaining(self, now: Instant) -> int:
        self._forget(now)
        return max(self.limit - len(self._taken), 0)

    def resets(self, now: Instant) -> int:
        """Seconds until one more is left."""
        self._forget(now)
        return max(-(-(self._taken[0] + self._length - now) // SECOND), 1) if self._taken else self._length // SECOND

    def told(self, now: Instant) -> str:
        """As the header of an endpoint's limit has it."""
        return f"total={self.limit}; remaining={self.remaining(now)}; resets={self.resets(now)}"

    def _forget(self, now: Instant) -> None:
        while self._taken and self._taken[0] + self._length <= now:
            self._taken.popleft()


class Limits:
    """The limits of one account. Without a plan there are none, and no headers."""

    def __init__(self, plan: Plan | None, *, text: bool) -> None:
        self.plan = plan
        self._text = text
        if plan is None:
            return
        self._all = Window(plan.calls, MINUTE)
        self._endpoints = {
            "tickets-update": Window(plan.updates, MINUTE),
            "incremental-exports": Window(plan.exports, MINUTE),
            "tickets-index": Window(LISTED, MINUTE),
            "search-index": Window(SEARCHES, MINUTE),
        }
        self._tickets: dict[tuple[int, str], Window] = defaultdict(lambda: Window(PER_TICKET, PER_TICKET_WINDOW))

    def edited(self, at: Instant) -> None:
        """Somebody updated a ticket in the browser, which counts as an update."""
        if self.plan is not None:
            self._endpoints["tickets-update"].spend(at)

    def refused(self, endpoint: str, ticket: tuple[int, str] | None, now: Instant) -> tuple[Answer | None, dict[str, str]]:
        """429 where a limit is used up, and the headers that the answer has. `ticket`: who updates which."""
        if self.plan is None:
            return None, {}
        if not self._all.take(now):
            return self._too_many("", self._all, now), self._account(now)
        headers = self._account(now)
        named = {endpoint: self._endpoints[endpoint]} if endpoint else {}
        if ticket is not None:
            named["per-ticket-updates"] = self._tickets[ticket]
        answer = next((self._too_many(name, each, now) for name, each in named.items() if not each.take(now)), None)
        return answer, headers | {f"zendesk-ratelimit-{name}": each.told(now) for name, each in named.items()}

    def _account(self, now: Instant) -> dict[str, str]:
        limit, left = str(self._all.limit), str(self._all.remaining(now))
        old = {"X-Rate-Limit": limit, "X-Rate-Limit-Remaining": left}
        return old | {"ratelimit-limit": limit, "ratelimit-remaining": left, "ratelimit-reset": str(self._all.resets(now))}

    def _too_many(self, name: str, window: Window, now: Instant) -> Answer:
        return too_many(window.resets(now), name, text=self._text)


def too_many(seconds: int, name: str = "", *, text: bool = False) -> Answer:
    """429 for a limit, by the name of its endpoint."""
    headers = {"Retry-After": str(seconds)}
    what = {
        "": "Number of allowed API requests per minute exceeded",
        "per-ticket-updates": "Rate limit for ticket updates exceeded, please wait before updating this ticket again",
    }.get(name, f"Rate limit for {name} exceeded")
    if text:
        return Answer(429, {"Content-Type": "text/plain; charset=utf-8", **headers}, what.encode())
    return answered({"error": "APIRateLimitExceeded", "description": what}, 429, headers)
