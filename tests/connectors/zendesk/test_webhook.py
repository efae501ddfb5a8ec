"""Signed calls from an account: only what it signed itself counts, and only as a hint."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.webhooks import Delivery, NotAHint, NotVerified
from connectors.zendesk.webhook import TEST_SECRET, Webhook
from rules.instants import written

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
    headers |= {"X-Zendesk-Webhook-Invocation-Id": invocation, "X-Zendesk-Account-Id": "1"} | more
    return {name.lower(): value for name, value in headers.items()}


def test_a_signed_event_is_a_hint() -> None:
    """What the account signed names the ticket, the delivery and the event; no text of the ticket is kept."""
    assert Webhook([SECRET]).verify(signed(event()), event()) == Delivery(("invocation i1", "event e1"), ("42",), NOW)


def test_a_trigger_can_tell_as_well() -> None:
    """A webhook that a trigger calls names the ticket; its invocation stands for the event."""
    body = b'{"ticket_id": 42}'
    assert Webhook([SECRET]).verify(signed(body), body) == Delivery(("invocation i1",), ("42",), NOW)


def test_a_secret_can_be_changed_without_a_gap() -> None:
    """While a secret is changed, calls under the former one still count."""
    given = signed(event(), secret=FORMER)
    assert Webhook([SECRET, FORMER]).verify(given, event()).tickets == ("42",)
    with pytest.raises(NotVerified):
        Webhook([SECRET]).verify(given, event())


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
        Webhook([SECRET]).verify(signed(body), changed)


@pytest.mark.parametrize("header", ["X-Zendesk-Webhook-Signature", "X-Zendesk-Webhook-Signature-Timestamp"])
@pytest.mark.parametrize("value", [None, "", "x\ny", "é", "2026-11-23T08:00:00Z"])
def test_a_changed_header_is_refused(header: str, value: str | None) -> None:
    """Neither the signature nor the time that it signs can be left out or replaced."""
    headers = signed(event()) | {header.lower(): value or ""}
    if value is None:
        del headers[header.lower()]
    with pytest.raises(NotVerified):
        Webhook([SECRET]).verify(headers, event())


def test_events_of_other_things_are_no_hints() -> None:
    """An event of a user is none of hoist's business."""
    body = event(subject="zen:user:7", kind="zen:event-type:user.role_changed")
    assert Webhook([SECRET]).verify(signed(body), body).tickets == ()


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"ticket_id": "0"}', b'{"ticket_id": "1; drop"}', event(subject="zen:ticket:x")]
)
def test_a_signed_call_without_a_ticket_is_said(body: bytes) -> None:
    """A call that the account signed and that names no ticket is told apart from a stranger's."""
    with pytest.raises(NotAHint):
        Webhook([SECRET]).verify(signed(body), body)
