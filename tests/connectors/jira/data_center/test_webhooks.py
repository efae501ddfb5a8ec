"""hoist's webhook in Data Center: made, believed, removed; and what is said where Jira does not offer it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from connectors.errors import AskAdmin
from connectors.installing import Wish
from connectors.jira.installing import installer
from connectors.jira.webhook import Webhook
from connectors.sandboxes.deliveries import Outgoing
from tests.connectors.jira.data_center.calling import call
from tests.connectors.jira.data_center.test_connector import Desk

WISH = Wish("hoist", "https://hoist.example.com/hooks/jira-dc", "", "env:SECRET")


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as open_:
        yield Desk(open_, tmp_path)


def test_a_comment_is_told_of_twice_and_names_its_ticket(there: Desk) -> None:
    """hoist makes the webhook, believes its signed calls though nothing numbers them, and knows which ticket changed."""
    app = installer("jira-dc", there.settings())
    there.open.callback(app.close)
    (step,) = app.install(WISH).steps
    secret = step.do()
    assert not app.install(Wish(WISH.name, WISH.url, secret, WISH.kept)).steps
    told: list[Outgoing] = []
    there.site._site.webhooks.deliver = told.append
    ticket = there.site.issue_id("T2")
    there.say("anna", ticket, "Looking.")
    assert [json.loads(each.body)["webhookEvent"] for each in told] == ["jira:issue_updated", "comment_created"]
    for each in told:
        headers = {name.lower(): value for name, value in each.headers(0, 0).items()}
        assert "x-atlassian-webhook-identifier" not in headers
        delivery = Webhook([secret]).verify(headers, each.body)
        assert delivery.tickets == (ticket,)
    (step,) = app.remove(WISH).steps
    step.do()
    assert call(there.site, "hoist", "GET", "/jira/rest/webhooks/1.0/webhook") == []


def test_a_site_without_that_api_is_told_of_in_words(there: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Jira does not let a program make webhooks, hoist says how a person does, or that it polls."""
    monkeypatch.setattr(there.site, "_handlers", lambda _words, _api: ({}, []))
    app = installer("jira-dc", there.settings())
    there.open.callback(app.close)
    with pytest.raises(AskAdmin, match="make it by hand under System, WebHooks"):
        app.install(WISH)
