"""The sandbox searches as Jira Cloud does, its traps included."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.jira.sandbox import JiraSandbox, made_up
from connectors.jira.site.jql import BadQuery, parse
from rules.instants import DAY, HOUR, MINUTE, SECOND
from tests.connectors.jira.sandbox_caller import HANDED, START, TAKEN, Caller, Clock, desk

SORTED = "ORDER BY updated ASC, id ASC"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def call(clock: Clock) -> Caller:
    return Caller(JiraSandbox(clock=clock, history=desk(TAKEN, HANDED)))


def test_only_ids_unless_fields_are_asked_for(call: Caller) -> None:
    """A search that names no fields gives ids and nothing else."""
    assert call.search("project = IT ORDER BY id ASC")["issues"] == [{"id": "10001"}, {"id": "10002"}, {"id": "10003"}]


def test_pages_end_without_a_token(call: Caller) -> None:
    """Tokens lead over all pages; the last one has none, and no page tells a total."""
    first = call.search(f"project = IT {SORTED}", maxResults=2, fields=["key"])
    assert (first["isLast"], "total" in first, "startAt" in first) == (False, False, False)
    second = call.search(f"project = IT {SORTED}", maxResults=2, fields=["key"], nextPageToken=first["nextPageToken"])
    assert [each["key"] for each in first["issues"] + second["issues"]] == ["IT-2", "IT-3", "IT-1"]
    assert (second["isLast"], "nextPageToken" in second) == (True, False)


def test_an_issue_that_moves_forward_hides_no_other(call: Caller, clock: Clock) -> None:
    """While a client pages by `updated`, an issue that is changed is met again and no other is passed over."""
    first = call.search(f"project = IT {SORTED}", maxResults=1, fields=["key"])
    clock.pass_(SECOND)
    call("PUT", "issue/IT-2", {"fields": {"priority": {"id": "1"}}})
    rest = call.search(f"project = IT {SORTED}", maxResults=9, fields=["key"], nextPageToken=first["nextPageToken"])
    assert [each["key"] for each in rest["issues"]] == ["IT-3", "IT-1", "IT-2"]


@pytest.mark.parametrize(
    "body",
    [
        {"jql": "project = IT", "startAt": 0},
        {"jql": "project = IT", "maxResults": "two"},
        {"jql": "ORDER BY updated"},
        {"jql": ""},
        {"jql": "project = IT", "nextPageToken": "invented"},
        {"jql": "project = IT", "properties": ["a", "b", "c", "d", "e", "f"]},
        {"jql": "project = IT", "reconcileIssues": list(range(51))},
        {"jql": "project = NOWHERE"},
        {"jql": "colour = red"},
        {"jql": "status WAS Open"},
        {"jql": "status = 'Open"},
        {"jql": "(project = IT"},
        {"jql": "updated >= '2026-11-23 04:00:00'"},
        {"jql": f"project = IT ORDER BY {', '.join(['id'] * 8)}"},
    ],
    ids=json.dumps,
)
def test_refuses_what_jira_refuses(call: Caller, body: dict[str, object]) -> None:
    """Old paging, unbounded queries, foreign tokens and bad JQL are answered with 400 and a message."""
    answer = call("POST", "search/jql", body)
    assert call.last.status == 400
    assert answer["errorMessages"]


def test_a_token_is_good_for_its_own_query_alone(call: Caller) -> None:
    """A token that was given to another query is refused."""
    first = call.search("project = IT", maxResults=1)
    assert call.status("POST", "search/jql", {"jql": "project in (IT)", "nextPageToken": first["nextPageToken"]}) == 400


def test_a_token_lives_for_seven_days(call: Caller, clock: Clock) -> None:
    """A token works again after an hour and is refused after a week."""
    body = {"jql": "project = IT", "maxResults": 1, "nextPageToken": call.search("project = IT", maxResults=1)["nextPageToken"]}
    clock.pass_(HOUR)
    assert call.status("POST", "search/jql", body) == 200
    clock.pass_(7 * DAY)
    assert call.status("POST", "search/jql", body) == 400


def test_the_old_search_is_gone(call: Caller) -> None:
    """The removed search answers 410 to both verbs in both versions."""
    assert [call.status(verb, f"/rest/api/{v}/search", {"jql": "project = IT"}) for verb in ("GET", "POST") for v in (2, 3)] == [
        410
    ] * 4


def test_get_takes_repeated_and_comma_fields_and_ignores_start(call: Caller) -> None:
    """Fields may be repeated or parted by commas in a GET, where an old startAt is ignored."""
    query = [("jql", "key = IT-1"), ("fields", "summary,status"), ("fields", "updated"), ("startAt", "5")]
    (issue,) = call("GET", "search/jql", query=query)["issues"]
    assert set(issue["fields"]) == {"summary", "status", "updated"}


def test_numbers_are_exact_and_text_dates_are_of_the_callers_zone(call: Caller) -> None:
    """Milliseconds compare exactly; text dates are minutes in the profile's time zone, an hour off UTC in winter Amsterdam."""
    changed = HANDED.at
    assert call.keys(f"updated >= {changed}") == ["IT-1"]
    assert call.keys(f"updated >= {changed + 1}") == []
    assert call.keys("updated >= '2026-11-23 08:40'") == ["IT-1"]  # 07:40 UTC, when it was handed on
    assert call.keys("updated >= '2026-11-23 08:41'") == []
    assert call.keys("updated >= '2026/11/23'") == ["IT-3", "IT-2", "IT-1"]
    assert call.keys("updated > '-30m'") == ["IT-1"]


@pytest.mark.parametrize(
    ("jql", "keys"),
    [
        ("status = 'In Progress'", ["IT-1"]),
        ("status not in (Open)", ["IT-1"]),
        ("statusCategory = new ORDER BY key", ["IT-2", "IT-3"]),
        ("statusCategory != Done AND project = it ORDER BY key DESC", ["IT-3", "IT-2", "IT-1"]),
        ("assignee is EMPTY and reporter = 'Chloe Maes' order by id", ["IT-1", "IT-2", "IT-3"]),
        ("assignee = currentUser()", []),
        ("'Assignment group' = 'Network Operations'", ["IT-1"]),
        ("cf[10050] != 20000", ["IT-1"]),
        ("key in (IT-1, IT-3, IT-99) ORDER BY created DESC", ["IT-3", "IT-1"]),
        ("issuekey > IT-2", ["IT-3"]),
        ("id = 10002", ["IT-2"]),
        ("text ~ 'vpn every' AND NOT key = IT-3 ORDER BY summary", ["IT-1", "IT-2"]),
        ("summary ~ '2' OR text ~ 'needs a specialist' AND key != IT-3 ORDER BY id", ["IT-1", "IT-2"]),
        ("created < '-90m' AND (key = IT-1 OR key = IT-2) ORDER BY created", ["IT-1", "IT-2"]),
        ("labels is EMPTY AND component = VPN AND priority = Medium AND resolution = EMPTY AND key = IT-1", ["IT-1"]),
        ("project = IT ORDER BY updated DESC", ["IT-1", "IT-3", "IT-2"]),
        ("project = IT ORDER BY updated DESC, id ASC", ["IT-1", "IT-3", "IT-2"]),
    ],
)
def test_jql_finds_what_it_says(call: Caller, jql: str, keys: list[str]) -> None:
    """Fields, operators, lists, brackets and orders of everyday JQL mean what they mean in Jira."""
    assert call.keys(jql) == keys


def test_priorities_sort_by_urgency_and_not_by_id(call: Caller) -> None:
    """Ascending is from the least urgent to the most urgent, in the order of the scheme."""
    call("PUT", "issue/IT-2", {"fields": {"priority": {"id": "1"}}})
    call("PUT", "issue/IT-3", {"fields": {"priority": {"id": "4"}}})
    assert call.keys("project = IT ORDER BY priority DESC") == ["IT-2", "IT-1", "IT-3"]


def test_a_lagging_index_shows_the_past_and_a_read_the_present(clock: Clock) -> None:
    """With a lag, a search shows neither the change nor its new place; a read by id, and a reconciled search, show both."""
    call = Caller(JiraSandbox(clock=clock, history=desk(TAKEN, HANDED), lag=30 * SECOND))
    call("PUT", "issue/IT-2", {"fields": {"labels": ["seen"]}})
    stale = call.search("key = IT-2", fields=["labels", "updated"])["issues"][0]["fields"]
    assert stale["labels"] == []
    assert call("GET", "issue/IT-2")["fields"]["labels"] == ["seen"]
    assert call.keys("labels = seen") == []
    assert [each["id"] for each in call.search("labels = seen", reconcileIssues=[10002])["issues"]] == ["10002"]
    clock.pass_(30 * SECOND)
    assert call.keys(f"labels = seen {SORTED}") == ["IT-2"]


def test_properties_come_with_a_search(call: Caller) -> None:
    """Properties that are named come along, at once, though they are nothing that JQL could find."""
    call("PUT", "issue/IT-2/properties/hoist.state", {"step": 1})
    (issue,) = call.search("key = IT-2", properties=["hoist.state"], fields=["updated"])["issues"]
    assert issue["properties"] == {"hoist.state": {"step": 1}}


def test_counts_are_estimated_apart(call: Caller) -> None:
    """The number of matches has an endpoint of its own."""
    assert call("POST", "search/approximate-count", {"jql": "assignee IS EMPTY"}) == {"count": 3}


def test_a_wrong_credential_is_anonymous(clock: Clock) -> None:
    """With a wrong token a search is empty and answers 200; only asking who one is tells the truth."""
    call = Caller(JiraSandbox(clock=clock, history=desk()), wrong=True)
    assert call.search("project = IT") == {"issues": [], "isLast": True}
    assert call.last.headers["X-Seraph-LoginReason"] == "AUTHENTICATED_FAILED"
    assert [call.status("GET", path) for path in ("myself", "issue/IT-1", "serverInfo", "project")] == [401, 404, 200, 200]
    assert call("POST", "issue/bulkfetch", {"issueIdsOrKeys": ["10001"]})["issues"] == []


@given(st.data())
def test_every_page_size_gives_the_same_issues(data: st.DataObject) -> None:
    """Whatever the page size and order, paging gives every match once, in the order of one big page."""
    call = Caller(JiraSandbox(clock=lambda: START, history=_MANY))
    order = data.draw(
        st.sampled_from(["updated ASC, id ASC", "updated DESC", "priority DESC, created", "assignee, key DESC", "id"])
    )
    jql = f"project = IT AND updated >= {START - data.draw(st.integers(0, 14 * DAY))} ORDER BY {order}"
    size = data.draw(st.integers(3, 40))
    whole = [each["id"] for each in call.search(jql, maxResults=5_000)["issues"]]
    pages, token = [], None
    while True:
        page = call.search(jql, maxResults=size, **({"nextPageToken": token} if token else {}))
        pages += [each["id"] for each in page["issues"]]
        if page["isLast"]:
            break
        token = page["nextPageToken"]
    assert pages == whole


_MANY = made_up(60, 3, START, MINUTE)


@given(st.text(alphabet="projectITAND()=<>!~'\" ,[]-1 ", max_size=30))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """No query, however broken, does more than be refused."""
    try:
        query = parse(text)
    except BadQuery:
        return
    assert query.where is not None or not text.strip() or query.order
