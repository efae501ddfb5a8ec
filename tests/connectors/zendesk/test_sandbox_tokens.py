"""Who may call the sandbox: API tokens until their end, OAuth tokens that expire and rotate, scopes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from connectors.zendesk.sandbox import Terms, ZendeskSandbox
from rules.instants import DAY, HOUR, SECOND, instant
from tests.connectors.sandbox_desk import Clock, desk
from tests.connectors.zendesk.sandbox_caller import Caller


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> ZendeskSandbox:
    return ZendeskSandbox(clock=clock, history=desk())


def token(sandbox: ZendeskSandbox, **more: object) -> tuple[int, dict[str, Any]]:
    """Status and answer of the token endpoint to the client."""
    known = sandbox.credentials()
    body = {"client_id": known["client_id"], "client_secret": known["client_secret"], **more}
    sent = json.dumps(body).encode()
    answer = sandbox.dispatch("POST", "/oauth/tokens", "", {"Content-Type": "application/json"}, sent)
    return answer.status, json.loads(answer.body)


def me(sandbox: ZendeskSandbox, headers: Mapping[str, str]) -> tuple[int, Any]:
    """Status, and whom the account takes a caller for."""
    call = Caller(sandbox, headers=headers)
    answer = call("GET", "users/me")
    return call.last.status, answer.get("user", {}).get("id")


def bearer(word: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {word}"}


def test_client_credentials_act_as_the_integrations_admin(sandbox: ZendeskSandbox) -> None:
    """The token is the service account's, and says when it expires and what it may."""
    status, given = token(sandbox, grant_type="client_credentials", scope="read write")
    assert (status, given["token_type"], given["expires_in"], given["scope"]) == (201, "bearer", 1800, "read write")
    assert "refresh_token" not in given
    assert me(sandbox, bearer(given["access_token"])) == (200, sandbox.user_id())


def test_the_token_endpoint_may_answer_200() -> None:
    """Documents say 201, clients have seen 200."""
    sandbox = ZendeskSandbox(clock=Clock(), history=desk(), terms=Terms(variants=frozenset({"oauth-200"})))
    assert token(sandbox, grant_type="client_credentials", scope="read")[0] == 200


def test_an_access_token_expires(sandbox: ZendeskSandbox, clock: Clock) -> None:
    """After its time it is invalid_token; how long it lives can be asked for, within limits."""
    _, given = token(sandbox, grant_type="client_credentials", scope="read", expires_in=300)
    clock.pass_(299 * SECOND)
    assert me(sandbox, bearer(given["access_token"]))[0] == 200
    clock.pass_(SECOND)
    call = Caller(sandbox, headers=bearer(given["access_token"]))
    assert call("GET", "tickets")["error"] == "invalid_token"
    assert call.last.status == 401
    for seconds in (299, 172_801, "soon"):
        assert token(sandbox, grant_type="client_credentials", scope="read", expires_in=seconds)[0] == 400


def test_a_refresh_ends_the_pair_that_it_replaces(sandbox: ZendeskSandbox) -> None:
    """Both old tokens are dead at once; who uses the old refresh token again is locked out."""
    access, refresh = sandbox.granted()
    status, given = token(sandbox, grant_type="refresh_token", refresh_token=refresh)
    assert status == 201
    assert given["refresh_token"] != refresh
    assert me(sandbox, bearer(access))[0] == 401
    assert me(sandbox, bearer(given["access_token"])) == (200, sandbox.user_id())
    status, answer = token(sandbox, grant_type="refresh_token", refresh_token=refresh)
    assert (status, answer["error"]) == (400, "invalid_grant")


def test_a_refresh_token_outlives_its_access_token(sandbox: ZendeskSandbox, clock: Clock) -> None:
    """A month by default; then a person has to allow it anew."""
    _, refresh = sandbox.granted()
    clock.pass_(HOUR)
    status, given = token(sandbox, grant_type="refresh_token", refresh_token=refresh)
    assert (status, given["refresh_token_expires_in"]) == (201, 30 * 24 * 3600)
    clock.pass_(30 * DAY)
    assert token(sandbox, grant_type="refresh_token", refresh_token=given["refresh_token"])[0] == 400


def test_a_wrong_client_is_refused(sandbox: ZendeskSandbox) -> None:
    """Neither a wrong secret nor an unknown grant opens anything."""
    status, answer = token(sandbox, grant_type="client_credentials", client_secret="wrong")
    assert (status, answer["error"]) == (401, "invalid_client")
    assert token(sandbox, grant_type="password", username="a", password="b")[0] == 400


def test_a_code_is_exchanged_once_within_two_minutes(sandbox: ZendeskSandbox, clock: Clock) -> None:
    """The authorization code grant, with a challenge that only its maker can meet."""
    verifier = "a-long-enough-code-verifier"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    client = sandbox.credentials()["client_id"]
    back = "http://127.0.0.1/back"
    asked = {"response_type": "code", "client_id": client, "redirect_uri": back, "state": "s", "code_challenge": challenge}

    def code() -> str:
        answer = sandbox.dispatch("GET", "/oauth/authorizations/new", urlencode(asked), {}, b"")
        told = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert (answer.status, told["state"]) == (302, ["s"])
        return told["code"][0]

    first = code()
    exchanged = {"grant_type": "authorization_code", "code": first, "redirect_uri": back, "code_verifier": verifier}
    status, given = token(sandbox, **exchanged)
    assert (status, "refresh_token" in given) == (201, True)
    assert token(sandbox, **exchanged)[0] == 400
    assert token(sandbox, **{**exchanged, "code": code(), "code_verifier": "another"})[0] == 400
    late = code()
    clock.pass_(121 * SECOND)
    assert token(sandbox, **{**exchanged, "code": late})[0] == 400


def test_scopes_limit_what_a_token_may(sandbox: ZendeskSandbox) -> None:
    """A token to read writes nothing, one for tickets sees no users, and a mistyped scope opens nothing."""

    def status(scope: str, method: str, path: str, body: object = None) -> int:
        _, given = token(sandbox, grant_type="client_credentials", scope=scope)
        assert given["scope"] == scope
        call = Caller(sandbox, headers=bearer(given["access_token"]))
        call(method, path, body)
        return call.last.status

    change = {"ticket": {"priority": "high"}}
    assert status("read", "GET", "tickets/1") == 200
    assert status("read", "PUT", "tickets/1", change) == 403
    assert status("tickets:read tickets:write", "PUT", "tickets/1", change) == 200
    assert status("tickets:read", "GET", "users") == 403
    assert status("raed", "GET", "tickets/1") == 403


def test_a_token_tells_its_scopes(sandbox: ZendeskSandbox) -> None:
    """oauth/tokens/current shows whose it is and until when."""
    access, _ = sandbox.granted()
    shown = Caller(sandbox, headers=bearer(access))("GET", "oauth/tokens/current")["token"]
    assert (shown["user_id"], shown["scopes"], shown["expires_at"]) == (
        sandbox.user_id(),
        ["read", "write"],
        "2026-11-23T08:30:00Z",
    )
    assert access not in json.dumps(shown)


def test_an_api_token_acts_as_the_user_of_the_address(sandbox: ZendeskSandbox) -> None:
    """One token serves every agent's address; a wrong one, one who left, and a password serve none."""
    assert Caller(sandbox)("GET", "users/me")["user"]["role"] == "admin"
    assert Caller(sandbox, "anna")("GET", "users/me")["user"]["id"] == sandbox.user_id("anna")
    given = sandbox.credentials()

    def status(user: str, word: str) -> int:
        return me(sandbox, {"Authorization": "Basic " + base64.b64encode(f"{user}:{word}".encode()).decode()})[0]

    assert status(f"{given['username']}/token", "wrong") == 401
    assert status(given["username"], given["token"]) == 401
    assert status(f"{sandbox.credentials('gone')['username']}/token", given["token"]) == 401


def test_api_tokens_end_on_30_april_2027() -> None:
    """Used or not, none opens the account from that day on."""
    end = instant(datetime.fromisoformat("2027-04-30T00:00:00+00:00"))
    clock = Clock(end - DAY)
    sandbox = ZendeskSandbox(clock=clock, history=desk())
    call = Caller(sandbox)
    call("GET", "tickets")
    assert call.last.status == 200
    clock.pass_(DAY)
    call("GET", "tickets")
    assert call.last.status == 401
    assert token(sandbox, grant_type="client_credentials", scope="read")[0] == 201


def test_an_api_token_that_idles_for_a_month_stops(sandbox: ZendeskSandbox, clock: Clock) -> None:
    """From July 2026 on the platform deactivates what nobody uses."""
    call = Caller(sandbox)
    clock.pass_(29 * DAY)
    call("GET", "tickets")
    assert call.last.status == 200
    clock.pass_(31 * DAY)
    call("GET", "tickets")
    assert call.last.status == 401


def test_nobody_is_an_anonymous_user(sandbox: ZendeskSandbox) -> None:
    """Without a credential users/me answers 200 with nobody; with a wrong one it may do so too, as a variant."""
    assert me(sandbox, {}) == (200, None)
    wrong = bearer("wrong")
    assert me(sandbox, wrong)[0] == 401
    other = ZendeskSandbox(clock=Clock(), history=desk(), terms=Terms(variants=frozenset({"anonymous-me"})))
    assert me(other, wrong) == (200, None)
    call = Caller(sandbox, headers={})
    assert call("GET", "tickets") == {"error": "Couldn't authenticate you"}
