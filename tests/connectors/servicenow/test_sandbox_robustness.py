"""Nothing that a client sends breaks the sandbox, and nothing of hoist's own client is in it."""

from __future__ import annotations

import ast
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.servicenow.sandbox import Policies, ServiceNowSandbox, Terms
from connectors.servicenow.site.faults import FAULTS
from connectors.servicenow.site.policies import VARIANTS
from connectors.servicenow.site.tables import tables
from tests.connectors.sandbox_desk import HANDED, START, TAKEN, desk
from tests.connectors.servicenow.sandbox_caller import Caller
from tests.shared import PROJECT, shared

TABLES = st.sampled_from(["incident", "task", "sys_user", "sys_audit", "task_sla", "sys_choice", "nothing"])
WORDS = st.text(max_size=12) | st.sampled_from(["-1", "0", "1", "true", "all", "state", "a.b", "sys_id", "9" * 30])
PARAMETERS = st.sampled_from(
    ["sysparm_query", "sysparm_fields", "sysparm_limit", "sysparm_offset", "sysparm_display_value", "sysparm_no_count", "state"]
)
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.lists(st.integers())
FIELDS = st.sampled_from(
    [
        "state",
        "impact",
        "urgency",
        "assigned_to",
        "assignment_group",
        "work_notes",
        "due_date",
        "active",
        "parent_incident",
        "hold_reason",
        "reassignment_count",
        "watch_list",
        "close_code",
        "sys_id",
        "nothing",
    ]
)


@pytest.fixture(scope="module")
def call() -> Caller:
    return Caller(ServiceNowSandbox(clock=lambda: START, history=desk(TAKEN, HANDED)))


@settings(max_examples=150, deadline=None)
@given(TABLES, st.dictionaries(PARAMETERS, WORDS, max_size=4))
def test_no_parameter_breaks_the_sandbox(call: Caller, table: str, query: dict[str, str]) -> None:
    """Any parameters on any table are taken or refused, and the answer is JSON."""
    assert isinstance(call("GET", f"table/{table}", **query), dict)
    assert call.last.status in {200, 400}


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("^ORNQDERBYSCIHTLKE=!<>@,.-:_ statepriorsysid019'("), max_size=40))
def test_no_query_breaks_the_sandbox(call: Caller, query: str) -> None:
    """Any text is a query: what is none in it is dropped."""
    assert len(call.rows("incident", query)) <= 3


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(FIELDS, VALUES, max_size=5))
def test_no_body_breaks_the_sandbox(values: dict[str, object]) -> None:
    """Any values are saved, dropped or refused in the platform's words, and the record can be read afterwards."""
    call = Caller(ServiceNowSandbox(clock=lambda: START, history=desk(TAKEN, HANDED)))
    two = call.sandbox.issue_id("T2")
    call("PATCH", f"table/incident/{two}", values)
    assert call.last.status in {200, 403}
    call("POST", "table/incident", values)
    assert call.last.status in {201, 403}
    for mode in ("true", "all"):
        assert call.incident(two, sysparm_display_value=mode)["number"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"null"])
def test_a_body_that_is_no_record_is_refused_or_empty(call: Caller, body: bytes) -> None:
    """Broken JSON is 400; nothing at all changes nothing."""
    headers = {"x-sn-apikey": call.sandbox.api_key, "Content-Type": "application/json"}
    path = f"/api/now/table/incident/{call.sandbox.issue_id('T2')}"
    answer = call.sandbox.dispatch("PATCH", path, "", headers, body)
    assert answer.status == (200 if not body else 400)
    assert json.loads(answer.body)


def test_a_variant_that_does_not_exist_is_refused() -> None:
    """A misspelt variant is told with all there are."""
    with pytest.raises(ValueError, match=r"there is no variant put-replace; variants are .*put-replaces"):
        Terms(policies=Policies(variants=["put-replace"]))


def test_columns_of_an_organisations_own() -> None:
    """An instance can have tables and columns of its own, which are read and written like any other."""
    more = "\ntable u_ticket extends task prefix UTK audited label Ticket\n  u_colour string(20)=red Colour\n"
    call = Caller(ServiceNowSandbox(clock=lambda: START, history=desk(), terms=Terms(more_tables=more)))
    made = call("POST", "table/u_ticket", {"short_description": "Own"})["result"]
    assert (made["number"], made["u_colour"]) == ("UTK0010001", "red")
    assert call.rows("u_ticket", "u_colour=red")[0]["sys_class_name"] == "u_ticket"
    assert len(call.rows("task")) == 4


def test_the_sandbox_knows_nothing_of_hoists_client() -> None:
    """The sandbox shares no code with the client that it is there to judge."""
    folder = PROJECT / "connectors" / "servicenow"
    files = [*(folder / "site").glob("*.py"), folder / "sandbox.py"]
    imported = {name for file in files for name in _imports(ast.parse(file.read_text(encoding="utf-8")))}
    own = {name for name in imported if name.split(".")[0] in {"agent", "connectors", "rules"}}
    # The record is an auditor's reading of the instance, which uses none of the connector's code either.
    known = ("connectors.servicenow.site", "connectors.sandboxes", "connectors.servicenow.record")
    assert len(files) > 20
    assert {name for name in own if not name.startswith(known)} == {"rules.instants"}


def _imports(tree: ast.Module) -> set[str]:
    found = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return found | {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}


def test_columns_are_those_of_the_products_dictionary() -> None:
    """Each column of a table whose dictionary is public has the product's label, type and reference."""
    known = json.loads((shared() / "contracts" / "servicenow" / "dictionary.json").read_text())["tables"]
    kinds = {
        "String": "string",
        "Integer": "integer",
        "Boolean": "boolean",
        "Reference": "reference",
        "DateTime": "glide_date_time",
    }
    mine = tables()
    compared = 0
    for name in mine.keys() & known.keys() - {"cmdb_ci", "cmn_schedule", "sys_attachment", "sys_user"}:
        for column, facts in known[name]["columns"].items():
            if column not in mine[name].columns or facts["type"] not in kinds or "label" not in facts or column[:4] == "sys_":
                continue
            found = mine[name].columns[column]
            assert (found.label, found.kind) == (facts["label"], kinds[facts["type"]]), f"{name}.{column}"
            assert found.reference == facts.get("ref", ""), f"{name}.{column}"
            compared += 1
    assert compared > 150


def test_the_page_on_sandboxes_tells_of_everything() -> None:
    """Each fault and each variant of the sandbox has its line in the documentation, and none is there that it lacks."""
    page = (PROJECT / "docs" / "sandboxes.md").read_text(encoding="utf-8")
    _, faults, _, variants = page.partition("## ServiceNow")[2].partition("\n## ")[0].split("| --- | --- |\n")
    for table, known in ((faults, FAULTS), (variants, VARIANTS)):
        cells = [line.split("|")[1] for line in table.split("\n\n")[0].splitlines()]
        assert {name for cell in cells for name in re.findall(r"`([\w-]+)`", cell)} == set(known)
