"""What goes wrong on purpose, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FAULTS: Final[Mapping[str, str]] = {
    "too-many-requests": "429 with Retry-After and the headers of a limit",
    "too-many-requests-without-retry-after": "429 without any header",
    "html-503": "503 with a maintenance page",
    "html-200": "200 with a login page instead of JSON",
    "failed-500": "500, and nothing took effect",
    "failed-500-after": "a write takes effect, and the answer is 500",
    "database-conflict": "409 DatabaseConflict: a collision inside the account, nothing took effect",
    "unauthorized-401": "401, though the credential is right",
    "expired-token": "401, and the access token that was sent is no longer good",
    "lost-answer": "a write takes effect, and the connection closes without an answer",
    "refused-before": "the connection closes without an answer, and nothing took effect",
    "slow": "the answer leaves seconds late",
    "repeated-row": "a page of the export tells its last ticket again on the next one",
    "system-change": "an update of a ticket is followed by one of the platform that leaves updated_at alone",
    "webhook-twice": "a delivery comes twice",
    "webhook-lost": "a delivery never comes",
    "webhook-late": "a delivery comes after the one that follows it",
    "webhook-bad-signature": "a delivery is signed with another secret",
}

SLOW_SECONDS: Final = 3.0
WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
