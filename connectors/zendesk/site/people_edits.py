"""Calls that make and change users, groups and memberships.

https://developer.zendesk.com/api-reference/ticketing/users/users/#create-user
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sandboxes.answer import Answer
from connectors.zendesk.site import render
from connectors.zendesk.site.answers import answered, invalid, not_found
from connectors.zendesk.site.call import Call
from connectors.zendesk.site.catalog import Group, Membership, User


def create_user(call: Call) -> Answer:
    """POST users, and users/create_or_update."""
    call.must_be_admin()
    given = call.sent("user")
    known = call.catalog.by_email.get(str(given.get("email") or "").lower())
    if known is not None and call.path.endswith("create_or_update"):
        return _shown_user(call, _changed(call, known, given))
    if known is not None:
        invalid({"email": [(f"Email: {known.email} is already being used by another user", "DuplicateValue")]})
    return _shown_user(call, joined(call, given), 201)


def update_user(call: Call, word: str) -> Answer:
    """PUT users/{id}."""
    call.must_be_admin()
    return _shown_user(call, _changed(call, _user(call, word), call.sent("user")))


def delete_user(call: Call, word: str) -> Answer:
    """DELETE users/{id}: the user stays as one who is not active."""
    call.must_be_admin()
    user = _user(call, word)
    return _shown_user(call, _changed(call, user, {"active": False}))


def joined(call: Call, given: Mapping[str, Any]) -> User:
    """A new user, or the one who has this address already; without a role an end-user. Raises Refused."""
    name, email = str(given.get("name") or ""), str(given.get("email") or "").lower()
    if known := call.catalog.by_email.get(email):
        return known
    if not name:
        invalid({"name": [("Name: is too short (minimum one character)", "ValueTooShort")]})
    catalog = call.catalog
    role = _role(given.get("role") or "end-user")
    default = next(iter(catalog.groups), None) if role != "end-user" else None
    id_ = 37_000_000_000_000 + len(catalog.users)
    user = User(id_, email or f"user-{id_}", name, email, role, True, None, default, call.now)  # noqa: FBT003 - a row
    catalog.put_user(user)
    if default is not None:
        _add(call, id_, default, default=True)
    return user


def create_group(call: Call) -> Answer:
    """POST groups."""
    call.must_be_admin()
    name = str(call.sent("group").get("name") or "")
    if not name:
        invalid({"name": [("Name: cannot be blank", "BlankValue")]})
    found = Group(max(call.catalog.groups, default=24_811_000_000_000) + 1, name)
    call.catalog.groups[found.id] = found
    return answered({"group": render.group(found, call.base, call.now)}, 201)


def create_membership(call: Call) -> Answer:
    """POST group_memberships."""
    call.must_be_admin()
    given = call.sent("group_membership")
    user, group = _user(call, str(given.get("user_id"))), call.catalog.groups.get(_id(given.get("group_id")))
    if group is None or user.role == "end-user":
        invalid({"base": [("Group or user is invalid", "InvalidValue")]})
    if user.id in call.catalog.members[group.id]:
        invalid({"user_id": [("User: has already been taken", "DuplicateValue")]})
    found = _add(call, user.id, group.id, default=user.default_group is None)
    return answered({"group_membership": render.membership(found, call.base, call.now)}, 201)


def delete_membership(call: Call, word: str) -> Answer:
    """DELETE group_memberships/{id}: tickets that the agent has there lose their assignee."""
    call.must_be_admin()
    catalog = call.catalog
    found = next((each for each in catalog.memberships if str(each.id) == word), None)
    if found is None:
        not_found()
    catalog.memberships.remove(found)
    catalog.members[found.group].discard(found.user)
    call.account.bereave(found.user, found.group, call.caller.user.id, call.now)
    return Answer(204)


def _user(call: Call, word: str) -> User:
    return call.catalog.users.get(_id(word)) or not_found()


def _id(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else 0


def _role(role: object) -> str:
    if role not in ("admin", "agent", "end-user"):
        invalid({"role": [(f"Role: {role} is not a valid role", "InvalidValue")]})
    return str(role)


def _changed(call: Call, user: User, given: Mapping[str, Any]) -> User:
    changes: dict[str, Any] = {"at": max(user.at, call.now)}
    changes |= {name: str(given[name]) for name in ("name", "email") if given.get(name)}
    changes |= {"role": _role(given["role"])} if "role" in given else {}
    if isinstance(given.get("suspended"), bool) or "active" in given:
        changes["active"] = not given.get("suspended", False) and given.get("active", True) is not False
    group = call.catalog.groups.get(_id(given.get("default_group_id")))
    changes |= {"default_group": group.id} if group else {}
    found = user._replace(**changes)
    call.catalog.put_user(found)
    return found


def _add(call: Call, user: int, group: int, *, default: bool) -> Membership:
    catalog = call.catalog
    found = Membership(max((each.id for each in catalog.memberships), default=26_511_000_000_000) + 1, user, group, default)
    catalog.memberships.append(found)
    catalog.members[group].add(user)
    return found


def _shown_user(call: Call, user: User, status: int = 200) -> Answer:
    return answered({"user": render.user(user, call.base, call.catalog.made)}, status)
