"""`hoist run --dry-run`: Anna sees what hoist would decide, and the helpdesk never gets a request that could change anything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.command_line import Desk, desk
from tests.agent.noting_site import NotingSite


@pytest.fixture
def helpdesk(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path, kind=NotingSite) as made:
        yield made


def unsafe(helpdesk: Desk) -> list[tuple[str, str]]:
    assert isinstance(helpdesk.sandbox, NotingSite)
    return helpdesk.sandbox.unsafe


def test_a_dry_run_sends_no_unsafe_request(helpdesk: Desk) -> None:
    """It reads and decides as ever, a firing among it, and not one request leaves that could change anything."""
    found = helpdesk.hoist("run", "--once", "--dry-run")
    assert found.code == 0, found.words
    assert "1 escalation decided, 0 writes" in found.words
    assert "nothing was written" in found.words
    assert unsafe(helpdesk) == []
    assert helpdesk.untouched()
    assert helpdesk.hoist("run", "--once").code == 0
    assert unsafe(helpdesk), "the same without --dry-run does write"


def test_a_dry_run_leaves_the_store_alone(helpdesk: Desk) -> None:
    """What hoist knows, and which rules are live since when, stays as it is; the copy is taken anew each time."""
    helpdesk.hoist("run", "--once")
    written = len(unsafe(helpdesk))
    store = helpdesk.folder / "hoist.db"
    before = hashlib.sha256(store.read_bytes()).hexdigest()
    for _ in range(2):
        assert helpdesk.hoist("run", "--once", "--dry-run").code == 0
    assert hashlib.sha256(store.read_bytes()).hexdigest() == before
    assert len(unsafe(helpdesk)) == written
    assert (helpdesk.folder / "hoist-dry-run.db").exists()
