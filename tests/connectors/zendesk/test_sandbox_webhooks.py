"""Webhooks of the sandbox: made, signed, really delivered, tried again, read back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from connectors.sandboxes.answer import Answer
from connectors.sandboxes.server import serving
from connectors.zendesk.sandbox import Terms, ZendeskSandbox
from tests.connectors.sandbox_desk import HANDED, TAKEN, Clock, desk
from tests.connectors.zendesk.sandbox_caller import Caller

EVERYTHING = [
    f"zen:event-type:ticket.{kind}"
    for kind in ("created", "priority_changed", "status_changed", "group_assignment_changed", "comment_added", "tags_changed")
]
TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="


@dataclass
class Receiver:
    """Takes deliveries and answers with the statuses that were laid out, then 200."""

    answers: list[Answer] = field(default_factory=list)
    got: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    guard: threading.Lock = field(default_factory=threading.Lock)

    def take(self, _method: str, _path: str, _query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        with self.guard:
            self.got.append((headers, body))
            return self.answers.pop(0) if self.answers else Answer(200)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    def kinds(self) -> list[str]:
        return [event["type"].rpartition(".")[2] for event in self.events]


@contextmanager
def stage(*variants: str, **faults: float) -> Iterator[tuple[Caller, Receiver]]:
    """A sandbox that listens and a receiver of its webhooks."""
    receiver = Receiver()
    rates = {name.replace("_", "-"): rate for name, rate in faults.items()}
    terms = Terms(variants=frozenset(variants))
    sandbox = ZendeskSandbox(clock=Clock(), history=desk(TAKEN, HANDED), faults=rates, terms=terms)
    with serving(receiver.take, 0) as server, sandbox.serve():
        receiver.url = f"{server.url}/hook"
        yield Caller(sandbox), receiver


def subscribe(call: Caller, receiver: Receiver, *kinds: str, **more: object) -> str:
    """A new webhook for events; its id."""
    body = {"name": "hoist", "endpoint": receiver.url, "http_method": "POST", "request_format": "json", "status": "active"}
    made = call("POST", "webhooks", {"webhook": {**body, "subscriptions": list(kinds or EVERYTHING), **more}})
    assert call.last.status == 201
    return str(made["webhook"]["id"])


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    text = headers["x-zendesk-webhook-signature-timestamp"].encode() + body
    wanted = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(wanted, headers["x-zendesk-webhook-signature"])


def test_every_event_of_an_update_is_delivered_and_signed() -> None:
    """One update, one delivery for each kind that was subscribed to; its signature covers time and body."""
    with stage() as (call, receiver):
        id_ = subscribe(call, receiver)
        secret = call("GET", f"webhooks/{id_}/signing_secret")["signing_secret"]
        call.put(2, priority="urgent", additional_tags=["x"], subject="Other", comment={"body": "Hello", "public": False})
        assert call.sandbox.settle()
        assert sorted(receiver.kinds()) == ["comment_added", "priority_changed", "tags_changed"]
        assert secret["algorithm"] == "SHA256"
        assert all(is_signed(headers, body, secret["secret"]) for headers, body in receiver.got)
        (event,) = [each for each in receiver.events if each["type"].endswith("priority_changed")]
        assert event["event"]["current"] == "URGENT"
        assert event["event"]["previous"] == "NORMAL"
        assert event["subject"] == "zen:ticket:2"
        assert event["detail"]["actor_id"] == str(call.sandbox.user_id())
        assert event["detail"]["id"] == "2"
        assert len({each["event"]["meta"]["sequence"]["id"] for each in receiver.events}) == 1
        assert len({headers["x-zendesk-webhook-invocation-id"] for headers, _ in receiver.got}) == 3


def test_words_may_be_in_title_case() -> None:
    """Statuses and priorities come in either spelling."""
    with stage("title-case") as (call, receiver):
        subscribe(call, receiver, "zen:event-type:ticket.priority_changed")
        call.put(2, priority="high")
        assert call.sandbox.settle()
        assert receiver.events[0]["detail"]["priority"] == "High"


def test_what_people_do_is_delivered_too() -> None:
    """Comments tell whether their author is staff, and whether the requester reads them."""
    with stage() as (call, receiver):
        subscribe(call, receiver)
        call.sandbox.says("chloe", 2, "Any news?")
        assert call.sandbox.settle()
        comment = receiver.events[0]["event"]["comment"]
        assert (comment["body"], comment["is_public"], comment["author"]["is_staff"]) == ("Any news?", True, False)


def test_409_asks_for_a_redelivery_and_500_does_not() -> None:
    """The same invocation comes again after 409, at most three times, and never after 500."""
    with stage() as (call, receiver):
        id_ = subscribe(call, receiver, "zen:event-type:ticket.priority_changed")
        receiver.answers = [Answer(409), Answer(409)]
        call.put(2, priority="high")
        assert call.sandbox.settle()
        assert len(receiver.got) == 3
        assert len({headers["x-zendesk-webhook-invocation-id"] for headers, _ in receiver.got}) == 1
        receiver.answers = [Answer(409)] * 9
        call.put(2, priority="urgent")
        assert call.sandbox.settle()
        assert len(receiver.got) == 3 + 4
        receiver.answers = [Answer(500)]
        call.put(2, priority="low")
        assert call.sandbox.settle()
        assert len(receiver.got) == 7 + 1
        told = call("GET", f"webhooks/{id_}/invocations")["invocations"]
        assert [each["status"] for each in told] == ["failed", "failed", "success"]
        tries = call("GET", f"webhooks/{id_}/invocations/{told[2]['id']}/attempts")["attempts"]
        assert [each["status_code"] for each in tries] == [409, 409, 200]


def test_busy_receivers_are_tried_again_where_they_say_when() -> None:
    """429 and 503 are tried again after a short Retry-After, and dropped without one."""
    with stage() as (call, receiver):
        subscribe(call, receiver, "zen:event-type:ticket.priority_changed")
        receiver.answers = [Answer(503, {"Retry-After": "0"}), Answer(200), Answer(503)]
        call.put(2, priority="high")
        call.put(2, priority="urgent")
        assert call.sandbox.settle()
        assert len(receiver.got) == 3


def test_deliveries_come_twice_late_or_badly_signed() -> None:
    """Each of these has its fault; what is badly signed bears the public secret of test requests."""
    with stage(webhook_twice=1) as (call, receiver):
        subscribe(call, receiver, "zen:event-type:ticket.priority_changed")
        call.put(2, priority="high")
        assert call.sandbox.settle()
        first, second = receiver.got
        assert first[1] == second[1]
    with stage(webhook_late=1) as (call, receiver):
        subscribe(call, receiver, "zen:event-type:ticket.priority_changed")
        call.put(2, priority="high")
        call.put(2, priority="urgent")
        assert call.sandbox.settle()
        assert [each["event"]["current"] for each in receiver.events] == ["URGENT", "HIGH"]
    with stage(webhook_bad_signature=1) as (call, receiver):
        id_ = subscribe(call, receiver, "zen:event-type:ticket.priority_changed")
        secret = call("GET", f"webhooks/{id_}/signing_secret")["signing_secret"]["secret"]
        call.put(2, priority="high")
        assert call.sandbox.settle()
        assert not is_signed(*receiver.got[0], secret)
        assert is_signed(*receiver.got[0], TEST_SECRET)
    with stage(webhook_lost=1) as (call, receiver):
        id_ = subscribe(call, receiver, "zen:event-type:ticket.priority_changed")
        call.put(2, priority="high")
        assert call.sandbox.settle()
        assert receiver.got == []
        assert len(call("GET", f"webhooks/{id_}/invocations")["invocations"]) == 1


def test_a_trigger_tells_a_webhook_what_its_author_wrote() -> None:
    """Placeholders are filled in; the request shows the receiver the credential that the webhook has."""
    with stage() as (call, receiver):
        auth = {"type": "bearer_token", "add_position": "header", "data": {"token": "for-hoist"}}
        id_ = subscribe(call, receiver, "conditional_ticket_events", authentication=auth)
        assert "for-hoist" not in json.dumps(call("GET", f"webhooks/{id_}"))
        body = '{"ticket":"{{ticket.id}}","priority":"{{ticket.priority}}"}'
        trigger = {
            "title": "Tell hoist",
            "conditions": {"all": [{"field": "priority", "operator": "changed", "value": ""}]},
            "actions": [{"field": "notification_webhook", "value": [id_, body]}],
        }
        call("POST", "triggers", {"trigger": trigger})
        call.put(2, priority="urgent")
        call.put(2, subject="Nothing to tell")
        assert call.sandbox.settle()
        ((headers, sent),) = receiver.got
        assert json.loads(sent) == {"ticket": "2", "priority": "urgent"}
        assert headers["authorization"] == "Bearer for-hoist"
        call("DELETE", f"webhooks/{id_}")
        assert call.last.status == 400


def test_webhooks_are_listed_changed_and_removed() -> None:
    """A secret can be reset; the kind of a webhook can't be changed; what is gone is told nothing."""
    with stage() as (call, receiver):
        id_ = subscribe(call, receiver)
        assert [each["id"] for each in call("GET", "webhooks?filter[name_contains]=hoi")["webhooks"]] == [id_]
        before = call("GET", f"webhooks/{id_}/signing_secret")["signing_secret"]["secret"]
        after = call("POST", f"webhooks/{id_}/signing_secret")["signing_secret"]["secret"]
        assert before != after == call("GET", f"webhooks/{id_}/signing_secret")["signing_secret"]["secret"]
        call("PATCH", f"webhooks/{id_}", {"webhook": {"subscriptions": ["conditional_ticket_events"]}})
        assert call.last.status == 400
        call("PATCH", f"webhooks/{id_}", {"webhook": {"status": "inactive"}})
        assert call.last.status == 204
        call.put(2, priority="high")
        call("DELETE", f"webhooks/{id_}")
        call("GET", f"webhooks/{id_}")
        assert call.last.status == 404
        assert call.sandbox.settle()
        assert receiver.got == []


def test_an_endpoint_is_https_unless_on_loopback() -> None:
    """So are a name, a method and known subscriptions needed."""
    with stage() as (call, receiver):
        good = {"name": "x", "endpoint": receiver.url, "http_method": "POST", "request_format": "json"}
        for wrong in (
            {"endpoint": "http://example.com/hook"},
            {"name": ""},
            {"http_method": "FETCH"},
            {"request_format": "yaml"},
            {"subscriptions": ["ticket.created"]},
            {"subscriptions": ["conditional_ticket_events", EVERYTHING[0]]},
            {"subscriptions": EVERYTHING, "http_method": "GET"},
        ):
            call("POST", "webhooks", {"webhook": {**good, **wrong}})
            assert call.last.status == 400, wrong
