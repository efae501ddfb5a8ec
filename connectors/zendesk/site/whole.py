"""The whole account: its tickets, the updates that change them, its rules and jobs, and the history that it lives through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from connectors.sandboxes.faults import Faults
from connectors.sandboxes.history import History
from connectors.zendesk.site.catalog import Catalog
from connectors.zendesk.site.jobs import Jobs
from connectors.zendesk.site.native_rules import Rules
from connectors.zendesk.site.replay import Replay
from connectors.zendesk.site.saving import By, Saving
from connectors.zendesk.site.state import Ticket, Tickets
from connectors.zendesk.site.suspended import Suspended
from connectors.zendesk.site.terms import Terms
from connectors.zendesk.site.webhooks import Webhooks
from rules.instants import DAY, HOUR, Instant

SCRUBBED_AFTER: Final = 30 * DAY
"""How long a deleted ticket can be restored."""


class Created(NamedTuple):
    """The answer to a creation; `digest` is that of what was sent."""

    digest: str
    body: str
    until: Instant


class Account:
    """One imitated Zendesk account. Not safe for threads: whoever calls holds the sandbox's lock."""

    def __init__(self, history: History, terms: Terms, *, clock: Callable[[], Instant], faults: Faults, seed: int) -> None:
        self.history = history
        self.terms = terms
        self.faults = faults
        self.clock = clock
        self.seed = seed
        self.made = min([clock(), *(event.at for event in history.events[:1])]) - 30 * DAY
        self.catalog = Catalog(history, self.made)
        self.tickets = Tickets()
        self.saving = Saving(self.catalog, self.tickets, lone_agent=self.varies("lone-agent-assigned"))
        self.replay = Replay(history, self.catalog, self.saving)
        self.rules = Rules(self.catalog, self.tickets, self.saving, self.made)
        self.webhooks = Webhooks(self, seed)
        self.jobs = Jobs(seed)
        self.suspended = Suspended()
        self.saving.triggered = self.rules.triggered
        self.saving.listeners.append(self.webhooks.heard)
        self.created: dict[str, Created] = {}
        self._hour = clock() // HOUR

    def varies(self, name: str) -> bool:
        """Whether the account behaves in this other way."""
        return name in self.terms.variants

    def catch_up(self) -> Instant:
        """Let everything happen that lies at or before now, which is returned."""
        now = self.clock()
        while (at := self.replay.next_at()) is not None and at <= now:
            self._hours(at)
            self.replay.step()
        self._hours(now)
        self.jobs.catch_up(now)
        return now

    def _hours(self, now: Instant) -> None:
        """Automations run once an hour; so does what tidies up."""
        if now // HOUR <= self._hour:
            return
        if not self.rules.automations_wait:
            self._hour = now // HOUR
            self._tidy(now)
        while self._hour < now // HOUR:
            self._hour += 1
            self.rules.hourly(self._hour * HOUR)
            self._tidy(self._hour * HOUR)

    def _tidy(self, now: Instant) -> None:
        """Contents of tickets that were deleted long ago are scrubbed."""
        for ticket in self.tickets.by_id.values():
            if ticket.deleted is not None and not ticket.scrubbed and ticket.deleted + SCRUBBED_AFTER <= now:
                self.scrub(ticket, now)

    def remove(self, ticket: Ticket, by: int, now: Instant, kind: str = "soft_deleted") -> None:
        """Delete a ticket for now."""
        ticket.deleted, ticket.deleted_by = now, by
        ticket.updated = max(ticket.updated, now)
        self.tickets.touch(ticket, now)
        self.webhooks.tell(ticket, kind, {}, by, now)

    def restore(self, ticket: Ticket, by: int, now: Instant) -> None:
        """Bring a deleted ticket back."""
        ticket.deleted = None
        ticket.updated = max(ticket.updated, now)
        self.tickets.touch(ticket, now)
        self.webhooks.tell(ticket, "undeleted", {}, by, now)

    def bereave(self, user: int, group: int, by: int, now: Instant) -> None:
        """Tickets of a group lose the assignee who is no member any more."""
        for ticket in list(self.tickets):
            if (ticket.number("assignee_id"), ticket.number("group_id")) == (user, group) and ticket.status != "closed":
                self.saving.commit(ticket, {"assignee_id": None}, By(by), now)

    def remember(self, key: str, digest: str, body: str, until: Instant) -> None:
        """Keep the answer to a creation under its key."""
        self.created[key] = Created(digest, body, until)

    def scrub(self, ticket: Ticket, now: Instant) -> None:
        """Delete for good: what is left of a ticket tells nothing."""
        ticket.scrubbed = True
        ticket.values |= {"subject": "SCRUBBED", "requester_id": None, "assignee_id": None, "tags": ()}
        ticket.comments.clear()
        self.tickets.touch(ticket, now)
