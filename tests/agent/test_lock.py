"""One agent per store."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from agent.errors import StoreError
from agent.lock import only_one


def test_a_second_agent_is_told_so(tmp_path: Path) -> None:
    """A store that another hoist runs on is refused with a sentence; afterwards it is free again."""
    store = tmp_path / "hoist.db"
    with only_one(store):
        with pytest.raises(StoreError, match="another hoist is running"), only_one(store):
            pytest.fail("two at once")
        with only_one(tmp_path / "other.db"):
            pass
    with only_one(store):
        pass


def test_a_lock_is_free_after_any_end(tmp_path: Path) -> None:
    """Whatever ends the agent, its lock ends with it."""
    store = tmp_path / "hoist.db"
    with pytest.raises(KeyboardInterrupt), only_one(store):
        raise KeyboardInterrupt
    with only_one(store):
        pass


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    """The sentence names the lock and what to do."""
    with pytest.raises(StoreError, match="must be writable"), only_one(tmp_path / "nowhere" / "hoist.db"):
        pytest.fail("there is no such folder")


def test_a_disk_that_cannot_lock_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network disks know no locks: a sentence, not a traceback."""

    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreError, match="disk of this machine"), only_one(tmp_path / "hoist.db"):
        pytest.fail("it was not locked")


def test_a_link_to_a_store_is_that_store(tmp_path: Path) -> None:
    """Two settings files that name one store in two ways can't run two agents on it."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "hoist.db").touch()
    linked = tmp_path / "elsewhere" / "store.db"
    linked.symlink_to(tmp_path / "hoist.db")
    with only_one(tmp_path / "hoist.db"), pytest.raises(StoreError, match="another hoist is running"), only_one(linked):
        pytest.fail("it runs twice")
