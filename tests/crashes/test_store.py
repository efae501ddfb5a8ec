"""The store is full, read-only, damaged or gone: hoist says so and stops, or goes on, and nothing is lost (docs/recovery.md)."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rules.instants import MINUTE
from tests.agent.command_line import Desk, desk
from tests.crashes.stage import NONE, stage

NOBODY = 65_534
PAGE = 4_096


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def changed(store: Path, statement: str) -> None:
    """Somebody changes the store by hand."""
    with closing(sqlite3.connect(store)) as db:
        db.execute(statement)
        db.commit()


def written_once(it: Desk) -> bool:
    saves, comments = it.record()
    return (len(saves), len(comments)) == (1, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sources SET cursor = 'garbage'",
        "UPDATE sources SET cursor = x'ff00ff'",
        'UPDATE sources SET cursor = \'{"projects": ["IT"], "since": "never"}\', horizon = \'far\', polled_at = \'then\'',
        "DELETE FROM sources",
    ],
)
def test_a_damaged_cursor_row_is_read_anew(statement: str, it: Desk) -> None:
    """hoist begins to read from the beginning, finds what it had missed, and repeats nothing."""
    assert it.hoist("run", "--once").code == 0
    assert written_once(it)
    changed(it.folder / "hoist.db", statement)
    again = it.hoist("run", "--once")
    assert again.code == 0, again
    assert written_once(it)
    assert it.hoist("status").code == 0
    assert it.hoist("why", "jira:IT-1").code == 0


@pytest.mark.parametrize(("table", "command"), [("tickets", ["run", "--once"]), ("sources", ["status"])])
def test_a_damaged_page_is_a_clear_stop_and_the_backup_goes_on(table: str, command: list[str], it: Desk, tmp_path: Path) -> None:
    """A command that comes upon it says what is wrong and what to do; with the backup nothing is written a second time."""
    assert it.hoist("run", "--once").code == 0
    store, backup = it.folder / "hoist.db", tmp_path / "backup.db"
    shutil.copy(store, backup)
    with closing(sqlite3.connect(store)) as db:
        ((root,),) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
    with store.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\xa5" * PAGE)
    said = it.hoist(*command)
    assert said.code == 2
    assert "database disk image is malformed. Restore it from a backup" in said.words
    shutil.copy(backup, store)
    again = it.hoist("run", "--once")
    # A run that came upon the damage has left a later sign of life than the backup knows: hoist's marks are read back first.
    older = command[0] == "run" and "hoist's store is older than what hoist has done here" in again.words
    assert (again.code, again.words) == (int(older), again.words)
    assert written_once(it)


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that everybody may enter: permissions do not bind root, so root becomes somebody else in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


def test_a_store_that_became_read_only_is_a_clear_stop(open_to_all: Path) -> None:
    """hoist names the file that it can't write; once it may, it goes on where it was."""
    with desk(open_to_all) as it:
        assert it.hoist("run", "--once").code == 0
        store = open_to_all / "hoist.db"
        store.chmod(0o444)
        for other in open_to_all.iterdir():
            if other != store and other.is_file():
                other.chmod(0o666)
        before = os.geteuid()
        if before == 0:
            os.seteuid(NOBODY)
        try:
            said = it.hoist("run", "--once")
        finally:
            os.seteuid(before)
        assert said.code == 2
        assert f"the store {store} can't be" in said.words
        assert "must be writable" in said.words
        store.chmod(0o600)
        assert it.hoist("run", "--once").code == 0
        assert written_once(it)


def test_a_full_disk_is_a_clear_stop_and_room_is_all_it_takes(tmp_path: Path) -> None:
    """With writes under way the disk is full: hoist stops and says so; with room it finds out what became of them."""
    with stage(tmp_path, 24, faults=NONE) as it:
        with it.running() as hoist:
            hoist.wait_until_it_runs()
            it.until_written(2)
            hoist.process.send_signal(signal.SIGTERM)
            hoist.rest()
        it.ahead.go_on(5 * MINUTE)
        with it.running(file_size=it.store.stat().st_size) as hoist:
            _, log = hoist.rest()
        assert hoist.process.returncode == 2, log
        assert "Traceback" not in log
        assert "disk" in log
        assert "start hoist again: what it had committed is kept" in log
        it.come_to_rest()
        it.judge()


def test_a_store_that_is_removed_while_hoist_runs_is_saved(tmp_path: Path) -> None:
    """hoist notices it before the next write, saves what it holds, and does not start on an empty store by itself."""
    with stage(tmp_path, 12, faults=NONE) as it:
        with it.running() as hoist:
            hoist.wait_until_it_runs()
            it.until_written(1)
            for end in ("", "-wal", "-shm"):
                it.store.with_name(f"hoist.db{end}").unlink(missing_ok=True)
            _, log = hoist.rest()
        assert hoist.process.returncode == 2, log
        saved = tmp_path / "hoist.db.saved"
        assert f"was removed or replaced while hoist ran. All that was in it is in {saved}" in log
        assert not it.store.exists()
        refused = it.hoist("run", "--once")
        assert refused.code == 2
        assert "is missing, though hoist ran on it" in refused.words
        assert not it.store.exists()
        saved.rename(it.store)
        it.come_to_rest()
        it.judge()


def test_a_lost_store_is_begun_anew_only_when_somebody_says_so(it: Desk) -> None:
    """Without the store hoist knows nothing of its own writes; deleting the file beside it says that this is meant."""
    assert it.hoist("run", "--once").code == 0
    (it.folder / "hoist.db").unlink()
    refused = it.hoist("run", "--once")
    assert refused.code == 2
    assert "put it back, or restore a backup" in refused.words
    assert not (it.folder / "hoist.db").exists()
    (it.folder / "hoist.db.life").unlink()
    assert it.hoist("run", "--once").code == 0
