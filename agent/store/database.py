"""Opening the store: SQLite in WAL mode with full synchronisation, one writer at a time, and its migrations."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

from sqlalchemy import Column, Connection, Engine, MetaData, PrimaryKeyConstraint, String, Table, create_engine, event, inspect
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from agent.errors import StoreError
from agent.store.statements import carried_out
from agent.store.tables import metadata
from agent.store.trouble import BUSY_SECONDS, in_words

HEAD = "0016"
"""The revision of the store's tables that this hoist works with: the last one in `migrations/versions`."""

_REVISION: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

_OPENED: Final[dict[Path, None]] = {}
PAGE = 8_192
"""Bytes of a page in a new store: most tickets take three to six kilobytes, which a page of SQLite's 4 kB holds badly."""
PAGES_AHEAD = 2_000
"""Pages that the write-ahead log may hold before a commit itself brings them home."""


class Database:
    """The store of one hoist. Make it with `open_database`.

    All that is done with it raises StoreError where the file can't be used any more: full disk, lost rights, damage.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._idle: list[Connection] = []
        self.path = Path(engine.url.database or "")
        self._file = _file_at(self.path)
        self._turn, self._next = Lock(), Lock()  # SQLite lets one write at a time, and makes the others guess when
        self._written = True  # a hoist that was killed may have left a log

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A writing transaction: all of it is on disk after the block, or none of it."""
        with self._one_turn(), in_words(self.path):
            self._still_there()
            with self._connection() as db:
                carried_out(db, "BEGIN IMMEDIATE")
                try:
                    yield db
                    carried_out(db, "COMMIT")
                except BaseException:
                    with suppress(sqlite3.DatabaseError):  # SQLite has done so by itself where the disk was full
                        carried_out(db, "ROLLBACK")
                    raise
                self._written = True

    @contextmanager
    def _one_turn(self) -> Iterator[None]:
        """Whoever waits is next: one who writes again and again would else come back sooner than they wake up."""
        with self._next:
            self._turn.acquire()
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view that writes nothing."""
        self._still_there()
        with in_words(self.path), self._connection() as db:
            carried_out(db, "BEGIN")
            try:
                yield db
            finally:
                with suppress(sqlite3.DatabaseError):
                    carried_out(db, "ROLLBACK")

    def settle(self) -> None:
        """Bring what was committed home from the write-ahead log. It is as safe there: this is for when nobody waits.

        Left to SQLite, it happens within a commit, every thousand pages: of three looks at a hundred tickets, one takes twice as
        long. Waits for no reader and no writer; what one of them still needs is brought home another time.
        """
        if self._written:
            self._written = False
            with in_words(self.path), self._connection() as db:
                db.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").close()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """A connection of one's own for a while; whose use failed is closed, else it is kept for the next one.

        A write to a ticket asks a dozen times, and SQLAlchemy's pool takes longer each time than SQLite does to answer.
        """
        try:
            db = self._idle.pop()
        except IndexError:
            db = self.engine.connect()
        try:
            yield db
            if db.in_transaction():  # as SQLAlchemy sees it, which was not told of the end
                db.rollback()
        except BaseException:
            db.close()
            raise
        self._idle.append(db)

    def _still_there(self) -> None:
        """What is committed to a file that has lost its name is lost with this process: a restart would write a second time."""
        if _file_at(self.path) != self._file:
            raise StoreError(self._gone())

    def _gone(self) -> str:
        """Save what the open connections still hold of a file that has lost its name; a sentence that says where."""
        said = f"the store {self.path} was removed or replaced while hoist ran"
        saved = saved_file(self.path)
        if self._idle and not saved.exists():
            with suppress(DatabaseError), self._connection() as db:
                db.exec_driver_sql("VACUUM INTO ?", (str(saved),))
                saved.chmod(0o600)
        if saved.exists():
            return f"{said}. All that was in it is in {saved}: move that to {self.path}, then start hoist again"
        return f"{said}: put it back, or restore a backup"

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
        self.engine.dispose()


def open_database(path: Path) -> Database:
    """Open (or make) the store at `path` and bring its tables up to date.

    Raises StoreError where the file can't be opened or written, is no database or another program's, or was written by a newer
    hoist.
    """
    _make_file(path)
    _OPENED.pop(path, None)  # the latest comes last
    _OPENED[path] = None
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        hide_parameters=True,
        poolclass=NullPool,
    )
    event.listen(engine, "connect", _prepare)
    database = Database(engine)
    try:
        with database.transaction() as db:
            _bring_up_to_date(db, path)
    except StoreError:
        database.close()
        raise
    return database


def open_read_only(path: Path) -> Database:
    """Open a store for reading alone: SQLite itself refuses whatever would change it.

    Raises StoreError where it can't be opened, or was written by another version of hoist.
    """
    engine = create_engine(
        f"sqlite:///{path}",
        creator=lambda: sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", timeout=BUSY_SECONDS, uri=True, check_same_thread=False
        ),
        hide_parameters=True,
        poolclass=NullPool,
    )
    event.listen(engine, "connect", _prepare_to_read)
    database = Database(engine)
    try:
        with database.reading() as db:
            present = db.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    except DatabaseError as error:
        raise StoreError(f"the store {path} can't be read: {error.orig}") from error
    if present != HEAD:
        database.close()
        raise StoreError(
            f"the store {path} is of another version of hoist (revision {present}): start hoist run once, then again"
        )
    return database


def opened_here() -> list[Path]:
    """The stores that this process has opened, and that are there, the latest first."""
    return [path for path in reversed(_OPENED) if path.exists()]


def saved_file(path: Path) -> Path:
    """The file to which hoist saves a store that was removed while it ran."""
    return path.with_name(f"{path.name}.saved")


def _file_at(path: Path) -> tuple[int, int] | None:
    """What tells a file from any other one of its name; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - before each transaction, and twice as fast
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_file(path: Path) -> None:
    """The store holds the markers' key and ticket texts: its owner alone may read it. SQLite gives its -wal the same mode."""
    try:
        if not path.parent.is_dir():
            raise StoreError(f"the folder of the store {path} does not exist: make it, or set `store:` in hoist.yaml")
        path.touch(mode=0o600)
    except OSError as error:
        raise StoreError(f"the store {path} can't be written ({error.strerror}): it and its folder must be writable") from error


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin and end where Database says so, not where the driver guesses
    # FULL: a committed `sent` must survive a power cut, or a restart would send a second time.
    log = ("journal_mode = WAL", "synchronous = FULL", f"wal_autocheckpoint = {PAGES_AHEAD}")
    for pragma in (f"page_size = {PAGE}", *log, "cache_size = -16000", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_to_read(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("query_only = ON", "cache_size = -16000"):
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
