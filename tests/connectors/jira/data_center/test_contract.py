"""hoist asks Data Center for nothing that Atlassian's own description of it lacks.

The description (OpenAPI of 10.3) is no validator: its examples break its own schemas, and it knows no bearer tokens. It is held
to as a list of paths, of parameters and of the fields of bodies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import pytest

from connectors.jira.site.data_center_calls import ROUTES
from connectors.sandboxes.answer import Answer
from connectors.testing import Mirror
from rules.escalation import FieldChange, Operation, OperationKind
from rules.ticket import TicketRef
from tests.connectors.jira.data_center.test_connector import Desk
from tests.shared import shared

UNDOCUMENTED: Final = {
    # Of every version that is known, in the reference of Data Center 9 as well, and missing in the one description there is.
    ("GET", "/api/2/user"): {"expand"},
    ("GET", "/api/2/mypermissions"): {"permissions"},  # Cloud asks for it; Data Center answers all permissions, asked or not
}


@pytest.fixture(scope="module")
def description() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((shared() / "contracts/jira/jira-data-center-10.3.json").read_text())
    return found


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as open_:
        yield Desk(open_, tmp_path)


def template(description: Mapping[str, Any], method: str, path: str) -> str:
    """The path of the description that a request takes; fails where there is none."""
    fitting = [
        each
        for each in sorted(description["paths"], key=lambda each: each.count("{"))
        if re.fullmatch(re.sub(r"\\\{[^}]+\\\}|\{[^}]+\}", "[^/]+", each), path) and method.lower() in description["paths"][each]
    ]
    assert fitting, f"Data Center has no {method} {path}"
    return str(fitting[0])


def test_every_request_is_described(there: Desk, description: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever hoist does, each of its requests is one that Data Center has, with parameters and fields that it knows."""
    asked: list[tuple[str, str, str, bytes]] = []
    dispatch = there.site.dispatch

    def heard(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        asked.append((method, path, query, body))
        return dispatch(method, path, query, headers, body)

    monkeypatch.setattr(there.site, "dispatch", heard)
    there.open.enter_context(there.site.serve())
    hoist, ticket = there.connector(), there.site.issue_id("T1")
    hoist.identify()
    hoist.problems()
    hoist.directory()
    mirror = Mirror()
    mirror.run(hoist)
    mirror.run(hoist)
    (team,) = (each.fields["team"] for each in hoist.read([ticket]).tickets)
    changes = (FieldChange("team", team, "20000"), FieldChange("assignee", None, mirror.tickets[ticket].changes[0].by.id))
    for operation in (
        Operation("a", OperationKind.FIELDS, TicketRef("jira-dc", ticket), "5f3a", (), changes, ("hoist",)),
        Operation("b", OperationKind.COMMENT, TicketRef("jira-dc", ticket), "5f3b", comment="Moved."),
    ):
        hoist.write(operation)
        assert hoist.verify(operation).found is True
    hoist.marks(ticket)
    page = hoist.census(None)
    while page.cursor is not None:
        page = hoist.census(page.cursor)

    paths = set()
    for method, path, query, body in asked:
        below = path.removeprefix("/jira/rest")
        assert below != path
        if below.startswith("/servicedeskapi/"):
            continue  # Jira Service Management's own API, which this description leaves out
        found = template(description, method, below)
        paths.add((method, found))
        operation_ = description["paths"][found][method.lower()]
        known = {each["name"] for each in operation_.get("parameters", ()) if each["in"] == "query"}
        assert set(parse_qs(query)) <= known | UNDOCUMENTED.get((method, found), set()), (method, found, query)
        if body:
            (content,) = operation_["requestBody"]["content"].values()
            schema = description["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
            assert set(json.loads(body)) <= set(schema["properties"]), (method, found)
    assert ("POST", "/api/2/search") in paths
    assert ("PUT", "/api/2/issue/{issueIdOrKey}") in paths


def test_the_sandbox_answers_nothing_else(description: Mapping[str, Any]) -> None:
    """Each call that the sandbox of Data Center answers is one that the description names."""
    for method, path, _ in ROUTES:
        template(description, method, "/api/2/" + path.replace("{}", "x"))
