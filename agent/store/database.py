"""Opening the store: SQLite in WAL mode with full synchronisation, one writer at a time, and its migrations."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

from sqlalchemy import Column, Connection, Engine, MetaData, PrimaryKeyConstraint, String, Table, create_engine, event, inspect
from sqlalchemy.exc import DatabaseError

from agent.errors import StoreError
from agent.store.tables import metadata

HEAD = "0008"
"""The revision of the store's tables that this hoist works with: the last one in `migrations/versions`."""

_REVISION: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

BUSY_SECONDS = 30
PAGES_AHEAD = 4_000
"""Pages of 4 kB that the write-ahead log may hold before a commit itself brings them home."""


class Database:
    """The store of one hoist. Make it with `open_database`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._turn = Lock()  # SQLite lets one write at a time, and makes the others guess when
        self._written = True  # a hoist that was killed may have left a log

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A writing transaction: all of it is on disk after the block, or none of it."""
        with self._turn, self.engine.connect() as db:
            db.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.exec_driver_sql("ROLLBACK")
                raise
            db.exec_driver_sql("COMMIT")
            self._written = True

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view that writes nothing."""
        with self.engine.connect() as db:
            db.exec_driver_sql("BEGIN")
            try:
                yield db
            finally:
                db.exec_driver_sql("ROLLBACK")

    def settle(self) -> None:
        """Bring what was committed home from the write-ahead log. It is as safe there: this is for when nobody waits.

        Left to SQLite, it happens within a commit, every thousand pages: of three looks at a hundred tickets, one takes twice as
        long. Waits for no reader and no writer; what one of them still needs is brought home another time.
        """
        if self._written:
            self._written = False
            with self.engine.connect() as db:
                db.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

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
    log = ("journal_mode = WAL", "synchronous = FULL", f"wal_autocheckpoint = {PAGES_AHEAD}")
    for pragma in (*log, "cache_size = -32000", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _bring_up_to_date(db: Connection, path: Path) -> None:
    tables = inspect(db).get_table_names()
    present = db.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() if "alembic_version" in tables else None
    if present == HEAD:
        return
    if tables and present is None:
        raise StoreError(f"{path} is a database of another program: set `store:` in hoist.yaml to a file of hoist's own")
    if present is None:
        metadata.create_all(db)
        _note_revision(db)
        return
    from agent.store import upgrade  # noqa: PLC0415 - alembic takes as long to load as all of hoist, and is needed twice a year

    if present in upgrade.revisions(db):
        upgrade.to_head(db)
    else:
        raise StoreError(
            f"the store {path} was written by a newer hoist (revision {present}): install that version, or restore a backup"
        )


def _note_revision(db: Connection) -> None:
    """What alembic would note of tables that were made as they are now."""
    _REVISION.create(db)
    db.execute(_REVISION.insert().values(version_num=HEAD))
