"""A line of the journal is committed with what it records, comes back as it was told, and hides what tells of a person."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from agent.store import journal
from agent.store.database import Database
from agent.store.journal import ERASED, Entry, Head, Personal


def test_lines_come_back_as_they_were_told(database: Database) -> None:
    """In order, and by source, ticket and kind; not sealed yet."""
    with database.transaction() as db:
        for number in range(1, 7):
            journal.append(db, "said", number * 1_000, "desk", str(number % 2), words=f"öfter {number}", number=number)
        found = list(journal.lines(db))
        assert [line.data["words"] for line in found] == [f"öfter {n}" for n in range(1, 7)]
        assert {(line.position, line.previous, line.hash) for line in found} == {(None, None, None)}
        assert [line.line for line in journal.lines(db, "desk", "1")] == [1, 3, 5]
        assert not list(journal.lines(db, kind="other"))
        assert (journal.head(db), journal.unsealed(db)) == (Head(), 6)


def test_a_personal_value_is_in_no_line(database: Database) -> None:
    """However deep it stands, its words are beside the line and not in it; who reads the journal reads them all the same."""
    with database.transaction() as db:
        fields = [["assignee", Personal("anna@example.com"), Personal(None, "nobody")], ["team", "sd", "ops"]]
        journal.append(db, "escalated", 1, "desk", "7", fields=fields, by=Personal("Anna Ångström", of="anna@example.com"))
        kept = db.execute(text("select data from journal")).scalar_one()
        assert "anna" not in kept.casefold()
        assert json.loads(kept)["fields"][1] == ["team", "sd", "ops"]
        (line,) = journal.lines(db)
        assert line.data["fields"] == [["assignee", "anna@example.com", None], ["team", "sd", "ops"]]
        assert line.data["by"] == "Anna Ångström"


@pytest.mark.parametrize("part", ["because", "said", "reason", "why"])
def test_sentences_stand_beside_the_line(database: Database, part: str) -> None:
    """What is put in words may name anybody: it is no part of the chain, and is read all the same; an empty one says nothing."""
    with database.transaction() as db:
        for said in ("Anna took it", {"desk/7/r/1/0": ("Anna took it", "nobody else")}, ""):
            data: dict[str, Any] = {part: said}
            journal.append(db, "noted", 1, "desk", **data)
        kept = " ".join(db.execute(text("select data from journal")).scalars())
        assert "Anna" not in kept
        assert "desk/7/r/1/0" in kept
        found = [line.data[part] for line in journal.lines(db)]
        assert found == ["Anna took it", {"desk/7/r/1/0": ["Anna took it", "nobody else"]}, ""]


def test_many_lines_at_once_are_as_one_by_one(database: Database) -> None:
    """Their personal values stand beside the right ones, whatever was written before."""
    with database.transaction() as db:
        journal.append(db, "first", 1, "desk", by=Personal("anna"))
        journal.append_all(
            db, [Entry(f"kind {n}", n, "desk", "7", {"by": Personal(f"p{n}")} if n % 2 else {"n": n}) for n in range(5)]
        )
        journal.append_all(db, [])
        found = list(journal.lines(db))
    assert [(line.line, line.kind) for line in found] == [(1, "first"), *((n + 2, f"kind {n}") for n in range(5))]
    assert [line.data for line in found[1:]] == [{"n": 0}, {"by": "p1"}, {"n": 2}, {"by": "p3"}, {"n": 4}]


def test_what_was_erased_reads_as_erased(database: Database) -> None:
    """A value that is gone leaves a word in its place, and the rest of the line."""
    with database.transaction() as db:
        journal.append(db, "approved", 1, "desk", by=Personal("anna"), number=7)
        db.execute(text("delete from journal_personal"))
        (line,) = journal.lines(db)
        assert line.data == {"by": ERASED, "number": 7}


def test_the_same_value_gives_another_commitment_each_time(database: Database) -> None:
    """Nobody can tell by comparing lines that two of them are about the same person."""
    with database.transaction() as db:
        for at in (1, 2):
            journal.append(db, "approved", at, "desk", by=Personal("anna"))
        first, second = db.execute(text("select data from journal")).scalars()
        assert first != second


def test_what_is_no_json_is_refused(database: Database) -> None:
    """A mistake of hoist's own is found where it is made, before anything is committed."""
    with database.transaction() as db, pytest.raises(TypeError, match="can't hold object"):
        journal.append(db, "said", 1, "desk", words=[object()])


def test_half_a_character_stops_nothing(database: Database) -> None:
    """A platform that cuts a text within an emoji gives half a surrogate pair: the line is kept with a question mark."""
    with database.transaction() as db:
        journal.append(db, "said", 1, "desk", said="\ud83d cut", by=Personal("\ud83d"))
        (line,) = journal.lines(db)
        assert line.data == {"said": "? cut", "by": "?"}


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_several_values_are_one_without_doubt(one: list[str], other: list[str]) -> None:
    """What a hash is made of tells where each value ends: other values are other bytes."""
    usable = [[text.encode(errors="replace").decode() for text in values] for values in (one, other)]
    assert (journal.fields(*usable[0]) == journal.fields(*usable[1])) == (usable[0] == usable[1])


def test_a_simulation_brings_its_own_chance(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same salts the same lines are the same bytes."""
    zeros: Callable[[int], bytes] = bytes
    monkeypatch.setattr(journal, "random_bytes", zeros)
    with database.transaction() as db:
        for _ in range(2):
            journal.append(db, "approved", 1, "desk", by=Personal(["anna", 1], of="anna"))
            db.execute(text("update journal_personal set commitment = 'kept ' || line"))
        first, second = db.execute(text("select data from journal")).scalars()
        assert first == second
