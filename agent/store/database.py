"""Opening the store: SQLite in WAL mode with full synchronisation, one writer at a time, and its migrations."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.exc import DatabaseError

from agent.errors import StoreError
from agent.store.tables import metadata

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 30


class Database:
    """The store of one hoist. Make it with `open_database`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A writing transaction: all of it is on disk after the block, or none of it."""
        with self.engine.connect() as db:
            db.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.exec_driver_sql("ROLLBACK")
                raise
            db.exec_driver_sql("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view that writes nothing."""
        with self.engine.connect() as db:
            db.exec_driver_sql("BEGIN")
            try:
                yield db
            finally:
                db.exec_driver_sql("ROLLBACK")

    def close(self) -> None:
        self.engine.dispose()


def open_database(path: Path) -> Database:
    """Open (or make) the store at `path` and bring its tables up to date.

    Raises StoreError where the file can't be opened or written, is no database or another program's, or was written by a newer
    hoist.
    """
    _make_file(path)
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, hide_parameters=True
    )
    event.listen(engine, "connect", _prepare)
    database = Database(engine)
    try:
        with database.transaction() as db:
            _bring_up_to_date(db, path)
    except (DatabaseError, sqlite3.DatabaseError) as error:
        database.close()
        raise StoreError(f"the store {path} can't be used: {_advice(error)}") from error
    except StoreError:
        database.close()
        raise
    return database


def _make_file(path: Path) -> None:
    """The store holds the markers' key and ticket texts: its owner alone may read it. SQLite gives its -wal the same mode."""
    try:
        if not path.parent.is_dir():
            raise StoreError(f"the folder of the store {path} does not exist: make it, or set `store:` in hoist.yaml")
        path.touch(mode=0o600)
    except OSError as error:
        raise StoreError(f"the store {path} can't be written ({error.strerror}): it and its folder must be writable") from error


def _advice(error: DatabaseError | sqlite3.DatabaseError) -> str:
    cause = error.orig if isinstance(error, DatabaseError) else error
    if "readonly" in str(cause) or "unable to open" in str(cause):
        return f"{cause}; the file and its folder must be writable"
    if "locked" in str(cause):
        return f"{cause} for {BUSY_SECONDS} seconds; another program is writing to it"
    return f"{cause}. Restore it from a backup, or move it away"


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin and end where Database says so, not where the driver guesses
    # FULL: a committed `sent` must survive a power cut, or a restart would send a second time.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -32000", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def migrations(connection: Connection) -> Config:
    """The alembic configuration for an open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _bring_up_to_date(db: Connection, path: Path) -> None:
    config = migrations(db)
    if not inspect(db).get_table_names():
        metadata.create_all(db)
        command.stamp(config, "head")
        return
    present = MigrationContext.configure(db).get_current_revision()
    if present is None:
        raise StoreError(f"{path} is a database of another program: set `store:` in hoist.yaml to a file of hoist's own")
    if present not in {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}:
        raise StoreError(
            f"the store {path} was written by a newer hoist (revision {present}): install that version, or restore a backup"
        )
    command.upgrade(config, "head")
