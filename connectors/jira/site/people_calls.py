"""Accounts and what they may do.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-users/, -user-search, -myself and -permissions.
"""

from __future__ import annotations

from typing import Final

from connectors.jira.site.call import Answer, Call, answered, page, refuse
from connectors.jira.site.catalog import User

PERMISSIONS: Final = {
    "BROWSE_PROJECTS": "Browse Projects",
    "CREATE_ISSUES": "Create Issues",
    "EDIT_ISSUES": "Edit Issues",
    "ASSIGN_ISSUES": "Assign Issues",
    "ASSIGNABLE_USER": "Assignable User",
    "TRANSITION_ISSUES": "Transition Issues",
    "ADD_COMMENTS": "Add Comments",
    "DELETE_ISSUES": "Delete Issues",
    "SERVICEDESK_AGENT": "Service Project Agent",
    "ADMINISTER": "Administer Jira",
    "ADMINISTER_PROJECTS": "Administer Projects",
}


def myself(call: Call) -> Answer:
    """GET who the caller is; a wrong credential is told here, and hardly anywhere else."""
    if call.caller is None:
        refuse(401, "Client must be authenticated to access this resource.")
    shown = {**call.render.user(call.caller.id), "emailAddress": call.caller.email, "locale": "en_GB"}
    return answered({**shown, "groups": {"size": 0, "items": []}, "applicationRoles": {"size": 0, "items": []}})


def permissions(call: Call) -> Answer:
    """GET which of the permissions that are named the caller has."""
    asked = call.listed("permissions")
    if not asked:
        refuse(400, "The 'permissions' query parameter is required.")
    if unknown := [each for each in asked if each not in PERMISSIONS]:
        refuse(400, f"Unrecognized permission(s): {', '.join(unknown)}")
    if (key := call.text("projectKey")) and (call.site.catalog.project(key) is None or not call.may("BROWSE_PROJECTS")):
        refuse(404, f"No project could be found with key '{key}'.")
    shown = {
        each: {
            "id": str(list(PERMISSIONS).index(each) + 1),
            "key": each,
            "name": PERMISSIONS[each],
            "type": "GLOBAL" if each == "ADMINISTER" else "PROJECT",
            "description": "",
            "havePermission": call.may(each),
        }
        for each in asked
    }
    return answered({"permissions": shown})


def user(call: Call) -> Answer:
    """GET one account."""
    call.user()
    account = call.text("accountId")
    if account not in call.site.catalog.users:
        refuse(404, "Specified user does not exist or you do not have required permissions")
    return answered(call.render.user(account))


def search(call: Call) -> Answer:
    """GET accounts by a part of name or address, or by account id; a plain list."""
    call.user()
    query, account = call.text("query") or call.text("username"), call.text("accountId")
    if not query and not account:
        refuse(400, "The query parameter is required.")
    return _listed(call, [each for each in call.site.catalog.users.values() if _fits(each, query, account)])


def groups(call: Call) -> Answer:
    """GET group/bulk, by pages: for those who may browse users and groups."""
    call.user()
    if not call.may("USER_PICKER"):
        refuse(403, "You do not have the permission to browse users and groups.")
    found = [{"groupId": id_, "name": name} for id_, name in call.site.catalog.groups.items()]
    return answered(page(found, call.number("startAt", 0), call.number("maxResults", 50)))


def assignable(call: Call) -> Answer:
    """GET accounts that issues of a project, or one issue, can be assigned to; a plain list."""
    call.user()
    if issue := call.text("issueKey") or call.text("issueId"):
        call.issue(issue)
    elif not (key := call.text("project")):
        refuse(400, "Either an issue or a project must be named.")
    elif call.site.catalog.project(key) is None:
        refuse(404, f"No project could be found with key '{key}'.")
    catalog, query, account = call.site.catalog, call.text("query"), call.text("accountId")
    return _listed(call, [each for each in catalog.users.values() if catalog.assignable(each.id) and _fits(each, query, account)])


def _fits(user: User, query: str, account: str) -> bool:
    lowered = query.lower()
    in_text = lowered in user.name.lower() or user.email.startswith(lowered) or user.id == query
    return in_text and account in {"", user.id}


def _listed(call: Call, users: list[User]) -> Answer:
    start, size = call.number("startAt", 0), call.number("maxResults", 50)
    return answered([call.render.user(each.id) for each in users[start : start + size]])


def bulk(call: Call) -> Answer:
    """GET the accounts of these ids by pages; ids that are not known are left out."""
    call.user()
    asked = call.listed("accountId")
    if not asked:
        refuse(400, "The accountId parameter is required.")
    found = [call.render.user(each) for each in asked if each in call.site.catalog.users]
    return answered(page(found, call.number("startAt", 0), min(call.number("maxResults", 10), 200)))
