"""What stands before an account: outages, limits, pages for browsers instead of answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from connectors.sandboxes.answer import Answer
from connectors.sandboxes.faults import Faults
from connectors.zendesk.site.answers import Refused, answered
from connectors.zendesk.site.faults import SLOW_SECONDS, WRITES
from connectors.zendesk.site.limits import too_many

HTML: Final = {"Content-Type": "text/html; charset=utf-8"}
LOGIN: Final = b"<!DOCTYPE html><html><head><title>Log in</title></head><body><h1>Sign in to the help desk</h1></body></html>"
MAINTENANCE: Final = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>We will be back soon.</body></html>"
WAIT_SECONDS: Final = 12


def before(faults: Faults, method: str) -> Answer | None:
    """What meets a call instead of the account; nothing takes effect then."""
    for name, answer in _INSTEAD.items():
        if faults.strikes(name):
            return answer()
    if method in WRITES and faults.strikes("database-conflict"):
        return Refused(409, {"error": "DatabaseConflict", "description": "Database collision"}).answer()
    return None


def unauthorized() -> Answer:
    """401 for no credential, or a wrong one."""
    return answered({"error": "Couldn't authenticate you"}, 401)


def invalid_token() -> Answer:
    """401 for an access token that is no longer good."""
    told = "The access token provided is expired, revoked, malformed or invalid for other reasons."
    return answered({"error": "invalid_token", "error_description": told}, 401)


def insufficient_scope() -> Answer:
    """403 for an access token whose scopes do not reach so far."""
    told = "You do not have access to this page. Missing the following required scopes."
    return answered({"error": "Forbidden", "description": told}, 403)


def delay_seconds(faults: Faults) -> float:
    """How late the answer leaves."""
    return SLOW_SECONDS if faults.strikes("slow") else 0.0


def endpoint(method: str, path: str) -> str:
    """The name of the limit that an endpoint has of its own; empty for none."""
    if path.startswith("incremental/"):
        return "incremental-exports"
    if path.startswith("search"):
        return "search-index"
    if method == "GET" and path == "tickets":
        return "tickets-index"
    return "tickets-update" if updated(method, path) else ""


def updated(method: str, path: str) -> str:
    """The id of the ticket that a call updates; empty for none."""
    words = path.split("/")
    if words[0] != "tickets" or len(words) < 2 or not words[1].isdigit():
        return ""
    tags = words[2:] == ["tags"] and method in WRITES
    return words[1] if tags or (method == "PUT" and len(words) == 2) else ""


def resource(path: str) -> str:
    """The resource whose scope a call needs."""
    first, *rest = path.split("/")
    if first in {"incremental", "search"}:
        return "users" if rest[:1] == ["users"] else "tickets"
    return {"groups": "users", "group_memberships": "users", "deleted_tickets": "tickets", "custom_statuses": "tickets",
            "suspended_tickets": "tickets", "job_statuses": "tickets", "ticket_fields": "tickets"}.get(first, first)  # fmt: skip


_INSTEAD: Final[Mapping[str, Callable[[], Answer]]] = {
    "html-200": lambda: Answer(200, HTML, LOGIN),
    "html-503": lambda: Answer(503, HTML, MAINTENANCE),
    "refused-before": lambda: Answer(0, lost=True),
    "too-many-requests": lambda: too_many(WAIT_SECONDS),
    "too-many-requests-without-retry-after": lambda: Answer(429, {"Content-Type": "text/plain"}, b"Too many requests"),
    "failed-500": lambda: Refused(500, {"error": "InternalServerError", "description": "Something went wrong"}).answer(),
    "unauthorized-401": unauthorized,
}
