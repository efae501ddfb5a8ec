"""A sandbox of Jira that notes each request which reaches it: whether any could change something is seen there, not at hoist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.jira.sandbox import JiraSandbox
from connectors.jira.site.call import Answer

READS = ("/search/jql", "/bulkfetch")
"""Ends of paths whose POST only asks."""


class NotingSite(JiraSandbox):
    """Answers like any other."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.seen: list[tuple[str, str]] = []

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.seen.append((method, path))
        return super().dispatch(method, path, query, headers, body)

    @property
    def unsafe(self) -> list[tuple[str, str]]:
        """Requests that change something, or could."""
        return [(method, path) for method, path in self.seen if method not in {"GET", "HEAD"} and not path.endswith(READS)]
