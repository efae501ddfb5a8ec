"""A store of an earlier version keeps what it knows."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from sqlalchemy import create_engine, text

from agent.store import episodes, upgrade
from agent.store.database import open_database
from agent.store.episodes import Fired


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
