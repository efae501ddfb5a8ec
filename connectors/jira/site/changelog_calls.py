"""The changelog of an issue, and of many at once; the oldest entry first.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-changelog-bulkfetch-post.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from connectors.jira.site.call import Answer, Call, answered, number, page, refuse
from connectors.jira.site.state import Entry, Issue

PAGE: Final = 100
BULK_PAGE: Final = 1_000
MOST_PER_PAGE: Final = 10_000
MOST_ISSUES: Final = 1_000
MOST_FIELDS: Final = 10


def of_issue(call: Call, id_or_key: str) -> Answer:
    """GET the changelog of an issue by pages of at most 100."""
    issue = call.issue(id_or_key)
    start, size = call.number("startAt", 0), min(call.number("maxResults", PAGE), PAGE)
    shown = page(issue.entries, start, size)
    return answered({**shown, "values": [call.render.entry(each) for each in issue.entries[start : start + size]]})


def bulk(call: Call) -> Answer:
    """POST changelog/bulkfetch: entries grouped by issue, an issue may be parted by a page's end; times are milliseconds."""
    call.user()
    given = call.mapping("issueIdsOrKeys", "fieldIds", "maxResults", "nextPageToken")
    asked, fields = given.get("issueIdsOrKeys"), given.get("fieldIds") or []
    if not isinstance(asked, list) or not 0 < len(asked) <= MOST_ISSUES:
        refuse(400, f"issueIdsOrKeys must name between 1 and {MOST_ISSUES} issues.")
    if not isinstance(fields, list) or len(fields) > MOST_FIELDS:
        refuse(400, f"fieldIds must name at most {MOST_FIELDS} fields.")
    found = {issue.id: issue for issue in map(call.site.issues.find, map(str, asked)) if issue and call.may("BROWSE_PROJECTS")}
    identity = (f"changelog {sorted(found)} {fields}", call.user().id)
    size = max(1, min(number(given.get("maxResults", BULK_PAGE), "maxResults"), MOST_PER_PAGE))
    token, tokens = given.get("nextPageToken"), call.site.tokens
    after = tokens.place(str(token), identity, call.now) if token else (0, 0)
    wanted = frozenset(map(str, fields))
    entries = [each for each in _entries(found, wanted) if (each[0].id, each[1].id) > after]
    grouped: dict[int, list[object]] = {}
    for issue, entry in entries[:size]:
        grouped.setdefault(issue.id, []).append(call.render.entry(entry, number=True))
    shown: dict[str, object] = {
        "issueChangeLogs": [{"issueId": str(id_), "changeHistories": histories} for id_, histories in grouped.items()]
    }
    if len(entries) > size:
        last_issue, last_entry = entries[size - 1]
        shown["nextPageToken"] = tokens.give(identity, (last_issue.id, last_entry.id), call.now)
    return answered(shown)


def _entries(found: dict[int, Issue], fields: frozenset[str]) -> Iterator[tuple[Issue, Entry]]:
    for id_ in sorted(found):
        for entry in found[id_].entries:
            if not fields:
                yield found[id_], entry
            elif items := tuple(each for each in entry.items if each.field_id in fields):
                yield found[id_], entry._replace(items=items)
