"""The sandbox's rate limits, by its own clock, and the headers that tell of them."""

from __future__ import annotations

import re

import pytest

from connectors.sandboxes.history import Event
from connectors.zendesk.sandbox import PLANS, Terms, ZendeskSandbox
from rules.instants import MINUTE, SECOND
from tests.connectors.sandbox_desk import START, Clock, desk
from tests.connectors.zendesk.sandbox_caller import Caller


@pytest.fixture
def clock() -> Clock:
    return Clock()


def caller(clock: Clock, *events: Event, plan: str = "enterprise", variants: frozenset[str] = frozenset()) -> Caller:
    return Caller(ZendeskSandbox(clock=clock, history=desk(*events), terms=Terms(plan=PLANS[plan], variants=variants)))


def test_ten_exports_a_minute(clock: Clock) -> None:
    """All incremental exports share one limit; Retry-After says when there is room again."""
    call = caller(clock)
    for n in range(10):
        call("GET", ("incremental/tickets/cursor", "incremental/ticket_events")[n % 2], start_time=0)
        assert call.last.status == 200
        clock.pass_(SECOND)
    call("GET", "incremental/ticket_metric_events", start_time=0)
    assert (call.last.status, call.last.headers["Retry-After"]) == (429, "50")
    clock.pass_(50 * SECOND)
    call("GET", "incremental/tickets/cursor", start_time=0)
    assert call.last.status == 200


def test_thirty_updates_of_a_ticket_in_ten_minutes(clock: Clock) -> None:
    """One more by the same user is refused; another ticket and another user are free."""
    call = caller(clock)
    for n in range(30):
        call.put(2, subject=f"Subject {n}")
        clock.pass_(5 * SECOND)
    assert call.last.headers["zendesk-ratelimit-per-ticket-updates"] == "total=30; remaining=0; resets=455"
    answer = call.put(2, subject="One more")
    assert (call.last.status, answer["error"]) == (429, "APIRateLimitExceeded")
    assert call.last.headers["Retry-After"] == "450"
    call.put(3, subject="Free")
    assert call.last.status == 200
    call.person = "anna"
    call.put(2, subject="Anna's")
    assert call.last.status == 200


def test_a_hundred_updates_a_minute_in_the_whole_account(clock: Clock) -> None:
    """People's edits in the browser count as well; three hundred with the add-on."""
    edits = [Event(START + n * 100, f"T{n % 3 + 1}", "anna", {"summary": f"Edit {n}"}) for n in range(1, 81)]
    for plan, limit in (("enterprise", 20), ("high-volume", 220)):
        clock.at = START + 8 * SECOND
        call = caller(clock, *edits, plan=plan)
        done = 0
        while call.last.status in {0, 200}:
            call("PUT", f"tickets/{done % 3 + 1}/tags", {"tags": [f"t{done}"]})
            done += call.last.status == 200
            if not done % 90:
                call.person = {"": "anna", "anna": "bram"}.get(call.person, "femke")
        assert done == limit
        assert "zendesk-ratelimit-tickets-update" in call.last.headers


def test_the_plan_limits_all_calls(clock: Clock) -> None:
    """The headers of the account count down in both spellings."""
    call = caller(clock, plan="team")
    for _ in range(200):
        call("GET", "users/me")
    assert call.last.headers["X-Rate-Limit-Remaining"] == call.last.headers["ratelimit-remaining"] == "0"
    call("GET", "users/me")
    assert call.last.status == 429
    clock.pass_(MINUTE)
    call("GET", "users/me")
    assert (call.last.headers["X-Rate-Limit"], call.last.headers["ratelimit-limit"]) == ("200", "200")


def test_every_limit_has_its_header(clock: Clock) -> None:
    """Endpoints with a limit of their own tell of it in one form."""
    call = caller(clock)
    for path, name in (
        ("tickets", "tickets-index"),
        ("search?query=type:ticket", "search-index"),
        ("incremental/tickets/cursor?start_time=0", "incremental-exports"),
    ):
        call("GET", path)
        told = call.last.headers[f"zendesk-ratelimit-{name}"]
        assert re.fullmatch(r"total=\d+; remaining=\d+; resets=\d+", told)


def test_without_a_plan_there_is_no_limit(clock: Clock) -> None:
    """For a stepped clock, which stands while calls are made."""
    call = Caller(ZendeskSandbox(clock=clock, history=desk()))
    for n in range(120):
        call.put(2, subject=f"Subject {n}")
    assert call.last.status == 200
    assert "X-Rate-Limit" not in call.last.headers


def test_a_429_may_be_plain_text(clock: Clock) -> None:
    """Not every refusal is JSON."""
    call = caller(clock, variants=frozenset({"text-429"}))
    for _ in range(11):
        call("GET", "incremental/tickets/cursor", start_time=0)
    assert call.last.status == 429
    assert call.last.headers["Content-Type"].startswith("text/plain")
