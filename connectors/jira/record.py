"""Jira's own record of what an account did, read through its API without any of hoist's own reading code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import requests

from connectors.sandboxes.record import FoundComment, FoundSave
from rules.instants import Instant, instant

PROPERTY = "hoist.operation"
TIMEOUT = 60


class JiraRecord:
    """Reads a sandbox as an auditor would. `fields`: the names that hoist has for Jira's fields."""

    def __init__(self, url: str, username: str, token: str, project: str, fields: Mapping[str, str]) -> None:
        self._api = f"{url}/rest/api/3"
        self._session = requests.Session()
        self._session.auth = (username, token)
        self._project, self._fields = project, fields
        self.account = str(self._get("/myself")["accountId"])
        self.names: dict[str, str] = {}
        """Account id -> name, of everybody who acted on the issues read so far."""

    def issues(self) -> list[str]:
        """The ids of all issues of the project."""
        found: list[str] = []
        token = None
        while True:
            body = {"jql": f"project = {self._project} ORDER BY id", "maxResults": 1000, "fields": ["reporter"]}
            page = self._post("/search/jql", body | ({"nextPageToken": token} if token else {}))
            for issue in page["issues"]:
                found.append(str(issue["id"]))
                if reporter := issue["fields"].get("reporter"):
                    self._met(reporter)
            token = page.get("nextPageToken")
            if token is None:
                return found

    def saves(self, issues: Sequence[str]) -> Iterator[FoundSave]:
        """Every changelog entry by hoist's account, those of an issue in order."""
        for start in range(0, len(issues), 1000):
            body: dict[str, Any] = {"issueIdsOrKeys": list(issues[start : start + 1000]), "maxResults": 10_000}
            while True:
                page = self._post("/changelog/bulkfetch", body)
                for of_issue in page["issueChangeLogs"]:
                    for entry in of_issue["changeHistories"]:
                        self._met(entry["author"])
                        if entry["author"]["accountId"] == self.account:
                            yield self._save(str(of_issue["issueId"]), entry)
                if not page.get("nextPageToken"):
                    break
                body["nextPageToken"] = page["nextPageToken"]

    def comments(self, issue: str) -> list[FoundComment]:
        """The comments of hoist's account on an issue."""
        found = []
        start = 0
        while True:
            page = self._get(f"/issue/{issue}/comment?startAt={start}&maxResults=100")
            for comment in page["comments"]:
                self._met(comment["author"])
                if comment["author"]["accountId"] == self.account:
                    found.append(self._comment(issue, comment))
            start += len(page["comments"])
            if not page["comments"] or start >= page["total"]:
                return found

    def _save(self, issue: str, entry: dict[str, Any]) -> FoundSave:
        return FoundSave(issue, _at(entry["created"]), tuple(self._item(item) for item in entry["items"]))

    def _item(self, item: dict[str, Any]) -> tuple[str, str | None, str | None]:
        if item["fieldId"] == "labels":
            return ("labels", item.get("fromString"), item.get("toString"))
        return (self._fields.get(item["fieldId"], item["fieldId"]), item.get("from"), item.get("to"))

    def _met(self, author: dict[str, Any]) -> None:
        self.names[author["accountId"]] = author["displayName"]

    def _comment(self, issue: str, comment: dict[str, Any]) -> FoundComment:
        answer = self._session.get(f"{self._api}/comment/{comment['id']}/properties/{PROPERTY}", timeout=TIMEOUT)
        value = answer.json()["value"] if answer.ok else {}
        texts = tuple(_texts(comment["body"]))
        return FoundComment(
            issue, _at(comment["created"]), tuple(value.get("firings", ())), comment["jsdPublic"], "\n".join(texts)
        )

    def _get(self, path: str) -> Any:
        answer = self._session.get(self._api + path, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()

    def _post(self, path: str, body: object) -> Any:
        answer = self._session.post(self._api + path, json=body, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()


def _at(stamp: object) -> Instant:
    return int(stamp) if isinstance(stamp, int) else instant(datetime.fromisoformat(str(stamp)))


def _texts(node: Any) -> Iterator[str]:
    for paragraph in node.get("content", ()) if isinstance(node, dict) else ():
        yield "".join(part.get("text", "") for part in paragraph.get("content", ()))
