"""What Jira Service Management answers below /rest/servicedeskapi: queues, and requests with their SLAs, comments and approvals.

https://developer.atlassian.com/cloud/jira/service-desk/rest/intro/. A queue is a saved search. SLAs, queues and internal comments
are for agents alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.jira.site import commenting, sla
from connectors.jira.site.call import Answer, Call, answered, refuse
from connectors.jira.site.catalog import APPROVALS, PARTICIPANTS, REQUEST_TYPE, SLA, Project
from connectors.jira.site.jql import parse
from connectors.jira.site.matching import matcher
from connectors.jira.site.state import INTERNAL, Comment, Issue, prose

QUEUES: Final = (
    ("1", "All open", "project = {key} AND statusCategory != Done ORDER BY created ASC"),
    ("2", "Unassigned", "project = {key} AND assignee is EMPTY AND statusCategory != Done ORDER BY created ASC"),
    ("3", "Breached", 'project = {key} AND "Time to resolution" = breached() ORDER BY created ASC'),
)
COLUMNS: Final = ("issuetype", "summary", "status", "reporter")


def _page(call: Call, values: Sequence[object]) -> Answer:
    start, limit = call.number("start", 0), call.number("limit", 50)
    shown = values[start : start + limit]
    last = start + len(shown) >= len(values)
    return answered({"size": len(shown), "start": start, "limit": limit, "isLastPage": last, "values": shown})


def _agent(call: Call) -> None:
    call.user()
    if not call.may("SERVICEDESK_AGENT"):
        refuse(403, "You do not have permission to do this: it is for agents of the service project.")


def desks(call: Call) -> Answer:
    """GET servicedesk."""
    call.user()
    shown = [{"id": each.id, "projectId": each.id, "projectKey": each.key, "projectName": each.name} for each in _desks(call)]
    return _page(call, shown)


def _desks(call: Call) -> Sequence[Project]:
    return call.site.catalog.projects if call.may("BROWSE_PROJECTS") else []


def _desk(call: Call, id_: str) -> Project:
    found = call.site.catalog.project(id_)
    return found or refuse(404, f"The service desk {id_} does not exist.")


def queues(call: Call, desk: str) -> Answer:
    """GET servicedesk/{}/queue; with includeCount how many issues each holds."""
    _agent(call)
    project, counted = _desk(call, desk), call.flag("includeCount")
    shown: list[dict[str, object]] = []
    for id_, name, jql in QUEUES:
        text = jql.format(key=project.key)
        about: dict[str, object] = {"id": id_, "name": name, "jql": text, "fields": list(COLUMNS)}
        shown.append(about | ({"issueCount": len(_searched(call, text))} if counted else {}))
    return _page(call, shown)


def queue_issues(call: Call, desk: str, queue: str) -> Answer:
    """GET servicedesk/{}/queue/{}/issue: the columns of the queue alone."""
    _agent(call)
    project = _desk(call, desk)
    jql = next((jql for id_, _, jql in QUEUES if id_ == queue), None) or refuse(404, f"The queue {queue} does not exist.")
    found = _searched(call, jql.format(key=project.key))
    return _page(call, [call.render.issue(each, COLUMNS) for each in found])


def _searched(call: Call, jql: str) -> Sequence[Issue]:
    test = matcher(parse(jql).where, call.site.asker(call.user().id, call.now))
    return [each for each in call.site.issues if test(each)]


def request(call: Call, id_or_key: str) -> Answer:
    """GET request/{}."""
    issue = call.issue(id_or_key)
    status = call.site.catalog.statuses[str(issue.fields["status"])]
    type_ = issue.fields.get(REQUEST_TYPE)
    shown = {
        "issueId": str(issue.id),
        "issueKey": issue.key,
        "serviceDeskId": issue.project.id,
        "createdDate": sla.time(issue.created),
        "currentStatus": {"status": f"{status.name} (portal)", "statusCategory": status.category.upper()},
    }
    return answered(shown | ({"requestTypeId": str(type_)} if type_ else {}))


def slas(call: Call, id_or_key: str) -> Answer:
    """GET request/{}/sla."""
    _agent(call)
    return _page(call, [call.render.field(call.issue(id_or_key), SLA)])


def participants(call: Call, id_or_key: str) -> Answer:
    """GET request/{}/participant."""
    return _page(call, _listed(call, id_or_key, PARTICIPANTS))


def approvals(call: Call, id_or_key: str) -> Answer:
    """GET request/{}/approval."""
    return _page(call, _listed(call, id_or_key, APPROVALS))


def _listed(call: Call, id_or_key: str, field: str) -> Sequence[object]:
    shown = call.render.field(call.issue(id_or_key), field)
    return shown if isinstance(shown, list) else []


def comments(call: Call, id_or_key: str) -> Answer:
    """GET request/{}/comment: for those who are no agents the public ones alone."""
    issue, agent = call.issue(id_or_key), call.may("SERVICEDESK_AGENT")
    return _page(call, [_comment(call, each) for each in issue.comments if each.public or agent])


def commented(call: Call, id_or_key: str) -> Answer:
    """POST request/{}/comment; whether it is public has to be said."""
    issue, given = call.issue(id_or_key, "ADD_COMMENTS"), call.mapping()
    public, body = given.get("public"), given.get("body")
    if not isinstance(public, bool) or not isinstance(body, str):
        refuse(400, "body and public are required.")
    if not public:
        _agent(call)
    properties = [] if public else [{"key": INTERNAL, "value": {"internal": True}}]
    draft = commenting.drafted(call.in_version(2), issue, {"body": body, "properties": properties})
    return answered(_comment(call, commenting.written(call, issue, draft)), 201)


def _comment(call: Call, comment: Comment) -> dict[str, object]:
    return {
        "id": str(comment.id),
        "body": prose(comment.body),
        "public": comment.public,
        "author": call.render.user(comment.author),
        "created": sla.time(comment.created),
    }
