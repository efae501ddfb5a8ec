"""What the platform's own record shows of hoist's account when a run is over, read through its API as an auditor would."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from connectors.sandboxes.sandbox import Sandbox
from tests.simulation.platforms.far_side import Item

WRITTEN: Final = frozenset({"team", "assignee", "priority"})
"""Fields whose values are the platform's ids in every record."""
Words = tuple[tuple[str, ...], bool]
"""The firings that a comment names, and whether the requester can read it."""


@dataclass(frozen=True)
class Audited:
    """By ticket that hoist's account can see: what it set of the fields that it writes, and what it said."""

    items: Mapping[str, Counter[Item]]
    comments: Mapping[str, Counter[Words]]


def audited(sandbox: Sandbox) -> Audited:
    """Read all of a record; nothing goes wrong with these requests."""
    with patch("requests.sessions.HTTPAdapter", lambda: _Straight(sandbox)):
        record = sandbox.record()
    issues = record.issues()
    items: dict[str, Counter[Item]] = {issue: Counter() for issue in issues}
    for save in record.saves(issues):
        items[save.issue].update(item for item in save.items if item[0] in WRITTEN)
    said = {issue: Counter((comment.firings, comment.public) for comment in record.comments(issue)) for issue in issues}
    return Audited(items, said)


class _Straight(HTTPAdapter):
    """Hands each request to a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self._sandbox = sandbox

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        answer = self._sandbox.dispatch(str(request.method), parts.path, parts.query, dict(request.headers.items()), body)
        raw = urllib3.HTTPResponse(
            io.BytesIO(answer.body), headers=dict(answer.headers), status=answer.status, preload_content=False
        )
        return self.build_response(request, raw)
