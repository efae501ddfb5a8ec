"""What an instance's answers say of its limits, and which of them are no answers although their status is a good one."""

from __future__ import annotations

import re
from typing import Final

from connectors.answers import Answer, Limit, Reach, told_seconds
from rules.instants import SECOND

_ASLEEP: Final = re.compile(rb"hibernat", re.IGNORECASE)
_CANCELLED: Final = re.compile(rb"Transaction cancell?ed", re.IGNORECASE)
_TAIL: Final = 2_000


def limit_of(answer: Answer) -> Limit | None:
    """What an answer says; None where it says nothing of limits.

    A rate limit rule counts per hour and names its end; a 429 that names none is a full queue of the node, which passes, and so
    is a 202: https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/inbound-rest/concept/inbound-REST-API-rate-limiting.html
    """
    if answer.status == 202:
        return Limit(Reach.PACE)
    if answer.status != 429:
        return None
    seconds = told_seconds(answer)
    if seconds is None:
        seconds = _until_reset(answer)
    return Limit(Reach.PACE) if seconds is None else Limit(Reach.SOURCE, seconds, "the instance's limit of requests is used up")


def unusable(answer: Answer) -> str:
    """Why an answer with a good status is none; empty where it is one."""
    if answer.status == 202:
        return "202: the instance had too many requests waiting in this session and drops some of them"
    if "html" in answer.headers.get("Content-Type", "") and _ASLEEP.search(answer.body):
        return "the developer instance is hibernating: wake it at https://developer.servicenow.com, that takes some minutes"
    return ""


def is_cut_short(body: bytes) -> bool:
    """Whether the instance cancelled the transaction while it was answering; such an answer need not even be JSON."""
    return _CANCELLED.search(body[-_TAIL:]) is not None


def _until_reset(answer: Answer) -> float | None:
    """Seconds until the hour of a rate limit rule is over, which the header names in seconds since 1970."""
    reset = answer.headers.get("X-RateLimit-Reset", "").strip()
    return max(int(reset) - answer.server_time / SECOND, 0.0) if re.fullmatch(r"\d{9,11}", reset) else None
