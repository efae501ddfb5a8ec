"""Calls a sandbox as a client would, without a socket."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from connectors.sandboxes.answer import Answer
from connectors.servicenow.sandbox import ServiceNowSandbox


@dataclass
class Caller:
    """Speaks under one credential: a person's, the service account's for an empty name; `headers` replace it where given."""

    sandbox: ServiceNowSandbox
    person: str = ""
    version: str = ""
    headers: Mapping[str, str] | None = None
    last: Answer = field(default_factory=lambda: Answer(0))

    def __call__(self, method: str, path: str, body: object = None, **query: object) -> Any:
        """The JSON of the answer, None for what is none; `last` keeps the answer whole."""
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self.headers is None:
            known = self.sandbox.credentials(self.person)
            word = base64.b64encode(f"{known['username']}:{known['password']}".encode()).decode()
            headers["Authorization"] = f"Basic {word}"
        else:
            headers |= self.headers
        sent = b"" if body is None else json.dumps(body).encode()
        path = path if path.startswith("/") else f"/api/now/{self.version}{path}"
        self.last = self.sandbox.dispatch(method, path, urlencode(query), headers, sent)
        try:
            return json.loads(self.last.body)
        except ValueError:
            return None

    def rows(self, table: str, query: str = "", **more: object) -> list[dict[str, Any]]:
        """One page of a table."""
        found: list[dict[str, Any]] = self("GET", f"table/{table}", sysparm_query=query, **more)["result"]
        return found

    def numbers(self, query: str, **more: object) -> list[str]:
        """The last digits of the incidents that a query finds, in its order."""
        return [row["number"][-2:] for row in self.rows("incident", query, sysparm_fields="number", **more)]

    def patch(self, sys_id: str, /, **values: object) -> dict[str, Any]:
        """Change an incident; the record as it is answered."""
        found: dict[str, Any] = self("PATCH", f"table/incident/{sys_id}", values)["result"]
        return found

    def incident(self, sys_id: str, **query: object) -> dict[str, Any]:
        """An incident."""
        found: dict[str, Any] = self("GET", f"table/incident/{sys_id}", **query)["result"]
        return found

    def refusal(self, method: str, path: str, body: object = None, **query: object) -> tuple[int, str]:
        """Status and detail of a refusal, its message where it has none."""
        error = self(method, path, body, **query)["error"]
        return self.last.status, error["detail"] or error["message"]
