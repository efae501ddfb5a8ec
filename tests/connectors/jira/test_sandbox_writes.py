"""The sandbox takes and refuses writes as Jira Cloud does."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.jira.sandbox import JiraSandbox
from connectors.jira.site.catalog import account_id
from rules.instants import HOUR, SECOND
from tests.connectors.jira.sandbox_caller import HANDED, TAKEN, Caller, Clock, desk

TEAM = "customfield_10050"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> JiraSandbox:
    return JiraSandbox(clock=clock, history=desk(TAKEN, HANDED), comment_limit=3)


@pytest.fixture
def call(sandbox: JiraSandbox) -> Caller:
    return Caller(sandbox)


def entries(call: Caller, key: str) -> list[dict[str, Any]]:
    """The changelog of an issue, the oldest entry first."""
    values: list[dict[str, Any]] = call("GET", f"issue/{key}/changelog")["values"]
    return values


def document(text: str) -> dict[str, object]:
    return {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": text}]}]}


def test_one_edit_is_one_entry_with_the_caller_as_author(call: Caller, sandbox: JiraSandbox, clock: Clock) -> None:
    """Fields and properties of one request make one changelog entry under the caller's account, and an empty answer."""
    clock.pass_(SECOND)
    body = {
        "fields": {"priority": {"id": "1"}, TEAM: {"id": "20001"}, "assignee": {"accountId": account_id("femke")}},
        "properties": [{"key": "hoist.state", "value": {"intent": "x"}}],
        "historyMetadata": {"type": "hoist", "description": "escalated"},
    }
    assert call.status("PUT", "issue/IT-2", body) == 204
    assert call.last.body == b""
    (entry,) = entries(call, "IT-2")
    assert entry["author"]["accountId"] == call("GET", "myself")["accountId"]
    assert entry["created"] == "2026-11-23T08:00:01.000+0000"
    assert entry["historyMetadata"]["type"] == "hoist"
    assert {each["fieldId"]: (each["from"], each["to"], each["toString"]) for each in entry["items"]} == {
        "priority": ("3", "1", "Highest"),
        TEAM: ("20000", "20001", "Network Operations"),
        "assignee": (None, account_id("femke"), "Femke Jansen"),
    }
    assert call("GET", "issue/IT-2/properties/hoist.state")["value"] == {"intent": "x"}


def test_an_edit_that_changes_nothing_leaves_no_trace(call: Caller, clock: Clock) -> None:
    """Writing what is there already is answered with 204, and moves neither changelog nor `updated`."""
    before = call("GET", "issue/IT-2", query={"fields": "updated"})
    clock.pass_(SECOND)
    assert call.status("PUT", "issue/IT-2", {"fields": {"priority": {"id": "3"}}}) == 204
    assert call.status("PUT", "issue/IT-2/assignee", {"accountId": None}) == 204
    assert call("GET", "issue/IT-2", query={"fields": "updated"}) == before
    assert entries(call, "IT-2") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"fields": {"labels": ["a"]}, "update": {"labels": [{"add": "b"}]}}, "labels"),
        ({"fields": {"priority": {"id": "5"}}}, "priority"),  # Lowest: on the site, not in the project's scheme
        ({"fields": {"priority": {"name": "Urgent"}}}, "priority"),
        ({"fields": {"status": {"id": "10101"}}}, "status"),
        ({"fields": {"customfield_99": "x"}}, "customfield_99"),
        ({"fields": {"assignee": {"accountId": account_id("chloe")}}}, "assignee"),
        ({"fields": {"assignee": {"accountId": account_id("gone")}}}, "assignee"),
        ({"fields": {"assignee": {"accountId": account_id("SYSTEM")}}}, "assignee"),
        ({"fields": {"assignee": {"accountId": "nobody"}}}, "assignee"),
        ({"fields": {TEAM: {"value": "No such team"}}}, TEAM),
        ({"fields": {TEAM: "20001"}}, TEAM),
        ({"fields": {"summary": ""}}, "summary"),
        ({"fields": {"description": "no document"}}, "description"),
        ({"update": {"labels": [{"add": "two words"}]}}, "labels"),
        ({"update": {"priority": [{"add": {"id": "1"}}]}}, "priority"),
        ({"update": {"components": [{"add": {"id": "1"}}]}}, "components"),
        ({"fields": {"duedate": "tomorrow"}}, "duedate"),
    ],
    ids=str,
)
def test_a_wrong_value_refuses_the_whole_edit(call: Caller, body: dict[str, Any], field: str) -> None:
    """A value that a field can't take is named by field, and nothing of the request takes effect."""
    body = {**body, "fields": {"reporter": {"accountId": account_id("anna")}, **body.get("fields", {})}}
    answer = call("PUT", "issue/IT-2", body)
    assert call.last.status == 400
    assert set(answer["errors"]) == {field}
    assert entries(call, "IT-2") == []


def test_labels_are_added_and_removed_beside_those_of_others(call: Caller) -> None:
    """Adding and removing in one request leaves other labels; the changelog has them all as text."""
    call("PUT", "issue/IT-2", {"fields": {"labels": ["theirs", "old"]}})
    call("PUT", "issue/IT-2", {"update": {"labels": [{"add": "hoist"}, {"remove": "old"}, {"add": "theirs"}]}})
    assert call("GET", "issue/IT-2")["fields"]["labels"] == ["theirs", "hoist"]
    (item,) = entries(call, "IT-2")[1]["items"]
    assert (item["field"], item["fromString"], item["toString"]) == ("labels", "theirs old", "theirs hoist")


def test_an_edit_ignores_a_transition(call: Caller) -> None:
    """A transition inside an edit is ignored, as Jira documents."""
    assert call.status("PUT", "issue/IT-2", {"transition": {"id": "41"}, "fields": {"summary": "Other"}}) == 204
    assert call("GET", "issue/IT-2")["fields"]["status"]["name"] == "Open"


def test_the_answer_of_an_edit_can_be_the_issue(call: Caller) -> None:
    """With returnIssue the issue comes back; screen security can't be overridden."""
    answer = call("PUT", "issue/IT-2", {"fields": {"summary": "Other"}}, {"returnIssue": "true", "notifyUsers": "False"})
    assert (call.last.status, answer["fields"]["summary"]) == (200, "Other")
    assert call.status("PUT", "issue/IT-2", {"fields": {}}, {"overrideScreenSecurity": "true"}) == 403


def test_a_transition_guards_the_status(call: Caller) -> None:
    """A transition that does not lead on from the present status is refused; its id may be a number."""
    (resolve,) = (each for each in call("GET", "issue/IT-2/transitions")["transitions"] if each["to"]["name"] == "Resolved")
    assert call.status("POST", "issue/IT-2/transitions", {"transition": {"id": int(resolve["id"])}}) == 204
    assert call.status("POST", "issue/IT-2/transitions", {"transition": {"id": resolve["id"]}}) == 400
    assert "Open" not in [each["to"]["name"] for each in call("GET", "issue/IT-2/transitions")["transitions"]]
    items = {each["fieldId"] for each in entries(call, "IT-2")[0]["items"]}
    assert items == {"status", "resolution"}


def test_comments_are_public_by_default_and_move_updated(call: Caller, clock: Clock) -> None:
    """A comment without the property is public; each one moves `updated` and leaves the changelog alone."""
    clock.pass_(SECOND)
    internal = [{"key": "sd.public.comment", "value": {"internal": True}}]
    assert call("POST", "issue/IT-2/comment", {"body": document("Hello")})["jsdPublic"] is True
    made = call("POST", "issue/IT-2/comment", {"body": document("For us"), "properties": internal})
    assert made["jsdPublic"] is False
    assert call("GET", f"comment/{made['id']}/properties/sd.public.comment")["value"] == {"internal": True}
    issue = call("GET", "issue/IT-2", query={"fields": "updated,comment"})["fields"]
    assert issue["updated"] == "2026-11-23T08:00:01.000+0000"
    assert [each["jsdPublic"] for each in issue["comment"]["comments"]] == [True, False]
    assert entries(call, "IT-2") == []


def test_an_edited_comment_keeps_its_visibility_unless_properties_are_sent_again(call: Caller) -> None:
    """Only the body is replaced; properties in an edit can turn an internal comment public."""
    internal = [{"key": "sd.public.comment", "value": {"internal": True}}]
    id_ = call("POST", "issue/IT-2/comment", {"body": document("For us"), "properties": internal})["id"]
    assert call("PUT", f"issue/IT-2/comment/{id_}", {"body": document("For us, mended")})["jsdPublic"] is False
    public = [{"key": "sd.public.comment", "value": {"internal": False}}]
    assert call("PUT", f"issue/IT-2/comment/{id_}", {"body": document("x"), "properties": public})["jsdPublic"] is True
    assert call.status("DELETE", f"issue/IT-2/comment/{id_}") == 204
    assert call.status("GET", f"issue/IT-2/comment/{id_}") == 404


def test_an_issue_takes_only_so_many_comments(call: Caller) -> None:
    """Past the limit of an issue a comment is refused for good."""
    statuses = [call.status("POST", "issue/IT-2/comment", {"body": document("again")}) for _ in range(4)]
    assert statuses == [201, 201, 201, 413]


@pytest.mark.parametrize(
    "body", [{}, {"body": "text"}, {"body": document("") | {"version": 2}}, {"body": document("  ")}], ids=str
)
def test_a_comment_must_be_a_document(call: Caller, body: dict[str, object]) -> None:
    """Version 3 takes documents with some text in them, nothing else."""
    assert call.status("POST", "issue/IT-2/comment", body) == 400


def test_versions_speak_text_and_documents(call: Caller, sandbox: JiraSandbox) -> None:
    """What version 2 wrote as text version 3 reads as a document, and the other way round."""
    old = Caller(sandbox, version=2)
    old("POST", "issue/IT-2/comment", {"body": "First line\nsecond\n\nnew paragraph"})
    call("POST", "issue/IT-2/comment", {"body": document("As a document")})
    assert [each["body"] for each in old("GET", "issue/IT-2/comment")["comments"]] == [
        "First line\nsecond\n\nnew paragraph",
        "As a document",
    ]
    first, second = (each["body"] for each in call("GET", "issue/IT-2/comment")["comments"])
    assert [each["type"] for each in first["content"]] == ["paragraph", "paragraph"]
    assert second == document("As a document")
    assert old("GET", "issue/IT-2")["fields"]["description"] == "Since this morning.\n\nEvery few minutes."


def test_comments_are_listed_from_either_end(call: Caller) -> None:
    """Comments come oldest first, or newest first, by pages; others are found by their ids."""
    ids = [call("POST", "issue/IT-2/comment", {"body": document(str(number))})["id"] for number in range(3)]
    assert [each["id"] for each in call("GET", "issue/IT-2/comment")["comments"]] == ids
    newest = call("GET", "issue/IT-2/comment", query={"orderBy": "-created", "maxResults": 1})
    assert ([each["id"] for each in newest["comments"]], newest["total"]) == (ids[-1:], 3)
    assert len(call("POST", "comment/list", {"ids": [int(ids[0]), 1]})["values"]) == 1


def test_properties_do_not_move_updated(call: Caller, clock: Clock) -> None:
    """A property is made (201), replaced (200), read, and deleted; `updated` stays where it was."""
    clock.pass_(SECOND)
    before = call("GET", "issue/IT-2", query={"fields": "updated"})
    path = "issue/IT-2/properties/hoist.state"
    assert [call.status("PUT", path, {"step": step}) for step in (1, 2)] == [201, 200]
    assert call("GET", path) == {"key": "hoist.state", "value": {"step": 2}}
    assert [each["key"] for each in call("GET", "issue/IT-2/properties")["keys"]] == ["hoist.state"]
    assert [call.status(verb, path) for verb in ("DELETE", "GET", "DELETE")] == [204, 404, 404]
    assert call.status("PUT", path, "x" * 32_767) == 400
    assert call.status("PUT", f"issue/IT-2/properties/{'k' * 256}", 1) == 400
    assert call("GET", "issue/IT-2", query={"fields": "updated"}) == before


def test_a_moved_issue_is_found_by_its_old_key(call: Caller, sandbox: JiraSandbox) -> None:
    """After a move the old key still leads to the issue, which answers with its new key and the same id."""
    assert sandbox.move("IT-2", "OPS") == "OPS-1"
    issue = call("GET", "issue/IT-2")
    assert (call.last.status, issue["key"], issue["id"]) == (200, "OPS-1", "10002")
    assert call.keys("project = OPS") == ["OPS-1"]
    assert [each["field"] for each in entries(call, "OPS-1")[0]["items"]] == ["project", "Key"]


def test_bulkfetch_tells_of_the_missing_in_two_ways(call: Caller) -> None:
    """Issues come by id; a deleted one is in issueErrors, an id that never was is in neither list; 101 ids are refused."""
    call("DELETE", "issue/IT-3")
    answer = call(
        "POST", "issue/bulkfetch", {"issueIdsOrKeys": ["IT-2", "10001", "10003", "99999", "IT-77"], "fields": ["status"]}
    )
    assert [each["id"] for each in answer["issues"]] == ["10001", "10002"]
    assert {each["id"] for each in answer["issueErrors"]} == {"10003", "IT-77"}
    assert call.status("POST", "issue/bulkfetch", {"issueIdsOrKeys": [str(number) for number in range(101)]}) == 400
    assert call.keys("project = IT ORDER BY updated ASC") == ["IT-2", "IT-1"]


def test_changelogs_of_many_issues_come_by_pages(call: Caller) -> None:
    """Bulk changelogs are grouped by issue, parted by pages, with times in milliseconds, and may be cut to some fields."""
    call("PUT", "issue/IT-2", {"fields": {"priority": {"id": "1"}}})
    body: dict[str, object] = {"issueIdsOrKeys": ["IT-2", "IT-1"], "maxResults": 2}
    first = call("POST", "changelog/bulkfetch", body)
    second = call("POST", "changelog/bulkfetch", {**body, "nextPageToken": first["nextPageToken"]})
    ((one,), (two,)) = first["issueChangeLogs"], second["issueChangeLogs"]
    assert (one["issueId"], two["issueId"], "nextPageToken" in second) == ("10001", "10002", False)
    assert [each["created"] for each in one["changeHistories"]] == [TAKEN.at, HANDED.at]
    assigned = call("POST", "changelog/bulkfetch", {"issueIdsOrKeys": ["IT-1"], "fieldIds": ["assignee"]})
    items = [each["items"] for each in assigned["issueChangeLogs"][0]["changeHistories"]]
    assert [[each["fieldId"] for each in some] for some in items] == [["assignee"], ["assignee"]]


def test_a_remote_link_is_made_once_per_global_id(call: Caller) -> None:
    """The same global id replaces the link whole."""
    body = {"globalId": "hoist:vendor:1", "object": {"url": "https://example.com/1", "title": "Case 1"}, "relationship": "case"}
    assert [call.status("POST", "issue/IT-2/remotelink", each) for each in (body, body)] == [201, 200]
    call("POST", "issue/IT-2/remotelink", {key: value for key, value in body.items() if key != "relationship"})
    (link,) = call("GET", "issue/IT-2/remotelink")
    assert (link["object"]["title"], link["relationship"]) == ("Case 1", None)


def test_metadata_names_the_schemes_priorities_in_its_order(call: Caller) -> None:
    """What may be set is told with the project's own priorities and the choices of select fields."""
    fields = call("GET", "issue/IT-2/editmeta")["fields"]
    assert [each["name"] for each in fields["priority"]["allowedValues"]] == ["Highest", "High", "Medium", "Low"]
    assert [each["value"] for each in fields[TEAM]["allowedValues"]] == ["Service Desk", "Network Operations"]
    assert "status" not in fields
    assert "Lowest" in [each["name"] for each in call("GET", "priority")]
    scheme = call("GET", "priorityscheme")["values"][0]["id"]
    assert call("GET", f"priorityscheme/{scheme}/priorities")["values"][0]["name"] == "Highest"
    context = call("GET", f"field/{TEAM}/context")["values"][0]["id"]
    options = call("GET", f"field/{TEAM}/context/{context}/option", query={"maxResults": 1})
    assert ([each["value"] for each in options["values"]], options["isLast"]) == (["Service Desk"], False)
    made = call("GET", "issue/createmeta/IT/issuetypes/10010")["fields"]
    assert TEAM in [each["fieldId"] for each in made]


def test_people_are_found_and_told_apart(call: Caller) -> None:
    """Accounts are found by name, by id and in bulk; only active staff is assignable."""
    assert [each["displayName"] for each in call("GET", "user/search", query={"query": "anna"})] == ["Anna Visser"]
    assignable = call("GET", "user/assignable/search", query={"project": "IT"})
    assert [each["displayName"] for each in assignable] == ["Anna Visser", "Bram Smit", "Femke Jansen"]
    assert call("GET", "user/assignable/search", query={"issueKey": "IT-1", "accountId": account_id("chloe")}) == []
    several = [("accountId", account_id("chloe")), ("accountId", account_id("SYSTEM")), ("accountId", "unknown")]
    assert [each["accountType"] for each in call("GET", "user/bulk", query=several)["values"]] == ["customer", "app"]
    assert call("GET", "user", query={"accountId": account_id("gone")})["active"] is False


def test_missing_permissions_are_named_and_hold(clock: Clock) -> None:
    """A permission that the service account lacks is shown as lacking, and refuses what it is for."""
    call = Caller(JiraSandbox(clock=clock, history=desk(), withheld=["TRANSITION_ISSUES", "ADD_COMMENTS"]))
    asked = call("GET", "mypermissions", query={"projectKey": "IT", "permissions": "EDIT_ISSUES,ADD_COMMENTS"})["permissions"]
    assert {key: each["havePermission"] for key, each in asked.items()} == {"EDIT_ISSUES": True, "ADD_COMMENTS": False}
    assert call.status("GET", "mypermissions", query={"permissions": "FLY"}) == 400
    assert call.status("POST", "issue/IT-1/comment", {"body": document("x")}) == 403
    assert call("GET", "issue/IT-1/transitions")["transitions"] == []


def test_a_person_of_the_history_can_act(sandbox: JiraSandbox) -> None:
    """Everybody has a credential, so that a test can let a person do what a person does."""
    bram = Caller(sandbox, person="bram")
    bram("PUT", "issue/IT-2/assignee", {"accountId": account_id("bram")})
    (entry,) = entries(bram, "IT-2")
    assert entry["author"]["displayName"] == "Bram Smit"


def test_self_links_and_dates_are_the_sites_own(call: Caller, clock: Clock) -> None:
    """`self` carries the site's address; the Date header is its clock, cut to the second."""
    clock.pass_(1_999)
    issue = call("GET", "issue/IT-1")
    assert issue["self"] == f"{call.sandbox.url}/rest/api/3/issue/10001"
    assert issue["fields"]["assignee"] is None
    assert call.last.headers["Date"] == "Mon, 23 Nov 2026 08:00:01 GMT"


def test_bodies_must_be_json(call: Caller, sandbox: JiraSandbox) -> None:
    """A body that is no JSON, or does not say that it is, is refused."""
    known = {"authorization": "Basic none"}
    assert sandbox.dispatch("POST", "/rest/api/3/search/jql", "", {**known, "Content-Type": "text/plain"}, b"{}").status == 415
    assert (
        sandbox.dispatch("POST", "/rest/api/3/search/jql", "", {**known, "Content-Type": "application/json"}, b"{").status == 400
    )


def test_a_long_changelog_is_cut_where_it_is_expanded(call: Caller) -> None:
    """`expand=changelog` shows the newest hundred entries; the changelog itself shows all, by pages, the oldest first."""
    for number in range(105):
        call("PUT", "issue/IT-3", {"fields": {"summary": f"Number {number}"}})
    expanded = call("GET", "issue/IT-3", query={"expand": "changelog"})["changelog"]
    assert (len(expanded["histories"]), expanded["total"]) == (100, 105)
    assert expanded["histories"][0]["items"][0]["toString"] == "Number 104"
    last = call("GET", "issue/IT-3/changelog", query={"startAt": 100})
    assert ([each["items"][0]["toString"] for each in last["values"]][-1], last["isLast"]) == ("Number 104", True)
    assert int(last["values"][0]["id"]) > 0


def target(call: Caller, key: str) -> dict[str, Any]:
    """The service level of an issue."""
    value: dict[str, Any] = call("GET", f"issue/{key}", query={"fields": "customfield_10060"})["fields"]["customfield_10060"]
    return value


def go(call: Caller, key: str, status: str) -> None:
    """Move an issue along the workflow."""
    (id_,) = (each["id"] for each in call("GET", f"issue/{key}/transitions")["transitions"] if each["name"] == status)
    call("POST", f"issue/{key}/transitions", {"transition": {"id": id_}})


def test_a_service_level_is_computed_when_it_is_read(call: Caller, clock: Clock) -> None:
    """Its clock runs on without moving `updated`, goes below nought once broken, and its goal follows the priority."""
    before = call("GET", "issue/IT-3", query={"fields": "updated"})
    cycle = target(call, "IT-3")["ongoingCycle"]
    assert (cycle["elapsedTime"]["millis"], cycle["remainingTime"]["millis"]) == (HOUR, 23 * HOUR)
    clock.pass_(24 * HOUR)
    cycle = target(call, "IT-3")["ongoingCycle"]
    assert (cycle["breached"], cycle["remainingTime"]["millis"]) == (True, -HOUR)
    assert cycle["breachTime"]["epochMillis"] == clock.at - HOUR
    assert call("GET", "issue/IT-3", query={"fields": "updated"}) == before
    call("PUT", "issue/IT-3", {"fields": {"priority": {"id": "4"}}})
    assert target(call, "IT-3")["ongoingCycle"]["remainingTime"]["millis"] == 47 * HOUR


def test_a_service_level_pauses_and_ends(call: Caller, clock: Clock) -> None:
    """While an issue waits no breach is foretold and no time passes; done ends the cycle, taking it up begins another."""
    go(call, "IT-3", "Waiting for customer")
    clock.pass_(HOUR)
    cycle = target(call, "IT-3")["ongoingCycle"]
    assert (cycle["paused"], cycle["elapsedTime"]["millis"], "breachTime" in cycle) == (True, HOUR, False)
    go(call, "IT-3", "In Progress")
    clock.pass_(HOUR)
    go(call, "IT-3", "Resolved")
    clock.pass_(HOUR)
    done = target(call, "IT-3")
    assert "ongoingCycle" not in done
    assert [each["elapsedTime"]["millis"] for each in done["completedCycles"]] == [2 * HOUR]
    go(call, "IT-3", "In Progress")
    assert target(call, "IT-3")["ongoingCycle"]["elapsedTime"]["millis"] == 0
