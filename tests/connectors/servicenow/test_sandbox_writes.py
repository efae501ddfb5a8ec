"""What a save does in the sandbox: rules before and after it, policies that refuse it, audit and journal, and silent drops."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.servicenow.sandbox import Abort, Mandatory, Policies, ServiceNowSandbox, Terms
from rules.instants import HOUR, MINUTE, SECOND
from tests.connectors.sandbox_desk import HANDED, START, TAKEN, Clock, desk
from tests.connectors.servicenow.sandbox_caller import Caller

CLOSING = {"state": "6", "close_code": "Solution provided", "close_notes": "Reset."}


def caller(person: str = "", faults: dict[str, float] | None = None, **policies: Any) -> Caller:
    terms = Terms(policies=Policies(**policies))
    clock = Clock()
    sandbox = ServiceNowSandbox(clock=clock, history=desk(TAKEN, HANDED), terms=terms, faults=faults or {})
    return Caller(sandbox, person)


def pass_(call: Caller, milliseconds: int) -> None:
    """Let time go by."""
    clock: Any = call.sandbox._site._clock
    clock.pass_(milliseconds)


def audit(call: Caller, sys_id: str) -> list[tuple[str, str, str, str]]:
    """Field, old and new value and user of each change, in order."""
    rows = call.rows("sys_audit", f"documentkey={sys_id}^ORDERBYsys_created_on^ORDERBYfieldname")
    return [(row["fieldname"], row["oldvalue"], row["newvalue"], row["user"]) for row in rows]


# --- stamps and history ----------------------------------------------------------------------------------------------


def test_a_save_stamps_counts_and_audits() -> None:
    """A change raises the count by one, stamps to the second, and leaves one audit row for each field."""
    call = caller()
    two, group = call.sandbox.issue_id("T2"), call.sandbox.group_id("Network Operations")
    former = call.sandbox.group_id("Service Desk")
    pass_(call, 1_700)
    found = call.patch(two, assignment_group=group, urgency="1")
    assert (found["sys_mod_count"], found["sys_updated_on"], found["sys_updated_by"]) == (
        "1",
        "2026-11-23 08:00:01",
        "hoist.integration",
    )
    assert audit(call, two) == [
        ("assignment_group", former, group, "hoist.integration"),
        ("priority", "3", "2", "hoist.integration"),
        ("reassignment_count", "0", "1", "hoist.integration"),
        ("urgency", "2", "1", "hoist.integration"),
    ]
    assert {row["record_checkpoint"] for row in call.rows("sys_audit", f"documentkey={two}")} == {"1"}


def test_a_save_that_changes_nothing_leaves_no_trace() -> None:
    """The same values again neither count nor stamp nor audit."""
    call = caller()
    two = call.sandbox.issue_id("T2")
    before = call.incident(two)
    assert call.patch(two, urgency="2") == before
    assert call.patch(two) == before
    assert audit(call, two) == []


def test_a_new_record_has_number_defaults_and_no_audit_rows() -> None:
    """An insert answers 201 with its address; its fields leave no audit rows, its comment a journal entry."""
    call = caller("anna")
    made = call("POST", "table/incident", {"short_description": "New", "comments": "Please help."})["result"]
    assert call.last.status == 201
    assert call.last.headers["Location"].endswith(f"/api/now/table/incident/{made['sys_id']}")
    assert (made["number"], made["state"], made["priority"], made["active"]) == ("INC0010004", "1", "5", "true")
    assert (made["opened_by"]["value"], made["sys_created_by"], made["comments"]) == (call.sandbox.user_id("anna"), "anna", "")
    service = Caller(call.sandbox)
    assert audit(service, made["sys_id"]) == []
    (entry,) = service.rows("sys_journal_field", f"element_id={made['sys_id']}")
    assert (entry["element"], entry["name"], entry["value"], entry["sys_created_by"]) == (
        "comments",
        "incident",
        "Please help.",
        "anna",
    )


def test_journals_only_grow() -> None:
    """A work note is appended, twice if sent twice, is empty on the record, and stamps it."""
    call = caller()
    two = call.sandbox.issue_id("T2")
    for count in ("1", "2"):
        assert call.patch(two, work_notes="The same note.")["sys_mod_count"] == count
    notes = call.rows("sys_journal_field", f"element_id={two}^element=work_notes^valueLIKEsame note")
    assert [each["value"] for each in notes] == ["The same note."] * 2
    assert call.incident(two)["work_notes"] == ""
    text = call.incident(two, sysparm_display_value="true")["comments_and_work_notes"]
    assert text.count("(Work notes)\nThe same note.") == 2
    assert audit(call, two) == [("work_notes", "JOURNAL FIELD ADDITION", "The same note.", "hoist.integration")] * 2


def test_a_rule_may_save_once_more() -> None:
    """Where a business rule updates the record again in the same save, the count rises by two."""
    call = caller(faults={"rule-saves-again": 1})
    assert call.patch(call.sandbox.issue_id("T2"), urgency="1")["sys_mod_count"] == "2"


def test_a_silent_change_leaves_no_stamp() -> None:
    """autoSysFields(false) changes a field under the same stamp and count; the audit has it, on most instances."""
    for variants, rows in (((), 1), (("silent-updates-unaudited",), 0)):
        call = caller(variants=variants)
        two = call.sandbox.issue_id("T2")
        before = call.incident(two)
        pass_(call, HOUR)
        call.sandbox.silently(two, assignment_group=call.sandbox.group_id("Network Operations"))
        after = call.incident(two)
        assert before["assignment_group"] != after["assignment_group"]
        assert {name for name in before if before[name] != after[name]} == {"assignment_group"}
        assert len(audit(call, two)) == rows


def test_a_deletion_is_remembered() -> None:
    """A deleted incident is gone, and sys_audit_delete names it."""
    call = caller()
    two = call.sandbox.issue_id("T2")
    call("DELETE", f"table/incident/{two}")
    assert (call.last.status, call.last.body) == (204, b"")
    assert call.refusal("GET", f"table/incident/{two}")[0] == 404
    (row,) = call.rows("sys_audit_delete", f"documentkey={two}")
    assert (row["tablename"], row["display_value"], row["user"]) == ("incident", "INC0010002", "hoist.integration")
    assert call.rows("task_sla", f"task={two}") == []


# --- base rules ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("impact", "urgency", "priority"),
    [("1", "1", "1"), ("1", "2", "2"), ("1", "3", "3"), ("2", "1", "2"), ("2", "3", "4"), ("3", "2", "4"), ("3", "3", "5")],
)
def test_priority_is_looked_up(impact: str, urgency: str, priority: str) -> None:
    """Impact and urgency give the priority, by the instance's own table."""
    call = caller()
    assert call.patch(call.sandbox.issue_id("T2"), impact=impact, urgency=urgency)["priority"] == priority


def test_a_priority_alone_does_not_hold() -> None:
    """A priority that is written alone is computed anew, except on instances where it holds."""
    call = caller()
    assert call.patch(call.sandbox.issue_id("T2"), priority="1")["priority"] == "3"
    other = caller(variants=("priority-write-holds",))
    assert other.patch(other.sandbox.issue_id("T2"), priority="1")["priority"] == "1"


def test_the_lookup_is_the_organisations_own() -> None:
    """A changed row of dl_u_priority changes what is looked up from then on."""
    call = caller()
    admin = Caller(call.sandbox, "admin")
    (row,) = admin.rows("dl_u_priority", "impact=1^urgency=3")
    admin("PATCH", f"table/dl_u_priority/{row['sys_id']}", {"priority": "1"})
    assert call.patch(call.sandbox.issue_id("T2"), impact="1", urgency="3")["priority"] == "1"


def test_states_bring_their_fields() -> None:
    """On hold has a reason, resolved a time, reopened a count; incident_state follows, and what a state leaves is emptied."""
    call = caller()
    two = call.sandbox.issue_id("T2")
    held = call.patch(two, state="3", hold_reason="4")
    assert (held["state"], held["incident_state"], held["hold_reason"]) == ("3", "3", "4")
    solved = call.patch(two, **CLOSING)
    assert (solved["hold_reason"], solved["resolved_at"], solved["active"]) == ("", "2026-11-23 08:00:00", "true")
    opened = call.patch(two, state="2")
    assert (opened["reopen_count"], opened["resolved_at"], opened["close_code"]) == ("1", "", "")
    closed = call.patch(two, state="7", close_code="User error", close_notes="-")
    assert (closed["active"], closed["closed_at"]) == ("false", "2026-11-23 08:00:00")
    assert call.patch(two, incident_state="2")["state"] == "7"
    other = caller(variants=("incident-state-drives",))
    assert other.patch(other.sandbox.issue_id("T2"), incident_state="2")["state"] == "2"


def test_the_callers_answer_takes_a_ticket_off_hold() -> None:
    """Awaiting caller ends with the caller's comment, not with an agent's."""
    call = caller()
    two = call.sandbox.issue_id("T2")
    call.patch(two, state="3", hold_reason="1", comments="Which building?")
    assert call.patch(two, comments="Still waiting.")["state"] == "3"
    answered = Caller(call.sandbox, "chloe").patch(two, comments="The north one.")
    assert answered["state"] == "2"
    assert call.incident(two)["hold_reason"] == ""


def test_a_new_group_loses_the_assignee() -> None:
    """Whoever is not in the new group is taken off; handing on counts, taking does not, unless the instance counts people."""
    call = caller()
    one, anna = call.sandbox.issue_id("T1"), call.sandbox.user_id("anna")
    desk_group, femke = call.sandbox.group_id("Service Desk"), call.sandbox.user_id("femke")
    taken = call.patch(one, assignment_group=desk_group, assigned_to=anna)
    assert (taken["assigned_to"]["value"], taken["reassignment_count"]) == (anna, "2")
    handed = call.patch(one, assignment_group=call.sandbox.group_id("Network Operations"))
    assert (handed["assigned_to"], handed["reassignment_count"]) == ("", "3")
    kept = caller(variants=("group-change-keeps-assignee", "person-changes-count-as-reassignment"))
    kept.patch(one, assignment_group=desk_group, assigned_to=anna)
    moved = kept.patch(one, assignment_group=kept.sandbox.group_id("Network Operations"))
    assert moved["assigned_to"]["value"] == anna
    assert kept.patch(one, assigned_to=femke)["reassignment_count"] == "4"


@pytest.mark.parametrize(("variant", "outcome"), [((), ""), (("assigned-outside-kept",), "femke")])
def test_an_assignee_from_another_group(variant: tuple[str, ...], outcome: str) -> None:
    """A person who is not in the group is dropped, or kept where the instance allows it."""
    call = caller(variants=variant)
    found = call.patch(call.sandbox.issue_id("T2"), assigned_to=call.sandbox.user_id("femke"))["assigned_to"]
    assert found == "" if not outcome else found["value"] == call.sandbox.user_id(outcome)


def test_an_assignee_from_another_group_may_abort_the_save() -> None:
    """On other instances a rule refuses the save, by its name."""
    call = caller(variants=("assigned-outside-rejected",))
    two = call.sandbox.issue_id("T2")
    status, detail = call.refusal("PATCH", f"table/incident/{two}", {"assigned_to": call.sandbox.user_id("femke")})
    assert status == 403
    assert detail.startswith("Operation against file 'incident' was aborted by Business Rule 'Assigned to is a member")


def test_a_parents_state_flows_down() -> None:
    """Children follow a parent into In Progress and On Hold, except while it awaits its caller."""
    call = caller()
    parent, child = call.sandbox.issue_id("T2"), call.sandbox.issue_id("T3")
    call.patch(child, parent_incident=parent)
    call.patch(parent, state="3", hold_reason="1")
    assert call.incident(child)["state"] == "1"
    call.patch(parent, hold_reason="4", state="2")
    assert call.incident(child)["state"] == "2"
    call.patch(parent, state="3", hold_reason="4")
    assert (call.incident(child)["state"], call.incident(child)["hold_reason"]) == ("3", "4")
    assert call.incident(child)["sys_updated_by"] == "hoist.integration"


# --- refused and dropped ---------------------------------------------------------------------------------------------


def test_mandatory_fields_are_asked_for() -> None:
    """Closing without code and notes is refused by a data policy that names both; nothing has changed then."""
    call = caller()
    two = call.sandbox.issue_id("T2")
    assert call.refusal("PATCH", f"table/incident/{two}", {"state": "6", "work_notes": "Done."}) == (
        403,
        "Data Policy Exception: The following fields are mandatory: Resolution code, Close notes",
    )
    assert call.incident(two)["sys_mod_count"] == "0"
    assert call.rows("sys_journal_field", f"element_id={two}") == []
    own = caller(mandatory=[Mandatory("incident", ("comments",), "state=3^hold_reason=1")])
    held = {"state": "3", "hold_reason": "1"}
    assert own.refusal("PATCH", f"table/incident/{two}", held)[0] == 403
    assert own.patch(two, **held, comments="Which one?")["state"] == "3"


def test_a_rule_aborts_with_its_name() -> None:
    """A business rule refuses what fulfils its condition, and says which rule it was."""
    call = caller(aborts=[Abort("incident", "No P1 without approval", "priority=1")])
    two = call.sandbox.issue_id("T2")
    status, detail = call.refusal("PATCH", f"table/incident/{two}", {"impact": "1", "urgency": "1"})
    assert status == 403
    assert "aborted by Business Rule 'No P1 without approval^" in detail
    assert detail.endswith("Business Rule Stack:No P1 without approval")
    assert call.incident(two)["impact"] == "2"


def test_much_is_dropped_without_a_word() -> None:
    """Unknown fields, choices that do not exist, system fields and empty choices: 200, and nothing of it holds."""
    call = caller()
    two = call.sandbox.issue_id("T2")
    given = {"colour": "red", "impact": "9", "urgency": "", "sys_created_by": "me", "number": "X1", "due_date": "soon"}
    assert call.patch(two, **given)["sys_mod_count"] == "0"
    long = call.patch(two, short_description="x" * 200)
    assert len(long["short_description"]) == 160
    assert call.patch(two, description=None, short_description="")["short_description"] == ""
    lenient = caller(variants=("unknown-choices-kept",))
    assert lenient.patch(two, impact="9")["impact"] == "9"


def test_a_field_without_write_access() -> None:
    """It is dropped with 200, or refused where the instance says so; without write access to the table all is refused."""
    call = caller(withheld=["write incident.assignment_group"])
    two, group = call.sandbox.issue_id("T2"), call.sandbox.group_id("Network Operations")
    found = call.patch(two, assignment_group=group, urgency="1")
    assert (found["assignment_group"]["value"] == group, found["urgency"]) == (False, "1")
    strict = caller(withheld=["write incident.assignment_group"], variants=("denied-writes-refused",))
    assert strict.refusal("PATCH", f"table/incident/{two}", {"assignment_group": group})[0] == 403
    closed = caller(withheld=["write incident"])
    assert closed.refusal("PATCH", f"table/incident/{two}", {"urgency": "1"}) == (
        403,
        "ACL Exception Update Failed due to security constraints",
    )
    assert closed.refusal("POST", "table/incident", {})[0] == 403
    assert caller(withheld=["delete incident"]).refusal("DELETE", f"table/incident/{two}")[0] == 403


def test_display_values_are_taken_on_request() -> None:
    """sysparm_input_display_value resolves names, labels and local times."""
    call = caller()
    two = call.sandbox.issue_id("T2")
    given = {"assignment_group": "Network Operations", "impact": "1 - High", "due_date": "2026-11-24 10:00:00"}
    found = call("PATCH", f"table/incident/{two}", given, sysparm_input_display_value="true")["result"]
    assert found["assignment_group"]["value"] == call.sandbox.group_id("Network Operations")
    assert (found["impact"], found["due_date"]) == ("1", "2026-11-24 09:00:00")


def test_put_changes_what_it_names() -> None:
    """PUT is as good as PATCH, unless the instance takes it for the whole record."""
    call = caller()
    two = call.sandbox.issue_id("T2")
    found = call("PUT", f"table/incident/{two}", {"urgency": "1"})["result"]
    assert found["short_description"] == "VPN drops 2"
    other = caller(variants=("put-replaces",))
    assert other("PUT", f"table/incident/{two}", {"urgency": "1"})["result"]["short_description"] == ""


def test_numbers_and_truth_values_come_in_any_form() -> None:
    """JSON numbers and booleans are taken; what comes back is text."""
    call = caller()
    found = call.patch(call.sandbox.issue_id("T2"), urgency=1, knowledge=True)
    assert (found["urgency"], found["knowledge"]) == ("1", "true")


def test_other_task_tables_work_alike() -> None:
    """A problem and a change have their own numbers, first states and history."""
    call = caller()
    for table, number, state in (("problem", "PRB0010001", "101"), ("change_request", "CHG0010001", "-5")):
        made = call("POST", f"table/{table}", {"short_description": "x"})["result"]
        assert (made["number"], made["state"], made["sys_class_name"]) == (number, state, table)
        call("PATCH", f"table/{table}/{made['sys_id']}", {"short_description": "y"})
        assert audit(call, made["sys_id"]) == [("short_description", "x", "y", "hoist.integration")]
    assert len(call.rows("task")) == 5


# --- commits ---------------------------------------------------------------------------------------------------------


def test_a_late_commit_appears_with_its_old_stamp() -> None:
    """What somebody else saves is seen seconds after its stamp, in lists, single reads, audit and journal alike."""
    call = caller()
    anna = Caller(call.sandbox, "anna")
    two = call.sandbox.issue_id("T2")
    call.sandbox.lag(30 * SECOND)
    assert anna.patch(two, urgency="1", work_notes="Looking.")["priority"] == "2"
    made = anna("POST", "table/incident", {"short_description": "New"})["result"]["sys_id"]
    for wait, seen in ((0, False), (29 * SECOND, False), (SECOND, True)):
        pass_(call, wait)
        assert (call.incident(two)["urgency"] == "1") is seen
        assert (len(call.rows("incident", "sys_updated_on=2026-11-23 08:00:00")) == 2) is seen
        assert bool(audit(call, two)) is seen
        assert bool(call.rows("sys_journal_field", f"element_id={two}")) is seen
        assert (len(call.rows("incident")) == 4) is seen
        assert call("GET", f"table/incident/{made}").get("result") is not None or not seen
    assert call.incident(two)["sys_updated_on"] == "2026-11-23 08:00:00"


def test_two_late_commits_of_one_record_appear_one_after_the_other() -> None:
    """Between two commits the record is as the first left it."""
    call = caller()
    anna, two = Caller(call.sandbox, "anna"), call.sandbox.issue_id("T2")
    call.sandbox.lag(10 * SECOND)
    anna.patch(two, urgency="1")
    pass_(call, 5 * SECOND)
    anna.patch(two, urgency="3")
    for wait, urgency in ((0, "2"), (5 * SECOND, "1"), (5 * SECOND, "3")):
        pass_(call, wait)
        assert call.incident(two)["urgency"] == urgency
        assert [row["urgency"] for row in call.rows("incident", f"sys_id={two}")] == [urgency]


def test_the_service_accounts_own_save_waits_for_nobody() -> None:
    """What the account under test saves is committed when it is answered, with what lay before it."""
    call = caller()
    anna, two = Caller(call.sandbox, "anna"), call.sandbox.issue_id("T2")
    call.sandbox.lag(MINUTE)
    anna.patch(two, impact="1")
    found = call.patch(two, urgency="1")
    assert (found["impact"], found["priority"]) == ("1", "1")
    assert {(field, user) for field, _, _, user in audit(call, two)} >= {("impact", "anna"), ("urgency", "hoist.integration")}
    assert call.incident(two)["priority"] == "1"


def test_many_rows_of_one_second_have_one_stamp() -> None:
    """A mass update stamps all its rows alike, whatever the milliseconds."""
    call = caller()
    for name in ("T1", "T2", "T3"):
        pass_(call, 200)
        call.patch(call.sandbox.issue_id(name), urgency="3")
    assert {row["sys_updated_on"] for row in call.rows("incident")} == {"2026-11-23 08:00:00"}


def test_a_clone_has_equal_ids_and_another_name() -> None:
    """A copied instance has the same sys_ids, lives on by itself, and is known by its name alone."""
    call = caller()
    twin = Caller(call.sandbox.clone("hoisttest"))
    two = call.sandbox.issue_id("T2")
    assert twin.incident(two)["number"] == "INC0010002"
    twin.patch(two, urgency="1")
    assert call.incident(two)["urgency"] == "2"
    names = [each.rows("sys_properties", "name=instance_name")[0]["value"] for each in (call, twin)]
    assert names == ["hoistsandbox", "hoisttest"]
    assert START == call.sandbox._site.catch_up() == twin.sandbox._site.catch_up()
