"""The journal alone tells what became of every change and every request.

Read from the beginning, it comes to what the store holds. Every test with a desk is held against that when it ends.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select

from agent.recording import FORGOTTEN
from agent.store import journal
from agent.store.states import RowState
from agent.store.tables import operations, outbox
from tests.agent.desk import Desk

IMPLIED = (RowState.PLANNED, RowState.CLAIMED)
"""A change that was tried in vain before is claimed again without a word."""


def states_told(db: Connection) -> tuple[dict[str, str], dict[str, str]]:
    """What the journal says that every change and request came to; fails where a line does not follow from the one before."""
    rows: dict[str, str] = {}
    requests: dict[str, str] = {}
    for line in journal.lines(db):
        data = line.data
        requests |= dict.fromkeys(data.get("operations", ()), data.get("state", ""))
        if "operation" in data and "was" in data:
            assert requests[data["operation"]] == data["was"], line
            requests[data["operation"]] = data["state"]
        if "change" in data and "state" in data:
            before = rows.pop(data.get("former", data["change"]), None)
            assert before == data.get("was") or (before, data.get("was")) == IMPLIED, line
            if data["state"] != FORGOTTEN:
                rows[data["change"]] = data["state"]
    return rows, requests


def states_kept(db: Connection) -> tuple[dict[str, str], dict[str, str]]:
    """What the store holds."""
    columns = [outbox.c[name] for name in ("source", "ticket", "rule", "number", "step", "state")]
    rows = {"/".join(map(str, key)): state for *key, state in db.execute(select(*columns))}
    return rows, dict(tuple(row) for row in db.execute(select(operations.c.key, operations.c.state)))


def all_is_told(db: Connection) -> None:
    """Fails where the journal tells of a state that is not so, or a state is not told."""
    assert states_told(db) == states_kept(db)


@pytest.fixture(autouse=True)
def every_desk_is_told() -> Iterator[None]:
    """Whatever a test did at a desk, the journal has told all of it."""
    Desk.opened.clear()
    yield
    for desk in Desk.opened:
        if desk.store.exists():
            with desk.database.reading() as db:
                all_is_told(db)
            desk.database.close()
    Desk.opened.clear()
