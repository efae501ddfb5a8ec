"""What a platform tells hoist of changes, delivered badly: it costs time at most."""

from __future__ import annotations

import pytest

from rules.instants import MINUTE
from tests.simulation.drawing import MONDAY, drawn
from tests.simulation.mutants import hints_count_as_reads
from tests.simulation.platforms import PLATFORMS
from tests.simulation.running import result_of
from tests.simulation.story import Deed, Misdelivery, Opened, Story, Webhook
from tests.simulation.telling import MISDELIVERIES

TICKETS = tuple(
    Opened(
        MONDAY + minute * MINUTE,
        f"T{minute}",
        {"summary": "No mail", "status": "Open", "team": "Service Desk", "priority": "Medium"},
    )
    for minute in (1, 2, 3)
)
TAKEN = Deed(MONDAY + 10 * MINUTE, "T2", "anna", {"assignee": "anna", "status": "In Progress"})
BADLY = tuple(
    Misdelivery(MONDAY + minute * MINUTE, how, lasts=3 * MINUTE, seconds=seconds)
    for minute, how, seconds in ((1, "late", 240), (4, "repeated", 2), (8, "forged", 0), (12, "lost", 0), (16, "replayed", 900))
)
BUSY = tuple(
    Deed(MONDAY + minute * MINUTE, "T1", "bert", {}, f"Still at it, {minute}.", public=False) for minute in (5, 6, 9, 13, 14, 17)
)


def told(platform: str, *items: Misdelivery) -> Story:
    return Story(0, MONDAY, 70 * MINUTE, 45 * MINUTE, (Webhook(MONDAY), *TICKETS, TAKEN, *BUSY, *items), platform=platform)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_deliveries_may_go_wrong_in_every_way(platform: str) -> None:
    """Calls that come late, repeatedly, from strangers, from a recording or never: nothing is lost, nothing is there twice."""
    result = result_of(told(platform, *BADLY))
    assert not result.broken
    assert result.effects
    assert {f"webhook-{how}" for how in MISDELIVERIES} <= result.faults.keys()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_a_webhook_tells_is_never_more_than_a_hint(platform: str) -> None:
    """Even a hoist that took the call for a read would write nothing because of it: what it writes rests on a read of its own."""
    result = result_of(told(platform), hints_count_as_reads)
    assert not result.broken
    assert result.effects


@pytest.mark.parametrize("platform", PLATFORMS)
def test_seeds_have_their_webhooks(platform: str) -> None:
    """Of the seeds that CI plays some tell hoist of changes, and some of those badly."""
    drawings = [drawn(seed, platform=platform).items for seed in range(4)]
    assert any(isinstance(item, Webhook) for items in drawings for item in items)
    assert any(isinstance(item, Misdelivery) for items in drawings for item in items)
