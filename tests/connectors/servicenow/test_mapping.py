"""What hoist makes of a row, its audit, its journal and its service levels, also where an instance is unusual."""

from typing import Any

import pytest

from connectors.servicenow.mapping import Unmappable, row_version
from connectors.servicenow.states import States
from rules.instants import HOUR, MINUTE, SECOND
from rules.ticket import UNKNOWN, Kind, Status, Ticket
from tests.connectors.servicenow.rows import (
    ANNA,
    CHLOE,
    CREATED,
    DESK,
    NETWORK,
    OWN,
    audit,
    cell,
    entry,
    incident,
    instance,
    ticket,
)


def went(found: Ticket, field: str) -> list[tuple[object, object]]:
    return [(change.old, change.new) for change in found.changes if change.field == field]


def test_an_incident_as_a_ticket() -> None:
    """Ids are the instance's own, names stand beside them, and times are in UTC whatever the session shows."""
    found = ticket(incident(due_date=cell("2026-11-24 16:00:00", "24-11-2026 17:00:00")))
    assert (found.key, found.created, found.complete_from) == ("INC0010001", CREATED, CREATED)
    assert found.fields["status"] == Status.NEW
    assert found.fields["native_status"] == "incident.1"
    assert found.fields["team"] == DESK
    assert found.fields["assignee"] is None
    assert found.fields["requester"] == CHLOE
    assert found.fields["due"] == CREATED + 36 * HOUR
    assert (found.fields["project"], found.fields["type"]) == ("incident", "Incident")
    assert found.native["team"] == "Service Desk"
    assert found.native["priority"] == "3 - Moderate"
    assert "sys_id%3D" + found.ref.id in found.url


def test_a_hidden_column_is_unknown_and_an_empty_one_is_nothing() -> None:
    """A column that access rules take off a row is not taken for an empty one: rules must not fire on it."""
    found = ticket(incident(assigned_to=None, assignment_group=cell("", "")))
    assert "assignee" not in found.fields
    assert found.fields["team"] is None


@pytest.mark.parametrize("shape", ["cells", "bare", "links", "null labels", "numbers"])
def test_the_shapes_of_a_cell(shape: str) -> None:
    """The same ticket comes of values and labels, bare values, references with links, labels that are null, and numbers."""
    whole = incident()

    def as_(value: dict[str, Any]) -> Any:
        match shape:
            case "bare":
                return value["value"]
            case "links":
                return value | {"link": "https://example.service-now.com/api/now/table/x/y"}
            case "null labels":
                return value | {"display_value": None}
            case "numbers":
                text = value["value"]
                return {"value": int(text) if text.isdecimal() else True if text == "true" else text, "display_value": text}
        return value

    found = ticket({name: as_(value) for name, value in whole.items()})
    assert {**found.fields, "type": "Incident"} == dict(ticket(whole).fields)
    assert found.version == row_version(whole)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a hidden state": ({"state": None}, "its column state is hidden from hoist's account"),
    "no number": ({"number": cell("")}, "its column number is empty"),
    "a null stamp": ({"sys_updated_on": cell(None, "")}, "its column sys_updated_on is empty"),
    "a local stamp": ({"sys_updated_on": cell("23/11/2026 05:00")}, "its sys_updated_on is no time in UTC"),
    "an odd sys_id": ({"sys_id": cell("INC1^ORactive=true")}, "its sys_id is not 32 hexadecimal digits"),
}


@pytest.mark.parametrize(("more", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_row_that_is_no_ticket_says_why(more: dict[str, Any], reason: str) -> None:
    """A row that can't be read is set aside with the reason."""
    with pytest.raises(Unmappable, match=reason.replace("'", ".")):
        ticket(incident(**more))


# --- history ---------------------------------------------------------------------------------------------------------


def test_one_save_is_one_step() -> None:
    """What was changed together stays together, in the order of the updates although all happened within a second."""
    rows = [
        audit(60, "assignment_group", NETWORK, DESK, checkpoint=2),
        audit(60, "priority", "3", "2", checkpoint=1),
        audit(60, "assignment_group", DESK, NETWORK, checkpoint=1),
    ]
    found = ticket(incident(priority="3"), audit=rows)
    assert went(found, "team") == [(DESK, NETWORK), (NETWORK, DESK)]
    first = [change for change in found.changes if change.sequence == 1]
    assert {change.field for change in first} == {"team", "priority"}
    assert len({change.save for change in first}) == 1


def test_one_second_without_numbers_is_put_in_order() -> None:
    """Where the audit does not number its updates, each value follows the one that it replaced."""
    rows = [
        audit(60, "assigned_to", ANNA, CHLOE, user="bram"),
        audit(60, "assigned_to", "", ANNA),
        audit(60, "state", "1", "2"),
        audit(60, "assigned_to", CHLOE, "", user="bram"),
    ]
    found = ticket(incident(state=cell("2", "In Progress")), audit=rows)
    assert went(found, "assignee") == [(None, ANNA), (ANNA, CHLOE), (CHLOE, None)]
    assert [change.save for change in found.changes if change.field in {"assignee", "status"}][:2] == ["1795406460000.0"] * 2


def test_waiting_for_the_caller_is_not_waiting_for_a_vendor() -> None:
    """On hold is told apart by its reason, in the past as well, and a changed reason alone moves the status."""
    rows = [
        audit(60, "state", "2", "3", checkpoint=1),
        audit(60, "hold_reason", "", "1", checkpoint=1),
        audit(120, "hold_reason", "1", "4", checkpoint=2),
        audit(180, "state", "3", "2", checkpoint=3),
        audit(180, "hold_reason", "4", "", checkpoint=3),
    ]
    found = ticket(incident(state=cell("2", "In Progress")), audit=rows)
    assert went(found, "status") == [
        (Status.OPEN, Status.PENDING),
        (Status.PENDING, Status.ON_HOLD),
        (Status.ON_HOLD, Status.OPEN),
    ]
    assert went(found, "native_status") == [("incident.2", "incident.3"), ("incident.3", "incident.2")]
    assert went(found, "native.hold_reason") == [(None, "1"), ("1", "4"), ("4", None)]


def test_a_change_that_is_on_hold() -> None:
    """A change request that is marked as on hold waits, whatever its state."""
    row = incident(sys_class_name=cell("change_request"), state=cell("-1", "Implement"), on_hold=cell("true"))
    rows = [audit(60, "on_hold", "false", "true")]
    found = ticket(row, audit=rows)
    assert found.fields["status"] == Status.ON_HOLD
    assert went(found, "status") == [(Status.OPEN, Status.ON_HOLD)]


def test_a_save_after_the_row_was_read_is_left_for_later() -> None:
    """Row and audit are read one after the other: what happened in between belongs to the next read."""
    rows = [
        audit(60, "assignment_group", DESK, NETWORK, checkpoint=1),
        audit(90, "assignment_group", NETWORK, DESK, checkpoint=2),
    ]
    found = ticket(incident(assignment_group=cell(NETWORK, "Network"), sys_mod_count="1"), audit=rows)
    assert went(found, "team") == [(DESK, NETWORK)]


def test_a_touch_is_kept_and_an_echo_is_not() -> None:
    """A save that moves nothing hoist knows is a touch; what the platform counts by itself is none."""
    rows = [audit(60, "location", "", "x" * 32), audit(90, "reassignment_count", "0", "1"), audit(95, "work_notes", "", "text")]
    assert [(change.field, change.at - CREATED) for change in ticket(incident(), audit=rows).changes] == [("location", MINUTE)]


def test_rows_that_tell_nothing_are_passed_over() -> None:
    """An audit row without a time or a column, and one that comes twice, change nothing."""
    twice = audit(60, "priority", "3", "2")
    rows = [{}, {"sys_id": "1", "fieldname": "state"}, {"sys_id": "2", "sys_created_on": "2026-11-23 04:00:01"}, twice, twice]
    assert went(ticket(incident(priority="2"), audit=rows), "priority") == [("3", "2")]


def test_who_acted() -> None:
    """The requester, the staff, programs, the platform itself and hoist's own account are told apart."""
    rows = [
        audit(second, "location", str(second), str(second + 1), user=user)
        for second, user in enumerate(("anna", "chloe", "system", "", "monitoring", "stranger", "hoist.integration"), 60)
    ]
    found = ticket(incident(), of=instance(automation=frozenset({"monitoring"})), audit=rows)
    assert [(change.by.id, change.by.kind) for change in found.changes] == [
        (ANNA, Kind.STAFF),
        (CHLOE, Kind.REQUESTER),
        ("", Kind.AUTOMATION),
        ("", Kind.AUTOMATION),
        ("monitoring", Kind.AUTOMATION),
        ("stranger", Kind.STAFF),
        (OWN.id, Kind.OWN_ACCOUNT),
    ]


# --- journal ---------------------------------------------------------------------------------------------------------


def test_replies_and_notes() -> None:
    """Additional comments are replies that the requester reads, work notes are not; the last that a person said is known."""
    rows = [
        entry(70, "anna", "Looking."),
        entry(60, "chloe", "Thanks a lot!", "comments"),
        entry(80, "anna", "Fixed?", "comments"),
    ]
    found = ticket(incident(), journal=rows)
    assert [(message.public, message.by.kind, message.thanks) for message in found.messages] == [
        (True, Kind.REQUESTER, True), (False, Kind.STAFF, False), (True, Kind.STAFF, False),
    ]  # fmt: skip
    assert found.fields["last_comment"] == "Fixed?"


def test_hoists_bare_markers_are_no_messages() -> None:
    """A note that only marks an update of hoist's is nobody's word, unless somebody else wrote it."""
    bare = "Changed by hoist.\n\n[hoist 5f3a t=7]"
    rows = [
        entry(60, "hoist.integration", bare),
        entry(70, "anna", bare),
        entry(80, "hoist.integration", "Moved.\n\n[hoist 77 t=8]"),
    ]
    found = ticket(incident(), journal=rows)
    assert [message.by.kind for message in found.messages] == [Kind.STAFF, Kind.OWN_ACCOUNT]


# --- service levels --------------------------------------------------------------------------------------------------


def level(stage: str, **more: str) -> dict[str, Any]:
    row = {
        "sys_id": f"5{len(more)}" * 16,
        "stage": stage,
        "start_time": "2026-11-23 04:00:00",
        "planned_end_time": "2026-11-23 12:00:00",
    }
    return {name: cell(value) for name, value in (row | more).items()} | {"sla": cell("9" * 32, "P3 resolution")}


def test_a_running_target_is_due_when_it_is_planned_to_end() -> None:
    """The instant counts, not the percentage, which jobs refresh now and then."""
    found = ticket(incident(), levels=[level("in_progress", business_percentage="12.5", has_breached="false")])
    assert found.fields["target.P3 resolution"] == CREATED + 8 * HOUR
    assert found.fields["target.P3 resolution.start"] == CREATED


@pytest.mark.parametrize("more", [
    {"stage": "paused", "pause_time": "2026-11-23 05:00:00"},
    {"stage": "in_progress", "pause_time": "2026-11-23 05:00:00"},
    {"stage": "completed", "end_time": "2026-11-23 05:00:00"},
])  # fmt: skip
def test_a_target_that_does_not_run_has_no_instant(more: dict[str, str]) -> None:
    """While a clock is paused its planned end means nothing; when it was met, or stopped, nothing is due."""
    found = ticket(incident(), levels=[level(**more)])
    assert found.fields["target.P3 resolution"] is None
    assert [change.new for change in found.changes if change.at == CREATED + HOUR and not change.field.endswith("start")] == [
        None
    ]


def test_the_past_of_a_target_that_was_paused_is_unknown() -> None:
    """A target that was paused has moved: where it stood before, nobody knows any more."""
    row = level(
        "completed", end_time="2026-11-23 06:00:00", pause_duration="1970-01-01 00:30:00", start_time="2026-11-23 04:10:00"
    )
    found = ticket(incident(), levels=[row])
    assert went(found, "target.P3 resolution") == [(None, UNKNOWN), (UNKNOWN, None)]


def test_a_new_priority_brings_a_new_target() -> None:
    """Of several rows of one definition the last one that was started counts, and cancelled ones never do."""
    rows = [
        level("cancelled", planned_end_time="2026-11-23 05:00:00"),
        level("completed", end_time="2026-11-23 04:30:00"),
        level("in_progress", start_time="2026-11-23 04:40:00", planned_end_time="2026-11-23 09:00:00"),
    ]
    assert ticket(incident(), levels=rows).fields["target.P3 resolution"] == CREATED + 5 * HOUR


def test_unread_kinds_of_facts_are_unknown() -> None:
    """Targets and labels that hoist does not read are not taken for none."""
    assert "labels" not in ticket(incident()).fields
    tags = [{"sys_id": "1", "label": cell("8" * 32, "vip")}, {"sys_id": "2", "label": cell("7" * 32, "lifted")}]
    assert ticket(incident(), tags=tags).fields["labels"] == ("lifted", "vip")


def test_tags_have_a_past() -> None:
    """Whoever put a tag on, and when, is told by its entry: a rule about labels knows since when one is there."""
    early = {"sys_id": "1", "label": cell("8" * 32, "vip"), "sys_created_on": "2026-11-23 04:00:00"}
    late = {
        "sys_id": "2",
        "label": cell("7" * 32, "lifted"),
        "sys_created_on": "2026-11-23 04:20:00",
        "sys_created_by": OWN.user_name,
    }
    found = ticket(incident(), tags=[late, early])
    assert found.fields["labels"] == ("lifted", "vip")
    (change,) = (each for each in found.changes if each.field == "labels")
    assert (change.at, change.old, change.new) == (CREATED + 20 * MINUTE, ("vip",), ("lifted", "vip"))
    assert change.by.kind is Kind.OWN_ACCOUNT


def test_a_state_that_only_the_row_names() -> None:
    """A state of which no choice list tells is understood by the label that the row itself shows."""
    found = ticket(incident(state=cell("42", "Awaiting Vendor")), of=instance(states=States()))
    assert found.fields["status"] == Status.ON_HOLD


def test_seconds_are_whole() -> None:
    """Stamps have no fractions: a save at 04:01:00 is at 04:01:00."""
    assert ticket(incident(), audit=[audit(61, "priority", "3", "3")]).changes[0].at == CREATED + 61 * SECOND
