"""The calls about one issue: read, make, edit, assign, move along the workflow, delete.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.jira.site import commenting, editing
from connectors.jira.site.call import Answer, Call, Refused, answered, refuse, section, strings
from connectors.jira.site.catalog import FIELDS, ISSUE_TYPE, Catalog, Field, Status
from connectors.jira.site.properties import checked
from connectors.jira.site.render import chosen
from connectors.jira.site.state import Issue

MOST_FETCHED: Final = 100
GET_ENTRIES: Final = 100
"""How many changelog entries `expand=changelog` shows, the newest first; older ones need the changelog itself."""


def read(call: Call, id_or_key: str) -> Answer:
    """GET an issue; a former key finds it too, and the answer has the new one."""
    issue = call.issue(id_or_key)
    return answered(_shown(call, issue, call.listed("fields"), call.listed("properties"), call.listed("expand")))


def _shown(
    call: Call, issue: Issue, fields: Sequence[str], properties: Sequence[str], expand: Sequence[str]
) -> dict[str, object]:
    names = chosen(fields, tuple(FIELDS))
    shown = call.render.issue(issue, names, properties)
    if "changelog" in expand:
        shown["changelog"] = call.render.changelog(issue, GET_ENTRIES)
    if "transitions" in expand:
        shown["transitions"] = [_transition(call, each, fields=False) for each in _reachable(call, issue)]
    if "names" in expand:
        shown["names"] = {name: FIELDS[name].name for name in names}
    if "editmeta" in expand:
        shown["editmeta"] = {"fields": metadata(call)}
    return shown


def bulk(call: Call) -> Answer:
    """POST issue/bulkfetch: issues by rising id; deleted ones and unknown keys are in issueErrors, unknown ids nowhere."""
    given = call.mapping("issueIdsOrKeys", "fields", "properties", "expand", "fieldsByKeys")
    asked = given.get("issueIdsOrKeys")
    if not isinstance(asked, list) or not 0 < len(asked) <= MOST_FETCHED:
        refuse(400, f"issueIdsOrKeys must name between 1 and {MOST_FETCHED} issues.")
    fields, properties, expand = (strings(given, name) for name in ("fields", "properties", "expand"))
    found: dict[int, Issue] = {}
    errors: list[dict[str, object]] = []
    for each in map(str, asked):
        issue = call.site.issues.find(each) if call.may("BROWSE_PROJECTS") else None
        if issue:
            found[issue.id] = issue
        elif not each.isdigit() or int(each) in call.site.issues.deleted:
            errors.append({"id": each, "errorMessage": "Issue does not exist or you do not have permission to see it."})
    shown = [_shown(call, found[id_], fields or ["*navigable"], properties, expand) for id_ in sorted(found)]
    return answered({"expand": "names,schema", "issues": shown, "issueErrors": errors})


def made(call: Call) -> Answer:
    """POST a new issue."""
    caller, given = call.user(), call.mapping()
    fields = dict(section(given, "fields"))
    project, kind = fields.pop("project", None), fields.pop("issuetype", None)
    into = call.site.catalog.project(str(project.get("key") or project.get("id"))) if isinstance(project, dict) else None
    wrong = {} if into else {"project": "Specify a valid project ID or key"}
    if not isinstance(kind, dict) or (str(kind.get("id")) != ISSUE_TYPE[0] and kind.get("name") != ISSUE_TYPE[1]):
        wrong["issuetype"] = "Specify a valid issue type"
    if "summary" not in fields:
        wrong["summary"] = "You must specify a summary of the issue."
    if wrong or into is None:
        raise Refused(400, **wrong)
    if not call.may("CREATE_ISSUES"):
        refuse(403, "You do not have permission to create issues in this project.")
    values = editing.changes(call, None, {**given, "fields": fields})
    issue = call.site.issues.create(into, values, caller.id, call.now)
    issue.properties.update(checked(given.get("properties")))
    shown = {"id": str(issue.id), "key": issue.key, "self": f"{call.render.root}/issue/{issue.id}"}
    return answered(shown, 201)


def edited(call: Call, id_or_key: str) -> Answer:
    """PUT an issue: everything that it asks for, or nothing; `transition` is ignored, 204 also where nothing differed."""
    issue = call.issue(id_or_key, "EDIT_ISSUES")
    if call.flag("overrideScreenSecurity") or call.flag("overrideEditableFlag"):
        refuse(403, "Only Connect and Forge apps may override screen security or the editable flag.")
    _conflict(call, issue)
    _commit(call, issue, call.mapping())
    if call.flag("returnIssue"):
        return answered(_shown(call, issue, (), (), call.listed("expand")))
    return answered(None, 204)


def _commit(call: Call, issue: Issue, given: Mapping[str, Any], status: Status | None = None) -> None:
    """Check all of an edit or transition, then write it as one changelog entry."""
    caller = call.user()
    changes = editing.changes(call, issue, given)
    if "assignee" in changes and not call.may("ASSIGN_ISSUES"):
        raise Refused(400, assignee="Field 'assignee' cannot be set. It is not on the appropriate screen, or unknown.")
    properties, drafts = checked(given.get("properties")), commenting.in_update(call, issue, given)
    metadata = given.get("historyMetadata")
    if status:
        changes = {"status": status.id, **changes}
    call.site.issues.commit(issue, changes, caller.id, call.now, metadata if isinstance(metadata, dict) else None)
    for draft in drafts:
        commenting.written(call, issue, draft)
    if properties and not call.site.faults.strikes("property-dropped"):
        issue.properties.update(properties)
        call.site.issues.reindex(issue, call.now)


def _conflict(call: Call, issue: Issue) -> None:
    if call.site.faults.strikes("conflict-409"):
        refuse(409, f"The issue {issue.key} could not be updated: a conflicting update is in progress.")


def assigned(call: Call, id_or_key: str) -> Answer:
    """PUT the assignee: an account, null for nobody, "-1" for the project's default (nobody); 204 also where nothing changes."""
    issue = call.issue(id_or_key, "ASSIGN_ISSUES")
    _conflict(call, issue)
    given = call.mapping()
    try:
        account = editing.account(call.site.catalog, given, assigned=True)
    except editing.Wrong as error:
        raise Refused(400, assignee=str(error)) from None
    call.site.issues.commit(issue, {"assignee": account}, call.user().id, call.now)
    return answered(None, 204)


def removed(call: Call, id_or_key: str) -> Answer:
    """DELETE an issue."""
    call.site.issues.delete(call.issue(id_or_key, "DELETE_ISSUES"), call.now)
    return answered(None, 204)


# --- workflow ------------------------------------------------------------------------------------------------------


def _reachable(call: Call, issue: Issue) -> list[Status]:
    """Where the workflow leads from the issue's status: never to itself, and from done back to work, not to new."""
    if not call.may("TRANSITION_ISSUES"):
        return []
    statuses = call.site.catalog.statuses
    here = statuses[str(issue.fields["status"])]
    return [each for each in statuses.values() if each != here and not (here.category == "done" and each.category == "new")]


def _transition_id(catalog: Catalog, status: Status) -> str:
    return str(list(catalog.statuses).index(status.id) * 10 + 11)


def _transition(call: Call, status: Status, *, fields: bool) -> dict[str, object]:
    demanded = call.site.demanded.get(status.name, ())
    shown: dict[str, object] = {
        "id": _transition_id(call.site.catalog, status),
        "name": status.name,
        "to": call.render.status(status.id),
        "hasScreen": bool(demanded),
        "isGlobal": True,
        "isInitial": False,
        "isAvailable": True,
        "isConditional": False,
        "looped": False,
    }
    wanted = {id_: {**_field(call, FIELDS[id_]), "required": True, "hasDefaultValue": False} for id_ in demanded}
    return shown | {"fields": wanted} if fields else shown


def transitions(call: Call, id_or_key: str) -> Answer:
    """GET the transitions that are open to the caller from the issue's status."""
    issue = call.issue(id_or_key)
    fields = "transitions.fields" in call.listed("expand")
    shown = [_transition(call, each, fields=fields) for each in _reachable(call, issue)]
    wanted = call.text("transitionId")
    return answered({"expand": "transitions", "transitions": [each for each in shown if not wanted or each["id"] == wanted]})


def transitioned(call: Call, id_or_key: str) -> Answer:
    """POST a transition; its id may be a number. One that does not lead on from the present status is refused."""
    issue = call.issue(id_or_key)
    given = call.mapping()
    asked = given.get("transition")
    id_ = str(asked.get("id")) if isinstance(asked, dict) else ""
    if not id_:
        refuse(400, "Missing 'transition' identifier")
    status = next((each for each in _reachable(call, issue) if _transition_id(call.site.catalog, each) == id_), None)
    if status is None:
        refuse(
            400,
            f"It seems that you have tried to perform a workflow operation ({id_}) that is not valid for the current state of "
            f"this issue {issue.key}. The likely cause is that somebody has changed the issue recently, please look at the "
            "issue history for details.",
        )
    sent = section(given, "fields")
    if missing := [id_ for id_ in call.site.demanded.get(status.name, ()) if sent.get(id_) is None]:
        raise Refused(400, **{id_: f"{FIELDS[id_].name} is required." for id_ in missing})
    _conflict(call, issue)
    _commit(call, issue, given, status)
    return answered(None, 204)


# --- what can be set -----------------------------------------------------------------------------------------------


def editmeta(call: Call, id_or_key: str) -> Answer:
    """GET what an edit may set, with the values allowed; priorities are those of the project's scheme, in its order."""
    call.issue(id_or_key, "EDIT_ISSUES")
    return answered({"fields": metadata(call)})


def metadata(call: Call) -> dict[str, dict[str, object]]:
    """What an edit may set, by field."""
    shown = (field for field in FIELDS.values() if field.writable and field.id not in call.site.off_screen)
    return {field.id: _field(call, field) for field in shown}


def _field(call: Call, field: Field) -> dict[str, object]:
    several = field.kind in {"labels", "components"}
    shown: dict[str, object] = {
        "required": field.id == "summary",
        "schema": field.schema,
        "name": field.name,
        "key": field.id,
        "operations": ["add", "set", "remove"] if several else ["set"],
    }
    render, catalog = call.render, call.site.catalog
    match field.kind:
        case "priority":
            shown["allowedValues"] = [render.priority(id_) for id_ in catalog.scheme]
        case "option":
            shown["allowedValues"] = [render.option(field.id, id_) for id_ in catalog.options[field.id]]
        case "components":
            shown["allowedValues"] = [render.component(id_) for id_ in catalog.components]
    return shown


def issue_types(call: Call, project: str) -> Answer:
    """GET createmeta: the issue types that can be made in a project."""
    if not call.may("CREATE_ISSUES") or call.site.catalog.project(project) is None:
        refuse(400, f"No project could be found with key or id '{project}'.")
    return answered({"startAt": 0, "maxResults": 50, "total": 1, "issueTypes": [call.render.issue_type()]})


def issue_type_fields(call: Call, project: str, issue_type: str) -> Answer:
    """GET createmeta: the fields of an issue type."""
    if call.site.catalog.project(project) is None or issue_type != ISSUE_TYPE[0]:
        refuse(400, f"No issue type {issue_type} could be found in the project '{project}'.")
    fields = [{**each, "fieldId": each["key"], "hasDefaultValue": False} for each in metadata(call).values()]
    start, size = call.number("startAt", 0), call.number("maxResults", 50)
    return answered({"startAt": start, "maxResults": size, "total": len(fields), "fields": fields[start : start + size]})
