"""Two hoists on one helpdesk: the younger one notices and stops writing; so do both that run on copies of one store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.foreign import noted, warning
from agent.pipeline import Care, Pipeline
from agent.screens import beside
from agent.status import status
from agent.store import installation
from agent.store.database import open_database
from agent.store.states import OperationState
from connectors.contract import Mark
from connectors.memory import MemoryConnector
from rules.instants import HOUR, MINUTE
from rules.protocol.actions import Comment, Escalate, RaisePriority
from tests.agent.desk import POLL, SOURCE, Desk, rule


@contextmanager
def second_hoist(first: Desk, folder: Path, *, copied: bool = False) -> Iterator[Desk]:
    """A second hoist on the helpdesk and the clock of the first one: with a store of its own, or with a copy of its store."""
    folder.mkdir()
    if copied:
        first.database.close()
        shutil.copy(first.store, folder / "hoist.db")
        first.start()
    second = Desk(folder, *first.rules, start=first.clock.now())
    second.clock, second.helpdesk = first.clock, first.helpdesk
    second.restart()
    yield second
    second.database.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, rule(actions=(Escalate("line"), RaisePriority(by=1), Comment("Moved to {team}."))))
    yield desk
    desk.database.close()


def together(older: Desk, younger: Desk, milliseconds: int) -> None:
    """Both go on for so long, the older one first in each turn."""
    older.run(milliseconds, meanwhile=younger.pipeline.turn)


def test_the_younger_one_stops_and_the_older_one_goes_on(desk: Desk, tmp_path: Path) -> None:
    """A second hoist was set up by mistake: each ticket is written once, the second one says why it stands, the first goes on."""
    desk.run(HOUR)
    with second_hoist(desk, tmp_path / "second") as second:
        tickets = [desk.ticket() for _ in range(3)]
        together(desk, second, 20 * MINUTE)
        tickets += [desk.ticket()]
        together(desk, second, HOUR)
        assert [len(desk.saves(ticket)) for ticket in tickets] == [1, 1, 1, 1], second.said()
        assert [len(desk.notes(ticket)) for ticket in tickets] == [1, 1, 1, 1]
        problem = second.pipeline.problem
        assert f"another hoist writes here, installation {desk.installation.identity}" in problem
        assert second.installation.identity in problem
        assert "retired_installations" in problem
        assert len(second.journal("another-hoist")) == 1
        assert desk.pipeline.problem == ""


def test_it_is_noticed_in_the_read_that_confirms(desk: Desk, tmp_path: Path) -> None:
    """The older one wrote a moment ago: the younger one sees it in its own fresh read, before a byte of its own leaves."""
    desk.run(HOUR)
    with second_hoist(desk, tmp_path / "second") as second:
        ticket = desk.ticket()
        second.let_it_fall_due(ticket)
        desk.run(MINUTE)
        assert len(desk.saves(ticket)) == 1
        while second.pipeline.write():
            pass
        assert second.pipeline.foreign.standing
        assert len(desk.saves(ticket)) == 1, second.said()


def test_the_younger_one_stays_stopped_after_a_restart(desk: Desk, tmp_path: Path) -> None:
    """Starting the younger one again does not make it write: somebody has to say that the other one is gone."""
    desk.run(HOUR)
    with second_hoist(desk, tmp_path / "second") as second:
        ticket = desk.ticket()
        together(desk, second, 30 * MINUTE)
        second.restart()
        assert second.pipeline.standing()
        gone = Care(retired_installations=frozenset({desk.installation.identity}))
        connector = MemoryConnector(SOURCE, second.settings, helpdesk=second.helpdesk)
        again = Pipeline(SOURCE, connector, second.database, second.installation, second.clock, POLL, care=gone)
        assert not again.standing()
        with second.database.reading() as db:
            assert noted(db, SOURCE) is None
        assert len(desk.saves(ticket)) == 1


def test_the_older_one_says_that_there_is_a_younger_one(desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The second one got in a write before it noticed: the first one tells of it, and writes on."""
    desk.run(HOUR)
    with second_hoist(desk, tmp_path / "second") as second:
        desk.ticket()
        second.run(30 * MINUTE)
        later = desk.ticket()
        desk.run(30 * MINUTE)
        assert "it is the younger one and has to stop, this one goes on" in caplog.text
        (line,) = desk.journal("another-hoist")
        assert (line.data["installation"], line.data["older"]) == (second.installation.identity, False)
        assert len(desk.saves(later)) == 1
        (shown,) = status(desk.database, desk.clock.now(), {}).sources
        ((title, said, _),) = beside.lines(shown, ZoneInfo("UTC"))
        assert (title, second.installation.identity in said) == ("  ANOTHER HOIST", True)
        assert beside.data(shown)["another_hoist"]["installation"] == second.installation.identity


def test_what_a_former_hoist_has_left_stops_nobody(desk: Desk, tmp_path: Path) -> None:
    """An earlier installation wrote here before this one began, and is gone: its marks say nothing."""
    old = desk.ticket()
    desk.run(HOUR)
    assert desk.saves(old)
    with second_hoist(desk, tmp_path / "second") as second:
        new = desk.ticket()
        second.run(HOUR)
        assert not second.pipeline.problem
        assert len(desk.saves(new)) == 1


def test_two_on_copies_of_one_store_both_stop(desk: Desk, tmp_path: Path) -> None:
    """A copy of the store is started beside it: whichever meets a mark of its own that it never made stops, and says so."""
    desk.run(HOUR)
    with second_hoist(desk, tmp_path / "copy", copied=True) as copy:
        copy.run(MINUTE)
        first = desk.ticket()
        desk.run(30 * MINUTE)
        copy.run(MINUTE)
        assert "hoist runs on a copy of this store as well" in copy.pipeline.problem, copy.said()
        assert len(copy.journal("store-copied")) == 1
        second = desk.ticket()
        together(desk, copy, HOUR)
        assert [len(desk.saves(ticket)) for ticket in (first, second)] == [1, 1]
        assert desk.pipeline.problem == "", "the copy came too late to write anything"


def test_own_marks_are_known(desk: Desk) -> None:
    """hoist's own writes, those that put something back included, stop nobody, also after a restart."""
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    desk.helpdesk.between_read_and_write(lambda: desk.helpdesk.change(ticket, "anna", team="eng"))
    desk.run(HOUR)
    desk.start()
    desk.helpdesk.change(ticket, "anna", labels=("x",))
    desk.run(HOUR)
    assert desk.pipeline.problem == ""


def test_a_cloned_ticket_stops_nobody(desk: Desk) -> None:
    """A platform that copies the mark with the ticket leaves one of hoist's own on a ticket that it never wrote to."""
    ticket = desk.ticket()
    desk.run(HOUR)
    (save,) = desk.saves(ticket)
    mark = Mark(save.marker, desk.installation.identity, desk.pipeline.foreign.since, save.at)
    with desk.database.transaction() as db:
        desk.pipeline.foreign.see(db, {"clone": mark}, desk.clock.now())
        assert not desk.pipeline.foreign.standing
        desk.pipeline.foreign.see(db, {"clone": replace(mark, operation="f" * 32)}, desk.clock.now())
        assert desk.pipeline.foreign.standing


def test_of_two_that_began_at_once_both_say_the_same(desk: Desk) -> None:
    """Their clocks agree to the millisecond: the installations themselves decide which of the two is the older one."""
    now = desk.clock.now()
    with desk.database.transaction() as db:
        since = installation.begun(db, now)
        foreign = desk.pipeline.foreign
        lower, higher = Mark("m", "0" * 16, since, now + MINUTE), Mark("m", "f" * 16, since, now + MINUTE)
        foreign.see(db, {"1": higher}, now)
        assert not foreign.standing
        assert foreign.other is not None
        assert "has to stop" in warning(foreign.other)
        foreign.see(db, {"1": lower}, now)
        assert foreign.standing


def test_what_had_left_is_heard_out(desk: Desk) -> None:
    """The younger one learns of the other while its own request is under way: its outcome is recorded, and nothing follows it."""
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)

    def another_is_seen() -> None:
        mark = Mark("m", "0" * 16, 0, desk.clock.now())
        with desk.database.transaction() as db:
            desk.pipeline.foreign.see(db, {ticket: mark}, desk.clock.now())

    desk.helpdesk.between_read_and_write(another_is_seen)
    desk.run(HOUR)
    assert len(desk.saves(ticket)) == 1
    assert not desk.notes(ticket)
    assert [row.state for row in desk.operations(ticket)] == [OperationState.APPLIED, OperationState.PLANNED], desk.said()


def test_since_when_an_installation_is_there_is_noted_once(tmp_path: Path) -> None:
    """A restart makes no installation younger."""
    database = open_database(tmp_path / "hoist.db")
    with database.transaction() as db:
        assert [installation.begun(db, at) for at in (5, 9)] == [5, 5]
    database.close()
