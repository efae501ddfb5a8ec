"""One call to the site: what was asked, by whom, when; and what is answered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from connectors.jira.site.catalog import User
from connectors.sandboxes.answer import Answer
from rules.instants import Instant

if TYPE_CHECKING:
    from connectors.jira.site.render import Render
    from connectors.jira.site.state import Issue
    from connectors.jira.site.whole import Site

__all__ = ["Answer", "Call", "Refused", "answered", "number", "page", "refuse", "section", "strings"]


class Refused(Exception):
    """The site refuses, with Jira's error body: messages, and texts by field."""

    def __init__(self, status: int, /, *messages: str, **errors: str) -> None:
        super().__init__(status, messages, errors)
        self.status = status
        self.messages = messages
        self.errors = errors

    def answer(self) -> Answer:
        """The error as Jira words it."""
        return answered({"errorMessages": list(self.messages), "errors": self.errors}, self.status)


def answered(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer; None makes an empty body."""
    content = b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, {"Content-Type": "application/json;charset=UTF-8", **(headers or {})}, content)


@dataclass(slots=True)
class Call:
    """A call after its credential was looked at. `caller` is None for an anonymous one; `version` is 2 or 3."""

    site: Site
    method: str
    version: int
    caller: User | None
    now: Instant
    query: Mapping[str, Sequence[str]]
    body: bytes
    render: Render
    app: bool = False  # whether it bears a token of an OAuth app

    def text(self, name: str, default: str = "") -> str:
        """A parameter of the query that is given once."""
        values = self.query.get(name)
        return values[0] if values else default

    def listed(self, name: str) -> list[str]:
        """A parameter that may be repeated, each with commas."""
        return [part.strip() for value in self.query.get(name, ()) for part in value.split(",") if part.strip()]

    def flag(self, name: str) -> bool:
        """A boolean parameter; Python clients write True."""
        return self.text(name).lower() == "true"

    def number(self, name: str, default: int) -> int:
        """A whole number in the query. Raises Refused."""
        return number(self.text(name) or default, name)

    def payload(self) -> Any:
        """The JSON of the body. Raises Refused."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Refused(400, "There was an error parsing JSON. Check that your request body is valid.") from None

    def mapping(self, *known: str) -> dict[str, Any]:
        """The JSON object of the body; keys that are not known are refused where known ones are named. Raises Refused."""
        given = self.payload()
        if not isinstance(given, dict):
            refuse(400, "Invalid request payload. Refer to the REST API documentation and try again.")
        if known and not set(given) <= set(known):
            refuse(400, "Invalid request payload. Refer to the REST API documentation and try again.")
        return given

    def in_version(self, version: int) -> Call:
        """The same call as if it had been made in another version of the API."""
        return replace(self, version=version)

    def user(self) -> User:
        """The caller. Raises Refused for an anonymous one."""
        if self.caller is None:
            refuse(401, "You do not have the permission to see the specified resource. Login required.")
        return self.caller

    def may(self, permission: str) -> bool:
        """Whether the caller has a permission."""
        if self.caller is None:
            return False
        return self.caller.id != self.site.catalog.agent.id or permission not in self.site.withheld

    def issue(self, id_or_key: str, permission: str = "BROWSE_PROJECTS") -> Issue:
        """The issue of an id, a key or a former key, if the caller may do this to it. Raises Refused."""
        found = self.site.issues.find(id_or_key)
        if found is None or not self.may("BROWSE_PROJECTS"):
            refuse(404, "Issue does not exist or you do not have permission to see it.")
        if permission != "BROWSE_PROJECTS" and found.fields.get("archiveddate") is not None:
            refuse(403, f"The issue {found.key} is archived and can't be changed.")
        if not self.may(permission):
            refuse(403, f"You do not have the permission {permission} for the issue {found.key}.")
        return found


def refuse(status: int, *messages: str) -> NoReturn:
    """Raise Refused."""
    raise Refused(status, *messages)


def number(given: object, name: str) -> int:
    """A whole number that is not negative, from text or JSON. Raises Refused."""
    text = str(given)
    if isinstance(given, bool) or not (text.isascii() and text.isdigit()):
        refuse(400, f"The value of {name} is no whole number from 0 on.")
    return int(text)


def strings(given: Mapping[str, object], name: str) -> list[str]:
    """A list of words in a JSON object; empty where it is missing. Raises Refused."""
    found = given.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        refuse(400, f"{name} must be a list of strings.")
    return found


def section(given: Mapping[str, object], name: str) -> dict[str, Any]:
    """An object inside a JSON object; empty where it is missing. Raises Refused."""
    found = given.get(name) or {}
    if not isinstance(found, dict):
        refuse(400, f"{name} must be an object.")
    return found


def page(values: Sequence[object], start: int, size: int) -> dict[str, object]:
    """A page bean: a stretch of values and where it stands."""
    shown = values[start : start + size]
    last = start + len(shown) >= len(values)
    return {"maxResults": size, "startAt": start, "total": len(values), "isLast": last, "values": shown}
