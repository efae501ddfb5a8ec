"""Remote links: created or replaced by their global id, so that the same request twice makes one link.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-remote-links/.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.jira.site.call import Answer, Call, answered, refuse
from connectors.jira.site.state import Issue


def put(call: Call, id_or_key: str) -> Answer:
    """POST a remote link: 201 for a new global id, 200 for one that was there and is replaced whole."""
    issue = call.issue(id_or_key, "EDIT_ISSUES")
    given = call.mapping()
    shown = given.get("object")
    if not isinstance(shown, dict) or not shown.get("url") or not shown.get("title"):
        refuse(400, "object must have a url and a title.")
    number, new = call.site.issues.link(issue, str(given.get("globalId") or shown["url"]), given)
    return answered({"id": number, "self": f"{call.render.root}/issue/{issue.id}/remotelink/{number}"}, 201 if new else 200)


def listed(call: Call, id_or_key: str) -> Answer:
    """GET the remote links of an issue, or the one of a global id."""
    issue = call.issue(id_or_key)
    wanted = call.text("globalId")
    if not wanted:
        return answered([_shown(call, issue, number, given) for number, given in issue.links.values()])
    if wanted not in issue.links:
        refuse(404, f"No remote link was found with the global id {wanted}.")
    return answered(_shown(call, issue, *issue.links[wanted]))


def removed(call: Call, id_or_key: str) -> Answer:
    """DELETE the remote link of a global id."""
    issue = call.issue(id_or_key, "EDIT_ISSUES")
    if issue.links.pop(call.text("globalId"), None) is None:
        refuse(404, "No remote link was found with this global id.")
    return answered(None, 204)


def _shown(call: Call, issue: Issue, number: int, given: Mapping[str, object]) -> dict[str, object]:
    self_ = f"{call.render.root}/issue/{issue.id}/remotelink/{number}"
    known = {name: given.get(name) for name in ("globalId", "application", "relationship", "object")}
    return {"id": number, "self": self_, **known}
