"""The sandbox's answers fit Atlassian's own description of its API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from connectors.jira.sandbox import JiraSandbox
from connectors.jira.site.catalog import account_id
from connectors.jira.site.routes import ROUTES
from tests.connectors.jira.sandbox_caller import CHASED, HANDED, START, TAKEN, Caller, desk
from tests.shared import shared

FIELD = "customfield_10050"
DOCUMENT = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Hello"}]}]}

CALLS: list[tuple[str, str, str, object, list[tuple[str, object]]]] = [
    ("GET", "/serverInfo", "serverInfo", None, []),
    ("GET", "/myself", "myself", None, []),
    ("GET", "/mypermissions", "mypermissions", None, [("permissions", "EDIT_ISSUES,ADD_COMMENTS")]),
    ("GET", "/field", "field", None, []),
    ("GET", "/field/{fieldId}/context", f"field/{FIELD}/context", None, []),
    ("GET", "/field/{fieldId}/context/{contextId}/option", f"field/{FIELD}/context/10150/option", None, []),
    ("GET", "/status", "status", None, []),
    ("GET", "/statuses/search", "statuses/search", None, []),
    ("GET", "/priority", "priority", None, []),
    ("GET", "/priority/search", "priority/search", None, []),
    ("GET", "/priorityscheme", "priorityscheme", None, [("expand", "priorities,projects")]),
    ("GET", "/priorityscheme/{schemeId}/priorities", "priorityscheme/10002/priorities", None, []),
    ("GET", "/project", "project", None, []),
    ("GET", "/project/search", "project/search", None, []),
    ("GET", "/project/{projectIdOrKey}", "project/IT", None, []),
    ("GET", "/project/{projectIdOrKey}/statuses", "project/IT/statuses", None, []),
    ("GET", "/project/{projectIdOrKey}/components", "project/IT/components", None, []),
    ("GET", "/project/{projectIdOrKey}/component", "project/IT/component", None, []),
    ("GET", "/user", "user", None, [("accountId", account_id("anna"))]),
    ("GET", "/user/search", "user/search", None, [("query", "a")]),
    ("GET", "/user/bulk", "user/bulk", None, [("accountId", account_id("anna"))]),
    ("GET", "/user/assignable/search", "user/assignable/search", None, [("project", "IT")]),
    ("GET", "/search/jql", "search/jql", None, [("jql", "project = IT"), ("fields", "*all"), ("expand", "changelog")]),
    ("POST", "/search/jql", "search/jql", {"jql": "project = IT", "maxResults": 1}, []),
    ("POST", "/search/approximate-count", "search/approximate-count", {"jql": "project = IT"}, []),
    ("GET", "/issue/{issueIdOrKey}", "issue/IT-1", None, [("expand", "names,transitions,editmeta")]),
    ("GET", "/issue/{issueIdOrKey}/changelog", "issue/IT-1/changelog", None, []),
    ("GET", "/issue/{issueIdOrKey}/transitions", "issue/IT-1/transitions", None, []),
    ("GET", "/issue/{issueIdOrKey}/editmeta", "issue/IT-1/editmeta", None, []),
    ("GET", "/issue/{issueIdOrKey}/comment", "issue/IT-1/comment", None, []),
    ("POST", "/issue/{issueIdOrKey}/comment", "issue/IT-1/comment", {"body": DOCUMENT}, []),
    ("PUT", "/issue/{issueIdOrKey}/comment/{id}", "issue/IT-1/comment/50001", {"body": DOCUMENT}, []),
    ("GET", "/issue/{issueIdOrKey}/comment/{id}", "issue/IT-1/comment/50001", None, []),
    ("POST", "/comment/list", "comment/list", {"ids": [50001]}, []),
    ("GET", "/comment/{commentId}/properties", "comment/50001/properties", None, []),
    ("GET", "/comment/{commentId}/properties/{propertyKey}", "comment/50001/properties/sd.public.comment", None, []),
    ("PUT", "/issue/{issueIdOrKey}/properties/{propertyKey}", "issue/IT-1/properties/x", {"a": 1}, []),
    ("GET", "/issue/{issueIdOrKey}/properties/{propertyKey}", "issue/IT-1/properties/x", None, []),
    ("GET", "/issue/{issueIdOrKey}/properties", "issue/IT-1/properties", None, []),
    ("POST", "/issue/bulkfetch", "issue/bulkfetch", {"issueIdsOrKeys": ["IT-1", "IT-9"], "expand": ["changelog"]}, []),
    ("POST", "/issue", "issue", {"fields": {"project": {"key": "IT"}, "issuetype": {"id": "10010"}, "summary": "New"}}, []),
    ("PUT", "/issue/{issueIdOrKey}", "issue/IT-2", {"fields": {"summary": "Other"}}, []),
    ("PUT", "/issue/{issueIdOrKey}/assignee", "issue/IT-2/assignee", {"accountId": None}, []),
    ("POST", "/issue/{issueIdOrKey}/transitions", "issue/IT-2/transitions", {"transition": {"id": "41"}}, []),
    ("GET", "/issue/createmeta/{projectIdOrKey}/issuetypes", "issue/createmeta/IT/issuetypes", None, []),
    (
        "GET",
        "/issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}",
        "issue/createmeta/IT/issuetypes/10010",
        None,
        [],
    ),
    ("POST", "/issue/{issueIdOrKey}/remotelink", "issue/IT-1/remotelink", {"object": {"url": "https://a", "title": "A"}}, []),
    ("DELETE", "/issue/{issueIdOrKey}/comment/{id}", "issue/IT-1/comment/50001", None, []),
    ("DELETE", "/issue/{issueIdOrKey}/properties/{propertyKey}", "issue/IT-1/properties/x", None, []),
    ("DELETE", "/issue/{issueIdOrKey}", "issue/IT-3", None, []),
    ("GET", "/issue/{issueIdOrKey}", "issue/IT-99", None, []),
    ("POST", "/search/jql", "search/jql", {"jql": "nonsense"}, []),
]


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    path = shared() / "contracts" / "jira" / "jira-cloud-platform-v3.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def call() -> Caller:
    return Caller(JiraSandbox(clock=lambda: START, history=desk(TAKEN, HANDED, CHASED)))


@pytest.mark.parametrize(("method", "template", "path", "body", "query"), CALLS, ids=lambda each: str(each)[:40])
def test_answers_fit_the_contract(
    call: Caller, contract: dict[str, Any], method: str, template: str, path: str, body: object, query: list[tuple[str, object]]
) -> None:
    """Status, keys and types of each answer are those that Atlassian describes, and the query is one that it knows."""
    operation = contract["paths"][f"/rest/api/3{template}"][method.lower()]
    known = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    assert {name for name, _ in query} <= known
    answer = call(method, path, body, query)
    described = operation["responses"].get(str(call.last.status))
    assert described is not None, f"{call.last.status} is not described for {method} {template}"
    schema = described.get("content", {}).get("application/json", {}).get("schema")
    if schema and answer is not None:
        registry: Registry[Any] = Registry().with_resource("urn:jira", DRAFT4.create_resource(contract))
        validator = OAS30Validator(_absolute(schema), registry=registry)
        assert [text for error in validator.iter_errors(answer) if (text := _told(error)) not in EXCUSED] == []


EXCUSED = {
    # Jira gives null where a changelog item came from nothing; the description says string.
    *(f"items/{name}: {text}" for name in ("from", "fromString", "to", "toString") for text in
      ("None for not nullable", "None is not of type 'string'")),
    # Atlassian's own example of bulkfetch has it.
    ": Additional properties are not allowed ('expand' was unexpected)",
}  # fmt: skip


def _told(error: Any) -> str:
    """Where an answer differs, without positions in lists, the last two names of the path; and how."""
    names = [each for each in error.path if isinstance(each, str)]
    return f"{'/'.join(names[-2:])}: {error.message}"


def _absolute(schema: Any) -> Any:
    """The schema with references into the contract, wherever it stands itself."""
    if isinstance(schema, dict):
        return {key: f"urn:jira{each}" if key == "$ref" else _absolute(each) for key, each in schema.items()}
    return [_absolute(each) for each in schema] if isinstance(schema, list) else schema


def test_every_route_is_in_the_contract(contract: dict[str, Any]) -> None:
    """The sandbox has no address that Atlassian does not describe."""
    described = {
        (
            method.upper(),
            "/".join("{}" if word.startswith("{") else word for word in path.removeprefix("/rest/api/3/").split("/")),
        )
        for path, operations in contract["paths"].items()
        for method in operations
    }
    assert {(method, path) for method, path, _ in ROUTES} <= described
