"""Nothing that a client sends breaks the sandbox, no update breaks its rules, and nothing of hoist's own client is in it."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.zendesk.sandbox import Terms, ZendeskSandbox
from connectors.zendesk.site.faults import FAULTS
from connectors.zendesk.site.routes import ROUTES
from connectors.zendesk.site.terms import VARIANTS
from rules.instants import SECOND
from tests.connectors.sandbox_desk import HANDED, START, TAKEN, Clock, desk
from tests.connectors.zendesk.sandbox_caller import Caller
from tests.shared import PROJECT

WORDS = st.text(max_size=10) | st.sampled_from(["-1", "0", "1", "true", "2,3", "users", "9" * 30, "MA==", "2026-11-23T00:00:00Z"])
PARAMETERS = st.sampled_from(
    ["page", "per_page", "page[size]", "page[after]", "page[before]", "start_time", "cursor", "include", "query", "ids",
     "filter[type]", "sort_order", "role[]", "status_categories", "default", "external_id"]
)  # fmt: skip
SIMPLE = st.none() | st.booleans() | st.integers(-5, 99) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
VALUES = SIMPLE | st.lists(SIMPLE, max_size=3) | st.dictionaries(st.sampled_from(["id", "value", "body", "public"]), SIMPLE)
FIELDS = st.sampled_from(
    ["status", "custom_status_id", "priority", "type", "group_id", "assignee_id", "requester_id", "problem_id", "tags",
     "additional_tags", "remove_tags", "subject", "comment", "metadata", "custom_fields", "safe_update", "updated_stamp",
     "due_at", "external_id", "nothing"]
)  # fmt: skip
ADDRESSES = st.sampled_from(sorted(path.replace("*", "1") for method, path in ROUTES if method == "GET"))


@pytest.fixture(scope="module")
def call() -> Caller:
    return Caller(ZendeskSandbox(clock=lambda: START, history=desk(TAKEN, HANDED)))


@settings(max_examples=250, deadline=None)
@given(ADDRESSES, st.dictionaries(PARAMETERS, WORDS, max_size=4))
def test_no_parameter_breaks_the_sandbox(call: Caller, path: str, query: dict[str, str]) -> None:
    """Any parameters at any address are taken or refused, and the answer is JSON."""
    assert isinstance(call("GET", path, **query), dict)
    assert call.last.status in {200, 400, 404, 422}


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(FIELDS, VALUES, max_size=5))
def test_no_body_breaks_the_sandbox(values: dict[str, object]) -> None:
    """Any values are saved, dropped or refused in the platform's words, and the ticket can be read afterwards."""
    call = Caller(ZendeskSandbox(clock=lambda: START, history=desk(TAKEN, HANDED)))
    call("PUT", "tickets/2", {"ticket": values})
    assert call.last.status in {200, 400, 409, 422}
    call("POST", "tickets", {"ticket": values})
    assert call.last.status in {201, 400, 422}
    call("PUT", "tickets/update_many", {"tickets": [{"id": 1, **values}]})
    assert call.last.status == 200
    for path in ("tickets/2", "tickets/2/audits", "tickets", "incremental/ticket_events?start_time=0", "job_statuses"):
        assert isinstance(call("GET", path), dict)
        assert call.last.status == 200


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["triggers", "automations", "webhooks"]), st.dictionaries(
    st.sampled_from(["title", "conditions", "actions", "all", "any", "position", "name", "endpoint", "subscriptions",
                     "http_method", "request_format"]),
    VALUES | st.fixed_dictionaries({"all": st.lists(st.dictionaries(st.sampled_from(["field", "operator", "value"]), SIMPLE))}),
))  # fmt: skip
def test_no_rule_breaks_the_sandbox(kind: str, values: dict[str, object]) -> None:
    """What is no trigger, automation or webhook is refused."""
    call = Caller(ZendeskSandbox(clock=lambda: START, history=desk(TAKEN, HANDED)))
    call("POST", kind, {kind.rstrip("s"): values})
    assert call.last.status in {201, 400, 422}
    call.put(2, priority="urgent")
    assert call.last.status == 200


UPDATES = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["new", "open", "pending", "hold", "solved"]),
        "priority": st.sampled_from(["low", "normal", "high", "urgent"]),
        "group": st.sampled_from(["Service Desk", "Network Operations"]),
        "assignee": st.sampled_from([None, "anna", "bram", "femke"]),
        "additional_tags": st.lists(st.sampled_from(["a", "b", "line_l1", "line_l2"]), max_size=2),
        "remove_tags": st.lists(st.sampled_from(["a", "b", "line_l1"]), max_size=2),
    },
)


@settings(max_examples=60, deadline=None)
@given(st.lists(UPDATES, max_size=6))
def test_audits_add_up_to_the_ticket(updates: list[dict[str, Any]]) -> None:
    """Whatever is asked for, the audits rebuild the ticket, and what the platform promises of its state holds."""
    clock = Clock()
    call = Caller(ZendeskSandbox(clock=clock, history=desk(TAKEN, HANDED)))
    members = {
        (each["user_id"], each["group_id"]) for each in call("GET", "group_memberships", per_page=100)["group_memberships"]
    }
    for update in updates:
        clock.pass_(SECOND)
        asked = dict(update)
        if "group" in asked:
            asked["group_id"] = call.sandbox.group_id(asked.pop("group"))
        if "assignee" in asked:
            owner = asked.pop("assignee")
            asked["assignee_id"] = call.sandbox.user_id(owner) if owner else None
        call.put(2, **asked)
    shown = call.ticket(2)
    state: dict[str, Any] = {}
    for audit in call.audits(2):
        for event in audit["events"]:
            if event["type"] == "Change":
                assert state.get(event["field_name"]) == event["previous_value"]
            if event["type"] in {"Create", "Change"}:
                state[event["field_name"]] = event["value"]
    assert {name: state.get(name) for name in ("status", "priority", "tags")} == {
        name: shown[name] for name in ("status", "priority", "tags")
    }
    assert state.get("assignee_id") == (None if shown["assignee_id"] is None else str(shown["assignee_id"]))
    assert shown["assignee_id"] is None or (shown["assignee_id"], shown["group_id"]) in members
    assert shown["assignee_id"] is None or shown["status"] != "new"
    lines = [tag for tag in shown["tags"] if tag.startswith("line_")]
    assert lines == [each["value"] for each in shown["custom_fields"] if str(each["value"]).startswith("line_")]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b"null", b""])
def test_a_body_that_is_no_ticket_is_refused(call: Caller, body: bytes) -> None:
    """Broken JSON, and JSON that is something else, is 400."""
    headers = {"Authorization": f"Bearer {call.sandbox.granted()[0]}", "Content-Type": "application/json"}
    answer = call.sandbox.dispatch("PUT", "/api/v2/tickets/2", "", headers, body)
    assert answer.status == 400
    assert json.loads(answer.body)


def test_a_variant_that_does_not_exist_is_refused() -> None:
    """A misspelt variant is told with all there are."""
    with pytest.raises(ValueError, match=r"there is no variant null-cursors; variants are .*null-cursor"):
        Terms(variants=frozenset({"null-cursors"}))


def test_an_address_that_does_not_exist_is_not_found(call: Caller) -> None:
    """Neither an unknown address nor another method of a known one is answered as if it were there."""
    for method, path in (("GET", "nothing"), ("GET", "tickets/1/nothing"), ("PATCH", "tickets/1"), ("GET", "tickets/0x1")):
        call(method, path)
        assert call.last.status in {400, 404}


def test_the_page_on_sandboxes_tells_of_everything() -> None:
    """Each fault and each variant of the sandbox has its line in the documentation, and none is there that it lacks."""
    page = (PROJECT / "docs" / "sandboxes.md").read_text(encoding="utf-8")
    _, faults, variants = page.partition("## Zendesk")[2].partition("\n## ")[0].split("| --- | --- |\n")
    for table, known in ((faults, FAULTS), (variants, VARIANTS)):
        cells = [line.split("|")[1] for line in table.split("\n\n")[0].splitlines()]
        assert {name for cell in cells for name in re.findall(r"`([\w-]+)`", cell)} == set(known)


def test_the_sandbox_knows_nothing_of_hoists_client() -> None:
    """The sandbox shares no code with the client that it is there to judge."""
    folder = PROJECT / "connectors" / "zendesk"
    files = [*(folder / "site").glob("*.py"), folder / "sandbox.py", folder / "record.py"]
    imported = {name for file in files for name in _imports(ast.parse(file.read_text(encoding="utf-8")))}
    own = {name for name in imported if name.split(".")[0] in {"agent", "connectors", "rules"}}
    known = ("connectors.zendesk.site", "connectors.sandboxes", "connectors.zendesk.record")
    assert len(files) > 20
    assert {name for name in own if not name.startswith(known)} == {"rules.instants"}


def _imports(tree: ast.Module) -> set[str]:
    found = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return found | {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
