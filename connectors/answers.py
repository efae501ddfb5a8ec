"""What a platform said, and what that says of its limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache
from typing import Final

from rules.instants import Instant, instant

LONG_WAIT: Final = 10.0
"""Seconds: a longer wait is not slept in the worker but handed to the caller."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform said. `server_time` is its Date header."""

    status: int
    body: bytes
    server_time: Instant
    headers: Mapping[str, str] = field(default_factory=dict)


class Reach(Enum):
    """How much a limit of the platform stands in the way of."""

    SOURCE = "source"  # nothing more is taken until then: a quota is used up, as the platform itself says
    KIND = "kind"  # whoever asked rests until then; whether other requests are taken they find out themselves
    PACE = "pace"  # hoist asks too fast
    TICKET = "ticket"  # this one ticket was written too often
    BACKFILL = "backfill"  # most of a quota is used up, and what is left is for what is urgent


@dataclass(frozen=True, slots=True)
class Limit:
    """What an answer says of the platform's limits. `seconds` is None where it does not say for how long."""

    reach: Reach
    seconds: float | None = None
    said: str = ""


def limit_of(answer: Answer) -> Limit | None:
    """What any platform's 429 says: a short wait or none is a matter of pace; a long one a quota, nobody knows of what."""
    if answer.status != 429:
        return None
    seconds = told_seconds(answer)
    return Limit(Reach.KIND if (seconds or 0.0) > LONG_WAIT else Reach.PACE, seconds, "too many requests")


@lru_cache(maxsize=64)
def http_date(text: str) -> datetime | None:
    """The instant of a Date header; None where it is none."""
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def told_seconds(answer: Answer) -> float | None:
    """Seconds to wait by Retry-After (seconds or HTTP date), else by X-RateLimit-Reset (ISO 8601, maybe without seconds)."""
    after = answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", after):
        return float(after)
    until = http_date(after) if after else _iso(answer.headers.get("X-RateLimit-Reset", ""))
    return None if until is None else max((instant(until) - answer.server_time) / 1000, 0.0)


def _iso(text: str) -> datetime | None:
    try:
        date = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
