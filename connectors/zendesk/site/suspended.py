"""Suspended tickets: mails that did not become tickets yet.

https://developer.zendesk.com/api-reference/ticketing/tickets/suspended_tickets/
"""

from __future__ import annotations

from typing import NamedTuple

from connectors.zendesk.site.moments import stamp
from rules.instants import Instant


class SuspendedTicket(NamedTuple):
    id: int
    author: int
    name: str
    email: str
    subject: str
    content: str
    at: Instant

    def shown(self, base: str) -> dict[str, object]:
        """As the API tells it."""
        return {
            "id": self.id,
            "url": f"{base}/api/v2/suspended_tickets/{self.id}.json",
            "author": {"id": self.author, "name": self.name, "email": self.email},
            "subject": self.subject,
            "content": self.content,
            "cause": "Detected as spam",
            "cause_id": 0,
            "message_id": f"<{self.id}@example.com>",
            "recipient": "support@example.com",
            "ticket_id": None,
            "brand_id": None,
            "attachments": [],
            "error_messages": None,
            "via": {"channel": "email", "source": {"from": {"address": self.email}, "to": {}, "rel": None}},
            "created_at": stamp(self.at),
            "updated_at": stamp(self.at),
        }


class Suspended:
    """Those that wait for somebody to look at them."""

    def __init__(self) -> None:
        self.by_id: dict[int, SuspendedTicket] = {}
        self._made = 0

    def add(self, author: int, name: str, email: str, subject: str, content: str, at: Instant) -> SuspendedTicket:
        """A mail is suspended."""
        self._made += 1
        found = SuspendedTicket(35_436_000_000_000 + self._made, author, name, email, subject, content, at)
        self.by_id[found.id] = found
        return found
