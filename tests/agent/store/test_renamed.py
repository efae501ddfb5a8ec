"""A rule that was given another id goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence

from agent.store import episodes, renamed, sources, waiting
from agent.store.database import Database
from agent.store.episodes import EpisodeRow, Fired
from agent.store.waiting import Planned
from rules.escalation import FiringKey
from rules.protocol.rule import Mode

SOURCE = "desk"


def acted(database: Database, rule: str) -> None:
    """The rule is active since 5 and has escalated ticket 7 once."""
    with database.transaction() as db:
        sources.activate(db, SOURCE, {rule: Mode.LIVE}, 5)
        episodes.add(db, SOURCE, [EpisodeRow("7", rule, 1, 10, 20, False, (Fired((0,), 21, 22),))])
        waiting.plan(db, [Planned(FiringKey(SOURCE, "7", rule, 1, 0), 20, 20, 20, 0, ("so",))])


def names(database: Database) -> tuple[Sequence[str], Sequence[str]]:
    with database.reading() as db:
        held = [row.rule for row in episodes.rows(db, SOURCE)]
        return held, [row.key.rule for row in waiting.of_source(db, SOURCE)]


def test_a_renamed_rule_keeps_its_past(database: Database) -> None:
    """F2: what fired under the former id has fired, so nothing is escalated again because of a new name."""
    acted(database, "old")
    with database.transaction() as db:
        assert renamed.carry(db, SOURCE, {"new": ("older", "old")}) == [("old", "new")]
        assert sources.activate(db, SOURCE, {"new": Mode.LIVE}, 99) == {"new": 5}
    assert names(database) == (["new"], ["new"])


def test_carrying_twice_changes_nothing(database: Database) -> None:
    """`formerly:` may stay in the file for ever."""
    acted(database, "old")
    for expected in ([("old", "new")], []):
        with database.transaction() as db:
            assert renamed.carry(db, SOURCE, {"new": ("old",)}) == expected
    assert names(database) == (["new"], ["new"])


def test_two_pasts_are_not_mixed(database: Database) -> None:
    """Where both ids have acted, each keeps what is its own."""
    acted(database, "old")
    acted(database, "new")
    with database.transaction() as db:
        assert renamed.carry(db, SOURCE, {"new": ("old",)}) == []
    assert sorted(names(database)[0]) == ["new", "old"]


def test_another_source_is_left_alone(database: Database) -> None:
    """A rename concerns the source whose rules are being bound."""
    acted(database, "old")
    with database.transaction() as db:
        assert renamed.carry(db, "elsewhere", {"new": ("old",)}) == []
    assert names(database) == (["old"], ["old"])
