"""Comments: public to the requester unless marked internal.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/ and -issue-comment-properties.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors.jira.site.call import Answer, Call, Refused, answered, number, page, refuse, section
from connectors.jira.site.catalog import Value
from connectors.jira.site.editing import Wrong, body
from connectors.jira.site.properties import checked, key_list, one
from connectors.jira.site.state import Comment, Issue, prose

PAGE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Draft:
    """A comment that was checked and not yet written."""

    body: Value
    properties: Mapping[str, object]
    visibility: Mapping[str, object] | None


def drafted(call: Call, issue: Issue, given: object) -> Draft:
    """A comment as it was sent, checked. Raises Refused."""
    if not isinstance(given, dict):
        refuse(400, "Comment body is not valid!")
    if len(issue.comments) >= call.site.comment_limit:
        refuse(413, f"The issue {issue.key} has reached the limit of {call.site.comment_limit} comments.")
    return Draft(_text(call, given.get("body")), checked(given.get("properties")), given.get("visibility"))


def written(call: Call, issue: Issue, draft: Draft) -> Comment:
    """Add a checked comment under the caller's name."""
    return call.site.issues.comment(
        issue, call.user().id, draft.body, call.now, draft.properties, visibility=draft.visibility
    )  # fmt: skip


def in_update(call: Call, issue: Issue, given: Mapping[str, Any]) -> list[Draft]:
    """The comments that the `update` of an edit or transition adds. Raises Refused."""
    operations = section(given, "update").get("comment") or []
    if not isinstance(operations, list) or not all(isinstance(each, dict) and set(each) == {"add"} for each in operations):
        raise Refused(400, comment="Only 'add' is supported for the field 'comment'.")
    return [drafted(call, issue, each["add"]) for each in operations]


def _text(call: Call, given: object) -> Value:
    try:
        text = body(call.version, given)
    except Wrong as error:
        raise Refused(400, "Comment body is not valid!", comment=str(error)) from None
    if not prose(text).strip():
        raise Refused(400, "Comment body can not be empty!")
    return text


def listed(call: Call, id_or_key: str) -> Answer:
    """GET the comments of an issue, the oldest first unless orderBy says -created."""
    issue = call.issue(id_or_key)
    order = call.text("orderBy", "created")
    if order.lstrip("+-") != "created":
        refuse(400, "orderBy must be created, +created or -created.")
    comments = issue.comments[::-1] if order.startswith("-") else issue.comments
    start, size = call.number("startAt", 0), min(call.number("maxResults", PAGE), PAGE)
    shown = [_shown(call, issue, each) for each in comments[start : start + size]]
    return answered({"startAt": start, "maxResults": size, "total": len(comments), "comments": shown})


def read(call: Call, id_or_key: str, comment_id: str) -> Answer:
    """GET one comment."""
    issue = call.issue(id_or_key)
    return answered(_shown(call, issue, _comment(issue, comment_id)))


def added(call: Call, id_or_key: str) -> Answer:
    """POST a comment."""
    issue = call.issue(id_or_key, "ADD_COMMENTS")
    comment = written(call, issue, drafted(call, issue, call.mapping()))
    return answered(_shown(call, issue, comment), 201)


def edited(call: Call, id_or_key: str, comment_id: str) -> Answer:
    """PUT a comment; properties that are sent again can turn an internal comment public."""
    issue = call.issue(id_or_key, "ADD_COMMENTS")
    comment, given = _comment(issue, comment_id), call.mapping()
    comment.body = _text(call, given.get("body"))
    comment.properties.update(checked(given.get("properties")))
    comment.updated, comment.update_author = call.now, call.user().id
    call.site.issues.touch(issue, call.now)
    call.site.issues.tell("comment_updated", issue, call.user().id, call.now, comment)
    return answered(_shown(call, issue, comment))


def deleted(call: Call, id_or_key: str, comment_id: str) -> Answer:
    """DELETE a comment."""
    issue = call.issue(id_or_key, "ADD_COMMENTS")
    comment = _comment(issue, comment_id)
    issue.comments.remove(comment)
    call.site.issues.touch(issue, call.now)
    call.site.issues.tell("comment_deleted", issue, call.user().id, call.now, comment)
    return answered(None, 204)


def by_ids(call: Call) -> Answer:
    """POST comment/list: comments of any issues; ids that are not known are left out."""
    ids = call.mapping("ids").get("ids")
    if not isinstance(ids, list) or len(ids) > 1_000:
        refuse(400, "ids must be a list of at most 1,000 comment ids.")
    wanted = {number(each, "ids") for each in ids}
    call.user()
    found = [_shown(call, issue, each) for issue in call.site.issues for each in issue.comments if each.id in wanted]
    return answered(page(found, 0, 1_000))


def _shown(call: Call, issue: Issue, comment: Comment) -> dict[str, object]:
    return call.render.comment(issue, comment, properties="properties" in call.listed("expand"))


def _comment(issue: Issue, comment_id: str) -> Comment:
    found = next((each for each in issue.comments if str(each.id) == comment_id), None)
    if found is None:
        refuse(404, f"Can not find a comment for the id: {comment_id}.")
    return found


def _anywhere(call: Call, comment_id: str) -> Comment:
    call.user()
    found = (each for issue in call.site.issues for each in issue.comments if str(each.id) == comment_id)
    return next(found, None) or refuse(404, f"Can not find a comment for the id: {comment_id}.")


def property_keys(call: Call, comment_id: str) -> Answer:
    """GET the property keys of a comment."""
    return key_list(call, _anywhere(call, comment_id).properties, f"comment/{comment_id}")


def property_(call: Call, comment_id: str, key: str) -> Answer:
    """GET, PUT or DELETE a property of a comment."""
    return one(call, _anywhere(call, comment_id).properties, key)
