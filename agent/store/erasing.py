"""Personal values of the journal, found by whom they tell of, and removed so that no byte of them stays in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, delete, select, update

from agent.store.database import Database
from agent.store.journal import ANYBODY, AT_ONCE, ERASED
from agent.store.statements import listed, one_of
from agent.store.tables import journal, journal_personal, outbox


def subjects(db: Connection) -> Iterator[str]:
    """All ids, addresses and names that personal values go by."""
    for (subject,) in db.execute(select(journal_personal.c.subject).distinct()):
        yield subject


def values_of(db: Connection, named: Sequence[str]) -> list[tuple[str, int]]:
    """(commitment, line) of each value that goes by one of these, by line."""
    query = select(journal_personal.c.commitment, journal_personal.c.line).where(one_of(journal_personal.c.subject, "named"))
    order = query.order_by(journal_personal.c.line, journal_personal.c.commitment)
    return [(made, line) for made, line in db.execute(order, {"named": listed(named)})]


def sentences_of(db: Connection, words: Sequence[str]) -> list[tuple[str, int]]:
    """(commitment, line) of each value that is put in words and holds one of these, as a word or several of their own."""
    if not words:
        return []
    named = one_of_words(words)
    query = select(journal_personal.c.commitment, journal_personal.c.line, journal_personal.c.value)
    rows = db.execute(query.where(journal_personal.c.subject == ANYBODY).order_by(journal_personal.c.line)).yield_per(AT_ONCE)
    return [(made, line) for made, line, value in rows if named.search(value)]


def one_of_words(words: Sequence[str]) -> re.Pattern[str]:
    """Finds one of these, which are some, as a word or several of their own."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)


def changes_of(db: Connection, words: Sequence[str]) -> list[tuple[int, list[str], str]]:
    """(id, reasons, what holds it back) of each change that names one of these, with `ERASED` for the sentences that do."""
    if not words:
        return []
    named = one_of_words(words)
    found = []
    for name, because, problem in db.execute(select(outbox.c.id, outbox.c.because, outbox.c.problem)).yield_per(AT_ONCE):
        if named.search(because) or named.search(problem):
            reasons = [ERASED if named.search(said) else said for said in json.loads(because)]
            found.append((name, reasons, ERASED if named.search(problem) else problem))
    return found


def reword(db: Connection, changes: Sequence[tuple[int, list[str], str]]) -> None:
    """Keep what `changes_of` gave."""
    for name, because, problem in changes:
        said = {"because": json.dumps(because, ensure_ascii=False), "problem": problem}
        db.execute(update(outbox).where(outbox.c.id == name).values(said))


def mentions(db: Connection, words: Sequence[str]) -> list[int]:
    """Lines whose own text holds one of these, as a word or several of their own: not within a commitment."""
    if not words:
        return []
    named = one_of_words(words)
    rows = db.execute(select(journal.c.line, journal.c.data).order_by(journal.c.line)).yield_per(AT_ONCE)
    return [line for line, data in rows if named.search(data)]


def erase(db: Connection, commitments: Sequence[str]) -> None:
    """Remove these values with their salts."""
    place = one_of(journal_personal.c.commitment, "made")
    db.execute(delete(journal_personal).where(place), {"made": listed(commitments)})


@contextmanager
def overwriting(db: Connection) -> Iterator[None]:
    """What is removed meanwhile is overwritten with zeros, in the caller's transaction.

    SQLite leaves removed rows where they were until their place is needed (https://www.sqlite.org/pragma.html#pragma_secure_delete).
    """
    before = int(db.exec_driver_sql("PRAGMA secure_delete").scalar_one())
    db.exec_driver_sql("PRAGMA secure_delete = ON").close()
    try:
        yield
    finally:
        db.exec_driver_sql(f"PRAGMA secure_delete = {('OFF', 'ON', 'FAST')[before]}").close()


@contextmanager
def thoroughly(database: Database) -> Iterator[Connection]:
    """A writing transaction after which what it removed is neither in the file nor in the write-ahead log.

    While somebody reads an older state, the log keeps it until they are done and the next thing is written.
    """
    with database.transaction() as db, overwriting(db):
        yield db
    with database.engine.connect() as db:
        db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").close()
