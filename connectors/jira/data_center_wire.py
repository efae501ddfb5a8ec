"""Data Center's JSON in Cloud's shapes, and shapes of its own for what Cloud has not.

Pure, and tolerant: in what is put into Cloud's shape, what is not what it should be stays as it is, for `wire` to refuse.

Data Center names people by `key` (stable, and what its histories hold) and `name` (for signing in, and what an edit takes). Its
histories name fields by their names alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pydantic import Field

from connectors.jira.wire import Allowed, Group, Row, Wire

AccountType = Callable[[str], str]
"""The type that Cloud would give a person of this key: atlassian or customer."""

_PEOPLE: Final = ("assignee", "reporter")
_DEEPEST: Final = 6


class Rows(Wire):
    """A page of a search."""

    issues: list[Row] = Field([])
    total: int = 0


class Options(Wire):
    """The choices of a select field."""

    options: list[Allowed] = Field([])
    total: int = 0


class Scheme(Wire):
    """A priority scheme: the ids of its priorities, the most urgent first."""

    ids: list[str] = Field([], alias="optionIds")


class Groups(Wire):
    """Groups, which have no ids."""

    groups: list[Group] = Field([])


class Roles(Wire):
    """The applications that somebody has a licence of."""

    size: int = 0


class Account(Wire):
    """Somebody; without licences a customer."""

    name: str = ""
    roles: Roles | None = Field(None, alias="applicationRoles")


class Said(Wire):
    """A comment as Jira Service Management tells it."""

    id: str
    public: bool


class OfRequest(Wire):
    """A page of the comments of a customer's request."""

    values: list[Said] = Field([])
    is_last: bool = Field(default=True, alias="isLastPage")


def person(user: object, type_of: AccountType | None = None) -> None:
    """Give a user the account id that Cloud has: the key, which outlives a change of the name."""
    if isinstance(user, dict) and "accountId" not in user and (key := user.get("key") or user.get("name")):
        user["accountId"] = key
        if type_of is not None and isinstance(key, str):
            user["accountType"] = type_of(key)


def issue_and_history(row: Any, ids: Mapping[str, str], type_of: AccountType) -> list[Any]:
    """Put an issue into Cloud's shape, where it stands, and take its history from it.

    `ids` are those of custom fields by their names. Only those who spoke or changed something in a service project are asked
    about: everybody in another one is staff, and whoever reported an issue is its requester anyway.
    """
    if not isinstance(row, dict):
        return []
    fields = row.get("fields")
    of_desk = type_of if is_of_desk(row) else None
    reporter = _key(fields.get("reporter")) if isinstance(fields, dict) else ""
    if isinstance(fields, dict):
        for name in _PEOPLE:
            person(fields.get(name))
        for name, value in fields.items():
            if name.startswith("customfield_"):
                _people_in(value, _DEEPEST)
    histories = row.pop("changelog", None)
    entries = histories.get("histories") if isinstance(histories, dict) else None
    entries = entries if isinstance(entries, list) else []
    for each in (*comments_of(row), *entries):
        if isinstance(each, dict):
            author = each.get("author")
            person(author, None if _key(author) == reporter else of_desk)
    for entry in entries:
        for item in _dicts(entry.get("items") if isinstance(entry, dict) else None):
            item["fieldId"] = _field_id(item, ids)
    return entries


def _people_in(value: object, depth: int) -> None:
    """Participants, approvers, whatever a custom field holds of people."""
    if depth == 0:
        return
    if isinstance(value, dict):
        if "displayName" in value:
            person(value)
        for each in value.values():
            _people_in(each, depth - 1)
    elif isinstance(value, list):
        for each in value:
            _people_in(each, depth - 1)


def comments_of(row: Any) -> list[Any]:
    """The comments that an issue carries."""
    fields = row.get("fields") if isinstance(row, dict) else None
    field = fields.get("comment") if isinstance(fields, dict) else None
    comments = field.get("comments") if isinstance(field, dict) else None
    return comments if isinstance(comments, list) else []


def is_of_desk(row: Any) -> bool:
    """Whether an issue is of a service project."""
    fields = row.get("fields") if isinstance(row, dict) else None
    project = fields.get("project") if isinstance(fields, dict) else None
    return isinstance(project, dict) and project.get("projectTypeKey") == "service_desk"


def _key(user: object) -> object:
    return (user.get("key") or user.get("name")) if isinstance(user, dict) else None


def _dicts(rows: object) -> Iterator[dict[str, Any]]:
    return (each for each in rows if isinstance(each, dict)) if isinstance(rows, list) else iter(())


def _field_id(item: Mapping[str, Any], ids: Mapping[str, str]) -> str:
    """A custom field of the name of a field of Jira's own must not be taken for it."""
    name = str(item.get("field", ""))
    if item.get("fieldtype") != "custom":
        return name.casefold()
    return ids.get(name, f"{name} (custom)")
