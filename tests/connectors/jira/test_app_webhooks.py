"""The webhooks of an app of OAuth 2.0: put in, kept alive, believed, taken out; and what the command line makes of an app."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import AskAdmin
from connectors.http import Surroundings
from connectors.installing import Wish
from connectors.jira.connector import JiraConnector
from connectors.jira.installing import installer
from connectors.jira.sandbox import Answer, JiraSandbox
from connectors.jira.settings import JiraSettings
from connectors.jira.webhook import Webhook
from connectors.webhooks import NotVerified
from rules.instants import DAY, MINUTE, SECOND, Instant
from tests.agent.command_line import hoist, real_time, small_desk
from tests.connectors.jira.recorded import Ledger
from tests.connectors.jira.sandbox_caller import by_app
from tests.connectors.sandbox_desk import START, TAKEN, desk

URL = "https://hoist.example.com/it/hooks/desk"
SECRET = "a-client-secret-of-an-app"
BODY = json.dumps({"timestamp": START, "webhookEvent": "jira:issue_updated", "issue": {"id": "10001"}}).encode()


class Counted(JiraSandbox):
    """A site that counts what is asked of an app's webhooks."""

    refreshed = 0

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.refreshed += path.endswith("/webhook/refresh")
        return super().dispatch(method, path, query, headers, body)


class Place:
    """A site with an app, and hoist's settings for it."""

    def __init__(self, folder: Path) -> None:
        self.now: Instant = START + 5 * MINUTE
        self.site = Counted(clock=lambda: self.now, history=desk(TAKEN))
        self.folder = folder

    @property
    def settings(self) -> JiraSettings:
        return JiraSettings.model_validate(by_app(self.site, self.folder))

    def connector(self) -> JiraConnector:
        surroundings = Surroundings(sleep=lambda _: None, monotonic=lambda: self.now / SECOND, wall=lambda: self.now / SECOND)
        return JiraConnector("desk", self.settings, surroundings)

    def ends(self) -> list[Instant]:
        return [each.ends for each in self.site._site.webhooks.by_id.values() if each.ends is not None]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    with made.site.serve():
        yield made


def wish(place: Place, *, known: bool = True) -> Wish:
    return Wish(
        "hoist (desk)", URL, place.settings.auth.client_secret.reveal() if known and place.settings.auth else "", "file:x"
    )


def test_an_apps_webhook_is_made_once_and_taken_out_again(place: Place) -> None:
    """What would be done is said first; done twice there is nothing left; one that tells of other projects is replaced."""
    app = installer("desk", place.settings)
    (step,) = app.install(wish(place)).steps
    assert (place.ends(), "make a webhook of the app" in step.said) == ([], True)
    assert step.do() == ""
    assert place.ends() == [place.now + 30 * DAY]
    assert not app.install(wish(place)).steps
    more = place.settings.model_copy(update={"projects": ("IT", "OPS")})
    for each in installer("desk", more).install(wish(place)).steps:
        each.do()
    (webhook,) = place.site._site.webhooks.by_id.values()
    assert webhook.given["jqlFilter"] == "project in (IT, OPS)"
    for each in installer("desk", more).remove(wish(place)).steps:
        each.do()
    assert place.ends() == []


def test_a_webhook_that_calls_elsewhere_is_replaced(place: Place) -> None:
    """After hoist has moved to another address its former webhook goes, and another app's or source's stays."""
    app = installer("desk", place.settings)
    other = place.settings.model_copy(update={"projects": ("OPS",)})
    former = replace(wish(place), url="https://former.example.com/hooks/desk")
    for plan in (app.install(former), installer("ops", other).install(replace(former, url="https://x.example/hooks/ops"))):
        for step in plan.steps:
            step.do()
    assert [step.said.partition(",")[0] for step in app.install(wish(place)).steps] == [
        "remove the webhook 1",
        "make a webhook of the app",
    ]
    for step in app.install(wish(place)).steps:
        step.do()
    assert [each.given["url"] for each in place.site._site.webhooks.by_id.values()] == ["https://x.example/hooks/ops", URL]


def test_the_secret_that_jira_signs_with_is_named(place: Place) -> None:
    """Where hoist.yaml names another secret for the calls than the app's own, what to write there is said."""
    app = installer("desk", place.settings)
    assert app.install(wish(place)).by_hand == ""
    said = app.install(wish(place, known=False)).by_hand
    assert f"webhook: {{secret: file:{place.folder / 'secret'}}}" in said


def test_a_webhook_is_refreshed_once_a_week(place: Place) -> None:
    """As long as hoist polls, an app's webhook never ends, and it is refreshed no more often than needed."""
    for step in installer("desk", place.settings).install(wish(place)).steps:
        step.do()
    hoist_, cursor = place.connector(), None
    for _ in range(60):
        for page in hoist_.changed(cursor, Ledger()):
            cursor = page.cursor
        assert all(ends > place.now + 20 * DAY for ends in place.ends())
        place.now += DAY + MINUTE
    assert 6 <= place.site.refreshed <= 9


def test_whoever_is_no_app_makes_no_such_webhook(tmp_path: Path) -> None:
    """An app without the scope for webhooks is told so when it installs, and polls as ever."""
    made = Place(tmp_path)
    made.site = Counted(
        clock=lambda: made.now, history=desk(TAKEN), scopes=("read:jira-user", "read:jira-work", "write:jira-work")
    )
    with made.site.serve():
        with pytest.raises(AskAdmin, match="scope does not match"):
            installer("desk", made.settings).install(wish(made))
        assert list(made.connector().changed(None, Ledger()))
        assert made.site.refreshed == 0


def token(secret: str, claims: Mapping[str, object] | None = None, head: Mapping[str, object] | None = None) -> str:
    parts = (head or {"alg": "HS256", "typ": "JWT"}, claims or {"iss": "jira"})
    signed = ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in parts)
    digest = hmac.digest(secret.encode(), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def test_a_call_of_an_app_is_believed_by_its_token() -> None:
    """A token under the client secret lets a call in; one under another secret, or that claims to need no signature, does not."""
    door = Webhook([SECRET])
    assert door.verify({"authorization": f"Bearer {token(SECRET)}"}, BODY).tickets == ("10001",)
    unsigned = token(SECRET, head={"alg": "none"}).rpartition(".")[0] + "."
    for wrong in (token("another-secret-of-an-app"), unsigned):
        with pytest.raises(NotVerified):
            door.verify({"authorization": f"Bearer {wrong}"}, BODY)
    with pytest.raises(NotVerified):  # a signature that is there has to be right, whatever else comes with it
        door.verify({"authorization": f"Bearer {token(SECRET)}", "x-hub-signature": "sha256=00"}, BODY)


@given(st.text(max_size=200), st.binary(max_size=60))
def test_no_other_text_is_taken_for_a_token(text: str, body: bytes) -> None:
    """Whatever stands where a token should, nothing breaks and nothing is believed."""
    for given_ in (text, f"Bearer {text}", f"Bearer {text}.{text}.{text}"):
        with pytest.raises(NotVerified):
            Webhook([SECRET]).verify({"authorization": given_}, body)


def test_an_app_is_checked_and_installed_from_the_command_line(tmp_path: Path) -> None:
    """`hoist install` and `hoist check` take a source with OAuth as any other, and repeat none of its secrets."""
    site = JiraSandbox(
        clock=real_time, history=small_desk(real_time()), scopes=("read:jira-user", "read:jira-work", "manage:jira-webhook")
    )
    with site.serve():
        given_ = {"platform": "jira", **by_app(site, tmp_path), "webhook": {"secret": f"file:{tmp_path / 'secret'}"}}
        hooks = {"listen": "127.0.0.1:0", "public_url": "https://hoist.example.com/it"}
        (tmp_path / "hoist.yaml").write_text(json.dumps({"sources": {"desk": given_}, "hooks": hooks}))
        config = ("--config", tmp_path / "hoist.yaml")
        assert "to do: make a webhook of the app" in hoist("install", "desk", *config).words
        assert hoist("install", "desk", "--yes", *config).code == 0
        assert hoist("install", "desk", "--json", *config).json["steps"] == []
        said = hoist("check", *config)
        assert "lacks the scope write:jira-work" in said.words
        for secret in ("secret", "first"):
            assert (tmp_path / secret).read_text() not in said.out + said.err
        assert hoist("install", "desk", "--remove", "--yes", *config).code == 0
        assert not site._site.webhooks.by_id
