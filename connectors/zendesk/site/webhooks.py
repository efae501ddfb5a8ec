"""Webhooks: what is told of an update, to whom; signed, numbered, kept for reading back.

https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/
https://developer.zendesk.com/documentation/webhooks/verifying/
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from connectors.sandboxes.faults import Faults
from connectors.zendesk.site.catalog import Catalog
from connectors.zendesk.site.moments import stamp
from connectors.zendesk.site.native_rules import Rules
from connectors.zendesk.site.saving import Saving, Update, told
from connectors.zendesk.site.state import Audit, Ticket
from rules.instants import SECOND, Instant

CONDITIONAL: Final = "conditional_ticket_events"
EVENT: Final = "zen:event-type:ticket."
TEST_SECRET: Final = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105 - printed in the documentation
"""The secret of test requests that are sent before a webhook exists; it is public."""
ACCOUNT: Final = 22_129_848
CHANGED: Final = {
    "assignee_id": "agent_assignment_changed",
    "group_id": "group_assignment_changed",
    "priority": "priority_changed",
    "status": "status_changed",
    "custom_status_id": "custom_status_changed",
    "tags": "tags_changed",
    "subject": "subject_changed",
    "organization_id": "organization_changed",
    "problem_id": "problem_link_changed",
    "type": "type_changed",
    "requester_id": "requester_changed",
}


class Whole(Protocol):
    """What webhooks need of their account."""

    faults: Faults
    catalog: Catalog
    rules: Rules
    saving: Saving

    def varies(self, name: str) -> bool: ...


@dataclass(slots=True)
class Webhook:
    id: str
    given: dict[str, Any]
    secret: str
    at: Instant
    by: int

    @property
    def subscriptions(self) -> Sequence[str]:
        found = self.given.get("subscriptions") or ()
        return [str(each) for each in found]

    def wants(self, kind: str) -> bool:
        """Whether events of this type are told to it."""
        return self.given.get("status", "active") == "active" and kind in self.subscriptions

    def shown(self) -> dict[str, object]:
        """As the API tells it; a secret of its authentication is not."""
        shown = {key: value for key, value in self.given.items() if key != "signing_secret"}
        if isinstance(auth := shown.get("authentication"), dict):
            data = {key: value for key, value in (auth.get("data") or {}).items() if key in {"username", "name"}}
            shown["authentication"] = {**auth, "data": data}
        times = {"created_at": stamp(self.at), "updated_at": stamp(self.at)}
        return {"id": self.id, "created_by": str(self.by), "updated_by": str(self.by), "status": "active", **shown, **times}


@dataclass(slots=True)
class Attempt:
    id: str
    status: str
    answered: int
    at: Instant


@dataclass(slots=True)
class Invocation:
    """One thing that is told to one webhook. `body` is what is sent, `secret` what it is signed with."""

    id: str
    webhook: Webhook
    kind: str
    body: bytes
    at: Instant
    secret: str
    again: bool = False  # sent a second time on purpose
    late: bool = False
    attempts: list[Attempt] = field(default_factory=list)

    def headers(self, now: Instant) -> dict[str, str]:
        """The headers of a try at an instant."""
        text = stamp(now)
        signature = signed(self.secret, text, self.body)
        found = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Zendesk Webhook",
            "X-Zendesk-Account-Id": str(ACCOUNT),
            "X-Zendesk-Webhook-Id": self.webhook.id,
            "X-Zendesk-Webhook-Invocation-Id": self.id,
            "X-Zendesk-Webhook-Signature": signature,
            "X-Zendesk-Webhook-Signature-Timestamp": text,
        }
        return found | _authentication(self.webhook)

    def shown(self) -> dict[str, object]:
        """As the API tells it."""
        status = self.attempts[-1].status if self.attempts else "enqueued"
        return {"id": self.id, "status": status, "latest_completed_at": stamp(self.at), "status_code": self._code()}

    def _code(self) -> int:
        return self.attempts[-1].answered if self.attempts else 0


def signed(secret: str, text: str, body: bytes) -> str:
    """The signature of a body that is sent at a time."""
    return base64.b64encode(hmac.new(secret.encode(), text.encode() + body, hashlib.sha256).digest()).decode()


class Webhooks:
    """All webhooks of an account, and what they were told. `deliver` sends an invocation on its way."""

    def __init__(self, account: Whole, seed: int) -> None:
        self._account = account
        self._seed = seed
        self._made = 0
        self.by_id: dict[str, Webhook] = {}
        self.invocations: list[Invocation] = []
        self.deliver: Callable[[Invocation], None] | None = None
        account.rules.notify = self.notified

    def add(self, given: dict[str, Any], at: Instant, by: int) -> Webhook:
        """A new webhook, with a secret of its own."""
        found = Webhook(self._id("webhook"), given, self._secret(), at, by)
        self.by_id[found.id] = found
        return found

    def reset(self, webhook: Webhook) -> None:
        """Another secret."""
        webhook.secret = self._secret()

    # --- what is told ----------------------------------------------------------------------------------------------------

    def heard(self, update: Update, audit: Audit) -> None:
        """Tell an update to those who have subscribed to events of its kinds."""
        if not self.by_id:
            return
        for place, (kind, event) in enumerate(self._events(update), start=1):
            sequence = {"sequence": {"id": str(audit.id), "position": place}}
            self.tell(update.ticket, kind, {**event, "meta": sequence}, audit.author, update.at)

    def tell(self, ticket: Ticket, kind: str, event: Mapping[str, object], actor: int, at: Instant) -> None:
        """Tell one event of a ticket to those who have subscribed to it."""
        wanting = [each for each in self.by_id.values() if each.wants(EVENT + kind)]
        if not wanting:
            return
        envelope = {
            "type": EVENT + kind,
            "account_id": ACCOUNT,
            "id": self._id("event"),
            "time": stamp(at),
            "zendesk_event_version": "2022-11-06",
            "subject": f"zen:ticket:{ticket.id}",
            "detail": self._detail(ticket, actor),
            "event": event,
        }
        for webhook in wanting:
            self._send(webhook, EVENT + kind, _json(envelope), at)

    def notified(self, update: Update, id_: str, body: object) -> None:
        """A trigger tells a webhook what its author wrote, with placeholders filled in."""
        webhook = self.by_id.get(id_)
        if webhook is None or not webhook.wants(CONDITIONAL):
            return
        text = body if isinstance(body, str) else json.dumps(dict(body) if isinstance(body, list) else body)
        for name, value in self._placeholders(update.ticket).items():
            text = text.replace("{{" + name + "}}", value)
        self._send(webhook, CONDITIONAL, text.encode(), update.at)

    def _send(self, webhook: Webhook, kind: str, body: bytes, at: Instant) -> None:
        faults = self._account.faults
        invocation = Invocation(self._id("invocation"), webhook, kind, body, at, webhook.secret)
        self.invocations.append(invocation)
        if faults.strikes("webhook-bad-signature"):
            invocation.secret = TEST_SECRET
        invocation.again = faults.strikes("webhook-twice")
        invocation.late = faults.strikes("webhook-late")
        if self.deliver is not None and not faults.strikes("webhook-lost"):
            self.deliver(invocation)

    def _events(self, update: Update) -> Iterator[tuple[str, dict[str, object]]]:
        if update.new:
            yield "created", {}
        else:
            for name in update.changed:
                yield from self._change(name, update)
        comment = update.said
        if comment is not None and not update.new:
            author = {"id": str(comment.author), "is_staff": self._account.catalog.is_agent(comment.author)}
            told_ = {"id": str(comment.id), "is_public": comment.public, "body": comment.body, "author": author}
            yield "comment_added", {"comment": told_}

    def _change(self, name: str, update: Update) -> Iterator[tuple[str, dict[str, object]]]:
        now, before = told(update.ticket.values[name]), told(update.was(name))
        if name == "tags":
            come, had = set(update.ticket.tags), set(before if isinstance(before, list) else ())
            yield CHANGED[name], {"tags_added": sorted(come - had), "tags_removed": sorted(had - come)}
        elif name in CHANGED:
            shown = self._cased if name in {"status", "priority"} else lambda word: word
            yield CHANGED[name], {"current": shown(now), "previous": shown(before)}
        elif name.isdigit():
            yield "custom_field_changed", {"current": now, "previous": before, "field": {"id": name}}

    def _cased(self, word: object) -> object:
        if not isinstance(word, str):
            return None
        return word.title() if self._account.varies("title-case") else word.upper()

    def _detail(self, ticket: Ticket, actor: int) -> dict[str, object]:
        values = ticket.values
        return {
            "actor_id": str(actor),
            "assignee_id": told(values.get("assignee_id")),
            "brand_id": None,
            "created_at": stamp(ticket.created),
            "custom_status": told(values.get("custom_status_id")),
            "description": ticket.comments[0].body if ticket.comments else "",
            "external_id": None,
            "form_id": None,
            "group_id": told(values.get("group_id")),
            "id": str(ticket.id),
            "is_public": True,
            "organization_id": told(values.get("organization_id")),
            "priority": self._cased(values.get("priority")),
            "requester_id": told(values.get("requester_id")),
            "status": self._cased(values.get("status")),
            "subject": values.get("subject"),
            "submitter_id": told(values.get("submitter_id")),
            "tags": list(ticket.tags),
            "type": self._cased(values.get("type")),
            "updated_at": stamp(ticket.updated),
            "via": {"channel": ticket.via.channel},
        }

    def _placeholders(self, ticket: Ticket) -> dict[str, str]:
        values = ticket.values
        names = ("status", "priority", "subject")
        found = {f"ticket.{name}": str(told(values.get(name)) or "") for name in names}
        found |= {"ticket.title": found.pop("ticket.subject"), "ticket.id": str(ticket.id), "ticket.tags": " ".join(ticket.tags)}
        group = self._account.catalog.groups.get(ticket.number("group_id") or 0)
        stamps = {"ticket.updated_at_with_timestamp": stamp(ticket.updated)}
        return found | stamps | {"ticket.group.name": group.name if group else ""}

    def _id(self, kind: str) -> str:
        """In the form of the platform's own, which is a ULID."""
        self._made += 1
        digest = hashlib.sha256(f"{self._seed}/{kind}/{self._made}".encode()).digest()
        return "01" + base64.b32encode(digest).decode()[:24]

    def _secret(self) -> str:
        self._made += 1
        return base64.b64encode(hashlib.sha256(f"{self._seed}/signing/{self._made}".encode()).digest()).decode()


def _authentication(webhook: Webhook) -> dict[str, str]:
    """The header under which a webhook shows its receiver who it is."""
    auth = webhook.given.get("authentication")
    data = auth.get("data") or {} if isinstance(auth, dict) else {}
    match auth.get("type") if isinstance(auth, dict) else None:
        case "basic_auth":
            pair = f"{data.get('username', '')}:{data.get('password', '')}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        case "bearer_token":
            return {"Authorization": f"Bearer {data.get('token', '')}"}
        case "api_key":
            return {str(data.get("name", "X-Api-Key")): str(data.get("value", ""))}
    return {}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def waited(retry_after: str) -> int | None:
    """Milliseconds that a receiver asks for, where they are short enough to be granted."""
    return int(retry_after) * SECOND if retry_after.isdigit() and int(retry_after) < 60 else None
