"""A signed call from the instance, verified and reduced to a hint: that a ticket changed, and nothing else.

A business rule or flow posts JSON with `table` and `sys_id`, no text of the ticket. Three headers come with it: `X-Hoist-Event`
(an id of its own for each event), `X-Hoist-Timestamp` (seconds since 1970) and `X-Hoist-Signature`: Base64 of HMAC-SHA256 over
timestamp, a dot, event, a dot, and the body as it was sent. The instance makes it with CertificateEncryption.generateMac, whose
key has to be Base64:
https://www.servicenow.com/docs/bundle/zurich-api-reference/page/app-store/dev_portal/API_reference/CertificateEncryption/concept/c_CertificateEncryptionAPI.html
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.servicenow.settings import ServiceNowSettings
from connectors.webhooks import Delivery, Doubt, NotAHint, NotVerified, is_one_of
from rules.instants import MINUTE, SECOND

_EVENT: Final = re.compile(r"[\w.:-]{1,100}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{9,11}")


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    table: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
    sys_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Webhook:
    """Verifies one instance's calls.

    `keys` are Base64, the present one and, while it is changed, its predecessor. `tables` are those of the source: events of
    others are none of its business. Raises ValueError for a key that is no Base64 of 32 bytes at least.
    """

    window = 5 * MINUTE
    remembered = 2 * window
    """Whatever is older is refused by its timestamp, which may lie ahead of now by a window as well."""
    largest = 64 * 1024
    redeliver = 503

    def __init__(self, keys: Sequence[str], tables: Sequence[str]) -> None:
        self._keys = [_key(key) for key in keys]
        if not self._keys:
            raise ValueError("a webhook needs a key, Base64 of 32 random bytes")
        self._tables = frozenset(tables)

    def __repr__(self) -> str:
        return "Webhook(...)"

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        event, stamp = headers.get("x-hoist-event", ""), headers.get("x-hoist-timestamp", "")
        if not _EVENT.fullmatch(event) or not _SECONDS.fullmatch(stamp):
            raise NotVerified(Doubt.UNSIGNED, "the call has no event, or no timestamp")
        signed = f"{stamp}.{event}.".encode() + body
        made = (b64encode(hmac.digest(key, signed, sha256)) for key in self._keys)
        if not is_one_of(made, headers.get("x-hoist-signature", "")):
            raise NotVerified(Doubt.SIGNATURE, "the signature is not that of a known key")
        try:
            told = _Body.model_validate_json(body)
        except ValidationError:
            raise NotAHint("the body names no table and sys_id") from None
        return Delivery((event,), (told.sys_id,) if told.table in self._tables else (), int(stamp) * SECOND)


def verifier(settings: ServiceNowSettings, secrets: Sequence[str]) -> Webhook:
    """The verifier of one instance's calls. Raises ValueError for a key that is none."""
    return Webhook(secrets, settings.tables)


def _key(text: str) -> bytes:
    try:
        key = b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) < 32:
        raise ValueError("a webhook's key is Base64 of 32 random bytes at least")
    return key
