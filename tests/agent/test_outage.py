"""Hoist was down while tickets fell due: what is caught up, what is left to Anna, and what a restored store may have done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agent import outage
from agent.heartbeat import Heart, life_file, restored
from agent.pipeline import Care
from agent.settings import HeartbeatSettings, Policy
from agent.store import mirrored, outages, waiting
from agent.store.outages import Life, Outage
from agent.store.states import RowState
from connectors.errors import TryLater
from rules.instants import DAY, HOUR, MINUTE, SECOND
from rules.protocol.actions import Escalate
from rules.protocol.durations import Duration
from rules.protocol.rule import Step
from tests.agent.desk import SOURCE, Desk, moved_once, rule


def sign(desk: Desk) -> Life:
    """Hoist lives."""
    with desk.database.transaction() as db:
        return outages.sign(db, desk.clock.now())


def down_for(desk: Desk, milliseconds: int, policy: Policy | None = None, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Hoist is killed, the world goes on, and hoist starts again."""
    sign(desk)
    meanwhile()
    desk.clock.jump(desk.clock.now() + milliseconds)
    begin_again(desk, policy or Policy())


def begin_again(desk: Desk, policy: Policy, *, put_back: bool = False) -> None:
    desk.restart()
    pipeline = desk.pipeline
    pipeline.aftermath = type(pipeline.aftermath)(SOURCE, desk.connector, desk.database, pipeline.mirroring.mark, policy)
    now = desk.clock.now(), pipeline.source_clock.now()
    with desk.database.transaction() as db:
        outage.begin(db, SOURCE, outages.last_sign(db), now, policy, restored=put_back)
    pipeline.aftermath.load(now[1])
    pipeline.rule_by(pipeline.ruling)


def digest(desk: Desk) -> dict[str, object]:
    (line,) = desk.journal("outage-digest")
    return dict(line.data)


def test_a_restart_is_no_outage(tmp_path: Path) -> None:
    """What fell due within minutes of a restart is written as if nothing had been."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.run(12 * MINUTE)
    down_for(desk, 4 * MINUTE)
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)
    assert desk.journal("outage") == []


def test_what_is_young_is_caught_up_and_the_rest_is_left(tmp_path: Path) -> None:
    """After a night, what fell due within the last hour is written; what is older is listed, waits, and is not written."""
    desk = Desk(tmp_path)
    old = desk.ticket()
    desk.run(10 * MINUTE)
    down_for(desk, 4 * HOUR)
    desk.run(10 * MINUTE)
    assert desk.states(old) == [RowState.BACKLOG]
    assert desk.team(old) == "sd"
    assert digest(desk) == {"due": 1, "left": 1, "firings": [f"{old} nobody-took-it"]}
    assert "did not run" in desk.rows(old)[0].problem
    desk.run(2 * DAY)
    assert desk.team(old) == "sd"


def test_what_fell_due_in_the_last_hour_is_caught_up(tmp_path: Path) -> None:
    """A ticket that became due twenty minutes before hoist came back is escalated at once."""
    desk = Desk(tmp_path)
    desk.run(MINUTE)
    sign(desk)
    desk.clock.jump(desk.clock.now() + 3 * HOUR)
    young = desk.ticket()
    desk.clock.jump(desk.clock.now() + 35 * MINUTE)
    begin_again(desk, Policy())
    desk.run(10 * MINUTE)
    moved_once(desk, young)
    assert digest(desk)["left"] == 0


@pytest.mark.parametrize(("policy", "state"), [(Policy(None), RowState.APPLIED), (Policy(0), RowState.BACKLOG)])
def test_all_or_none(tmp_path: Path, policy: Policy, state: RowState) -> None:
    """With `all` everything is caught up however old, with `report only` nothing."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    down_for(desk, 5 * HOUR, policy)
    desk.run(10 * MINUTE)
    assert desk.states(ticket) == [state]


def test_what_was_planned_and_not_written_is_left_too(tmp_path: Path) -> None:
    """A step that was planned just before hoist went down does not surprise anybody in the morning."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    down_for(desk, 9 * HOUR)
    desk.run(10 * MINUTE)
    assert desk.states(ticket) == [RowState.BACKLOG]


def test_all_means_what_was_planned_before_the_outage_too(tmp_path: Path) -> None:
    """With `all`, what had fallen due before hoist went down and was not written yet is written when it is back."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    desk.clock.jump(desk.clock.now() + 10 * MINUTE)
    down_for(desk, HOUR, Policy(None))
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)


def test_a_person_lets_it_go(tmp_path: Path) -> None:
    """What was left is written once somebody says so, if it is still true."""
    desk = Desk(tmp_path)
    ticket, taken = desk.ticket(), desk.ticket()
    desk.run(10 * MINUTE)
    down_for(desk, 9 * HOUR)
    desk.run(10 * MINUTE)
    desk.helpdesk.change(taken, "anna", assignee="anna")
    with desk.database.transaction() as db:
        for row in waiting.of_source(db, SOURCE, (RowState.BACKLOG,)):
            waiting.move(db, row, RowState.PLANNED, desk.clock.now(), not_before=desk.clock.now())
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)
    assert desk.states(taken) == [RowState.SUPERSEDED]


def test_what_is_no_longer_true_waits_for_nobody(tmp_path: Path) -> None:
    """Somebody takes the ticket: its place on the list is given up, and a new neglect is a new matter."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    down_for(desk, 9 * HOUR)
    desk.run(10 * MINUTE)
    desk.helpdesk.change(ticket, "anna", assignee="anna")
    desk.run(10 * MINUTE)
    assert desk.states(ticket) == [RowState.SUPERSEDED]
    desk.helpdesk.change(ticket, "anna", assignee=None)
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.SUPERSEDED, RowState.APPLIED]


def test_the_next_step_of_a_ladder_is_not_an_old_one(tmp_path: Path) -> None:
    """A ladder whose first step was left goes on with the step that falls due while hoist runs, and both are one write."""
    steps = (Step((Escalate("line"),)), Step((Escalate("line"),), after=Duration(4 * HOUR)))
    desk = Desk(tmp_path, rule(steps=steps))
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    down_for(desk, 3 * HOUR)
    desk.run(10 * MINUTE)
    assert desk.states(ticket) == [RowState.BACKLOG]
    desk.run(2 * HOUR)
    assert desk.states(ticket) == [RowState.APPLIED]
    assert len(desk.saves(ticket)) == 1


def test_a_second_restart_forgets_nothing(tmp_path: Path) -> None:
    """What was left stays left when hoist is started once more, and is reported once."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    down_for(desk, 9 * HOUR)
    desk.helpdesk.fail_next(TryLater("down", 20.0), on="search")
    desk.run(10 * SECOND)
    down_for(desk, MINUTE)
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.BACKLOG]
    assert digest(desk)["left"] == 1


# --- a restored store ----------------------------------------------------------------------------------------------------


def backup(desk: Desk, folder: Path) -> Path:
    copy = folder / "backup.db"
    with desk.database.engine.connect() as db:
        db.exec_driver_sql(f"VACUUM INTO '{copy}'")
    return copy


def put_back(desk: Desk, copy: Path, policy: Policy, *, noticed: bool = True) -> None:
    """The store is replaced by its backup, and hoist starts."""
    desk.database.close()
    for name in ("", "-wal", "-shm"):
        desk.store.with_name(desk.store.name + name).unlink(missing_ok=True)
    shutil.copy(copy, desk.store)
    desk.start()
    begin_again(desk, policy, put_back=noticed)


@pytest.mark.parametrize("noticed", [True, False])
def test_what_was_written_since_the_backup_is_not_written_again(tmp_path: Path, noticed: bool) -> None:
    """A store put back to a time before an escalation was written reads its mark, and writes nothing a second time.

    Also where nothing beside the store tells that it was put back: hoist's own writes in the helpdesk do.
    """
    desk = Desk(tmp_path)
    written, waits = desk.ticket(), desk.ticket(assignee="anna")
    desk.run(10 * MINUTE)
    sign(desk)
    copy = backup(desk, tmp_path)
    desk.run(HOUR)
    moved_once(desk, written)
    desk.helpdesk.change(waits, "anna", assignee=None)
    desk.clock.jump(desk.clock.now() + 30 * MINUTE)
    put_back(desk, copy, Policy(None), noticed=noticed)
    desk.run(HOUR)
    assert desk.team(written) == "ops"
    assert len(desk.saves(written)) == len(desk.notes(written)) == 1
    assert desk.states(written) == [RowState.APPLIED]
    assert [line.ticket for line in desk.journal("read-back")] == [written]
    moved_once(desk, waits)
    assert len(desk.journal("marks-read-back")) == 1


def test_a_restart_before_the_report_keeps_the_lost_time(tmp_path: Path) -> None:
    """A hoist that dies between reading the marks back and its report still knows when its store has forgotten what it did."""
    desk = Desk(tmp_path)
    written = desk.ticket()
    desk.run(10 * MINUTE)
    sign(desk)
    copy = backup(desk, tmp_path)
    desk.run(HOUR)
    put_back(desk, copy, Policy(None))
    desk.run(HOUR)

    def lost() -> list[tuple[int, int]]:
        with desk.database.reading() as db:
            return [(each.began, each.ended) for each in outages.lately(db, SOURCE, desk.clock.now()) if each.lost]

    before = lost()
    with desk.database.transaction() as db:
        db.exec_driver_sql("UPDATE outages SET reported_at = NULL")
    sign(desk)
    begin_again(desk, Policy(None))
    desk.helpdesk.change(written, "anna", subject="Mail server again")
    desk.run(HOUR)
    assert lost() == before
    assert before[0][0] < before[0][1]
    assert len(desk.journal("marks-read-back")) == 1
    assert len(desk.journal("outage-digest")) == 2


def test_nothing_is_written_until_the_marks_are_read(tmp_path: Path) -> None:
    """While the marks can't be read nothing leaves, and the source says why."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    sign(desk)
    copy = backup(desk, tmp_path)
    desk.clock.jump(desk.clock.now() + HOUR)
    put_back(desk, copy, Policy(None))
    for _ in range(50):
        desk.helpdesk.fail_next(TryLater("not now", 60.0), on="verify")
    desk.run(30 * MINUTE)
    assert desk.asked("write") == 0
    assert "older than what hoist has done here" in desk.pipeline.problem
    desk.run(2 * HOUR)
    moved_once(desk, ticket)
    assert desk.pipeline.problem == ""


def test_marks_that_nobody_can_explain_are_for_a_person(tmp_path: Path) -> None:
    """A ticket that bears marks of a rule that this store has never seen is left alone."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    sign(desk)
    copy = backup(desk, tmp_path)
    desk.rule_by(rule("another-rule"))
    desk.run(HOUR)
    assert len(desk.saves(ticket)) == 1
    desk.rules = (rule(),)
    put_back(desk, copy, Policy(None))
    desk.helpdesk.change(ticket, "anna", team="sd")
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.BACKLOG]
    assert "can't explain" in desk.rows(ticket)[0].problem
    assert len(desk.saves(ticket)) == 1


def test_an_operation_bears_no_forgotten_number(tmp_path: Path) -> None:
    """Escalations after a restore bear numbers that none of the forgotten ones can have had."""
    desk = Desk(tmp_path)
    desk.ticket()
    desk.run(10 * MINUTE)
    sign(desk)
    copy = backup(desk, tmp_path)
    put_back(desk, copy, Policy(None))
    later = desk.ticket()
    desk.run(HOUR)
    assert min(row.escalation for row in desk.operations(later)) > 1_000_000


def test_the_file_beside_the_store_knows_better(tmp_path: Path) -> None:
    """A store whose last sign of life is older than that in the file beside it was put back; another's file is not meant."""
    desk = Desk(tmp_path)
    heart = Heart(desk.database, desk.clock, desk.store, HeartbeatSettings(), desk.installation.identity)
    heart.turn(lambda _: [])
    with desk.database.reading() as db:
        before = outages.last_sign(db)
    assert not restored(desk.store, desk.installation.identity, before)
    desk.clock.jump(desk.clock.now() + HOUR)
    heart.turn(lambda _: [])
    assert restored(desk.store, desk.installation.identity, before)
    assert not restored(desk.store, "another", before)
    life_file(desk.store).write_text("{")
    assert not restored(desk.store, desk.installation.identity, before)


def test_an_outage_leaves_what_is_within_it() -> None:
    """Only what fell due in an outage, and before what is caught up, is left; a restored store leaves all that is older."""
    made = Outage("desk", 100, 200, 150, restored=False, reported_at=None)
    assert [at for at in (99, 100, 149, 150, 200) if made.leaves(at)] == [100, 149]
    put = Outage("desk", 100, 200, 200, restored=True, reported_at=None)
    assert [at for at in (1, 150, 199, 200) if put.leaves(at)] == [1, 150, 199]


def test_skew_past_the_limit_stops_writing(tmp_path: Path) -> None:
    """A clock that goes wrong while hoist runs stops its writing with a sentence, and nothing else; set right, all goes on."""
    desk = Desk(tmp_path)
    ahead = [0]
    desk.helpdesk.clock = lambda: desk.clock.now() + ahead[0]
    desk.pipeline._skew_limit = Care(skew_limit=5 * MINUTE).skew_limit
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    ahead[0] = 10 * MINUTE
    desk.run(30 * MINUTE)
    assert "seconds ahead of this machine's" in desk.pipeline.problem
    assert desk.asked("write") == 0
    with desk.database.reading() as db:
        assert mirrored.count(db, SOURCE) == (1, 0)
    desk.pipeline._skew_limit = HOUR
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)
    assert desk.pipeline.problem == ""
