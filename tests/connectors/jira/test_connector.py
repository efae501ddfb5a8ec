"""The Jira connector misses no ticket: runs over what changed, fresh reads, and what is set aside."""

import json
from collections.abc import Mapping
from itertools import islice
from typing import Final

import pytest
import responses

from connectors.contract import Page
from connectors.errors import AskAdmin, TryLater
from connectors.jira.changes import OVERLAP
from connectors.jira.connector import JiraConnector
from rules.instants import HOUR, MINUTE, SECOND
from tests.connectors.jira.recorded import (
    HOIST,
    NOW,
    URL,
    Ledger,
    Recorded,
    comment,
    connector,
    entry,
    issue,
    item,
    user,
)

OLD: Final = NOW - HOUR


def run(hoist: JiraConnector, cursor: str | None = None, ledger: Ledger | None = None) -> list[Page]:
    return list(hoist.changed(cursor, ledger or Ledger()))


# --- signing in ------------------------------------------------------------------------------------------------------


def test_identify(jira: Recorded, hoist: JiraConnector) -> None:
    """hoist knows its own account by id and the site by its address."""
    identity = hoist.identify()
    assert (identity.account, identity.instance, identity.server_time) == (HOIST, URL, NOW)


@pytest.mark.parametrize(
    ("me", "code", "says"),
    [
        ({}, 200, "anonymous"),
        ({"message": "Client must be authenticated"}, 401, "renew"),
        (user("712020:else") | {"emailAddress": "eva@example.com"}, 200, "belongs to eva@example.com"),
    ],
)
def test_a_wrong_credential_is_noticed(monkeypatch: pytest.MonkeyPatch, me: Mapping[str, object], code: int, says: str) -> None:
    """A credential that Jira ignores, refuses or knows as another person's stops the connection, with what to do."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add("GET", f"{URL}/rest/api/3/myself", json=me, status=code, headers={"Date": "Mon, 23 Nov 2026 04:00:00 GMT"})
        with pytest.raises(AskAdmin, match=says):
            connector(monkeypatch).identify()


def test_a_data_center_site_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jira Data Center speaks otherwise; that is said at once and not found out by strange errors."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        date = {"Date": "Mon, 23 Nov 2026 04:00:00 GMT"}
        mock.add("GET", f"{URL}/rest/api/3/myself", json=user(HOIST), headers=date)
        mock.add("GET", f"{URL}/rest/api/3/serverInfo", json={"baseUrl": URL, "deploymentType": "Server"}, headers=date)
        with pytest.raises(AskAdmin, match="Jira Server"):
            connector(monkeypatch).identify()


def test_an_empty_site_is_checked_for_an_expired_credential(jira: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jira answers an expired token like an empty site: before hoist believes that, it asks who it is."""
    jira.finds({})
    hoist = connector(monkeypatch)
    hoist.identify()
    before = len(jira.sent("myself"))
    run(hoist)
    assert len(jira.sent("myself")) == before + 1


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_first_run(jira: Recorded, hoist: JiraConnector) -> None:
    """The first run reads everything of the projects, page by page, the oldest first, and is complete on its last page."""
    jira.finds({"10001": OLD}, "t2")
    jira.finds({"10002": OLD})
    jira.has(issue(1))
    jira.mock.add(
        "POST",
        f"{URL}/rest/api/3/issue/bulkfetch",
        json={"issues": [issue(2)]},
        headers={"Date": "Mon, 23 Nov 2026 04:00:00 GMT"},
    )
    pages = run(hoist)
    assert [[ticket.key for ticket in page.tickets] for page in pages] == [["ITSM-1"], ["ITSM-2"]]
    assert [page.complete for page in pages] == [False, True]
    assert {page.horizon for page in pages} == {NOW - OVERLAP}
    assert {body["jql"] for body in jira.bodies("search/jql")} == {'project in ("ITSM") ORDER BY updated ASC, id ASC'}


def test_the_next_run_reads_back(jira: Recorded, hoist: JiraConnector) -> None:
    """Jira's index lags: a run begins five minutes before the one before it did, by the server's clock."""
    jira.finds({"10001": NOW - SECOND})
    jira.has(issue(1))
    cursor = run(hoist)[-1].cursor
    run(hoist, cursor)
    assert f"updated >= {NOW - OVERLAP} ORDER" in jira.bodies("search/jql")[-1]["jql"]


def test_a_quiet_site_keeps_its_last_row_in_sight(jira: Recorded, hoist: JiraConnector) -> None:
    """While nothing changes, the newest row is found again each time, so that an empty answer is known to be wrong."""
    jira.finds({"10001": OLD})
    jira.has(issue(1))
    cursor = run(hoist)[-1].cursor
    page = run(hoist, cursor, Ledger({"10001": str(OLD)}))[-1]
    assert f"updated >= {OLD} ORDER" in jira.bodies("search/jql")[-1]["jql"]
    assert (page.unchanged, list(page.tickets)) == (1, [])


def test_known_rows_cost_no_read(jira: Recorded, hoist: JiraConnector) -> None:
    """What the mirror holds in that version is neither fetched nor handed out again."""
    jira.finds({"10001": OLD, "10002": OLD})
    jira.has(issue(2))
    page = run(hoist, None, Ledger({"10001": str(OLD)}))[-1]
    assert (page.unchanged, [ticket.ref.id for ticket in page.tickets]) == (1, ["10002"])
    assert jira.bodies("issue/bulkfetch")[-1]["issueIdsOrKeys"] == ["10002"]


def test_a_run_goes_on_where_it_broke_off(jira: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart in the middle of a run the next page is asked for by its token, with the same search."""
    jira.finds({"10001": OLD}, "t2")
    jira.finds({"10002": OLD})
    jira.has(issue(1), issue(2))
    first = next(iter(connector(monkeypatch).changed(None, Ledger())))
    pages = run(connector(monkeypatch), first.cursor)
    assert [page.complete for page in pages] == [True]
    assert [body.get("nextPageToken") for body in jira.bodies("search/jql")] == [None, "t2"]


def test_an_expired_token_begins_the_run_anew(jira: Recorded, hoist: JiraConnector) -> None:
    """A page token that Jira no longer takes costs a repetition and no ticket."""
    jira.answers("POST", "search/jql", {"errorMessages": ["The provided next page token is invalid or expired."]}, 400)
    jira.finds({"10001": OLD})
    jira.has(issue(1))
    cursor = json.dumps({"projects": ["ITSM"], "since": 5, "token": "old", "started": 9, "pages": 3})
    pages = run(hoist, cursor)
    asked = jira.bodies("search/jql")
    assert [body.get("nextPageToken") for body in asked] == ["old", None]
    assert "updated >= 5 " in asked[1]["jql"]
    assert pages[-1].horizon == NOW - OVERLAP


def test_tokens_that_are_refused_time_and_again_end_the_run(jira: Recorded, hoist: JiraConnector) -> None:
    """A Jira that refuses each page token it gives is asked again later, and not from the beginning for ever."""
    refused = {"errorMessages": ["The provided next page token is invalid or expired."]}
    for token in ("t2", "t3", "t4"):
        jira.finds({"10001": OLD}, token)
        jira.answers("POST", "search/jql", refused, 400)
    jira.has(issue(1))
    with pytest.raises(TryLater, match="refuses its own page tokens"):
        list(islice(hoist.changed(None, Ledger()), 5))
    asked = [body.get("nextPageToken") for body in jira.bodies("search/jql")]
    assert asked == [None, "t2", None, "t3"]


def test_a_search_that_turns_in_a_circle(jira: Recorded, hoist: JiraConnector) -> None:
    """A page token that comes twice ends the run with an error instead of never."""
    jira.finds({"10001": OLD}, "t2")
    jira.has(issue(1))
    with pytest.raises(TryLater, match="circle"):
        run(hoist)
    assert len(jira.sent("search/jql")) == 2


def test_a_page_that_is_not_the_last_needs_a_token(jira: Recorded, hoist: JiraConnector) -> None:
    """An answer that says more follows, and not where, never counts as the end: the cursor stays."""
    jira.finds({"10001": OLD}, last=False)
    with pytest.raises(TryLater, match="more tickets follow"):
        run(hoist)


def test_an_empty_page_with_a_token_goes_on(jira: Recorded, hoist: JiraConnector) -> None:
    """A page without rows in the middle of a run is not its end."""
    jira.finds({"10001": OLD}, "t2")
    jira.finds({}, "t3")
    jira.finds({"10002": OLD})
    jira.has(issue(1), issue(2))
    assert [page.complete for page in run(hoist)] == [False, False, True]


def test_a_project_added_later_is_read_whole(jira: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cursor of other projects begins anew: the old tickets of the added project are older than it."""
    jira.finds({"10001": OLD})
    jira.has(issue(1))
    cursor = run(connector(monkeypatch))[-1].cursor
    run(connector(monkeypatch, projects=["ITSM", "OPS"]), cursor)
    assert jira.bodies("search/jql")[-1]["jql"] == 'project in ("ITSM", "OPS") ORDER BY updated ASC, id ASC'


def test_an_unreadable_cursor_begins_anew(jira: Recorded, hoist: JiraConnector) -> None:
    """A cursor of another hoist version, or none at all, means reading everything once more."""
    jira.finds({"10001": OLD})
    jira.has(issue(1))
    run(hoist, "not a cursor")
    assert "updated >=" not in jira.bodies("search/jql")[0]["jql"]


def test_an_unknown_project_is_an_administrators_matter(jira: Recorded, hoist: JiraConnector) -> None:
    """A project that Jira does not know stops the source with Jira's words and what to correct."""
    jira.answers("POST", "search/jql", {"errorMessages": ["The value 'ITSM' does not exist for the field 'project'."]}, 400)
    with pytest.raises(AskAdmin, match=r"'ITSM' does not exist.*correct `projects`"):
        run(hoist)


def test_one_bad_ticket_stops_no_other(jira: Recorded, hoist: JiraConnector) -> None:
    """A ticket that can't be mapped is set aside with its raw form and the field that is wrong; its page goes on."""
    broken = issue(2, status={"name": "?"})
    jira.finds({"10001": OLD, "10002": OLD, "10003": OLD})
    jira.has(issue(1), broken, issue(3))
    page = run(hoist)[-1]
    assert [ticket.key for ticket in page.tickets] == ["ITSM-1", "ITSM-3"]
    (set_aside,) = page.quarantined
    assert (set_aside.id, set_aside.key) == ("10002", "ITSM-2")
    assert "fields.status.id" in set_aside.reason
    assert json.loads(set_aside.raw) == broken


def test_a_bad_history_costs_its_own_ticket_alone(jira: Recorded, hoist: JiraConnector) -> None:
    """A changelog that can't be read sets its ticket aside; a ticket with half a history would mislead."""
    jira.finds({"10001": OLD, "10002": OLD})
    bad = {**entry(1, OLD, [item("priority", "1", "2")]), "created": "yesterday"}
    good = entry(2, OLD, [item("priority", "1", "3")])
    jira.has(issue(1), issue(2), entries={"10001": [bad], "10002": [good]})
    page = run(hoist)[-1]
    assert [(ticket.key, len(ticket.changes)) for ticket in page.tickets] == [("ITSM-2", 1)]
    assert [(each.key, "changeHistories.0.created" in each.reason) for each in page.quarantined] == [("ITSM-1", True)]


def test_an_issue_that_the_index_has_and_the_database_not(jira: Recorded, hoist: JiraConnector) -> None:
    """A row without its issue is left for the next run, which begins before it; for an hour, then it is let go."""
    jira.finds({"10001": NOW - 10 * MINUTE, "10002": NOW - MINUTE})
    jira.has(issue(2))
    page = run(hoist)[-1]
    assert json.loads(page.cursor)["since"] == NOW - 10 * MINUTE
    jira.finds_now({"10001": NOW - 3 * HOUR, "10002": NOW - MINUTE})
    assert json.loads(run(hoist)[-1].cursor)["since"] == NOW - HOUR


def test_an_issue_that_jira_names_as_failing(jira: Recorded, hoist: JiraConnector) -> None:
    """An issue that Jira refuses in a bulk read is set aside with Jira's words."""
    jira.finds({"10001": OLD, "10002": OLD})
    errors = [{"id": "10002", "errorMessage": "The issue is archived."}]
    jira.answers("POST", "issue/bulkfetch", {"issues": [issue(1)], "issueErrors": errors})
    jira.answers("POST", "changelog/bulkfetch", {"issueChangeLogs": []})
    (set_aside,) = run(hoist)[-1].quarantined
    assert (set_aside.id, "The issue is archived." in set_aside.reason) == ("10002", True)


def test_long_histories_and_many_comments_are_read_whole(jira: Recorded, hoist: JiraConnector) -> None:
    """A changelog over several pages and comments beyond what the field carries are all read."""
    first = comment(1, OLD, user(HOIST))
    jira.answers("POST", "issue/bulkfetch", {"issues": [issue(1, comment={"comments": [first], "total": 3})]})
    logs = [{"issueId": "10001", "changeHistories": [entry(n, OLD, [item("priority", str(n), str(n + 1))])]} for n in (1, 2)]
    jira.answers("POST", "changelog/bulkfetch", {"issueChangeLogs": logs[:1], "nextPageToken": "p2"})
    jira.answers("POST", "changelog/bulkfetch", {"issueChangeLogs": logs[1:]})
    jira.answers("GET", "issue/10001/comment", {"comments": [first, comment(2, OLD, user(HOIST))], "total": 3})
    jira.answers("GET", "issue/10001/comment", {"comments": [comment(3, OLD, user(HOIST))], "total": 3})
    (ticket,) = hoist.read(["10001"]).tickets
    assert [change.sequence for change in ticket.changes] == [1, 2]
    assert [message.id for message in ticket.messages] == ["1", "2", "3"]


def test_a_changelog_that_never_ends(jira: Recorded, hoist: JiraConnector) -> None:
    """A changelog whose page token comes again is an error, not an endless loop."""
    jira.answers("POST", "issue/bulkfetch", {"issues": [issue(1)]})
    jira.answers("POST", "changelog/bulkfetch", {"issueChangeLogs": [], "nextPageToken": "p2"})
    with pytest.raises(TryLater, match="do not end"):
        hoist.read(["10001"])


def test_gone_needs_jiras_own_404(jira: Recorded, hoist: JiraConnector) -> None:
    """An issue left out of a bulk read is gone only if Jira answers 404 for it alone."""
    jira.answers("POST", "issue/bulkfetch", {"issues": [], "issueErrors": [{"id": "10002", "errorMessage": "try again"}]})
    jira.answers("POST", "changelog/bulkfetch", {"issueChangeLogs": []})
    jira.answers("GET", "issue/10001", {"errorMessages": ["Issue does not exist"]}, 404)
    jira.answers("GET", "issue/10002", issue(2))
    reading = hoist.read(["10001", "10002"])
    assert (list(reading.gone), [ticket.key for ticket in reading.tickets]) == (["10001"], ["ITSM-2"])


def test_a_status_that_is_new_to_the_site(jira: Recorded, hoist: JiraConnector) -> None:
    """A status made after hoist started is learnt when it is met, and one that no longer exists is asked for once."""
    jira.finds({"10001": OLD})
    jira.has(issue(1), entries={"10001": [entry(1, OLD, [item("status", "88", "3", "Deleted", "In Progress")])]})
    for _ in range(3):
        run(hoist)
    assert len(jira.sent("status")) == 2


@pytest.mark.parametrize("old", ["issue", "history", "comments"])
def test_a_reading_is_as_old_as_its_oldest_answer(jira: Recorded, hoist: JiraConnector, old: str) -> None:
    """Nothing later than the oldest of its answers may be concluded from a reading, whichever a cache on the way gave out."""
    times = dict.fromkeys(("issue", "history", "comments"), NOW + MINUTE) | {old: NOW}
    first = comment(1, OLD, user(HOIST))
    jira.answers("POST", "issue/bulkfetch", {"issues": [issue(1, comment={"comments": [], "total": 1})]}, at=times["issue"])
    jira.answers("POST", "changelog/bulkfetch", {"issueChangeLogs": []}, at=times["history"])
    jira.answers("GET", "issue/10001/comment", {"comments": [first], "total": 1}, at=times["comments"])
    reading = hoist.read(["10001"])
    assert (reading.server_time, reading.tickets[0].known) == (NOW, NOW)
