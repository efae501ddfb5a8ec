"""Signed calls from the instance: only what it signed itself counts, and only as a hint."""

import hmac
import json
from base64 import b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.servicenow.webhook import Webhook
from connectors.webhooks import Delivery, NotAHint, NotVerified
from rules.instants import SECOND

KEY, FORMER = b64encode(b"k" * 32).decode(), b64encode(b"f" * 32).decode()
NOW = 1_795_406_400_000
TICKET = "0f" * 16
BODY = json.dumps({"table": "incident", "sys_id": TICKET, "sys_mod_count": 7, "changed": ["state"]}).encode()


def signed(body: bytes = BODY, event: str = "e1", at: int = NOW, key: bytes = b"k" * 32) -> dict[str, str]:
    stamp = str(at // SECOND)
    made = hmac.digest(key, f"{stamp}.{event}.".encode() + body, sha256)
    return {"x-hoist-event": event, "x-hoist-timestamp": stamp, "x-hoist-signature": b64encode(made).decode()}


def door(*keys: str) -> Webhook:
    return Webhook(keys or (KEY,), ("incident",))


def test_a_signed_call_is_a_hint() -> None:
    """What the instance signed names the ticket that changed, and nothing else of it is kept."""
    assert door().verify(signed(), BODY) == Delivery(("e1",), (TICKET,), NOW)


def test_a_key_can_be_changed_without_a_gap() -> None:
    """While a key is changed, calls under the former one still count."""
    both = door(KEY, FORMER)
    assert both.verify(signed(key=b"f" * 32), BODY).tickets == (TICKET,)
    with pytest.raises(NotVerified):
        door(KEY).verify(signed(key=b"f" * 32), BODY)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_changed_body_is_refused(place: int, by: int) -> None:
    """One byte changed on the way, whichever, and the call does not count."""
    changed = BODY[:place] + bytes([BODY[place] ^ by]) + BODY[place + 1 :]
    with pytest.raises(NotVerified):
        door().verify(signed(), changed)


@pytest.mark.parametrize("header", ["x-hoist-event", "x-hoist-timestamp", "x-hoist-signature"])
@pytest.mark.parametrize("value", [None, "", "x\ny", "é", "1795406399"])
def test_a_changed_header_is_refused(header: str, value: str | None) -> None:
    """Event and timestamp are signed as well: none can be left out or replaced."""
    given = signed()
    if value is None:
        del given[header]
    else:
        given[header] = value
    with pytest.raises(NotVerified):
        door().verify(given, BODY)


def test_another_table_is_none_of_its_business() -> None:
    """An event about a table that the source does not read is no hint, and no error."""
    body = json.dumps({"table": "sys_user", "sys_id": TICKET}).encode()
    assert door().verify(signed(body), body).tickets == ()


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"table":"incident","sys_id":"1^ORactive=true"}', b'{"table":"IN^","sys_id":1}']
)
def test_a_call_that_names_no_ticket(body: bytes) -> None:
    """What the instance signed but hoist can't use is told apart from a forgery."""
    with pytest.raises(NotAHint):
        door().verify(signed(body), body)


@pytest.mark.parametrize("key", ["", "short", b64encode(b"x" * 31).decode(), "not base64!" * 5])
def test_a_weak_key_is_refused(key: str) -> None:
    """A key that could be guessed, or that the instance could not use, is refused at the start, and not repeated."""
    with pytest.raises(ValueError, match="32 random bytes") as refusal:
        Webhook((key,), ("incident",))
    assert not key or key not in str(refusal.value)


def test_no_key_is_shown() -> None:
    """Whoever prints the door learns no key."""
    assert KEY not in repr(door())
