"""One call to the instance: what was asked, by whom, when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.servicenow.site.access import Access
from connectors.servicenow.site.answers import refuse
from connectors.servicenow.site.display import Session
from connectors.servicenow.site.whole import Instance
from rules.instants import Instant


@dataclass(slots=True)
class Call:
    """A call whose credential was looked at. `version` is `v1`, `v2` or empty, as in the address."""

    instance: Instance
    method: str
    version: str
    session: Session
    access: Access
    now: Instant
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    spent: list[float] = field(default_factory=list)  # seconds of modelled work

    def flag(self, name: str) -> bool:
        """A boolean parameter; Python clients write True."""
        return self.query.get(name, "").lower() == "true"

    def number(self, name: str, default: int) -> int:
        """A whole number in the query; what is none counts as not given."""
        text = self.query.get(name, "")
        return int(text) if text.isascii() and text.lstrip("-").isdigit() and text.count("-") <= 1 else default

    def varies(self, name: str) -> bool:
        """Whether the instance behaves in this other way."""
        return name in self.instance.terms.policies.variants

    def fields(self) -> dict[str, Any]:
        """The record in the body. Raises Refused."""
        try:
            given = json.loads(self.body or b"{}")
        except ValueError:
            refuse(400, "Exception while reading request", "The payload is not valid JSON.")
        if isinstance(given, dict) and isinstance(given.get("records"), list) and given["records"]:
            given = given["records"][0]  # further ones are ignored
        if not isinstance(given, dict):
            refuse(400, "Exception while reading request", "The payload is not valid JSON.")
        return given

    @property
    def api(self) -> str:
        """The beginning of links to records."""
        return f"{self.instance.base}/api/now/{self.version + '/' if self.version else ''}table"
