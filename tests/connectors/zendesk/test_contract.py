"""Every request that hoist makes is one that Zendesk's own description of its API knows, but for what is listed with reasons.

The description is not part of hoist; these tests skip loudly without it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import pytest
from openapi_schema_validator import OAS30WriteValidator

from connectors.http import Surroundings
from connectors.sandboxes.answer import Answer
from connectors.testing import Mirror
from connectors.zendesk import changes
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.sandbox import ZendeskSandbox
from connectors.zendesk.settings import ZendeskSettings
from rules.escalation import FieldChange, Operation, OperationKind
from rules.instants import MINUTE, SECOND
from tests.connectors.sandbox_desk import HANDED, TAKEN, Clock, desk
from tests.shared import shared

PARAMETERS = {
    "per_page": "size of an export's page: documented in the guide to incremental exports, missing from the description",
    "include": "sideloads: documented on a page of their own, https://developer.zendesk.com/documentation/ticketing/using-the-zendesk-api/side_loading/",
    "page[size]": "cursor pagination: documented on a page of its own, https://developer.zendesk.com/api-reference/introduction/pagination/",
    "page[after]": "as above",
}
"""Parameters that the description leaves out of some operations, and where they are documented."""
BODY = {
    "additional_tags": "described for updates of many tickets; hoist looks whether an update of one took them",
    "remove_tags": "as above",
}
"""Parts of an update that the description does not name, and why hoist sends them."""


class Call(NamedTuple):
    method: str
    path: str
    query: str
    body: bytes


@cache
def described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared() / "contracts" / "zendesk" / "support-openapi.min.json").read_bytes())
    return found


def operation_of(call: Call) -> tuple[str, dict[str, Any]]:
    """The template and the description of a call; fails where there is none. Fixed words go before placeholders."""
    found = []
    for template, operations in described()["paths"].items():
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, call.path) and call.method.lower() in operations:
            found.append((template.count("{"), template))
    assert found, f"{call.method} {call.path} is not described"
    template = min(found)[1]
    shared_parameters = described()["paths"][template].get("parameters", [])
    operation = described()["paths"][template][call.method.lower()]
    return template, {**operation, "parameters": [*shared_parameters, *operation.get("parameters", [])]}


def resolved(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the description, where it is only pointed at."""
    while "$ref" in part:
        here: Any = described()
        for word in part["$ref"].removeprefix("#/").split("/"):
            here = here[word]
        part = here
    return part


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """Every call of a story in which the connector does everything that it can, once."""
    described()
    made: list[Call] = []
    clock = Clock()
    sandbox = ZendeskSandbox(clock=clock, history=desk(TAKEN, HANDED))
    answered = sandbox.dispatch

    def kept(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        made.append(Call(method, unquote(path), query, body))
        return answered(method, path, query, headers, body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "dispatch", kept)
        patch.setattr(changes, "FEW", 0)
        with sandbox.serve():
            secret = tmp_path_factory.mktemp("zendesk") / "secret"
            story(sandbox, clock, secret)
    return made


def story(sandbox: ZendeskSandbox, clock: Clock, secret: Path) -> None:
    given = sandbox.hoist_settings(lambda _, value: f"file:{secret.write_text(value) and secret}")
    del given["platform"]
    settings = ZendeskSettings.model_validate({**given, "requests_per_second": 1000, "page_size": 2})
    hoist = ZendeskConnector("zen", settings, Surroundings(sleep=lambda _: None))
    hoist.identify()
    assert hoist.problems() == []
    directory = hoist.directory()
    mirror = Mirror()
    tickets = [ticket for page in mirror.run(hoist) for ticket in page.tickets]
    ticket = next(each for each in tickets if each.fields["status"] == "new")
    (ticket,) = hoist.read([ticket.ref.id, "99999"]).tickets
    team = next(each for each in directory.teams if each != ticket.fields["team"])
    moves = (
        FieldChange("team", ticket.fields["team"], team),
        FieldChange("priority", ticket.fields["priority"], "urgent"),
    )
    operation = Operation("k1", OperationKind.FIELDS, ticket.ref, "m1", ("f1",), moves, ("lifted",), "Moved.", clock.at)
    hoist.write(operation)
    assert hoist.verify(operation).found
    off = replace(operation, key="k2", marker="m2", changes=(), add_labels=(), remove_labels=("lifted",), comment=None)
    hoist.write(off)
    assert set(hoist.marks(ticket.ref.id)) == {"m1", "f1", "m2"}
    clock.pass_(2 * MINUTE + SECOND)
    mirror.run(hoist)
    hoist.census(None)
    hoist.close()


def test_every_request_is_described(calls: list[Call]) -> None:
    """Method, path and parameters of each request are Zendesk's own, and what is left out of its description is documented."""
    for call in calls:
        _, operation = operation_of(call)
        known = {resolved(each)["name"] for each in operation["parameters"] if resolved(each)["in"] == "query"}
        asked = {name for name, _ in parse_qsl(call.query)}
        assert asked <= known | set(PARAMETERS), call


def test_the_exceptions_are_needed(calls: list[Call]) -> None:
    """No parameter is excused that the description knows everywhere, or that hoist never sends."""
    left_out = set()
    for call in calls:
        _, operation = operation_of(call)
        known = {resolved(each)["name"] for each in operation["parameters"] if resolved(each)["in"] == "query"}
        left_out |= {name for name, _ in parse_qsl(call.query)} - known
    assert left_out <= set(PARAMETERS)
    assert left_out >= {"per_page", "include", "page[size]"}


def test_every_update_is_as_described(calls: list[Call]) -> None:
    """The body of each update fits the description of a ticket's update, and names nothing that it does not have."""
    updates = [call for call in calls if call.method == "PUT"]
    assert len(updates) == 2
    for call in updates:
        _, operation = operation_of(call)
        schema = resolved(operation["requestBody"])["content"]["application/json"]["schema"]
        body = json.loads(call.body)
        judge = OAS30WriteValidator({"allOf": [schema], "components": described()["components"]})
        assert [error.message for error in judge.iter_errors(body)] == []
        named = set(resolved(resolved(schema)["properties"]["ticket"])["properties"])
        assert set(body["ticket"]) - named <= set(BODY)
        assert body["ticket"]["safe_update"] is True
        assert body["ticket"].get("comment", {"public": False})["public"] is False
        assert "status" not in body["ticket"]


def test_the_story_uses_every_call_of_the_client(calls: list[Call]) -> None:
    """Nothing that the connector can send goes unjudged, but for lists of organizations that came beside tickets."""
    used = {(call.method, operation_of(call)[0].removeprefix("/api/v2/")) for call in calls}
    assert used >= {
        ("POST", "/oauth/tokens"),
        ("GET", "users/me"),
        ("GET", "users"),
        ("GET", "groups"),
        ("GET", "group_memberships/assignable"),
        ("GET", "ticket_fields"),
        ("GET", "ticket_forms"),
        ("GET", "custom_statuses"),
        ("GET", "brands"),
        ("GET", "incremental/tickets/cursor"),
        ("GET", "incremental/ticket_events"),
        ("GET", "tickets/show_many"),
        ("GET", "tickets/{ticket_id}/audits"),
        ("PUT", "tickets/{ticket_id}"),
    }
