"""The team of an issue in each kind of tier field: as Jira shows it, as its history tells it, as it is written. Pure.

A choice of the second level of a cascading select is named by the ids of both levels, `10021/10033`. Atlassian's Team field is
shown as an object and written as its plain id: https://developer.atlassian.com/platform/teams/components/team-field-in-jira-rest-api/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from rules.ticket import UNKNOWN, Value

TierKind = Literal["team", "select", "cascading_select", "group", "component", "status", "assignee"]
_GROUP_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LEVELS: Final = re.compile(r"Parent values: .*?\((\d+)\)(?:Level 1 values: .*\((\d+)\))?", re.DOTALL)
"""How a history shows both levels of a cascading select: `Parent values: Support(10021)Level 1 values: Network(10033)`."""


def held(kind: TierKind, teams: Mapping[str, str], tier: Any, components: Mapping[str, str], status: str) -> str | None:
    """The id of the team that a tier field's value, the components or the status of an issue name."""
    match kind:
        case "component":
            return next((id_ for id_ in teams if id_ in components), None) if components else None
        case "status":
            return status if status in teams else None
        case "assignee":
            return None
    if not isinstance(tier, dict):
        return tier if isinstance(tier, str) and tier else None
    given = _known_group(teams, tier) if kind == "group" else tier.get("id")
    child = tier.get("child") if kind == "cascading_select" else None
    if given is None:
        return None
    return f"{given}/{child['id']}" if isinstance(child, dict) and "id" in child else str(given)


def told(kind: TierKind, teams: Mapping[str, str], old: tuple[str, str], new: tuple[str, str]) -> tuple[Value, Value]:
    """The teams of a history's item: of each side what it gives as value and as text, empty for nothing."""
    match kind:
        case "group":
            # Group pickers record names; the ticket carries the group's id where the directory knows it.
            ids = {name: id_ for id_, name in teams.items()}
            return _group(ids, *old), _group(ids, *new)
        case "cascading_select":
            return _levels(*old), _levels(*new)
    return old[0] or None, new[0] or None


def sent(kind: TierKind, team: Value) -> object:
    """A team as the value of its field."""
    if team is None:
        return None
    match kind:
        case "team":
            return team
        case "select":
            return {"id": team}
        case "cascading_select":
            parent, _, child = str(team).partition("/")
            return {"id": parent, "child": {"id": child}} if child else {"id": parent}
        case _:
            return {"groupId": team} if _GROUP_ID.fullmatch(str(team)) else {"name": team}


def _known_group(teams: Mapping[str, str], group: Mapping[str, Any]) -> str | None:
    """Its id where the directory has it; else its name, which is all that histories tell."""
    id_ = group.get("groupId")
    return id_ if id_ in teams else group.get("name") or id_


def _group(ids: Mapping[str, str], value: str, text: str) -> str | None:
    given = value or text
    return ids.get(given, given) if given else None


def _levels(value: str, text: str) -> Value:
    if not (value or text):
        return None
    found = _LEVELS.fullmatch(text)
    return UNKNOWN if found is None else "/".join(filter(None, found.groups()))
