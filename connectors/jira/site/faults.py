"""What goes wrong on purpose, by name and rate.

Each name draws from its own seeded sequence, so that one fault's rate does not move another's occasions.
"""

from __future__ import annotations

import random
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
}

SLOW_SECONDS: Final = 3.0
STALE_LAG: Final = 60_000
"""Milliseconds by which a stale search is behind."""

REASONS: Final = ("jira-burst-based", "jira-quota-tenant-based", "jira-quota-global-based", "jira-per-issue-on-write")


class Faults:
    """Draws faults; rates are between 0 and 1. Raises ValueError for a name or rate that does not exist."""

    def __init__(self, rates: Mapping[str, float], seed: int) -> None:
        if unknown := sorted(set(rates) - set(FAULTS)):
            raise ValueError(f"there is no fault {', '.join(unknown)}; faults are {', '.join(FAULTS)}")
        if wrong := [f"{name}={rate}" for name, rate in rates.items() if not 0 <= rate <= 1]:
            raise ValueError(f"the rate of a fault lies between 0 and 1, which {', '.join(wrong)} does not")
        self.rates = dict(rates)
        self._draws = {name: random.Random(f"{seed}/{name}") for name in FAULTS}
        self._times = dict.fromkeys(FAULTS, 0)

    def strikes(self, name: str) -> bool:
        """Whether the fault occurs this time."""
        rate = self.rates.get(name)
        if not rate or self._draws[name].random() >= rate:
            return False
        self._times[name] += 1
        return True

    def times(self, name: str) -> int:
        """How often the fault has occurred."""
        return self._times[name]
