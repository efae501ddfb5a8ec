"""What people say on the command line is obeyed, and whoever would not obey is found out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from unittest.mock import patch

import pytest

from agent.guards.guards import Guards
from agent.store import snoozes
from agent.undo import undo
from rules.instants import HOUR, MINUTE
from tests.simulation.drawing import MONDAY
from tests.simulation.judging import judge
from tests.simulation.playing import played
from tests.simulation.running import result_of
from tests.simulation.story import Deed, Item, Opened, Ordered, Story

TICKET = Opened(
    MONDAY + MINUTE,
    "T1",
    {"summary": "No mail", "status": "Open", "team": "Service Desk", "priority": "Medium", "assignee": None},
)


def deaf_to_pauses() -> AbstractContextManager[object]:
    return patch.multiple(Guards, standing=lambda _: "", bars=lambda *_: "", before_claiming=lambda *_: None)


def deaf_to_snoozes() -> AbstractContextManager[object]:
    return patch.object(snoozes, "until", lambda *_: {})


def takes_back_whatever_stands_there() -> AbstractContextManager[object]:
    return patch.multiple(undo._Reversal, _why_not_ours=lambda *_: "", _owner_since=lambda _: "")


def at(minutes: int, what: str, subject: str = "", lasts: int = 0) -> Ordered:
    return Ordered(MONDAY + minutes * MINUTE, what, subject, lasts * MINUTE)


STORIES: dict[str, tuple[Callable[[], AbstractContextManager[object]], tuple[Item, ...], str]] = {
    "everything is paused": (deaf_to_pauses, (at(10, "pause"), at(40, "resume")), "was written in a pause"),
    "a rule is paused": (
        deaf_to_pauses,
        (at(10, "pause", "nobody-took-it"), at(40, "resume", "nobody-took-it")),
        "nobody-took-it/1/0 was written in a pause",
    ),
    "a ticket is snoozed": (deaf_to_snoozes, (at(10, "snooze", "T1", 20),), "was written in a snooze"),
    "a move that a person has changed again is taken back": (
        takes_back_whatever_stands_there,
        (Deed(MONDAY + 20 * MINUTE, "T1", "anna", {"team": "Head of IT"}), at(25, "undo", "T1")),
        "it was not hoist's to take back",
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_orders_are_obeyed(name: str) -> None:
    """Nothing is written in a pause or on a ticket to be left alone, and what is taken back is hoist's own."""
    deaf, items, said = STORIES[name]
    story = Story(0, MONDAY, 2 * HOUR, HOUR, (TICKET, *items))
    assert not result_of(story).broken
    assert any(said in each for each in result_of(story, deaf).broken)


def test_what_is_taken_back_is_as_it_was() -> None:
    """An escalation that somebody has taken back leaves the ticket with its former team, and moves it no second time."""
    with played(Story(0, MONDAY, 2 * HOUR, HOUR, (TICKET, at(20, "undo", "T1")))) as it:
        assert judge(it) == []
        (saves,) = it.helpdesk.saves.values()
        desk, operations, *_ = it.helpdesk.far.teams
        moves = [(old, new) for save in saves for name, old, new in save.items if name == "team"]
    assert moves == [(desk, operations), (operations, desk)]
