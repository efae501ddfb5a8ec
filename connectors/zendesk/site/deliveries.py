"""How Zendesk tells its webhooks: what is sent, and what is tried again.

https://support.zendesk.com/hc/en-us/articles/4408839108378 (webhooks: retries and the circuit breaker)
409 is tried again up to three times, 429 and 503 where Retry-After is short, silence up to five times, anything else never.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.sandboxes.deliveries import Outgoing
from connectors.zendesk.site.webhooks import Attempt, Invocation, waited
from rules.instants import SECOND, Instant

TRIES: Final = {409: 4, 429: 4, 503: 4, 0: 6}
PAUSE_SECONDS: Final = 0.2
"""Between two tries, where the receiver names no other time; the platform's own are longer."""


def patience(status: int, retry_after: str, tried: int) -> float | None:
    """Seconds until the next try; None where there is none."""
    wait = waited(retry_after) if status in {429, 503} else 0
    if wait is None or tried >= TRIES.get(status, 1):
        return None
    return wait / SECOND or PAUSE_SECONDS


def outgoing(invocation: Invocation, *, keeps_signature: bool) -> Outgoing:
    """An invocation on its way; with `keeps_signature` tries after the first are signed as the first was."""
    given = invocation.webhook.given
    first: list[Instant] = []

    def headers(at: Instant, _tries: int) -> Mapping[str, str]:
        first.append(at)
        return invocation.headers(first[0] if keeps_signature else at)

    def heard(status: int, at: Instant) -> None:
        outcome = "success" if 200 <= status < 300 else ("timeout" if not status else "failed")
        number = len(invocation.attempts) + 1
        invocation.attempts.append(Attempt(f"{invocation.id}-{number}", outcome, status, at))

    how = {"again": invocation.again, "late": invocation.late}
    return Outgoing(str(given["http_method"]), str(given["endpoint"]), invocation.body, headers, heard, **how)
