"""Calls a sandbox as a client would, without a socket."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from connectors.jira.sandbox import Answer, JiraSandbox
from tests.connectors.sandbox_desk import CHASED, HANDED, START, TAKEN, Clock, desk

__all__ = ["CHASED", "HANDED", "START", "TAKEN", "Caller", "Clock", "by_app", "desk"]


@dataclass
class Caller:
    """Speaks one API version under one credential; `anonymous` sends none."""

    sandbox: JiraSandbox
    person: str = ""
    version: int = 3
    anonymous: bool = False
    wrong: bool = False
    last: Answer = field(default_factory=lambda: Answer(0))

    def __call__(
        self, method: str, path: str, body: object = None, query: Mapping[str, object] | Sequence[tuple[str, object]] = ()
    ) -> Any:
        """The JSON of the answer, None for an empty one; `last` keeps the answer whole."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if not self.anonymous:
            known = self.sandbox.credentials(self.person)
            token = "nonsense" if self.wrong else known["token"]
            headers["Authorization"] = "Basic " + base64.b64encode(f"{known['username']}:{token}".encode()).decode()
        sent = b"" if body is None else json.dumps(body).encode()
        path = path if path.startswith("/") else f"/rest/api/{self.version}/{path}"
        self.last = self.sandbox.dispatch(method, path, urlencode(query), headers, sent)
        return json.loads(self.last.body) if self.last.body[:1] in {b"{", b"["} else None

    def status(
        self, method: str, path: str, body: object = None, query: Mapping[str, object] | Sequence[tuple[str, object]] = ()
    ) -> int:
        """The status of the answer alone."""
        self(method, path, body, query)
        return self.last.status

    def search(self, jql: str, **more: object) -> Any:
        """One page of a search."""
        return self("POST", "search/jql", {"jql": jql, **more})

    def keys(self, jql: str) -> list[str]:
        """The keys that a search finds, in its order."""
        return [each["key"] for each in self.search(jql, fields=["key"])["issues"]]


def by_app(site: JiraSandbox, folder: Path) -> dict[str, Any]:
    """What hoist.yaml says of a site, while it listens, that hoist signs in to as an app of OAuth 2.0 (3LO)."""
    client = site.client()
    for name, value in (("secret", client["client_secret"]), ("first", site.granted())):
        (folder / name).write_text(value)
    auth = {"kind": "oauth_refresh", "client_id": client["client_id"], "client_secret": f"file:{folder / 'secret'}"}
    auth |= {"refresh_token": f"file:{folder / 'first'}", "token_file": str(folder / "tokens.json")}
    return {"url": client["url"], "auth": auth | {"token_url": client["token_url"]}, **site.source_settings()}
