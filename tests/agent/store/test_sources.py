"""What is known of a source: how far it was read, under which rules, since when each is active there."""

from __future__ import annotations

import pytest

from agent.store import installation, quarantine, sources
from agent.store.database import Database
from agent.store.quarantine import QuarantineRow
from rules.protocol.rule import Mode
from rules.world import Directory, Person


def test_the_horizon_never_goes_back(database: Database) -> None:
    """What was read completely stays read completely, whatever a later run says."""
    with database.transaction() as db:
        sources.source_row(db, "desk")
        for horizon in (500, None, 300):
            sources.set_cursor(db, "desk", f"c{horizon}", 900, horizon)
        row = sources.found_source(db, "desk")
        assert row is not None
        assert (row.cursor, row.horizon) == ("c300", 500)
        assert sources.found_source(db, "other") is None


@pytest.mark.parametrize(
    ("steps", "since"),
    [
        ([(Mode.LIVE, 10), (Mode.LIVE, 20)], 10),
        ([(Mode.WATCH, 10), (Mode.LIVE, 20)], 20),
        ([(Mode.LIVE, 10), (Mode.WATCH, 20)], 10),
        ([(Mode.LIVE, 10), (Mode.WATCH, 20), (Mode.LIVE, 30)], 30),
        ([(Mode.LIVE, 10), (None, 20), (Mode.LIVE, 30)], 30),
    ],
)
def test_a_rule_is_active_from_when_it_was_there_or_went_live(
    database: Database, steps: list[tuple[Mode | None, int]], since: int
) -> None:
    """An edit or a restart does not make it new; going live, or coming back, does."""
    with database.transaction() as db:
        for mode, at in steps:
            found = sources.activate(db, "desk", {} if mode is None else {"r": mode}, at)
        assert found == {"r": since}


def test_a_generation_stands_for_its_versions(database: Database) -> None:
    """The same rules and names are no reason to look at every ticket; others are."""
    with database.transaction() as db:
        first = sources.new_generation(db, "desk", "rules 1")
        assert sources.new_generation(db, "desk", "rules 1") == first
        assert sources.new_generation(db, "desk", "rules 2") == first + 1


def test_the_directory_comes_back_as_it_was(database: Database) -> None:
    """Names and their order are there without the source, for `why`."""
    directory = Directory(
        {"1": "Ops"},
        {"p": "High", "a": "Low"},
        {"s": "Open"},
        {"anna": Person("anna", "Anna", active=False, email="anna@example.com")},
        "v",
        managers={"anna": "henk"},
        members={"1": frozenset({"anna"})},
    )
    with database.transaction() as db:
        sources.source_row(db, "desk")
        assert sources.directory(db, "desk") == Directory({}, {})
        sources.set_identity(db, "desk", instance="i", account="a", directory=directory)
        found = sources.directory(db, "desk")
        assert found == directory
        assert list(found.priorities) == ["p", "a"]


def test_quarantine_is_news_once(database: Database) -> None:
    """The same reason again is no news; another one is; a good read ends it."""
    with database.transaction() as db:
        assert quarantine.put(db, QuarantineRow("desk", "7", "SD-7", "odd", "{}", 1))
        assert not quarantine.put(db, QuarantineRow("desk", "7", "SD-7", "odd", '{"more": 1}', 2))
        assert quarantine.put(db, QuarantineRow("desk", "7", "SD-7", "odder", "{}", 3))
        assert [row.reason for row in quarantine.rows(db, "desk")] == ["odder"]
        quarantine.release(db, "other", ["7"])
        assert quarantine.rows(db, "desk")
        quarantine.release(db, "desk", ["7"])
        assert not quarantine.rows(db, "desk")


def test_an_installation_is_made_once(database: Database) -> None:
    """Its identity and the key of its markers stay as long as the store."""
    with database.transaction() as db:
        made = installation.read_or_make(db)
        assert installation.read_or_make(db) == made
    assert len(made.key) == 32
