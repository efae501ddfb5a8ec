"""Outboxes that are broken on purpose: each is caught within fifty seeds, or the simulation looks at the wrong things."""

from __future__ import annotations

import pytest

from rules.instants import HOUR, MINUTE, SECOND
from tests.simulation.drawing import CACHED, MONDAY, drawn
from tests.simulation.mutants import MUTANTS, no_look_at_the_date_of_a_read
from tests.simulation.running import result_of
from tests.simulation.story import Deed, Opened, Story, Trouble

SEEDS = 50
FIRST = {
    "marker look-up removed": 2,
    "fresh read removed": 5,
    "waiting time zero": 3,
    "relative values re-decided": 2,
    "old-value check removed": 4,
    "horizon check removed": 25,
    "steps not collapsed": 12,
    "restore not noticed": 2,
    "age of a record not compared": 2,
}
"""Seeds that caught a mutant before are tried first."""


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_outbox_is_caught(name: str) -> None:
    """Whoever takes one of hoist's precautions away hears of it."""
    seeds = sorted(range(SEEDS), key=lambda seed: (seed - FIRST.get(name, 0)) % SEEDS)
    assert any(result_of(drawn(seed), MUTANTS[name]).broken for seed in seeds)


def test_a_read_out_of_a_cache_is_looked_at() -> None:
    """A first try is refused, Carl takes the ticket, and a proxy shows it as it was: who does not look at the date writes."""
    due = MONDAY + 16 * MINUTE
    values = {"summary": "No mail", "status": "Open", "team": "Service Desk", "priority": "Medium"}
    items = (
        Opened(MONDAY + MINUTE, "T1", values),
        Trouble(due, "refused", "edit"),
        Deed(due + 10 * SECOND, "T1", "carl", {"assignee": "carl"}),
        Trouble(due + 30 * SECOND, CACHED, "any", 6, 0, 30),
    )
    story = Story(0, MONDAY, 2 * HOUR, HOUR, items)
    assert not result_of(story).broken
    assert result_of(story, no_look_at_the_date_of_a_read).broken
