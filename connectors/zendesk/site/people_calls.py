"""Calls about users, groups, memberships and organizations.

https://developer.zendesk.com/api-reference/ticketing/users/users/
"""

from __future__ import annotations

from typing import Any, Final

from connectors.sandboxes.answer import Answer
from connectors.zendesk.site import render
from connectors.zendesk.site.answers import answered, bad_attribute, not_found, refuse
from connectors.zendesk.site.call import Call
from connectors.zendesk.site.catalog import Group, Membership, User
from connectors.zendesk.site.editing import MOST_AT_ONCE
from connectors.zendesk.site.paging import listed

ANONYMOUS: Final = {"id": None, "name": "Anonymous user", "email": "invalid@example.com", "role": "end-user", "active": False}


def me(call: Call) -> Answer:
    """GET users/me."""
    return answered({"user": _user(call, call.caller.user) | {"authenticity_token": "not-needed-by-programs"}})


def anonymous() -> Answer:
    """GET users/me without a credential."""
    return answered({"user": ANONYMOUS})


def users(call: Call) -> Answer:
    """GET users, by role[] or role."""
    roles = {value for name, value in call.query.items() if name.startswith("role")}
    roles = {each for value in roles for each in value.split(",")}
    rows = [each for each in call.catalog.users.values() if not roles or each.role in roles]
    return answered(listed(call, "users", "users", rows, lambda each: _user(call, each)))


def user(call: Call, word: str) -> Answer:
    """GET users/{id}."""
    found = call.catalog.users.get(int(word)) if word.isdigit() else None
    return answered({"user": _user(call, found)}) if found else not_found()


def users_many(call: Call) -> Answer:
    """GET users/show_many?ids=."""
    ids = call.names("ids")
    if len(ids) > MOST_AT_ONCE:
        refuse(400, "TooManyValues", "Too many values", max_count=MOST_AT_ONCE)
    if not all(each.isdigit() for each in ids):
        bad_attribute("ids must be integers")
    rows = [found for each in ids if (found := call.catalog.users.get(int(each))) is not None]
    shown = [_user(call, each) for each in rows]
    return answered({"users": shown, "count": len(rows), "next_page": None, "previous_page": None})


def users_found(call: Call) -> Answer:
    """GET users/search?query=: a name or an address."""
    word = call.query.get("query", "").lower()
    rows = [each for each in call.catalog.users.values() if word in each.name.lower() or word == each.email]
    return answered(listed(call, "users/search", "users", rows, lambda each: _user(call, each)))


def groups(call: Call) -> Answer:
    """GET groups and groups/assignable."""
    path = "groups/assignable" if "assignable" in call.path else "groups"
    rows = list(call.catalog.groups.values())
    return answered(listed(call, path, "groups", rows, lambda each: _group(call, each)))


def group(call: Call, word: str) -> Answer:
    """GET groups/{id}."""
    found = call.catalog.groups.get(int(word)) if word.isdigit() else None
    return answered({"group": _group(call, found)}) if found else not_found()


def memberships(call: Call) -> Answer:
    """GET group_memberships, and those that can be assigned."""
    return _memberships(call, call.path, call.catalog.memberships)


def of_group(call: Call, word: str) -> Answer:
    """GET groups/{id}/memberships, and those that can be assigned."""
    rows = [each for each in call.catalog.memberships if str(each.group) == word]
    return _memberships(call, call.path, rows)


def of_user(call: Call, word: str) -> Answer:
    """GET users/{id}/group_memberships."""
    rows = [each for each in call.catalog.memberships if str(each.user) == word]
    return _memberships(call, call.path, rows)


def organizations(call: Call) -> Answer:
    """GET organizations."""
    rows = list(call.catalog.organizations.items())

    def shown(each: tuple[int, str]) -> dict[str, Any]:
        return render.organization(*each, call.base, call.catalog.made)

    return answered(listed(call, "organizations", "organizations", rows, shown))


def organization(call: Call, word: str) -> Answer:
    """GET organizations/{id}."""
    name = call.catalog.organizations.get(int(word)) if word.isdigit() else None
    if name is None:
        not_found()
    return answered({"organization": render.organization(int(word), name, call.base, call.catalog.made)})


def _memberships(call: Call, path: str, rows: list[Membership]) -> Answer:
    catalog = call.catalog
    if path.endswith("assignable"):
        rows = [each for each in rows if catalog.assignable(each.user)]
    body = listed(call, path, "group_memberships", rows, lambda each: render.membership(each, call.base, catalog.made))
    wanted = call.names("include")
    if "users" in wanted:
        body["users"] = [_user(call, catalog.users[id_]) for id_ in dict.fromkeys(each.user for each in rows)]
    if "groups" in wanted:
        body["groups"] = [_group(call, catalog.groups[id_]) for id_ in dict.fromkeys(each.group for each in rows)]
    return answered(body)


def _user(call: Call, found: User) -> dict[str, Any]:
    return render.user(found, call.base, call.catalog.made)


def _group(call: Call, found: Group) -> dict[str, Any]:
    return render.group(found, call.base, call.catalog.made)
