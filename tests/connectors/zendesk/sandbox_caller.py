"""Calls a sandbox as a client would, without a socket."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from connectors.sandboxes.answer import Answer
from connectors.zendesk.sandbox import ZendeskSandbox


@dataclass
class Caller:
    """Speaks with the API token of a person, the service account's for an empty name; `headers` replace it where given."""

    sandbox: ZendeskSandbox
    person: str = ""
    headers: Mapping[str, str] | None = None
    last: Answer = field(default_factory=lambda: Answer(0))

    def __call__(self, method: str, path: str, body: object = None, **query: object) -> Any:
        """The JSON of the answer, None for what is none; `last` keeps the answer whole."""
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self.headers is None:
            known = self.sandbox.credentials(self.person)
            word = base64.b64encode(f"{known['username']}/token:{known['token']}".encode()).decode()
            headers["Authorization"] = f"Basic {word}"
        else:
            headers |= self.headers
        sent = b"" if body is None else json.dumps(body).encode()
        path, _, asked = (path if path.startswith("/") else f"/api/v2/{path}").partition("?")
        self.last = self.sandbox.dispatch(method, path, asked or urlencode(query), headers, sent)
        try:
            return json.loads(self.last.body)
        except ValueError:
            return None

    def ticket(self, id_: int, **query: object) -> dict[str, Any]:
        """A ticket."""
        found: dict[str, Any] = self("GET", f"tickets/{id_}", **query)["ticket"]
        return found

    def put(self, id_: int, /, **values: object) -> dict[str, Any]:
        """Change a ticket: the whole answer."""
        found: dict[str, Any] = self("PUT", f"tickets/{id_}", {"ticket": values})
        return found

    def audits(self, id_: int) -> list[dict[str, Any]]:
        """The audits of a ticket."""
        found: list[dict[str, Any]] = self("GET", f"tickets/{id_}/audits")["audits"]
        return found

    def export(self, start: int = 0, **query: object) -> list[dict[str, Any]]:
        """All rows of the cursor export from a second on."""
        rows: list[dict[str, Any]] = []
        page = self("GET", "incremental/tickets/cursor", start_time=start, **query)
        while True:
            rows += page["tickets"]
            if page["end_of_stream"]:
                return rows
            page = self("GET", "incremental/tickets/cursor", cursor=page["after_cursor"], **query)


def changes(audit: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What an audit changed: field -> (from, to)."""
    return {
        event["field_name"]: (event["previous_value"], event["value"]) for event in audit["events"] if event["type"] == "Change"
    }
