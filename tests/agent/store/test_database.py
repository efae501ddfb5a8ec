"""The store opens, or says in a sentence why it does not; what is committed is there, what is not is not."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from agent.errors import StoreError
from agent.store import journal, upgrade
from agent.store.database import HEAD, Database, open_database
from agent.store.tables import metadata

NOBODY = 65_534


def schema(path: Path) -> list[tuple[str, ...]]:
    """Everything that SQLite says about tables, columns and indexes, white space aside."""
    with sqlite3.connect(path) as db:
        tables = [name for (name,) in db.execute("select name from sqlite_master where type = 'table' order by name")]
        columns = [(table, *map(str, row)) for table in tables for row in db.execute(f"pragma table_info({table})")]
        indexes = [
            (table, index[1], str(index[2]), *(str(part[2]) for part in db.execute(f"pragma index_info({index[1]})")))
            for table in tables
            for index in sorted(db.execute(f"pragma index_list({table})"), key=lambda row: str(row[1]))
        ]
    db.close()
    return [*columns, *indexes]


def test_migrating_from_nothing_equals_making_anew(tmp_path: Path) -> None:
    """A store that grew through every version has the same tables, columns and indexes as one that was made today."""
    open_database(tmp_path / "made.db").close()
    engine = create_engine(f"sqlite:///{tmp_path / 'grown.db'}")
    with engine.begin() as db:
        upgrade.to_head(db)
    with engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []
    engine.dispose()
    assert schema(tmp_path / "grown.db") == schema(tmp_path / "made.db")
    open_database(tmp_path / "grown.db").close()


def test_the_present_revision_is_the_last_migration() -> None:
    """A store is taken for up to date only if no migration is left to run."""
    script = ScriptDirectory(str(upgrade.MIGRATIONS))
    assert script.get_current_head() == HEAD


def test_a_store_is_opened_again(tmp_path: Path) -> None:
    """What was committed is there after hoist was started again."""
    first = open_database(tmp_path / "hoist.db")
    with first.transaction() as db:
        journal.append(db, "said", 1, "desk")
    first.close()
    again = open_database(tmp_path / "hoist.db")
    with again.reading() as db:
        assert [line.kind for line in journal.lines(db)] == ["said"]
    again.close()


def test_what_is_settled_needs_no_log(tmp_path: Path) -> None:
    """Once brought home, what was committed is in the database file itself; there is nothing to do twice."""
    store = open_database(tmp_path / "hoist.db")
    with store.transaction() as db:
        journal.append(db, "said", 1, "desk")
    store.settle()
    store.settle()
    (tmp_path / "copy.db").write_bytes((tmp_path / "hoist.db").read_bytes())
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("select kind from journal").fetchall() == [("said",)]
    store.close()


def test_settling_waits_for_nobody(tmp_path: Path) -> None:
    """A reader who is in the middle of something keeps what it sees, and what was committed since is brought home later."""
    store = open_database(tmp_path / "hoist.db")
    with store.reading() as reader:
        assert list(journal.lines(reader)) == []
        with store.transaction() as db:
            journal.append(db, "said", 1, "desk")
        store.settle()
        assert list(journal.lines(reader)) == []
    with store.reading() as db:
        assert [line.kind for line in journal.lines(db)] == ["said"]
    store.close()


def test_a_store_from_a_newer_hoist_is_refused(tmp_path: Path) -> None:
    """An older hoist does not guess at tables that it does not know."""
    opened = open_database(tmp_path / "hoist.db")
    with opened.transaction() as db:
        db.execute(text("update alembic_version set version_num = '9999'"))
    opened.close()
    with pytest.raises(StoreError, match=r"newer hoist \(revision 9999\): install that version"):
        open_database(tmp_path / "hoist.db")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A text file in the store's place is left as it is."""
    path = tmp_path / "hoist.db"
    path.write_text("This is a letter to my grandmother, and rather a long one. " * 200)
    with pytest.raises(StoreError, match=r"can't be used: file is not a database\. Restore it"):
        open_database(path)
    assert path.read_text().startswith("This is a letter")


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """hoist puts its tables beside nobody else's."""
    with sqlite3.connect(tmp_path / "hoist.db") as db:
        db.execute("create table recipes (name text)")
    db.close()
    with pytest.raises(StoreError, match="another program"):
        open_database(tmp_path / "hoist.db")


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    """The sentence says where the store was to be."""
    with pytest.raises(StoreError, match=r"nowhere/hoist\.db does not exist: make it"):
        open_database(tmp_path / "nowhere" / "hoist.db")


@pytest.fixture
def somebody_else() -> Iterator[None]:
    """Permissions do not bind root, so root becomes nobody for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    yield
    os.seteuid(before)


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A folder that everybody may enter and nobody may write to, with a store in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        open_database(folder / "hoist.db").close()
        (folder / "hoist.db").chmod(0o444)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def test_a_folder_that_is_read_only_is_said_so(read_only: Path, somebody_else: None) -> None:
    """A new store and an old one in a folder that can't be written: a sentence that says what to change."""
    for name in ("new.db", "hoist.db"):
        with pytest.raises(StoreError, match=f"{name} can't be .* must be writable"):
            open_database(read_only / name)


def test_the_store_is_its_owners_alone(tmp_path: Path) -> None:
    """It holds the key of the markers and what tickets say: a new file can be read by nobody else."""
    opened = open_database(tmp_path / "hoist.db")
    with opened.transaction() as db:
        journal.append(db, "said", 1, "desk")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    opened.close()
    assert set(modes.values()) == {0o600}, modes


def test_a_transaction_is_whole_or_nothing(database: Database) -> None:
    """Whatever ends it, a key press too, nothing of it stays."""

    def interrupted(end: type[BaseException]) -> None:
        with database.transaction() as db:
            journal.append(db, "said", 1, "desk")
            raise end

    for end in (ValueError, KeyboardInterrupt):
        with pytest.raises(end):
            interrupted(end)
    with database.reading() as db:
        assert not list(journal.lines(db))


def test_a_full_disk_is_said_and_leaves_nothing_half_done(database: Database) -> None:
    """A transaction that finds no room is gone as a whole, and with room the store goes on."""
    with database.transaction() as db:
        pages = int(db.exec_driver_sql("PRAGMA page_count").scalar() or 0)

    def fill() -> None:
        with database.transaction() as db:
            db.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            for number in range(5_000):
                journal.append(db, "said", number, "desk", said="x" * 100)

    with pytest.raises(StoreError, match=r"database or disk is full\. Make room on its disk, then start hoist again"):
        fill()
    database.engine.dispose()
    with database.transaction() as db:
        assert not list(journal.lines(db))
        journal.append(db, "said", 1, "desk")


def test_a_mistake_in_a_statement_is_not_taken_for_trouble_with_the_disk(database: Database) -> None:
    """What is wrong in hoist itself is not told to a person as something that they could mend."""
    with pytest.raises(OperationalError, match="no such table"), database.transaction() as db:
        db.exec_driver_sql("SELECT * FROM nowhere")


def test_a_store_that_is_removed_is_saved_and_takes_no_more(tmp_path: Path) -> None:
    """What was committed to a file that has no name any more would be lost with the process: it is saved beside it."""
    opened = open_database(tmp_path / "hoist.db")
    with opened.transaction() as db:
        journal.append(db, "said", 1, "desk")
    for end in ("", "-wal", "-shm"):
        (tmp_path / f"hoist.db{end}").unlink()
    for use in (opened.transaction, opened.reading):
        with pytest.raises(StoreError, match=r"All that was in it is in .*hoist\.db\.saved: move that"), use():
            pytest.fail("it is still used")
    opened.close()
    assert not (tmp_path / "hoist.db").exists()
    with closing(open_database(tmp_path / "hoist.db.saved")) as saved, saved.reading() as db:
        assert len(list(journal.lines(db))) == 1


def test_a_view_stays_as_it_began(database: Database) -> None:
    """Whoever reads sees one moment, while another one writes."""
    with database.reading() as reading:
        assert not list(journal.lines(reading))
        with database.transaction() as writing:
            journal.append(writing, "said", 1, "desk")
        assert not list(journal.lines(reading))
    with database.reading() as reading:
        assert list(journal.lines(reading))


def test_a_committed_line_survives_a_power_cut(database: Database) -> None:
    """SQLite is told to wait for the disk at each commit: a restart must not send a second time."""
    with database.transaction() as db:
        assert db.execute(text("pragma synchronous")).scalar() == 2
        assert db.execute(text("pragma journal_mode")).scalar() == "wal"


def test_a_view_writes_nothing_by_mistake(database: Database) -> None:
    """What is written in a view is gone with it."""
    with database.reading() as db:
        journal.append(db, "said", 1, "desk")
    with database.reading() as db:
        assert not list(journal.lines(db))


def test_a_store_that_dies_while_it_is_made_is_made_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of its tables are there with their revision, or none."""

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("agent.store.database._note_revision", dies)
    with pytest.raises(KeyboardInterrupt):
        open_database(tmp_path / "hoist.db")
    monkeypatch.undo()
    assert schema(tmp_path / "hoist.db") == []
    open_database(tmp_path / "hoist.db").close()
