"""What hoist knows of a whole site, and what it asks an administrator to mend."""

from typing import Final

import pytest
from pydantic import ValidationError

from connectors.jira.connector import JiraConnector
from connectors.jira.settings import JiraSettings
from rules.instants import HOUR
from rules.world import Person
from tests.connectors.jira.recorded import (
    NOW,
    TEAM,
    URL,
    Recorded,
    connector,
)

OLD: Final = NOW - HOUR


def test_problems_are_named_with_effect_and_cure(jira: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing permission, an unknown tier field and a misspelt status each become a sentence with what to do."""
    jira.answers("GET", "project/ITSM", {"id": "10000", "key": "ITSM", "projectTypeKey": "service_desk"})
    have = {
        key: {"havePermission": key != "ASSIGN_ISSUES"}
        for key in ("BROWSE_PROJECTS", "EDIT_ISSUES", "ASSIGN_ISSUES", "ADD_COMMENTS")
    }
    jira.answers("GET", "mypermissions", {"permissions": have})
    jira.answers(
        "GET",
        "field",
        [
            {
                "id": "customfield_7",
                "name": "Group",
                "schema": {"custom": "com.atlassian.jira.plugin.system.customfieldtypes:select"},
            }
        ],
    )
    found = connector(monkeypatch, statuses={"pending": ["Waiting for custmer"]}).problems()
    said = "\n".join(found)
    assert len(found) == 4
    assert "'Assign issues' (ASSIGN_ISSUES) in project ITSM: it can't change the assignee; grant it" in said
    assert "SERVICEDESK_AGENT" in said
    assert f"{TEAM} does not exist" in said
    assert "customfield_7 (Group)" in said
    assert "did you mean 'Waiting for customer'?" in said


def test_an_unseen_project_is_a_problem(jira: Recorded, hoist: JiraConnector) -> None:
    """A project that hoist's account may not see is named, rather than read as empty."""
    jira.answers("GET", "project/ITSM", {"errorMessages": ["No project"]}, 404)
    jira.answers("GET", "field", [{"id": TEAM, "name": "Team", "schema": {"custom": "x:textfield", "type": "string"}}])
    found = hoist.problems()
    assert "project ITSM does not exist" in found[0]
    assert "is of the type x:textfield" in found[1]


def test_a_directory_without_administration_rights(jira: Recorded, hoist: JiraConnector) -> None:
    """Without admin rights teams and priorities come from what one of the project's issues may be given."""
    for path in ("priorityscheme", f"field/{TEAM}/context", "user/assignable/search"):
        jira.answers("GET", path, {"errorMessages": ["Administrators only."]}, 403)
    jira.answers("GET", "project/ITSM", {"id": "10000", "key": "ITSM"})
    jira.finds({"10001": OLD})
    options = [{"id": "20000", "value": "Service Desk"}, {"id": "20001", "value": "Network"}]
    priorities = [{"id": "4", "name": "P1"}, {"id": "1", "name": "P2"}]
    jira.answers(
        "GET", "issue/10001/editmeta", {"fields": {TEAM: {"allowedValues": options}, "priority": {"allowedValues": priorities}}}
    )
    directory = hoist.directory()
    assert dict(directory.teams) == {"20000": "Service Desk", "20001": "Network"}
    assert list(directory.priorities.items()) == [("4", "P1"), ("1", "P2")]
    assert directory.statuses["4"] == "Waiting for customer"


def test_priorities_follow_the_projects_scheme(jira: Recorded, hoist: JiraConnector) -> None:
    """Priorities are ordered by the project's own scheme, never by id."""
    page = {"values": [{"id": "10000"}], "isLast": True}
    schemes = [{"id": "1", "isDefault": True}, {"id": "2", "projects": page}]
    jira.answers("GET", "priorityscheme", {"values": schemes, "isLast": True})
    jira.answers(
        "GET",
        "priorityscheme/2/priorities",
        {"values": [{"id": "9", "name": "Now"}, {"id": "1", "name": "Later"}], "isLast": True},
    )
    jira.answers("GET", "project/ITSM", {"id": "10000", "key": "ITSM"})
    jira.answers("GET", f"field/{TEAM}/context", {"values": [{"id": "5", "name": "All"}], "isLast": True})
    jira.answers("GET", f"field/{TEAM}/context/5/option", {"values": [{"id": "20000", "value": "Desk"}], "isLast": True})
    jira.answers("GET", "user/assignable/search", [{"accountId": "a-1", "displayName": "Anna", "emailAddress": "a@example.com"}])
    directory = hoist.directory()
    assert list(directory.priorities) == ["9", "1"]
    assert dict(directory.teams) == {"20000": "Desk"}
    assert directory.people == {"a-1": Person("a-1", "Anna", email="a@example.com")}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"url": "http://example.atlassian.net"}, "use https"),
        ({"url": "https://me:pw@example.atlassian.net"}, "carries no credential"),
        ({"token": "ATATT3xFfGF0"}, "not written into a settings file"),
        ({"projects": []}, "at least 1"),
        ({"tier_field": {"kind": "select"}}, "needs the id of the custom field"),
        ({"tier_field": {"kind": "component", "field": TEAM}}, "takes no field id"),
        ({"statuses": {"pending": ["Wait"], "on_hold": ["wait"]}}, "more than once: wait"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_settings_are_refused_with_a_reason(wrong: dict[str, object], says: str) -> None:
    """Settings are checked whole before anything is sent, and no secret in them is repeated."""
    given = {"url": URL, "username": "a", "token": "env:T", "projects": ["ITSM"], "tier_field": {"kind": "select", "field": TEAM}}
    with pytest.raises(ValidationError, match=says) as caught:
        JiraSettings.model_validate(given | wrong)
    assert "ATATT3xFfGF0" not in str(caught.value) + repr(caught.value.errors())
