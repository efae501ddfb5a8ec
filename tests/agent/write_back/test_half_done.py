"""hoist's store is restored from a backup that was made while it was writing: nothing is done twice, nothing is held for done."""

from __future__ import annotations

from pathlib import Path

from agent import outage
from agent.settings import Policy
from agent.store import outages
from agent.store.outages import Life
from agent.store.states import OperationState, RowState
from connectors.errors import OutcomeUnknown
from rules.instants import HOUR, MINUTE, SECOND
from rules.protocol.conditions import Held
from rules.protocol.durations import Duration
from tests.agent.desk import ALL_EXISTING, SOURCE, UNOWNED, Desk, moved_once, rule
from tests.agent.test_outage import backup, put_back, sign


def under_way(folder: Path, *, after_effect: bool) -> tuple[Desk, str, Path]:
    """A desk with a ticket whose move got no answer, and a backup that was made just then."""
    desk = Desk(folder)
    ticket = desk.ticket()
    desk.run(14 * MINUTE)
    sign(desk)
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), after_effect=after_effect, on="write")
    desk.run(MINUTE + 2 * SECOND)
    assert desk.states(ticket) == [RowState.UNKNOWN]
    return desk, ticket, backup(desk, folder)


def test_a_move_whose_answer_was_lost_is_known_by_its_comment(tmp_path: Path) -> None:
    """It took effect, and its comment was made after the backup: the restored store says so, and does neither again."""
    desk, ticket, copy = under_way(tmp_path, after_effect=True)
    desk.run(HOUR)
    moved_once(desk, ticket)
    put_back(desk, copy, Policy(None))
    desk.run(HOUR)
    moved_once(desk, ticket)
    assert [each.state for each in desk.operations(ticket)] == [OperationState.APPLIED, OperationState.APPLIED]


def test_a_move_that_took_effect_gets_its_comment(tmp_path: Path) -> None:
    """Nothing was done between backup and restore: the move's mark is read back, and its comment follows once."""
    desk, ticket, copy = under_way(tmp_path, after_effect=True)
    put_back(desk, copy, Policy(None))
    desk.run(HOUR)
    moved_once(desk, ticket)
    assert [each.state for each in desk.operations(ticket)] == [OperationState.APPLIED, OperationState.APPLIED]
    assert desk.states(ticket) == [RowState.APPLIED]


def test_what_another_request_did_instead_is_done(tmp_path: Path) -> None:
    """It had come to nothing and was sent anew after the backup: the mark of the second try tells, nobody knows of the first."""
    desk, ticket, copy = under_way(tmp_path, after_effect=False)
    desk.run(HOUR)
    moved_once(desk, ticket)
    put_back(desk, copy, Policy(None))
    desk.run(HOUR)
    moved_once(desk, ticket)
    assert [each.state for each in desk.operations(ticket)] == [OperationState.REFUSED, OperationState.DROPPED]


def test_where_nothing_was_done_since_it_goes_on(tmp_path: Path) -> None:
    """Nothing was written between backup and restore: what had come to nothing is tried again, once."""
    desk, ticket, copy = under_way(tmp_path, after_effect=False)
    put_back(desk, copy, Policy(None))
    desk.run(HOUR)
    moved_once(desk, ticket)


def test_what_nobody_can_tell_is_for_a_person(tmp_path: Path) -> None:
    """Marks of a rule that this store has never seen: only a person can say what became of the move."""
    desk, ticket, copy = under_way(tmp_path, after_effect=False)
    desk.rule_by(rule("another-rule", existing=ALL_EXISTING))
    desk.run(HOUR)
    assert len(desk.saves(ticket)) == 1
    desk.rules = (rule(),)
    put_back(desk, copy, Policy(None))
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.PARKED]
    assert "can't explain" in desk.rows(ticket)[0].problem
    assert len(desk.saves(ticket)) == 1


def test_no_mark_is_missed_that_is_still_on_its_way(tmp_path: Path) -> None:
    """A request of just before the restore lands after it: marks are read when that can't be any more, and tell of it."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.run(14 * MINUTE)
    sign(desk)
    copy = backup(desk, tmp_path)
    desk.helpdesk.land_next_write_after(50 * SECOND)
    desk.run(MINUTE + 2 * SECOND)
    assert desk.saves(ticket) == []
    put_back(desk, copy, Policy(None))
    desk.run(30 * SECOND)
    assert desk.asked("verify") == 0
    desk.run(HOUR)
    assert len(desk.saves(ticket)) == 1
    assert desk.states(ticket) == [RowState.APPLIED]


def test_what_a_fresh_read_shows_to_be_unclear_waits_for_a_person(tmp_path: Path) -> None:
    """hoist wrote to the ticket in the lost time, as the last read before a write shows: it is left, and not dropped."""
    desk = Desk(tmp_path, rule("first"), rule("second", Held(UNOWNED.part, Duration(16 * MINUTE))))
    ticket = desk.ticket()
    desk.run(14 * MINUTE)
    sign(desk)
    desk.run(75 * SECOND)
    assert len(desk.saves(ticket)) == 1
    desk.clock.jump(desk.clock.now() + MINUTE)
    assert desk.pipeline.look()
    copy = backup(desk, tmp_path)
    put_back(desk, copy, Policy(None))
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.APPLIED, RowState.BACKLOG]
    assert "look at the ticket" in desk.rows(ticket)[1].problem
    assert len(desk.saves(ticket)) == 1


def test_the_lost_time_begins_with_the_last_page_that_the_store_knows(tmp_path: Path) -> None:
    """Whoever sets the machine's clock back before the restore does not make what hoist forgot look shorter."""
    desk = Desk(tmp_path)
    desk.run(11 * MINUTE)
    with desk.database.transaction() as db:
        now, later = desk.clock.now(), desk.clock.now() + HOUR
        found = outage.begin(db, SOURCE, Life(1, now), (now - 20 * MINUTE, later), Policy(), restored=True)
        assert found is not None
        assert found.began == outage.read_until(db, SOURCE)
        assert found.began <= now
        assert outages.lately(db, SOURCE, later)[0].lost
