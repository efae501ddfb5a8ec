"""hoist is killed with SIGKILL while it works, again and again, and loses nothing and repeats nothing."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import pytest

from rules.instants import MINUTE
from tests.crashes.far_side import TAKEN_EVERY
from tests.crashes.stage import stage, survive

KILLS = {"jira": 10, "servicenow": 3, "zendesk": 3}


@pytest.mark.parametrize("platform", KILLS)
def test_killed_at_random_instants_it_writes_each_escalation_once(tmp_path: Path, platform: str) -> None:
    """Death after death beside a helpdesk that loses answers: each escalation is there once, and the journal agrees."""
    seed = random.randrange(1_000_000)
    logging.getLogger("hoist").info(
        "play it again: python -m tests.crashes --kills %d --seed %d --platform %s", KILLS[platform], seed, platform
    )
    seen = survive(tmp_path, KILLS[platform], seed, platform=platform)
    assert seen["killed while it started"] + seen["killed while it ran"] >= KILLS[platform], (seed, seen)
    assert seen["escalations"] >= seen["tickets"] * (TAKEN_EVERY - 1) // TAKEN_EVERY, (seed, seen)


def test_killed_while_a_write_is_on_its_way_it_looks_before_it_writes_again(tmp_path: Path) -> None:
    """Every answer is lost, and hoist is killed with writes under way: what took effect is found, and not written again."""
    with stage(tmp_path, 3, faults={"lost-answer": 1.0}) as it:
        it.ahead.go_on(MINUTE)
        with it.running() as hoist:
            hoist.wait_until_it_runs()
            it.until_written(1)
            hoist.process.kill()
            hoist.process.wait()
        assert it.unsettled()
        it.come_to_rest()
        assert it.judge()["escalations"] == 3
