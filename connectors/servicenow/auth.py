"""How hoist signs in to an instance: OAuth tokens, which are renewed by themselves, passwords, keys and certificates.

https://www.servicenow.com/docs/bundle/zurich-platform-security/page/administer/security/concept/c_OAuthApplications.html
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

import requests
from pydantic import BaseModel, ValidationError

from connectors.errors import AskAdmin, GiveUp, Gone
from connectors.http import Basic, Http, Limits, Surroundings
from connectors.oauth import Bearer, Unsigned
from connectors.secrets import Secret, named_in
from connectors.servicenow.limits import unusable
from connectors.servicenow.settings import (
    ApiKey,
    BasicAuth,
    Certificate,
    ClientCredentials,
    JwtBearer,
    RefreshToken,
    ServiceNowSettings,
)
from connectors.sessions import Auth, Link

TOKENS: Final = "/oauth_token.do"
_ASSERTION_SECONDS: Final = 300
_JWT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Key(Unsigned):
    """A key in a header of its own. It shows nothing of itself."""

    def __init__(self, key: str) -> None:
        super().__init__((key,))

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["x-sn-apikey"] = self.hidden[0]
        return request

    def __repr__(self) -> str:
        return "Key(...)"


class _Told(BaseModel):
    access_token: str
    refresh_token: str = ""
    expires_in: float = 0.0


class Token(Bearer):
    """An OAuth access token of an instance.

    `grant` gives the form of a token request, which leaves by `http`, unsigned; no message repeats the parts that are secret.
    """

    def __init__(
        self, http: Http, unsigned: Unsigned, grant: Callable[[], Mapping[str, str]], surroundings: Surroundings
    ) -> None:
        super().__init__(surroundings.monotonic)
        self._http, self._unsigned, self._grant = http, unsigned, grant
        self._secrets = unsigned.hidden
        self._refresh = ""

    @property
    def hidden(self) -> tuple[str, ...]:
        return tuple(filter(None, (*self._secrets, self._access, self._refresh)))

    def close(self) -> None:
        """Give back the connection to the token endpoint."""
        self._http.close()

    def _fetch(self) -> None:
        form = dict(self._grant())
        if self._refresh and form["grant_type"] == "refresh_token":
            form["refresh_token"] = self._refresh
        try:
            answer = self._http.read("POST", TOKENS, body=urlencode(form).encode())
        except (GiveUp, Gone) as refusal:
            said = str(refusal)
            raise AskAdmin(f"{said}; check client_id, client_secret and the grant of the application registry entry") from None
        try:
            token = _Told.model_validate_json(answer.body)
        except ValidationError:
            token = _Told(access_token="")
        if not token.access_token:
            raise AskAdmin(
                f"{self._http.source}: the token endpoint answered without a token; check the application registry entry"
            )
        self._refresh = token.refresh_token or self._refresh
        self._use(token.access_token, token.expires_in or 1_800.0)  # the platform's own default
        self._unsigned.hidden = self.hidden


def signed_in(source: str, settings: ServiceNowSettings, surroundings: Surroundings) -> Auth:
    """What signs the requests of an instance. Raises AskAdmin where a secret is missing or a key can't be used."""
    auth = settings.auth
    match auth:
        case BasicAuth():
            return Basic(settings.username, auth.password.reveal())
        case ApiKey():
            return Key(auth.key.reveal())
        case Certificate():
            return Unsigned()
        case _:
            return _bearer(source, settings, auth, surroundings)


def link_of(settings: ServiceNowSettings) -> Link:
    """How the instance is connected to: a session per worker, since the instance serves a session one request at a time."""
    auth = settings.auth
    certificate = (auth.certificate, auth.key) if isinstance(auth, Certificate) else None
    held = named_in(auth, "auth.") or "auth.certificate"
    return Link(settings.ca_file, certificate, affinity=True, credential=held)


def _bearer(
    source: str, settings: ServiceNowSettings, auth: ClientCredentials | RefreshToken | JwtBearer, surroundings: Surroundings
) -> Token:
    secrets = [auth.client_secret.reveal(), *([auth.refresh_token.reveal()] if isinstance(auth, RefreshToken) else [])]
    client = {"client_id": auth.client_id, "client_secret": secrets[0]}
    unsigned = Unsigned(tuple(secrets))
    http = Http(
        source,
        settings.url,
        unsigned,
        words=_words,
        limits=Limits(concurrent=1, unusable=unusable),
        surroundings=surroundings.alone(),
        reads_by_post=frozenset({TOKENS}),
        link=Link(settings.ca_file, content_type="application/x-www-form-urlencoded", credential=named_in(auth, "auth.")),
    )

    def grant() -> Mapping[str, str]:
        match auth:
            case ClientCredentials():
                return {"grant_type": "client_credentials"} | client
            case RefreshToken():
                return {"grant_type": "refresh_token", "refresh_token": secrets[1]} | client
            case JwtBearer():
                claims = {"iss": auth.client_id, "aud": auth.client_id, "sub": settings.username}
                return {
                    "grant_type": _JWT,
                    "assertion": assertion(claims, auth.private_key, auth.key_id, int(surroundings.wall())),
                } | client

    return Token(http, unsigned, grant, surroundings)


def assertion(claims: Mapping[str, str], key: Secret, key_id: str, now: int) -> str:
    """A JWT signed with RS256, good for five minutes from `now` on, in seconds since 1970 (RFC 7523).

    Raises AskAdmin where the key can't be used.
    """
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - slow to import, and seldom needed
    from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415 - as above

    try:
        private = serialization.load_pem_private_key(key.reveal().encode(), password=None)
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise AskAdmin(f"the private key {key.kind}:{key.place} is no RSA key in PEM without a passphrase")
    header = {"alg": "RS256", "typ": "JWT"} | ({"kid": key_id} if key_id else {})
    parts = [header, dict(claims) | {"iat": now, "exp": now + _ASSERTION_SECONDS, "jti": uuid.uuid4().hex}]
    text = ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{text}.{_encoded(private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def _words(body: bytes) -> str:
    """OAuth's own words (RFC 6749, section 5.2)."""
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(said, dict):
        return ""
    return ": ".join(str(said[name]) for name in ("error", "error_description") if isinstance(said.get(name), str))
