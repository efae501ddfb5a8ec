"""`hoist forecast`: what escalates next, when and to whom."""

from __future__ import annotations

import icalendar

from rules.instants import HOUR
from tests.agent.command_line import FORGOTTEN, RULES, Desk
from tests.agent.plan.planned import at, plan


def test_a_forecast_says_what_escalates_next_when_and_to_whom(it: Desk) -> None:
    """Per team and hour, then ticket by ticket; for machines; and as a calendar in which each escalation is an event."""
    said = it.hoist("forecast")
    assert said.code == 0
    assert "The next 8 hours, if nobody acts but hoist" in said.words
    assert f"jira: {FORGOTTEN} goes to network (nobody-took-it)" in said.words
    assert "1 escalation. Nothing was written." in said.words
    found = it.hoist("forecast", "--for", "24h", "--json").json
    (expected,) = found["escalations"]
    assert (expected["ticket"], expected["team"], expected["moves"]) == (FORGOTTEN, "network", True)
    assert found["per_team_and_hour"][0]["team"] == "network"
    assert it.hoist("forecast", "--ical", "next.ics").code == 0
    events = icalendar.Calendar.from_ical((it.folder / "next.ics").read_bytes()).walk("VEVENT")
    assert [str(event["summary"]) for event in events] == [f"{FORGOTTEN} goes to network (nobody-took-it)"]
    assert it.untouched()


def test_a_forecast_is_of_the_time_and_the_team_that_was_asked_for(it: Desk) -> None:
    """Nothing beyond its end, and nothing of other teams; nonsense is refused with an example."""
    assert "Nothing escalates." in it.hoist("forecast", "--for", "30m").words
    assert "Nothing escalates." in it.hoist("forecast", "--team", "desk").words
    assert "1 escalation." in it.hoist("forecast", "--team", "network").words
    assert "write it like 60 seconds" in it.hoist("forecast", "--for", "soon").err


def test_a_forecast_goes_by_the_rules_in_force(it: Desk) -> None:
    """What changed files would do is for hoist plan to say; a plan that waits is named."""
    name, _ = plan(it, rules=RULES.replace("label: lifted", "label: raised"))
    assert it.hoist("apply", name, "--at", at(HOUR)).code == 0
    assert f"LOOK {name} comes into force at" in it.hoist("forecast").words
