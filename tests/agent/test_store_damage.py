"""Somebody edits hoist's store by hand: it heals what the helpdesk can tell it, and stops at the rest with a sentence."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.agent.command_line import FORGOTTEN, TAKEN, Desk, Said, desk, hoist


@pytest.fixture(scope="module")
def escalated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, dict[str, bytes]]]:
    """One ticket was escalated; and the files of the store as they were then."""
    with desk(tmp_path_factory.mktemp("desk")) as made:
        assert made.hoist("run", "--once").code == 0
        with closing(sqlite3.connect(made.folder / "hoist.db")) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield made, {name: (made.folder / name).read_bytes() for name in ("hoist.db", "hoist.db.life")}


@pytest.fixture
def it(escalated: tuple[Desk, dict[str, bytes]]) -> Desk:
    """The store is whole at the beginning of each test."""
    put_back(*escalated)
    return escalated[0]


def put_back(it: Desk, before: dict[str, bytes]) -> None:
    for name in ("hoist.db-wal", "hoist.db-shm"):
        (it.folder / name).unlink(missing_ok=True)
    for name, data in before.items():
        (it.folder / name).write_bytes(data)


def edited(it: Desk, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(it.folder / "hoist.db")) as db:
        assert db.execute(statement, values).rowcount > 0
        db.commit()


def written_once(it: Desk) -> bool:
    saves, comments = it.record()
    return (len(saves), len(comments)) == (1, 1)


def journal_of(it: Desk) -> list[dict[str, Any]]:
    return [json.loads(line) for line in hoist("journal", "export", "--config", it.config).out.splitlines()]


@pytest.mark.parametrize(
    ("column", "value"),
    [("body", "garb{age"), ("body", "[]"), ("body", -7), ("body", b"\xff\x00"), ("revision", "x"), ("next_look", "soon")],
)
def test_a_damaged_ticket_is_read_anew(it: Desk, column: str, value: object) -> None:
    """It is set aside and read from the helpdesk once more, all others go on, nothing is written twice, the journal says it."""
    edited(it, f"UPDATE tickets SET {column} = ? WHERE key = ?", value, FORGOTTEN)  # noqa: S608 - the test's own words
    asked = it.hoist("why", f"jira:{FORGOTTEN}")
    assert (asked.code, "hoist run reads it anew" in asked.words) == (2, True), asked.words
    again = it.hoist("run", "--once")
    assert again.code == 0, again.words
    assert it.hoist("status").code == 0
    assert it.hoist("why", f"jira:{FORGOTTEN}").code == 0
    assert written_once(it)
    told = [line["data"]["reason"] for line in journal_of(it) if line["kind"] == "quarantined"]
    assert told == ["what hoist's own store held of it was damaged; it is read anew"]
    assert hoist("journal", "verify", "--config", it.config).code == 0


def test_all_damaged_tickets_are_read_anew(it: Desk) -> None:
    """However many there are."""
    edited(it, "UPDATE tickets SET body = '{'")
    assert it.hoist("run", "--once").code == 0
    assert written_once(it)
    assert it.hoist("why", f"jira:{TAKEN}").code == 0


@pytest.mark.parametrize(
    ("table", "column", "value", "said"),
    [
        ("sources", "source", b"\xff", "source holds blob where a text belongs"),
        ("outbox", "because", "{", "because is no JSON array"),
        ("outbox", "state", "gone", "state is no word that hoist knows there"),
        ("episodes", "firings", "[[1]]", "a row can't be read"),
        ("episodes", "number", "one", "number holds text where a number belongs"),
        ("episodes", "rule", "another", "its row in episodes is missing"),
        ("operations", "body", "{}", "a row can't be read"),
        ("installation", "value", "no key", "it can't be read"),
        ("activations", "activated_at", "then", "activated_at holds text where a number belongs"),
    ],
)
def test_what_can_not_be_read_anew_is_a_clear_stop(
    escalated: tuple[Desk, dict[str, bytes]], it: Desk, table: str, column: str, value: object, said: str
) -> None:
    """Table, row and column are named, nothing is written, and put back it goes on as if nothing had been."""
    edited(it, f"UPDATE {table} SET {column} = ?", value)  # noqa: S608 - the test's own words
    answers = list(every_command(it))
    stopped = [answer.words for answer in answers if answer.code == 2]
    if column == "state":  # whatever asks for changes in some state would never see it
        assert all(said in answers[place].words for place in (0, 1, 3)), answers
    assert any(said in words and f"{table}" in words for words in stopped), stopped
    assert written_once(it)
    put_back(*escalated)
    assert it.hoist("run", "--once").code == 0
    assert written_once(it)


def every_command(it: Desk) -> Iterator[Said]:
    """None of them shows a traceback: what is not caught reaches the test."""
    yield it.hoist("run", "--once")
    yield it.hoist("status")
    yield it.hoist("why", f"jira:{FORGOTTEN}")
    for command in (("changes", "list"), ("changes", "undo", f"jira:{FORGOTTEN}")):
        yield hoist(*command, "--config", it.config)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE outbox SET state = 'planned'", "the change jira/10001/nobody-took-it/1/0 is planned in the store"),
        (
            "UPDATE operations SET state = 'planned' WHERE kind = 'comment'",
            "/comment is planned in the store, and the journal says applied",
        ),
        ("UPDATE outbox SET state = 'rejected'", "is rejected in the store, and the journal says applied"),
    ],
)
def test_a_state_that_was_changed_by_hand_is_found(it: Desk, statement: str, said: str) -> None:
    """What would be written a second time, or never, because somebody edited a state: the journal knows how it was."""
    edited(it, statement)
    found = hoist("journal", "verify", "--config", it.config)
    assert (found.code, said in found.words) == (1, True), found.words
