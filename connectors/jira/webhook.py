"""A signed call from Jira, verified and reduced to a hint: that an issue changed, and nothing else.

An administrator's webhook with a secret bears `X-Hub-Signature`: the method, an equals sign, and the HMAC over the body in hex.
`X-Atlassian-Webhook-Identifier` is the same in each of up to five tries, five to fifteen minutes apart, that follow on 408, 409,
425, 429, any 5xx, and silence; nothing follows on 401 or 404. No order is promised. An app's webhook has no secret: its calls
bear a token that is signed with the app's client secret.
https://developer.atlassian.com/cloud/jira/platform/webhooks/
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.jira.settings import JiraSettings
from connectors.webhooks import Delivery, Doubt, NotAHint, NotVerified, is_one_of
from rules.instants import DAY, HOUR

METHODS: Final = ("sha256", "sha384", "sha512")
SHORTEST_SECRET: Final = 16
_IDENTIFIER: Final = re.compile(r"[\w.:/+=-]{1,200}", re.ASCII)
_TOKEN: Final = re.compile(r"(?:Bearer|JWT) (?P<signed>[\w-]{1,2000}\.[\w-]{1,4000})\.(?P<signature>[\w-]{43})", re.ASCII)
_OF_ISSUE: Final = re.compile(r"/rest/api/\w{1,10}/issue/([1-9][0-9]{0,18})/comment/")
Id = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,18}$")]


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, hide_input_in_errors=True, populate_by_name=True)


class _Issue(_Loose):
    id: Id


class _Comment(_Loose):
    address: Annotated[str, Field(alias="self")] = ""


class _Link(_Loose):
    source: Annotated[Id, Field(alias="sourceIssueId")]
    destination: Annotated[Id, Field(alias="destinationIssueId")]


class _Body(_Loose):
    timestamp: Annotated[int, Field(ge=0, lt=1 << 53)]
    event: Annotated[str, Field(alias="webhookEvent", pattern=r"^[\w:]{1,80}$")]
    issue: _Issue | None = None
    comment: _Comment | None = None
    link: Annotated[_Link | None, Field(alias="issueLink")] = None

    def issues(self) -> tuple[str, ...]:
        """The ids of the issues that it is about. A call about a comment or a link need not show the issue itself."""
        if self.issue is not None:
            return (self.issue.id,)
        if self.link is not None:
            return tuple(dict.fromkeys((self.link.source, self.link.destination)))
        found = _OF_ISSUE.search(self.comment.address) if self.comment is not None else None
        return (found[1],) if found else ()


class Webhook:
    """Verifies one site's calls. Raises ValueError where there is no secret, or one that could be guessed."""

    window = 2 * HOUR
    """Five tries at fifteen minutes each, for what Jira itself may have put off by another fifteen."""
    remembered = DAY
    largest = 1024 * 1024
    redeliver = 503

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        if not self._secrets or min(map(len, self._secrets)) < SHORTEST_SECRET:
            raise ValueError(f"a webhook needs a secret of {SHORTEST_SECRET} characters at least, which nobody could guess")

    def __repr__(self) -> str:
        return "Webhook(...)"

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        token = _TOKEN.fullmatch(headers.get("authorization", ""))
        if token is not None and "x-hub-signature" not in headers:
            self._check_token(token["signed"], token["signature"])
        else:
            self._check_signature(headers.get("x-hub-signature", ""), body)
        try:
            told = _Body.model_validate_json(body)
        except ValidationError:
            raise NotAHint("the body is no event of Jira's") from None
        issues = told.issues()
        if not issues and told.event.startswith(("jira:issue_", "comment_", "issuelink_")):
            raise NotAHint("the event names no issue; the webhook may have been told to leave the body out")
        identifier = headers.get("x-atlassian-webhook-identifier", "")
        name = identifier if _IDENTIFIER.fullmatch(identifier) else f"body {hashlib.sha256(body).hexdigest()}"
        return Delivery((name,), issues, told.timestamp)

    def _check_signature(self, given: str, body: bytes) -> None:
        method, _, signature = given.partition("=")
        if not signature:
            raise NotVerified(Doubt.UNSIGNED, "the call has no signature: give the webhook a secret")
        if method not in METHODS:
            raise NotVerified(Doubt.SIGNATURE, f"the signature is made by none of {', '.join(METHODS)}")
        made = (hmac.digest(secret, body, method).hex().encode() for secret in self._secrets)
        if not is_one_of(made, signature):
            raise NotVerified(Doubt.SIGNATURE, "the signature is not that of a known secret")

    def _check_token(self, signed: str, signature: str) -> None:
        """An app's call bears a JSON web token (RFC 7519) under the client secret, which says nothing of the body.

        HS256 is the one method that is believed, whatever the token says of itself.
        """
        digests = (hmac.digest(secret, signed.encode(), "sha256") for secret in self._secrets)
        if not is_one_of((base64.urlsafe_b64encode(each).rstrip(b"=") for each in digests), signature):
            raise NotVerified(Doubt.SIGNATURE, "the token is not signed with the app's client secret")


def verifier(settings: JiraSettings, secrets: Sequence[str]) -> Webhook:  # noqa: ARG001 - the webhook's own filter chooses
    """The verifier of one site's calls. Raises ValueError for a secret that is none."""
    return Webhook(secrets)
