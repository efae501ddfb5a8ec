"""Requests that a careless client might send: each is answered as the platform's reference says, and none breaks the sandbox."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import pytest

from connectors.servicenow.sandbox import ServiceNowSandbox
from tests.connectors.sandbox_desk import HANDED, START, TAKEN, desk
from tests.connectors.servicenow.sandbox_caller import Caller

ABSENT: Final = "0" * 32
ALL: Final = 3
"""Incidents of the desk."""


@pytest.fixture(scope="module")
def call() -> Caller:
    return Caller(ServiceNowSandbox(clock=lambda: START, history=desk(TAKEN, HANDED)))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ALL),
        ("^^^", ALL),
        ("ORDERBYnothing", ALL),
        ("nothing=1", ALL),  # dropped without a word, which widens the question
        ("nothing=1^number=INC", 0),
        ("number=INC^ORnothing=1", 0),
        ("number=INC^NQsys_idISNOTEMPTY", ALL),
        ("numberIN", 0),
        ("numberIN,,", 0),
        ("caller_id.nothing.name=x", ALL),
        ("sys_updated_onBETWEENa@b", 0),
        ("sys_updated_on>2026-13-45 99:99:99", 0),
        ("sys_idSAMEASsys_id", ALL),
        ("sys_idNSAMEASsys_id", 0),
        ("numberSAMEASsys_id", 0),
        ("assigned_toNSAMEASassignment_group.manager", ALL),
        ("numberSAMEASnothing", ALL),
        ("numberLIKE'\"<%", 0),
        ("stateANYTHING^EQ", ALL),
        ("numberEMPTYSTRING", 0),
        ("NUMBER=INC", ALL),  # names of columns are in small letters
        ("\x00", ALL),
        ("x" * 6_000, ALL),
    ],
)
def test_an_odd_query_finds_what_the_grammar_says(call: Caller, query: str, found: int) -> None:
    """Terms that mean nothing are dropped, those that match nothing find nothing, and the answer is a list in any case."""
    rows: list[dict[str, Any]] = call("GET", "table/incident", sysparm_query=query, sysparm_fields="sys_id")["result"]
    assert (call.last.status, len(rows)) == (200, found)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"table/incident/{ABSENT}", 404),
        ("GET", "table/incident/xyz", 404),
        ("GET", f"table/incident/{ABSENT}/more", 400),
        ("GET", "table/", 400),
        ("GET", "table/nothing", 400),
        ("GET", "table/INCIDENT", 400),
        ("GET", "/api/now/v9/table/incident", 400),
        ("GET", "/api/now/v1/table/incident?sysparm_query=number%3DINC", 404),
        ("GET", "/api/now/v2/table/incident?sysparm_query=number%3DINC", 200),
        ("GET", "table/incident?sysparm_limit=0", 200),
        ("GET", "table/incident?sysparm_limit=abc&sysparm_offset=x", 200),
        ("GET", "table/incident?sysparm_display_value=maybe", 200),
        ("GET", "/api/now/table/../../etc/passwd", 400),
        ("GET", "v1/batch", 400),
        ("POST", "batch", 400),
        ("PATCH", "table/incident", 405),
        ("DELETE", "table/incident", 405),
        ("PROPFIND", "table/incident", 405),
        ("PATCH", f"table/incident/{ABSENT}", 404),
        ("DELETE", f"table/incident/{ABSENT}", 404),
    ],
)
def test_an_odd_address_or_verb_is_refused_in_the_platforms_way(call: Caller, method: str, path: str, status: int) -> None:
    """A table, a version, a verb or a record that is not there has the status that clients rely on, and a reason in JSON."""
    where, _, query = path.partition("?")
    body: dict[str, str] | None = None if method == "GET" else {}
    answer = call(method, where, body, **dict(parse_qsl(query)))
    assert call.last.status == status
    assert status == 200 or answer["status"] == "failure"
    assert status == 200 or answer["error"]["message"]


@pytest.mark.parametrize("item", [None, 7, [], {}, {"id": None, "url": 5, "method": 7}, {"id": "1", "url": f"/x?{quote('ü')}"}])
def test_an_odd_part_spoils_no_other(call: Caller, item: object) -> None:
    """A batch answers each part by itself: one that is none is told so, and the next one is served."""
    good = {"id": "good", "method": "GET", "url": "/api/now/table/incident?sysparm_fields=number", "headers": []}
    served = call("POST", "v1/batch", {"batch_request_id": 1, "rest_requests": [item, good]})["serviced_requests"]
    assert [part["status_code"] for part in served if part["id"] == "good"] == [200]
    assert len(served) == 2
    assert all(part["status_code"] < 500 for part in json.loads(json.dumps(served)))
