"""Calls as Zendesk makes them, and an intake that takes them without a server."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256

from agent.clock import SteppedClock
from agent.hooks.intake import Door, Intake
from agent.hooks.outcomes import Outcome, Tally
from agent.store import hints
from agent.store.database import Database
from agent.store.hints import Hint
from connectors.zendesk.webhook import Webhook
from rules.instants import Instant, written

SECRET = "a-signing-secret"
NOW = 1_795_406_400_000


def event(number: int = 1, ticket: int | str = 42, kind: str = "ticket.priority_changed") -> bytes:
    """The body of an event."""
    told = {"id": f"e{number}", "type": f"zen:event-type:{kind}", "subject": f"zen:ticket:{ticket}", "detail": {"actor_id": "7"}}
    return json.dumps(told).encode()


def signed(body: bytes, delivery: str = "i1", at: Instant = NOW, secret: str = SECRET) -> dict[str, str]:
    """The headers of a delivery."""
    stamp = written(at)
    made = b64encode(hmac.digest(secret.encode(), stamp.encode() + body, sha256)).decode()
    return {
        "x-zendesk-webhook-signature": made,
        "x-zendesk-webhook-signature-timestamp": stamp,
        "x-zendesk-webhook-invocation-id": delivery,
    }


@dataclass
class Desk:
    """An intake with one source, `zen`, whose clock stands."""

    database: Database
    clock: SteppedClock = field(default_factory=lambda: SteppedClock(NOW))
    announced: int = 0

    def __post_init__(self) -> None:
        door = Door("zen", Webhook([SECRET]), self.clock.now, self._announce)
        self.intake = Intake(self.database, self.clock, [door], Tally())

    def _announce(self) -> None:
        self.announced += 1

    def take(self, body: bytes, headers: dict[str, str] | None = None) -> Outcome:
        """One call, signed rightly where nothing else is said."""
        return self.intake.take("zen", signed(body) if headers is None else headers, body).outcome

    def waiting(self) -> list[Hint]:
        """Tickets that wait to be read."""
        with self.database.reading() as db:
            return hints.waiting(db, "zen", 10_000)

    def counted(self) -> dict[str, int]:
        """The calls of the source, by what became of them."""
        return {outcome.value: number for (source, outcome), number in self.intake.tally.all().items() if source == "zen"}
