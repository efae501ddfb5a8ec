"""One call to the account: what was asked, by whom, when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.zendesk.site.answers import Refused, bad_attribute, not_found, refuse
from connectors.zendesk.site.catalog import Catalog
from connectors.zendesk.site.state import Ticket
from connectors.zendesk.site.tokens import Caller, Door
from connectors.zendesk.site.whole import Account
from rules.instants import Instant


@dataclass(slots=True)
class Call:
    """A call whose credential was looked at. `base` is the address under which the client sees the account.

    `path` is without `/api/v2/` and `.json`.

    What `warnings` collects is told in the header x-zendesk-api-warn.
    """

    account: Account
    door: Door
    base: str
    method: str
    path: str
    caller: Caller
    now: Instant
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    warnings: list[str] = field(default_factory=list)

    @property
    def catalog(self) -> Catalog:
        return self.account.catalog

    def number(self, name: str, default: int) -> int:
        """A whole number in the query. Raises Refused for what is none."""
        text = self.query.get(name, "")
        if not text:
            return default
        if not (text.isascii() and text.lstrip("-").isdigit()):
            bad_attribute(f"{name} is not an integer")
        return int(text)

    def names(self, name: str) -> list[str]:
        """A list with commas in the query."""
        return [each.strip() for each in self.query.get(name, "").split(",") if each.strip()]

    def sent(self, name: str) -> dict[str, Any]:
        """The object of this name in the body. Raises Refused."""
        found = self.json().get(name)
        if not isinstance(found, dict):
            refuse(400, "ParameterMissing", f"Parameter {name} is required")
        return found

    def json(self) -> dict[str, Any]:
        """The body. Raises Refused."""
        if self.body and "json" not in self.headers.get("content-type", "").lower():
            refuse(415, "UnsupportedMediaType", "Content-Type header must be application/json")
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            refuse(400, "InvalidJSON", "The body is not valid JSON")
        if not isinstance(found, dict):
            refuse(400, "InvalidJSON", "The body must be a JSON object")
        return found

    def ticket(self, word: str) -> Ticket:
        """A ticket that is there. Raises Refused."""
        if not word.isdigit():
            bad_attribute("id must be an integer")
        return self.account.tickets.find(int(word)) or not_found()

    def must_be_admin(self) -> None:
        """Raise Refused for anybody else."""
        if self.caller.user.role != "admin":
            forbidden(self.account)


def forbidden(account: Account, message: str = "You do not have access to this page. Please contact the account owner.") -> None:
    """Raise 403, whose error is a word or an object."""
    if account.varies("error-objects"):
        raise Refused(403, {"error": {"title": "Forbidden", "message": message}})
    refuse(403, "Forbidden", message)
