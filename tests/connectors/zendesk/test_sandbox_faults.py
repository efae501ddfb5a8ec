"""What goes wrong on purpose in the sandbox, and in what state the account is afterwards."""

from __future__ import annotations

import pytest
import requests

from connectors.zendesk.sandbox import ZendeskSandbox
from rules.instants import MINUTE
from tests.connectors.sandbox_desk import Clock, desk
from tests.connectors.zendesk.sandbox_caller import Caller


def caller(clock: Clock | None = None, **faults: float) -> Caller:
    rates = {name.replace("_", "-"): rate for name, rate in faults.items()}
    return Caller(ZendeskSandbox(clock=clock or Clock(), history=desk(), faults=rates))


def test_unknown_faults_and_rates_are_refused() -> None:
    """A misspelt fault is no quiet day."""
    with pytest.raises(ValueError, match="there is no fault html-201"):
        caller(html_201=1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        caller(slow=2)


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("html-503", 503, "text/html"),
        ("html-200", 200, "text/html"),
        ("failed-500", 500, "application/json"),
        ("unauthorized-401", 401, "application/json"),
        ("too-many-requests", 429, "application/json"),
        ("too-many-requests-without-retry-after", 429, "text/plain"),
        ("database-conflict", 409, "application/json"),
    ],
)
def test_what_meets_a_call_instead_of_the_account_changes_nothing(fault: str, status: int, kind: str) -> None:
    """Whatever is answered, nothing took effect."""
    call = caller(None, **{fault: 1})
    call.put(2, priority="high")
    assert call.last.status == status
    assert call.last.headers["Content-Type"].startswith(kind)
    assert ("Retry-After" in call.last.headers) == (fault == "too-many-requests")
    call.sandbox._faults.rates.clear()
    assert call.ticket(2)["priority"] == "normal"


def test_a_lost_answer_was_an_update() -> None:
    """The connection closes after the update took effect; whoever repeats it comments twice."""
    sandbox = ZendeskSandbox(clock=Clock(), history=desk(), faults={"lost-answer": 1})
    with sandbox.serve() as server:
        known = sandbox.credentials()
        body = {"ticket": {"comment": {"body": "Once", "public": False}}}
        for _ in range(2):
            with pytest.raises(requests.ConnectionError):
                requests.put(
                    f"{server.url}/api/v2/tickets/2",
                    json=body,
                    auth=(f"{known['username']}/token", known["token"]),
                    timeout=10,
                )
        texts = [each["body"] for each in Caller(sandbox)("GET", "tickets/2/comments")["comments"]]
        assert texts[1:] == ["Once", "Once"]


def test_a_500_may_have_been_an_update() -> None:
    """The answer says failure, the ticket says otherwise."""
    call = caller(failed_500_after=1)
    call.put(2, priority="high")
    assert call.last.status == 500
    assert call.ticket(2)["priority"] == "high"


def test_an_update_may_be_followed_by_the_platforms_own() -> None:
    """The ticket moves in the stream, and its stamp stays."""
    clock = Clock()
    call = caller(clock, system_change=1)
    call.put(2, priority="high")
    clock.pass_(2 * MINUTE)
    assert call.export()[-1]["id"] == 2


def test_a_token_may_end_early() -> None:
    """401 invalid_token, and the token stays dead."""
    call = caller(expired_token=1)
    call.headers = {"Authorization": f"Bearer {call.sandbox.granted()[0]}"}
    assert call("GET", "tickets")["error"] == "invalid_token"
    call.sandbox._faults.rates.clear()
    call("GET", "tickets")
    assert call.last.status == 401


def test_a_slow_answer_tells_how_late_it_leaves() -> None:
    """Seconds, which a server waits before it sends."""
    call = caller(slow=1)
    call("GET", "tickets")
    assert call.last.delay_seconds == 3
