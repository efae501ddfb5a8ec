"""Which call answers which address: one table, below /rest/api/2 (also called latest) and /rest/api/3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.jira.site import (
    about_calls,
    changelog_calls,
    commenting,
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

READING_POSTS: Final = frozenset({"search", "bulkfetch", "jql", "approximate-count", "list"})
"""The last words of the paths whose POST changes nothing."""


@dataclass
class _Branch:
    words: dict[str, _Branch] = field(default_factory=dict)
    open: _Branch | None = None
    handlers: dict[str, Handler] = field(default_factory=dict)


def _tree(routes: Sequence[tuple[str, str, Handler]]) -> _Branch:
    root = _Branch()
    for method, path, handler in routes:
        branch = root
        for word in path.split("/"):
            if word == "{}":
                branch.open = branch = branch.open or _Branch()
            else:
                branch = branch.words.setdefault(word, _Branch())
        branch.handlers[method] = handler
    return root


_ROOTS: Final = {"api": _tree(ROUTES), "webhooks": _tree(WEBHOOK_ROUTES)}


def found(words: Sequence[str], api: str = "api") -> tuple[dict[str, Handler], list[str]]:
    """The handlers of a path by method, and the parts that fill its open places; no handlers for a path that does not exist."""
    branch, filled = _ROOTS[api], []
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
