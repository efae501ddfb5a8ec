"""Webhooks of the sandbox: made by an administrator, signed, really delivered, tried again, and understood by hoist."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.jira.sandbox import JiraSandbox
from connectors.jira.webhook import Webhook
from connectors.sandboxes.answer import Answer
from connectors.sandboxes.server import serving
from connectors.webhooks import NotVerified
from tests.connectors.jira.sandbox_caller import Caller
from tests.connectors.sandbox_desk import HANDED, TAKEN, Clock, desk

SECRET = "a secret of thirty-two characters"
EVENTS = ["jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "comment_created", "comment_deleted"]


@dataclass
class Receiver:
    """Takes deliveries and answers with the statuses that were laid out, then 204."""

    answers: list[int] = field(default_factory=list)
    got: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def take(self, _method: str, _path: str, _query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        with self.guard:
            self.got.append((headers, body))
            return Answer(self.answers.pop(0) if self.answers else 204)

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@dataclass
class Stage:
    call: Caller
    receiver: Receiver
    url: str

    def make(self, **more: object) -> dict[str, Any]:
        given = {"name": "hoist", "url": self.url, "events": EVENTS, "secret": SECRET, **more}
        made: dict[str, Any] = self.call("POST", "/rest/webhooks/1.0/webhook", given)
        return made


@contextmanager
def stage(**faults: float) -> Iterator[Stage]:
    receiver = Receiver()
    rates = {name.replace("_", "-"): rate for name, rate in faults.items()}
    sandbox = JiraSandbox(clock=Clock(), history=desk(TAKEN, HANDED), faults=rates)
    with serving(receiver.take, 0) as server, sandbox.serve():
        yield Stage(Caller(sandbox), receiver, f"{server.url}/hook")


@pytest.fixture
def it() -> Iterator[Stage]:
    with stage() as made:
        yield made


def changed(it: Stage) -> str:
    """An issue is changed and commented on; its id."""
    id_ = it.call.sandbox.issue_id("T1")
    it.call("PUT", f"issue/{id_}", {"fields": {"summary": "Other"}})
    it.call("POST", f"/rest/api/2/issue/{id_}/comment", {"body": "Hello"})
    assert it.call.sandbox.settle()
    return id_


def test_every_event_is_delivered_and_signed(it: Stage) -> None:
    """A change and a comment are one delivery each; the signature covers the body, the secret is never shown."""
    made = it.make()
    assert made["isSigned"]
    assert SECRET not in json.dumps(it.call("GET", "/rest/webhooks/1.0/webhook"))
    id_ = changed(it)
    assert [each["webhookEvent"] for each in it.receiver.told] == ["jira:issue_updated", "comment_created"]
    updated, commented = it.receiver.told
    assert updated["issue"]["id"] == id_
    assert updated["changelog"]["items"][0]["toString"] == "Other"
    assert isinstance(commented["comment"]["body"], str)
    for headers, body in it.receiver.got:
        wanted = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["x-hub-signature"] == f"sha256={wanted}"
    assert len({headers["x-atlassian-webhook-identifier"] for headers, _ in it.receiver.got}) == 2


def test_what_could_not_be_taken_comes_again_under_the_same_name(it: Stage) -> None:
    """503 is tried again with its number, 401 is not."""
    it.make(events=["jira:issue_updated"])
    it.receiver.answers[:] = [503, 429]
    changed(it)
    assert [headers.get("x-atlassian-webhook-retry") for headers, _ in it.receiver.got] == [None, "1", "2"]
    assert len({headers["x-atlassian-webhook-identifier"] for headers, _ in it.receiver.got}) == 1
    it.receiver.got.clear()
    it.receiver.answers[:] = [401]
    it.call("PUT", f"issue/{it.call.sandbox.issue_id('T2')}", {"fields": {"summary": "Other"}})
    assert it.call.sandbox.settle()
    assert len(it.receiver.got) == 1


def test_a_filter_keeps_other_projects_away(it: Stage) -> None:
    """A webhook is told of the issues that its JQL finds, and of no others; a query that is none is refused."""
    it.make(filters={"issue-related-events-section": "project = OPS"})
    changed(it)
    assert it.receiver.got == []
    it.make(filters={"issue-related-events-section": "nonsense ="})
    assert it.call.last.status == 400


def test_a_webhook_is_changed_and_removed(it: Stage) -> None:
    """One that is switched off or removed is told nothing; what a change leaves out stays, the secret too."""
    number = it.make()["self"].rpartition("/")[2]
    assert it.call("PUT", f"/rest/webhooks/1.0/webhook/{number}", {"enabled": False})["isSigned"]
    changed(it)
    assert it.receiver.got == []
    it.call("DELETE", f"/rest/webhooks/1.0/webhook/{number}")
    assert it.call("GET", "/rest/webhooks/1.0/webhook") == []


def test_what_a_site_really_delivers_is_understood() -> None:
    """Deliveries that come twice and out of order, some signed by others: hoist's verifier believes the site's alone."""
    with stage(webhook_twice=0.5, webhook_late=0.3, webhook_bad_signature=0.3) as it:
        it.make()
        ids = {it.call.sandbox.issue_id(f"T{number}") for number in (1, 2, 3)}
        for id_ in ids:
            for word in ("one", "two", "three"):
                it.call("PUT", f"issue/{id_}", {"fields": {"summary": word}})
        assert it.call.sandbox.settle()
        verifier, names, refused = Webhook([SECRET]), [], 0
        for headers, body in it.receiver.got:
            try:
                names.append(verifier.verify(headers, body).names)
            except NotVerified:
                refused += 1
    assert 0 < refused < len(it.receiver.got)
    assert len(set(names)) < len(names) <= len(it.receiver.got) - refused
