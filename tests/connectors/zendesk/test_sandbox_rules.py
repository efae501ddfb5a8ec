"""The account's own triggers and automations, which touch a ticket after people and hoist did."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.zendesk.sandbox import ZendeskSandbox
from rules.instants import HOUR, MINUTE
from tests.connectors.sandbox_desk import HANDED, START, TAKEN, Clock, desk
from tests.connectors.zendesk.sandbox_caller import Caller, changes


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def call(clock: Clock) -> Caller:
    return Caller(ZendeskSandbox(clock=clock, history=desk(TAKEN, HANDED)))


def condition(field: str, operator: str, value: object = "") -> dict[str, object]:
    return {"field": field, "operator": operator, "value": str(value)}


def rule(call: Caller, kind: str, *conditions: dict[str, object], **sets: object) -> dict[str, Any]:
    """A new trigger or automation under all of these conditions."""
    actions = [{"field": field, "value": value} for field, value in sets.items()]
    body = {"title": f"Sets {' and '.join(sets)}", "conditions": {"all": list(conditions)}, "actions": actions}
    found: dict[str, Any] = call("POST", f"{kind}s", {kind: body})[kind]
    assert call.last.status == 201
    return found


def test_a_trigger_acts_within_the_update_that_meets_it(call: Caller) -> None:
    """Its changes stand in the same audit, and say which trigger made them."""
    made = rule(call, "trigger", condition("priority", "value", "urgent"), group_id=call.sandbox.group_id("Network Operations"))
    audit = call.put(2, priority="urgent")["audit"]
    by_field = {event["field_name"]: event for event in audit["events"] if event["type"] == "Change"}
    assert "via" not in by_field["priority"]
    assert by_field["group_id"]["via"]["source"]["rel"] == "trigger"
    assert by_field["group_id"]["via"]["source"]["from"]["id"] == made["id"]
    assert call.ticket(2)["group_id"] == call.sandbox.group_id("Network Operations")


def test_a_trigger_may_revert_an_update_without_a_trace(call: Caller) -> None:
    """What is set and set back in one update differs in nothing: the audit does not show it, the answer shows the old value."""
    rule(call, "trigger", condition("priority", "changed"), condition("current_user_id", "is", call.sandbox.user_id()),
         priority="normal")  # fmt: skip
    answer = call.put(2, priority="urgent", comment={"body": "Lifted.", "public": False})
    assert answer["ticket"]["priority"] == "normal"
    assert changes(answer["audit"]) == {}
    assert call.ticket(2)["priority"] == "normal"


def test_triggers_run_in_order_and_start_each_other(call: Caller) -> None:
    """What a later one changes makes an earlier one look again; each acts once in an update."""
    rule(call, "trigger", condition("current_tags", "includes", "second"), current_tags="third")
    rule(call, "trigger", condition("current_tags", "includes", "first"), current_tags="second")
    call.put(2, additional_tags=["first"])
    assert call.ticket(2)["tags"] == ["line_l1", "first", "second", "third"]


def test_two_triggers_that_fight_end_after_one_round(call: Caller) -> None:
    """Nothing goes on for ever within one update."""
    rule(call, "trigger", condition("priority", "is", "high"), priority="low")
    rule(call, "trigger", condition("priority", "is", "low"), priority="high")
    call.put(2, priority="high")
    assert call.ticket(2)["priority"] == "high"


def test_triggers_act_on_what_people_do_and_on_new_tickets(call: Caller, clock: Clock) -> None:
    """Updates of the history and creations meet them as well."""
    rule(call, "trigger", condition("update_type", "is", "Create"), set_tags="fresh")
    rule(call, "trigger", condition("comment_is_public", "is", "true"), priority="high")
    made = call("POST", "tickets", {"ticket": {"subject": "New", "comment": {"body": "x", "public": False}}})["ticket"]
    assert made["tags"] == ["fresh"]
    clock.pass_(MINUTE)
    call.sandbox.says("chloe", 2, "Any news?")
    assert (call.ticket(2)["priority"], call.ticket(2)["tags"]) == ("high", ["line_l1"])


def test_closed_tickets_meet_no_trigger(call: Caller) -> None:
    """What is closed is left alone."""
    call.put(2, status="closed")
    rule(call, "trigger", condition("priority", "changed"), current_tags="seen")
    call.put(2, priority="high")
    assert "seen" not in call.ticket(2)["tags"]


def test_automations_run_once_an_hour(call: Caller, clock: Clock) -> None:
    """An automation acts at the full hour, as the platform's own user."""
    rule(call, "automation", condition("NEW", "greater_than", 3), condition("priority", "is_not", "urgent"), priority="urgent")
    clock.at = START + 59 * MINUTE
    assert call.ticket(3)["priority"] == "normal"
    clock.at = START + 4 * HOUR
    assert call.ticket(3)["priority"] == "urgent"
    audit = call.audits(3)[-1]
    assert (audit["author_id"], audit["created_at"]) == (-1, "2026-11-23T11:00:00Z")
    assert audit["via"]["source"]["rel"] == "automation"
    assert call.ticket(1)["priority"] == "normal"


def test_rules_are_listed_changed_and_removed(call: Caller) -> None:
    """An inventory shows what is active; what is switched off acts no more."""
    made = rule(call, "trigger", condition("priority", "changed"), current_tags="seen")
    assert [each["id"] for each in call("GET", "triggers/active")["triggers"]] == [made["id"]]
    call("PUT", f"triggers/{made['id']}", {"trigger": {"active": False}})
    assert call("GET", "triggers/active")["triggers"] == []
    call.put(2, priority="high")
    assert "seen" not in call.ticket(2)["tags"]
    call("DELETE", f"triggers/{made['id']}")
    call("GET", f"triggers/{made['id']}")
    assert call.last.status == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {
            "title": "",
            "conditions": {"all": [condition("priority", "changed")]},
            "actions": [{"field": "status", "value": "open"}],
        },
        {"title": "x", "conditions": {"all": []}, "actions": [{"field": "status", "value": "open"}]},
        {"title": "x", "conditions": {"all": [condition("weather", "is")]}, "actions": [{"field": "status", "value": "open"}]},
        {"title": "x", "conditions": {"all": [condition("status", "like")]}, "actions": [{"field": "status", "value": "open"}]},
        {"title": "x", "conditions": {"all": [condition("priority", "changed")]}, "actions": [{"field": "dance", "value": ""}]},
    ],
)
def test_rules_that_make_no_sense_are_refused(call: Caller, wrong: dict[str, object]) -> None:
    """A rule needs a title, known conditions and known actions."""
    call("POST", "triggers", {"trigger": wrong})
    assert call.last.status == 422


def test_only_admins_make_rules(call: Caller) -> None:
    """An agent is refused."""
    call.person = "anna"
    call("POST", "triggers", {"trigger": {}})
    assert call.last.status == 403
