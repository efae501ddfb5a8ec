"""An account's own record of what a user did, read through its API without any of hoist's own reading code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import requests

from connectors.sandboxes.record import FoundComment, FoundSave
from rules.instants import Instant, instant

FIELDS: Final = {"group_id": "team", "assignee_id": "assignee", "priority": "priority", "tags": "labels"}
METADATA: Final = "hoist"
TIMEOUT: Final = 60

Audit = dict[str, Any]


class ZendeskRecord:
    """Reads an account as an auditor would: every audit of every ticket."""

    def __init__(self, url: str, username: str, token: str) -> None:
        self._api = f"{url}/api/v2"
        self._session = requests.Session()
        self._session.auth = (f"{username}/token", token)
        self._account = int(self._got(f"{self._api}/users/me")["user"]["id"])
        self._audits: dict[str, list[Audit]] = {}
        self.names: dict[str, str] = {"-1": "Zendesk"}

    def issues(self) -> list[str]:
        """The ids of all tickets, and meanwhile what everybody is called."""
        self.names |= {str(user["id"]): str(user["name"]) for user in self._rows("users", "users")}
        url: str | None = f"{self._api}/incremental/tickets/cursor?start_time=0"
        found: list[str] = []
        while url:
            page = self._got(url)
            found += [str(ticket["id"]) for ticket in page["tickets"] if ticket["status"] != "deleted"]
            url = None if page["end_of_stream"] else page["after_url"]
        found += [str(ticket["id"]) for ticket in self._rows("tickets", "tickets")]  # also those of the last minute
        return list(dict.fromkeys(found))

    def saves(self, issues: Sequence[str]) -> Iterator[FoundSave]:
        """Every save by the account that changed a field, those of a ticket in order."""
        for issue in issues:
            for audit in self._own(issue):
                items = tuple(_item(event) for event in audit["events"] if event["type"] == "Change" and "via" not in event)
                if items:
                    yield FoundSave(issue, _at(audit), items)

    def comments(self, issue: str) -> list[FoundComment]:
        """The comments of the account on a ticket, in order."""
        found = []
        for audit in self._own(issue):
            told = audit["metadata"].get("custom", {}).get(METADATA, {})
            for event in audit["events"]:
                if event["type"] == "Comment":
                    firings = tuple(told.get("firings", ()))
                    found.append(FoundComment(issue, _at(audit), firings, event["public"], event["plain_body"]))
        return found

    def _own(self, issue: str) -> list[Audit]:
        if issue not in self._audits:
            rows = self._rows(f"tickets/{issue}/audits", "audits")
            self._audits[issue] = [audit for audit in rows if audit["author_id"] == self._account]
        return self._audits[issue]

    def _rows(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        url: str | None = f"{self._api}/{path}?page[size]=100"
        while url:
            page = self._got(url)
            yield from page[name]
            url = page["links"]["next"] if page.get("meta", {}).get("has_more") else None

    def _got(self, url: str) -> Any:
        answer = self._session.get(url, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()


def _item(event: dict[str, Any]) -> tuple[str, str | None, str | None]:
    name = str(event["field_name"])
    return FIELDS.get(name, name), _text(event.get("previous_value")), _text(event.get("value"))


def _text(value: object) -> str | None:
    """A value as the record has it: ids as text, labels with spaces between them."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    return None if value is None else str(value)


def _at(audit: Audit) -> Instant:
    return instant(datetime.fromisoformat(audit["created_at"]))
