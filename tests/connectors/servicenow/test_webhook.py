"""Signed calls from the instance: only what it signed itself, just now and for the first time, counts, and only as a hint."""

import hmac
import json
from base64 import b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.servicenow.webhook import LARGEST_BODY, WINDOW, Hint, NotAHint, NotVerified, Webhook
from rules.instants import SECOND

KEY, FORMER = b64encode(b"k" * 32).decode(), b64encode(b"f" * 32).decode()
NOW = 1_795_406_400_000
TICKET = "0f" * 16
BODY = json.dumps({"table": "incident", "sys_id": TICKET, "sys_mod_count": 7, "changed": ["state"]}).encode()


def signed(body: bytes = BODY, event: str = "e1", at: int = NOW, key: bytes = b"k" * 32) -> dict[str, str]:
    stamp = str(at // SECOND)
    made = hmac.digest(key, f"{stamp}.{event}.".encode() + body, sha256)
    return {"X-Hoist-Event": event, "X-Hoist-Timestamp": stamp, "X-Hoist-Signature": b64encode(made).decode()}


def door(*keys: str) -> Webhook:
    return Webhook(keys or (KEY,), ("incident",))


def test_a_signed_call_is_a_hint() -> None:
    """What the instance signed names the ticket that changed, and nothing else of it is kept."""
    assert door().hint(signed(), BODY, NOW) == Hint("e1", "incident", TICKET, 7)


def test_headers_in_any_case() -> None:
    """A proxy that writes header names in small letters changes nothing."""
    assert door().hint({name.lower(): value for name, value in signed().items()}, BODY, NOW) is not None


def test_a_key_can_be_changed_without_a_gap() -> None:
    """While a key is changed, calls under the former one still count."""
    both = door(KEY, FORMER)
    assert both.hint(signed(key=b"f" * 32), BODY, NOW) is not None
    with pytest.raises(NotVerified):
        door(KEY).hint(signed(key=b"f" * 32), BODY, NOW)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_changed_body_is_refused(place: int, by: int) -> None:
    """One byte changed on the way, whichever, and the call does not count."""
    changed = BODY[:place] + bytes([BODY[place] ^ by]) + BODY[place + 1 :]
    with pytest.raises(NotVerified):
        door().hint(signed(), changed, NOW)


@pytest.mark.parametrize("header", ["X-Hoist-Event", "X-Hoist-Timestamp", "X-Hoist-Signature"])
@pytest.mark.parametrize("value", [None, "", "x\ny", "é", "1795406399"])
def test_a_changed_header_is_refused(header: str, value: str | None) -> None:
    """Event and timestamp are signed as well: none can be left out or replaced."""
    given = signed()
    if value is None:
        del given[header]
    else:
        given[header] = value
    with pytest.raises(NotVerified):
        door().hint(given, BODY, NOW)


@pytest.mark.parametrize("ago", [WINDOW + SECOND, -WINDOW - SECOND])
def test_an_old_call_is_refused(ago: int) -> None:
    """A call that was kept and sent again later does not count, nor one from the future."""
    with pytest.raises(NotVerified, match="clocks"):
        door().hint(signed(at=NOW - ago), BODY, NOW)


def test_an_event_counts_once() -> None:
    """A call that comes twice is refused the second time, for as long as its timestamp would let it pass."""
    one = door()
    ahead = signed(at=NOW + WINDOW)
    assert one.hint(ahead, BODY, NOW) is not None
    for later in (0, WINDOW, 2 * WINDOW):
        with pytest.raises(NotVerified, match="before"):
            one.hint(ahead, BODY, NOW + later)
    with pytest.raises(NotVerified, match="clocks"):
        one.hint(ahead, BODY, NOW + 2 * WINDOW + SECOND)


def test_events_of_long_ago_are_forgotten() -> None:
    """Whatever the clock refuses anyway is not remembered for ever."""
    one = door()
    for number in range(100):
        at = NOW + number * WINDOW
        assert one.hint(signed(event=f"e{number}", at=at), BODY, at) is not None
    assert len(one._met) <= 4


def test_another_table_is_none_of_its_business() -> None:
    """An event about a table that the source does not read is no hint, and no error."""
    body = json.dumps({"table": "sys_user", "sys_id": TICKET}).encode()
    assert door().hint(signed(body), body, NOW) is None


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"table":"incident","sys_id":"1^ORactive=true"}', b'{"table":"IN^","sys_id":1}']
)
def test_a_call_that_names_no_ticket(body: bytes) -> None:
    """What the instance signed but hoist can't use is told apart from a forgery."""
    with pytest.raises(NotAHint):
        door().hint(signed(body), body, NOW)


def test_a_huge_call_is_not_even_looked_at() -> None:
    """Nobody keeps hoist busy with large bodies."""
    body = b" " * (LARGEST_BODY + 1)
    with pytest.raises(NotVerified):
        door().hint(signed(body), body, NOW)


@pytest.mark.parametrize("key", ["", "short", b64encode(b"x" * 31).decode(), "not base64!" * 5])
def test_a_weak_key_is_refused(key: str) -> None:
    """A key that could be guessed, or that the instance could not use, is refused at the start, and not repeated."""
    with pytest.raises(ValueError, match="32 random bytes") as refusal:
        Webhook((key,), ("incident",))
    assert not key or key not in str(refusal.value)


def test_no_key_is_shown() -> None:
    """Whoever prints the door learns no key."""
    assert KEY not in repr(door())
