"""What goes wrong on purpose, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FAULTS: Final[Mapping[str, str]] = {
    "too-many-requests": "429 with Retry-After; its reason goes through the burst, quota and per-issue ones in turn",
    "too-many-requests-without-retry-after": "429 of the gateway: X-RateLimit-Reset alone, X-Failure-Category, no Retry-After",
    "html-503": "503 with an HTML page, every other time with Retry-After",
    "unauthorized-401": "401 of the gateway, though the credential is right",
    "lost-answer": "a write takes effect, and the connection closes without an answer",
    "refused-before": "the connection closes without an answer, and nothing took effect",
    "slow": "the answer leaves seconds late",
    "conflict-409": "an edit, assignment or transition is refused as a conflicting update",
    "property-dropped": "an edit takes effect, the properties in the same request do not",
    "repeated-token": "a search answers with a page token that it gave before",
    "expired-token": "a search refuses its own page token",
    "stale-search": "a search answers from an index that is a minute behind",
    "per-issue-write-limit": "429 past 20 writes of one issue in 2 s or 100 in 30 s; the rate is how often it is enforced",
    "webhook-twice": "a delivery comes twice",
    "webhook-lost": "a delivery never comes",
    "webhook-late": "a delivery comes after the one that follows it",
    "webhook-bad-signature": "a delivery is signed with another secret",
}

SLOW_SECONDS: Final = 3.0
STALE_LAG: Final = 60_000
"""Milliseconds by which a stale search is behind."""

REASONS: Final = ("jira-burst-based", "jira-quota-tenant-based", "jira-quota-global-based", "jira-per-issue-on-write")
