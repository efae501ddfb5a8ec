"""How the sandbox shows records: three modes of values, a session's zone, pages, and what access rules leave of it all."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from connectors.servicenow.sandbox import Policies, ServiceNowSandbox, Terms
from tests.connectors.sandbox_desk import CHASED, HANDED, TAKEN, Clock, desk
from tests.connectors.servicenow.sandbox_caller import Caller


def caller(person: str = "", terms: Terms | None = None, version: str = "", **policies: Any) -> Caller:
    terms = terms or Terms(policies=Policies(**policies))
    return Caller(ServiceNowSandbox(clock=Clock(), history=desk(TAKEN, HANDED, CHASED), terms=terms), person, version)


def shown(call: Caller, fields: str, **query: object) -> dict[str, Any]:
    """The first incident."""
    return call.incident(call.sandbox.issue_id("T1"), sysparm_fields=fields, **query)


# --- values ----------------------------------------------------------------------------------------------------------


def test_database_values_are_strings_and_references_carry_links() -> None:
    """Without a mode, choices are codes, date-times UTC, empty references empty text, others a value with a link."""
    call = caller()
    group = call.sandbox.group_id("Network Operations")
    assert shown(call, "state,sys_created_on,active,reassignment_count,assigned_to,assignment_group,work_notes") == {
        "state": "2",
        "sys_created_on": "2026-11-23 05:00:00",
        "active": "true",
        "reassignment_count": "1",
        "assigned_to": "",
        "assignment_group": {"link": f"{call.sandbox.url}/api/now/table/sys_user_group/{group}", "value": group},
        "work_notes": "",
    }


def test_display_values_are_labels_in_the_sessions_zone() -> None:
    """Display values are labels, names and local times; journals are one text, newest first, as a form shows it."""
    call = caller()
    found = shown(call, "state,sys_created_on,assignment_group,work_notes,assigned_to", sysparm_display_value="true")
    assert found["assignment_group"].keys() == {"display_value", "link"}
    assert found["assignment_group"]["display_value"] == "Network Operations"
    del found["assignment_group"]
    assert found == {
        "state": "In Progress",
        "sys_created_on": "2026-11-23 06:00:00",
        "work_notes": "2026-11-23 08:40:00 - Anna Visser (Work notes)\nNeeds a specialist.\n\n",
        "assigned_to": "",
    }


def test_all_gives_both_of_every_field() -> None:
    """In mode all each field has value and display value, references a link as well unless links are left out."""
    call = caller()
    found = shown(call, "priority,assignment_group,caller_id.email,assigned_to", sysparm_display_value="all")
    group = call.sandbox.group_id("Network Operations")
    link = f"{call.sandbox.url}/api/now/table/sys_user_group/{group}"
    assert found == {
        "priority": {"display_value": "3 - Moderate", "value": "3"},
        "assignment_group": {"display_value": "Network Operations", "link": link, "value": group},
        "caller_id.email": {"display_value": "chloe@example.com", "value": "chloe@example.com"},
        "assigned_to": {"display_value": "", "value": ""},
    }
    bare = shown(call, "assignment_group", sysparm_display_value="all", sysparm_exclude_reference_link="True")
    assert bare == {"assignment_group": {"display_value": "Network Operations", "value": group}}


def test_a_reference_to_nothing_has_no_display_value() -> None:
    """Where the record that a reference names is gone, its display value is null in all, and empty alone."""
    call = caller()
    group = call.sandbox.group_id("Network Operations")
    Caller(call.sandbox, "admin")("DELETE", f"table/sys_user_group/{group}")
    found = shown(call, "assignment_group", sysparm_display_value="all")["assignment_group"]
    assert (found["value"], found["display_value"]) == (group, None)
    assert shown(call, "assignment_group", sysparm_display_value="true")["assignment_group"]["display_value"] == ""


def test_references_without_links_are_bare() -> None:
    """sysparm_exclude_reference_link makes references plain text, ids or names."""
    call = caller()
    assert shown(call, "assignment_group", sysparm_exclude_reference_link="true") == {
        "assignment_group": call.sandbox.group_id("Network Operations")
    }
    named = shown(call, "assignment_group", sysparm_exclude_reference_link="true", sysparm_display_value="true")
    assert named == {"assignment_group": "Network Operations"}


def test_the_session_decides_zone_and_format() -> None:
    """The same instant looks different to a service account of another zone and format; the database value stays."""
    call = caller(terms=Terms(session_zone="America/New_York", date_form="dd.MM.yyyy hh:mm:ss a"))
    found = shown(call, "sys_created_on", sysparm_display_value="all")
    assert found["sys_created_on"] == {"display_value": "23.11.2026 12:00:00 AM", "value": "2026-11-23 05:00:00"}


def test_unknown_fields_vanish_and_none_means_all() -> None:
    """A misspelt field is not answered and not complained about; without a list every column comes."""
    call = caller()
    assert shown(call, "number,numbr,assignment_group.nmae").keys() == {"number"}
    assert len(call.incident(call.sandbox.issue_id("T1"))) > 80


def test_a_base_table_shows_records_of_all_that_extend_it() -> None:
    """Querying task finds incidents, with the columns of a task alone."""
    call = caller()
    (row,) = call.rows("task", "number=INC0010001")
    assert row["sys_class_name"] == "incident"
    assert "hold_reason" not in row


# --- pages -----------------------------------------------------------------------------------------------------------


def links(call: Caller) -> dict[str, int]:
    """The offsets of a Link header by what they lead to."""
    found = {}
    for each in call.last.headers["Link"].split(","):
        address, _, rel = each.partition(";rel=")
        found[rel.strip('"')] = int(parse_qs(address.strip("<>").partition("?")[2])["sysparm_offset"][0])
    return found


def test_headers_lead_through_the_pages() -> None:
    """Count and links of a page: first, previous, next, last, as offsets."""
    call = caller()
    assert len(call.rows("incident", sysparm_limit=1)) == 1
    assert call.last.headers["X-Total-Count"] == "3"
    assert links(call) == {"first": 0, "next": 1, "last": 2}
    call.rows("incident", sysparm_limit=1, sysparm_offset=1)
    assert links(call) == {"first": 0, "prev": 0, "next": 2, "last": 2}
    call.rows("incident", sysparm_limit=1, sysparm_offset=2, sysparm_no_count="true")
    assert "X-Total-Count" not in call.last.headers
    assert links(call) == {"first": 0, "prev": 1}
    call.rows("incident", sysparm_limit=1, sysparm_suppress_pagination_header="true")
    assert "Link" not in call.last.headers


def test_pages_as_other_instances_have_them() -> None:
    """Links of another host, a negative offset, and no next page without a count."""
    call = caller(variants=("links-to-another-host", "negative-previous", "no-next-without-count"))
    call.rows("incident", sysparm_limit=1)
    assert call.last.headers["Link"].startswith("<https://elsewhere.service-now.com/api/now/table/incident?")
    assert links(call)["prev"] == -1
    call.rows("incident", sysparm_limit=1, sysparm_no_count="true")
    assert links(call) == {"first": 0, "prev": -1}


def test_rows_are_cut_off_before_access_is_looked_at() -> None:
    """Hidden rows leave short and empty pages that are not the end; the count does not know of them."""
    call = caller(hidden={"incident": "numberININC0010001,INC0010002"})
    assert call.rows("incident", "ORDERBYnumber", sysparm_limit=2) == []
    assert call.last.headers["X-Total-Count"] == "3"
    assert links(call)["next"] == 2
    assert [row["number"] for row in call.rows("incident", "ORDERBYnumber", sysparm_limit=2, sysparm_offset=2)] == ["INC0010003"]
    hidden = call.sandbox.issue_id("T1")
    assert call.refusal("GET", f"table/incident/{hidden}") == (
        404,
        "Record doesn't exist or ACL restricts the record retrieval",
    )
    assert call.refusal("PATCH", f"table/incident/{hidden}", {"urgency": "1"})[0] == 404
    assert len(Caller(call.sandbox, "anna").rows("incident")) == 3


def test_the_first_version_answers_an_empty_search_with_404() -> None:
    """v1 says that there is no record, v2 and no version give an empty list."""
    call = caller(version="v1/")
    assert call("GET", "table/incident", sysparm_query="number=none")["error"]["message"] == "No Record found"
    assert call.last.status == 404
    for version in ("", "v2/"):
        call.version = version
        assert call.rows("incident", "number=none") == []
    group = call.rows("incident", sysparm_fields="assignment_group")[0]["assignment_group"]
    assert "/api/now/v2/table/sys_user_group/" in group["link"]


# --- access ----------------------------------------------------------------------------------------------------------


def test_a_rule_before_the_query_leaves_no_trace() -> None:
    """Rows that a before-query rule takes away are not counted, and single reads answer 404."""
    call = caller(query_rules={"incident": "state=2"})
    assert call.numbers("ORDERBYnumber^NQstate=1") == ["01"]
    assert call.last.headers["X-Total-Count"] == "1"
    assert call.refusal("GET", f"table/incident/{call.sandbox.issue_id('T2')}")[0] == 404


def test_a_field_that_may_not_be_read_vanishes() -> None:
    """A field without read access is missing from the answer, in lists and single reads."""
    call = caller(withheld=["read incident.priority"])
    assert shown(call, "number,priority").keys() == {"number"}
    assert "priority" not in call.incident(call.sandbox.issue_id("T1"))


def test_a_table_that_may_not_be_read_is_refused() -> None:
    """403 for a table without read access, an empty list on instances that keep quiet, 403 for REST switched off."""
    call = caller(withheld=["read sys_audit"])
    assert call.refusal("GET", "table/sys_audit") == (403, "Failed API level ACL Validation")
    quiet = caller(withheld=["read sys_audit"], variants=("denied-tables-look-empty",))
    assert quiet.rows("sys_audit") == []
    assert caller(withheld=["rest"]).refusal("GET", "table/incident")[0] == 403


def test_a_table_can_be_closed_to_web_services() -> None:
    """Where the table's own flag is off, nobody reaches it, whatever their roles."""
    call = caller()
    admin = Caller(call.sandbox, "admin")
    (row,) = admin.rows("sys_db_object", "name=problem")
    assert call.rows("problem") == []
    call.sandbox._site.silent("sys_db_object", row["sys_id"], {"ws_access": "false"})
    assert call.refusal("GET", "table/problem")[0] == admin.refusal("GET", "table/problem")[0] == 403


def test_roles_decide_who_reads_what() -> None:
    """An agent does not read the audit, a requester sees own tickets alone and no work notes."""
    agent, requester = caller("anna"), caller("chloe")
    assert agent.refusal("GET", "table/sys_audit")[0] == 403
    assert len(requester.rows("incident")) == 3
    mine = requester.incident(requester.sandbox.issue_id("T1"), sysparm_display_value="true")
    assert "work_notes" not in mine
    stranger = Caller(requester.sandbox, "SYSTEM")
    stranger("POST", "table/incident", {"short_description": "Not hers"})
    assert len(requester.rows("incident")) == 3
    assert len(stranger.rows("incident")) == 4


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "table/incidents", 400, "Invalid table incidents"),
        ("GET", "table", 400, "Requested URI does not represent any resource"),
        ("GET", "/api/x_app/v1/nothing", 400, "Requested URI does not represent any resource"),
        ("POST", "batch", 400, "Requested URI does not represent any resource"),
        ("GET", "table/incident/0123456789abcdef0123456789abcdef", 404, "No Record found"),
        ("PATCH", "table/incident", 405, "Method not supported"),
        ("POST", "table/sys_audit", 403, "Operation Failed"),
    ],
)
def test_refuses_in_the_platforms_words(method: str, path: str, status: int, message: str) -> None:
    """Each refusal has the platform's shape: message, detail, status failure."""
    call = caller()
    answer = call(method, path, {})
    assert (call.last.status, answer["error"]["message"], answer["status"]) == (status, message, "failure")


def test_a_call_without_a_credential_is_turned_away() -> None:
    """No credential and a wrong one are 401; a page outside the API is HTML for people."""
    call = caller()
    call.headers = {}
    assert call.refusal("GET", "table/incident") == (401, "Required to provide Auth information")
    assert call("GET", "/nav_to.do") is None
    assert (call.last.status, call.last.headers["Content-Type"][:9]) == (200, "text/html")


def test_headers_that_the_api_wants() -> None:
    """A body without a content type is 400, of another type 415; another answer than JSON is 406."""
    call = caller()
    known = call.sandbox.credentials()
    sign = {"x-sn-apikey": call.sandbox.api_key}
    assert known["username"] == "hoist.integration"
    dispatch = call.sandbox.dispatch
    assert dispatch("POST", "/api/now/table/incident", "", sign, b"{}").status == 400
    assert dispatch("POST", "/api/now/table/incident", "", sign | {"Content-Type": "text/xml"}, b"<a/>").status == 415
    assert dispatch("GET", "/api/now/table/incident", "", sign | {"Accept": "application/xml"}, b"").status == 406
    assert dispatch("GET", "/api/now/table/incident", "", sign | {"Accept": "*/*"}, b"").status == 200
    overridden = sign | {"X-HTTP-Method-Override": "PATCH", "Content-Type": "application/json"}
    path = f"/api/now/table/incident/{call.sandbox.issue_id('T1')}"
    assert dispatch("POST", path, "", overridden, b'{"urgency":"1"}').status == 200


def test_strict_instances_want_every_header() -> None:
    """By a variant a call without Accept, and a DELETE without Content-Type, are refused."""
    call = caller(variants=["strict-headers"])
    sign, path = {"x-sn-apikey": call.sandbox.api_key}, f"/api/now/table/incident/{call.sandbox.issue_id('T1')}"
    assert call.sandbox.dispatch("GET", path, "", sign, b"").status == 400
    assert call.sandbox.dispatch("DELETE", path, "", sign | {"Accept": "*/*"}, b"").status == 400
    call("DELETE", path)
    assert call.last.status == 204


def test_the_date_header_is_the_instances_clock() -> None:
    """Every answer tells the instance's own time, refusals too."""
    call = caller()
    for path in ("table/incident", "table/nothing"):
        call("GET", path)
        assert call.last.headers["Date"] == datetime.fromisoformat("2026-11-23T08:00:00Z").strftime("%a, %d %b %Y %H:%M:%S GMT")


def test_what_surrounds_the_tickets_can_be_read() -> None:
    """Members, managers, rotas, schedules, service levels, choices, the dictionary and the instance's name are tables."""
    call = caller()
    group = call.sandbox.group_id("Service Desk")
    (desk_group,) = call.rows("sys_user_group", f"sys_id={group}")
    anna = call.sandbox.user_id("anna")
    assert desk_group["manager"]["value"] == anna
    assert [row["user"]["value"] for row in call.rows("sys_user_grmember", f"group={group}")] == [anna]
    (rota,) = call.rows("cmn_rota", f"group={group}")
    (roster,) = call.rows("cmn_rota_roster", f"rota={rota['sys_id']}")
    assert [row["member"]["value"] for row in call.rows("cmn_rota_member", f"roster={roster['sys_id']}")] == [anna]
    (span,) = call.rows("cmn_schedule_span", f"schedule={rota['schedule']['value']}")
    assert span["repeat_type"] == "weekdays"
    labels = {row["value"]: row["label"] for row in call.rows("sys_choice", "name=incident^element=state")}
    assert labels["3"] == "On Hold"
    (column,) = call.rows("sys_dictionary", "name=task^element=assignment_group")
    assert (column["internal_type"]["value"], column["reference"]["value"]) == ("reference", "sys_user_group")
    assert len(call.rows("dl_u_priority", "active=true")) == 9
    (name,) = call.rows("sys_properties", "name=instance_name")
    assert name["value"] == call.sandbox.source_settings()["instance"]
    (table,) = call.rows("sys_db_object", "name=incident", sysparm_display_value="true")
    assert table["super_class"]["display_value"] == "Task"
    assert call("GET", "stats/incident", sysparm_count="true")["result"]["stats"] == {"count": "3"}
