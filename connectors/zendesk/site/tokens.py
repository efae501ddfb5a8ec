"""Who calls: API tokens, OAuth tokens that expire and rotate; and the endpoints that give them.

https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/
Secrets are the same for the same seed, so that a configuration outlives a restart.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

from connectors.sandboxes.answer import Answer
from connectors.zendesk.site.answers import answered
from connectors.zendesk.site.catalog import Catalog, User
from connectors.zendesk.site.moments import stamp, stamped
from rules.instants import DAY, SECOND, Instant, instant

ACCESS_SECONDS: Final = 1_800
REFRESH_SECONDS: Final = 2_592_000
ACCESS_RANGE: Final = (300, 172_800)
REFRESH_RANGE: Final = (604_800, 7_776_000)
CODE_SECONDS: Final = 120
CLIENT: Final = 28_411_000_000_001
IDLE_FROM: Final = instant(datetime(2026, 7, 28, tzinfo=UTC))
IDLE: Final = 30 * DAY
END: Final = instant(datetime(2027, 4, 30, tzinfo=UTC))
"""API tokens that were idle for a month stop after the first, all stop at the second."""


class Caller(NamedTuple):
    """Who calls, with which scopes; an API token has all."""

    user: User
    scopes: frozenset[str]
    token: str = ""

    def may(self, resource: str, *, write: bool) -> bool:
        """Whether the scopes reach so far."""
        verb = "write" if write else "read"
        return bool({verb, f"{resource}:{verb}"} & self.scopes)


ALL: Final = frozenset({"read", "write"})


class Token(NamedTuple):
    """An access token. `refresh` is the refresh token that came with it, empty for none."""

    id: int
    user: int
    scopes: frozenset[str]
    made: Instant
    until: Instant
    refresh: str = ""
    refresh_until: Instant = 0


class Code(NamedTuple):
    user: int
    scopes: frozenset[str]
    redirect: str
    challenge: str
    until: Instant


def secret(seed: int, what: str) -> str:
    """A token or secret of this sandbox."""
    return hashlib.sha256(f"{seed}/{what}".encode()).hexdigest()


class Door:
    """Knows every credential of an account. `opened` is when its API token was last used."""

    def __init__(self, catalog: Catalog, seed: int, opened: Instant, *, expires_seconds: int = ACCESS_SECONDS) -> None:
        self._catalog = catalog
        self._seed = seed
        self._made = 0
        self._used = opened
        self.expires_seconds = expires_seconds
        self.client_id = "hoist_agent"
        self.client_secret = secret(seed, "client secret")
        self.api_token = secret(seed, "api token")[:40]
        self.access: dict[str, Token] = {}
        self._codes: dict[str, Code] = {}

    # --- a call ----------------------------------------------------------------------------------------------------------

    def caller(self, headers: Mapping[str, str], now: Instant) -> Caller | None:
        """Who a call's credential names; None for none, or a wrong one."""
        kind, _, given = headers.get("authorization", "").partition(" ")
        match kind.lower():
            case "basic":
                return self._basic(given, now)
            case "bearer":
                token = self.access.get(given.strip())
                if token is None or token.until <= now:
                    return None
                return Caller(self._catalog.users[token.user], token.scopes, given.strip())
        return None

    def _basic(self, given: str, now: Instant) -> Caller | None:
        try:
            name, _, password = base64.b64decode(given).decode().partition(":")
        except ValueError:
            return None
        user = self._catalog.by_email.get(name.removesuffix("/token").lower())
        if not name.endswith("/token") or user is None or not user.active or not hmac.compare_digest(password, self.api_token):
            return None
        if now >= END or (now >= IDLE_FROM and now - max(self._used, IDLE_FROM) > IDLE):
            return None
        self._used = now
        return Caller(user, ALL)

    # --- the token endpoint ----------------------------------------------------------------------------------------------

    def token(self, headers: Mapping[str, str], body: bytes, now: Instant) -> Answer:
        """POST /oauth/tokens, JSON or a form."""
        given = _given(headers, body)
        client = str(given.get("client_id", "")), str(given.get("client_secret", ""))
        grant = given.get("grant_type")
        public = grant == "authorization_code" and "code_verifier" in given and client[0] == self.client_id
        if client != (self.client_id, self.client_secret) and not public:
            return _wrong(401, "invalid_client", "Client authentication failed due to unknown client or wrong secret.")
        match grant:
            case "client_credentials":
                return self._issued(self._catalog.agent.id, _scopes(given), given, now, refresh=False)
            case "refresh_token":
                return self._refreshed(given, now)
            case "authorization_code":
                return self._exchanged(given, now)
        return _wrong(400, "unsupported_grant_type", "The authorization grant type is not supported.")

    def _refreshed(self, given: Mapping[str, Any], now: Instant) -> Answer:
        """A new pair; the old one ends, access token and all."""
        refresh = str(given.get("refresh_token", ""))
        found = next((each for each, token in self.access.items() if refresh and token.refresh == refresh), None)
        token = self.access.pop(found) if found else None
        if token is None or token.refresh_until <= now:
            return _wrong(400, "invalid_grant", "The provided refresh token is invalid, expired or revoked.")
        return self._issued(token.user, token.scopes, given, now, refresh=True)

    def _exchanged(self, given: Mapping[str, Any], now: Instant) -> Answer:
        code = self._codes.pop(str(given.get("code", "")), None)
        if code is None or code.until <= now or code.redirect != given.get("redirect_uri", code.redirect):
            return _wrong(400, "invalid_grant", "The authorization code is invalid, expired or revoked.")
        digest = hashlib.sha256(str(given.get("code_verifier", "")).encode()).digest()
        if code.challenge and base64.urlsafe_b64encode(digest).decode().rstrip("=") != code.challenge:
            return _wrong(400, "invalid_grant", "The code verifier does not fit.")
        return self._issued(code.user, code.scopes, given, now, refresh=True)

    def _issued(self, user: int, scopes: frozenset[str], given: Mapping[str, Any], now: Instant, *, refresh: bool) -> Answer:
        seconds = _number(given, "expires_in", self.expires_seconds)
        keeps = _number(given, "refresh_token_expires_in", REFRESH_SECONDS)
        wrong = [] if "expires_in" not in given or _within(seconds, ACCESS_RANGE) else ["expires_in"]
        wrong += [] if _within(keeps, REFRESH_RANGE) else ["refresh_token_expires_in"]
        if wrong:
            return _wrong(400, "invalid_request", f"{', '.join(wrong)} is out of range.")
        access, token = self._made_token(user, scopes, now, (seconds or 0, keeps or 0) if refresh else (seconds or 0, 0))
        body: dict[str, object] = {"access_token": access, "token_type": "bearer", "scope": " ".join(sorted(scopes))}
        body["expires_in"] = seconds
        if refresh:
            body |= {"refresh_token": token.refresh, "refresh_token_expires_in": keeps}
        return answered(body, 201)

    def _made_token(self, user: int, scopes: frozenset[str], now: Instant, lives: tuple[int, int]) -> tuple[str, Token]:
        self._made += 1
        access = secret(self._seed, f"access {self._made}")
        refresh = secret(self._seed, f"refresh {self._made}") if lives[1] else ""
        until, refresh_until = (now + each * SECOND for each in lives)
        token = Token(28_511_000_000_000 + self._made, user, scopes, now, until, refresh, refresh_until)
        self.access[access] = token
        return access, token

    def granted(self, now: Instant) -> tuple[str, str]:
        """A pair of access and refresh token for the service account, as if a person had just allowed it."""
        access, token = self._made_token(self._catalog.agent.id, ALL, now, (self.expires_seconds, REFRESH_SECONDS))
        return access, token.refresh

    def authorized(self, query: Mapping[str, str], now: Instant) -> Answer:
        """GET /oauth/authorizations/new: the sandbox's admin allows everything at once."""
        redirect = query.get("redirect_uri", "")
        if query.get("client_id") != self.client_id or query.get("response_type") != "code" or not redirect:
            return _wrong(400, "invalid_request", "The request misses a known client_id, response_type=code or redirect_uri.")
        self._made += 1
        code = secret(self._seed, f"code {self._made}")
        wanted = frozenset(query.get("scope", "read write").split())
        until = now + CODE_SECONDS * SECOND
        self._codes[code] = Code(self._catalog.agent.id, wanted, redirect, query.get("code_challenge", ""), until)
        told = urlencode({"code": code, **({"state": query["state"]} if "state" in query else {})})
        return Answer(302, {"Location": f"{redirect}{'&' if '?' in redirect else '?'}{told}"})

    def current(self, access: str, base: str) -> dict[str, object] | None:
        """The token of a call as the API tells it; None for a call without one."""
        token = self.access.get(access)
        if token is None:
            return None
        return {
            "url": f"{base}/api/v2/oauth/tokens/{token.id}.json",
            "id": token.id,
            "user_id": token.user,
            "client_id": CLIENT,
            "token": access[:10],
            "refresh_token": token.refresh[:10] or None,
            "scopes": sorted(token.scopes),
            "created_at": stamp(token.made),
            "used_at": stamp(token.made),
            "expires_at": stamp(token.until),
            "refresh_token_expires_at": stamped(token.refresh_until or None),
        }


def _given(headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    text = body.decode("utf-8", "replace")
    if "json" not in headers.get("content-type", ""):
        return dict(parse_qsl(text))
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _scopes(given: Mapping[str, Any]) -> frozenset[str]:
    """A mistyped one is taken as it is, and opens nothing."""
    return frozenset(str(given.get("scope") or "read").split())


def _number(given: Mapping[str, Any], name: str, default: int) -> int | None:
    text = str(given.get(name, default))
    return int(text) if text.isdigit() else None


def _within(number: int | None, limits: tuple[int, int]) -> bool:
    return number is not None and limits[0] <= number <= limits[1]


def _wrong(status: int, error: str, description: str) -> Answer:
    return answered({"error": error, "error_description": description}, status)
