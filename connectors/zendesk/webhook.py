"""A signed call from Zendesk, verified and reduced to a hint: that a ticket changed, and nothing else.

A webhook that is subscribed to ticket events posts Zendesk's own JSON, whose `subject` is `zen:ticket:` and the number; one that
a trigger calls posts what the trigger was told to, here JSON with `ticket_id`. Both bear `X-Zendesk-Webhook-Signature`: Base64 of
HMAC-SHA256 over `X-Zendesk-Webhook-Signature-Timestamp` as it was sent and the body, without anything in between.
https://developer.zendesk.com/documentation/webhooks/verifying/

The ticket is then read through the API. A hint that is lost costs time and nothing else: polling goes on. Where a hint can't be
kept just now the answer has to be 409, after which Zendesk delivers again; after a 500 it does not.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.zendesk import wire
from rules.instants import DAY, MINUTE, Instant

WINDOW: Final = 5 * MINUTE
"""How far a call's timestamp may lie from now, either way."""
REMEMBERED: Final = 7 * DAY
"""How long an event is known for one that came before: a delivery may be tried again, and two webhooks may tell of one event."""
MOST_REMEMBERED: Final = 200_000
LARGEST_BODY: Final = 512 * 1024
REDELIVER: Final = 409
"""The answer after which Zendesk delivers once more."""
TEST_SECRET: Final = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105 - published by Zendesk, and so nobody's
"""What Zendesk signs test requests of webhooks with that do not exist yet: anybody can."""
_ID: Final = re.compile(r"[\w.:/+=-]{1,200}")
_SUBJECT: Final = re.compile(r"zen:ticket:([1-9]\d{0,18})")
_TICKET_EVENT: Final = "zen:event-type:ticket."


class NotVerified(Exception):
    """A call that is not from this account, or not from now: answer 401 and say no more."""


class NotAHint(Exception):
    """A call from the account that names no ticket: answer 400. Its words are for hoist's own log."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A ticket that something happened to. `actor` is the id of who did it, empty where the call does not say."""

    event: str
    ticket: str
    kind: str = ""
    actor: str = ""


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, hide_input_in_errors=True)


class _Detail(_Loose):
    actor_id: str | None = None


class _Event(_Loose):
    id: Annotated[str, Field(pattern=_ID.pattern)]
    type: Annotated[str, Field(pattern=r"^zen:event-type:[\w.]{1,80}$")]
    subject: str = ""
    detail: _Detail = _Detail()


class _Trigger(_Loose):
    ticket_id: Annotated[str, Field(pattern=r"^[1-9]\d{0,18}$")]


class Webhook:
    """The door for one source's events. Safe to use from several threads.

    `secrets` are the signing secrets that the account shows, the present one and, while it is changed, its predecessor; `account`
    is the number of the account where that is known. Raises ValueError where there is no secret, or the one for tests.
    """

    def __init__(self, secrets: Sequence[str], account: str = "") -> None:
        self._secrets = [secret.encode() for secret in secrets if secret]
        if not self._secrets:
            raise ValueError("a webhook needs its signing secret: Admin Center shows it, under Webhooks")
        if TEST_SECRET.encode() in self._secrets:
            raise ValueError(
                "this is the secret that Zendesk publishes for tests, so anybody can sign with it; take the webhook's own"
            )
        self._account = account
        self._lock = Lock()
        self._met: dict[str, Instant] = {}

    def __repr__(self) -> str:
        return "Webhook(...)"

    def hint(self, headers: Mapping[str, str], body: bytes, now: Instant) -> Hint | None:
        """What a call tells; None for one that came before, or is about no ticket. Raises NotVerified, NotAHint.

        The signature is looked at first, over the bytes as they came, so that nothing of a stranger's is ever parsed.
        """
        given = {name.casefold(): value.strip() for name, value in headers.items()}
        self._verify(given, body, now)
        invocation = given.get("x-zendesk-webhook-invocation-id", "")
        hint = _hint(body, invocation)
        if not self._is_first((f"invocation {invocation}" if invocation else "", f"event {hint.event}"), now):
            return None
        return hint if not hint.kind or hint.kind.startswith(_TICKET_EVENT) else None

    def forget(self, hint: Hint, headers: Mapping[str, str]) -> None:
        """The hint could not be kept: the call is to be answered with REDELIVER, and its next delivery counts again."""
        given = {name.casefold(): value.strip() for name, value in headers.items()}
        with self._lock:
            for name in (f"invocation {given.get('x-zendesk-webhook-invocation-id', '')}", f"event {hint.event}"):
                self._met.pop(name, None)

    def _verify(self, given: Mapping[str, str], body: bytes, now: Instant) -> None:
        stamp, signature = given.get("x-zendesk-webhook-signature-timestamp", ""), given.get("x-zendesk-webhook-signature", "")
        if len(body) > LARGEST_BODY or not stamp or not signature:
            raise NotVerified("the call has no signature, no timestamp, or is too long")
        made = [b64encode(hmac.digest(secret, stamp.encode() + body, sha256)) for secret in self._secrets]
        if not any([hmac.compare_digest(each, signature.encode()) for each in made]):  # noqa: C419 - all are compared
            raise NotVerified("the signature is not that of a known secret")
        at = wire.stamp_or_none(stamp)
        if at is None or abs(at - now) > WINDOW:
            raise NotVerified("the call is older or newer than five minutes: compare the clocks")
        if self._account and given.get("x-zendesk-account-id", self._account) != self._account:
            raise NotVerified("the call is from another account")

    def _is_first(self, names: Sequence[str], now: Instant) -> bool:
        with self._lock:
            while self._met and (
                now - next(iter(self._met.values())) > REMEMBERED or len(self._met) > MOST_REMEMBERED - len(names)
            ):
                del self._met[next(iter(self._met))]
            known = any(name in self._met for name in names if name)
            self._met |= {name: now for name in names if name and name not in self._met}
            return not known


def _hint(body: bytes, invocation: str) -> Hint:
    try:
        told = _Event.model_validate_json(body)
    except ValidationError:
        return _of_trigger(body, invocation)
    found = _SUBJECT.fullmatch(told.subject)
    if found is None and told.type.startswith(_TICKET_EVENT):
        raise NotAHint("the event names no ticket")
    return Hint(told.id, found[1] if found else "", told.type, told.detail.actor_id or "")


def _of_trigger(body: bytes, invocation: str) -> Hint:
    try:
        told = _Trigger.model_validate_json(body)
    except ValidationError:
        raise NotAHint("the body is no event of Zendesk's, and names no ticket_id") from None
    if not _ID.fullmatch(invocation):
        raise NotAHint("a trigger's call has no invocation id")
    return Hint(invocation, told.ticket_id)
