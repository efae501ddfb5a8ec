"""Signing in: tokens are renewed by themselves, a refresh token is never lost or used twice, and no secret is repeated."""

from __future__ import annotations

import json
import multiprocessing
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import responses

from connectors.errors import AskAdmin, TryLater
from connectors.http import Surroundings
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.sandbox import ZendeskSandbox
from connectors.zendesk.settings import ZendeskSettings
from tests.agent.command_line import real_time
from tests.connectors.sandbox_desk import desk

URL = "https://example.zendesk.com"
DATE = {"Date": "Mon, 23 Nov 2026 08:00:00 GMT"}
ME = {"user": {"id": 7, "name": "hoist", "email": "hoist@example.com", "role": "admin"}}


@pytest.fixture
def site() -> Iterator[ZendeskSandbox]:
    sandbox = ZendeskSandbox(clock=real_time, history=replace(desk(), events=()), expires_seconds=300)
    with sandbox.serve():
        yield sandbox


def refreshing(site: ZendeskSandbox, folder: Path) -> dict[str, Any]:
    """Settings with a refresh token that a person has just fetched."""
    known = site.credentials()
    for name, value in (("secret", known["client_secret"]), ("first", site.granted()[1])):
        (folder / name).write_text(value)
    auth = {"kind": "oauth_refresh", "client_id": known["client_id"], "client_secret": f"file:{folder / 'secret'}"}
    auth |= {"refresh_token": f"file:{folder / 'first'}", "token_file": str(folder / "tokens.json")}
    return {"url": site.url, "auth": auth}


def connected(settings: dict[str, Any], now: list[float] | None = None) -> ZendeskConnector:
    """A connector whose time is the first of `now`: to sleep is to let it go on."""
    clock = [0.0] if now is None else now

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    surroundings = Surroundings(sleep=sleep, monotonic=lambda: clock[0])
    return ZendeskConnector("zen", ZendeskSettings.model_validate(settings), surroundings)


def renew_in_a_process(settings: dict[str, Any], times: int) -> None:
    """Sign in again and again, each time as if the access token had ended meanwhile.

    Each refresh ends the other process's access token at once. That may befall a request twice in a row, and is over with the
    next; that a refresh token is good no more would not be over.
    """
    now = [0.0]
    connector = connected(settings, now)
    for _ in range(times):
        now[0] += 10_000.0
        try:
            connector.identify()
        except AskAdmin as refusal:
            if "sign in again" in str(refusal):
                raise


def test_a_refresh_token_is_kept_before_it_is_used(site: ZendeskSandbox, tmp_path: Path) -> None:
    """Each refresh leaves the new pair on disk, readable by hoist's account alone, and a restart goes on with it."""
    settings = refreshing(site, tmp_path)
    kept = []
    for _ in range(3):
        now = [0.0]
        connector = connected(settings, now)
        connector.identify()
        now[0] += 10_000.0
        connector.identify()
        connector.close()
        kept.append(json.loads((tmp_path / "tokens.json").read_text())["refresh_token"])
    assert len(set(kept)) == 3
    assert stat.S_IMODE((tmp_path / "tokens.json").stat().st_mode) == 0o600


def test_processes_that_refresh_side_by_side_lock_nobody_out(site: ZendeskSandbox, tmp_path: Path) -> None:
    """Two processes that share a refresh token and renew it at once, again and again, go on working, both of them."""
    settings = refreshing(site, tmp_path)
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=renew_in_a_process, args=(settings, 10)) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(120)
    assert [each.exitcode for each in both] == [0, 0]
    connected(settings).identify()


def test_another_process_that_has_renewed_is_followed(site: ZendeskSandbox, tmp_path: Path) -> None:
    """Where another process has just renewed the token, it is taken from the file and not asked for again."""
    settings = refreshing(site, tmp_path)
    first = connected(settings)
    first.identify()
    before = (tmp_path / "tokens.json").read_text()
    second = connected(settings)
    second.identify()
    assert (tmp_path / "tokens.json").read_text() == before


def test_a_lost_refresh_token_is_said_with_its_cure(site: ZendeskSandbox, tmp_path: Path) -> None:
    """A refresh token that was used elsewhere is good no more: hoist says so, asks for a new one, and takes that one up."""
    settings = refreshing(site, tmp_path)
    connected(settings).identify()
    (tmp_path / "tokens.json").unlink()
    with pytest.raises(AskAdmin, match="sign in again") as refusal:
        connected(settings).identify()
    assert (tmp_path / "first").read_text() not in str(refusal.value)
    (tmp_path / "first").write_text(site.granted()[1])
    connected(settings).identify()


def test_an_unreadable_token_file_is_said(site: ZendeskSandbox, tmp_path: Path) -> None:
    """A file that holds no tokens is named, and left as it is."""
    settings = refreshing(site, tmp_path)
    (tmp_path / "tokens.json").write_text("{")
    with pytest.raises(AskAdmin, match=r"tokens\.json"):
        connected(settings).identify()
    assert (tmp_path / "tokens.json").read_text() == "{"


def recorded(monkeypatch: pytest.MonkeyPatch, now: list[float] | None = None) -> ZendeskConnector:
    monkeypatch.setenv("A_SECRET", "very-secret")
    named = {"kind": "oauth_client_credentials", "client_id": "hoist", "client_secret": "env:A_SECRET"}
    return connected({"url": URL, "auth": named}, now)


@responses.activate
def test_a_token_that_ends_early_is_renewed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An access token that the account no longer takes is renewed once, and the request goes through; then hoist stops."""
    endpoint = responses.post(f"{URL}/oauth/tokens", json={"access_token": "t1"}, headers=DATE, status=201)
    now, answers = [100.0], [401, 200, 401, 401]

    def me(_: object) -> tuple[int, dict[str, str], str]:
        now[0] += 10.0
        status = answers.pop(0)
        return status, DATE, json.dumps(ME if status == 200 else {"error": "invalid_token"})

    responses.add_callback("GET", f"{URL}/api/v2/users/me", me, content_type="application/json")
    connector = recorded(monkeypatch, now)
    connector.identify()
    assert len(endpoint.calls) == 2
    with pytest.raises(AskAdmin, match="the credential is wrong or has expired"):
        connector.identify()
    assert len(endpoint.calls) == 3
    assert not answers


@responses.activate
def test_client_credentials_ask_for_a_scope_and_compare_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped scope, which Zendesk takes without a word, is a problem that `hoist check` names."""
    told = {"access_token": "t1", "token_type": "bearer", "scope": "read", "expires_in": 1800}
    endpoint = responses.post(f"{URL}/oauth/tokens", json=told, headers=DATE, status=201)
    responses.get(f"{URL}/api/v2/users/me", json=ME, headers=DATE)
    responses.get(f"{URL}/api/v2/group_memberships/assignable", json={"group_memberships": []}, headers=DATE)
    connector = recorded(monkeypatch)
    connector.identify()
    assert json.loads(endpoint.calls[0].request.body or b"")["scope"] == "read write"
    (problem,) = connector.problems()
    assert "lacks the scope write" in problem


def test_a_scope_that_means_nothing_is_named_alone(site: ZendeskSandbox, tmp_path: Path) -> None:
    """Zendesk gives a token just the scope that was mistyped: what follows from it is no problem of its own."""
    known = site.credentials()
    (tmp_path / "secret").write_text(known["client_secret"])
    auth = {"kind": "oauth_client_credentials", "client_id": known["client_id"], "client_secret": f"file:{tmp_path / 'secret'}"}
    connector = connected({"url": site.url, "auth": auth | {"scope": "raed write"}, "fields": {"cause": 1}})
    connector.identify()
    (problem,) = connector.problems()
    assert "lacks the scope read" in problem


@responses.activate
def test_an_anonymous_answer_is_no_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that answers a wrong credential with an anonymous user is not taken at its word."""
    responses.post(f"{URL}/oauth/tokens", json={"access_token": "t1"}, headers=DATE, status=201)
    nobody = {"user": {"id": None, "name": "Anonymous user", "role": "end-user"}}
    responses.get(f"{URL}/api/v2/users/me", json=nobody, headers=DATE)
    with pytest.raises(AskAdmin, match="an anonymous user"):
        recorded(monkeypatch).identify()


@responses.activate
def test_a_collision_at_the_token_endpoint_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 409 inside the account says nothing of the credential: hoist comes back later."""
    responses.post(f"{URL}/oauth/tokens", json={"error": "DatabaseConflict"}, headers=DATE, status=409)
    with pytest.raises(TryLater, match="then try again"):
        recorded(monkeypatch).identify()


@responses.activate
def test_a_refusal_repeats_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the token endpoint repeats of a request, the secret is in no message."""
    told = {"error": "invalid_client", "error_description": "client very-secret is unknown"}
    responses.post(f"{URL}/oauth/tokens", json=told, headers=DATE, status=401)
    with pytest.raises(AskAdmin) as refusal:
        recorded(monkeypatch).identify()
    assert "very-secret" not in str(refusal.value)
    assert "very-secret" not in repr(refusal.value.__cause__)


@pytest.mark.parametrize(
    "url", ["http://example.zendesk.com", "https://user:pass@example.zendesk.com", "example.zendesk.com", "https://x.com/api/v2"]
)
def test_an_address_that_can_not_be_right_is_refused(url: str) -> None:
    """A credential goes over https alone, to an address without credentials and without a path."""
    auth = {"kind": "api_token", "email": "hoist@example.com", "token": "env:A_SECRET"}
    with pytest.raises(ValueError, match=r"address|https|auth"):
        ZendeskSettings.model_validate({"url": url, "auth": auth})
