"""The incremental exports: what changed since, without what changed within the last minute.

https://developer.zendesk.com/documentation/ticketing/managing-tickets/using-the-incremental-export-api/
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left
from typing import Any, Final

from connectors.sandboxes.answer import Answer
from connectors.zendesk.site import render, service_levels
from connectors.zendesk.site.answers import answered, bad_attribute, refuse
from connectors.zendesk.site.call import Call
from connectors.zendesk.site.paging import link
from connectors.zendesk.site.state import Ticket
from rules.instants import MINUTE, SECOND

MOST: Final = 1_000
EXCLUDED: Final = MINUTE
"""What changed so lately is left out."""
EARLIEST_START: Final = 60
"""Seconds that start_time has to lie in the past."""

Place = tuple[int, int]


def tickets_by_cursor(call: Call) -> Answer:
    """GET incremental/tickets/cursor."""
    call.must_be_admin()
    _check_include(call)
    account = call.account
    sent = call.query.get("cursor", "")
    after = _read(sent) if sent else (_start(call), 0)
    size = _size(call)
    until = (call.now - EXCLUDED) // SECOND
    rows = account.tickets.stream(after, until, size)
    place = (rows[-1].generated, rows[-1].id) if rows else after
    end = account.tickets.ends_before(place, until)
    again = place
    if len(rows) > 1 and not end and account.faults.strikes("repeated-row"):
        again = (rows[-2].generated, rows[-2].id)
    next_cursor = _written(again) if rows or not account.varies("null-cursor") else None
    page = link(call, "incremental/tickets/cursor", {"cursor": next_cursor, "start_time": None, "per_page": size})
    shown = _shown_rows(call, rows)
    body = {
        "tickets": shown,
        "after_url": page if next_cursor else None,
        "after_cursor": next_cursor,
        "before_url": None,
        "before_cursor": None,
        "end_of_stream": end,
    }
    return answered(body | sideloads(call, rows))


def tickets_by_time(call: Call) -> Answer:
    """GET incremental/tickets: pages break on whole seconds, and the boundary comes again."""
    call.must_be_admin()
    _check_include(call)
    start, size, until = _start(call), _size(call), (call.now - EXCLUDED) // SECOND
    rows = call.account.tickets.stream((start, -1), until, size)
    if rows:
        rows += call.account.tickets.stream((rows[-1].generated, rows[-1].id), rows[-1].generated, MOST * MOST)
    end = rows[-1].generated if rows else start
    over = call.account.tickets.ends_before((end, 1 << 62), until)
    body = {"tickets": _shown_rows(call, rows), **_timed(call, "incremental/tickets", len(rows), end, over=over)}
    return answered(body | sideloads(call, rows))


def ticket_events(call: Call) -> Answer:
    """GET incremental/ticket_events: audits in order."""
    call.must_be_admin()
    start, size, until = _start(call), _size(call), (call.now - EXCLUDED) // SECOND
    audits = call.account.tickets.audits
    first = bisect_left(audits, start, key=lambda audit: audit.at // SECOND)
    last = bisect_left(audits, until + 1, key=lambda audit: audit.at // SECOND)
    end = min(first + size, last)
    while first < end < last and audits[end].at // SECOND == audits[end - 1].at // SECOND:
        end += 1
    rows = audits[first:end]
    told = {"said": "comment_events" in call.names("include"), "metadata": call.account.varies("events-with-metadata")}
    stop = rows[-1].at // SECOND if rows else start
    body = {"ticket_events": [render.ticket_event(each, **told) for each in rows]}
    return answered(body | _timed(call, "incremental/ticket_events", len(rows), stop, over=end >= last))


def metric_events(call: Call) -> Answer:
    """GET incremental/ticket_metric_events."""
    call.must_be_admin()
    start, size, until = _start(call), _size(call), (call.now - EXCLUDED) // SECOND
    found = [
        each
        for ticket in call.account.tickets
        for each in service_levels.metric_events(ticket, call.catalog, call.now)
        if start <= each.at // SECOND <= until
    ]
    found.sort()
    end = min(size, len(found))
    while 0 < end < len(found) and found[end].at // SECOND == found[end - 1].at // SECOND:
        end += 1
    rows = [each.shown(37_000_000_000_000 + each.ticket * 1_000 + n) for n, each in enumerate(found[:end])]
    stop = found[end - 1].at // SECOND if end else start
    body = {"ticket_metric_events": rows}
    return answered(body | _timed(call, "incremental/ticket_metric_events", len(rows), stop, over=end == len(found)))


def users(call: Call) -> Answer:
    """GET incremental/users/cursor."""
    call.must_be_admin()
    made, until, size = call.catalog.made, (call.now - EXCLUDED) // SECOND, _size(call)
    place = _read(call.query["cursor"]) if call.query.get("cursor") else (_start(call), 0)
    changed = sorted(((each.at or made) // SECOND, each.id) for each in call.catalog.users.values())
    waiting = [each for each in changed if place < each <= (until, 1 << 62)]
    rows, end = [call.catalog.users[id_] for _, id_ in waiting[:size]], len(waiting) <= size
    after = _written(waiting[:size][-1] if waiting else place)
    page = link(call, "incremental/users/cursor", {"cursor": after, "start_time": None})
    body = {"users": [render.user(each, call.base, call.catalog.made) for each in rows], "after_cursor": after}
    return answered(body | {"after_url": page, "before_url": None, "before_cursor": None, "end_of_stream": end})


def organizations(call: Call) -> Answer:
    """GET incremental/organizations."""
    call.must_be_admin()
    everything = call.catalog.organizations.items() if _made_after(call) else ()
    rows = [render.organization(*each, call.base, call.catalog.made) for each in everything]
    made = call.catalog.made // SECOND
    return answered({"organizations": rows, **_timed(call, "incremental/organizations", len(rows), made, over=True)})


def sideloads(call: Call, rows: list[Ticket]) -> dict[str, Any]:
    """What `include` asks for beside the tickets."""
    wanted, catalog, base = call.names("include"), call.catalog, call.base
    found: dict[str, Any] = {}
    if "users" in wanted:
        found["users"] = render.people(catalog, rows, base)
    if "groups" in wanted:
        ids = dict.fromkeys(id_ for each in rows if (id_ := each.number("group_id")) is not None)
        found["groups"] = [render.group(catalog.groups[id_], base, catalog.made) for id_ in ids]
    if "organizations" in wanted:
        ids = dict.fromkeys(id_ for each in rows if (id_ := each.number("organization_id")) is not None)
        found["organizations"] = [render.organization(id_, catalog.organizations[id_], base, catalog.made) for id_ in ids]
    return found


def embedded(call: Call, ticket: Ticket, shown: dict[str, Any]) -> dict[str, Any]:
    """A ticket with what `include` asks for inside it."""
    wanted = call.names("include")
    if "metric_sets" in wanted:
        shown["metric_set"] = render.metric_set(ticket, call.catalog, call.base)
    if "slas" in wanted:
        shown["slas"] = {"policy_metrics": service_levels.policy_metrics(ticket, call.catalog, call.now)}
    if "comment_count" in wanted:
        shown["comment_count"] = len(ticket.comments)
    if "dates" in wanted:
        metrics = render.metric_set(ticket, call.catalog, call.base)
        shown["dates"] = {name: metrics[name] for name in render.DATES}
    return shown


def _shown_rows(call: Call, rows: list[Ticket]) -> list[dict[str, Any]]:
    return [embedded(call, each, render.ticket(each, call.base, exported=True)) for each in rows if _told(call, each)]


def _told(call: Call, ticket: Ticket) -> bool:
    if ticket.deleted is not None and call.query.get("exclude_deleted") == "true":
        return False
    return not (call.account.varies("archived-not-exported") and ticket.archived(call.now))


def _check_include(call: Call) -> None:
    if "last_audits" in call.names("include"):
        refuse(400, "InvalidInclude", "last_audits can't be included in an incremental export")


def _start(call: Call) -> int:
    if not call.query.get("start_time"):
        refuse(400, "StartTimeMissing", "Missing required parameter: start_time")
    if not call.query["start_time"].lstrip("-").isdigit():
        bad_attribute("start_time is not an integer")
    start = int(call.query["start_time"])
    if start > call.now // SECOND - EARLIEST_START:
        refuse(422, "InvalidValue", f"Too recent start_time. Use a start_time older than {EARLIEST_START} seconds")
    return max(start, 0)


def _size(call: Call) -> int:
    return min(max(call.number("per_page", MOST), 1), MOST)


def _made_after(call: Call) -> bool:
    return call.catalog.made // SECOND >= _start(call)


def _timed(call: Call, path: str, count: int, end: int, *, over: bool) -> dict[str, Any]:
    """The end of a page of a time-based export."""
    following = link(call, path, {"start_time": end})
    return {"count": count, "end_time": end, "end_of_stream": over, "next_page": following}


def _written(place: Place) -> str:
    return base64.b64encode(f"{place[0]}.0||{place[1]}".encode()).decode()


def _read(text: str) -> Place:
    try:
        second, _, id_ = base64.b64decode(text, validate=True).decode().partition(".0||")
        return int(second), int(id_)
    except (binascii.Error, ValueError):
        refuse(400, "InvalidCursor", "Invalid cursor")
