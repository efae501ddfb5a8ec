"""What the site is: server, fields, statuses, priorities, projects, the choices of select fields.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/. All of it is the same for every project of the site.
"""

from __future__ import annotations

from typing import Final

from connectors.jira.site.call import Answer, Call, answered, page, refuse
from connectors.jira.site.catalog import CATEGORIES, FIELDS, SCHEME, Field
from connectors.jira.site.render import NAVIGABLE, stamp
from connectors.jira.site.tokens import cloud_id

MOST: Final = 100
CONTEXT: Final = {"10050": "10150", "10051": "10151"}
"""Per select field the id of its one context."""


def server_info(call: Call) -> Answer:
    """GET serverInfo, also for anonymous callers; clients choose their dialect by deploymentType."""
    return answered(
        {
            "baseUrl": call.site.base,
            "displayUrl": call.site.base,
            "version": "1001.0.0-SNAPSHOT",
            "versionNumbers": [1001, 0, 0],
            "deploymentType": "Cloud",
            "buildNumber": 100292,
            "buildDate": "2026-06-10T00:00:00.000+0000",
            "serverTime": stamp(call.now),
            "scmInfo": "sandbox",
            "serverTitle": "Jira",
            "serverTimeZone": "Etc/UTC",
        }
    )


def tenant_info(call: Call) -> Answer:
    """GET /_edge/tenant_info, without a credential: the id of the site."""
    return answered({"cloudId": cloud_id(call.site.history.project)})


def fields(_: Call) -> Answer:
    """GET every field of the site."""
    return answered([_field(each) for each in FIELDS.values()])


def _field(field: Field) -> dict[str, object]:
    return {
        "id": field.id,
        "key": field.id,
        "name": field.name,
        "custom": field.custom,
        "orderable": field.writable,
        "navigable": field.id in NAVIGABLE,
        "searchable": True,
        "clauseNames": list(field.clauses),
        "schema": field.schema,
    }


def contexts(call: Call, field_id: str) -> Answer:
    """GET the contexts of a custom field: one, for all projects."""
    id_ = _context(call, field_id)
    context = {"id": id_, "name": "Default", "description": "", "isGlobalContext": True, "isAnyIssueType": True}
    return answered(page([context], call.number("startAt", 0), call.number("maxResults", 50)))


def options(call: Call, field_id: str, context: str) -> Answer:
    """GET the choices of a select field, at most 100 a page."""
    if context != _context(call, field_id):
        refuse(404, "The context was not found.")
    found = [{"id": id_, "value": name, "disabled": False} for id_, name in call.site.catalog.options[field_id].items()]
    return answered(page(found, call.number("startAt", 0), min(call.number("maxResults", MOST), MOST)))


def _context(call: Call, field_id: str) -> str:
    call.user()
    found = CONTEXT.get(field_id.removeprefix("customfield_"))
    if found is None or field_id not in call.site.catalog.options:
        refuse(404, "The custom field was not found.")
    if not call.may("ADMINISTER"):
        refuse(403, "Only Jira administrators can access custom field contexts.")
    return found


def statuses(call: Call) -> Answer:
    """GET every status."""
    return answered([call.render.status(id_) for id_ in call.site.catalog.statuses])


def statuses_search(call: Call) -> Answer:
    """GET statuses by pages; categories have other words here than elsewhere (TODO, IN_PROGRESS, DONE)."""
    call.user()
    wanted, text = call.text("statusCategory"), call.text("searchString").lower()
    found = [
        {"id": each.id, "name": each.name, "statusCategory": CATEGORIES[each.category][3], "scope": {"type": "GLOBAL"}}
        for each in call.site.catalog.statuses.values()
        if text in each.name.lower() and wanted in {"", CATEGORIES[each.category][3]}
    ]
    return answered(page(found, call.number("startAt", 0), call.number("maxResults", 200)))


def priorities(call: Call) -> Answer:
    """GET every priority of the site, in no scheme's order (deprecated by Atlassian)."""
    return answered([_priority(call, id_) for id_ in call.site.catalog.priorities])


def priorities_search(call: Call) -> Answer:
    """GET priorities by pages; with projectId those of its scheme."""
    catalog = call.site.catalog
    ids = catalog.scheme if call.text("projectId") else list(catalog.priorities)
    found = [_priority(call, id_) for id_ in ids]
    return answered(page(found, call.number("startAt", 0), call.number("maxResults", 50)))


def _priority(call: Call, id_: str) -> dict[str, object]:
    return {**call.render.priority(id_), "description": "", "statusColor": "#cccccc", "isDefault": id_ == _default(call)}


def _default(call: Call) -> str:
    scheme = call.site.catalog.scheme
    return scheme[len(scheme) // 2]


def schemes(call: Call) -> Answer:
    """GET the priority schemes: one, that all projects use."""
    call.user()
    scheme: dict[str, object] = {
        "id": SCHEME, "name": "Service desk priorities", "default": False, "isDefault": False,
        "defaultPriorityId": _default(call), "self": f"{call.render.root}/priorityscheme/{SCHEME}",
    }  # fmt: skip
    if "priorities" in call.listed("expand"):
        found = [_priority(call, id_) for id_ in call.site.catalog.scheme]
        scheme["priorities"] = page(found, 0, 50)
    if "projects" in call.listed("expand"):
        shown = (call.render.project(each) for each in call.site.catalog.projects)
        brief = [{name: each[name] for name in ("self", "id", "key", "name")} for each in shown]
        scheme["projects"] = page(brief, 0, 50)
    return answered(page([scheme], call.number("startAt", 0), call.number("maxResults", 50)))


def scheme_priorities(call: Call, scheme: str) -> Answer:
    """GET the priorities of a scheme, the most urgent first."""
    call.user()
    if scheme != SCHEME:
        refuse(404, "The priority scheme was not found.")
    found = [{**_priority(call, id_), "sequence": str(place)} for place, id_ in enumerate(call.site.catalog.scheme)]
    return answered(page(found, call.number("startAt", 0), call.number("maxResults", 50)))


def projects(call: Call) -> Answer:
    """GET every project that the caller may browse: none for anonymous callers."""
    return answered(_projects(call))


def projects_search(call: Call) -> Answer:
    """GET projects by pages."""
    return answered(page(_projects(call), call.number("startAt", 0), call.number("maxResults", 50)))


def _projects(call: Call) -> list[dict[str, object]]:
    keys = {key.upper() for key in call.listed("keys")}
    known = call.site.catalog.projects if call.may("BROWSE_PROJECTS") else []
    return [call.render.project(each) for each in known if not keys or each.key in keys]


def project(call: Call, id_or_key: str) -> Answer:
    """GET one project."""
    _project(call, id_or_key)
    found = call.site.catalog.project(id_or_key)
    issue_types = [call.render.issue_type()]
    return answered({**call.render.project(found), "issueTypes": issue_types} if found else None)


def project_statuses(call: Call, id_or_key: str) -> Answer:
    """GET the statuses of a project by issue type."""
    _project(call, id_or_key)
    kind = {name: each for name, each in call.render.issue_type().items() if name != "hierarchyLevel"}
    return answered([{**kind, "statuses": [call.render.status(id_) for id_ in call.site.catalog.statuses]}])


def components(call: Call, id_or_key: str) -> Answer:
    """GET all components of a project; the second project has none."""
    return answered(_components(call, id_or_key))


def components_page(call: Call, id_or_key: str) -> Answer:
    """GET the components of a project by pages."""
    return answered(page(_components(call, id_or_key), call.number("startAt", 0), call.number("maxResults", 50)))


def _components(call: Call, id_or_key: str) -> list[dict[str, object]]:
    _project(call, id_or_key)
    first = call.site.catalog.project(id_or_key) == call.site.catalog.projects[0]
    return [call.render.component(id_) for id_ in call.site.catalog.components] if first else []


def _project(call: Call, id_or_key: str) -> None:
    if call.site.catalog.project(id_or_key) is None or not call.may("BROWSE_PROJECTS"):
        refuse(404, f"No project could be found with key '{id_or_key}'.")
