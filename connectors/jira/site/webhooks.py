"""An administrator's webhooks: what is told of an issue, to whom; signed, and tried again.

https://developer.atlassian.com/cloud/jira/platform/webhooks/ (shape of the events, signature, retries)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from connectors.jira.site.catalog import FIELDS
from connectors.jira.site.jql import BadQuery, parse
from connectors.jira.site.matching import Asker, matcher
from connectors.jira.site.render import Render
from connectors.jira.site.state import Comment, Entry, Happened
from connectors.sandboxes.deliveries import Outgoing
from connectors.sandboxes.faults import Faults
from rules.instants import Instant

EVENTS: Final = (
    "jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "comment_created", "comment_updated", "comment_deleted",
    "issuelink_created", "issuelink_deleted", "issue_property_set", "issue_property_deleted", "project_created", "user_created",
)  # fmt: skip
SECTION: Final = "issue-related-events-section"
TRIED_AGAIN: Final = frozenset({0, 408, 409, 425, 429, 500, 502, 503, 504})
TRIES: Final = 6
PAUSE_SECONDS: Final = 0.2
"""Between two tries; the platform's own are five to fifteen minutes."""
WRONG_SECRET: Final = "not the secret of this webhook"  # noqa: S105 - that is what it is


class Whole(Protocol):
    """What webhooks need of their site."""

    faults: Faults

    @property
    def numbers_calls(self) -> bool: ...

    def render(self, version: int, now: Instant) -> Render: ...

    def asker(self, account: str, now: Instant) -> Asker: ...


@dataclass(slots=True)
class Webhook:
    """`given` is what the administrator wrote, without the secret."""

    id: int
    given: dict[str, Any]
    secret: str
    at: Instant
    by: str
    ends: Instant | None = None  # of an app's webhook

    @property
    def jql(self) -> str:
        filters = self.given.get("filters") or {}
        return str(filters.get(SECTION, ""))


def patience(status: int, _retry_after: str, tried: int) -> float | None:
    """Seconds until the next try; None where there is none: 400, 401, 403 and 404 lose the event."""
    return PAUSE_SECONDS if status in TRIED_AGAIN and tried < TRIES else None


class Webhooks:
    """All webhooks of a site. `deliver` sends something on its way."""

    def __init__(self, site: Whole, seed: int) -> None:
        self._site, self._seed = site, seed
        self._made = self._told = 0
        self.by_id: dict[int, Webhook] = {}
        self.client_secret = ""
        """Of the app whose webhooks these are, as far as they are an app's."""
        self.deliver: Callable[[Outgoing], None] | None = None

    def add(self, given: dict[str, Any], secret: str, at: Instant, by: str) -> Webhook:
        """A new webhook."""
        self._made += 1
        found = Webhook(self._made, given, secret, at, by)
        self.by_id[found.id] = found
        return found

    def heard(self, heard: Happened) -> None:
        """Tell those webhooks of it that want it."""
        for webhook in self.by_id.values():
            alive = webhook.ends is None or heard.at < webhook.ends
            if (
                alive
                and webhook.given.get("enabled", True)
                and heard.kind in webhook.given["events"]
                and self._matches(webhook, heard)
            ):
                self._send(webhook, heard)

    def check(self, jql: str, account: str, now: Instant) -> str:
        """What is wrong with a filter; empty where nothing is."""
        try:
            matcher(parse(jql).where, self._site.asker(account, now))
        except BadQuery as problem:
            return str(problem)
        return ""

    def _matches(self, webhook: Webhook, heard: Happened) -> bool:
        asker = self._site.asker(webhook.by, heard.at)
        return not webhook.jql or matcher(parse(webhook.jql).where, asker)(heard.issue)

    def _send(self, webhook: Webhook, heard: Happened) -> None:
        if self.deliver is None:
            return
        faults = self._site.faults
        self._told += 1
        identifier = hashlib.sha256(f"{self._seed} {self._told}".encode()).hexdigest()[:32]
        body = json.dumps(self._body(webhook, heard), ensure_ascii=False, separators=(",", ":")).encode()
        secret = WRONG_SECRET if faults.strikes("webhook-bad-signature") else webhook.secret

        again, late = faults.strikes("webhook-twice"), faults.strikes("webhook-late")
        flow = "Secondary" if late else "Primary"  # the one may be a quarter of an hour late, the other half a minute

        def headers(_: Instant, tries: int) -> Mapping[str, str]:
            found = {
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "Atlassian HttpClient",
            }
            if self._site.numbers_calls:
                found |= {"X-Atlassian-Webhook-Identifier": identifier, "X-Atlassian-Webhook-Flow": flow}
            if webhook.ends is not None:
                found["Authorization"] = f"Bearer {_token(self.client_secret, identifier)}"
            elif secret:
                found["X-Hub-Signature"] = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
            return found | ({"X-Atlassian-Webhook-Retry": str(tries)} if tries else {})

        if not faults.strikes("webhook-lost"):
            url = str(webhook.given["url"]).replace("${issue.key}", heard.issue.key).replace("${issue.id}", str(heard.issue.id))
            self.deliver(Outgoing("POST", url, body, headers, again=again, late=late))

    def _body(self, webhook: Webhook, heard: Happened) -> dict[str, object]:
        told: dict[str, object] = {"timestamp": heard.at, "webhookEvent": heard.kind}
        if webhook.given.get("excludeBody"):
            return told
        render = self._site.render(2, heard.at)
        if heard.author:
            told["user"] = render.user(heard.author)
        told["issue"] = render.issue(heard.issue, list(FIELDS))
        match heard.about:
            case Entry():
                shown = render.entry(heard.about)
                told["changelog"] = {"id": shown["id"], "items": shown["items"]}
            case Comment():
                told["comment"] = render.comment(heard.issue, heard.about)
        if heard.kind.startswith("jira:"):
            of_comment = "issue_commented" if isinstance(heard.about, Comment) else "issue_generic"
            told["issue_event_type_name"] = "issue_created" if heard.kind == "jira:issue_created" else of_comment
        return told


def _token(secret: str, identifier: str) -> str:
    """A JSON web token (RFC 7519) as it comes with an app's calls."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"iss": "jira", "jti": identifier})
    signed = ".".join(_base64(json.dumps(each).encode()) for each in parts)
    return f"{signed}.{_base64(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
