"""The journal is a chain: whoever edits it breaks it."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from agent.store import journal
from agent.store.database import Database


def told(db: Connection) -> None:
    for number in range(1, 7):
        journal.append(db, "said", number * 1_000, "desk", str(number % 2), words=f"öfter {number}", number=number)


def test_a_whole_chain_is_whole(database: Database) -> None:
    """Lines come back as they were told, in order, and can be asked for by ticket and kind."""
    with database.transaction() as db:
        told(db)
        assert journal.broken_at(db) is None
        assert [line.data["words"] for line in journal.lines(db)] == [f"öfter {n}" for n in range(1, 7)]
        assert [line.line for line in journal.lines(db, "desk", "1")] == [1, 3, 5]
        assert not list(journal.lines(db, kind="other"))


@pytest.mark.parametrize(
    "edit",
    [
        """update journal set data = replace(data, 'öfter', 'oft') where line = 4""",
        "update journal set at = 1 where line = 4",
        "update journal set kind = 'sad' where line = 4",
        "update journal set ticket = '9' where line = 4",
        "delete from journal where line = 4",
        "update journal set line = case line when 4 then -5 when 5 then -4 end where line in (4, 5)",
    ],
)
def test_an_edit_a_removal_and_a_reorder_are_found(database: Database, edit: str) -> None:
    """The first line that does not follow from the one before is named."""
    with database.transaction() as db:
        told(db)
        db.execute(text(edit))
        db.execute(text("update journal set line = -line where line < 0"))
        assert journal.broken_at(db) in (4, 5)


def test_a_rewritten_line_with_a_hash_of_its_own_breaks_the_next(database: Database) -> None:
    """Whoever makes up a line and its hash must make up all that follow."""
    with database.transaction() as db:
        told(db)
        line = next(line for line in journal.lines(db) if line.line == 3)
        forged = journal._hash(line.previous, line.at, "forged", line.source, line.ticket, "{}")
        db.execute(text("update journal set kind = 'forged', data = '{}', hash = :hash where line = 3"), {"hash": forged})
        assert journal.broken_at(db) == 4


def test_a_removed_beginning_is_found(database: Database) -> None:
    """The chain begins at its root."""
    with database.transaction() as db:
        told(db)
        db.execute(text("delete from journal where line = 1"))
        assert journal.broken_at(db) == 2
