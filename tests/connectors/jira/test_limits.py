"""What Jira says of its limits, and what hoist does about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses

from connectors.answers import Answer, Limit, Reach
from connectors.errors import TicketBusy, TryLater
from connectors.jira.cloud import CloudClient
from connectors.jira.limits import limit_of
from rules.instants import MINUTE
from tests.connectors.jira.recorded import NOW, URL, Waits, dated, settings

HALF_PAST = NOW + 30 * MINUTE
USED_UP = "Jira's quota of requests is used up"


@pytest.mark.parametrize(
    ("status", "headers", "limit"),
    [
        (200, {}, None),
        (200, {"X-RateLimit-NearLimit": "false"}, None),
        (200, {"X-RateLimit-NearLimit": "true"}, Limit(Reach.BACKFILL, None)),
        (200, {"RateLimit": '"global-app-quota";r=9000;t=600'}, Limit(Reach.BACKFILL, 600.0)),
        (200, {"RateLimit": '"a";r=9000;t=600, "b";r=12;t=60'}, Limit(Reach.BACKFILL, 60.0)),
        (200, {"RateLimit": '"a";r=0;t=600, "b";r=12;t=60'}, Limit(Reach.SOURCE, 600.0, USED_UP)),
        (200, {"RateLimit": '"global-app-quota";r=0'}, Limit(Reach.SOURCE, 1800.0, USED_UP)),
        (200, {"RateLimit": '"global-app-quota";t=600'}, None),
        (200, {"Beta-RateLimit": '"global-app-quota";r=0;t=600'}, None),
        (429, {"Retry-After": "1", "RateLimit-Reason": "jira-burst-based"}, Limit(Reach.PACE, 1.0)),
        (429, {"Retry-After": "2", "RateLimit-Reason": "jira-per-issue-on-write"}, Limit(Reach.TICKET, 2.0)),
        (429, {"Retry-After": "1800", "RateLimit-Reason": "jira-quota-tenant-based"}, Limit(Reach.SOURCE, 1800.0, USED_UP)),
        (429, {"Retry-After": "5", "RateLimit-Reason": "jira-quota-global-based"}, Limit(Reach.SOURCE, 5.0, USED_UP)),
        (429, {"RateLimit-Reason": "jira-quota-global-based"}, Limit(Reach.SOURCE, 1800.0, USED_UP)),
        (429, {"Retry-After": "900", "RateLimit-Reason": "jira-cost-based"}, Limit(Reach.SOURCE, 900.0, USED_UP)),
        (429, {"Retry-After": "2", "RateLimit-Reason": "something new"}, Limit(Reach.PACE, 2.0)),
        (429, {"Retry-After": "900", "RateLimit-Reason": "something new"}, Limit(Reach.KIND, 900.0)),
        (429, {"Retry-After": "900"}, Limit(Reach.KIND, 900.0)),
        (429, {"X-RateLimit-Reset": "2026-11-23T04:30:02Z"}, Limit(Reach.PACE, 2.0)),
        (429, {}, Limit(Reach.PACE, None)),
    ],
)
def test_each_kind_of_limit(status: int, headers: dict[str, str], limit: Limit | None) -> None:
    """A quota closes the source until it is filled again, a burst slows hoist down, one issue's limit is that issue's."""
    assert limit_of(Answer(status, b"{}", HALF_PAST, headers)) == limit


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOIST_TEST_TOKEN", "s3cret-token")


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as made:
        yield made


def told(mock: responses.RequestsMock, method: str, path: str, status: int, **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    mock.add(
        method,
        f"{URL}{path}",
        body="" if status == 204 else "{}",
        status=status,
        headers={**dated(NOW), "Content-Type": "application/json", **named},
    )


def test_a_used_up_quota_stops_all_requests(mock: responses.RequestsMock) -> None:
    """After a 429 on quota nothing is sent any more until the quota is filled again, whatever it is for."""
    waits = Waits()
    client = CloudClient("jira", settings(), waits.surroundings, dry_run=False)
    told(mock, "GET", "/rest/api/3/serverInfo", 429, Retry_After="1800", RateLimit_Reason="jira-quota-tenant-based")
    with pytest.raises(TryLater) as first:
        client.server_info()
    with pytest.raises(TryLater, match="quota of requests is used up, nothing was sent") as second:
        client.edit("1", b"{}")
    assert (first.value.seconds, second.value.seconds, len(mock.calls)) == (1800.0, 1800.0, 1)
    assert not isinstance(second.value, TicketBusy)
    waits.now += 1800
    told(mock, "PUT", "/rest/api/3/issue/1", 204)
    client.edit("1", b"{}")


def test_a_search_that_is_refused_for_hours_keeps_no_write_waiting(mock: responses.RequestsMock) -> None:
    """Where nobody says that a quota is used up, as a proxy in between does not, only requests of that kind rest."""
    client = CloudClient("jira", settings(), Waits().surroundings, dry_run=False)
    told(mock, "POST", "/rest/api/3/search/jql", 429, Retry_After="7200")
    told(mock, "PUT", "/rest/api/3/issue/1", 204)
    with pytest.raises(TryLater) as caught:
        client.search("project = ITSM", 10, None)
    assert caught.value.seconds == 7200.0
    client.edit("1", b"{}")


def test_what_is_refused_again_and_again_slows_nothing_else(mock: responses.RequestsMock) -> None:
    """A search that is refused for hours without a word about how long leaves at least half the pace to writes."""
    waits = Waits()
    client = CloudClient("jira", settings(requests_per_second="10"), waits.surroundings, dry_run=False)
    told(mock, "POST", "/rest/api/3/search/jql", 429)
    for number in range(50):
        told(mock, "PUT", f"/rest/api/3/issue/{number}", 204)
    for _ in range(10):
        with pytest.raises(TryLater):
            client.search("project = ITSM", 10, None)
        waits.now += 30
    begun = waits.now
    for number in range(50):
        client.edit(str(number), b"{}")
    assert waits.now - begun <= 10.0


def test_one_issue_that_is_written_too_often_delays_no_other(mock: responses.RequestsMock) -> None:
    """The limit of writes per issue is that ticket's trouble, with the seconds that Jira names."""
    client = CloudClient("jira", settings(), Waits().surroundings, dry_run=False)
    told(mock, "PUT", "/rest/api/3/issue/1", 429, Retry_After="2", RateLimit_Reason="jira-per-issue-on-write")
    told(mock, "PUT", "/rest/api/3/issue/2", 204)
    with pytest.raises(TicketBusy) as caught:
        client.edit("1", b"{}")
    assert caught.value.seconds == 2.0
    client.edit("2", b"{}")


def test_hoist_leaves_half_of_an_issues_writes_to_others(mock: responses.RequestsMock) -> None:
    """Of 20 writes in 2 s and 100 in 30 s that an issue takes hoist sends half, and waits with the next one for that issue."""
    waits = Waits()
    client = CloudClient("jira", settings(requests_per_second="1000"), waits.surroundings, dry_run=False)
    told(mock, "PUT", "/rest/api/3/issue/1", 204)
    told(mock, "PUT", "/rest/api/3/issue/2", 204)
    sent: list[float] = []
    while len(sent) < 200:
        try:
            client.edit("1", b"{}")
            sent.append(waits.now)
        except TicketBusy as busy:
            client.edit("2", b"{}") if len(sent) == 10 else None
            waits.sleep(busy.seconds + 0.001)
    for seconds, most in ((2.0, 10), (30.0, 50)):
        assert max(sum(at - seconds < other <= at for other in sent) for at in sent) == most
