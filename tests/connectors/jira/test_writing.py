"""The Jira connector writes nothing twice and overwrites nobody unseen."""

from dataclasses import replace
from typing import Any, Final

import pytest

from connectors.contract import Overwritten, Page
from connectors.errors import Unsupported
from connectors.jira.connector import JiraConnector
from rules.escalation import FieldChange
from rules.instants import HOUR, MINUTE, SECOND
from tests.connectors.jira.recorded import (
    HOIST,
    NOW,
    TEAM,
    URL,
    Ledger,
    Recorded,
    comment,
    connector,
    edit,
    entry,
    issue,
    item,
    note,
    user,
)

OLD: Final = NOW - HOUR


def run(hoist: JiraConnector, cursor: str | None = None, ledger: Ledger | None = None) -> list[Page]:
    return list(hoist.changed(cursor, ledger or Ledger()))


def test_an_edit_is_one_request(jira: Recorded, hoist: JiraConnector) -> None:
    """Fields, labels and marker go together: one request, one changelog entry, absolute values, no mail switch."""
    jira.mock.add("PUT", f"{URL}/rest/api/3/issue/10001", status=204, headers={"Date": "Mon, 23 Nov 2026 04:00:00 GMT"})
    changes = (FieldChange("team", "20000", "20001"), FieldChange("assignee", "a", None), FieldChange("priority", "3", "2"))
    receipt = hoist.write(edit(*changes, labels=("hoist-tier-2",)))
    (body,) = jira.bodies("issue/10001")
    assert body["fields"] == {TEAM: {"id": "20001"}, "assignee": None, "priority": {"id": "2"}}
    assert body["update"] == {"labels": [{"add": "hoist-tier-2"}]}
    assert body["properties"][0]["key"] == "hoist.operation"
    assert body["properties"][0]["value"]["marker"] == "m-1"
    assert body["properties"][0]["value"]["before"] == {"team": "20000", "assignee": "a", "priority": "3"}
    assert (receipt.operation, receipt.server_time) == ("k1", NOW)
    assert "?" not in str(jira.sent("issue/10001")[0].url)


@pytest.mark.parametrize(
    ("kind", "new", "written"),
    [
        ("team", "36885b3c-1bf0-4f85-a357-c5b858c31de4", "36885b3c-1bf0-4f85-a357-c5b858c31de4"),
        ("select", "20001", {"id": "20001"}),
        ("group", "276f955c-63d7-42c8-9520-92d01dca0625", {"groupId": "276f955c-63d7-42c8-9520-92d01dca0625"}),
        ("group", "network-ops", {"name": "network-ops"}),
        ("select", None, None),
    ],
)
def test_each_kind_of_tier_field_is_written_in_its_own_shape(
    jira: Recorded, monkeypatch: pytest.MonkeyPatch, kind: str, new: str | None, written: object
) -> None:
    """Jira reads and writes some fields in different shapes; each kind of tier field gets the one it takes."""
    jira.answers("GET", "group/bulk", {"values": [], "isLast": True})
    jira.mock.add("PUT", f"{URL}/rest/api/3/issue/10001", status=204, headers={"Date": "Mon, 23 Nov 2026 04:00:00 GMT"})
    hoist = connector(monkeypatch, tier_field={"kind": kind, "field": TEAM})
    hoist.write(edit(FieldChange("team", "x", new)))
    assert jira.bodies("issue/10001")[0]["fields"] == {TEAM: written}


def test_components_are_swapped(jira: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A component that is a team is exchanged; the issue's other components stay."""
    jira.answers("GET", "project/ITSM/components", [{"id": "1", "name": "Desk"}, {"id": "2", "name": "Network"}])
    jira.mock.add("PUT", f"{URL}/rest/api/3/issue/10001", status=204, headers={"Date": "Mon, 23 Nov 2026 04:00:00 GMT"})
    connector(monkeypatch, tier_field={"kind": "component"}).write(edit(FieldChange("team", "1", "2")))
    assert jira.bodies("issue/10001")[0]["update"] == {"components": [{"remove": {"id": "1"}}, {"add": {"id": "2"}}]}


def test_a_team_that_is_only_people_is_not_written(jira: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no field holds the team, capabilities say so and a move is refused before anything is sent."""
    hoist = connector(monkeypatch, tier_field={"kind": "assignee"})
    assert "team" not in hoist.capabilities.writes
    with pytest.raises(Unsupported, match="can't set team"):
        hoist.write(edit(FieldChange("team", "1", "2")))


def test_a_comment_is_internal_and_inert(jira: Recorded, hoist: JiraConnector) -> None:
    """A comment is never public, and no text in it becomes a mention, markup or link."""
    jira.answers("POST", "issue/10001/comment", {"id": "77"}, 201)
    receipt = hoist.write(note("Moved to L2. {{issue}} [~accountid:x] *bold*\n@all"))
    (body,) = jira.bodies("issue/10001/comment")
    assert {"key": "sd.public.comment", "value": {"internal": True}} in body["properties"]
    texts = [paragraph["content"][0] for paragraph in body["body"]["content"]]
    assert texts == [
        {"type": "text", "text": "Moved to L2. {{issue}} [~accountid:x] *bold*"},
        {"type": "text", "text": "@all"},
    ]
    assert receipt.native_id == "77"


def test_labels_are_taken_off_one_by_one(jira: Recorded, hoist: JiraConnector) -> None:
    """What hoist added goes by name, in the same request as the values: labels that others set meanwhile are not replaced."""
    jira.mock.add("PUT", f"{URL}/rest/api/3/issue/10001", status=204, headers={"Date": "Mon, 23 Nov 2026 04:00:00 GMT"})
    hoist.write(replace(edit(FieldChange("priority", "2", "3"), labels=("on",)), remove_labels=("lifted",)))
    (body,) = jira.bodies("issue/10001")
    assert body["update"] == {"labels": [{"add": "on"}, {"remove": "lifted"}]}
    assert body["fields"] == {"priority": {"id": "3"}}


def test_a_marker_that_was_not_written_by_hoist_is_none(jira: Recorded, hoist: JiraConnector) -> None:
    """A comment by anyone else, whatever it carries, is never taken for hoist's own."""
    jira.answers("GET", "issue/10001/comment", {"comments": [comment(5, NOW, user("712020:mallory"))], "total": 1})
    assert hoist.verify(note("x")).found is False
    assert not jira.sent("comment/5/properties/hoist.operation")


def test_a_public_comment_is_an_alarm(jira: Recorded, hoist: JiraConnector) -> None:
    """If a comment of hoist's can be read by the requester, verification says so."""
    jira.answers("GET", "issue/10001/comment", {"comments": [comment(5, NOW, user(HOIST), public=True)], "total": 1})
    jira.answers("GET", "comment/5/properties/hoist.operation", {"key": "hoist.operation", "value": {"marker": "m-2"}})
    verification = hoist.verify(note("x"))
    assert (verification.found, verification.native_id) == (True, "5")
    assert "visible to the requester" in verification.problems[0]


def test_a_gone_ticket_proves_nothing(jira: Recorded, hoist: JiraConnector) -> None:
    """Where the ticket can't be read, verification concludes neither presence nor absence."""
    jira.answers("GET", "issue/10001", {"errorMessages": ["no"]}, 404)
    jira.answers("GET", "issue/10001/comment", {"errorMessages": ["no"]}, 404)
    assert hoist.verify(edit(FieldChange("priority", "3", "2"))).found is None
    assert hoist.verify(note("x")).found is None


def recorded_edit(jira: Recorded, raw: dict[str, Any], *saves: dict[str, Any], marker: str | None = "m-1") -> None:
    properties = {} if marker is None else {"hoist.operation": {"marker": marker}}
    jira.answers("GET", "issue/10001", {**raw, "properties": properties})
    jira.answers("GET", "issue/10001/changelog", {"values": list(saves), "total": len(saves), "isLast": True})


def test_an_edit_that_changed_nothing(jira: Recorded, hoist: JiraConnector) -> None:
    """A person had set the same value already: the marker is there, no entry is, and the operation counts as done."""
    recorded_edit(jira, issue(1, priority={"id": "2", "name": "High"}))
    verification = hoist.verify(edit(FieldChange("priority", "3", "2")))
    assert (verification.found, verification.overwritten, verification.problems) == (True, (), ())


def test_an_edit_without_a_trace(jira: Recorded, hoist: JiraConnector) -> None:
    """Neither marker nor entry: the operation did not take effect."""
    recorded_edit(jira, issue(1), marker=None)
    assert hoist.verify(edit(FieldChange("priority", "3", "2"))).found is False
    jira.mock.replace(
        "GET",
        f"{URL}/rest/api/3/issue/10001",
        json={**issue(1), "properties": {"hoist.operation": {"marker": "other"}}},
        headers={"Date": "Mon, 23 Nov 2026 04:00:00 GMT"},
    )
    assert hoist.verify(edit(FieldChange("priority", "3", "2"))).found is False


def test_a_value_that_did_not_take(jira: Recorded, hoist: JiraConnector) -> None:
    """A marker without its value is reported: something in the site keeps the field from changing."""
    recorded_edit(jira, issue(1))
    verification = hoist.verify(edit(FieldChange("priority", "3", "2")))
    assert verification.found is True
    assert "priority is 3 and not 2" in verification.problems[0]


def test_a_lost_property_does_not_lose_the_edit(jira: Recorded, hoist: JiraConnector) -> None:
    """hoist's own entry with exactly the planned values proves an edit whose marker Jira did not keep."""
    save = entry(9, NOW + SECOND, [item("priority", "3", "2")], user(HOIST))
    recorded_edit(jira, issue(1, priority={"id": "2", "name": "High"}), save, marker=None)
    verification = hoist.verify(edit(FieldChange("priority", "3", "2")))
    assert (verification.found, verification.native_id) == (True, "9")
    assert "without hoist's marker" in verification.problems[0]


def test_a_later_hand_is_no_problem(jira: Recorded, hoist: JiraConnector) -> None:
    """A person who changes the field after hoist did is neither overwritten nor a failed write."""
    own = entry(9, NOW + SECOND, [item("priority", "3", "2")], user(HOIST))
    later = entry(10, NOW + MINUTE, [item("priority", "2", "4")])
    recorded_edit(jira, issue(1, priority={"id": "4", "name": "Low"}), own, later)
    verification = hoist.verify(edit(FieldChange("priority", "3", "2")))
    assert (verification.overwritten, verification.problems) == ((), ())


def test_a_long_history_is_judged_by_its_end(jira: Recorded, hoist: JiraConnector) -> None:
    """In a changelog of many pages the newest entries are read, not the oldest."""
    jira.answers(
        "GET",
        "issue/10001",
        {**issue(1, priority={"id": "2", "name": "High"}), "properties": {"hoist.operation": {"marker": "m-1"}}},
    )
    jira.answers("GET", "issue/10001/changelog", {"values": [entry(1, OLD, [item("priority", "1", "3")])], "total": 250})
    jira.answers(
        "GET", "issue/10001/changelog", {"values": [entry(9, NOW, [item("priority", "4", "2")], user(HOIST))], "total": 250}
    )
    verification = hoist.verify(edit(FieldChange("priority", "3", "2")))
    assert verification.overwritten == (Overwritten("priority", "4", "2"),)
    assert "startAt=150" in str(jira.sent("issue/10001/changelog")[-1].url)


def test_a_dry_run_writes_nothing(jira: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connector made for a dry run reads as ever and sends no write."""
    jira.finds({"10001": OLD})
    jira.has(issue(1))
    dry = connector(monkeypatch, dry_run=True)
    assert run(dry)
    with pytest.raises(Exception, match="dry run"):
        dry.write(note("x"))
    assert not jira.sent("issue/10001/comment")
