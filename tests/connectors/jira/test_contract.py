"""hoist, its sandbox and Atlassian's published description agree on every call that hoist makes.

The description is not part of hoist; these tests skip loudly without it. Where answers may differ from it stands in
`described.EXCEPTIONS`, with the reasons.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from connectors.installing import Wish
from connectors.jira.connector import JiraConnector
from connectors.jira.installing import installer
from connectors.jira.sandbox import Answer, JiraSandbox
from connectors.jira.settings import JiraSettings
from rules.escalation import FieldChange
from rules.instants import DAY
from tests.connectors.jira.described import EXCEPTIONS, description
from tests.connectors.jira.recorded import NOW, URL, Ledger, Waits, edit, note, settings
from tests.connectors.jira.sandbox_caller import Caller, by_app

Call = tuple[str, str, bytes, Answer]

API: Final = f"{URL}/rest/api/3"


def story(hoist: JiraConnector) -> None:
    """Everything that the connector can do, once."""
    hoist.identify()
    assert hoist.problems() == []
    directory = hoist.directory()
    tickets = [ticket for page in hoist.changed(None, Ledger()) for ticket in page.tickets]
    ticket = tickets[0]
    hoist.read([ticket.ref.id, "99999"])
    team = next(each for each in directory.teams if each != ticket.fields["team"])
    changes = (
        FieldChange("team", ticket.fields["team"], team),
        FieldChange("priority", ticket.fields["priority"], next(iter(directory.priorities))),
        FieldChange("assignee", ticket.fields["assignee"], None),
    )
    for operation in (edit(*changes, ticket=ticket.ref.id, labels=("hoist-tier-2",)), note("Moved to L2.", ticket.ref.id)):
        hoist.write(operation)
        assert hoist.verify(operation).found


def story_of_an_app(sandbox: JiraSandbox, folder: Path) -> None:
    """What hoist does beside that where it is an app, where teams are statuses, and in a service project."""
    names = [status.name for status in sandbox._site.catalog.statuses.values()]
    more = {"tier_field": {"kind": "status", "statuses": names}, "targets": ["Time to resolution"], "request_facts": ["approval"]}
    given = JiraSettings.model_validate({**by_app(sandbox, folder), **more})
    made = installer("jira-cloud", given)
    wish = Wish("hoist", "https://hoist.example.com/hooks/jira-cloud", "", "file:x")
    for plan in (made.install, made.remove, made.install):
        for step in plan(wish).steps:
            step.do()
    hoist = JiraConnector("jira-cloud", given, Waits().surroundings)
    assert hoist.problems() == []
    hoist._client.refresh_webhooks(NOW + 40 * DAY)
    teams = hoist.directory().teams
    (*_, page) = hoist.changed(None, Ledger())
    list(hoist.changed(page.cursor, Ledger()))
    ticket = page.tickets[0]
    (team, *_) = {each["to"]["id"] for each in Caller(sandbox)("GET", f"issue/{ticket.ref.id}/transitions")["transitions"]} & set(
        teams
    )
    hoist.write(edit(FieldChange("team", ticket.fields["team"], team), ticket=ticket.ref.id))
    for each in (made, hoist):
        each.close()


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """Every call of the stories with the sandbox's answer, but for those on Atlassian's own token endpoint."""
    description()
    made: list[Call] = []
    sandbox = JiraSandbox(clock=lambda: NOW, seed=1)
    answer: Callable[..., Answer] = sandbox.dispatch

    def kept(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        given = answer(method, path, query, headers, body)
        path = path.partition(sandbox.client()["url"].rpartition("/")[2])[2] or path
        if not path.startswith("/oauth/"):
            made.append((method, f"{path}?{query}" if query else path, body, given))
        return given

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "dispatch", kept)
        with sandbox.serve():
            credential = sandbox.credentials()
            patch.setenv("HOIST_TEST_TOKEN", credential["token"])
            given: dict[str, Any] = {"username": credential["username"], **sandbox.source_settings()}
            hoist = JiraConnector("jira-cloud", settings(credential["url"], **given), Waits().surroundings)
            story(hoist)
            hoist.close()
            story_of_an_app(sandbox, tmp_path_factory.mktemp("app"))
    return made


def test_every_request_is_one_that_jira_takes(calls: list[Call]) -> None:
    """Path, parameters and body of each request are as Atlassian describes them."""
    judge = description()
    wrong = {f"{method} {url}": judge.refusals_of_request(method, url, body) for method, url, body, _ in calls}
    assert len(calls) > 20
    assert {call: found for call, found in wrong.items() if found} == {}


def test_every_answer_of_the_sandbox_is_one_that_jira_gives(calls: list[Call]) -> None:
    """The sandbox answers each call with a status and a body that Atlassian describes."""
    judge = description()
    wrong = {
        f"{method} {url}": judge.refusals_of_answer(method, url, given.status, given.body) for method, url, _, given in calls
    }
    assert {call: found for call, found in wrong.items() if found} == {}


def test_the_story_uses_every_call_of_the_client(calls: list[Call]) -> None:
    """Nothing that the connector can send goes unjudged, but for what other kinds of tier fields and rights need."""
    judge = description()
    used = Counter((method, judge.operation(method, url.partition("?")[0]).template) for method, url, _, _ in calls)
    assert set(used) >= {
        ("POST", "/rest/api/3/search/jql"),
        ("POST", "/rest/api/3/issue/bulkfetch"),
        ("POST", "/rest/api/3/changelog/bulkfetch"),
        ("GET", "/rest/api/3/issue/{issueIdOrKey}"),
        ("GET", "/rest/api/3/issue/{issueIdOrKey}/changelog"),
        ("GET", "/rest/api/3/issue/{issueIdOrKey}/comment"),
        ("GET", "/rest/api/3/comment/{commentId}/properties/{propertyKey}"),
        ("PUT", "/rest/api/3/issue/{issueIdOrKey}"),
        ("POST", "/rest/api/3/issue/{issueIdOrKey}/comment"),
        ("GET", "/rest/api/3/myself"),
        ("GET", "/rest/api/3/mypermissions"),
        ("GET", "/rest/api/3/field"),
        ("GET", "/rest/api/3/status"),
        ("GET", "/rest/api/3/issue/{issueIdOrKey}/transitions"),
        ("POST", "/rest/api/3/issue/{issueIdOrKey}/transitions"),
        ("GET", "/rest/api/3/webhook"),
        ("POST", "/rest/api/3/webhook"),
        ("DELETE", "/rest/api/3/webhook"),
        ("PUT", "/rest/api/3/webhook/refresh"),
    }


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "search/jql", b'{"jql": "project = A", "startAt": 50}'),
        ("POST", "search/jql", b'{"jql": "project = A", "maxResults": "two"}'),
        ("POST", "issue/bulkfetch", b'{"fields": ["summary"]}'),
        ("POST", "changelog/bulkfetch", b'{"issueIdsOrKeys": []}'),
        ("PUT", "issue/1", b'{"properties": [{"key": "a", "value": 1, "author": "me"}]}'),
        ("GET", "issue/1/comment?order=created", b""),
        ("GET", "issue/1/changelog?startAt=first", b""),
        ("POST", "issue/1/assign", b"{}"),
        ("POST", "issue/bulkfetch", b""),
    ],
)
def test_a_wrong_request_is_refused(method: str, path: str, body: bytes) -> None:
    """The judge does judge: paging as it once was, wrong types, missing and unknown names, and calls that are not."""
    assert description().refusals_of_request(method, f"{API}/{path}", body)


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("POST", "search/jql", 200, b'{"issues": {}}'),
        ("POST", "issue/bulkfetch", 200, b'{"issues": [], "total": 3}'),
        ("POST", "changelog/bulkfetch", 200, b'{"issueChangeLogs": [{"issueId": 7}]}'),
        ("GET", "serverInfo", 200, b'{"versionNumbers": ["one"]}'),
        ("PUT", "issue/1", 201, b""),
    ],
)
def test_a_wrong_answer_is_refused(method: str, path: str, status: int, body: bytes) -> None:
    """An answer of another shape or status is noticed; only what is listed as an exception is passed over."""
    assert description().refusals_of_answer(method, f"{API}/{path}", status, body)


def test_each_exception_is_needed() -> None:
    """What is passed over is passed over because of a known answer; an exception that no answer needs has to go."""
    judge = description()
    moved = b'{"id": "1", "items": [{"from": null, "fromString": null, "to": null, "toString": null}]}'
    examples = {
        ("POST", "/rest/api/3/issue/bulkfetch"): b'{"expand": "schema,names", "issues": [], "issueErrors": []}',
        ("POST", "/rest/api/3/changelog/bulkfetch"): b'{"issueChangeLogs": [{"changeHistories": [{"created": 1492070429}]}]}',
        ("GET", "/rest/api/3/issue/{issueIdOrKey}/changelog"): b'{"values": [' + moved + b"]}",
        ("GET", "/rest/api/3/priorityscheme"): b'{"values": [{"id": "1", "name": "Default", "isDefault": true}]}',
        ("GET", "/rest/api/3/serverInfo"): b'{"defaultLocale": {"locale": "en_AU"}}',
    }
    assert set(examples) == set(EXCEPTIONS)
    for (method, path), body in examples.items():
        assert judge.refusals_of_answer(method, path, 200, body) == []
        with pytest.MonkeyPatch.context() as patch:
            patch.delitem(EXCEPTIONS, (method, path))
            assert judge.refusals_of_answer(method, path, 200, body)
