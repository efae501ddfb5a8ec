"""Atlassian's own part of signing in by OAuth: the token endpoint, the sites that a token is good for, the gateway's address.

https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/. Access tokens live an hour. A refresh token is good once,
and for ten minutes more, so that an answer that was lost can be asked for again.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.jira.site.call import Answer, answered
from rules.instants import DAY, HOUR, MINUTE, SECOND, Instant

LIFE: Final = HOUR
IDLE: Final = 90 * DAY
GRACE: Final = 10 * MINUTE
SCOPES: Final = ("read:jira-user", "read:jira-work", "write:jira-work", "manage:jira-webhook")


def cloud_id(project: str) -> str:
    """The id of a site by the project that it has."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, project))


def _scope_for(words: Sequence[str], *, writes: bool) -> str:
    match words[3:4]:
        case ["myself" | "user"]:
            return "read:jira-user"
        case ["webhook"]:
            return "manage:jira-webhook"
    return "write:jira-work" if writes else "read:jira-work"


@dataclass(slots=True)
class _Refresh:
    at: Instant
    used: Instant | None = None


class Tokens:
    """Of one client, which acts as the site's service account. `scopes` are those that its tokens are given."""

    def __init__(self, seed: int, scopes: Collection[str] = SCOPES) -> None:
        self._seed, self._scopes = seed, tuple(scopes)
        self.client_id = f"hoist-{self._digest('client')[:12]}"
        self.client_secret = f"ATOA{self._digest('secret')}"
        self._given = 0
        self._access: dict[str, Instant] = {}  # until when
        self._refresh: dict[str, _Refresh] = {}

    def scopes_of(self, access: str, now: Instant) -> Collection[str] | None:
        """The scopes of an access token; None for one that is not known or has ended."""
        return self._scopes if now < self._access.get(access, 0) else None

    def refusal(self, access: str, words: Sequence[str], now: Instant, *, writes: bool) -> Answer | None:
        """What the gateway says to a call, with an OAuth token or (empty) an API token that has scopes; None lets it pass."""
        scopes = self.scopes_of(access, now) if access else self._scopes
        if scopes is None:
            return answered({"code": 401, "message": "Unauthorized"}, 401)
        if _scope_for(words, writes=writes) not in scopes:
            return answered({"code": 401, "message": "Unauthorized; scope does not match"}, 401)
        return None

    def granted(self, now: Instant) -> tuple[str, str]:
        """An access token and a refresh token, as after a person has said yes."""
        refresh = self._made("refresh")
        self._refresh[refresh] = _Refresh(now)
        return self._new_access(now), refresh

    def asked(self, method: str, body: bytes, now: Instant) -> Answer:
        """POST /oauth/token, in JSON."""
        if method != "POST":
            return answered({"error": "not_found", "error_description": "Not found."}, 404)
        try:
            given = json.loads(body)
        except ValueError:
            given = None
        if not isinstance(given, dict):
            return answered({"error": "invalid_request", "error_description": "The body is no JSON object."}, 400)
        if (given.get("client_id"), given.get("client_secret")) != (self.client_id, self.client_secret):
            return answered({"error": "access_denied", "error_description": "Unauthorized"}, 401)
        match given.get("grant_type"):
            case "client_credentials":
                return answered(self._shown(self._new_access(now)))
            case "refresh_token":
                return self._refreshed(given, now)
        return answered({"error": "unsupported_grant_type", "error_description": "Unsupported grant type."}, 400)

    def resources(self, access: str, site: str, cloud: str, now: Instant) -> Answer:
        """GET /oauth/token/accessible-resources."""
        scopes = self.scopes_of(access, now)
        if scopes is None:
            return answered({"code": 401, "message": "Unauthorized"}, 401)
        shown = {"id": cloud, "url": site, "name": "sandbox", "scopes": list(scopes), "avatarUrl": f"{site}/avatar"}
        return answered([shown])

    def _refreshed(self, given: Mapping[str, Any], now: Instant) -> Answer:
        known = self._refresh.get(str(given.get("refresh_token")))
        if known is None or now >= known.at + IDLE or (known.used is not None and now >= known.used + GRACE):
            return answered({"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}, 403)
        known.used = now if known.used is None else known.used
        access, refresh = self.granted(now)
        return answered({**self._shown(access), "refresh_token": refresh})

    def _shown(self, access: str) -> dict[str, object]:
        shown = {"access_token": access, "token_type": "Bearer", "expires_in": LIFE // SECOND}
        return {**shown, "scope": " ".join(self._scopes)}

    def _new_access(self, now: Instant) -> str:
        access = self._made("access")
        self._access[access] = now + LIFE
        return access

    def _made(self, kind: str) -> str:
        self._given += 1
        return f"eyJ{kind[:3]}{self._digest(f'{kind}/{self._given}')}"

    def _digest(self, text: str) -> str:
        return hashlib.sha256(f"{self._seed}/{text}".encode()).hexdigest()
