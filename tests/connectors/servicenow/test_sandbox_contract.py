"""The sandbox's answers fit a description of the APIs; what is attached and counted is what it should be."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from connectors.servicenow.sandbox import ServiceNowSandbox
from tests.connectors.sandbox_desk import CHASED, HANDED, START, TAKEN, desk
from tests.connectors.servicenow.sandbox_caller import Caller
from tests.shared import shared

TABLE, RECORD = "/api/now/table/{tableName}", "/api/now/table/{tableName}/{sys_id}"
NONE = "0" * 32
BATCH = {
    "batch_request_id": "1",
    "rest_requests": [{"id": "1", "method": "GET", "url": "/api/now/table/incident?sysparm_limit=1"}],
}
CALLS: list[tuple[str, str, str, object]] = [
    ("GET", TABLE, "table/incident", None),
    ("GET", TABLE, "table/incident?sysparm_display_value=true&sysparm_limit=2", None),
    ("GET", TABLE, "table/incident?sysparm_display_value=all&sysparm_fields=number,caller_id,assignment_group.name", None),
    ("GET", TABLE, "table/incident?sysparm_exclude_reference_link=true&sysparm_no_count=true", None),
    ("GET", TABLE, "table/nothing", None),
    ("GET", TABLE, "table/task_sla?sysparm_display_value=all", None),
    ("GET", TABLE, "table/sys_audit", None),
    ("POST", TABLE, "table/incident", {"short_description": "New"}),
    ("GET", RECORD, "table/incident/T1", None),
    ("GET", RECORD, f"table/incident/{NONE}", None),
    ("PATCH", RECORD, "table/incident/T2", {"urgency": "1"}),
    ("PATCH", RECORD, "table/incident/T2", {"state": "7"}),
    ("PUT", RECORD, "table/incident/T2", {"urgency": "3"}),
    ("DELETE", RECORD, "table/incident/T3", None),
    ("POST", "/api/now/v1/batch", "v1/batch", BATCH),
    ("GET", "/api/now/attachment", "attachment", None),
    ("GET", "/api/now/attachment/{sys_id}", f"attachment/{NONE}", None),
    ("GET", "/api/now/stats/{tableName}", "stats/incident?sysparm_count=true&sysparm_group_by=state", None),
]


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    path = shared() / "contracts" / "servicenow" / "openapi-derived.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def call() -> Caller:
    return Caller(ServiceNowSandbox(clock=lambda: START, history=desk(TAKEN, HANDED, CHASED)))


@pytest.mark.parametrize(("method", "template", "path", "body"), CALLS, ids=[f"{each[0]} {each[2][:40]}" for each in CALLS])
def test_answers_fit_the_description(
    call: Caller, contract: dict[str, Any], method: str, template: str, path: str, body: object
) -> None:
    """Status, keys and types of each answer are those that are described, and the parameters are known ones."""
    operation = contract["paths"][template][method.lower()]
    path, _, query = path.partition("?")
    for name in ("T1", "T2", "T3"):
        path = path.replace(f"/{name}", f"/{call.sandbox.issue_id(name)}" if f"/{name}" in path else "")
    known = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    assert {name for name, _ in parse_qsl(query)} <= known
    answer = call(method, path, body, **dict(parse_qsl(query)))
    described = operation["responses"].get(str(call.last.status))
    assert described is not None, f"{call.last.status} is not described for {method} {template}"
    schema = described.get("content", {}).get("application/json", {}).get("schema")
    if schema:
        registry: Registry[Any] = Registry().with_resource("urn:snow", DRAFT4.create_resource(contract))
        assert [each.message for each in OAS30Validator(_absolute(schema), registry=registry).iter_errors(answer)] == []


def _absolute(schema: Any) -> Any:
    """The schema with references into the description, wherever it stands itself."""
    if isinstance(schema, dict):
        return {key: f"urn:snow{each}" if key == "$ref" else _absolute(each) for key, each in schema.items()}
    return [_absolute(each) for each in schema] if isinstance(schema, list) else schema


def test_a_file_is_attached_and_comes_back() -> None:
    """What is uploaded for a record is listed there, comes back byte by byte, and can be deleted."""
    call = Caller(ServiceNowSandbox(clock=lambda: START, history=desk()))
    two, data = call.sandbox.issue_id("T2"), bytes(range(256))
    sign = {"x-sn-apikey": call.sandbox.api_key, "Content-Type": "image/png"}
    path, query = "/api/now/attachment/file", f"table_name=incident&table_sys_id={two}&file_name=screen.png"
    answer = call.sandbox.dispatch("POST", path, query, sign, data)
    made = json.loads(answer.body)["result"]
    assert (answer.status, made["size_bytes"], made["content_type"]) == (201, "256", "image/png")
    assert [row["file_name"] for row in call("GET", "attachment", sysparm_query=f"table_sys_id={two}")["result"]] == [
        "screen.png"
    ]
    assert call("GET", f"attachment/{made['sys_id']}")["result"]["download_link"].endswith(f"{made['sys_id']}/file")
    call("GET", f"attachment/{made['sys_id']}/file")
    assert (call.last.body, call.last.headers["Content-Type"]) == (data, "image/png")
    call("DELETE", f"attachment/{made['sys_id']}")
    assert call.last.status == 204
    assert call.refusal("GET", f"attachment/{made['sys_id']}/file")[0] == 404
    for wrong, status in (
        (query.replace(two, NONE), 404),
        (query.replace("=incident", "=nothing"), 400),
        ("table_name=incident", 400),
    ):
        assert call.sandbox.dispatch("POST", path, wrong, sign, data).status == status


def test_figures_are_counted_over_a_query() -> None:
    """Counts, sums and extremes of a query, whole or by group, with names on request."""
    call = Caller(ServiceNowSandbox(clock=lambda: START, history=desk(TAKEN, HANDED)))
    asked = {"sysparm_count": "true", "sysparm_sum_fields": "reassignment_count", "sysparm_avg_fields": "impact"}
    assert call("GET", "stats/incident", **asked)["result"] == {
        "stats": {"count": "3", "sum": {"reassignment_count": "1"}, "avg": {"impact": "2"}}
    }
    found = call(
        "GET",
        "stats/incident",
        sysparm_count="true",
        sysparm_group_by="state,assignment_group.name",
        sysparm_display_value="true",
    )
    told = [([each["value"] for each in group["groupby_fields"]], group["stats"]["count"]) for group in found["result"]]
    assert told == [(["New", "Service Desk"], "2"), (["In Progress", "Network Operations"], "1")]
    empty = call("GET", "stats/incident", sysparm_query="state=7", sysparm_min_fields="impact")
    assert empty["result"] == {"stats": {"min": {"impact": ""}}}


def test_a_batch_carries_files_too() -> None:
    """An item's body may be anything; what comes back is Base64 of it."""
    call = Caller(ServiceNowSandbox(clock=lambda: START, history=desk()))
    url = f"/api/now/attachment/file?table_name=incident&table_sys_id={call.sandbox.issue_id('T1')}&file_name=a.bin"
    item = {"id": "1", "method": "POST", "url": url, "body": base64.b64encode(b"\x00\xff").decode()}
    (serviced,) = call("POST", "/api/now/v1/batch", {"rest_requests": [item]})["serviced_requests"]
    assert serviced["status_code"] == 201
    sys_id = json.loads(base64.b64decode(serviced["body"]))["result"]["sys_id"]
    call("GET", f"attachment/{sys_id}/file")
    assert call.last.body == b"\x00\xff"
