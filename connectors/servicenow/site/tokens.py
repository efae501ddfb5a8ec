"""Who calls: passwords, OAuth tokens, API keys, assertions; and the token endpoint.

https://www.servicenow.com/docs/r/platform-security/authentication/c_OAuthApplications.html
Passwords, keys and the client's secret are the same for the same seed, so that a configuration outlives a restart.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from connectors.sandboxes.answer import Answer
from connectors.servicenow.site.answers import answered
from connectors.servicenow.site.furnishing import AGENT
from connectors.servicenow.site.store import Row
from connectors.servicenow.site.whole import Instance
from rules.instants import SECOND, Instant

ACCESS_SECONDS: Final = 1_800
REFRESH_SECONDS: Final = 8_640_000
JWT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GRANTS: Final = frozenset({"password", "refresh_token", "client_credentials", JWT})
CLIENT_CREDENTIALS: Final = "glide.oauth.inbound.client.credential.grant_type.enabled"
NO_PASSWORDS: Final = "glide.oauth.inbound.ropc.grant_type.disabled"
LOCKED_AFTER: Final = 5
"""Wrong passwords in a row after which an account is locked."""


class Token(NamedTuple):
    user: str  # sys_id
    until: Instant


def secret(seed: int, what: str) -> str:
    """A password, key or secret of this sandbox."""
    return hashlib.sha256(f"{seed}/{what}".encode()).hexdigest()[:32]


class Door:
    """Knows every credential of an instance.

    `jwt_key` is the public key, PEM, of whoever may sign assertions; without it none is good. Which grants are open is said by
    the instance's own properties.
    """

    def __init__(
        self, instance: Instance, seed: int, *, expires_seconds: int = ACCESS_SECONDS,
        jwt_key: bytes = b"",
    ) -> None:  # fmt: skip
        self._instance = instance
        self._seed = seed
        self._jwt_key = jwt_key
        self.expires_seconds = expires_seconds
        self.client_id = secret(seed, "client id")
        self.client_secret = secret(seed, "client secret")
        self.access: dict[str, Token] = {}
        self._refresh: dict[str, Token] = {}
        self._made = 0
        self._wrong: dict[str, int] = {}

    def password(self, user_name: str) -> str:
        """The password of an account."""
        return secret(self._seed, f"password of {user_name}")

    def api_key(self, user_name: str = AGENT) -> str:
        """The API key that is bound to an account."""
        return "now_" + secret(self._seed, f"key of {user_name}")

    # --- a call --------------------------------------------------------------------------------------------------------

    def caller(self, headers: Mapping[str, str], query: Mapping[str, str], now: Instant) -> str | None:
        """The sys_id of the user that a call's credential names; None for none, or a wrong one."""
        kind, _, given = headers.get("authorization", "").partition(" ")
        match kind.lower():
            case "basic":
                return self._basic(given)
            case "bearer":
                token = self.access.get(given.strip())
                return token.user if token and token.until > now else None
        key = headers.get("x-sn-apikey") or query.get("x-sn-apikey")
        if key and key == self.api_key():
            return self._id(self._instance.user_named(AGENT))
        certified = headers.get("x-certified-user", "")
        return self._id(self._instance.user_named(certified)) if certified else None

    def _basic(self, given: str) -> str | None:
        name, password = _pair(given)
        if password != self.password(name):
            self._wrong[name] = self._wrong.get(name, 0) + 1
            return None
        if self._wrong.get(name, 0) >= LOCKED_AFTER and "no-lockout" not in self._instance.terms.policies.variants:
            return None
        self._wrong.pop(name, None)
        return self._id(self._instance.user_named(name))

    @staticmethod
    def _id(row: Row | None) -> str | None:
        return row["sys_id"] if row else None

    # --- the token endpoint ----------------------------------------------------------------------------------------------

    def token(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, now: Instant) -> Answer:
        """POST /oauth_token.do, a form; the client's id and secret in the form or as Basic."""
        form = {**query, **dict(parse_qsl(body.decode("utf-8", "replace")))}
        kind, _, given = headers.get("authorization", "").partition(" ")
        client = _pair(given) if kind.lower() == "basic" else (form.get("client_id", ""), form.get("client_secret", ""))
        if client != (self.client_id, self.client_secret):
            return _wrong("access_denied", "server_error")
        grant = form.get("grant_type", "")
        if grant not in GRANTS or self._closed(grant):
            return _wrong("grant_type is not supported", "unsupported_grant_type")
        user = self._granted(grant, form, now)
        if user is None:
            return _wrong("access_denied", "invalid_grant" if grant == "refresh_token" else "server_error")
        return self._issued(user, now, refresh=grant in {"password", "refresh_token"}, kept=form.get("refresh_token", ""))

    def _closed(self, grant: str) -> bool:
        setting = self._instance.setting
        return (grant == "client_credentials" and setting(CLIENT_CREDENTIALS) != "true") or (
            grant == "password" and setting(NO_PASSWORDS) == "true"
        )

    def _granted(self, grant: str, form: Mapping[str, str], now: Instant) -> str | None:
        match grant:
            case "password":
                name = form.get("username", "")
                user = self._instance.user_named(name) if form.get("password") == self.password(name) else None
            case "refresh_token":
                token = self._refresh.get(form.get("refresh_token", ""))
                return token.user if token and token.until > now else None
            case "client_credentials":
                user = self._instance.user_named(AGENT)
            case _:
                user = self._instance.user_named(self._subject(form.get("assertion", ""), now))
        return self._id(user)

    def _subject(self, assertion: str, now: Instant) -> str:
        """The user that a good assertion is about; empty for any other."""
        head, _, rest = assertion.partition(".")
        claims, _, signature = rest.partition(".")
        try:
            algorithm = _json(head).get("alg", "")
            told = _json(claims)
            signed = _decoded(signature)
        except (ValueError, binascii.Error):
            return ""
        good = algorithm == "RS256" and signed_by(self._jwt_key, f"{head}.{claims}".encode(), signed)
        fresh = isinstance(told.get("exp"), int) and told["exp"] * SECOND > now
        known = told.get("aud") == self.client_id and told.get("iss") == self.client_id
        return str(told.get("sub", "")) if good and fresh and known else ""

    def _issued(self, user: str, now: Instant, *, refresh: bool, kept: str) -> Answer:
        self._made += 1
        token = hashlib.sha256(f"{self._seed}/{self._made}/access".encode()).hexdigest()
        self.access[token] = Token(user, now + self.expires_seconds * SECOND)
        body: dict[str, object] = {"access_token": token, "scope": "useraccount", "token_type": "Bearer"}
        body["expires_in"] = self.expires_seconds
        if refresh:
            again = kept or hashlib.sha256(f"{self._seed}/{self._made}/refresh".encode()).hexdigest()
            self._refresh.setdefault(again, Token(user, now + REFRESH_SECONDS * SECOND))
            body["refresh_token"] = again
        return answered(body)


def signed_by(key: bytes, text: bytes, signature: bytes) -> bool:
    """Whether a text was signed, RSA with SHA-256, by the owner of this public key in PEM."""
    if not key:
        return False
    public = load_pem_public_key(key)
    if not isinstance(public, RSAPublicKey):
        return False
    try:
        public.verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _wrong(description: str, error: str) -> Answer:
    return answered({"error_description": description, "error": error}, 401)


def _pair(given: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(given).decode().partition(":")
    except ValueError:
        return "", ""
    return name, password


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _json(text: str) -> dict[str, Any]:
    found = json.loads(_decoded(text))
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found
