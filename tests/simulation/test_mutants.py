"""Outboxes that are broken on purpose: each is caught within fifty seeds, or the simulation looks at the wrong things."""

from __future__ import annotations

import pytest

from tests.simulation.drawing import drawn
from tests.simulation.mutants import MUTANTS
from tests.simulation.running import result_of

SEEDS = 50
FIRST = {
    "marker look-up removed": 2,
    "fresh read removed": 3,
    "waiting time zero": 3,
    "relative values re-decided": 2,
    "old-value check removed": 1,
    "horizon check removed": 7,
    "ticket revision check removed": 18,
    "steps not collapsed": 12,
    "restore not noticed": 2,
}
"""Seeds that caught a mutant before are tried first."""


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_outbox_is_caught(name: str) -> None:
    """Whoever takes one of hoist's precautions away hears of it."""
    seeds = sorted(range(SEEDS), key=lambda seed: (seed - FIRST.get(name, 0)) % SEEDS)
    assert any(result_of(drawn(seed), MUTANTS[name]).broken for seed in seeds)
