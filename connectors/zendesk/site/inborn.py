"""What the platform does by itself in every update: statuses and their categories, groups and their members.

https://support.zendesk.com/hc/en-us/articles/4408886840986 (native ticket rules)
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.zendesk.site.catalog import LINE, Catalog
from connectors.zendesk.site.state import Value

_FIELD = str(LINE)
WAITING = ("pending", "hold", "solved")


def settled(
    catalog: Catalog, before: Mapping[str, Value], asked: Mapping[str, Value], *,
    by_requester: bool, commented: bool, lone_agent: bool,
) -> dict[str, Value]:  # fmt: skip
    """The changes that come of those that were asked for. `by_requester`: by somebody who is no agent."""
    changes = dict(asked)
    _own(catalog, before, changes, lone_agent=lone_agent)
    _status(catalog, before, changes, reopened=by_requester and commented)
    _choices(catalog, before, changes)
    return changes


def _own(catalog: Catalog, before: Mapping[str, Value], changes: dict[str, Value], *, lone_agent: bool) -> None:
    """Group and assignee: a group that the assignee is no member of empties the assignee, an assignee alone brings a group."""
    group = changes.get("group_id", before.get("group_id"))
    owner = changes.get("assignee_id", before.get("assignee_id"))
    if "assignee_id" in changes and isinstance(owner, int) and "group_id" not in changes:
        if not isinstance(group, int) or owner not in catalog.members[group]:
            changes["group_id"] = catalog.users[owner].default_group
    elif "group_id" in changes and "assignee_id" not in changes and isinstance(owner, int):
        changes["assignee_id"] = owner if isinstance(group, int) and owner in catalog.members[group] else None
    group = changes.get("group_id")
    if lone_agent and isinstance(group, int) and changes.get("assignee_id") is None and len(catalog.members[group]) == 1:
        (changes["assignee_id"],) = catalog.members[group]


def _status(catalog: Catalog, before: Mapping[str, Value], changes: dict[str, Value], *, reopened: bool) -> None:
    """Status and custom status go together; a status brings the default of its category."""
    if "custom_status_id" in changes:
        changes["status"] = catalog.statuses[_number(changes["custom_status_id"])].category
    elif "status" in changes and changes["status"] != "closed":
        changes["custom_status_id"] = catalog.defaults[str(changes["status"])]
    was = before.get("status")
    if "status" not in changes and reopened and was in WAITING:
        changes["status"], changes["custom_status_id"] = "open", catalog.defaults["open"]
    status = changes.get("status", was)
    taken = changes.get("assignee_id") is not None
    if status == "new" and (taken or (was not in {None, "new"})):
        changes["status"], changes["custom_status_id"] = "open", catalog.defaults["open"]


def _choices(catalog: Catalog, before: Mapping[str, Value], changes: dict[str, Value]) -> None:
    """A drop-down's choice is a tag: who changes the one changes the other."""
    field = _FIELD
    if "tags" not in changes and changes.get(field, before.get(field)) == before.get(field):
        return
    tags, had = _several(changes.get("tags", before.get("tags"))), _several(before.get("tags"))
    if field in changes:
        chosen = changes[field]
        tags = tuple(each for each in tags if each not in catalog.lines or each == chosen)
        changes["tags"] = tags if chosen is None or chosen in tags else (*tags, str(chosen))
        return
    if "tags" not in changes:
        return
    come = [each for each in tags if each in catalog.lines and each not in had]
    kept = [each for each in tags if each in catalog.lines]
    chosen = come[-1] if come else (kept[0] if kept else None)
    changes["tags"] = tuple(each for each in tags if each not in catalog.lines or each == chosen)
    changes[field] = chosen


def _several(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _number(value: Value) -> int:
    if not isinstance(value, int):
        raise TypeError(value)
    return value
