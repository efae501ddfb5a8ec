"""What the sandbox lets a client read: the exports above all, and what a ticket has about it."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.sandboxes.made_up import made_up
from connectors.zendesk.sandbox import Terms, ZendeskSandbox
from rules.instants import DAY, HOUR, MINUTE, SECOND
from tests.connectors.sandbox_desk import CHASED, HANDED, START, TAKEN, Clock, desk
from tests.connectors.zendesk.sandbox_caller import Caller, changes


def caller(*variants: str, clock: Clock | None = None, **faults: float) -> Caller:
    given = {name.replace("_", "-"): rate for name, rate in faults.items()}
    terms = Terms(variants=frozenset(variants))
    return Caller(ZendeskSandbox(clock=clock or Clock(), history=desk(TAKEN, HANDED, CHASED), faults=given, terms=terms))


def numbers(rows: list[dict[str, Any]]) -> list[Any]:
    return [row["id"] for row in rows]


def test_an_export_pages_by_cursor_to_the_end_and_goes_on_from_there() -> None:
    """Every ticket comes once, and the last cursor tells later what has changed since."""
    clock = Clock()
    call = Caller(ZendeskSandbox(clock=clock, history=made_up(60, 3, START, DAY)))
    page, seen, stamps = call("GET", "incremental/tickets/cursor", start_time=0, per_page=25), [], []
    while True:
        seen += numbers(page["tickets"])
        stamps += [row["generated_timestamp"] for row in page["tickets"]]
        if page["end_of_stream"]:
            break
        assert f"cursor={page['after_cursor'].replace('=', '%3D')}" in page["after_url"]
        assert "per_page=25" in page["after_url"]
        page = call("GET", "incremental/tickets/cursor", cursor=page["after_cursor"], per_page=25)
    assert sorted(seen) == list(range(1, 61))
    assert stamps == sorted(stamps)
    chosen = next(row["id"] for row in call.export() if row["status"] != "closed")
    call.put(chosen, comment={"body": "x", "public": False})
    clock.pass_(2 * MINUTE)
    page = call("GET", "incremental/tickets/cursor", cursor=page["after_cursor"])
    assert chosen in numbers(page["tickets"])
    assert page["after_cursor"]


def test_what_changed_in_the_last_minute_is_left_out() -> None:
    """An export is never fresher than a minute; the whole ticket waits, not its latest change alone."""
    clock = Clock()
    call = caller(clock=clock)
    cursor = call("GET", "incremental/tickets/cursor", start_time=0)["after_cursor"]
    call.put(2, priority="high")
    clock.pass_(9 * SECOND)
    assert numbers(call.export()) == [3, 1]
    clock.pass_(50 * SECOND)
    assert call("GET", "incremental/tickets/cursor", cursor=cursor)["tickets"] == []
    clock.pass_(SECOND)
    assert numbers(call("GET", "incremental/tickets/cursor", cursor=cursor)["tickets"]) == [2]


def test_the_platforms_own_changes_come_without_a_new_updated_at() -> None:
    """A row may come back with the stamp it had, under a later place in the stream."""
    clock = Clock()
    call = caller(clock=clock)
    (before,) = [row for row in call.export() if row["id"] == 2]
    clock.pass_(HOUR)
    call.sandbox.by_the_platform(2)
    clock.pass_(2 * MINUTE)
    after = call.export()[-1]
    assert (after["id"], after["updated_at"]) == (2, before["updated_at"])
    assert after["generated_timestamp"] > before["generated_timestamp"]


def test_deleted_tickets_stay_in_the_export_and_are_scrubbed_later() -> None:
    """A deletion is a row of its own kind; a month later nothing of the content is left."""
    clock = Clock()
    call = caller(clock=clock)
    call("DELETE", "tickets/3")
    assert call("GET", "tickets/3") == {"error": "RecordNotFound", "description": "Not found"}
    clock.pass_(2 * MINUTE)
    row = next(each for each in call.export() if each["id"] == 3)
    assert (row["status"], row["subject"]) == ("deleted", "VPN drops 3")
    assert 3 not in numbers(call.export(exclude_deleted="true"))
    clock.pass_(31 * DAY)
    call.headers = {"Authorization": f"Bearer {call.sandbox.granted()[0]}"}
    clock.pass_(2 * MINUTE)
    assert call.export()[-1]["subject"] == "SCRUBBED"
    assert call("GET", "deleted_tickets")["deleted_tickets"] == []


def test_a_deleted_ticket_can_be_restored() -> None:
    """What is restored is there as before."""
    call = caller()
    call("DELETE", "tickets/3")
    (gone,) = call("GET", "deleted_tickets")["deleted_tickets"]
    assert (gone["id"], gone["actor"]["name"]) == (3, "hoist integration")
    call("PUT", "deleted_tickets/3/restore")
    assert call.ticket(3)["status"] == "new"


def test_sideloads_stand_beside_the_tickets_and_inside_them() -> None:
    """Users, groups and organizations come once; metrics, targets, dates and counts come with each ticket."""
    call = caller()
    wanted = "users,groups,organizations,metric_sets,slas,dates,comment_count"
    page = call("GET", "incremental/tickets/cursor", start_time=0, include=wanted)
    names = {user["name"] for user in page["users"]}
    assert {"Chloe Maes"} <= names
    assert {group["name"] for group in page["groups"]} == {"Service Desk", "Network Operations"}
    assert len(page["organizations"]) == 1
    (row,) = [each for each in page["tickets"] if each["id"] == 1]
    assert row["metric_set"]["group_stations"] == 2
    assert row["comment_count"] == 2
    assert row["dates"]["initially_assigned_at"] == "2026-11-23T07:30:00Z"
    assert {each["metric"] for each in row["slas"]["policy_metrics"]} == {"first_reply_time", "requester_wait_time"}


def test_an_export_refuses_audits_and_starts_too_near_to_now() -> None:
    """last_audits can't be included, start_time lies a minute back at least, and is a number."""
    call = caller()
    call("GET", "incremental/tickets/cursor", start_time=0, include="last_audits")
    assert call.last.status == 400
    call("GET", "incremental/tickets/cursor", start_time=START // SECOND - 30)
    assert call.last.status == 422
    call("GET", "incremental/tickets/cursor", start_time="soon")
    assert call.last.status == 400
    call("GET", "incremental/tickets/cursor")
    assert call.last.status == 400


def test_exports_are_for_admins() -> None:
    """An agent is refused, with an error that is a word or an object."""
    for variants in ((), ("error-objects",)):
        call = caller(*variants)
        call.person = "anna"
        answer = call("GET", "incremental/tickets/cursor", start_time=0)
        assert call.last.status == 403
        assert isinstance(answer["error"], dict) == bool(variants)


def test_an_empty_page_has_the_same_cursor_or_none() -> None:
    """Which of both is not documented, so that either is there to try."""
    for variant, expected in (("", True), ("null-cursor", False)):
        call = caller(*filter(None, [variant]))
        cursor = call("GET", "incremental/tickets/cursor", start_time=0)["after_cursor"]
        page = call("GET", "incremental/tickets/cursor", cursor=cursor)
        assert page["tickets"] == []
        assert page["end_of_stream"]
        assert (page["after_cursor"] == cursor) == expected


def test_a_row_may_be_told_twice() -> None:
    """The last row of a page comes again on the next one."""
    call = caller(repeated_row=1)
    first = call("GET", "incremental/tickets/cursor", start_time=0, per_page=2)
    second = call("GET", "incremental/tickets/cursor", cursor=first["after_cursor"], per_page=2)
    assert first["tickets"][-1]["id"] == second["tickets"][0]["id"]


def test_time_based_pages_break_on_whole_seconds() -> None:
    """The boundary second comes whole, and again on the next page."""
    call = caller()
    first = call("GET", "incremental/tickets", start_time=0, per_page=1)
    assert (first["count"], first["end_of_stream"]) == (1, False)
    second = call("GET", f"incremental/tickets?start_time={first['end_time']}&per_page=2")
    assert first["tickets"][0]["id"] in numbers(second["tickets"])


def test_events_tell_every_audit_with_former_values() -> None:
    """The stream of events has the new value under the field's own name, and comments only where they are asked for."""
    call = caller()
    found = call("GET", "incremental/ticket_events", start_time=0, include="comment_events")
    handed = [row for row in found["ticket_events"] if row["ticket_id"] == 1][-1]
    assert handed["updater_id"] == call.sandbox.user_id("anna")
    told = {name: child for child in handed["child_events"] for name in child}
    assert told["group_id"]["group_id"] == str(call.sandbox.group_id("Network Operations"))
    assert told["group_id"]["previous_value"] == str(call.sandbox.group_id("Service Desk"))
    assert told["assignee_id"]["assignee_id"] is None
    assert told["added_tags"]["added_tags"] == ["line_l2"]
    assert (told["body"]["body"], told["body"]["comment_public"]) == ("Needs a specialist.", False)
    bare = call("GET", "incremental/ticket_events", start_time=0)["ticket_events"]
    assert not any("body" in child for row in bare for child in row["child_events"])
    assert found["count"] == len(found["ticket_events"])


def test_audits_tell_who_changed_what() -> None:
    """A ticket's audits rebuild its history: creation, taken, handed on with an internal comment."""
    call = caller()
    made, taken, handed = call.audits(1)
    assert {event["type"] for event in made["events"]} == {"Create", "Comment"}
    anna = call.sandbox.user_id("anna")
    assert (taken["author_id"], taken["created_at"]) == (anna, "2026-11-23T07:30:00Z")
    assert changes(taken)["assignee_id"] == (None, str(anna))
    assert changes(taken)["status"] == ("new", "open")
    assert changes(handed)["assignee_id"] == (str(anna), None)
    (said,) = [event for event in handed["events"] if event["type"] == "Comment"]
    assert (said["body"], said["public"], said["author_id"]) == ("Needs a specialist.", False, anna)


def test_an_agents_public_answer_is_mailed() -> None:
    """The audit has the notification of the trigger that every account has."""
    call = caller()
    audit = call.put(2, comment={"body": "Hello", "public": True})["audit"]
    (mail,) = [event for event in audit["events"] if event["type"] == "Notification"]
    assert mail["recipients"] == [call.sandbox.user_id("chloe")]
    assert mail["via"]["source"]["rel"] == "trigger"
    assert mail["via"]["channel"] == "rule"


def test_lists_page_by_cursor_and_by_number() -> None:
    """page[size] asks for cursors; without it a list silently pages by number."""
    call = Caller(ZendeskSandbox(clock=Clock(), history=made_up(60, 3, START, DAY)))
    page, seen = call("GET", "tickets?page[size]=25"), []
    while True:
        seen += numbers(page["tickets"])
        if not page["meta"]["has_more"]:
            break
        assert "page%5Bafter%5D=" in page["links"]["next"]
        page = call("GET", f"tickets?page%5Bsize%5D=25&page%5Bafter%5D={page['meta']['after_cursor']}")
    assert seen == list(range(1, 61))
    page = call("GET", "tickets", per_page=50, page=2)
    assert (numbers(page["tickets"]), page["count"], page["next_page"]) == (list(range(51, 61)), 60, None)
    call("GET", "tickets", per_page=100, page=101)
    assert call.last.status == 400
    call("GET", "tickets?page[size]=101")
    assert call.last.status == 400


def test_addresses_may_end_in_json() -> None:
    """Both forms are the same call, also below a ticket."""
    call = caller()
    for path in ("tickets/1", "tickets/1/audits", "incremental/tickets/cursor?start_time=0", "users/me"):
        bare, _, asked = path.partition("?")
        assert call("GET", path) == call("GET", f"{bare}.json?{asked}")
        assert call.last.status == 200


def test_links_lead_back_to_the_address_that_was_called() -> None:
    """A client that follows links stays at the sandbox."""
    sandbox = ZendeskSandbox(clock=Clock(), history=desk())
    with sandbox.serve() as server:
        call = Caller(sandbox)
        assert call("GET", "incremental/tickets/cursor", start_time=0)["after_url"].startswith(f"{server.url}/api/v2/")
        assert call.ticket(1)["url"].startswith(server.url)


def test_statuses_have_categories() -> None:
    """Each word of the history is a custom status of a category; one of each category is its default."""
    call = caller()
    found = call("GET", "custom_statuses")["custom_statuses"]
    by_label = {each["agent_label"]: each["status_category"] for each in found}
    assert by_label["In Progress"] == "open"
    assert by_label["Waiting for customer"] == "pending"
    defaults = [each["status_category"] for each in found if each["default"]]
    assert sorted(defaults) == sorted(["new", "open", "pending", "hold", "solved"])
    waiting = call("GET", "custom_statuses", status_categories="pending")["custom_statuses"]
    assert [each["agent_label"] for each in waiting] == ["Waiting for customer"]


def test_groups_have_members_and_agents_a_default_group() -> None:
    """Who owned a ticket of a group belongs to it; people who left can't be assigned."""
    call = caller()
    desk_group = call.sandbox.group_id("Service Desk")
    members = call("GET", f"groups/{desk_group}/memberships/assignable")["group_memberships"]
    assert call.sandbox.user_id("anna") in {each["user_id"] for each in members}
    assert call.sandbox.user_id("gone") not in {each["user_id"] for each in members}
    gone = call("GET", f"users/{call.sandbox.user_id('gone')}")["user"]
    assert (gone["active"], gone["role"]) == (False, "agent")
    roles = {user["role"] for user in call("GET", "users?role[]=agent&role[]=admin")["users"]}
    assert roles <= {"agent", "admin"}


def test_targets_count_down_stand_still_and_are_met() -> None:
    """A target is active until its breach, paused while the requester is asked, and none without a priority."""
    clock = Clock()
    call = caller(clock=clock)

    def target(id_: int, metric: str) -> dict[str, object]:
        rows = call.ticket(id_, include="slas")["slas"]["policy_metrics"]
        return next(dict(row) for row in rows if row["metric"] == metric)

    assert target(3, "first_reply_time") == {
        "metric": "first_reply_time", "stage": "active", "breach_at": "2026-11-23T15:00:00Z", "hours": 7,
    }  # fmt: skip
    call.put(3, priority="high")
    assert target(3, "first_reply_time")["breach_at"] == "2026-11-23T09:00:00Z"
    clock.pass_(2 * HOUR)
    assert target(3, "first_reply_time")["hours"] == -1
    call.put(3, comment={"body": "On it", "public": True})
    assert target(3, "first_reply_time")["stage"] == "achieved"
    call.put(3, assignee_id=call.sandbox.user_id("anna"), status="pending")
    assert target(3, "requester_wait_time")["breach_at"] is None
    assert target(3, "requester_wait_time")["stage"] == "paused"


def test_metric_events_tell_activation_and_breach() -> None:
    """The stream of metric events has the life of each target."""
    clock = Clock()
    call = caller(clock=clock)
    clock.pass_(DAY)
    found = call("GET", "incremental/ticket_metric_events", start_time=0)
    kinds = [(each["metric"], each["type"]) for each in found["ticket_metric_events"] if each["ticket_id"] == 3]
    assert ("reply_time", "activate") in kinds
    assert ("reply_time", "breach") in kinds
    applied = next(each for each in found["ticket_metric_events"] if each["type"] == "apply_sla")
    assert applied["sla"]["target"] == 480


def test_search_finds_by_words_and_terms() -> None:
    """Search knows type, status, priority, group, tags, dates and plain words, and ends at a thousand rows."""
    call = caller()
    call.put(2, priority="urgent", additional_tags=["vip"])

    def found(query: str) -> list[Any]:
        return sorted(numbers(call("GET", "search", query=query)["results"]), key=str)

    assert found("type:ticket status<solved") == [1, 2, 3]
    assert found('type:ticket group:"Network Operations"') == [1]
    assert found("type:ticket priority>normal") == [2]
    assert found("type:ticket tags:vip") == [2]
    assert found("type:ticket -tags:vip") == [1, 3]
    assert found("type:ticket assignee:none drops") == [1, 2, 3]
    assert found("type:ticket created>2026-11-23T06:30:00Z") == [3]
    call("GET", "search", query="type:ticket", page=11)
    assert call.last.status == 422


def test_the_cursor_of_a_search_export_dies() -> None:
    """After an hour it has to be asked anew."""
    clock = Clock()
    call = caller(clock=clock)
    page = call("GET", "search/export?filter[type]=ticket&query=status<solved&page[size]=2")
    assert page["meta"]["has_more"]
    clock.pass_(HOUR + MINUTE)
    call("GET", f"search/export?filter[type]=ticket&query=&page[size]=2&page[after]={page['meta']['after_cursor']}")
    assert call.last.status == 400


@pytest.fixture
def old() -> tuple[Clock, Caller]:
    clock = Clock()
    call = caller(clock=clock)
    call.put(2, status="closed")
    clock.pass_(121 * DAY)
    call.headers = {"Authorization": f"Bearer {call.sandbox.granted()[0]}"}  # the API token has been idle for too long
    return clock, call


def test_old_closed_tickets_are_archived(old: tuple[Clock, Caller]) -> None:
    """An archived ticket can be read, is in the export, and is in no list; its audits come in one page."""
    _, call = old
    assert 2 not in numbers(call("GET", "tickets")["tickets"])
    assert call.ticket(2)["status"] == "closed"
    assert 2 in numbers(call.export())
    assert call("GET", "tickets/2/related")["ticket_related"]["from_archive"]
    assert "meta" not in call("GET", "tickets/2/audits?page[size]=1")
    call.put(2, priority="high")
    assert call.last.status == 422


def test_problems_know_their_incidents() -> None:
    """An incident names its problem, and the problem its incidents."""
    call = caller()
    call.put(2, type="problem")
    call.put(3, type="incident", problem_id=2)
    assert numbers(call("GET", "tickets/2/incidents")["tickets"]) == [3]
    assert (call.ticket(2)["has_incidents"], call.ticket(3)["problem_id"]) == (True, 2)
    call.put(1, problem_id=3)
    assert call.last.status == 422


def test_suspended_mails_are_no_tickets_until_somebody_recovers_them() -> None:
    """A suspended mail is in a list of its own."""
    call = caller()
    id_ = call.sandbox.suspend("chloe", "Win a prize", "Click here")
    assert [each["subject"] for each in call("GET", "suspended_tickets")["suspended_tickets"]] == ["Win a prize"]
    call("GET", f"tickets/{id_}")
    assert call.last.status == 404
    assert call("PUT", f"suspended_tickets/{id_}/recover")["ticket"]["id"] == 4
    assert call("GET", "suspended_tickets")["suspended_tickets"] == []
