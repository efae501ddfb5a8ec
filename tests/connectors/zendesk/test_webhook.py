"""Signed calls from an account: only what it signed itself, just now and for the first time, counts, and only as a hint."""

from __future__ import annotations

import hmac
import json
import random
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.zendesk.webhook import LARGEST_BODY, REMEMBERED, TEST_SECRET, WINDOW, Hint, NotAHint, NotVerified, Webhook
from rules.instants import MINUTE, SECOND, written
from tests.connectors.sandbox_desk import START
from tests.connectors.zendesk.test_sandbox_webhooks import stage, subscribe

SECRET, FORMER = "a-signing-secret", "the-former-one"
NOW = 1_795_406_400_000
KIND = "zen:event-type:ticket.priority_changed"


def event(id_: str = "e1", subject: str = "zen:ticket:42", kind: str = KIND) -> bytes:
    detail = {"actor_id": "7", "priority": "HIGH", "subject": "VPN drops"}
    return json.dumps({"id": id_, "type": kind, "account_id": 1, "subject": subject, "detail": detail, "event": {}}).encode()


def signed(body: bytes, invocation: str = "i1", at: int = NOW, secret: str = SECRET, **more: str) -> dict[str, str]:
    stamp = written(at)
    made = b64encode(hmac.digest(secret.encode(), stamp.encode() + body, sha256)).decode()
    headers = {"X-Zendesk-Webhook-Signature": made, "X-Zendesk-Webhook-Signature-Timestamp": stamp}
    return headers | {"X-Zendesk-Webhook-Invocation-Id": invocation, "X-Zendesk-Account-Id": "1"} | more


def test_a_signed_event_is_a_hint() -> None:
    """What the account signed names the ticket and who acted, and no text of the ticket is kept."""
    assert Webhook([SECRET]).hint(signed(event()), event(), NOW) == Hint("e1", "42", KIND, "7")


def test_a_trigger_can_tell_as_well() -> None:
    """A webhook that a trigger calls names the ticket; its invocation stands for the event."""
    body = b'{"ticket_id": 42}'
    assert Webhook([SECRET]).hint(signed(body), body, NOW) == Hint("i1", "42")


def test_headers_in_any_case() -> None:
    """A proxy that writes header names in small letters changes nothing."""
    given = {name.lower(): value for name, value in signed(event()).items()}
    assert Webhook([SECRET]).hint(given, event(), NOW) is not None


def test_a_secret_can_be_changed_without_a_gap() -> None:
    """While a secret is changed, calls under the former one still count."""
    given = signed(event(), secret=FORMER)
    assert Webhook([SECRET, FORMER]).hint(given, event(), NOW) is not None
    with pytest.raises(NotVerified):
        Webhook([SECRET]).hint(given, event(), NOW)


@pytest.mark.parametrize("secrets", [(), ("",), (TEST_SECRET,), (SECRET, TEST_SECRET)])
def test_no_secret_and_the_published_one_are_refused(secrets: tuple[str, ...]) -> None:
    """The secret that Zendesk publishes for tests is nobody's, so no door opens with it."""
    with pytest.raises(ValueError, match="secret"):
        Webhook(secrets)


@given(st.integers(0, len(event()) - 1), st.integers(1, 255))
def test_a_changed_body_is_refused(place: int, by: int) -> None:
    """One byte changed on the way, whichever, and the call does not count."""
    body = event()
    changed = body[:place] + bytes([body[place] ^ by]) + body[place + 1 :]
    with pytest.raises(NotVerified):
        Webhook([SECRET]).hint(signed(body), changed, NOW)


@pytest.mark.parametrize("header", ["X-Zendesk-Webhook-Signature", "X-Zendesk-Webhook-Signature-Timestamp"])
@pytest.mark.parametrize("value", [None, "", "x\ny", "é", "2026-11-23T08:00:00Z"])
def test_a_changed_header_is_refused(header: str, value: str | None) -> None:
    """Neither the signature nor the time that it signs can be left out or replaced."""
    headers = signed(event()) | {header: value or ""}
    if value is None:
        del headers[header]
    with pytest.raises(NotVerified):
        Webhook([SECRET]).hint(headers, event(), NOW)


@pytest.mark.parametrize("ago", [WINDOW + SECOND, -WINDOW - SECOND])
def test_a_call_of_another_time_is_refused(ago: int) -> None:
    """A call that was recorded and is sent again later does not count."""
    with pytest.raises(NotVerified, match="five minutes"):
        Webhook([SECRET]).hint(signed(event(), at=NOW - ago), event(), NOW)


def test_another_account_is_refused() -> None:
    """A call of another account does not count, where the account is known."""
    with pytest.raises(NotVerified, match="another account"):
        Webhook([SECRET], "2").hint(signed(event()), event(), NOW)


def test_what_came_before_is_no_hint() -> None:
    """A delivery that is tried again counts once, and so does one event that two webhooks tell of."""
    door = Webhook([SECRET])
    assert door.hint(signed(event()), event(), NOW) is not None
    assert door.hint(signed(event()), event(), NOW + MINUTE) is None
    assert door.hint(signed(event(), invocation="i2"), event(), NOW + MINUTE) is None
    assert door.hint(signed(event("e2"), invocation="i3"), event("e2"), NOW + MINUTE) is not None


def test_it_is_known_for_a_week() -> None:
    """After a week an event is forgotten, so that memory does not grow for ever."""
    door = Webhook([SECRET])
    door.hint(signed(event()), event(), NOW)
    later = NOW + REMEMBERED + MINUTE
    assert door.hint(signed(event(), at=later), event(), later) is not None


def test_a_hint_that_could_not_be_kept_comes_again() -> None:
    """Where hoist could not store a hint, the delivery that Zendesk makes again counts as the first."""
    door = Webhook([SECRET])
    hint = door.hint(signed(event()), event(), NOW)
    assert hint is not None
    door.forget(hint, signed(event()))
    assert door.hint(signed(event()), event(), NOW + SECOND) == hint


def test_events_of_other_things_are_no_hints() -> None:
    """An event of a user is none of hoist's business."""
    body = event(subject="zen:user:7", kind="zen:event-type:user.role_changed")
    assert Webhook([SECRET]).hint(signed(body), body, NOW) is None


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"ticket_id": "0"}', b'{"ticket_id": "1; drop"}', event(subject="zen:ticket:x")]
)
def test_a_signed_call_without_a_ticket_is_said(body: bytes) -> None:
    """A call that the account signed and that names no ticket is told apart from a stranger's."""
    with pytest.raises(NotAHint):
        Webhook([SECRET]).hint(signed(body), body, NOW)


def test_a_large_body_is_not_read() -> None:
    """Nobody can make hoist hash without end."""
    body = b"x" * (LARGEST_BODY + 1)
    with pytest.raises(NotVerified):
        Webhook([SECRET]).hint(signed(body), body, NOW)


def test_a_storm_with_duplicates_and_strangers_counts_each_event_once() -> None:
    """Of two thousand calls, a fifth of them repeated and a tenth with bad signatures, each event is a hint exactly once."""
    chance, door = random.Random(6), Webhook([SECRET])
    calls: list[tuple[Mapping[str, str], bytes]] = []
    for number in range(2_000):
        body = event(f"e{number}", f"zen:ticket:{number % 50 + 1}")
        calls.append((signed(body, f"i{number}"), body))
        if chance.random() < 0.2:
            calls.append(calls[-1])
        if chance.random() < 0.1:
            calls.append((signed(body, f"s{number}", secret="a guess"), body))
    chance.shuffle(calls)
    hints, refused = [], 0
    for headers, body in calls:
        try:
            hints.append(door.hint(headers, body, NOW))
        except NotVerified:
            refused += 1
    assert sorted(hint.event for hint in hints if hint is not None) == sorted(f"e{number}" for number in range(2_000))
    assert refused == sum("s" in headers["X-Zendesk-Webhook-Invocation-Id"] for headers, _ in calls) > 100


def test_what_an_account_really_delivers_is_understood() -> None:
    """Deliveries of the sandbox, repeated and out of order, become one hint for each event, all of the ticket that changed."""
    with stage(webhook_twice=0.5, webhook_late=0.3) as (call, receiver):
        id_ = subscribe(call, receiver)
        secret = call("GET", f"webhooks/{id_}/signing_secret")["signing_secret"]["secret"]
        call.put(2, priority="urgent", additional_tags=["x"], comment={"body": "Hello", "public": False})
        call.sandbox.says("chloe", 2, "Any news?")
        assert call.sandbox.settle()
        door = Webhook([secret])
        hints = [door.hint(headers, body, START) for headers, body in receiver.got]
    assert {hint.ticket for hint in hints if hint is not None} == {"2"}
    assert len([hint for hint in hints if hint is not None]) == len({each["id"] for each in receiver.events}) >= 4
