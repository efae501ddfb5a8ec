"""An independent client (pycontribs/jira) takes the sandbox for Jira Data Center, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jira import JIRA, JIRAError

from connectors.jira.data_center_sandbox import DataCenterSandbox
from connectors.jira.site.data_center import user_key
from connectors.sandboxes.made_up import made_up
from rules.instants import DAY
from tests.connectors.sandbox_desk import CHASED, HANDED, START, TAKEN, Clock, desk


def connected(sandbox: DataCenterSandbox, person: str = "") -> JIRA:
    known = sandbox.credentials(person)
    return JIRA(known["url"], token_auth=known["token"], max_retries=0)


@pytest.fixture
def sandbox() -> DataCenterSandbox:
    return DataCenterSandbox(clock=Clock(), history=desk(TAKEN, HANDED, CHASED))


@pytest.fixture
def client(sandbox: DataCenterSandbox) -> Iterator[JIRA]:
    with sandbox.serve():
        client = connected(sandbox)
        yield client
        client.close()  # type: ignore[no-untyped-call]


def test_connects_and_knows_itself(client: JIRA, sandbox: DataCenterSandbox) -> None:
    """A client connects below the context path, sees a server, and is told who it is."""
    assert client.server_info()["deploymentType"] == "Server"
    assert client.server_info()["baseUrl"] == sandbox.url
    assert sandbox.url.endswith("/jira")
    assert (client.myself()["name"], client.myself()["key"]) == ("hoist", user_key("hoist"))


def test_searches_over_pages() -> None:
    """A client that pages by offset gets every issue once."""
    sandbox = DataCenterSandbox(clock=lambda: START, history=made_up(130, 1, START, DAY))
    with sandbox.serve():
        client = connected(sandbox)
        found = client.search_issues("project = IT ORDER BY updated ASC", maxResults=False, fields="summary,status")
        client.close()  # type: ignore[no-untyped-call]
    assert len({issue.key for issue in found}) == len(found) == 130


def test_edits_and_reads_back(client: JIRA) -> None:
    """An edit by a client is there when it reads the issue, with labels added beside those of others."""
    issue = client.issue("IT-2")
    issue.update(fields={"priority": {"id": "1"}, "customfield_10050": {"value": "Network Operations"}})
    issue.update(update={"labels": [{"add": "hoist"}]}, notify=False)
    read = client.issue("IT-2")
    assert read.fields.priority.name == "Highest"
    assert read.fields.customfield_10050.value == "Network Operations"
    assert read.fields.labels == ["hoist"]


def test_mail_is_switched_off_by_administrators_alone() -> None:
    """Who administers nothing is refused an edit that is to send no mail, and nothing of it is written."""
    withheld = ["ADMINISTER", "ADMINISTER_PROJECTS"]
    sandbox = DataCenterSandbox(clock=Clock(), history=desk(), withheld=withheld)
    with sandbox.serve():
        client = connected(sandbox)
        with pytest.raises(JIRAError) as refused:
            client.issue("IT-2").update(fields={"priority": {"id": "1"}}, notify=False)
        assert refused.value.status_code == 403
        assert client.issue("IT-2").fields.priority.name == "Medium"
        client.close()  # type: ignore[no-untyped-call]


def test_assigns_by_name(client: JIRA) -> None:
    """A client assigns an issue to somebody by the name for signing in, and takes it away again."""
    client.assign_issue("IT-2", "anna")
    assert client.issue("IT-2").get_field("assignee").key == user_key("anna")
    client.assign_issue("IT-2", None)
    assert client.issue("IT-2").fields.assignee is None
    with pytest.raises(JIRAError):
        client.assign_issue("IT-2", "chloe")


def test_moves_along_the_workflow(client: JIRA) -> None:
    """A client finds a transition by name and goes through it."""
    names = {each["name"]: each["id"] for each in client.transitions("IT-2")}
    client.transition_issue("IT-2", names["Resolved"], comment="Solved.")
    assert client.issue("IT-2").fields.status.statusCategory.key == "done"
    assert [each.body for each in client.comments("IT-2")] == ["Solved."]


def test_internal_comments_are_known_by_their_property(client: JIRA) -> None:
    """A comment does not tell whether it is public; its property does."""
    comment = client.add_comment("IT-2", "For colleagues", is_internal=True)
    assert not hasattr(client.comments("IT-2")[0], "jsdPublic")
    path = f"comment/{comment.id}/properties/sd.public.comment"
    assert client._get_json(path)["value"] == {"internal": True}


def test_shows_the_whole_history(client: JIRA) -> None:
    """A client reads who handed the issue on, by names of fields and keys of people, the oldest entry first."""
    histories = client.issue("IT-1", expand="changelog").changelog.histories
    moved = {each.field: (each.fromString, each.toString) for each in histories[1].items}
    assert moved["Assignment group"] == ("Service Desk", "Network Operations")
    assert not any(hasattr(each, "fieldId") for each in histories[0].items)
    assigned = next(each for each in histories[0].items if each.field == "assignee")
    assert getattr(assigned, "to") == user_key("anna")  # noqa: B009 - a name of Jira's


def test_makes_and_deletes_issues(client: JIRA) -> None:
    """An issue that a client makes is there until it deletes it."""
    made = client.create_issue(project="IT", issuetype="[System] Incident", summary="New", labels=["made"])
    assert client.issue(made.key).fields.status.name == "Open"
    made.delete()  # type: ignore[no-untyped-call]
    with pytest.raises(JIRAError) as refused:
        client.issue(made.key)
    assert refused.value.status_code == 404


def test_a_wrong_token_is_no_token(sandbox: DataCenterSandbox) -> None:
    """A token that is none is passed over: whoever sends it is an anonymous visitor, who finds nothing."""
    answer = sandbox.dispatch("GET", "/jira/rest/api/2/search", "jql=project%3DIT", {"Authorization": "Bearer wrong"}, b"")
    assert (answer.status, answer.headers["X-AUSERNAME"]) == (200, "anonymous")
    assert b'"total":0' in answer.body
    assert sandbox.dispatch("GET", "/jira/rest/api/2/myself", "", {"Authorization": "Bearer wrong"}, b"").status == 401


def test_nothing_of_cloud_is_there(sandbox: DataCenterSandbox) -> None:
    """Neither version 3 nor page tokens, bulk reads or an address without the context path."""
    token = {"Authorization": f"Bearer {sandbox.credentials()['token']}", "Content-Type": "application/json"}
    for method, path in (
        ("GET", "/jira/rest/api/3/myself"),
        ("GET", "/rest/api/2/myself"),
        ("POST", "/jira/rest/api/2/issue/bulkfetch"),
        ("POST", "/jira/rest/api/2/search/jql"),
        ("GET", "/jira/rest/api/2/issue/IT-1/changelog"),
    ):
        assert sandbox.dispatch(method, path, "", token, b"{}").status in {404, 405}, path


def test_queries_take_dates_as_text_alone(sandbox: DataCenterSandbox) -> None:
    """A number of milliseconds is no date; text is read in the account's zone."""
    token = {"Authorization": f"Bearer {sandbox.credentials()['token']}"}
    refused = sandbox.dispatch("GET", "/jira/rest/api/2/search", "jql=updated%3E%3D1795406400000", token, b"")
    assert refused.status == 400
    found = sandbox.dispatch("GET", "/jira/rest/api/2/search", "jql=updated%3E%3D%222026-11-23+08%3A30%22", token, b"")
    assert b'"total":1' in found.body  # 07:30 in UTC: one of three has been touched since


def test_its_record_shows_what_an_account_did(sandbox: DataCenterSandbox) -> None:
    """The record of the sandbox names saves and comments of its service account, for whoever checks hoist's work."""
    with sandbox.serve():
        client = connected(sandbox)
        client.issue("IT-2").update(fields={"customfield_10050": {"value": "Network Operations"}})
        client.add_comment("IT-2", "For colleagues", is_internal=True)
        client.close()  # type: ignore[no-untyped-call]
        record = sandbox.record()
        issues = record.issues()
        (save,) = record.saves(issues)
        assert save.items == (("team", "20000", "20001"),)
        (comment,) = record.comments(save.issue)
        assert (comment.public, comment.text) == (False, "For colleagues")
        assert record.names[user_key("hoist")] == "hoist agent"
