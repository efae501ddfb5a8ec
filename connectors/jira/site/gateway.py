"""What stands before the site: credentials, limits, outages. Also the bodies of its errors, which are not Jira's own.

Headers and reasons: https://developer.atlassian.com/cloud/jira/platform/rate-limiting/.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict, deque
from typing import Final

from connectors.jira.site.call import Answer, answered
from connectors.jira.site.catalog import Catalog, User
from connectors.jira.site.faults import REASONS, SLOW_SECONDS
from connectors.sandboxes.faults import Faults
from rules.instants import HOUR, SECOND, Instant, moment

WINDOWS: Final = ((2 * SECOND, 20), (30 * SECOND, 100))
"""Per issue at most so many writes in so many milliseconds."""

MAINTENANCE: Final = (
    b"<!DOCTYPE html><html><head><title>Jira is temporarily unavailable</title></head>"
    b"<body><h1>We'll be back soon</h1></body></html>"
)


def token_of(user: User, seed: int) -> str:
    """The API token of an account: the same for the same seed, so that a configuration outlives a restart."""
    return "ATATT3x" + hashlib.sha256(f"{seed}/{user.id}".encode()).hexdigest()


class Door:
    """Knows every account's credential."""

    def __init__(self, catalog: Catalog, seed: int) -> None:
        self._catalog = catalog
        self._seed = seed
        self._known: dict[str, User] = {}

    def caller(self, authorization: str) -> User | None:
        """The account of an Authorization header (Basic, address and token); None for an anonymous caller and a wrong one."""
        known = self._known.get(authorization)
        if known is None and authorization[:6].lower() == "basic ":
            try:
                email, _, token = base64.b64decode(authorization[6:]).decode().partition(":")
            except ValueError:
                return None
            known = next((each for each in self._catalog.users.values() if each.email == email and each.active), None)
            if known is None or token != token_of(known, self._seed):
                return None
            self._known[authorization] = known
        return known


class Limits:
    """Answers that come from faults and limits rather than from the site."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._writes: defaultdict[int, deque[Instant]] = defaultdict(deque)

    def before(self, now: Instant) -> Answer | None:
        """What meets the call instead of the site; nothing takes effect then."""
        faults = self._faults
        if faults.strikes("refused-before"):
            return Answer(0, lost=True)
        if faults.strikes("html-503"):
            retry = {"Retry-After": "2"} if faults.times("html-503") % 2 else {}
            return Answer(503, {"Content-Type": "text/html;charset=UTF-8", **retry}, MAINTENANCE)
        if faults.strikes("unauthorized-401"):
            return answered({"code": 401, "message": "Unauthorized"}, 401)
        if faults.strikes("too-many-requests"):
            return self.too_many(now, faults.times("too-many-requests"))
        if faults.strikes("too-many-requests-without-retry-after"):
            headers = {"X-RateLimit-Reset": _reset(now + 2 * SECOND), "X-Failure-Category": "FAILURE CLIENT RATE LIMITED"}
            return answered({"code": 429, "message": "Rate limit exceeded"}, 429, headers)
        return None

    def too_many(self, now: Instant, times: int) -> Answer:
        """429 for the so-manieth time."""
        return too_many(now, REASONS[(times - 1) % len(REASONS)])

    def of_issue(self, issue: int, now: Instant) -> Answer | None:
        """429 where one issue is written too often, if that limit is enforced."""
        if not self._faults.rates.get("per-issue-write-limit"):
            return None
        writes = self._writes[issue]
        while writes and writes[0] <= now - WINDOWS[-1][0]:
            writes.popleft()
        full = any(sum(1 for at in writes if at > now - span) >= most for span, most in WINDOWS)
        if full and self._faults.strikes("per-issue-write-limit"):
            return too_many(now, "jira-per-issue-on-write")
        writes.append(now)
        return None

    def delay_seconds(self) -> float:
        """How late the answer leaves."""
        return SLOW_SECONDS if self._faults.strikes("slow") else 0.0


def too_many(now: Instant, reason: str) -> Answer:
    """429 with Retry-After: seconds for a burst, to the full hour for a quota."""
    quota = "quota" in reason
    wait = HOUR - now % HOUR if quota else SECOND
    headers = {
        "Retry-After": str(-(-wait // SECOND)),
        "X-RateLimit-Limit": "65000" if quota else "100",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": _reset(now + wait),
        "RateLimit-Reason": reason,
    }
    return answered({"errorMessages": ["Rate limit exceeded."], "errors": {}}, 429, headers)


def _reset(at: Instant) -> str:
    # Sometimes without seconds, as seen in the wild: clients must parse both.
    return moment(at).strftime("%Y-%m-%dT%H:%MZ" if at % (2 * SECOND) else "%Y-%m-%dT%H:%M:%SZ")
