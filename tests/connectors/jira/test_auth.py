"""Signing in to Jira Cloud: as a service account, as an app of OAuth 2.0 (3LO), with an API token; and what each may do."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from pydantic import ValidationError

from connectors.errors import AskAdmin
from connectors.http import Surroundings
from connectors.jira.connector import JiraConnector
from connectors.jira.sandbox import JiraSandbox
from connectors.jira.settings import JiraSettings
from rules.instants import HOUR, MINUTE, SECOND
from tests.connectors.jira.recorded import HOIST, NOW, TEAM, URL, dated, edit, settings, user
from tests.connectors.sandbox_desk import desk

GATEWAY = "https://api.atlassian.com"
SITE = f"{GATEWAY}/ex/jira/1324a887-45db-1bf4-1e99-ef0ff456d421"


class Site:
    """A sandbox on a clock of its own, and connectors that sign in to it by OAuth."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.now, self.folder = NOW, folder
        self.sandbox = JiraSandbox(clock=lambda: self.now, history=desk(), **more)

    def settings(self, **auth: object) -> JiraSettings:
        client = self.sandbox.client()
        (self.folder / "secret").write_text(client["client_secret"])
        named = {"client_id": client["client_id"], "client_secret": f"file:{self.folder / 'secret'}"}
        given = {"kind": "oauth_client_credentials", **named, "token_url": client["token_url"], **auth}
        return JiraSettings.model_validate({"url": client["url"], "auth": given, **self.sandbox.source_settings()})

    def refreshing(self) -> JiraSettings:
        """Settings with the refresh token that a person has just fetched."""
        (self.folder / "first").write_text(self.sandbox.granted())
        files = {"refresh_token": f"file:{self.folder / 'first'}", "token_file": str(self.folder / "tokens.json")}
        return self.settings(kind="oauth_refresh", **files)

    def kept(self) -> str:
        return str(json.loads((self.folder / "tokens.json").read_text())["refresh_token"])

    def connector(self, given: JiraSettings) -> JiraConnector:
        def sleep(seconds: float) -> None:
            self.now += int(seconds * SECOND)

        def wall() -> float:
            return self.now / SECOND

        return JiraConnector("jira", given, Surroundings(sleep=sleep, monotonic=wall, wall=wall))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    with made.sandbox.serve():
        yield made


def test_a_service_account_reads_and_writes_at_the_gateway(site: Site) -> None:
    """With client credentials alone hoist signs in, finds nothing to mend, reads, and writes; after the hour it goes on."""
    hoist = site.connector(site.settings())
    assert hoist.identify().instance == site.sandbox.url
    assert hoist.problems() == []
    site.now += 2 * HOUR
    (ticket, *_) = [ticket for page in hoist.changed(None, _Nothing()) for ticket in page.tickets]
    assert ticket.url.startswith(site.sandbox.url)
    operation = edit(ticket=ticket.ref.id, labels=("hoist-tier-2",), at=site.now)
    hoist.write(operation)
    assert hoist.verify(operation).found is True


class _Nothing:
    def unchanged(self, _: object) -> list[str]:
        return []

    def mirrored(self, _: object) -> list[str]:
        return []


def test_a_refresh_token_is_kept_before_it_is_used(site: Site) -> None:
    """Each hour's new pair is on disk, readable by hoist's account alone, and a restart goes on with it."""
    given, kept = site.refreshing(), []
    for _ in range(3):
        hoist = site.connector(given)
        hoist.identify()
        hoist.close()
        kept.append(site.kept())
        site.now += 2 * HOUR
    assert len(set(kept)) == 3
    assert stat.S_IMODE((site.folder / "tokens.json").stat().st_mode) == 0o600


def test_an_answer_of_the_token_endpoint_that_was_lost_is_asked_for_again(site: Site) -> None:
    """Where the file was not written before a crash, the former refresh token serves for ten minutes, and no longer."""
    given = site.refreshing()
    site.connector(given).identify()
    before = (site.folder / "tokens.json").read_text()
    site.now += 2 * HOUR
    site.connector(given).identify()
    (site.folder / "tokens.json").write_text(before)
    site.now += 5 * MINUTE
    site.connector(given).identify()
    (site.folder / "tokens.json").write_text(before)
    site.now += 2 * HOUR
    with pytest.raises(AskAdmin, match="was not used for 90 days, is good no more: sign in again") as refusal:
        site.connector(given).identify()
    assert json.loads(before)["refresh_token"] not in str(refusal.value)


def test_a_missing_scope_is_named(tmp_path: Path) -> None:
    """A token without the scope to write is a problem that `hoist check` names, with its effect."""
    made = Site(tmp_path, scopes=("read:jira-user", "read:jira-work"))
    with made.sandbox.serve():
        hoist = made.connector(made.settings())
        hoist.identify()
        (problem,) = hoist.problems()
        assert "lacks the scope write:jira-work: it can change nothing; add it" in problem
        with pytest.raises(AskAdmin, match="scope does not match; the token lacks a scope, hoist needs read:jira-user"):
            hoist.write(edit(ticket="10001", labels=("hoist-tier-2",), at=made.now))


def test_a_missing_scope_of_an_api_token_is_named(tmp_path: Path) -> None:
    """The scopes of an API token can't be asked for: the first call that needs one says so in words."""
    made = Site(tmp_path, scopes=("read:jira-work",))
    with made.sandbox.serve():
        known = made.sandbox.credentials()
        (tmp_path / "token").write_text(known["token"])
        more = {"username": known["username"], "token": f"file:{tmp_path / 'token'}", **made.sandbox.source_settings()}
        given = JiraSettings.model_validate({"url": made.sandbox.client()["url"], **more})
        with pytest.raises(AskAdmin, match="the token lacks a scope, hoist needs read:jira-user"):
            made.connector(given).identify()


def test_a_site_that_the_token_is_not_good_for_is_said_with_the_others(site: Site) -> None:
    """A wrong cloud id is answered with those of the sites that the token is good for."""
    given = site.settings()
    wrong = given.model_copy(update={"url": given.url.rpartition("/")[0] + "/another"})
    with pytest.raises(AskAdmin) as refusal:
        site.connector(wrong).identify()
    assert given.url in str(refusal.value)
    assert "correct `url`" in str(refusal.value)


def test_a_wrong_secret_is_said_and_not_repeated(site: Site) -> None:
    """A client secret that is wrong stops hoist with where it is kept; the message never holds it."""
    given = site.settings()
    (site.folder / "secret").write_text("not-the-secret")
    with pytest.raises(AskAdmin, match="client_secret") as refusal:
        site.connector(given).identify()
    assert "not-the-secret" not in str(refusal.value)


@responses.activate
def test_an_anonymous_answer_is_no_sign_in_with_any_credential(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A gateway or site that answers 200 to nobody in particular is not taken at its word, however hoist signs in."""
    monkeypatch.setenv("HOIST_TEST_TOKEN", "s3cret-token")
    told = {"access_token": "t1", "refresh_token": "r2", "expires_in": 3600, "scope": "read:jira-work"}
    responses.post("https://auth.atlassian.com/oauth/token", json=told, headers=dated(NOW))
    client = {"client_id": "hoist", "client_secret": "env:HOIST_TEST_TOKEN"}
    refresh = {"refresh_token": "env:HOIST_TEST_TOKEN", "token_file": str(tmp_path / "tokens.json")}
    for url, auth in (
        (URL, None),
        (SITE, {"kind": "oauth_client_credentials", **client}),
        (SITE, {"kind": "oauth_refresh", **client, **refresh}),
    ):
        responses.get(f"{url}/rest/api/3/myself", json={"displayName": "Anonymous"}, headers=dated(NOW))
        hoist = JiraConnector("jira", settings(url) if auth is None else by_oauth(auth), Surroundings(sleep=lambda _: None))
        with pytest.raises(AskAdmin, match="anonymous visitor; renew"):
            hoist.identify()


def by_oauth(auth: dict[str, str]) -> JiraSettings:
    given = {"url": SITE, "auth": auth, "projects": ["ITSM"], "tier_field": {"kind": "select", "field": TEAM}}
    return JiraSettings.model_validate(given)


@responses.activate
def test_granular_scopes_are_left_to_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token with granular scopes is not said to lack the classic ones."""
    monkeypatch.setenv("HOIST_TEST_TOKEN", "s3cret-token")
    told = {"access_token": "t1", "expires_in": 3600, "scope": "read:issue:jira write:issue:jira"}
    responses.post("https://auth.atlassian.com/oauth/token", json=told, headers=dated(NOW))
    responses.get(f"{GATEWAY}/oauth/token/accessible-resources", json={"code": 403}, status=403, headers=dated(NOW))
    responses.get(f"{SITE}/rest/api/3/myself", json=user(HOIST, "app"), headers=dated(NOW))
    responses.get(f"{SITE}/rest/api/3/serverInfo", json={"baseUrl": URL, "deploymentType": "Cloud"}, headers=dated(NOW))
    responses.get(f"{SITE}/rest/api/3/status", json=[], headers=dated(NOW))
    responses.get(f"{SITE}/rest/api/3/project/ITSM", status=404, json={}, headers=dated(NOW))
    auth = {"kind": "oauth_client_credentials", "client_id": "hoist", "client_secret": "env:HOIST_TEST_TOKEN"}
    given = by_oauth(auth).model_copy(update={"tier_field": settings().tier_field.model_copy(update={"kind": "assignee"})})
    hoist = JiraConnector("jira", given, Surroundings(sleep=lambda _: None))
    hoist.identify()
    assert not any("scope" in problem for problem in hoist.problems())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "say how hoist signs in"),
        ({"username": "hoist@example.com"}, "say how hoist signs in"),
        ({"username": "a@b.c", "token": "env:T", "auth": True}, "name one of the two"),
        ({"auth": True, "url": URL}, "tenant_info tells the CLOUD-ID"),
    ],
)
def test_a_credential_is_named_once_and_where_it_is_taken(given: dict[str, Any], said: str) -> None:
    """Settings with no credential, with two, or with an OAuth one for the site's own address are refused in words."""
    auth = {"kind": "oauth_client_credentials", "client_id": "hoist", "client_secret": "env:T"}
    whole = {"url": SITE, "projects": ["ITSM"], "tier_field": {"kind": "assignee"}, **given}
    if given.get("auth"):
        whole["auth"] = auth
    with pytest.raises(ValidationError, match=said):
        JiraSettings.model_validate(whole)
