"""Outboxes that are broken on purpose: each is caught within fifty seeds, or the simulation looks at the wrong things."""

from __future__ import annotations

import pytest

from tests.simulation.drawing import drawn
from tests.simulation.mutants import MUTANTS
from tests.simulation.running import result_of
from tests.simulation.story import families

SEEDS = 50
FIRST = {name: 0 for name in MUTANTS}
"""Seeds that caught a mutant before are tried first."""


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_outbox_is_caught(name: str) -> None:
    """Whoever takes one of hoist's precautions away hears of it."""
    faults = set(families()) - {"restore"}
    seeds = sorted(range(SEEDS), key=lambda seed: (seed - FIRST[name]) % SEEDS)
    assert any(result_of(drawn(seed, 6, faults), MUTANTS[name]).broken for seed in seeds)
