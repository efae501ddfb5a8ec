"""What Jira's answers say of its three limits: an hourly quota of points, bursts per endpoint, and writes of one issue.

https://developer.atlassian.com/cloud/jira/platform/rate-limiting/
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from connectors.answers import LONG_WAIT, Answer, Limit, Reach, told_seconds
from connectors.errors import TicketBusy
from rules.instants import HOUR, SECOND

_REMAINING: Final = re.compile(r";\s*r=(\d+)")
_RESET: Final = re.compile(r";\s*t=(\d+)")
_SHARES: Final = ((2.0, 10), (30.0, 50))
"""In so many seconds hoist writes an issue so often at most: half of what Jira takes from everybody together, 20 and 100."""
_MANY: Final = 1_000
"""Issues beyond which those that were not written lately are forgotten."""


def limit_of(answer: Answer) -> Limit | None:
    """What an answer says, success or not; None where it says nothing of limits.

    A quota is filled again at the full hour (UTC). For reasons that are not known, and where a proxy in between gives none, a
    long wait is for requests of that kind: a search that is refused for hours keeps no write waiting.
    """
    if answer.status == 429:
        return _too_many(answer)
    headers = answer.headers
    structured = headers.get("RateLimit", "")  # a Beta-RateLimit is announced, not enforced
    if _REMAINING.search(structured) is not None:  # Jira names what remains once four fifths are used up
        return _remaining(structured, _until_the_hour(answer))
    if headers.get("X-RateLimit-NearLimit", "") == "true":
        return Limit(Reach.BACKFILL, told_seconds(answer))
    return None


def _too_many(answer: Answer) -> Limit:
    reason, seconds = answer.headers.get("RateLimit-Reason", ""), told_seconds(answer)
    if reason == "jira-per-issue-on-write":
        return Limit(Reach.TICKET, seconds)
    if "quota" in reason or "cost" in reason:
        until = _until_the_hour(answer) if seconds is None else seconds
        return Limit(Reach.SOURCE, until, "Jira's quota of requests is used up")
    return Limit(Reach.KIND if (seconds or 0.0) > LONG_WAIT else Reach.PACE, seconds)


def _remaining(structured: str, until_the_hour: float) -> Limit:
    """Of several quotas the one that is nearest to its end."""
    found = []
    for entry in structured.split(","):
        left, reset = _REMAINING.search(entry), _RESET.search(entry)
        if left is not None:
            found.append((int(left[1]), float(reset[1]) if reset is not None else until_the_hour))
    left_over, seconds = min(found)
    if left_over == 0:
        return Limit(Reach.SOURCE, seconds, "Jira's quota of requests is used up")
    return Limit(Reach.BACKFILL, seconds)


def _until_the_hour(answer: Answer) -> float:
    return (HOUR - answer.server_time % HOUR) / SECOND


class Pace:
    """How often hoist itself writes each issue. Jira counts for an issue what everybody writes, hoist keeps to half of that."""

    def __init__(self, source: str, monotonic: Callable[[], float]) -> None:
        self._source, self._monotonic = source, monotonic
        self._writes: dict[str, deque[float]] = {}
        self._lock: Final = threading.Lock()

    def write(self, issue: str) -> None:
        """One more is about to be sent. Raises TicketBusy where it is one too many for now; others may be written meanwhile."""
        with self._lock:
            now = self._monotonic()
            longest = _SHARES[-1][0]
            if len(self._writes) > _MANY:
                self._writes = {each: sent for each, sent in self._writes.items() if sent[-1] > now - longest}
            sent = self._writes.setdefault(issue, deque(maxlen=_SHARES[-1][1]))
            for seconds, most in _SHARES:
                if len(sent) >= most and (wait := sent[-most] + seconds - now) > 0:
                    said = f"hoist wrote it {most} times within {seconds:g} s, and Jira's limit for one issue is near"
                    raise TicketBusy(f"{self._source}:{issue}: {said}; nothing was sent, hoist waits", wait)
            sent.append(now)
