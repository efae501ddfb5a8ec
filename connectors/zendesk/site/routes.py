"""Which call answers which address under /api/v2, with or without .json."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from connectors.sandboxes.answer import Answer
from connectors.zendesk.site import (
    about_calls,
    exports,
    job_calls,
    people_calls,
    people_edits,
    rule_calls,
    search_calls,
    ticket_calls,
    webhook_calls,
)
from connectors.zendesk.site.answers import refuse
from connectors.zendesk.site.call import Call

Handler = Callable[..., Answer]

_TICKETS: Final[dict[tuple[str, str], Handler]] = {
    ("GET", "tickets"): ticket_calls.listing,
    ("POST", "tickets"): ticket_calls.create,
    ("GET", "tickets/show_many"): ticket_calls.show_many,
    ("GET", "tickets/count"): ticket_calls.count,
    ("PUT", "tickets/update_many"): job_calls.update_many,
    ("POST", "tickets/update_many"): job_calls.update_many,
    ("POST", "tickets/create_many"): job_calls.create_many,
    ("DELETE", "tickets/destroy_many"): job_calls.destroy_many,
    ("GET", "tickets/*"): ticket_calls.show,
    ("PUT", "tickets/*"): ticket_calls.update,
    ("DELETE", "tickets/*"): ticket_calls.delete,
    ("PUT", "tickets/*/mark_as_spam"): ticket_calls.mark_as_spam,
    ("POST", "tickets/*/merge"): job_calls.merge,
    ("GET", "tickets/*/tags"): ticket_calls.tags,
    ("PUT", "tickets/*/tags"): ticket_calls.tags,
    ("POST", "tickets/*/tags"): ticket_calls.tags,
    ("DELETE", "tickets/*/tags"): ticket_calls.tags,
    ("GET", "tickets/*/comments"): ticket_calls.comments,
    ("GET", "tickets/*/audits"): ticket_calls.audits,
    ("GET", "tickets/*/audits/*"): ticket_calls.audit,
    ("GET", "tickets/*/metrics"): ticket_calls.metrics,
    ("GET", "tickets/*/incidents"): ticket_calls.incidents,
    ("GET", "tickets/*/related"): ticket_calls.related,
    ("GET", "tickets/*/slas/policy_metrics"): ticket_calls.targets,
    ("GET", "deleted_tickets"): ticket_calls.deleted,
    ("DELETE", "deleted_tickets/*"): ticket_calls.destroy,
    ("PUT", "deleted_tickets/*/restore"): ticket_calls.restore,
    ("GET", "suspended_tickets"): ticket_calls.suspended,
    ("GET", "suspended_tickets/*"): ticket_calls.suspended_one,
    ("PUT", "suspended_tickets/*/recover"): ticket_calls.recover,
    ("GET", "job_statuses"): job_calls.job_list,
    ("GET", "job_statuses/*"): job_calls.job,
    ("GET", "incremental/tickets"): exports.tickets_by_time,
    ("GET", "incremental/tickets/cursor"): exports.tickets_by_cursor,
    ("GET", "incremental/ticket_events"): exports.ticket_events,
    ("GET", "incremental/ticket_metric_events"): exports.metric_events,
    ("GET", "search"): search_calls.search,
    ("GET", "search/count"): search_calls.count,
    ("GET", "search/export"): search_calls.export,
}
_PEOPLE: Final[dict[tuple[str, str], Handler]] = {
    ("GET", "users"): people_calls.users,
    ("POST", "users"): people_edits.create_user,
    ("POST", "users/create_or_update"): people_edits.create_user,
    ("PUT", "users/*"): people_edits.update_user,
    ("DELETE", "users/*"): people_edits.delete_user,
    ("POST", "groups"): people_edits.create_group,
    ("POST", "group_memberships"): people_edits.create_membership,
    ("DELETE", "group_memberships/*"): people_edits.delete_membership,
    ("GET", "users/*/tickets/requested"): ticket_calls.of_user,
    ("GET", "users/*/tickets/assigned"): ticket_calls.of_user,
    ("GET", "users/me"): people_calls.me,
    ("GET", "users/show_many"): people_calls.users_many,
    ("GET", "users/search"): people_calls.users_found,
    ("GET", "users/*"): people_calls.user,
    ("GET", "users/*/group_memberships"): people_calls.of_user,
    ("GET", "incremental/users/cursor"): exports.users,
    ("GET", "groups"): people_calls.groups,
    ("GET", "groups/assignable"): people_calls.groups,
    ("GET", "groups/*"): people_calls.group,
    ("GET", "groups/*/memberships"): people_calls.of_group,
    ("GET", "groups/*/memberships/assignable"): people_calls.of_group,
    ("GET", "group_memberships"): people_calls.memberships,
    ("GET", "group_memberships/assignable"): people_calls.memberships,
    ("GET", "organizations"): people_calls.organizations,
    ("GET", "organizations/*"): people_calls.organization,
    ("GET", "incremental/organizations"): exports.organizations,
}
_ACCOUNT: Final[dict[tuple[str, str], Handler]] = {
    ("GET", "custom_statuses"): about_calls.custom_statuses,
    ("GET", "custom_statuses/*"): about_calls.custom_status,
    ("GET", "ticket_fields"): about_calls.ticket_fields,
    ("GET", "ticket_fields/*"): about_calls.ticket_field,
    ("GET", "ticket_forms"): about_calls.ticket_forms,
    ("GET", "brands"): about_calls.brands,
    ("GET", "sharing_agreements"): about_calls.sharing_agreements,
    ("GET", "slas/policies"): about_calls.policies,
    ("GET", "group_slas/policies"): about_calls.no_group_policies,
    ("GET", "account/settings"): about_calls.settings,
    ("GET", "business_hours/schedules"): about_calls.schedules,
    ("GET", "oauth/tokens/current"): about_calls.current_token,
}
_RULES: Final[dict[tuple[str, str], Handler]] = {
    (method, path.format(kind=kind)): handler
    for kind in ("triggers", "automations")
    for method, path, handler in (
        ("GET", "{kind}", rule_calls.listing),
        ("POST", "{kind}", rule_calls.create),
        ("GET", "{kind}/active", rule_calls.listing),
        ("GET", "{kind}/*", rule_calls.show),
        ("PUT", "{kind}/*", rule_calls.update),
        ("DELETE", "{kind}/*", rule_calls.remove),
    )
}
_WEBHOOKS: Final[dict[tuple[str, str], Handler]] = {
    ("GET", "webhooks"): webhook_calls.listing,
    ("POST", "webhooks"): webhook_calls.create,
    ("GET", "webhooks/*"): webhook_calls.show,
    ("PUT", "webhooks/*"): webhook_calls.update,
    ("PATCH", "webhooks/*"): webhook_calls.update,
    ("DELETE", "webhooks/*"): webhook_calls.remove,
    ("GET", "webhooks/*/signing_secret"): webhook_calls.signing_secret,
    ("POST", "webhooks/*/signing_secret"): webhook_calls.signing_secret,
    ("GET", "webhooks/*/invocations"): webhook_calls.invocations,
    ("GET", "webhooks/*/invocations/*/attempts"): webhook_calls.attempts,
}
ROUTES: Final = _TICKETS | _PEOPLE | _ACCOUNT | _RULES | _WEBHOOKS


def found(method: str, words: Sequence[str]) -> tuple[Handler, Sequence[str]] | None:
    """The call of an address and the ids in it; exact words go before any id."""
    for place in range(1 << max(len(words) - 1, 0)):
        wild = [n for n in range(1, len(words)) if place >> (n - 1) & 1]
        path = "/".join("*" if n in wild else word for n, word in enumerate(words))
        handler = ROUTES.get((method, path))
        if handler is not None:
            return handler, [words[n] for n in wild]
    return None


def answer(call: Call) -> Answer:
    """What the account answers. Raises Refused."""
    match = found(call.method, call.path.split("/"))
    if match is None:
        refuse(404, "InvalidEndpoint", "Not found")
    handler, ids = match
    return handler(call, *ids)
