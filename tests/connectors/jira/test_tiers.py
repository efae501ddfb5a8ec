"""Whatever Jira keeps a ticket's team in, hoist reads it, moves the ticket on, and finds both in the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Conflict, GiveUp, OutcomeUnknown
from connectors.http import Surroundings
from connectors.jira.connector import JiraConnector
from connectors.jira.sandbox import JiraSandbox
from connectors.jira.settings import JiraSettings
from connectors.jira.site.catalog import CASCADE, GROUP, LINE, TEAM, TEAM_FIELD
from connectors.jira.tier_values import held, sent, told
from connectors.jira.tiers import levels
from connectors.jira.wire import Allowed
from rules.escalation import FieldChange
from rules.instants import MINUTE, SECOND
from rules.ticket import UNKNOWN, Ticket, Value
from tests.connectors.jira.recorded import HOIST, NOW, Recorded, comment, connector, edit, issue, note, user
from tests.connectors.jira.sandbox_caller import Caller
from tests.connectors.sandbox_desk import CHASED, HANDED, START, TAKEN, Clock, desk

Connected = Callable[..., JiraConnector]


class Place:
    """A desk in the sandbox that keeps its teams as `tier` says."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.clock.at = START + 5 * MINUTE
        self.sandbox = JiraSandbox(clock=self.clock, history=desk(TAKEN, HANDED, CHASED))
        self.folder = folder
        self.call = Caller(self.sandbox)

    def connected(self, **tier: Any) -> JiraConnector:
        (self.folder / "token").write_text(self.sandbox.credentials()["token"])
        given = self.sandbox.hoist_settings(lambda name, _: f"file:{self.folder / name}") | {"tier_field": tier}
        del given["platform"]
        surroundings = Surroundings(sleep=lambda _: None, monotonic=lambda: self.clock.at / SECOND)
        return JiraConnector("jira", JiraSettings.model_validate(given), surroundings)

    @property
    def id(self) -> str:
        return str(self.call.search("project = IT")["issues"][0]["id"])

    def moved(self, hoist: JiraConnector, team: str, *more: FieldChange) -> Ticket:
        """Hand a ticket to a team, and see that Jira's own record says so."""
        (before,) = hoist.read([self.id]).tickets
        self.clock.at += MINUTE
        change = FieldChange("team", before.fields["team"], team)
        operation = replace(edit(change, *more, ticket=self.id, at=self.clock.at), marker=f"to {team}")
        assert hoist.verify(operation).found is False
        hoist.write(operation)
        found = hoist.verify(operation)
        assert (found.found, found.problems, found.overwritten) == (True, (), ())
        (after,) = hoist.read([self.id]).tickets
        assert after.fields["team"] == team
        last = [(each.old, each.new) for each in after.changes if each.field == "team"][-1]
        assert last == (before.fields["team"], team)
        return after


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    with made.sandbox.serve():
        yield made


@pytest.mark.parametrize(
    ("tier", "listed"),
    [
        ({"kind": "cascading_select", "field": CASCADE}, False),
        ({"kind": "group", "field": GROUP}, True),
        ({"kind": "team", "field": TEAM_FIELD}, False),
        ({"kind": "select", "field": TEAM}, True),
    ],
    ids=lambda each: each["kind"] if isinstance(each, dict) else "",
)
def test_each_kind_of_field_is_read_written_and_found_in_the_history(place: Place, tier: dict[str, str], *, listed: bool) -> None:
    """A ticket is handed from nobody to a team, and from there to another, in every kind of field that can hold one."""
    hoist = place.connected(**tier)
    (ticket,) = hoist.read([place.id]).tickets
    teams = [
        each for each in (hoist.directory().teams if listed else choices(place, tier["kind"])) if each != ticket.fields["team"]
    ]
    for team in teams[:2]:
        place.moved(hoist, team)


def choices(place: Place, kind: str) -> list[str]:
    """The ids of two teams, as the site itself has them."""
    catalog = place.sandbox._site.catalog
    match kind:
        case "cascading_select":
            return [f"40000/{id_}" for id_ in catalog.options["customfield_10050"]]
        case _:
            return list(catalog.teams)


def test_a_team_that_is_a_status_is_reached_by_a_transition(place: Place) -> None:
    """The ticket is taken through a transition, its other fields are set beside it, and both are found with hoist's marker."""
    names = [each["name"] for each in place.call("GET", "status")]
    hoist = place.connected(kind="status", statuses=names[:3])
    teams = hoist.directory().teams
    assert list(teams.values()) == names[:3]
    (ticket,) = hoist.read([place.id]).tickets
    assert ticket.fields["team"] == ticket.fields["native_status"]
    other = next(id_ for id_ in teams if id_ != ticket.fields["team"])
    priorities = list(hoist.directory().priorities)
    new = next(each for each in priorities if each != ticket.fields["priority"])
    after = place.moved(hoist, other, FieldChange("priority", ticket.fields["priority"], new))
    assert (after.fields["native_status"], after.fields["priority"]) == (other, new)


def test_a_transition_whose_other_half_failed_is_looked_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the transition was made and the edit beside it was not, hoist looks, finds its marker, and says what is missing."""
    names = [each["name"] for each in place.call("GET", "status")]
    hoist = place.connected(kind="status", statuses=names)
    (ticket,) = hoist.read([place.id]).tickets
    other = next(id_ for id_ in hoist.directory().teams if id_ != ticket.fields["team"])
    new = next(each for each in hoist.directory().priorities if each != ticket.fields["priority"])
    changes = (FieldChange("team", ticket.fields["team"], other), FieldChange("priority", ticket.fields["priority"], new))
    operation = edit(*changes, ticket=place.id, at=place.clock.at)

    def refused(_: object, __: object) -> None:
        raise Conflict("somebody else is at it")

    monkeypatch.setattr(hoist._client, "edit", refused)
    with pytest.raises(OutcomeUnknown, match="the transition before it was made"):
        hoist.write(operation)
    found = hoist.verify(operation)
    assert found.found is True
    assert [each for each in found.problems if "priority is" in each]


def test_a_transition_that_wants_a_field_is_given_it_or_refused_in_words(place: Place) -> None:
    """What a transition wants is named before anything is sent; once the settings say what to enter, the ticket moves."""
    names = [each["name"] for each in place.call("GET", "status")]
    (ticket,) = place.connected(kind="status", statuses=names).read([place.id]).tickets
    teams = place.connected(kind="status", statuses=names).directory().teams
    other = next(id_ for id_ in teams if id_ != ticket.fields["team"])
    place.sandbox.demand(teams[other], LINE)
    (line, *_) = place.sandbox._site.catalog.options[LINE]
    operation = edit(FieldChange("team", ticket.fields["team"], other), ticket=place.id, at=place.clock.at)
    with pytest.raises(GiveUp, match=rf"wants Support line \({LINE}\): name what hoist is to enter there"):
        place.connected(kind="status", statuses=names).write(operation)
    place.moved(place.connected(kind="status", statuses=names, required={LINE: {"id": line}}), other)
    assert place.call("GET", f"issue/{place.id}")["fields"][LINE]["id"] == line


def test_a_transition_that_the_workflow_has_not_is_refused_in_words(place: Place) -> None:
    """Where no transition leads, nothing is sent, and those that are open are named."""
    names = [each["name"] for each in place.call("GET", "status")]
    hoist = place.connected(kind="status", statuses=names)
    (ticket,) = hoist.read([place.id]).tickets
    here = str(ticket.fields["team"])
    operation = edit(FieldChange("team", None, here), ticket=place.id, at=place.clock.at)
    with pytest.raises(GiveUp, match=r"no transition leads to .* from where the ticket stands; open are: "):
        hoist.write(operation)


def test_statuses_that_are_no_teams_are_named(place: Place) -> None:
    """A misspelt status of a team, and the missing right to transitions, are problems."""
    (name, *_) = [each["name"] for each in place.call("GET", "status")]
    said = place.connected(kind="status", statuses=[f"{name}s"]).problems()
    assert any(f"`tier_field.statuses` names '{name}s'" in each and f"did you mean '{name}'?" in each for each in said)


def test_the_right_to_transitions_is_asked_for_where_teams_are_statuses(tmp_path: Path) -> None:
    """Without it no ticket can be handed on by its status; where teams are kept elsewhere, nobody needs it."""
    made = Place(tmp_path)
    made.sandbox = JiraSandbox(clock=made.clock, history=desk(TAKEN), withheld=["TRANSITION_ISSUES"])
    with made.sandbox.serve():
        names = [each["name"] for each in Caller(made.sandbox)("GET", "status")]
        (said,) = made.connected(kind="status", statuses=names).problems()
        assert "'Transition issues' (TRANSITION_ISSUES) in project IT: it can't hand a ticket to another team" in said
        assert made.connected(kind="assignee").problems() == []


def test_a_priority_that_the_scheme_lacks_is_refused_before_it_is_sent(place: Place) -> None:
    """A priority of the site that the project's scheme has not is refused in words, and nothing leaves."""
    hoist = place.connected(kind="assignee")
    offered = hoist.directory().priorities
    (stranger,) = [each["id"] for each in place.call("GET", "priority") if each["id"] not in offered]
    before = place.call("GET", f"issue/{place.id}")["fields"]["updated"]
    with pytest.raises(GiveUp, match=f"priority scheme of project IT has no priority {stranger}, but "):
        hoist.write(edit(FieldChange("priority", None, stranger), ticket=place.id, at=place.clock.at))
    assert place.call("GET", f"issue/{place.id}")["fields"]["updated"] == before


def test_what_becomes_of_a_ticket_that_leaves(place: Place) -> None:
    """An archived ticket, one that is moved away and one that is deleted are gone, the first two with the reason."""
    hoist = place.connected(kind="assignee")
    ids = [each["id"] for each in place.call.search("project = IT")["issues"]]
    archived, moved, deleted = ids[0], ids[1 % len(ids)], ids[-1]
    assert len({archived, moved, deleted}) == 3
    place.sandbox.archive(archived)
    place.sandbox.move(moved, "OPS")
    place.call("DELETE", f"issue/{deleted}")
    reading = hoist.read(ids)
    assert set(reading.gone) >= {archived, moved, deleted}
    assert reading.why_gone[archived] == "it was archived"
    assert "moved to OPS-1" in reading.why_gone[moved]
    assert archived not in {each["id"] for each in place.call.search("project = IT")["issues"]}
    with pytest.raises(GiveUp, match="is archived"):
        hoist.write(edit(ticket=archived, labels=("hoist-tier-2",), at=place.clock.at))


@pytest.mark.parametrize(
    ("text", "team"),
    [
        ("Parent values: Support(10021)Level 1 values: Network(10033)", "10021/10033"),
        ("Parent values: Support (NL)(10021)Level 1 values: Network (core)(10033)", "10021/10033"),
        ("Parent values: Support(10021)", "10021"),
        ("", None),
        ("Support / Network", UNKNOWN),
    ],
)
def test_what_a_history_says_of_both_levels(text: str, team: Value) -> None:
    """Both levels of a cascading select are told by a text with their ids; another text is not guessed at."""
    assert told("cascading_select", {}, ("", text), ("", ""))[0] == team


def test_a_choice_of_the_second_level_has_both_ids() -> None:
    """What is read of a cascading select is what is written, and what its choices are named by, in either form of the list."""
    value = {"id": "1", "value": "A", "child": {"id": "2", "value": "B"}}
    team = held("cascading_select", {}, value, {}, "")
    assert (team, sent("cascading_select", team)) == ("1/2", {"id": "1", "child": {"id": "2"}})
    below = Allowed(id="2", value="B")
    assert dict(levels([Allowed(id="1", value="A", children=[below])])) == {"1": "A", "1/2": "A / B"}
    assert dict(levels([Allowed(id="1", value="A"), below.model_copy(update={"parent": "1"})])) == {"1": "A", "1/2": "A / B"}


def test_a_comment_that_is_not_said_to_be_internal_is_an_alarm_in_a_service_project(
    jira: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Jira does not say who reads hoist's comment, that is a problem in a service project, and none elsewhere."""
    operation = note("moved up")
    jira.answers("GET", "issue/10001/comment", {"comments": [comment(5, NOW, user(HOIST), public=None)], "total": 1})
    jira.answers("GET", "comment/5/properties/hoist.operation", {"value": {"marker": operation.marker}})
    jira.answers("GET", "issue/10001", issue())
    for type_, alarmed in (("service_desk", True), ("software", False)):
        jira.mock.remove("GET", "https://example.atlassian.net/rest/api/3/project/ITSM")
        jira.answers("GET", "project/ITSM", {"id": "10000", "key": "ITSM", "projectTypeKey": type_})
        found = connector(monkeypatch).verify(operation)
        assert found.found is True
        assert any("is not proven to be internal" in each for each in found.problems) is alarmed
