"""Which call answers which address: one table, below /rest/api/2 (also called latest) and /rest/api/3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.jira.site import (
    about_calls,
    changelog_calls,
    commenting,
    desk_calls,
    issue_calls,
    link_calls,
    people_calls,
    properties,
    searching,
    webhook_calls,
)
from connectors.jira.site.call import Answer

Handler = Callable[..., Answer]
"""Takes the call, and the parts of the path that the route leaves open."""

ROUTES: Final[Sequence[tuple[str, str, Handler]]] = (
    ("GET", "serverInfo", about_calls.server_info),
    ("GET", "field", about_calls.fields),
    ("GET", "field/{}/context", about_calls.contexts),
    ("GET", "field/{}/context/{}/option", about_calls.options),
    ("GET", "status", about_calls.statuses),
    ("GET", "statuses/search", about_calls.statuses_search),
    ("GET", "priority", about_calls.priorities),
    ("GET", "priority/search", about_calls.priorities_search),
    ("GET", "priorityscheme", about_calls.schemes),
    ("GET", "priorityscheme/{}/priorities", about_calls.scheme_priorities),
    ("GET", "project", about_calls.projects),
    ("GET", "project/search", about_calls.projects_search),
    ("GET", "project/{}", about_calls.project),
    ("GET", "project/{}/statuses", about_calls.project_statuses),
    ("GET", "project/{}/components", about_calls.components),
    ("GET", "project/{}/component", about_calls.components_page),
    ("GET", "myself", people_calls.myself),
    ("GET", "mypermissions", people_calls.permissions),
    ("GET", "user", people_calls.user),
    ("GET", "user/search", people_calls.search),
    ("GET", "user/bulk", people_calls.bulk),
    ("GET", "user/assignable/search", people_calls.assignable),
    ("GET", "group/bulk", people_calls.groups),
    ("GET", "search", searching.removed),
    ("POST", "search", searching.removed),
    ("GET", "search/jql", searching.by_get),
    ("POST", "search/jql", searching.by_post),
    ("POST", "search/approximate-count", searching.count),
    ("POST", "issue", issue_calls.made),
    ("POST", "issue/bulkfetch", issue_calls.bulk),
    ("GET", "issue/createmeta/{}/issuetypes", issue_calls.issue_types),
    ("GET", "issue/createmeta/{}/issuetypes/{}", issue_calls.issue_type_fields),
    ("GET", "issue/{}", issue_calls.read),
    ("PUT", "issue/{}", issue_calls.edited),
    ("DELETE", "issue/{}", issue_calls.removed),
    ("PUT", "issue/{}/assignee", issue_calls.assigned),
    ("GET", "issue/{}/transitions", issue_calls.transitions),
    ("POST", "issue/{}/transitions", issue_calls.transitioned),
    ("GET", "issue/{}/editmeta", issue_calls.editmeta),
    ("GET", "issue/{}/changelog", changelog_calls.of_issue),
    ("POST", "changelog/bulkfetch", changelog_calls.bulk),
    ("GET", "issue/{}/comment", commenting.listed),
    ("POST", "issue/{}/comment", commenting.added),
    ("GET", "issue/{}/comment/{}", commenting.read),
    ("PUT", "issue/{}/comment/{}", commenting.edited),
    ("DELETE", "issue/{}/comment/{}", commenting.deleted),
    ("POST", "comment/list", commenting.by_ids),
    ("GET", "comment/{}/properties", commenting.property_keys),
    ("GET", "comment/{}/properties/{}", commenting.property_),
    ("PUT", "comment/{}/properties/{}", commenting.property_),
    ("DELETE", "comment/{}/properties/{}", commenting.property_),
    ("GET", "issue/{}/properties", properties.keys_of_issue),
    ("GET", "issue/{}/properties/{}", properties.of_issue),
    ("PUT", "issue/{}/properties/{}", properties.of_issue),
    ("DELETE", "issue/{}/properties/{}", properties.of_issue),
    ("GET", "webhook", webhook_calls.of_app),
    ("POST", "webhook", webhook_calls.registered),
    ("DELETE", "webhook", webhook_calls.unregistered),
    ("PUT", "webhook/refresh", webhook_calls.refreshed),
    ("GET", "issue/{}/remotelink", link_calls.listed),
    ("POST", "issue/{}/remotelink", link_calls.put),
    ("DELETE", "issue/{}/remotelink", link_calls.removed),
)

WEBHOOK_ROUTES: Final[Sequence[tuple[str, str, Handler]]] = (
    ("GET", "webhook", webhook_calls.listed),
    ("POST", "webhook", webhook_calls.made),
    ("GET", "webhook/{}", webhook_calls.read),
    ("PUT", "webhook/{}", webhook_calls.changed),
    ("DELETE", "webhook/{}", webhook_calls.removed),
)
"""Below /rest/webhooks/1.0."""

DESK_ROUTES: Final[Sequence[tuple[str, str, Handler]]] = (
    ("GET", "servicedesk", desk_calls.desks),
    ("GET", "servicedesk/{}/queue", desk_calls.queues),
    ("GET", "servicedesk/{}/queue/{}/issue", desk_calls.queue_issues),
    ("GET", "request/{}", desk_calls.request),
    ("GET", "request/{}/sla", desk_calls.slas),
    ("GET", "request/{}/participant", desk_calls.participants),
    ("GET", "request/{}/approval", desk_calls.approvals),
    ("GET", "request/{}/comment", desk_calls.comments),
    ("POST", "request/{}/comment", desk_calls.commented),
)
"""Below /rest/servicedeskapi."""

READING_POSTS: Final = frozenset({"search", "bulkfetch", "jql", "approximate-count", "list"})
"""The last words of the paths whose POST changes nothing."""


@dataclass
class Branch:
    """The routes that begin alike."""

    words: dict[str, Branch] = field(default_factory=dict)
    open: Branch | None = None
    handlers: dict[str, Handler] = field(default_factory=dict)


def tree(routes: Sequence[tuple[str, str, Handler]]) -> Branch:
    """Routes by the words of their paths."""
    root = Branch()
    for method, path, handler in routes:
        branch = root
        for word in path.split("/"):
            if word == "{}":
                branch.open = branch = branch.open or Branch()
            else:
                branch = branch.words.setdefault(word, Branch())
        branch.handlers[method] = handler
    return root


_ROOTS: Final = {"api": tree(ROUTES), "webhooks": tree(WEBHOOK_ROUTES), "servicedeskapi": tree(DESK_ROUTES)}


def found(words: Sequence[str], api: str = "api") -> tuple[dict[str, Handler], list[str]]:
    """The handlers of a path by method, and the parts that fill its open places; no handlers for a path that does not exist."""
    return along(_ROOTS[api], words)


def along(branch: Branch, words: Sequence[str]) -> tuple[dict[str, Handler], list[str]]:
    """As `found`, below any branch."""
    filled = []
    for word in words:
        known = branch.words.get(word)
        if known is None:
            if branch.open is None:
                return {}, []
            known = branch.open
            filled.append(word)
        branch = known
    return branch.handlers, filled


def writes(method: str, words: Sequence[str]) -> bool:
    """Whether a call can change the site."""
    return method in {"PUT", "DELETE"} or (method == "POST" and words[-1] not in READING_POSTS)
