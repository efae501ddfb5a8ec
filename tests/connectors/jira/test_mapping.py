"""The mapping decides what every rule sees of Jira."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.jira import adf, wire
from connectors.jira.mapping import READ, Mapper, Site, meaning, row_version, status_meanings, version
from rules.instants import DAY, HOUR, SECOND, instant
from rules.ticket import FIELDS, UNKNOWN, Kind, Status, Ticket
from tests.connectors.jira.recorded import (
    ANN,
    CUSTOMER,
    HOIST,
    LEE,
    NOW,
    ROBOT,
    RUTH,
    STATUSES,
    TEAM,
    comment,
    entry,
    issue,
    item,
    stamp,
    status,
    user,
)

REFS = wire.STATUSES.validate_json(json.dumps([status(id_) for id_ in STATUSES]))
SITE = Site("jira-cloud", "https://example.atlassian.net", HOIST, "select", TEAM, status_meanings(REFS, {}))


def mapped(raw: Mapping[str, Any], saves: Sequence[Mapping[str, Any]] = (), *, site: Site = SITE, known: int = NOW) -> Ticket:
    """A ticket through the same parsing that answers take."""
    issues = wire.shapes(site.tier_field).issues(json.dumps({"issues": [raw]}).encode())["issues"]
    logs = {"issueChangeLogs": [{"issueId": raw["id"], "changeHistories": saves}]}
    groups = wire.CHANGELOGS.validate_json(json.dumps(logs))["groups"]
    comments = (issues[0]["fields"].get("comment") or {"comments": []})["comments"]
    return Mapper(site, known).ticket(issues[0], groups[0]["entries"], comments)


def moved(ticket: Ticket) -> list[tuple[str, object, object]]:
    return [(change.field, change.old, change.new) for change in ticket.changes]


def test_present_values_are_ids() -> None:
    """A renamed team, priority or person changes nothing about a ticket: its fields hold ids."""
    ticket = mapped(issue(duedate="2026-11-30"))
    assert dict(ticket.fields) == {
        "status": Status.OPEN, "native_status": "3", "priority": "3", "team": "20000", "assignee": ANN,
        "labels": ("floor-3", "network"), "requester": RUTH, "type": "Incident", "project": "ITSM", "service": None,
        "subject": "Printer on floor three", "description": None, "due": instant_of("2026-12-01"),
        "last_comment": None,
    }  # fmt: skip
    assert set(ticket.fields) == READ <= set(FIELDS)
    assert (ticket.key, ticket.ref.id, ticket.url) == ("ITSM-1", "10001", "https://example.atlassian.net/browse/ITSM-1")
    assert ticket.native["team"] == "Service Desk"


def instant_of(day: str) -> int:
    from datetime import UTC, datetime  # noqa: PLC0415 - used by one assertion alone

    return instant(datetime.fromisoformat(day).replace(tzinfo=UTC))


def test_a_save_becomes_one_step() -> None:
    """All fields of one native save share its id, its instant and its order."""
    saves = [entry(7, NOW - 2 * HOUR, [item("status", "1", "3"), item("assignee", None, ANN), item("priority", "4", "3")])]
    ticket = mapped(issue(), saves)
    assert moved(ticket) == [
        ("status", Status.NEW, Status.OPEN), ("native_status", "1", "3"), ("assignee", None, ANN), ("priority", "4", "3"),
    ]  # fmt: skip
    assert {(change.save, change.sequence, change.at, change.known) for change in ticket.changes} == {
        ("7", 7, NOW - 2 * HOUR, NOW)
    }


def test_changes_are_ordered_by_time_then_by_jiras_numbers() -> None:
    """Two saves of one millisecond keep Jira's own order, however the answer lists them."""
    at = NOW - 2 * HOUR
    saves = [entry(9, at, [item("priority", "2", "3")]), entry(8, at, [item("priority", "1", "2")])]
    assert [change.sequence for change in mapped(issue(), saves).changes] == [8, 9]


@pytest.mark.parametrize(
    ("given_item", "expected"),
    [
        (item("labels", "", "", "a b", "c b a"), [("labels", ("a", "b"), ("a", "b", "c"))]),
        (item("labels", None, None, "", "x"), [("labels", (), ("x",))]),
        (item(TEAM, "20000", "20001", "Service Desk", "Network"), [("team", "20000", "20001")]),
        (item("reporter", ANN, RUTH), [("requester", ANN, RUTH)]),
        (item("issuetype", "1", "2", "Incident", "Task"), [("type", "Incident", "Task")]),
        (item("summary", None, None, "old", "new"), [("subject", "old", "new")]),
        (item("duedate", None, "2026-11-30", None, "2026-11-30 00:00:00.0"), [("due", None, instant_of("2026-12-01"))]),
        (item("status", "3", "77", "In Progress", "Waiting for vendor"), [
            ("status", Status.OPEN, Status.ON_HOLD), ("native_status", "3", "77"),
        ]),
        (item("status", "77", "3", "Gone away", "In Progress"), [
            ("status", UNKNOWN, Status.OPEN), ("native_status", "77", "3"),
        ]),
        (item("status", "5", "5", "Resolved", "Resolved"), [("native_status", "5", "5")]),
        (item("customfield_1", "a", "b"), [("customfield_1", "a", "b")]),
    ],
)  # fmt: skip
def test_each_kind_of_item(given_item: dict[str, Any], expected: list[tuple[str, object, object]]) -> None:
    """Every kind of changelog item becomes the change that it stands for."""
    assert moved(mapped(issue(), [entry(1, NOW - 2 * HOUR, [given_item])])) == expected


def test_old_items_without_a_field_id() -> None:
    """Entries from before Jira gave field ids are read by their field's name."""
    old = {"field": "Priority", "fieldtype": "jira", "from": "4", "fromString": "Low", "to": "3", "toString": "Medium"}
    assert moved(mapped(issue(), [entry(1, NOW - 2 * HOUR, [old])])) == [("priority", "4", "3")]


def test_a_move_to_another_project() -> None:
    """A moved ticket's history names projects by their keys, as its field does."""
    move = [item("project", "10001", "10000", "Operations", "IT"), {**item("Key", None, None, "OPS-12", "ITSM-1"), "fieldId": ""}]
    assert moved(mapped(issue(), [entry(1, NOW - 2 * HOUR, move)])) == [("project", "OPS", "ITSM")]


def test_stamps_as_text_and_as_numbers() -> None:
    """A changelog is read alike whether its stamps are ISO text, with any offset, or epoch numbers."""
    at = 1_795_400_000_000
    forms = ["2026-11-23T02:13:20.000+0000", "2026-11-23T03:13:20.000+0100", "2026-11-23T02:13:20Z", at, at // 1000]
    saves = [{**entry(n, at, [item("priority", str(n), "3")]), "created": form} for n, form in enumerate(forms)]
    assert {change.at for change in mapped(issue(), saves).changes} == {at}


def test_who_acted() -> None:
    """Staff, requesters, automation and hoist's own account are told apart; nobody named is Jira itself."""
    authors = [user(ANN), CUSTOMER, user(ROBOT, "app"), user(HOIST, "app"), user(LEE)]
    saves: list[dict[str, Any]] = [
        entry(n, NOW - 2 * HOUR, [item("priority", str(n), "3")], each) for n, each in enumerate(authors)
    ]
    saves.append({**entry(9, NOW - 2 * HOUR, [item("priority", "9", "3")]), "author": None})
    ticket = mapped(issue(reporter=user(LEE)), saves)
    assert [change.by.kind for change in ticket.changes] == [
        Kind.STAFF, Kind.REQUESTER, Kind.AUTOMATION, Kind.OWN_ACCOUNT, Kind.REQUESTER, Kind.AUTOMATION,
    ]  # fmt: skip


def test_messages() -> None:
    """A comment is public as the service project says; elsewhere unless a role or group is named for it."""
    comments = [
        comment(3, NOW - HOUR, user(ANN), public=False),
        comment(2, NOW - 2 * HOUR, CUSTOMER),
        comment(4, NOW, user(LEE), public=None),
        comment(5, NOW, user(LEE), public=None) | {"visibility": {"type": "role", "value": "Agents"}},
    ]
    ticket = mapped(issue(comment={"comments": comments, "total": 4}))
    assert [(each.id, each.by.kind, each.public) for each in ticket.messages] == [
        ("2", Kind.REQUESTER, True), ("3", Kind.STAFF, False), ("4", Kind.STAFF, True), ("5", Kind.STAFF, False),
    ]  # fmt: skip


def test_what_was_said_last_and_what_was_thanks() -> None:
    """Rules can look for words in the last comment of a person; a requester who only says thanks asks for nothing."""
    said = [
        comment(2, NOW - 3 * HOUR, CUSTOMER, text="It is down again"),
        comment(3, NOW - 2 * HOUR, user(ANN), text="Thanks"),
        comment(4, NOW - HOUR, CUSTOMER, text="Thank you very much!"),
        comment(5, NOW, user(HOIST), text="Moved to Network."),
    ]
    ticket = mapped(issue(comment={"comments": said, "total": 4}))
    assert ticket.fields["last_comment"] == "Thank you very much!"
    assert [message.thanks for message in ticket.messages] == [False, False, True, False]


@pytest.mark.parametrize(
    ("kind", "value", "team"),
    [
        ("select", {"id": "20001", "value": "Network"}, "20001"),
        ("team", {"id": "36885b3c-1bf0-4f85-a357-c5b858c31de4", "name": "Network"}, "36885b3c-1bf0-4f85-a357-c5b858c31de4"),
        ("team", "36885b3c-1bf0-4f85-a357-c5b858c31de4", "36885b3c-1bf0-4f85-a357-c5b858c31de4"),
        ("group", {"name": "net", "groupId": "276f955c-63d7-42c8-9520-92d01dca0625"}, "276f955c-63d7-42c8-9520-92d01dca0625"),
        ("group", {"name": "net", "groupId": "276f955c-63d7-42c8-9520-92d01dca0625"}, "net"),
        ("group", {"name": "net"}, "net"),
        ("select", None, None),
        ("assignee", {"id": "x"}, None),
    ],
)
def test_the_team_by_kind_of_tier_field(kind: Any, value: object, team: str | None) -> None:
    """Each kind of tier field gives the id of the team that holds the ticket."""
    groups = {"276f955c-63d7-42c8-9520-92d01dca0625": "net"} if team != "net" else {}
    site = Site("jira-cloud", "https://e", HOIST, kind, TEAM, SITE.statuses, teams=groups)
    assert mapped(issue(1, **{TEAM: value}), site=site).fields["team"] == team


def test_components_as_teams_walk_back() -> None:
    """With components as teams, the first in the directory's order holds the ticket, in its past as now."""
    site = Site(
        "jira-cloud", "https://e", HOIST, "component", "", SITE.statuses, teams={"1": "Desk", "2": "Network", "3": "Database"}
    )
    saves = [
        entry(1, NOW - 3 * HOUR, [item("components", None, "1", None, "Desk")]),
        entry(2, NOW - 2 * HOUR, [item("components", "1", None, "Desk", None), item("components", None, "3", None, "Database")]),
        entry(3, NOW - HOUR, [item("components", None, "2", None, "Network")]),
    ]
    ticket = mapped(issue(components=[{"id": "3", "name": "Database"}, {"id": "2", "name": "Network"}]), saves, site=site)
    assert (ticket.fields["team"], ticket.fields["service"]) == ("2", "Database")
    assert [move for move in moved(ticket) if move[0] == "team"] == [("team", None, "1"), ("team", "1", "3"), ("team", "3", "2")]
    assert [move for move in moved(ticket) if move[0] == "service"] == [
        ("service", None, "Desk"),
        ("service", "Desk", "Database"),
    ]


def test_group_pickers_record_names() -> None:
    """A group picker's history names groups, and becomes the ids that the directory knows."""
    site = Site("jira-cloud", "https://e", HOIST, "group", TEAM, SITE.statuses, teams={"276f": "net", "a1b2": "desk"})
    saves = [entry(1, NOW - HOUR, [item(TEAM, None, None, "desk", "net")])]
    assert moved(mapped(issue(**{TEAM: {"name": "net", "groupId": "276f"}}), saves, site=site)) == [("team", "a1b2", "276f")]


@pytest.mark.parametrize(
    ("name", "category", "expected"),
    [
        ("Something", "new", Status.NEW),
        ("Something", "indeterminate", Status.OPEN),
        ("Something", "done", Status.RESOLVED),
        ("Something", "undefined", Status.OPEN),
        ("WAITING FOR CUSTOMER", "indeterminate", Status.PENDING),
        ("Canceled", "done", Status.CLOSED),
        ("Pending", "indeterminate", Status.ON_HOLD),
    ],
)
def test_what_a_status_means(name: str, category: str, expected: Status) -> None:
    """The administrator's names win, then the names that Jira ships with, then the category."""
    assert meaning(name, category, {"pending": Status.ON_HOLD}) is expected


def test_a_save_after_the_fields_were_read_is_left_for_the_next_read() -> None:
    """Fields and changelog come in two answers; a save between the two never makes the timeline contradict the fields."""
    saves = [entry(1, NOW - HOUR, [item("status", "1", "3")]), entry(2, NOW - HOUR + 1, [item("status", "3", "5")])]
    assert [change.new for change in mapped(issue(), saves).changes] == [Status.OPEN, "3"]


def test_a_save_that_jira_stamped_late_is_kept() -> None:
    """Jira stamps a changelog entry a moment after its issue; such an entry belongs to the fields that show it."""
    saves = [entry(1, NOW - HOUR + 3, [item("status", "1", "3")])]
    assert [change.new for change in mapped(issue(), saves).changes] == [Status.OPEN, "3"]


def test_equal_versions_mean_that_nothing_was_missed() -> None:
    """An issue read within two seconds of its stamp is read once more; later on its version is the search row's."""
    updated = NOW - HOUR
    raw = issue(updated=stamp(updated))
    rows = wire.ROWS.validate_json(json.dumps({"issues": [{"id": "1", "fields": {"updated": stamp(updated)}}]}))
    seen = row_version(rows["issues"][0]["fields"]["updated"])
    assert mapped(raw, known=updated + SECOND).version != seen
    assert mapped(raw, known=updated + 2 * SECOND).version == seen
    assert version(updated, updated) != version(updated, updated + SECOND)


def test_a_due_day_ends_in_utc() -> None:
    """A ticket is overdue once its due day has ended in UTC."""
    assert mapped(issue(duedate="2026-11-23")).fields["due"] == instant_of("2026-11-23") + DAY


def test_descriptions_become_plain_text() -> None:
    """Words, links and mentions of a document are searched by rules as text, a line per block."""
    mention = {"type": "mention", "attrs": {"id": "x", "text": "@Ann"}}
    card = {"type": "inlineCard", "attrs": {"url": "https://example.com"}}
    listed = {"type": "listItem", "content": [{"type": "text", "text": "down"}]}
    blocks = [
        {"type": "paragraph", "content": [{"type": "text", "text": "VPN "}, mention]},
        {"type": "bulletList", "content": [listed]},
        {"type": "paragraph", "content": [card, {"type": "hardBreak"}]},
    ]
    document = {"type": "doc", "version": 1, "content": blocks}
    assert mapped(issue(description=document)).fields["description"] == "VPN @Ann\ndown\nhttps://example.com"
    assert len(str(mapped(issue(description="long " * 5_000)).fields["description"])) == 8_000


@given(st.text())
def test_a_comment_is_inert_and_whole(text: str) -> None:
    """Whatever a text holds, it reaches Jira as text nodes in paragraphs and nothing else, with its words in order."""
    document = adf.inert(text)
    nodes = [node for paragraph in document["content"] for node in paragraph["content"]]
    assert {paragraph["type"] for paragraph in document["content"]} == {"paragraph"}
    assert all(set(node) == {"type", "text"} and node["type"] == "text" and node["text"] for node in nodes)
    assert [node["text"] for node in nodes] == [line for line in text.strip().splitlines() if line]


def test_a_comment_is_cut_below_jiras_limit() -> None:
    """A text longer than Jira takes is cut and says so."""
    node = adf.inert("x" * 40_000)["content"][0]["content"][0]
    assert len(node["text"]) == 32_000
    assert node["text"].endswith("…")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["type", "content", "text", "attrs"]), inner),
    )
)
def test_no_description_breaks_a_ticket(document: object) -> None:
    """Whatever stands where a document should, the ticket is read."""
    assert isinstance(adf.plain(document, 100), str)
