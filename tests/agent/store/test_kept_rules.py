"""What the store keeps of former rules, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store import episodes, journal, rule_texts, rulebooks, sources
from agent.store.database import Database, open_database
from agent.store.rulebooks import Texts
from rules.instants import DAY
from rules.rule_text import Text

FILES = {"organisation.yaml": "format: 1"}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "hoist.db")
    yield opened
    opened.close()


def kept(database: Database) -> list[str]:
    with database.reading() as db:
        return [version for version in ("first", "second", "third") if rulebooks.found(db, version) is not None]


def test_rules_that_nothing_refers_to_are_let_go(database: Database) -> None:
    """A version stays as long as the journal has a line of it, or a source is judged by it; then its own texts go as well."""
    with database.transaction() as db:
        for day, version in enumerate(("first", "second", "third")):
            rulebooks.keep(db, version, Texts({**FILES, "rules.yaml": version}, {}), day * DAY)
            journal.append(db, "rules", day * DAY, "jira", version=version)
        journal.append(db, "escalated", 9 * DAY, "jira", "7", rules="second")
        assert rulebooks.forget(db, "third") == 0
    with database.transaction() as db:
        db.exec_driver_sql("DELETE FROM journal WHERE kind = 'rules'").close()
        assert rulebooks.forget(db, "third") == 1
        texts = sorted(db.exec_driver_sql("SELECT text FROM protocol_texts").scalars())
    assert kept(database) == ["second", "third"]
    assert texts == ["format: 1", "second", "third"]


def test_rules_that_a_source_is_judged_by_stay(database: Database) -> None:
    """However old they are, and whatever the journal still tells of them."""
    with database.transaction() as db:
        rulebooks.keep(db, "first", Texts(FILES, {}), 0)
        sources.source_row(db, "jira")
        sources.new_generation(db, "jira", "first/names/world")
        journal.append(db, "problem", 9 * DAY, "jira", said="late")
        assert rulebooks.forget(db, "second") == 0
    assert kept(database) == ["first"]


def test_a_text_stays_while_an_escalation_keeps_to_it(database: Database) -> None:
    """What was let go by the last escalation goes at the next start; the present text stays for those to come."""
    with database.transaction() as db:
        for version in ("old", "unused", "present"):
            rule_texts.keep(db, "ladder", Text(version, "{}"), 1)
        db.exec_driver_sql(
            "INSERT INTO episodes (source, ticket, rule, number, anchor, fired_at, backlog, firings, text)"
            " VALUES ('jira', '7', 'ladder', 1, 0, 0, 0, '[]', 'old')"
        ).close()
        rule_texts.forget(db, ["present"])
        assert set(db.exec_driver_sql("SELECT version FROM rule_texts").scalars()) == {"old", "present"}
        assert [row.text for row in episodes.rows(db, "jira")] == ["old"]
        assert rule_texts.erase(db, ["old"]) == [("jira", "ladder")]
        assert [row.text for row in episodes.rows(db, "jira")] == [""]
