"""A store of an earlier version keeps what it knows."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from agent.journal.sealing import seal
from agent.journal.verification import verify
from agent.store import episodes, journal, upgrade
from agent.store.database import open_database
from agent.store.episodes import Fired
from agent.store.journal import ROOT


def test_what_was_escalated_before_ladders_stays_escalated(tmp_path: Path) -> None:
    """Two firings that took effect and one that is under way: each is one step, with the instants that were kept."""
    engine = create_engine(f"sqlite:///{tmp_path / 'hoist.db'}")
    with engine.begin() as db:
        command.upgrade(upgrade.configuration(db), "0002")
        row = "insert into episodes values ('desk', '7', :rule, 1, 5, 10, :confirmed, 0, :step, :applied)"
        db.execute(text(row), {"rule": "done", "confirmed": "[11, 21]", "step": 1, "applied": 22})
        db.execute(text(row), {"rule": "under-way", "confirmed": "[11, 21, 31]", "step": 2, "applied": None})
    engine.dispose()
    opened = open_database(tmp_path / "hoist.db")
    with opened.reading() as db:
        done, under_way = episodes.of_tickets(db, "desk", ["7"])["7"]
    opened.close()
    assert done.firings == (Fired((0,), 11, 11), Fired((1,), 21, 22))
    assert under_way.firings == (Fired((0,), 11, 11), Fired((1,), 21, 21), Fired((2,), 31, None))
    assert (done.recorded.reach, under_way.recorded.reach) == ((2, 1), (2, 1))


@pytest.mark.parametrize("tampering", ["", "update journal set data = '{}' where line = 2"])
def test_a_journal_that_was_chained_as_it_was_written_is_chained_anew(tmp_path: Path, tampering: str) -> None:
    """Its lines stay as they were; one more names the last hash of the former chain, and where that was broken already."""
    engine = create_engine(f"sqlite:///{tmp_path / 'hoist.db'}")
    hashes = [ROOT]
    with engine.begin() as db:
        command.upgrade(upgrade.configuration(db), "0004")
        for number in (1, 2, 3):
            fields = ("said", "desk", "7", f'{{"number":{number}}}')
            hashes.append(sha256("\x1f".join((hashes[-1], str(number), *fields)).encode()).hexdigest())
            db.exec_driver_sql("insert into journal values (NULL, ?, ?, ?, ?, ?, ?, ?)", (number, *fields, *hashes[-2:]))
        db.execute(text(tampering or "select 1"))
    engine.dispose()
    opened = open_database(tmp_path / "hoist.db")
    assert seal(opened, "here", 10) == 4
    with opened.reading() as db:
        *former, told = journal.lines(db)
        assert [line.data for line in former][::2] == [{"number": 1}, {"number": 3}]
        assert (told.kind, told.at) == ("journal-rechained", 3)
        assert told.data == {"lines": 3, "former_head": hashes[-1], "broken_at": 2 if tampering else None}
        assert verify(db).findings == ()
    opened.close()


def test_an_empty_journal_tells_of_no_former_chain(tmp_path: Path) -> None:
    """Where nothing was written yet there is nothing to say."""
    engine = create_engine(f"sqlite:///{tmp_path / 'hoist.db'}")
    with engine.begin() as db:
        command.upgrade(upgrade.configuration(db), "0004")
    engine.dispose()
    opened = open_database(tmp_path / "hoist.db")
    with opened.reading() as db:
        assert list(journal.lines(db)) == []
    opened.close()
