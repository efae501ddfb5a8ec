"""The client speaks Jira's dialect: its ways of refusing, of paging, and of saying nothing."""

import json

import pytest

from connectors.errors import AskAdmin, GiveUp, Gone, OutcomeUnknown, TryLater
from connectors.http import Refused
from connectors.jira.client import SCOPES, own_words
from connectors.jira.cloud import CloudClient
from tests.connectors.jira.recorded import Recorded, connector


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> CloudClient:
    found = connector(monkeypatch)._client
    assert isinstance(found, CloudClient)
    return found


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"errorMessages": ["No such issue."], "errors": {}}, "No such issue."),
        ({"errorMessages": [], "errors": {"priority": "Not in the scheme."}}, "priority: Not in the scheme."),
        ({"errorMessages": ["A"], "errors": {"labels": "B"}}, "A; labels: B"),
        ({"message": "Client must be authenticated"}, "Client must be authenticated"),
        (
            {"message": "Unauthorized; scope does not match"},
            f"Unauthorized; scope does not match; the token lacks a scope, hoist needs {', '.join(SCOPES)}",
        ),
        ({"errorMessage": "No desk", "i18nErrorMessage": {"key": "x"}}, "No desk"),
        ({"unknown": 1}, ""),
    ],
)
def test_jiras_own_words(body: dict[str, object], words: str) -> None:
    """Whichever of its forms Jira, its gateway or the service desk uses, its sentence reaches the administrator."""
    assert own_words(json.dumps(body).encode()) == words


def test_words_that_are_none() -> None:
    """An empty body and a web page have no words."""
    assert own_words(b"") == own_words(b"<html>") == ""


def test_a_refusal_names_source_ticket_and_reason(jira: Recorded, client: CloudClient) -> None:
    """The message of a refused edit says where, what, and in Jira's words why."""
    jira.answers("PUT", "issue/10001", {"errorMessages": [], "errors": {"priority": "The priority is invalid."}}, 400)
    with pytest.raises(GiveUp, match=r"jira-cloud:10001: 400: priority: The priority is invalid"):
        client.edit("10001", b'{"fields":{"priority":{"id":"9"}}}')


def test_a_refused_page_token_is_no_error(jira: Recorded, client: CloudClient) -> None:
    """An expired page token is told apart from a search that Jira refuses."""
    jira.answers("POST", "search/jql", {"errorMessages": ["The token is invalid."]}, 400)
    assert client.search("project = A", 10, "old").rows is None
    with pytest.raises(Refused, match="token is invalid"):
        client.search("project = A", 10, None)


def test_a_search_asks_for_stamps_alone(jira: Recorded, client: CloudClient) -> None:
    """A search names its fields: Jira would give ids alone, and everything would cost the index."""
    jira.finds({})
    client.search("project = A", 10, "t2")
    assert jira.bodies("search/jql")[0] == {
        "jql": "project = A",
        "maxResults": 10,
        "fields": ["updated"],
        "nextPageToken": "t2",
    }


def test_an_answer_of_another_shape(jira: Recorded, client: CloudClient) -> None:
    """An answer that is not as described is tried again later, and the wrong place is named."""
    jira.answers("POST", "search/jql", {"issues": [{"id": "1", "fields": {}}]})
    with pytest.raises(TryLater, match=r"issues\.0\.fields\.updated: Field required"):
        client.search("project = A", 10, None)


def test_lists_are_read_to_their_end(jira: Recorded, client: CloudClient) -> None:
    """A configuration list longer than a page is read whole, and one that hoist may not read is known as such."""
    jira.answers("GET", "group/bulk", {"values": [{"groupId": "1", "name": "a"}], "isLast": False})
    jira.answers("GET", "group/bulk", {"values": [{"groupId": "2", "name": "b"}], "isLast": True})
    assert [group.name for group in client.groups() or ()] == ["a", "b"]
    jira.answers("GET", "priorityscheme", {"errorMessages": ["Only administrators."]}, 403)
    assert client.priority_schemes() is None


def test_a_missing_property_is_nothing(jira: Recorded, client: CloudClient) -> None:
    """A comment without hoist's property is one that hoist did not write."""
    jira.answers("GET", "comment/5/properties/hoist.operation", {"errorMessages": ["none"]}, 404)
    assert client.comment_property("5", "hoist.operation") is None


def test_ids_are_quoted(jira: Recorded, client: CloudClient) -> None:
    """Nothing that a ticket carries can lead a request to another address."""
    jira.mock.add(
        "GET", "https://example.atlassian.net/rest/api/3/issue/..%2F..%2Fevil%3Fx", status=404, json={}, headers={"Date": "x"}
    )
    with pytest.raises(AskAdmin, match="Date"):
        client.one_issue("../../evil?x", ["summary"])
    assert "/issue/..%2F..%2Fevil%3Fx" in str(jira.mock.calls[-1].request.url)


def test_a_comment_whose_id_is_not_told(jira: Recorded, client: CloudClient) -> None:
    """A comment that was accepted without an id may be there: it is looked for, never sent again."""
    jira.answers("POST", "issue/10001/comment", {}, 201)
    with pytest.raises(OutcomeUnknown, match="without naming a comment"):
        client.add_comment("10001", b'{"body":{"type":"doc","version":1,"content":[]}}')


def test_a_gone_issue(jira: Recorded, client: CloudClient) -> None:
    """Jira does not tell a deleted issue from one that hoist may not see; nor does hoist pretend to."""
    jira.answers("GET", "issue/10001", {"errorMessages": ["Issue does not exist or you do not have permission to see it."]}, 404)
    with pytest.raises(Gone, match="deleted, or hoist's account may not see it"):
        client.one_issue("10001", ["summary"])
