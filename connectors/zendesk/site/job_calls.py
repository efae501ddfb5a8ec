"""Calls that change many tickets as a job, and the look at jobs.

https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#update-many-tickets
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.sandboxes.answer import Answer
from connectors.zendesk.site.answers import Refused, answered, bad_attribute, refuse
from connectors.zendesk.site.call import Call
from connectors.zendesk.site.editing import MOST_AT_ONCE, several
from connectors.zendesk.site.saving import By, Said
from connectors.zendesk.site.state import API, Ticket
from connectors.zendesk.site.ticket_calls import change, made
from connectors.zendesk.site.webhooks import ACCOUNT

Row = dict[str, Any]


def update_many(call: Call) -> Answer:
    """PUT tickets/update_many: the same change for ids, or a batch of changes."""
    if "ids" in call.query:
        given = call.sent("ticket")
        wanted = [({**given, "id": int(id_)}) for id_ in _ids(call)]
    else:
        wanted = [dict(each) for each in several(call.json())]
    rows: Sequence[Mapping[str, Any]] = wanted

    def work() -> list[Row]:
        # Rows are told in another order than they were asked for.
        return [_updated(call, each) for each in reversed(rows)]

    return _queued(call, "Bulk Update Tickets", len(rows), work)


def create_many(call: Call) -> Answer:
    """POST tickets/create_many: at most a hundred."""
    rows = several(call.json())

    def work() -> list[Row]:
        return [_created(call, place, each) for place, each in enumerate(rows)]

    return _queued(call, "Bulk Create Tickets", len(rows), work)


def destroy_many(call: Call) -> Answer:
    """DELETE tickets/destroy_many?ids=."""
    call.must_be_admin()
    ids = _ids(call)

    def work() -> list[Row]:
        return [_removed(call, int(each)) for each in ids]

    return _queued(call, "Bulk Delete Tickets", len(ids), work)


def merge(call: Call, word: str) -> Answer:
    """POST tickets/{id}/merge: the others are closed with a comment and a tag."""
    target, given = call.ticket(word), call.json()
    ids = given.get("ids")
    if not isinstance(ids, list) or not ids:
        refuse(400, "ParameterMissing", "Parameter ids is required")
    sources = [call.ticket(str(each)) for each in ids]

    def work() -> list[Row]:
        for source in sources:
            _merged(call, source, target, given)
        return [{"id": target.id, "action": "merge", "status": "Merged", "success": True}]

    return _queued(call, "Merge Tickets", len(sources), work)


def job(call: Call, word: str) -> Answer:
    """GET job_statuses/{id}: a look moves it on."""
    found = call.account.jobs.find(word)
    body = {"job_status": found.shown(call.base)}
    call.account.jobs.go_on(found)
    return answered(body)


def job_list(call: Call) -> Answer:
    """GET job_statuses."""
    rows = [each.shown(call.base) for each in call.account.jobs]
    return answered({"job_statuses": rows, "count": len(rows), "next_page": None, "previous_page": None})


def _queued(call: Call, kind: str, total: int, work: Callable[[], list[Row]]) -> Answer:
    def later() -> list[Row]:
        call.now = call.account.clock()  # it is carried out when its turn has come
        return work()

    return answered({"job_status": call.account.jobs.queue(kind, total, call.now, later).shown(call.base)})


def _ids(call: Call) -> list[str]:
    ids = call.names("ids")
    if not ids or not all(each.isdigit() for each in ids):
        bad_attribute("ids must be integers")
    if len(ids) > MOST_AT_ONCE:
        refuse(400, "TooManyValues", "Too many values", max_count=MOST_AT_ONCE)
    return ids


def _updated(call: Call, given: Mapping[str, Any]) -> Row:
    id_ = given.get("id")
    ticket = call.account.tickets.find(int(str(id_))) if str(id_).isdigit() else None
    if ticket is None:
        return {"id": id_, "action": "update", "success": False, "error": "TicketNotFound", "details": "Ticket not found"}
    try:
        change(call, ticket, given, many=True)
    except Refused as refused:
        error, details = refused.body.get("error"), refused.body.get("details") or refused.body.get("description")
        return {"id": id_, "action": "update", "success": False, "error": error, "details": details}
    return {"id": id_, "action": "update", "status": "Updated", "success": True}


def _created(call: Call, place: int, given: Mapping[str, Any]) -> Row:
    try:
        return {"index": place, "id": made(call, given).id, "account_id": ACCOUNT}
    except Refused as refused:
        error, details = refused.body.get("error"), refused.body.get("details") or refused.body.get("description")
        return {"index": place, "error": error, "details": details}


def _removed(call: Call, id_: int) -> Row:
    ticket = call.account.tickets.find(id_)
    if ticket is None:
        return {"id": id_, "action": "delete", "success": False, "error": "TicketNotFound", "details": "Ticket not found"}
    call.account.remove(ticket, call.caller.user.id, call.now)
    return {"id": id_, "action": "delete", "status": "Deleted", "success": True}


def _merged(call: Call, source: Ticket, target: Ticket, given: Mapping[str, Any]) -> None:
    user = call.caller.user.id
    saving, by = call.account.saving, By(user, API)
    closing = str(given.get("source_comment") or f"This request was closed and merged into request #{target.id}.")
    public = given.get("source_comment_is_public") is True
    saving.commit(
        source, {"status": "closed", "tags": (*source.tags, "closed_by_merge")}, by, call.now, Said(user, closing, public)
    )
    told = str(given.get("target_comment") or f"Request #{source.id} was closed and merged into this request.")
    saving.commit(target, {}, by, call.now, Said(user, told, given.get("target_comment_is_public") is True))
    call.account.webhooks.tell(source, "merged", {"target_ticket_id": str(target.id)}, user, call.now)
