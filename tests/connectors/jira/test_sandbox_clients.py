"""An independent client (pycontribs/jira) takes the sandbox for Jira Cloud, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jira import JIRA, JIRAError

from connectors.jira.sandbox import JiraSandbox, made_up
from rules.instants import DAY
from tests.connectors.jira.sandbox_caller import CHASED, HANDED, START, TAKEN, Clock, desk


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> JiraSandbox:
    return JiraSandbox(clock=clock, history=desk(TAKEN, HANDED, CHASED))


@pytest.fixture
def client(sandbox: JiraSandbox) -> Iterator[JIRA]:
    with sandbox.serve():
        known = sandbox.credentials()
        client = JIRA(known["url"], basic_auth=(known["username"], known["token"]), max_retries=0)
        yield client
        client.close()  # type: ignore[no-untyped-call]


def test_connects_and_knows_itself(client: JIRA, sandbox: JiraSandbox) -> None:
    """A client connects, sees a Cloud site, and is told who it is."""
    assert client.server_info()["deploymentType"] == "Cloud"
    assert client.server_info()["baseUrl"] == sandbox.url
    assert client.myself()["displayName"] == "hoist agent"


def test_searches_over_pages() -> None:
    """A client that follows page tokens gets every issue once."""
    sandbox = JiraSandbox(clock=lambda: START, history=made_up(230, 1, START, DAY))
    with sandbox.serve():
        known = sandbox.credentials()
        client = JIRA(known["url"], basic_auth=(known["username"], known["token"]), max_retries=0)
        found = client.enhanced_search_issues("project = IT ORDER BY updated ASC", maxResults=0, fields="summary,status")
        client.close()  # type: ignore[no-untyped-call]
    assert len({issue.key for issue in found}) == len(found) == 230
    assert all(issue.fields.summary for issue in found)


def test_edits_and_reads_back(client: JIRA) -> None:
    """An edit by a client is there when it reads the issue, with labels added beside those of others."""
    issue = client.issue("IT-2")
    issue.update(fields={"priority": {"id": "1"}, "customfield_10050": {"value": "Network Operations"}})
    issue.update(update={"labels": [{"add": "hoist"}]}, notify=False)
    read = client.issue("IT-2")
    assert read.fields.priority.name == "Highest"
    assert read.fields.customfield_10050.value == "Network Operations"
    assert read.fields.labels == ["hoist"]


def test_assigns(client: JIRA) -> None:
    """A client assigns an issue to a person it looked up, and takes it away again."""
    anna = client.search_users(query="Anna")[0]
    client.assign_issue("IT-2", anna.accountId)
    assert client.issue("IT-2").get_field("assignee").accountId == anna.accountId
    client.assign_issue("IT-2", None)
    assert client.issue("IT-2").fields.assignee is None


def test_customers_are_not_assignable(client: JIRA) -> None:
    """An issue can't be assigned to a customer, and the client is told so."""
    chloe = client.search_users(query="Chloe")[0]
    with pytest.raises(JIRAError) as refused:
        client.assign_issue("IT-2", chloe.accountId)
    assert refused.value.status_code == 400


def test_moves_along_the_workflow(client: JIRA) -> None:
    """A client finds a transition by name and goes through it."""
    names = {each["name"]: each["id"] for each in client.transitions("IT-2")}
    assert "Open" not in names
    client.transition_issue("IT-2", names["Resolved"], comment="Solved.")
    issue = client.issue("IT-2")
    assert issue.fields.status.statusCategory.key == "done"
    assert issue.get_field("resolution").name == "Done"
    assert [each.body for each in client.comments("IT-2")] == ["Solved."]


def test_comments_internally_and_publicly(client: JIRA) -> None:
    """A comment is public unless the client marks it internal."""
    client.add_comment("IT-2", "For colleagues", is_internal=True)
    client.add_comment("IT-2", "For everybody")
    assert [(each.body, each.jsdPublic) for each in client.comments("IT-2")] == [
        ("For colleagues", False),
        ("For everybody", True),
    ]


def test_shows_the_changelog(client: JIRA) -> None:
    """A client reads who handed the issue on, by ids and by names."""
    histories = client.issue("IT-1", expand="changelog").changelog.histories
    assert [each.author.displayName for each in histories] == ["Anna Visser", "Anna Visser"]
    moved = {each.fieldId: (each.fromString, each.toString) for each in histories[0].items}
    assert moved["customfield_10050"] == ("Service Desk", "Network Operations")
    assert moved["assignee"] == ("Anna Visser", None)


def test_keeps_properties(client: JIRA) -> None:
    """What a client stores under a property key it gets back."""
    client.add_issue_property("IT-2", "hoist.state", {"step": 1})
    assert client.issue_property("IT-2", "hoist.state").value.step == 1
    assert client.issue_properties("IT-2")[0].key == "hoist.state"


def test_history_goes_on_while_a_client_watches(client: JIRA, clock: Clock) -> None:
    """What the history holds for a later instant appears when the clock gets there."""
    assert [each.body for each in client.comments("IT-1")] == ["Needs a specialist."]
    clock.pass_(DAY)
    assert [each.body for each in client.comments("IT-1")] == ["Needs a specialist.", "Any news?"]


def test_makes_and_deletes_issues(client: JIRA) -> None:
    """An issue that a client makes is there until it deletes it."""
    made = client.create_issue(project="IT", issuetype="[System] Incident", summary="New", labels=["made"])
    assert client.issue(made.key).fields.status.name == "Open"
    made.delete()  # type: ignore[no-untyped-call]
    with pytest.raises(JIRAError) as refused:
        client.issue(made.key)
    assert refused.value.status_code == 404
