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

    Raises StoreError where the file can't be opened, is no database, or was written by a newer hoist.
    """
    if not path.parent.is_dir():
        raise StoreError(f"the folder of the store {path} does not exist: make it, or set `store:` in hoist.yaml")
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _prepare)
    try:
        _bring_up_to_date(engine)
    except DatabaseError as error:
        engine.dispose()
        raise StoreError(f"the store {path} can't be used: {error.orig}. Restore it from a backup, or move it away") from error
    return Database(engine)


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


def _bring_up_to_date(engine: Engine) -> None:
    with engine.connect() as connection:
        config = migrations(connection)
        if not inspect(connection).get_table_names():
            metadata.create_all(connection)
            command.stamp(config, "head")
        else:
            _refuse_newer(connection, config)
            command.upgrade(config, "head")
        connection.commit()


def _refuse_newer(connection: Connection, config: Config) -> None:
    present = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if present is not None and present not in known:
        raise StoreError(
            f"the store was written by a newer hoist (revision {present}): install that version, or restore a backup"
        )
