"""hoist dies at each of the fourteen named points; what came of the write is told from the store and the helpdesk alone.

A new process knows nothing but the store's file, so whatever it gets right it got from there and from what the helpdesk shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agent.store import waiting
from agent.store.states import RowState
from rules.instants import HOUR, MINUTE, SECOND
from tests.simulation.desk import SOURCE
from tests.simulation.drawing import MONDAY
from tests.simulation.judging import judge
from tests.simulation.platforms import PLATFORMS
from tests.simulation.playing import Played, played
from tests.simulation.stops import STOPS
from tests.simulation.story import Crash, Deed, Freeze, Item, Meanwhile, Opened, Story, Trouble

ARMED = MONDAY + 10 * MINUTE
TICKET = Opened(
    MONDAY + MINUTE,
    "T1",
    {"summary": "No mail", "status": "Open", "team": "Service Desk", "priority": "Medium", "assignee": None},
)
NEEDED: dict[int, tuple[Item, ...]] = {
    10: (Trouble(ARMED, "lost-answer", "comment"),),
    12: (Meanwhile(ARMED, "before-edit", "bert", {"team": "Engineering"}),),
    14: (Trouble(ARMED, "503", "any", lasts=17 * MINUTE),),
}
"""What must happen so that a point is reached at all."""


OF_TWO_REQUESTS = frozenset({9, 10})
"""Points that lie between an edit and its comment: Zendesk takes both in one."""
DEATHS = [
    (platform, stop)
    for platform in PLATFORMS
    for stop in STOPS
    if stop not in {13, 14} and not (platform == "zendesk" and stop in OF_TWO_REQUESTS | {12})
]


@contextmanager
def lived(*items: Item, platform: str = "jira") -> Iterator[Played]:
    """One ticket that nobody takes, through two hours."""
    with played(Story(0, MONDAY, 2 * HOUR, HOUR, (TICKET, *items), platform=platform)) as it:
        yield it


def moved(it: Played) -> int:
    """How many saves hoist made that moved the ticket for its first firing."""
    saves = [effect for effect in it.helpdesk.effects if effect.save is not None and "team" in effect.after]
    return sum(effect.at < MONDAY + 40 * MINUTE for effect in saves if effect.firings)


@pytest.mark.parametrize(("platform", "stop"), DEATHS, ids=lambda each: STOPS.get(each, each))
def test_a_process_that_dies_is_survived(platform: str, stop: int) -> None:
    """Whichever point it dies at, its successor neither loses the escalation nor repeats it."""
    with lived(*NEEDED.get(stop, ()), Crash(ARMED, stop, 60 * SECOND), platform=platform) as it:
        assert it.crashes[stop] == 1, "the point was reached"
        assert judge(it) == []
        assert moved(it) == 1


@pytest.mark.parametrize("stop", [3, 4, 5, 6, 7, 9, 10, 11, 12], ids=lambda stop: STOPS[stop])
def test_a_process_that_lost_its_lease_does_no_harm(stop: int) -> None:
    """13: it freezes for longer than its lease, another one goes on with its work, then it wakes and finishes its sentence."""
    with lived(*NEEDED.get(stop, ()), Freeze(ARMED, stop, 150 * SECOND)) as it:
        assert it.crashes[13] == 1, "the point was reached"
        assert judge(it) == []
        assert moved(it) == 1


def test_what_is_over_by_the_restart_is_not_written_with_the_rest() -> None:
    """14: of two firings that were merged one is answered by a person while hoist is down; the other alone is written."""
    answered = Deed(MONDAY + 33 * MINUTE, "T1", "anna", {}, "I am on it.")
    with lived(*NEEDED[14], Crash(ARMED, 14, 10 * MINUTE), answered) as it:
        assert it.crashes[14] == 1, "the point was reached"
        assert judge(it) == []
        with it.database.reading() as db:
            states = {row.key.rule: row.state for row in waiting.of_source(db, SOURCE) if row.key.step == 0}
        assert states["nobody-took-it"] is RowState.APPLIED
        assert states["unanswered"] is RowState.SUPERSEDED
