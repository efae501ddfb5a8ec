"""Signed calls from a site: only what it signed itself counts, and only as a hint."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.jira.webhook import Webhook
from connectors.webhooks import Delivery, Doubt, NotAHint, NotVerified

SECRET, FORMER = "It's a Secret to Everybody", "the one that was there before"
NOW = 1_795_406_400_000


def told(kind: str = "jira:issue_updated", **more: Any) -> bytes:
    shown: dict[str, Any] = {"issue": {"id": "10042", "key": "SD-7", "fields": {"summary": "VPN drops"}}, **more}
    return json.dumps({"timestamp": NOW, "webhookEvent": kind, **{name: each for name, each in shown.items() if each}}).encode()


def signed(body: bytes, secret: str = SECRET, method: str = "sha256", **more: str) -> dict[str, str]:
    made = hmac.digest(secret.encode(), body, method).hex()
    return {"x-hub-signature": f"{method}={made}", "x-atlassian-webhook-identifier": "d1"} | more


def test_the_vector_that_atlassian_publishes() -> None:
    """The signature that Atlassian's own page gives for its secret and text is the one that is asked for."""
    given = {"x-hub-signature": "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"}
    with pytest.raises(NotAHint):  # verified, and no event
        Webhook([SECRET]).verify(given, b"Hello World!")


@pytest.mark.parametrize("method", ["sha256", "sha384", "sha512"])
def test_a_signed_event_is_a_hint(method: str) -> None:
    """What the site signed names the issue and the delivery; no text of the issue is kept."""
    assert Webhook([SECRET]).verify(signed(told(), method=method), told()) == Delivery(("d1",), ("10042",), NOW)


def test_a_secret_can_be_changed_without_a_gap() -> None:
    """While a secret is changed, calls under the former one still count."""
    assert Webhook([SECRET, FORMER]).verify(signed(told(), FORMER), told()).tickets
    with pytest.raises(NotVerified):
        Webhook([SECRET]).verify(signed(told(), FORMER), told())


@given(st.integers(0, len(told()) - 1), st.integers(1, 255))
def test_a_changed_body_is_refused(place: int, by: int) -> None:
    """One byte changed on the way, whichever, and the call does not count."""
    body = told()
    with pytest.raises(NotVerified):
        Webhook([SECRET]).verify(signed(body), body[:place] + bytes([body[place] ^ by]) + body[place + 1 :])


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256", "=", "md5=00", "sha1=" + "0" * 40, "sha256=é", "SHA256=00"])
def test_no_signature_and_a_weak_one_are_refused(signature: str) -> None:
    """A call without a signature, or with one of a method that can be forged, does not count."""
    weak = hmac.digest(SECRET.encode(), told(), "sha1").hex()
    for each in (signature, f"sha1={weak}"):
        with pytest.raises(NotVerified):
            Webhook([SECRET]).verify(signed(told()) | {"x-hub-signature": each}, told())


def test_an_unsigned_call_is_told_apart_from_a_wrong_one() -> None:
    """An administrator learns whether the webhook has no secret at all, or another one."""
    with pytest.raises(NotVerified) as unsigned:
        Webhook([SECRET]).verify({}, told())
    with pytest.raises(NotVerified) as wrong:
        Webhook([SECRET]).verify(signed(told(), "another secret altogether"), told())
    assert (unsigned.value.doubt, wrong.value.doubt) == (Doubt.UNSIGNED, Doubt.SIGNATURE)


def test_a_comment_names_its_issue_though_it_does_not_show_it() -> None:
    """An event about a comment leads to the issue by the comment's own address."""
    body = told("comment_created", issue=None, comment={"self": "https://x.example/rest/api/2/issue/10042/comment/5", "id": "5"})
    assert Webhook([SECRET]).verify(signed(body), body).tickets == ("10042",)


def test_a_link_is_about_both_its_issues() -> None:
    """Two issues that are linked have both changed."""
    body = told("issuelink_created", issue=None, issueLink={"id": 1, "sourceIssueId": 10042, "destinationIssueId": 10043})
    assert Webhook([SECRET]).verify(signed(body), body).tickets == ("10042", "10043")


def test_events_of_other_things_are_no_hints() -> None:
    """An event of a project is none of hoist's business."""
    body = told("project_updated", issue=None)
    assert Webhook([SECRET]).verify(signed(body), body).tickets == ()


def test_deliveries_without_an_identifier_are_told_apart_by_their_bodies() -> None:
    """Data Center of older versions names no delivery: the same bytes are the same one, others are another."""
    names = []
    for body in (told(), told(), told(comment={"id": "1"})):
        given = signed(body)
        del given["x-atlassian-webhook-identifier"]
        names.append(Webhook([SECRET]).verify(given, body).names)
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"\xff", told(issue=None), told(issue={"id": "1 OR 1"}), told(issue={"id": ""}), told(issue=[1])]
)
def test_a_signed_call_without_an_issue_is_said(body: bytes) -> None:
    """A call that the site signed and that names no issue is told apart from a stranger's."""
    with pytest.raises(NotAHint):
        Webhook([SECRET]).verify(signed(body), body)


@pytest.mark.parametrize("secrets", [(), ("",), ("short",), (SECRET, "short")])
def test_a_secret_that_could_be_guessed_is_refused(secrets: tuple[str, ...]) -> None:
    """A short secret opens no door, and is not repeated in the message."""
    with pytest.raises(ValueError, match="16 characters") as problem:
        Webhook(secrets)
    assert "short" not in str(problem.value)


def test_no_secret_is_shown() -> None:
    """Whoever prints the verifier learns no secret."""
    assert SECRET not in repr(Webhook([SECRET]))
