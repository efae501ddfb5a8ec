"""What the sandbox makes of updates: guards, groups and their members, statuses, tags, closed tickets, jobs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.zendesk.sandbox import Terms, ZendeskSandbox
from rules.instants import DAY, HOUR, SECOND
from tests.connectors.sandbox_desk import HANDED, START, TAKEN, Clock, desk
from tests.connectors.zendesk.sandbox_caller import Caller, changes


@pytest.fixture
def clock() -> Clock:
    return Clock(START + SECOND)


@pytest.fixture
def call(clock: Clock) -> Caller:
    return caller(clock)


def caller(clock: Clock, *variants: str) -> Caller:
    sandbox = ZendeskSandbox(clock=clock, history=desk(TAKEN, HANDED), terms=Terms(variants=frozenset(variants)))
    return Caller(sandbox)


def details(call: Caller) -> dict[str, Any]:
    """What the last refusal says of each field."""
    found: dict[str, Any] = json.loads(call.last.body)
    assert (call.last.status, found["error"]) == (422, "RecordInvalid")
    return {name: each[0]["description"] for name, each in found["details"].items()}


def test_one_update_is_one_audit(call: Caller) -> None:
    """Fields, tags, comment and metadata of one PUT stand in one audit, which is in the answer."""
    network = call.sandbox.group_id("Network Operations")
    asked = {"group_id": network, "assignee_id": None, "priority": "urgent", "additional_tags": ["hoist"]}
    said = {"body": "Lifted.", "public": False}
    answer = call.put(2, **asked, comment=said, metadata={"hoist": {"operation": "m1"}})
    audit = answer["audit"]
    assert audit == call.audits(2)[-1]
    assert changes(audit) == {
        "group_id": (str(call.sandbox.group_id("Service Desk")), str(network)),
        "priority": ("normal", "urgent"),
        "tags": (["line_l1"], ["line_l1", "hoist"]),
    }
    assert audit["metadata"]["custom"] == {"hoist": {"operation": "m1"}}
    assert audit["author_id"] == call.sandbox.user_id()
    (comment,) = [event for event in audit["events"] if event["type"] == "Comment"]
    assert (comment["body"], comment["public"]) == ("Lifted.", False)
    assert answer["ticket"]["group_id"] == network


def test_a_comment_is_public_unless_it_is_said(call: Caller) -> None:
    """The default of a comment is that the requester reads it."""
    call.put(2, comment={"body": "Oops"})
    call.put(2, comment={"body": "Between us", "public": False})
    told = [(each["body"], each["public"]) for each in call("GET", "tickets/2/comments")["comments"]]
    assert told[1:] == [("Oops", True), ("Between us", False)]


def test_a_safe_update_of_an_older_ticket_is_refused(call: Caller, clock: Clock) -> None:
    """Who believes the ticket to be older than it is gets 409, and nothing changes."""
    read = call.ticket(2)["updated_at"]
    call.put(2, priority="high")
    clock.pass_(5 * SECOND)
    answer = call.put(2, priority="urgent", safe_update=True, updated_stamp=read)
    assert (call.last.status, answer["error"]) == (409, "UpdateConflict")
    assert call.ticket(2)["priority"] == "high"
    call.put(2, priority="urgent", safe_update=True, updated_stamp=call.ticket(2)["updated_at"])
    assert call.last.status == 200


def test_the_guard_of_a_safe_update_sees_whole_seconds(call: Caller, clock: Clock) -> None:
    """Two updates of the same second both pass: the guard is no lock."""
    call.put(2, priority="high")
    read = call.ticket(2)["updated_at"]
    clock.pass_(300)
    call.put(2, subject="Changed by a person")
    call.put(2, priority="urgent", safe_update=True, updated_stamp=read)
    assert call.last.status == 200


def test_an_assignee_must_be_a_member_of_the_group(call: Caller) -> None:
    """Group and assignee that do not fit are refused; so is somebody who left, and a customer."""
    network, anna = call.sandbox.group_id("Network Operations"), call.sandbox.user_id("anna")
    call.put(2, group_id=network, assignee_id=anna)
    assert details(call) == {"assignee": "Assignee: is not a member of the group"}
    for nobody in ("gone", "chloe"):
        call.put(2, assignee_id=call.sandbox.user_id(nobody))
        assert "assignee" in details(call)
    call.put(2, group_id=99)
    assert details(call) == {"group": "Group: is invalid"}


def test_a_group_alone_empties_a_foreign_assignee(clock: Clock) -> None:
    """Whose assignee is no member of the new group has none; or the update is refused, as a variant."""
    for variants, owner in (((), None), (("foreign-assignee-refused",), "anna")):
        call = caller(clock, *variants)
        anna = call.sandbox.user_id("anna")
        call.put(2, assignee_id=anna)
        call.put(2, group_id=call.sandbox.group_id("Network Operations"))
        assert call.ticket(2)["assignee_id"] == (anna if owner else None)


def test_an_assignee_alone_brings_the_default_group(call: Caller) -> None:
    """Somebody of another group takes the ticket along."""
    call.put(1, assignee_id=call.sandbox.user_id("anna"))
    assert call.ticket(1)["group_id"] == call.sandbox.group_id("Service Desk")


def test_a_lone_agent_of_a_group_may_get_its_tickets(clock: Clock) -> None:
    """An old rule of the platform, as a variant."""
    taken = TAKEN._replace(author="femke", fields={**TAKEN.fields, "team": "Network Operations", "assignee": "femke"})
    sandbox = ZendeskSandbox(clock=clock, history=desk(taken), terms=Terms(variants=frozenset({"lone-agent-assigned"})))
    call = Caller(sandbox)
    call.put(2, group_id=sandbox.group_id("Network Operations"))
    assert call.ticket(2)["assignee_id"] == sandbox.user_id("femke")


def test_what_is_assigned_is_open_and_never_new_again(call: Caller) -> None:
    """Assigning opens a new ticket; nobody can make it new."""
    call.put(2, assignee_id=call.sandbox.user_id("anna"))
    assert call.ticket(2)["status"] == "open"
    call.put(2, status="new")
    assert "status" in details(call)


def test_a_status_loses_the_finer_one(call: Caller) -> None:
    """status picks the default of its category, custom_status_id keeps what it names."""
    labels = {each["agent_label"]: each["id"] for each in call("GET", "custom_statuses")["custom_statuses"]}
    call.put(1, custom_status_id=labels["Waiting for customer"])
    assert call.ticket(1)["status"] == "pending"
    call.put(1, status="open")
    assert call.ticket(1)["custom_status_id"] == labels["In Progress"]
    call.put(1, custom_status_id=17)
    assert call.last.status == 422


def test_solving_needs_an_assignee(call: Caller) -> None:
    """Nobody's ticket can't be solved, whichever word says so."""
    labels = {each["agent_label"]: each["id"] for each in call("GET", "custom_statuses")["custom_statuses"]}
    for asked in ({"status": "solved"}, {"custom_status_id": labels["Resolved"]}):
        call.put(2, **asked)
        assert details(call) == {"assignee": "Assignee: is required when solving a ticket"}
    call.put(2, status="solved", assignee_id=call.sandbox.user_id("anna"))
    assert call.last.status == 200


def test_solving_may_need_a_field(clock: Clock) -> None:
    """A field that is required when solving is named in the refusal, and shown as required."""
    call = caller(clock, "service-required")
    (field,) = [each for each in call("GET", "ticket_fields")["ticket_fields"] if each["required"]]
    anna = call.sandbox.user_id("anna")
    call.put(2, custom_fields=[{"id": field["id"], "value": None}], assignee_id=anna)
    call.put(2, status="solved")
    assert details(call) == {"base": "Affected service: is required when solving a ticket"}
    call.put(2, status="solved", custom_fields=[{"id": field["id"], "value": "VPN"}])
    assert call.last.status == 200


def test_who_solves_a_problem_solves_its_incidents(call: Caller) -> None:
    """Each incident is solved in an audit of its own, by the same person."""
    call.put(2, type="problem", assignee_id=call.sandbox.user_id("anna"))
    call.put(3, problem_id=2)
    call.put(2, status="solved")
    assert call.ticket(3)["status"] == "solved"
    assert changes(call.audits(3)[-1])["status"] == ("new", "solved")


def test_a_requesters_comment_reopens(call: Caller) -> None:
    """Whoever reported a ticket opens it again by writing, whatever it waited for."""
    call.put(2, status="solved", assignee_id=call.sandbox.user_id("anna"))
    call.sandbox.says("chloe", 2, "Still broken")
    assert call.ticket(2)["status"] == "open"
    assert call("GET", "tickets/2/metrics")["ticket_metric"]["reopens"] == 1


def test_a_priority_is_one_of_four_and_never_none_again(call: Caller) -> None:
    """Other words and null are refused."""
    for word in ("P1", None, ""):
        call.put(2, priority=word)
        assert "priority" in details(call)


def test_tags_are_replaced_added_and_removed(call: Caller) -> None:
    """tags replaces all, additional_tags and remove_tags leave the rest; the tags' own address has verbs for each."""
    call.put(2, tags=["a", "b"])
    assert call.ticket(2)["tags"] == ["a", "b"]
    call.put(2, additional_tags=["C d"], remove_tags=["a"])
    assert call.ticket(2)["tags"] == ["b", "c_d"]
    assert call("PUT", "tickets/2/tags", {"tags": ["e"]})["tags"] == ["b", "c_d", "e"]
    assert call("DELETE", "tickets/2/tags", {"tags": ["b"]})["tags"] == ["c_d", "e"]
    assert call("POST", "tickets/2/tags", {"tags": ["f"]})["tags"] == ["f"]
    assert call.last.status == 201
    stale = {"tags": ["g"], "safe_update": "true", "updated_stamp": "2026-01-01T00:00:00Z"}
    assert call("PUT", "tickets/2/tags", stale)["error"] == "UpdateConflict"
    assert len(call.audits(2)) == 6


def test_additional_tags_may_be_ignored(clock: Clock) -> None:
    """A single update may know tags alone; a header says what was dropped."""
    call = caller(clock, "additional-tags-ignored")
    call.put(2, additional_tags=["hoist"])
    assert "additional_tags" in call.last.headers["x-zendesk-api-warn"]
    assert call.ticket(2)["tags"] == ["line_l1"]


def test_a_drop_downs_choice_is_a_tag(call: Caller) -> None:
    """Who changes the field changes the tag, and the other way round."""
    (field,) = [each for each in call("GET", "ticket_fields")["ticket_fields"] if each["type"] == "tagger"]
    call.put(2, custom_fields=[{"id": field["id"], "value": "line_l2"}])
    assert call.ticket(2)["tags"] == ["line_l2"]
    call.put(2, additional_tags=["line_l1"])
    shown = call.ticket(2)
    assert (shown["tags"], shown["custom_fields"][0]["value"]) == (["line_l1"], "line_l1")
    call.put(2, custom_fields=[{"id": field["id"], "value": "line_l9"}])
    assert call.last.status == 422


def test_unknown_keys_are_dropped_with_a_warning(call: Caller) -> None:
    """A misspelt key changes nothing, and a header tells."""
    call.put(2, priorty="high")
    assert call.last.status == 200
    assert "priorty" in call.last.headers["x-zendesk-api-warn"]
    assert len(call.audits(2)) == 1


def test_a_closed_ticket_is_locked_but_for_admins(clock: Clock) -> None:
    """An admin changes tags, subject and priority of a closed ticket; or nothing, as a variant. Nobody comments."""
    for variants, changed in (((), True), (("closed-locked",), False)):
        call = caller(clock, *variants)
        call.put(2, status="closed")
        call.put(2, priority="high")
        assert (call.last.status == 200) == changed
        for asked in ({"group_id": call.sandbox.group_id("Network Operations")}, {"comment": {"body": "x", "public": False}}):
            call.put(2, **asked)
            assert details(call) == {"status": "Status: closed prevents ticket update"}
        call.person = "anna"
        call.put(2, priority="urgent")
        assert call.last.status == 422


def test_a_closed_ticket_goes_on_in_a_follow_up(call: Caller) -> None:
    """Only a closed ticket has one; each names the other."""
    body = {"ticket": {"subject": "Again", "comment": {"body": "x"}, "via_followup_source_id": 2}}
    call("POST", "tickets", body)
    assert "via_followup_source_id" in details(call)
    call.put(2, status="closed")
    made = call("POST", "tickets", body)["ticket"]
    assert (made["via"]["source"]["rel"], made["via"]["source"]["from"]["ticket_id"]) == ("follow_up", 2)
    assert call.ticket(2)["followup_ids"] == [made["id"]]
    assert call("GET", f"tickets/{made['id']}/related")["ticket_related"]["followup_source_ids"] == [2]


def test_merged_tickets_are_closed_with_a_comment_and_a_tag(call: Caller) -> None:
    """The other ticket ends in this one."""
    job = call("POST", "tickets/2/merge", {"ids": [3], "source_comment": "See the other one."})["job_status"]
    for _ in range(3):
        shown = call("GET", f"job_statuses/{job['id']}")["job_status"]
    assert shown["status"] == "completed"
    source = call.ticket(3)
    assert source["status"] == "closed"
    assert "closed_by_merge" in source["tags"]
    assert call("GET", "tickets/3/comments")["comments"][-1]["body"] == "See the other one."


def test_spam_is_deleted(call: Caller) -> None:
    """What is marked as spam is gone."""
    call("PUT", "tickets/3/mark_as_spam")
    assert call("GET", "tickets/3")["error"] == "RecordNotFound"


# --- many at once ------------------------------------------------------------------------------------------------------


def test_a_job_is_queued_works_and_completes_with_failed_rows(call: Caller) -> None:
    """It says completed although rows failed; each row has to be read."""
    body = {"ticket": {"additional_tags": ["swept"]}}
    job = call("PUT", "tickets/update_many?ids=1,99,2", body)["job_status"]
    seen = [job["status"]]
    assert (job["total"], job["results"], job["progress"]) == (3, None, None)
    for _ in range(3):
        job = call("GET", f"job_statuses/{job['id']}")["job_status"]
        seen.append(job["status"])
    assert seen == ["queued", "queued", "working", "completed"]
    rows = {row["id"]: row for row in job["results"]}
    assert rows[99] == {"id": 99, "action": "update", "success": False, "error": "TicketNotFound", "details": "Ticket not found"}
    assert rows[1] == {"id": 1, "action": "update", "status": "Updated", "success": True}
    assert "swept" in call.ticket(2)["tags"]


def test_a_job_goes_on_by_itself(call: Caller, clock: Clock) -> None:
    """Nobody has to ask; two seconds later it is done. A day later it is forgotten."""
    job = call("PUT", "tickets/update_many", {"tickets": [{"id": 2, "priority": "high"}]})["job_status"]
    assert call.ticket(2)["priority"] == "normal"
    clock.pass_(3 * SECOND)
    assert call.ticket(2)["priority"] == "high"
    clock.pass_(DAY)
    call("GET", f"job_statuses/{job['id']}")
    assert call.last.status == 404


def test_a_batch_has_a_hundred_tickets_at_most(call: Caller) -> None:
    """One more is refused as a whole."""
    answer = call("PUT", "tickets/update_many", {"tickets": [{"id": n} for n in range(101)]})
    assert (call.last.status, answer["error"], answer["max_count"]) == (400, "TooManyValues", 100)


def test_an_account_has_thirty_jobs_at_once(call: Caller, clock: Clock) -> None:
    """The next one is refused until some are done."""
    for _ in range(30):
        call("PUT", "tickets/update_many?ids=1", {"ticket": {"subject": "x"}})
    answer = call("PUT", "tickets/update_many?ids=1", {"ticket": {"subject": "x"}})
    assert (call.last.status, answer["error"]) == (429, "TooManyJobs")
    clock.pass_(3 * SECOND)
    call("PUT", "tickets/update_many?ids=1", {"ticket": {"subject": "x"}})
    assert call.last.status == 200


def test_many_are_deleted_as_a_job(call: Caller, clock: Clock) -> None:
    """Each id has its row."""
    job = call("DELETE", "tickets/destroy_many?ids=2,3")["job_status"]
    clock.pass_(3 * SECOND)
    done = call("GET", f"job_statuses/{job['id']}")["job_status"]
    assert {row["id"] for row in done["results"]} == {2, 3}
    assert [each["id"] for each in call("GET", "tickets")["tickets"]] == [1]


# --- creations ---------------------------------------------------------------------------------------------------------


def test_a_creation_is_repeated_by_its_key(clock: Clock) -> None:
    """The same key and body get the same ticket, another body is refused, and after two hours the key is forgotten."""
    call = caller(clock)
    word = f"Bearer {call.sandbox.granted()[0]}"
    keyed = Caller(call.sandbox, headers={"Authorization": word, "Idempotency-Key": "k1"})
    body = {"ticket": {"subject": "New", "comment": {"body": "Text"}}}
    first = keyed("POST", "tickets", body)
    assert (keyed.last.status, keyed.last.headers["x-idempotency-lookup"]) == (201, "miss")
    again = keyed("POST", "tickets", body)
    assert (again["ticket"]["id"], keyed.last.headers["x-idempotency-lookup"]) == (first["ticket"]["id"], "hit")
    assert keyed("POST", "tickets", {"ticket": {"comment": {"body": "Other"}}})["error"] == "IdempotentRequestError"
    clock.pass_(2 * HOUR)
    keyed.headers = {"Authorization": f"Bearer {call.sandbox.granted()[0]}", "Idempotency-Key": "k1"}
    assert keyed("POST", "tickets", body)["ticket"]["id"] == first["ticket"]["id"] + 1


def test_a_ticket_needs_a_description(call: Caller) -> None:
    """Nothing is made of nothing."""
    call("POST", "tickets", {"ticket": {"subject": "New"}})
    assert call.last.status == 422


def test_bodies_that_are_no_json_are_refused(call: Caller) -> None:
    """A body needs its content type, and a ticket inside."""
    call("PUT", "tickets/2", {})
    assert call.last.status == 400
    known = call.sandbox.granted()[0]
    form = Caller(call.sandbox, headers={"Authorization": f"Bearer {known}", "Content-Type": "text/plain"})
    form("PUT", "tickets/2", {"ticket": {}})
    assert form.last.status == 415


# --- people ------------------------------------------------------------------------------------------------------------


def test_a_requester_who_is_not_known_becomes_a_user(call: Caller) -> None:
    """A ticket may bring its requester; the same address is the same user."""
    body = {"ticket": {"subject": "New", "comment": {"body": "x"}, "requester": {"name": "Zoe", "email": "zoe@example.com"}}}
    first, second = (call("POST", "tickets", body)["ticket"] for _ in range(2))
    assert first["requester_id"] == second["requester_id"]
    assert call("GET", f"users/{first['requester_id']}")["user"]["name"] == "Zoe"
    mine = call("GET", f"users/{first['requester_id']}/tickets/requested")["tickets"]
    assert [each["id"] for each in mine] == [4, 5]


def test_an_agent_comes_and_goes(call: Caller, clock: Clock) -> None:
    """A new agent can be assigned in the groups that he joins; where he leaves one, its tickets are nobody's."""
    user = call("POST", "users", {"user": {"name": "New One", "email": "new@example.com", "role": "agent"}})["user"]
    assert call("POST", "users", {"user": {"name": "Again", "email": "new@example.com"}})["error"] == "RecordInvalid"
    network = call.sandbox.group_id("Network Operations")
    call.put(1, assignee_id=user["id"], group_id=network)
    assert call.last.status == 422
    asked = {"group_membership": {"user_id": user["id"], "group_id": network}}
    membership = call("POST", "group_memberships", asked)["group_membership"]
    assert call("POST", "group_memberships", asked)["error"] == "RecordInvalid"
    call.put(1, assignee_id=user["id"], group_id=network)
    assert call.ticket(1)["assignee_id"] == user["id"]
    call("DELETE", f"group_memberships/{membership['id']}")
    assert call.ticket(1)["assignee_id"] is None
    clock.pass_(120 * SECOND)
    told = call("GET", "incremental/users/cursor", start_time=clock.at // 1000 - 300)["users"]
    assert [each["id"] for each in told] == [user["id"]]
    call("DELETE", f"users/{user['id']}")
    call.put(2, assignee_id=user["id"])
    assert call.last.status == 422


def test_a_new_group_takes_tickets(call: Caller) -> None:
    """A group that is made is there at once; a ticket can stand in it without an assignee."""
    group = call("POST", "groups", {"group": {"name": "Night Shift"}})["group"]
    call.put(2, group_id=group["id"])
    assert call.ticket(2)["group_id"] == group["id"]
    call.person = "anna"
    call("POST", "groups", {"group": {"name": "Mine"}})
    assert call.last.status == 403


def test_many_are_made_as_a_job(call: Caller, clock: Clock) -> None:
    """Each row tells its id, or what was wrong."""
    body = {"tickets": [{"subject": "One", "comment": {"body": "x"}}, {"subject": "Nothing said"}]}
    job = call("POST", "tickets/create_many", body)["job_status"]
    clock.pass_(3 * SECOND)
    good, bad = call("GET", f"job_statuses/{job['id']}")["job_status"]["results"]
    assert (good["id"], bad["error"]) == (4, "RecordInvalid")
