"""Signing in: every way that an instance offers, renewed in time, and never shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
import requests
import responses
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors.errors import AskAdmin, TryLater
from connectors.http import Surroundings
from connectors.sandboxes.answer import Answer
from connectors.secrets import Secret
from connectors.servicenow.auth import TOKENS, Token, assertion, signed_in
from connectors.servicenow.connector import ServiceNowConnector
from connectors.servicenow.sandbox import ServiceNowSandbox
from connectors.servicenow.settings import ServiceNowSettings
from tests.connectors.sandbox_desk import Clock, desk
from tests.connectors.servicenow.beside import Beside

URL = "https://example.service-now.com"
DATE = {"Date": "Mon, 23 Nov 2026 04:00:00 GMT", "Content-Type": "application/json"}


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private.decode()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Beside]:
    with ExitStack() as open_:
        yield Beside(open_, tmp_path)


def test_a_password(site: Beside) -> None:
    """A user name and a password sign in."""
    password = site.secret("password", site.site.credentials()["password"])
    assert site.connect(auth={"kind": "basic", "password": password}).identify().account == site.site.user_id()


def test_a_key_in_a_header(site: Beside) -> None:
    """An API key signs in, in a header and never in an address."""
    connector = site.connect(auth={"kind": "api_key", "key": site.secret("key", site.site.api_key)})
    assert connector.identify().account == site.site.user_id()
    assert not any(site.site.api_key in query for _, _, query, _ in site.site.calls)


def test_a_refresh_token(site: Beside) -> None:
    """A refresh token that was fetched once signs in, and the one that comes back is used from then on."""
    known = site.site.credentials()
    form = {"grant_type": "password", "username": known["username"], "password": known["password"]}
    form |= {"client_id": known["client_id"], "client_secret": known["client_secret"]}
    answer = site.site.dispatch("POST", TOKENS, "", {}, urlencode(form).encode())
    token = site.secret("refresh", json.loads(answer.body)["refresh_token"])
    auth = site.written["auth"] | {"kind": "refresh_token", "refresh_token": token}
    assert site.connect(auth=auth).identify().account == site.site.user_id()


def test_a_client_certificate(tmp_path: Path) -> None:
    """A certificate that the instance knows signs in over mutual TLS, and the instance's own is verified."""
    sandbox = ServiceNowSandbox(clock=Clock(), history=desk())
    with sandbox.serve(tls=True):
        known = sandbox.credentials()
        auth = {"kind": "certificate", "certificate": sandbox.client_file, "key": sandbox.client_file}
        written = {"url": known["url"], "username": known["username"], "auth": auth, **sandbox.source_settings()}
        trusting = ServiceNowConnector("snow", ServiceNowSettings.model_validate(written | {"ca_file": known["ca_file"]}))
        assert trusting.identify().account == sandbox.user_id()
        stranger = ServiceNowConnector("snow", ServiceNowSettings.model_validate(written), Surroundings(sleep=lambda _: None))
        with pytest.raises(AskAdmin, match="certificate can't be verified"):
            stranger.identify()
        trusting.close()
        stranger.close()


def test_an_assertion_is_signed(key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    """A JWT assertion names who asks and for whom, holds for five minutes, and is signed with the private key."""
    (tmp_path / "key.pem").write_text(pem(key))
    made = assertion({"iss": "client", "sub": "hoist.integration"}, Secret(f"file:{tmp_path / 'key.pem'}"), "k1", 1_795_420_800)
    head, claims, signature = made.split(".")
    key.public_key().verify(_decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    told = json.loads(_decoded(claims))
    assert json.loads(_decoded(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert (told["iss"], told["sub"], told["iat"], told["exp"]) == ("client", "hoist.integration", 1_795_420_800, 1_795_421_100)


@pytest.mark.parametrize("text", ["no key at all", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_a_key_that_is_none(tmp_path: Path, text: str) -> None:
    """A file that holds no RSA key is named, and not shown."""
    (tmp_path / "key.pem").write_text(text)
    with pytest.raises(AskAdmin, match="no RSA key in PEM") as refusal:
        assertion({}, Secret(f"file:{tmp_path / 'key.pem'}"), "", 0)
    assert text not in str(refusal.value)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as made:
        yield made


class Steady:
    """A clock that a test moves."""

    now = 0.0

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(sleep=lambda _: None, monotonic=lambda: self.now)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., ServiceNowSettings]:
    def made(**auth: str) -> ServiceNowSettings:
        (tmp_path / "secret").write_text("s3cret")
        written: dict[str, Any] = {
            "kind": "client_credentials",
            "client_id": "c1",
            "client_secret": f"file:{tmp_path / 'secret'}",
        }
        return ServiceNowSettings.model_validate({"url": URL, "username": "hoist.integration", "auth": written | auth})

    return made


def tokens(mock: responses.RequestsMock, *names: str, **more: object) -> None:
    for name in names:
        mock.add(responses.POST, URL + TOKENS, json={"access_token": name, "expires_in": 1800, **more}, headers=DATE)


def sent(call: Any) -> str:
    body: bytes = call.request.body
    return body.decode()


def signed(auth: Any) -> str:
    return str(auth(requests.Request("GET", URL).prepare()).headers["Authorization"])


def test_a_token_is_kept_and_renewed_in_time(mock: responses.RequestsMock, settings: Callable[..., ServiceNowSettings]) -> None:
    """A token is used for as long as it holds, and renewed a minute before it ends."""
    steady = Steady()
    tokens(mock, "one", "two")
    auth = signed_in("snow", settings(), steady.surroundings)
    assert signed(auth) == "Bearer one"
    steady.now = 1739.0
    assert signed(auth) == "Bearer one"
    steady.now = 1741.0
    assert signed(auth) == "Bearer two"
    assert parse_qs(sent(mock.calls[0])) == {
        "grant_type": ["client_credentials"],
        "client_id": ["c1"],
        "client_secret": ["s3cret"],
    }


def test_a_short_token_is_used_at_all(mock: responses.RequestsMock, settings: Callable[..., ServiceNowSettings]) -> None:
    """A token that lives for less than two minutes is not fetched anew for each request."""
    tokens(mock, "one", "two", expires_in=60)
    steady = Steady()
    auth = signed_in("snow", settings(), steady.surroundings)
    signed(auth)
    steady.now = 29.0
    assert signed(auth) == "Bearer one"


def test_a_refused_token_is_replaced_once(mock: responses.RequestsMock, settings: Callable[..., ServiceNowSettings]) -> None:
    """A token that the instance no longer takes is dropped and one is fetched, whoever of several requests notices."""
    tokens(mock, "one", "two", "three")
    auth = signed_in("snow", settings(), Steady().surroundings)
    signed(auth)
    assert auth.renewed()
    assert signed(auth) == "Bearer two"


def test_a_rotated_refresh_token_is_used(
    mock: responses.RequestsMock, settings: Callable[..., ServiceNowSettings], tmp_path: Path
) -> None:
    """An instance that gives another refresh token each time is asked with the newest."""
    (tmp_path / "refresh").write_text("r0")
    tokens(mock, "one", refresh_token="r1")
    tokens(mock, "two")
    auth = signed_in("snow", settings(kind="refresh_token", refresh_token=f"file:{tmp_path / 'refresh'}"), Steady().surroundings)
    signed(auth)
    auth.renewed()
    asked = [parse_qs(sent(call))["refresh_token"] for call in mock.calls]
    assert asked == [["r0"], ["r1"]]
    assert {"r0", "r1", "s3cret"} <= set(auth.hidden)


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "a wrong secret": ({"status": 401, "json": {"error": "server_error", "error_description": "access_denied s3cret"}}, "401"),
    "a grant that is off": ({"status": 400, "json": {"error": "unsupported_grant_type"}}, "unsupported_grant_type"),
    "no token in it": ({"json": {"scope": "useraccount"}}, "without a token"),
    "no endpoint": ({"status": 404, "json": {}}, "404"),
}


@pytest.mark.parametrize(("answer", "words"), REFUSALS.values(), ids=REFUSALS)
def test_a_token_that_is_refused(
    mock: responses.RequestsMock, settings: Callable[..., ServiceNowSettings], answer: dict[str, Any], words: str
) -> None:
    """What the token endpoint refuses is the administrator's matter, in its own words and without the secret."""
    mock.add(responses.POST, URL + TOKENS, headers=DATE, **answer)
    with pytest.raises(AskAdmin, match=words) as refusal:
        signed(signed_in("snow", settings(), Steady().surroundings))
    assert "s3cret" not in str(refusal.value)


def test_a_token_endpoint_that_is_down(mock: responses.RequestsMock, settings: Callable[..., ServiceNowSettings]) -> None:
    """Nothing was sent where no token could be had: the same may be tried later."""
    mock.add(responses.POST, URL + TOKENS, status=503, headers=DATE)
    with pytest.raises(TryLater):
        signed(signed_in("snow", settings(), Steady().surroundings))


def test_nothing_shows_a_credential(mock: responses.RequestsMock, settings: Callable[..., ServiceNowSettings]) -> None:
    """Neither repr nor str of what signs requests shows a secret."""
    tokens(mock, "one")
    auth = signed_in("snow", settings(), Steady().surroundings)
    assert isinstance(auth, Token)
    signed(auth)
    assert "one" not in repr(auth)
    assert "s3cret" not in repr(auth)


# --- sessions --------------------------------------------------------------------------------------------------------


def test_a_sessions_cookies_are_kept_and_dropped_in_doubt(site: Beside) -> None:
    """Requests of one worker stay in one session of the instance; after an answer that puts its node in doubt it is left."""
    seen: list[str] = []
    original = site.site.dispatch

    def watched(method: str, path: str, query: str, headers: Any, body: bytes) -> Answer:
        seen.append({name.lower(): value for name, value in headers.items()}.get("cookie", ""))
        return original(method, path, query, headers, body)

    site.site.dispatch = watched  # type: ignore[method-assign]
    site.hoist.identify()
    site.hoist.identify()
    kept = seen[-1]
    assert "JSESSIONID" in kept
    site.site.instead = lambda *_: Answer(503)
    with pytest.raises(TryLater):
        site.hoist.identify()
    site.site.instead = None
    seen.clear()
    site.hoist.identify()
    assert seen[0] == ""
