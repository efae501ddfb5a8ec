"""A signed call from Zendesk, verified and reduced to a hint: that a ticket changed, and nothing else.

A webhook that is subscribed to ticket events posts Zendesk's own JSON, whose `subject` is `zen:ticket:` and the number; one that
a trigger calls posts what the trigger was told to, here JSON with `ticket_id`. Both bear `X-Zendesk-Webhook-Signature`: Base64 of
HMAC-SHA256 over `X-Zendesk-Webhook-Signature-Timestamp` as it was sent and the body, without anything in between.
https://developer.zendesk.com/documentation/webhooks/verifying/

Where a hint can't be kept just now the answer has to be 409, after which Zendesk delivers again; after a 500 it does not.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.webhooks import Delivery, Doubt, NotAHint, NotVerified, is_one_of
from connectors.zendesk import wire
from connectors.zendesk.settings import ZendeskSettings
from rules.instants import DAY, MINUTE, Instant

TEST_SECRET: Final = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105 - published by Zendesk, and so nobody's
"""What Zendesk signs test requests of webhooks with that do not exist yet: anybody can."""
TICKET_EVENT: Final = "zen:event-type:ticket."
_ID: Final = re.compile(r"[\w.:/+=-]{1,200}")
_SUBJECT: Final = re.compile(r"zen:ticket:([1-9][0-9]{0,18})")


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, hide_input_in_errors=True)


class _Event(_Loose):
    id: Annotated[str, Field(pattern=rf"^{_ID.pattern}$")]
    type: Annotated[str, Field(pattern=r"^zen:event-type:[\w.]{1,80}$")]
    subject: str = ""


class _Trigger(_Loose):
    ticket_id: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,18}$")]


class Webhook:
    """Verifies one account's calls.

    `secrets` are the signing secrets that the account shows, the present one and, while it is changed, its predecessor. Raises
    ValueError where there is no secret, or the one for tests.
    """

    window = 5 * MINUTE
    remembered = 7 * DAY
    """A delivery may be tried again, and two webhooks may tell of one event."""
    largest = 512 * 1024
    redeliver = 409

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets if secret]
        if not self._secrets:
            raise ValueError("a webhook needs its signing secret: Admin Center shows it, under Webhooks")
        if TEST_SECRET.encode() in self._secrets:
            raise ValueError(
                "this is the secret that Zendesk publishes for tests, so anybody can sign with it; take the webhook's own"
            )

    def __repr__(self) -> str:
        return "Webhook(...)"

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        invocation = headers.get("x-zendesk-webhook-invocation-id", "")
        at = self._signed_at(headers, body)
        names = (f"invocation {invocation}",) if _ID.fullmatch(invocation) else ()
        try:
            told = _Event.model_validate_json(body)
        except ValidationError:
            return _of_trigger(body, names, at)
        found = _SUBJECT.fullmatch(told.subject)
        about_a_ticket = told.type.startswith(TICKET_EVENT)
        if found is None and about_a_ticket:
            raise NotAHint("the event names no ticket")
        return Delivery((*names, f"event {told.id}"), (found[1],) if found and about_a_ticket else (), at)

    def _signed_at(self, headers: Mapping[str, str], body: bytes) -> Instant:
        stamp, signature = (
            headers.get("x-zendesk-webhook-signature-timestamp", ""),
            headers.get("x-zendesk-webhook-signature", ""),
        )
        if not stamp or not signature:
            raise NotVerified(Doubt.UNSIGNED, "the call has no signature, or no timestamp")
        made = (b64encode(hmac.digest(secret, stamp.encode() + body, sha256)) for secret in self._secrets)
        at = wire.stamp_or_none(stamp)
        if not is_one_of(made, signature) or at is None:
            raise NotVerified(Doubt.SIGNATURE, "the signature is not that of a known secret")
        return at


def verifier(settings: ZendeskSettings, secrets: Sequence[str]) -> Webhook:  # noqa: ARG001 - an account has nothing to choose
    """The verifier of one account's calls. Raises ValueError for a secret that is none."""
    return Webhook(secrets)


def _of_trigger(body: bytes, names: tuple[str, ...], at: Instant) -> Delivery:
    try:
        told = _Trigger.model_validate_json(body)
    except ValidationError:
        raise NotAHint("the body is no event of Zendesk's, and names no ticket_id") from None
    if not names:
        raise NotAHint("a trigger's call has no invocation id")
    return Delivery(names, (told.ticket_id,), at)
