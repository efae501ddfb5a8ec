"""Zendesk's limits: what its answers say of them, and the shares of them that hoist takes.

https://developer.zendesk.com/api-reference/introduction/rate-limits/
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from connectors.answers import LONG_WAIT, Answer, Limit, Reach, told_seconds

_BUCKET: Final = re.compile(r"zendesk-rate-?limit-(.+)", re.IGNORECASE)
_PART: Final = re.compile(r"(total|remaining|resets)=(\d+)")
_SPARED: Final = 0.2
"""Share of a limit that hoist leaves to others: of the plan's requests with backfill, of the account's updates with every one."""
_A_MINUTE: Final = 60.0
_LOOK_AGAIN: Final = 10.0
"""Seconds until the next update asks how many are left, where an answer names fewer: with each of them one more is left again."""


def limit_of(answer: Answer) -> Limit | None:
    """What an answer says, success or not; None where it says nothing of limits."""
    given = {name.casefold(): value for name, value in answer.headers.items()}
    total = _number(given, "ratelimit-limit", "x-rate-limit", "rate-limit")
    left = _number(given, "ratelimit-remaining", "x-rate-limit-remaining", "rate-limit-remaining")
    if answer.status == 429:
        return _too_many(answer, left)
    if total and left is not None and left < total * _SPARED:
        return Limit(Reach.BACKFILL, float(_number(given, "ratelimit-reset") or _A_MINUTE))
    return None


def _too_many(answer: Answer, left: int | None) -> Limit | None:
    """A limit of the account closes it. One of an endpoint, and one that nobody names, is in the way of nothing else."""
    seconds = told_seconds(answer)
    used_up = {name: parts for name, parts in _buckets(answer) if parts.get("remaining") == 0}
    for name, parts in used_up.items():
        if "per-ticket" in name:
            return Limit(Reach.TICKET, float(parts.get("resets", 0)) if seconds is None else seconds)
    if used_up and left:
        return None
    if (seconds or 0.0) <= LONG_WAIT:
        return Limit(Reach.PACE, seconds)
    said = "Zendesk's limit of requests is used up"
    return Limit(Reach.SOURCE, seconds, said) if left == 0 else Limit(Reach.KIND, seconds)


def _buckets(answer: Answer) -> Iterator[tuple[str, dict[str, int]]]:
    for name, value in answer.headers.items():
        if (found := _BUCKET.fullmatch(name)) is not None:
            yield found[1].casefold(), {part: int(number) for part, number in _PART.findall(value)}


def _number(given: dict[str, str], *names: str) -> int | None:
    return next((int(value) for name in names if (value := given.get(name, "").strip()).isdecimal()), None)


class Share:
    """So many of something within so many seconds, whoever asks. Safe to use from several threads.

    Once all are taken, whoever asks is told to wait until a `batch` of them is there again.
    """

    def __init__(self, most: int, seconds: float, monotonic: Callable[[], float], batch: int = 1) -> None:
        self._most, self._seconds, self._monotonic, self._batch = most, seconds, monotonic, batch
        self._lock = threading.Lock()
        self._taken: deque[float] = deque()

    def take(self) -> float:
        """Nought where one more may leave now; else the seconds until it may, and nothing is taken."""
        with self._lock:
            if (seconds := self.wait()) == 0.0:
                self._taken.append(self._monotonic())
            return seconds

    def wait(self) -> float:
        """Seconds until more may leave; nought where one may."""
        now = self._monotonic()
        while self._taken and now - self._taken[0] >= self._seconds:
            self._taken.popleft()
        return self._taken[self._batch - 1] + self._seconds - now if len(self._taken) >= self._most else 0.0

    def idle(self) -> bool:
        """Whether nothing was taken within the seconds that count."""
        self.wait()
        return not self._taken


class Updates:
    """The shares of Zendesk's limits of updates: of the account's in a minute, and of each ticket's in ten."""

    PER_TICKET: Final = 10
    """Of 30 within ten minutes for each user and ticket: nobody but a loop needs as many."""
    _TEN_MINUTES: Final = 600.0
    _MOST_KNOWN: Final = 1_000

    def __init__(self, per_minute: int, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        # What is to be written was read just before: one place at a time would have many tickets read again for each of them.
        self._all = Share(per_minute, _A_MINUTE, monotonic, batch=(per_minute + 1) // 2)
        self._lock = threading.Lock()
        self._tickets: dict[str, Share] = {}
        self._scarce_until = float("-inf")

    def heard(self, answer: Answer) -> None:
        """The answer to an update tells how many the account has left: people's edits count, and they come first."""
        for name, told in _buckets(answer):
            if name.endswith("tickets-update") and told.get("remaining", 0) < told.get("total", 0) * _SPARED:
                self._scarce_until = self._monotonic() + max(told.get("resets", _A_MINUTE), _LOOK_AGAIN)

    def take(self, ticket: str) -> tuple[float, bool]:
        """Seconds to wait, and whether that is for this ticket alone. Nought: one was taken."""
        with self._lock:
            if len(self._tickets) > self._MOST_KNOWN:
                self._tickets = {name: share for name, share in self._tickets.items() if not share.idle()}
            own = self._tickets.setdefault(ticket, Share(self.PER_TICKET, self._TEN_MINUTES, self._monotonic))
            if (seconds := own.wait()) > 0:
                return seconds, True
            if (seconds := self._scarce_until - self._monotonic()) > 0 or (seconds := self._all.take()) > 0:
                return seconds, False
            own.take()
            return 0.0, False


def exports(per_minute: int, monotonic: Callable[[], float]) -> Share:
    """The share of incremental exports."""
    return Share(per_minute, _A_MINUTE, monotonic)
