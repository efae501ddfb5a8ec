"""Calls on tickets: read, made, changed, deleted, and their tags.

https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from connectors.sandboxes.answer import Answer
from connectors.zendesk.site import render
from connectors.zendesk.site.answers import answered, bad_attribute, invalid, not_found, refuse
from connectors.zendesk.site.call import Call
from connectors.zendesk.site.editing import Asked, asked, check_stamp, tags_of
from connectors.zendesk.site.exports import embedded, sideloads
from connectors.zendesk.site.moments import stamp
from connectors.zendesk.site.paging import listed
from connectors.zendesk.site.people_edits import joined
from connectors.zendesk.site.saving import By, Said
from connectors.zendesk.site.service_levels import policy_metrics
from connectors.zendesk.site.state import API, Audit, Ticket, Value
from rules.instants import HOUR

KEPT: Final = 2 * HOUR
"""How long the key of a creation is remembered."""
MOST_IDS: Final = 100


def listing(call: Call) -> Answer:
    """GET tickets: neither archived ones nor deleted ones."""
    wanted = call.query.get("external_id")
    rows = [
        each for each in call.account.tickets
        if not each.archived(call.now) and (wanted is None or each.values.get("external_id") == wanted)
    ]  # fmt: skip
    return answered(_page(call, "tickets", rows))


def show(call: Call, word: str) -> Answer:
    """GET tickets/{id}."""
    ticket = call.ticket(word)
    shown = embedded(call, ticket, render.ticket(ticket, call.base))
    return answered({"ticket": shown, **sideloads(call, [ticket])})


def show_many(call: Call) -> Answer:
    """GET tickets/show_many?ids=: those that are there, in the order of their ids."""
    ids = call.names("ids")
    if len(ids) > MOST_IDS:
        refuse(400, "TooManyValues", "Too many values", max_count=MOST_IDS)
    if not all(each.isdigit() for each in ids):
        bad_attribute("ids must be integers")
    rows = [found for each in sorted(map(int, ids)) if (found := call.account.tickets.find(each)) is not None]
    shown = [embedded(call, each, render.ticket(each, call.base)) for each in rows]
    return answered({"tickets": shown, "count": len(rows), "next_page": None, "previous_page": None, **sideloads(call, rows)})


def count(call: Call) -> Answer:
    """GET tickets/count."""
    number = sum(not each.archived(call.now) for each in call.account.tickets)
    return answered({"count": {"value": number, "refreshed_at": stamp(call.now)}})


def create(call: Call) -> Answer:
    """POST tickets: the same Idempotency-Key gets the same answer."""
    key = call.headers.get("idempotency-key", "")
    digest = hashlib.sha256(call.body).hexdigest()
    known = call.account.created.get(key)
    if key and known is not None and known.until > call.now:
        if known.digest != digest:
            refuse(400, "IdempotentRequestError", "The request body does not match the one of the first request with this key")
        return answered(json.loads(known.body), 201, {"x-idempotency-lookup": "hit"})
    ticket = made(call, call.sent("ticket"))
    body = {"ticket": render.ticket(ticket, call.base), "audit": render.audit(ticket.audits[-1])}
    headers = {"Location": f"{call.base}/api/v2/tickets/{ticket.id}.json"}
    if key:
        call.account.remember(key, digest, json.dumps(body), call.now + KEPT)
        headers["x-idempotency-lookup"] = "miss"
    return answered(body, 201, headers)


def made(call: Call, given: Mapping[str, Any]) -> Ticket:
    """A new ticket of what a call asks for; a requester who is not known yet becomes a user. Raises Refused."""
    wanted = asked(call, None, given)
    if wanted.said is None:
        refuse(422, "RecordInvalid", "Record validation errors",
               details={"base": [{"description": "Description: cannot be blank", "error": "BlankValue"}]})  # fmt: skip
    source = _continued(call, given.get("via_followup_source_id"))
    user, requester = call.caller.user, given.get("requester")
    asker = joined(call, requester) if isinstance(requester, dict) else user
    values = {"requester_id": asker.id, "submitter_id": user.id, "organization_id": asker.organization, **wanted.changes}
    values.setdefault("subject", wanted.said.body[:80])
    ticket = call.account.saving.create(values, By(user.id, API, wanted.metadata), call.now, wanted.said)
    if source is not None:
        ticket.followup_of = source.id
        source.followups.append(ticket.id)
        call.account.tickets.touch(source, call.now)
    return ticket


def _continued(call: Call, id_: object) -> Ticket | None:
    """The closed ticket that a new one goes on with. Raises Refused for one that is not closed."""
    if id_ is None:
        return None
    source = call.account.tickets.find(int(str(id_))) if str(id_).isdigit() else None
    if source is None or source.status != "closed":
        invalid({"via_followup_source_id": [("Via followup source: must be a closed ticket", "InvalidValue")]})
    return source


def of_user(call: Call, word: str) -> Answer:
    """GET users/{id}/tickets/requested and assigned."""
    field = "requester_id" if call.path.endswith("requested") else "assignee_id"
    rows = [each for each in call.account.tickets if str(each.values.get(field)) == word and not each.archived(call.now)]
    return answered(_page(call, call.path, rows))


def update(call: Call, word: str) -> Answer:
    """PUT tickets/{id}."""
    ticket = call.ticket(word)
    given = call.sent("ticket")
    audit = change(call, ticket, given)
    shown = embedded(call, ticket, render.ticket(ticket, call.base))
    return answered({"ticket": shown, "audit": render.audit(audit), **sideloads(call, [ticket])})


def change(call: Call, ticket: Ticket, given: Mapping[str, Any], *, many: bool = False) -> Audit:
    """Carry an update out; its audit, or one without events for an update that changes nothing. Raises Refused."""
    check_stamp(ticket, given)
    wanted = asked(call, ticket, given, many=many)
    return saved(call, ticket, wanted, wanted.said)


def saved(call: Call, ticket: Ticket, wanted: Asked, said: Said | None) -> Audit:
    """The audit of changes that were checked."""
    account, user = call.account, call.caller.user.id
    audit = account.saving.commit(ticket, wanted.changes, By(user, API, wanted.metadata), call.now, said)
    if audit is not None and account.faults.strikes("system-change"):
        account.tickets.touch(ticket, call.now)
    return audit or Audit(account.tickets.next_id(), ticket.id, call.now, user, API, wanted.metadata, ())


def delete(call: Call, word: str) -> Answer:
    """DELETE tickets/{id}: it can be restored for 30 days."""
    call.must_be_admin()
    call.account.remove(call.ticket(word), call.caller.user.id, call.now)
    return Answer(204)


def mark_as_spam(call: Call, word: str) -> Answer:
    """PUT tickets/{id}/mark_as_spam: deletes it, and suspends its requester."""
    call.account.remove(call.ticket(word), call.caller.user.id, call.now, kind="marked_as_spam")
    return answered("")


# --- deleted and suspended ones -------------------------------------------------------------------------------------------


def deleted(call: Call) -> Answer:
    """GET deleted_tickets."""
    rows = [each for each in call.account.tickets.by_id.values() if each.deleted is not None and not each.scrubbed]
    users = call.catalog.users

    def shown(ticket: Ticket) -> dict[str, object]:
        by = users[ticket.deleted_by]
        actor = {"id": by.id, "name": by.name}
        facts: dict[str, object] = {"id": ticket.id, "subject": ticket.values.get("subject"), "actor": actor}
        return facts | {"deleted_at": stamp(ticket.deleted or 0), "previous_state": ticket.status}

    return answered(listed(call, "deleted_tickets", "deleted_tickets", rows, shown))


def restore(call: Call, word: str) -> Answer:
    """PUT deleted_tickets/{id}/restore."""
    ticket = _deleted(call, word)
    call.account.restore(ticket, call.caller.user.id, call.now)
    return answered("")


def destroy(call: Call, word: str) -> Answer:
    """DELETE deleted_tickets/{id}: for good, as a job."""
    ticket = _deleted(call, word)

    def work() -> list[dict[str, Any]]:
        call.account.scrub(ticket, call.now)
        return [{"id": ticket.id, "action": "destroy", "status": "Destroyed", "success": True}]

    job = call.account.jobs.queue("Bulk Delete Tickets", 1, call.now, work)
    return answered({"job_status": job.shown(call.base)})


def _deleted(call: Call, word: str) -> Ticket:
    call.must_be_admin()
    found = call.account.tickets.by_id.get(int(word)) if word.isdigit() else None
    if found is None or found.deleted is None or found.scrubbed:
        not_found()
    return found


def suspended(call: Call) -> Answer:
    """GET suspended_tickets."""
    rows = list(call.account.suspended.by_id.values())
    return answered(listed(call, "suspended_tickets", "suspended_tickets", rows, lambda each: each.shown(call.base)))


def suspended_one(call: Call, word: str) -> Answer:
    """GET suspended_tickets/{id}."""
    found = call.account.suspended.by_id.get(int(word)) if word.isdigit() else None
    return answered({"suspended_ticket": found.shown(call.base)}) if found else not_found()


def recover(call: Call, word: str) -> Answer:
    """PUT suspended_tickets/{id}/recover: a ticket is made of it."""
    found = call.account.suspended.by_id.pop(int(word), None) if word.isdigit() else None
    if found is None:
        not_found()
    person = call.catalog.users[found.author]
    values: dict[str, Value] = {"subject": found.subject, "requester_id": person.id, "submitter_id": person.id}
    values["organization_id"] = person.organization
    ticket = call.account.saving.create(values, By(person.id, API), call.now, Said(person.id, found.content, public=True))
    return answered({"ticket": render.ticket(ticket, call.base)})


# --- tags --------------------------------------------------------------------------------------------------------------


def tags(call: Call, word: str) -> Answer:
    """GET, PUT (add), POST (replace) and DELETE (remove) of tickets/{id}/tags: each is an update of its own."""
    ticket = call.ticket(word)
    if call.method == "GET":
        return answered({"tags": list(ticket.tags)})
    given = call.json()
    check_stamp(ticket, given)
    named = tags_of(given.get("tags") or [])
    kept = () if call.method == "POST" else tuple(tag for tag in ticket.tags if tag not in named)
    wanted = ticket.tags if call.method == "PUT" else kept
    if call.method != "DELETE":
        wanted = (*wanted, *(tag for tag in named if tag not in wanted))
    found = asked(call, ticket, {"tags": list(wanted)})
    saved(call, ticket, found, None)
    return answered({"tags": list(ticket.tags)}, 201 if call.method == "POST" else 200)


# --- what belongs to a ticket --------------------------------------------------------------------------------------------


def comments(call: Call, word: str) -> Answer:
    """GET tickets/{id}/comments."""
    rows = _sorted(call, call.ticket(word).comments)
    return answered(listed(call, f"tickets/{word}/comments", "comments", rows, render.comment))


def audits(call: Call, word: str) -> Answer:
    """GET tickets/{id}/audits; those of an archived ticket come in one page."""
    ticket = call.ticket(word)
    rows = _sorted(call, ticket.audits)
    if ticket.archived(call.now):
        shown = [render.audit(each) for each in rows]
        return answered({"audits": shown, "next_page": None, "previous_page": None, "count": len(rows)})
    body = listed(call, f"tickets/{word}/audits", "audits", rows, render.audit)
    if "users" in call.names("include"):
        ids = dict.fromkeys(each.author for each in rows if each.author in call.catalog.users)
        body["users"] = [render.user(call.catalog.users[id_], call.base, call.catalog.made) for id_ in ids]
    return answered(body)


def audit(call: Call, word: str, number: str) -> Answer:
    """GET tickets/{id}/audits/{id}."""
    found = next((each for each in call.ticket(word).audits if str(each.id) == number), None)
    return answered({"audit": render.audit(found)}) if found else not_found()


def metrics(call: Call, word: str) -> Answer:
    """GET tickets/{id}/metrics."""
    return answered({"ticket_metric": render.metric_set(call.ticket(word), call.catalog, call.base)})


def incidents(call: Call, word: str) -> Answer:
    """GET tickets/{id}/incidents."""
    find = call.account.tickets.find
    rows = [found for id_ in sorted(call.ticket(word).incidents) if (found := find(id_)) is not None]
    return answered(_page(call, f"tickets/{word}/incidents", rows))


def related(call: Call, word: str) -> Answer:
    """GET tickets/{id}/related."""
    ticket = call.ticket(word)
    facts: dict[str, object] = {
        "topic_id": None,
        "jira_issue_ids": [],
        "followup_source_ids": [] if ticket.followup_of is None else [ticket.followup_of],
        "from_archive": ticket.archived(call.now),
    }
    return answered({"ticket_related": {**facts, "incidents": len(ticket.incidents), "twitter": {}}})


def targets(call: Call, word: str) -> Answer:
    """GET tickets/{id}/slas/policy_metrics."""
    return answered({"policy_metrics": policy_metrics(call.ticket(word), call.catalog, call.now)})


def _sorted(call: Call, rows: list[Any]) -> list[Any]:
    backwards = call.query.get("sort_order") == "desc" or call.query.get("sort", "").startswith("-")
    return rows[::-1] if backwards else rows


def _page(call: Call, path: str, rows: list[Ticket]) -> dict[str, Any]:
    shown: list[Ticket] = []

    def one(ticket: Ticket) -> dict[str, Any]:
        shown.append(ticket)
        return embedded(call, ticket, render.ticket(ticket, call.base))

    page = listed(call, path, "tickets", rows, one)
    return page | sideloads(call, shown)
