"""Rows and audits as tickets: what happened, when and through whom, with nothing made up and nothing lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Mark
from connectors.zendesk import wire
from connectors.zendesk.audits import audit_of
from connectors.zendesk.events import told_by
from connectors.zendesk.history import Account, CustomStatus, User
from connectors.zendesk.mapping import Mapper
from connectors.zendesk.rows import ticket_of
from connectors.zendesk.wire import Unreadable
from rules.instants import HOUR, MINUTE, SECOND, written
from rules.ticket import UNKNOWN, Kind, Ticket

NOW = 1_795_420_800_000
OWN, ANNA, CHLOE, ROBOT = "1", "2", "3", "4"
STATUSES = {
    "11": CustomStatus("11", "New", "new"),
    "12": CustomStatus("12", "In progress", "open"),
    "13": CustomStatus("13", "Waiting for supplier", "hold"),
}
ACCOUNT = Account(
    "zen",
    "https://example.zendesk.com",
    OWN,
    statuses=STATUSES,
    names={"brand_id": {"5": "Contoso"}, "organization_id": {"6": "Acme"}, "ticket_form_id": {}},
    fields={"900": "native.root_cause", "901": "service"},
    automation=frozenset({ROBOT}),
)
USERS = {
    ANNA: User(ANNA, "Anna", role="agent"),
    CHLOE: User(CHLOE, "Chloe", role="end-user"),
    ROBOT: User(ROBOT, "Robot", role="agent"),
}


def row(**more: Any) -> dict[str, Any]:
    """A ticket of Chloe's, as an export shows it."""
    return {
        "id": 35436,
        "created_at": written(NOW - HOUR),
        "updated_at": written(NOW - MINUTE),
        "status": "open",
        "custom_status_id": 12,
        "priority": "high",
        "group_id": 21,
        "assignee_id": None,
        "requester_id": 3,
        "organization_id": 6,
        "brand_id": 5,
        "type": "incident",
        "subject": "VPN drops",
        "description": "Since this morning.",
        "tags": ["vpn", "europe"],
        "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}},
        "custom_fields": [{"id": 900, "value": None}, {"id": 901, "value": "vpn_service"}, {"id": 902, "value": "x"}],
    } | more


def audit(number: int, *events: Mapping[str, Any], by: str = ANNA, at: int = NOW - 30 * MINUTE, **more: Any) -> dict[str, Any]:
    numbered = [{"id": number * 100 + place, **each} for place, each in enumerate(events, 1)]
    made = {"id": number * 100, "ticket_id": 35436, "created_at": written(at), "author_id": int(by), "events": numbered}
    return made | {"via": {"channel": "web"}, "metadata": {"system": {}, "custom": {}}} | more


def moved(name: str, old: object, new: object, **more: Any) -> dict[str, Any]:
    return {"type": "Change", "field_name": name, "previous_value": old, "value": new} | more


def said(text: str, by: str = ANNA, *, public: bool = True) -> dict[str, Any]:
    return {"type": "Comment", "author_id": int(by), "public": public, "body": text, "plain_body": text}


FIRST = audit(
    1, {"type": "Create", "field_name": "status", "value": "new"}, said("Since this morning.", CHLOE), by=CHLOE, at=NOW - HOUR
)


def ticket(*audits: Mapping[str, Any], account: Account = ACCOUNT, **more: Any) -> Ticket:
    return mapped(*audits, account=account, **more)[0]


def mapped(*audits: Mapping[str, Any], account: Account = ACCOUNT, **more: Any) -> tuple[Ticket, Mark | None]:
    return Mapper(account, USERS, NOW).ticket(ticket_of(row(**more)), [audit_of(each) for each in (FIRST, *audits)])


def test_present_values() -> None:
    """A row gives the ticket's fields by the source's own ids, and names where people know things by name."""
    read = ticket()
    assert (read.key, read.url) == ("35436", "https://example.zendesk.com/agent/tickets/35436")
    assert read.fields["status"] == "open"
    assert read.fields["native_status"] == "12"
    assert (read.fields["team"], read.fields["assignee"], read.fields["priority"]) == ("21", None, "high")
    assert read.fields["labels"] == ("europe", "vpn")
    assert (read.fields["project"], read.fields["organisation"], read.fields["service"]) == ("Contoso", "Acme", "vpn_service")
    assert read.fields["native.root_cause"] is None
    assert "native.902" not in read.fields
    assert read.native["status"] == "In progress"
    assert read.complete_from == read.created == NOW - HOUR


def test_the_description_is_no_message() -> None:
    """The comment that a ticket begins with is its description, and nobody has said anything since."""
    read = ticket()
    assert read.messages == ()
    assert read.changes == ()
    assert read.fields["last_comment"] is None


def test_one_audit_is_one_save() -> None:
    """What an agent saved together is one step, in the platform's order, with the values before."""
    events = moved("group_id", "20", "21"), moved("priority", None, "high"), moved("tags", ["vpn"], ["europe", "vpn"])
    read = ticket(audit(2, *events))
    assert [(c.field, c.old, c.new) for c in read.changes] == [
        ("team", "20", "21"),
        ("priority", None, "high"),
        ("labels", ("vpn",), ("europe", "vpn")),
    ]
    assert {(c.save, c.at, c.by.id, c.by.kind) for c in read.changes} == {("200", NOW - 30 * MINUTE, ANNA, Kind.STAFF)}


def test_what_a_trigger_did_in_the_same_audit_is_told_apart() -> None:
    """A trigger that answers to an agent's change is automation, in a step of its own behind the agent's."""
    rule = {"channel": "rule", "source": {"from": {"id": 77, "title": "Route VPN"}, "rel": "trigger"}}
    read = ticket(audit(2, moved("priority", "normal", "high"), moved("group_id", "20", "21", via=rule)))
    assert [(c.field, c.by.kind, c.by.id) for c in read.changes] == [
        ("priority", Kind.STAFF, ANNA),
        ("team", Kind.AUTOMATION, "77"),
    ]
    assert len({c.save for c in read.changes}) == 2


@pytest.mark.parametrize(
    ("by", "via", "kind"),
    [
        (ANNA, "web", Kind.STAFF),
        (CHLOE, "web", Kind.REQUESTER),
        (OWN, "api", Kind.OWN_ACCOUNT),
        (ROBOT, "api", Kind.AUTOMATION),
        ("-1", "rule", Kind.AUTOMATION),
        ("99", "web", Kind.STAFF),
    ],
)
def test_actors_are_known_for_what_they_are(by: str, via: str, kind: Kind) -> None:
    """Agents, requesters, hoist, other programs and the account's own rules are told apart."""
    read = ticket(audit(2, moved("priority", "normal", "high"), by=by, via={"channel": via}))
    assert [c.by.kind for c in read.changes] == [kind]


def test_an_agent_who_asks_speaks_as_requester() -> None:
    """An agent's own ticket is answered by others: what she says on it counts as the requester's."""
    read = ticket(audit(2, said("Any news?")), requester_id=int(ANNA))
    assert [(m.by.kind, m.public) for m in read.messages] == [(Kind.REQUESTER, True)]


def test_comments_public_and_internal() -> None:
    """A note among colleagues is never taken for a reply, also where it was made internal later."""
    read = ticket(
        audit(2, said("On it.")),
        audit(3, said("Her password is odd."), at=NOW - 20 * MINUTE),
        audit(4, {"type": "CommentPrivacyChange", "comment_id": 301, "public": False}, at=NOW - 10 * MINUTE),
        audit(5, said("Thanks!", CHLOE), by=CHLOE, at=NOW - 5 * MINUTE),
    )
    assert [(m.id, m.public, m.by.kind, m.thanks) for m in read.messages] == [
        ("201", True, Kind.STAFF, False),
        ("301", False, Kind.STAFF, False),
        ("501", True, Kind.REQUESTER, True),
    ]
    assert read.fields["last_comment"] == "Thanks!"


def test_custom_statuses_move_the_status_with_them() -> None:
    """A custom status of another category moves the status, whether or not the audit names it; one of the same does not."""
    alone = ticket(audit(2, moved("custom_status_id", "12", "13")))
    assert [(c.field, c.old, c.new) for c in alone.changes] == [("native_status", "12", "13"), ("status", "open", "on_hold")]
    both = ticket(audit(2, moved("status", "open", "hold"), moved("custom_status_id", "12", "13")))
    assert [c.field for c in both.changes] == ["status", "native_status"]
    again = ticket(audit(2, moved("custom_status_id", "12", "14")))
    assert [(c.field, c.new) for c in again.changes] == [("native_status", "14"), ("status", UNKNOWN)]


def test_an_account_without_custom_statuses() -> None:
    """Where an account has none, the platform's own status is the native one as well."""
    read = ticket(audit(2, moved("status", "open", "pending")), custom_status_id=None)
    assert read.fields["native_status"] == "open"
    assert [(c.field, c.new) for c in read.changes] == [("status", "pending"), ("native_status", "pending")]


def test_a_field_that_rules_do_not_know_is_a_touch_of_people_alone() -> None:
    """An agent who changes any field has touched the ticket; a program has not."""
    assert [c.field for c in ticket(audit(2, moved("902", "a", "b"))).changes] == ["902"]
    assert ticket(audit(2, moved("902", "a", "b"), by=ROBOT)).changes == ()
    assert [c.field for c in ticket(audit(2, moved("900", None, "dns"))).changes] == ["native.root_cause"]


def test_targets_of_service_levels() -> None:
    """A clock that runs is due when the platform says; one that is paused, met or absent is due at no time."""
    metrics = [
        {"metric": "first_reply_time", "stage": "active", "breach_at": written(NOW + HOUR), "hours": 1},
        {"metric": "agent_work_time", "stage": "paused", "breach_at": None, "minutes": 20},
        {"metric": "next_reply_time", "stage": "achieved", "breach_at": written(NOW - HOUR)},
    ]
    read = ticket(slas={"policy_metrics": metrics})
    assert read.fields["target.first_reply_time"] == NOW + HOUR
    assert read.fields["target.agent_work_time"] is None
    assert read.fields["target.next_reply_time"] is None
    assert read.fields["target.requester_wait_time"] is None
    assert not [name for name in ticket().fields if name.startswith("target.")]


def test_several_clocks_of_one_metric() -> None:
    """Of a metric's clocks the earliest that runs counts, also where it is past; a stage that nobody knows is not guessed at."""
    met = {"metric": "next_reply_time", "stage": "fulfilled", "breach_at": written(NOW - 2 * HOUR)}
    past = {"metric": "next_reply_time", "stage": "active", "breach_at": written(NOW - HOUR), "hours": -1}
    ahead = {"metric": "next_reply_time", "stage": "active", "breach_at": written(NOW + HOUR), "hours": 1}
    odd = {"metric": "next_reply_time", "stage": "on_a_break", "breach_at": written(NOW + HOUR)}
    owned = {"metric": "group_ownership_time", "stage": "paused", "breach_at": None}
    for metrics, due in (
        ([met, past, ahead], NOW - HOUR),
        ([ahead, past, met], NOW - HOUR),
        ([met, ahead], NOW + HOUR),
        ([met], None),
        ([odd], UNKNOWN),
        ([ahead, odd], NOW + HOUR),
        ([odd, ahead], NOW + HOUR),
    ):
        read = ticket(slas={"policy_metrics": [*metrics, owned]})
        assert read.fields["target.next_reply_time"] == due
        assert read.fields["target.group_ownership_time"] is None


def test_the_last_mark_of_whichever_hoist() -> None:
    """Metadata under hoist's own account tells which hoist wrote last; what another account claims tells nothing."""
    told = {"operation": "m1", "firings": ["f1"], "at": 5, "installation": "abc", "since": 3}
    own = audit(2, moved("priority", "normal", "high"), by=OWN, metadata={"custom": {"hoist": told}})
    forged = audit(3, said("x"), at=NOW - MINUTE, metadata={"custom": {"hoist": told | {"operation": "m2"}}})
    assert mapped(own, forged)[1] == Mark("m1", "abc", 3, 5)
    assert mapped(forged)[1] is None


def test_a_version_says_whether_its_second_was_over() -> None:
    """A ticket that was read in the second of its last change may have changed again within it, so its version differs."""
    young = ticket(updated_at=written(NOW))
    assert young.version != ticket(updated_at=written(NOW - SECOND)).version != ""
    assert young.version.startswith(written(NOW))


def test_times_with_fractions_and_offsets() -> None:
    """Whatever form of a time Zendesk writes, it is the same instant."""
    for text in ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00.000Z", "2026-11-23T09:00:00+01:00"):
        assert wire.stamp(text) == NOW


@pytest.mark.parametrize("broken", [{"id": None}, {"created_at": "soon"}, {"updated_at": None}, {"status": None}, {"id": "../x"}])
def test_a_row_that_is_no_ticket_says_why(broken: dict[str, object]) -> None:
    """A row that can't be read is refused with the name of what is wrong, and without its content."""
    with pytest.raises(Unreadable, match=next(iter(broken))) as refusal:
        ticket_of(row(**broken))
    assert "VPN" not in str(refusal.value)


@given(
    st.dictionaries(
        st.sampled_from(sorted({*row(), "slas", "generated_timestamp"} - {"id", "created_at", "updated_at", "status"})),
        st.none()
        | st.integers()
        | st.text(max_size=5)
        | st.lists(st.integers(), max_size=2)
        | st.dictionaries(st.text(), st.none()),
        max_size=3,
    )
)
def test_an_odd_row_is_a_ticket_or_refused(odd: dict[str, Any]) -> None:
    """Whatever an answer holds, a row becomes a ticket or is refused as unreadable; nothing else breaks."""
    try:
        made = ticket_of(row(**odd))
    except Unreadable:
        return
    Mapper(ACCOUNT, USERS, NOW).ticket(made, [audit_of(FIRST)])


def test_the_stream_of_events_tells_what_audits_tell() -> None:
    """A row of the stream becomes the same audit as the ticket's own list shows."""
    via = {"channel": "rule", "source": {"from": {"id": 77}, "rel": "trigger"}}
    listed = audit(2, moved("priority", "normal", "high"), moved("group_id", "20", "21", via=via), said("On it.", public=False))
    children = [
        {"id": 201, "via": "Web form", "via_reference_id": None, "priority": "high", "previous_value": "normal"},
        {"id": 202, "via": "Rule", "via_reference_id": 77, "group_id": "21", "previous_value": "20"},
        {"id": 203, "via": "Web form", "comment_present": True, "comment_public": False, "author_id": 2, "public": False},
    ]
    for child, kind in zip(children, ("Change", "Change", "Comment"), strict=True):
        child["event_type"] = kind
    children[2] |= {"body": "On it.", "plain_body": "On it."}
    streamed = {"id": 200, "ticket_id": 35436, "timestamp": (NOW - 30 * MINUTE) // SECOND, "updater_id": 2, "via": "Web form"}
    told = told_by({**streamed, "event_type": "Audit", "child_events": children})
    reads = [Mapper(ACCOUNT, USERS, NOW).ticket(ticket_of(row()), [audit_of(FIRST), each]) for each in (audit_of(listed), told)]
    assert reads[0] == reads[1]


@pytest.mark.parametrize(
    "child",
    [
        {"id": 1, "event_type": "Change", "priority": "high"},
        {"id": 1, "event_type": "Change", "previous_value": "high"},
        {"id": 1, "event_type": "Change", "priority": "high", "status": "open", "previous_value": "x"},
        {"id": 1, "event_type": "Comment", "comment_present": True, "comment_public": True},
        {"id": 1, "event_type": "Comment", "body": "Hello"},
    ],
)
def test_an_event_that_is_not_understood_is_said(child: dict[str, Any]) -> None:
    """An event without the value before, of two fields, or a comment without its text is not guessed at."""
    with pytest.raises(Unreadable):
        told_by({"id": 1, "ticket_id": 2, "timestamp": 1, "child_events": [child]})
