"""Calls that Jira Data Center answers in its own way, and which calls it has: one table, below /rest/api/2 (also called latest).

https://developer.atlassian.com/server/jira/platform/rest/v10003/.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.jira.site import about_calls, commenting, issue_calls, link_calls, people_calls, properties
from connectors.jira.site.call import Answer, Call, answered, number, page, refuse, strings
from connectors.jira.site.catalog import FIELDS, ISSUE_TYPE, SCHEME, User
from connectors.jira.site.jql import BadQuery, parse
from connectors.jira.site.matching import matcher, ordering
from connectors.jira.site.render import NAVIGABLE, chosen, stamp
from connectors.jira.site.routes import Handler
from connectors.jira.site.state import Issue
from rules.instants import SECOND

VERSION: Final = (10, 3, 24)
PAGE: Final = 50
MOST_ROWS: Final = 1_000
"""Unless an administrator sets another number (jira.search.views.default.max)."""
MOST_PEOPLE: Final = 100


def server_info(call: Call) -> Answer:
    """GET serverInfo, also for anonymous callers; Data Center calls itself Server."""
    return answered(
        {
            "baseUrl": call.site.base,
            "version": ".".join(map(str, VERSION)),
            "versionNumbers": list(VERSION),
            "deploymentType": "Server",
            "buildNumber": 10030024,
            "buildDate": "2026-08-10T00:00:00.000+0000",
            "databaseBuildNumber": 10030024,
            "serverTime": stamp(call.now),
            "scmInfo": "sandbox",
            "serverTitle": "Jira",
        }
    )


# --- searches ----------------------------------------------------------------------------------------------------------


def by_get(call: Call) -> Answer:
    """GET search."""
    start, most = call.number("startAt", 0), call.number("maxResults", PAGE)
    return _searched(call, call.text("jql"), start, most, call.listed("fields"), call.listed("expand"))


def by_post(call: Call) -> Answer:
    """POST search."""
    given = call.mapping("jql", "startAt", "maxResults", "fields", "expand", "validateQuery")
    start, most = (number(given.get(name, default), name) for name, default in (("startAt", 0), ("maxResults", PAGE)))
    return _searched(call, str(given.get("jql") or ""), start, most, strings(given, "fields"), strings(given, "expand"))


def _searched(call: Call, jql: str, start: int, most: int, fields: Sequence[str], expand: Sequence[str]) -> Answer:
    rows = _matching(call, jql) if call.caller is not None and call.may("BROWSE_PROJECTS") else []
    size = min(most, MOST_ROWS)
    names = chosen([name for name in fields if name not in {"id", "key"}], () if fields else NAVIGABLE)
    shown = [_row(call, row, names, expand) for row in rows[start : start + size]]
    return answered({"expand": "schema,names", "startAt": start, "maxResults": size, "total": len(rows), "issues": shown})


def _row(call: Call, row: Issue, names: Sequence[str], expand: Sequence[str]) -> dict[str, object]:
    shown = call.render.issue(row, names, searched=True)
    return shown | ({"changelog": call.render.changelog(row, len(row.entries))} if "changelog" in expand else {})


def _matching(call: Call, jql: str) -> list[Issue]:
    """All rows of the index that a query means, in its order. The index knows times to the second; then keys decide."""
    asker = call.site.asker(call.user().id, call.now)
    index = call.site.searchable(call.now)
    try:
        query = parse(jql)
        test = matcher(query.where, asker)
        found = [row for row in index.rows.values() if test(row)]
        if query.order and query.order[0][0] in FIELDS["updated"].clauses:
            return sorted(found, key=lambda row: (row.updated // SECOND, row.id), reverse=query.order[0][1])
        return sorted(found, key=ordering(query.order, asker.catalog))
    except BadQuery as error:
        refuse(400, str(error))


# --- people ------------------------------------------------------------------------------------------------------------


def user(call: Call) -> Answer:
    """GET one account, by key or by name; `expand` shows its licences, of which customers have none."""
    call.user()
    key, name = call.text("key"), call.text("username")
    found = next((each for each in call.site.catalog.users.values() if (each.id == key if key else each.login == name)), None)
    if found is None:
        refuse(404, f"The user named '{key or name}' does not exist")
    shown = call.render.user(found.id)
    licences = [] if found.account_type == "customer" else [{"key": "jira-servicedesk", "name": "Jira Service Management"}]
    roles: dict[str, object] = {"size": len(licences), "items": licences if "applicationRoles" in call.listed("expand") else []}
    return answered({**shown, "applicationRoles": roles})


def search_people(call: Call) -> Answer:
    """GET accounts by a part of name or address; a plain list."""
    call.user()
    if not (text := call.text("username")):
        refuse(400, "The username query parameter was not provided")
    return _people(call, text, list(call.site.catalog.users.values()))


def assignable(call: Call) -> Answer:
    """GET accounts that issues of a project, or one issue, can be assigned to; at most a hundred."""
    call.user()
    if issue := call.text("issueKey"):
        call.issue(issue)
    elif call.site.catalog.project(call.text("project")) is None:
        refuse(404, f"No project could be found with key '{call.text('project')}'.")
    catalog = call.site.catalog
    return _people(call, call.text("username"), [each for each in catalog.users.values() if catalog.assignable(each.id)])


def _people(call: Call, text: str, users: Sequence[User]) -> Answer:
    lowered = text.lower()
    found = [each for each in users if lowered in f"{each.login} {each.name.lower()} {each.email}"]
    start, size = call.number("startAt", 0), min(call.number("maxResults", PAGE), MOST_PEOPLE)
    return answered([call.render.user(each.id) for each in found[start : start + size]])


def permissions(call: Call) -> Answer:
    """GET every permission and whether the caller has it."""
    if (key := call.text("projectKey")) and (call.site.catalog.project(key) is None or not call.may("BROWSE_PROJECTS")):
        refuse(404, f"No project could be found with key '{key}'.")
    shown = {
        key: {"id": str(place), "key": key, "name": name, "type": "PROJECT", "description": "", "havePermission": call.may(key)}
        for place, (key, name) in enumerate(people_calls.PERMISSIONS.items(), start=1)
    }
    return answered({"permissions": shown})


def groups(call: Call) -> Answer:
    """GET groups by a part of their names, which are all that groups have."""
    call.user()
    names = [each for each in call.site.history.teams if call.text("query").lower() in each.lower()]
    shown = [{"name": name, "html": name, "labels": []} for name in names[: call.number("maxResults", 20)]]
    return answered({"header": f"Showing {len(shown)} of {len(names)} matching groups", "total": len(names), "groups": shown})


# --- configuration -----------------------------------------------------------------------------------------------------


def priority_scheme(call: Call, project: str) -> Answer:
    """GET the priority scheme of a project."""
    call.user()
    if call.site.catalog.project(project) is None:
        refuse(404, f"No project could be found with key '{project}'.")
    if not call.may("ADMINISTER_PROJECTS"):
        refuse(403, "You are not allowed to view the priority scheme of this project.")
    return answered({"id": int(SCHEME), "name": "Service desk priorities", "optionIds": list(call.site.catalog.scheme)})


def options(call: Call, field: str) -> Answer:
    """GET the choices of a select field, which is named by its number."""
    call.user()
    if not call.may("ADMINISTER"):
        refuse(403, "Only Jira administrators can see the options of a custom field.")
    known = call.site.catalog.options.get(f"customfield_{field}")
    if known is None:
        refuse(404, "The custom field was not found.")
    found = [{"id": int(id_), "value": name, "disabled": False, "childrenIds": []} for id_, name in known.items()]
    return answered({"total": len(found), "options": found[: call.number("maxResults", PAGE)]})


def issue_type_fields(call: Call, project: str, issue_type: str) -> Answer:
    """GET createmeta: the fields of an issue type."""
    if call.site.catalog.project(project) is None or issue_type != ISSUE_TYPE[0]:
        refuse(400, f"No issue type {issue_type} could be found in the project '{project}'.")
    found = [{**each, "fieldId": each["key"], "hasDefaultValue": False} for each in issue_calls.metadata(call).values()]
    return answered(page(found, call.number("startAt", 0), call.number("maxResults", PAGE)))


def edited(call: Call, id_or_key: str) -> Answer:
    """PUT an issue; only administrators may keep it from sending mail."""
    if call.text("notifyUsers").lower() == "false" and not (call.may("ADMINISTER") or call.may("ADMINISTER_PROJECTS")):
        call.issue(id_or_key, "EDIT_ISSUES")
        refuse(403, "To discard the user notification either admin or project admin permissions are required.")
    return issue_calls.edited(call, id_or_key)


ROUTES: Final[Sequence[tuple[str, str, Handler]]] = (
    ("GET", "serverInfo", server_info),
    ("GET", "field", about_calls.fields),
    ("GET", "customFields/{}/options", options),
    ("GET", "status", about_calls.statuses),
    ("GET", "priority", about_calls.priorities),
    ("GET", "project", about_calls.projects),
    ("GET", "project/{}", about_calls.project),
    ("GET", "project/{}/statuses", about_calls.project_statuses),
    ("GET", "project/{}/components", about_calls.components),
    ("GET", "project/{}/priorityscheme", priority_scheme),
    ("GET", "myself", people_calls.myself),
    ("GET", "mypermissions", permissions),
    ("GET", "user", user),
    ("GET", "user/search", search_people),
    ("GET", "user/assignable/search", assignable),
    ("GET", "groups/picker", groups),
    ("GET", "search", by_get),
    ("POST", "search", by_post),
    ("POST", "issue", issue_calls.made),
    ("GET", "issue/createmeta/{}/issuetypes", issue_calls.issue_types),
    ("GET", "issue/createmeta/{}/issuetypes/{}", issue_type_fields),
    ("GET", "issue/{}", issue_calls.read),
    ("PUT", "issue/{}", edited),
    ("DELETE", "issue/{}", issue_calls.removed),
    ("PUT", "issue/{}/assignee", issue_calls.assigned),
    ("GET", "issue/{}/transitions", issue_calls.transitions),
    ("POST", "issue/{}/transitions", issue_calls.transitioned),
    ("GET", "issue/{}/editmeta", issue_calls.editmeta),
    ("GET", "issue/{}/comment", commenting.listed),
    ("POST", "issue/{}/comment", commenting.added),
    ("GET", "issue/{}/comment/{}", commenting.read),
    ("PUT", "issue/{}/comment/{}", commenting.edited),
    ("DELETE", "issue/{}/comment/{}", commenting.deleted),
    ("GET", "comment/{}/properties", commenting.property_keys),
    ("GET", "comment/{}/properties/{}", commenting.property_),
    ("PUT", "comment/{}/properties/{}", commenting.property_),
    ("DELETE", "comment/{}/properties/{}", commenting.property_),
    ("GET", "issue/{}/properties", properties.keys_of_issue),
    ("GET", "issue/{}/properties/{}", properties.of_issue),
    ("PUT", "issue/{}/properties/{}", properties.of_issue),
    ("DELETE", "issue/{}/properties/{}", properties.of_issue),
    ("GET", "issue/{}/remotelink", link_calls.listed),
    ("POST", "issue/{}/remotelink", link_calls.put),
    ("DELETE", "issue/{}/remotelink", link_calls.removed),
)
