"""A signed call from the instance, verified and reduced to a hint: that a ticket changed, and nothing else.

A business rule or flow posts JSON with `table` and `sys_id` (and, where it likes, `sys_mod_count`), no text of the ticket. Three
headers come with it: `X-Hoist-Event` (an id of its own for each event), `X-Hoist-Timestamp` (seconds since 1970) and
`X-Hoist-Signature`: Base64 of HMAC-SHA256 over timestamp, a dot, event, a dot, and the body as it was sent. The instance makes it
with CertificateEncryption.generateMac, whose key has to be Base64:
https://www.servicenow.com/docs/bundle/zurich-api-reference/page/app-store/dev_portal/API_reference/CertificateEncryption/concept/c_CertificateEncryptionAPI.html

The ticket is then read through the API. A hint that is lost costs time and nothing else: polling goes on.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rules.instants import MINUTE, SECOND, Instant

WINDOW: Final = 5 * MINUTE
"""How far a call's timestamp may lie from now, either way."""
LARGEST_BODY: Final = 64 * 1024
_EVENT: Final = re.compile(r"[\w.:-]{1,100}")
_SECONDS: Final = re.compile(r"\d{9,11}")


class NotVerified(Exception):
    """A call that is not from the instance, not from now, or not for the first time: answer 401 and say no more."""


class NotAHint(Exception):
    """A call from the instance that names no ticket: answer 400. Its words are for hoist's own log."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A ticket that changed. `count` is its sys_mod_count then, None where the call does not say."""

    event: str
    table: str
    ticket: str
    count: int | None = None


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    table: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
    sys_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    sys_mod_count: Annotated[int, Field(ge=0)] | None = None


class Webhook:
    """The door for one source's events. Safe to use from several threads.

    `keys` are Base64, the present one and, while it is changed, its predecessor. `tables` are those of the source: events of
    others are none of its business. Raises ValueError for a key that is no Base64 of 32 bytes at least.
    """

    def __init__(self, keys: Sequence[str], tables: Sequence[str]) -> None:
        self._keys = [_key(key) for key in keys]
        if not self._keys:
            raise ValueError("a webhook needs a key, Base64 of 32 random bytes")
        self._tables = frozenset(tables)
        self._lock = Lock()
        self._met: dict[str, Instant] = {}

    def __repr__(self) -> str:
        return "Webhook(...)"

    def hint(self, headers: Mapping[str, str], body: bytes, now: Instant) -> Hint | None:
        """What a call tells; None where it is about a table that is not read. Raises NotVerified, NotAHint.

        The signature is looked at first, over the bytes as they came, so that nothing of a stranger's is ever parsed.
        """
        given = {name.casefold(): value.strip() for name, value in headers.items()}
        event, stamp = given.get("x-hoist-event", ""), given.get("x-hoist-timestamp", "")
        if len(body) > LARGEST_BODY or not _EVENT.fullmatch(event) or not _SECONDS.fullmatch(stamp):
            raise NotVerified("the call has no event, no timestamp, or is too long")
        if not self._is_signed(f"{stamp}.{event}.".encode() + body, given.get("x-hoist-signature", "")):
            raise NotVerified("the signature is not that of a known key")
        if abs(int(stamp) * SECOND - now) > WINDOW:
            raise NotVerified("the call is older or newer than five minutes: compare the clocks")
        if not self._is_first(event, now):
            raise NotVerified("the event has come before")
        try:
            told = _Body.model_validate_json(body)
        except ValidationError:
            raise NotAHint("the body names no table and sys_id") from None
        return Hint(event, told.table, told.sys_id, told.sys_mod_count) if told.table in self._tables else None

    def _is_signed(self, signed: bytes, signature: str) -> bool:
        made = [b64encode(hmac.digest(key, signed, sha256)) for key in self._keys]
        return any([hmac.compare_digest(each, signature.encode()) for each in made])  # noqa: C419 - all are compared

    def _is_first(self, event: str, now: Instant) -> bool:
        with self._lock:
            # Whatever is older is refused by its timestamp, which may lie ahead of now by a window as well.
            while self._met and now - next(iter(self._met.values())) > 2 * WINDOW:
                del self._met[next(iter(self._met))]
            if event in self._met:
                return False
            self._met[event] = now
            return True


def _key(text: str) -> bytes:
    try:
        key = b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) < 32:
        raise ValueError("a webhook's key is Base64 of 32 random bytes at least")
    return key
