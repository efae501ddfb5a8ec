"""What goes wrong on purpose, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FAULTS: Final[Mapping[str, str]] = {
    "too-many-requests": "429 of a rate rule, with Retry-After and X-RateLimit headers",
    "too-many-requests-without-retry-after": "429 of a full semaphore queue, without any header",
    "accepted-202": "202 with an empty body: the session's queue was full, and the request was dropped",
    "html-200": "200 with a login page instead of JSON",
    "hibernating": "200 with the page of a developer instance that hibernates",
    "html-503": "503 with a maintenance page",
    "unauthorized-401": "401, though the credential is right",
    "expired-token": "401, and the access token that was sent is no longer good",
    "truncated-200": "a list is cut short and ends in the error of a cancelled transaction, with status 200",
    "cancelled-500": "500: the transaction was cancelled while it was queued, nothing took effect",
    "failed-500-after": "a write takes effect, and the answer is 500",
    "lost-answer": "a write takes effect, and the connection closes without an answer",
    "refused-before": "the connection closes without an answer, and nothing took effect",
    "slow": "the answer leaves seconds late",
    "batch-unserviced": "a batch runs out of its 30 seconds half way",
    "delayed-commit": "a save by others than the service account shows seconds after its stamp",
    "rule-saves-again": "a business rule updates the record once more in the same save",
    "webhook-twice": "an announcement of a save comes twice",
    "webhook-lost": "an announcement of a save never comes",
    "webhook-late": "an announcement of a save comes after the one that follows it",
    "webhook-bad-signature": "an announcement of a save is signed with another key",
}

SLOW_SECONDS: Final = 3.0
WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
