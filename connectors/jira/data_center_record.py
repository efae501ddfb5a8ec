"""Jira Data Center's own record of what an account did, read through its API without any of hoist's own reading code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import requests

from connectors.jira.record import PROPERTY, TIMEOUT
from connectors.sandboxes.record import FoundComment, FoundSave
from rules.instants import Instant, instant


class DataCenterRecord:
    """Reads a sandbox as an auditor would. `fields`: the names that hoist has for Jira's own names of fields."""

    def __init__(self, url: str, token: str, project: str, fields: Mapping[str, str]) -> None:
        self._base = f"{url}/rest"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._project, self._fields = project, fields
        self.account = str(self._got("/api/2/myself")["key"])
        self.names: dict[str, str] = {}
        """Key -> name, of everybody who acted on the issues read so far."""

    def issues(self) -> list[str]:
        """The ids of all issues of the project."""
        found: list[str] = []
        while True:
            query: dict[str, str | int] = {
                "jql": f"project = {self._project} ORDER BY key",
                "startAt": len(found),
                "fields": "reporter",
            }
            page = self._got("/api/2/search", query | {"maxResults": 1000})
            for issue in page["issues"]:
                found.append(str(issue["id"]))
                if reporter := issue["fields"].get("reporter"):
                    self._met(reporter)
            if not page["issues"] or len(found) >= page["total"]:
                return found

    def saves(self, issues: Sequence[str]) -> Iterator[FoundSave]:
        """Every history entry by hoist's account, those of an issue in order."""
        for issue in issues:
            told = self._got(f"/api/2/issue/{issue}", {"fields": "updated", "expand": "changelog"})
            for entry in told["changelog"]["histories"]:
                self._met(entry["author"])
                if entry["author"]["key"] == self.account:
                    items = tuple(self._item(item) for item in entry["items"])
                    yield FoundSave(issue, _at(entry["created"]), items)

    def comments(self, issue: str) -> list[FoundComment]:
        """The comments of hoist's account on an issue."""
        told = self._got(f"/api/2/issue/{issue}/comment", {"maxResults": 5000})
        found = []
        for comment in told["comments"]:
            self._met(comment["author"])
            if comment["author"]["key"] == self.account:
                found.append(self._comment(issue, comment))
        return found

    def _comment(self, issue: str, comment: Mapping[str, Any]) -> FoundComment:
        mark = self._property(comment["id"], PROPERTY) or {}
        internal = self._property(comment["id"], "sd.public.comment") or {}
        firings = tuple(mark.get("firings", ()))
        return FoundComment(issue, _at(comment["created"]), firings, internal.get("internal") is not True, comment["body"])

    def _property(self, comment: str, key: str) -> Mapping[str, Any] | None:
        answer = self._session.get(f"{self._base}/api/2/comment/{comment}/properties/{key}", timeout=TIMEOUT)
        value = answer.json()["value"] if answer.ok else None
        return value if isinstance(value, dict) else None

    def _item(self, item: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
        if item["field"] == "labels":
            return ("labels", item.get("fromString"), item.get("toString"))
        return (self._fields.get(item["field"], item["field"]), item.get("from"), item.get("to"))

    def _met(self, author: Mapping[str, Any]) -> None:
        self.names[author["key"]] = author["displayName"]

    def _got(self, path: str, query: Mapping[str, str | int] | None = None) -> Any:
        answer = self._session.get(self._base + path, params=dict(query or {}), timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()


def _at(stamp: object) -> Instant:
    return instant(datetime.fromisoformat(str(stamp)))
