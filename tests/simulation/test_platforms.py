"""What keeps hoist from harm on the other platforms, one short story each: without it the simulation says what was broken."""

from __future__ import annotations

import pytest

from rules.instants import HOUR, MINUTE, SECOND
from tests.simulation.drawing import MONDAY
from tests.simulation.mutants import MUTANTS
from tests.simulation.running import result_of
from tests.simulation.story import Deed, Item, Meanwhile, Opened, Story, Trouble

DUE = MONDAY + 17 * MINUTE
"""Between two polls."""
TICKET = Opened(MONDAY + 2 * MINUTE, "T1", {"summary": "No mail", "status": "Open", "team": "Service Desk", "priority": "Medium"})
STORIES: dict[str, Item] = {
    "marker look-up removed": Trouble(DUE, "lost-answer", "edit"),
    "waiting time zero": Trouble(DUE, "late", "edit", 1, 0, 120),
    "fresh read removed": Deed(DUE - 20 * SECOND, "T1", "anna", {"assignee": "anna"}),
    "old-value check removed": Meanwhile(DUE, "before-edit", "bert", {"team": "Head of IT"}),
}
NEEDED = [
    ("servicenow", "marker look-up removed"),
    ("servicenow", "waiting time zero"),
    ("servicenow", "old-value check removed"),
    ("zendesk", "marker look-up removed"),
]
REFUSED = [("servicenow", "fresh read removed"), ("zendesk", "waiting time zero"), ("zendesk", "fresh read removed")]
"""ServiceNow is looked at once more before an update; Zendesk refuses one that rests on an older state of the ticket."""


def story(platform: str, item: Item) -> Story:
    return Story(0, MONDAY, 2 * HOUR, HOUR, (TICKET, item), platform=platform)


@pytest.mark.parametrize(("platform", "mutant"), NEEDED)
def test_a_precaution_is_needed_on_every_platform(platform: str, mutant: str) -> None:
    """With it nothing is lost, repeated or trampled upon; whoever takes it away hears of it."""
    played = story(platform, STORIES[mutant])
    assert not result_of(played).broken
    assert result_of(played, MUTANTS[mutant]).broken


@pytest.mark.parametrize(("platform", "mutant"), REFUSED)
def test_a_guarded_write_does_no_harm_where_hoist_is_careless(platform: str, mutant: str) -> None:
    """What rests on an older state of the ticket is not written, even without one of hoist's own precautions."""
    assert not result_of(story(platform, STORIES[mutant]), MUTANTS[mutant]).broken


ANSWERS = [
    *(("servicenow", kind) for kind in ("202", "html-200", "500-after", "unserviced")),
    *(("zendesk", kind) for kind in ("conflict", "html-200", "500-after", "429-bare")),
]


@pytest.mark.parametrize(("platform", "kind"), ANSWERS)
def test_whatever_is_answered_nothing_is_lost(platform: str, kind: str) -> None:
    """An update that was refused, dropped, made or half made is there once in the end, whatever was said of it."""
    result = result_of(story(platform, Trouble(DUE, kind, "edit", 2)))
    assert not result.broken
    assert result.faults[kind]
    assert result.effects
