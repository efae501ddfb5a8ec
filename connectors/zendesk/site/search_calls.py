"""Search over tickets, users and groups, and its export.

https://developer.zendesk.com/api-reference/ticketing/ticket-management/search/
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any, Final

from connectors.sandboxes.answer import Answer
from connectors.zendesk.site import render
from connectors.zendesk.site.answers import Refused, answered, refuse
from connectors.zendesk.site.call import Call
from connectors.zendesk.site.catalog import PRIORITIES
from connectors.zendesk.site.moments import read, stamp
from connectors.zendesk.site.paging import link
from connectors.zendesk.site.state import Ticket
from rules.instants import HOUR, MINUTE

MOST: Final = 1_000
PAGE: Final = 100
LAG: Final = 2 * MINUTE
STATUSES: Final = ("new", "open", "pending", "hold", "solved", "closed")
_TERM: Final = re.compile(r'(-?)(\w+)(:|<=|>=|<|>)("[^"]*"|\S+)|("[^"]*"|\S+)')

Test = Callable[[Ticket], bool]


def search(call: Call) -> Answer:
    """GET search: at most a thousand rows, by page."""
    query = call.query.get("query", "")
    kind = _kind(query) or call.query.get("filter[type]", "")
    page, size = max(call.number("page", 1), 1), min(max(call.number("per_page", PAGE), 1), PAGE)
    if page * size > MOST:
        refuse(422, "invalid", "Invalid search: Requested response size was greater than Search Response Limits")
    rows = _rows(call, query, kind)
    rows = rows[::-1] if call.query.get("sort_order", "desc") == "desc" else rows
    start, more = (page - 1) * size, page * size < min(len(rows), MOST)
    found = {
        "results": rows[start : start + size],
        "facets": None,
        "next_page": link(call, "search", {"page": page + 1}) if more else None,
        "previous_page": link(call, "search", {"page": page - 1}) if page > 1 else None,
        "count": len(rows),
    }
    return answered(found)


def count(call: Call) -> Answer:
    """GET search/count."""
    query = call.query.get("query", "")
    return answered({"count": len(_rows(call, query, _kind(query)))})


def export(call: Call) -> Answer:
    """GET search/export: by cursor, which dies after an hour, in the order of creation."""
    query, kind = call.query.get("query", ""), call.query.get("filter[type]", "")
    if kind not in {"ticket", "user", "group", "organization"}:
        refuse(400, "invalid", "filter[type] must be one of ticket, user, organization, group")
    size = min(max(call.number("page[size]", PAGE), 1), MOST)
    start = _place(call) if call.query.get("page[after]") else 0
    rows = _rows(call, query, kind)
    more = start + size < len(rows)
    after = base64.b64encode(f"{call.now}/{start + size}".encode()).decode() if more else None
    onward = link(call, "search/export", {"page[after]": after}) if more else None
    meta = {"has_more": more, "after_cursor": after, "before_cursor": None}
    return answered(
        {"results": rows[start : start + size], "facets": None, "meta": meta, "links": {"next": onward, "prev": None}}
    )


def _place(call: Call) -> int:
    try:
        made, _, place = base64.b64decode(call.query["page[after]"]).decode().partition("/")
        if int(made) + HOUR < call.now:
            refuse(400, "InvalidCursor", "The cursor has expired")
        return int(place)
    except ValueError:
        refuse(400, "InvalidCursor", "The cursor is not valid")


def _kind(query: str) -> str:
    found = re.search(r"\btype:(\w+)", query)
    return found[1] if found else ""


def _rows(call: Call, query: str, kind: str) -> list[dict[str, Any]]:
    catalog, base = call.catalog, call.base
    words = [match[5].lower().strip('"') for match in _TERM.finditer(query) if match[5]]
    rows: list[dict[str, Any]] = []
    if kind in {"", "ticket"}:
        tests = [_test(call, *match.group(1, 2, 3, 4)) for match in _TERM.finditer(query) if match[2] and match[2] != "type"]
        tests += [_says(word) for word in words]
        lag = LAG if call.account.varies("search-lags") else 0
        found = (each for each in call.account.tickets if each.updated + lag <= call.now and all(test(each) for test in tests))
        rows += [render.ticket(each, base) | {"result_type": "ticket"} for each in found]
    if kind in {"", "user"}:
        users = (each for each in catalog.users.values() if all(word in f"{each.name} {each.email}".lower() for word in words))
        rows += [render.user(each, base, catalog.made) | {"result_type": "user"} for each in users]
    if kind in {"", "group"}:
        groups = (each for each in catalog.groups.values() if all(word in each.name.lower() for word in words))
        rows += [render.group(each, base, catalog.made) | {"result_type": "group"} for each in groups]
    return rows


def _says(word: str) -> Test:
    return lambda ticket: any(word in text.lower() for text in _texts(ticket))


def _texts(ticket: Ticket) -> list[str]:
    return [str(ticket.values.get("subject") or ""), *(comment.body for comment in ticket.comments)]


def _test(call: Call, minus: str, name: str, operator: str, word: str) -> Test:
    wanted = word.strip('"')
    test = _plain(call, name, operator, wanted)
    return (lambda ticket: not test(ticket)) if minus else test


def _plain(call: Call, name: str, operator: str, wanted: str) -> Test:
    catalog = call.catalog
    match name:
        case "status":
            return _ordered(STATUSES, operator, wanted, lambda ticket: ticket.status)
        case "priority":
            return _ordered(("none", *PRIORITIES), operator, wanted, lambda ticket: str(ticket.values.get("priority") or "none"))
        case "tags":
            return lambda ticket: wanted in ticket.tags or (wanted == "none" and not ticket.tags)
        case "group":
            ids = {each.id for each in catalog.groups.values() if wanted.lower() in {each.name.lower(), str(each.id)}}
            return lambda ticket: (ticket.number("group_id") in ids) if wanted != "none" else ticket.number("group_id") is None
        case "assignee" | "requester" | "submitter":
            people = {
                each.id for each in catalog.users.values() if wanted.lower() in {each.name.lower(), each.email, str(each.id)}
            }
            field = f"{name}_id"
            return lambda ticket: (ticket.number(field) in people) if wanted != "none" else ticket.number(field) is None
        case "created" | "updated" | "solved":
            return _dated(name, operator, wanted)
        case "ticket_type":
            return lambda ticket: ticket.values.get("type") == wanted
        case "subject" | "description":
            return lambda ticket: any(wanted.lower() in text.lower() for text in _texts(ticket))
        case _:
            raise Refused(422, {"error": "invalid", "description": f"Invalid search: {name} is not known"})


def _ordered(order: tuple[str, ...], operator: str, wanted: str, of: Callable[[Ticket], str]) -> Test:
    if wanted not in order:
        return lambda _ticket: False
    place = order.index(wanted)
    match operator:
        case "<":
            return lambda ticket: order.index(of(ticket)) < place
        case ">":
            return lambda ticket: order.index(of(ticket)) > place
        case "<=":
            return lambda ticket: order.index(of(ticket)) <= place
        case ">=":
            return lambda ticket: order.index(of(ticket)) >= place
    return lambda ticket: of(ticket) == wanted


def _dated(name: str, operator: str, wanted: str) -> Test:
    try:
        at = read(wanted)
    except ValueError:
        refuse(422, "invalid", f"Invalid search: {wanted} is no date")

    def of(ticket: Ticket) -> int:
        return {"created": ticket.created, "updated": ticket.updated}.get(name, ticket.statuses[-1][0])

    match operator:
        case "<":
            return lambda ticket: of(ticket) < at
        case ">":
            return lambda ticket: of(ticket) > at
        case "<=":
            return lambda ticket: of(ticket) <= at
        case ">=":
            return lambda ticket: of(ticket) >= at
    return lambda ticket: stamp(of(ticket)).startswith(wanted[:10])
