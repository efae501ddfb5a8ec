"""The mirror that knows whether it is complete: Anna's desk is counted, and what is missing on either side is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from agent.census.census import Censuses, tolerated
from agent.store import censuses, mirrored, quarantine
from agent.store.censuses import Census
from agent.store.states import RowState
from agent.store.tables import outbox, tickets
from connectors.errors import AskAdmin, TryLater
from rules.instants import DAY, HOUR, MINUTE, SECOND
from tests.agent.desk import NEVER, SOURCE, Desk, moved_once, rule


def counting(desk: Desk, every: int = DAY) -> Desk:
    """The desk with a census so often."""
    pipeline = desk.pipeline
    pipeline.census = Censuses(desk.connector, desk.database, pipeline.mirroring, (desk.clock, pipeline.source_clock), every)
    return desk


def last(desk: Desk) -> Census:
    """The last census that has ended."""
    with desk.database.reading() as db:
        found = censuses.latest(db, SOURCE, finished=True)
    assert found is not None, desk.said()
    return found


def accept(desk: Desk, by: str = "eva") -> None:
    with desk.database.transaction() as db:
        found = censuses.latest(db, SOURCE, finished=False)
        assert found is not None
        censuses.change(db, found, accepted_by=by)


def gone(desk: Desk) -> set[str]:
    with desk.database.reading() as db:
        return {m.ticket.ref.id for m in mirrored.mirrored(db, SOURCE, [str(n) for n in range(1, 200)]).values() if m.ticket.gone}


def forget(desk: Desk, *ids: str) -> None:
    """The mirror loses tickets, as if a poll had passed them over."""
    with desk.database.transaction() as db:
        db.execute(tickets.delete().where(tickets.c.id.in_(ids)))


def test_a_complete_mirror_says_so(tmp_path: Path) -> None:
    """After the first read everything is counted, and nothing is missed, gone or lost."""
    desk = counting(Desk(tmp_path, page_size=3))
    for _ in range(7):
        desk.ticket()
    desk.run(HOUR)
    found = last(desk)
    assert (found.listed, found.missed, found.returned, found.gone, found.lost) == (7, 0, 0, 0, 0)
    assert desk.asked("census") == 3


def test_it_is_taken_once_a_day(tmp_path: Path) -> None:
    """A census that is younger than a day is not taken again, also after a restart; an older one is, at once."""
    desk = counting(Desk(tmp_path, NEVER, poll=2 * HOUR))
    desk.ticket()
    desk.run(HOUR)
    desk.restart()
    counting(desk).run(20 * HOUR)
    assert desk.asked("census") == 1
    desk.run(5 * HOUR)
    assert desk.asked("census") == 2
    desk.clock.jump(desk.clock.now() + 2 * DAY)
    desk.restart()
    counting(desk).run(MINUTE)
    assert desk.asked("census") == 3


def test_what_was_missed_is_found_and_escalated(tmp_path: Path) -> None:
    """A ticket that no poll brought is counted as missed, read, and escalated like any other."""
    desk = Desk(tmp_path)
    missed, known = desk.ticket(), desk.ticket()
    desk.run(10 * MINUTE)
    forget(desk, missed)
    counting(desk).run(HOUR)
    assert last(desk).missed == 1
    assert [line.ticket for line in desk.journal("census-missed")] == [missed]
    for ticket in (missed, known):
        moved_once(desk, ticket)


def test_a_change_that_was_missed_is_found(tmp_path: Path) -> None:
    """A ticket whose last change the mirror never saw counts as missed, and is read."""
    desk = Desk(tmp_path, NEVER)
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    desk.helpdesk.change(ticket, "anna", assignee="anna")
    desk.clock.jump(desk.clock.now() + 10 * MINUTE)
    later = desk.clock.now()
    with desk.database.transaction() as db:
        db.exec_driver_sql("UPDATE sources SET horizon = ?, cursor = ?", (later, f'{{"since": {later + 2 * MINUTE}}}'))
    counting(desk).run(10 * MINUTE)
    assert last(desk).missed == 1
    with desk.database.reading() as db:
        assert mirrored.mirrored(db, SOURCE, [ticket])[ticket].ticket.fields["assignee"] == "anna"


def test_what_the_next_poll_brings_is_not_missed(tmp_path: Path) -> None:
    """People who work while the census is taken make no ticket a missed one, and a lagging search none a gone one."""
    desk = counting(Desk(tmp_path, NEVER, page_size=2), every=20 * MINUTE)
    made = [desk.ticket() for _ in range(5)]
    desk.helpdesk.search_lag = 50 * SECOND

    def meanwhile() -> None:
        desk.helpdesk.change(made[desk.turns % 5], "anna", assignee=("anna", "bert")[desk.turns % 2])
        if desk.turns % 7 == 0:
            desk.ticket()

    desk.run(3 * HOUR, meanwhile=meanwhile)
    lines = desk.journal("census")
    assert len(lines) > 5
    assert {(line.data["missed"], line.data["gone"], line.data["lost"]) for line in lines} == {(0, 0, 0)}


def test_a_quarantined_ticket_is_not_missed(tmp_path: Path) -> None:
    """A ticket that can't be mapped is known to be there: it is not counted a second time."""
    desk = counting(Desk(tmp_path))
    desk.helpdesk.unreadable[desk.ticket()] = "its status is no status"
    desk.run(HOUR)
    assert (last(desk).listed, last(desk).missed) == (1, 0)
    with desk.database.reading() as db:
        assert len(quarantine.rows(db, SOURCE)) == 1


def test_a_deleted_ticket_is_marked(tmp_path: Path) -> None:
    """A ticket that was deleted is marked as gone, keeps its history, and nothing waits for it any more."""
    desk = counting(Desk(tmp_path, NEVER), every=HOUR)
    kept, deleted = desk.ticket(), desk.ticket()
    desk.run(10 * MINUTE)
    desk.helpdesk.delete(deleted)
    desk.run(2 * HOUR)
    assert gone(desk) == {deleted}
    assert desk.journal("census")[1].data["gone"] == 1
    (line,) = desk.journal("gone")
    assert (line.ticket, line.data["reason"]) == (
        deleted,
        "the source no longer gives it: it was deleted, or hidden from hoist's account",
    )
    desk.helpdesk.bring_back(deleted)
    desk.run(2 * HOUR)
    assert gone(desk) == set()
    assert kept


def test_a_ticket_that_is_visible_again_is_back(tmp_path: Path) -> None:
    """A ticket that was hidden comes back without a change that a poll could see: the census brings it."""
    desk = counting(Desk(tmp_path, NEVER), every=HOUR)
    hidden = desk.ticket()
    desk.ticket()
    desk.run(10 * MINUTE)
    desk.helpdesk.hidden.add(hidden)
    desk.run(2 * HOUR)
    assert gone(desk) == {hidden}
    desk.helpdesk.hidden.clear()
    desk.run(2 * HOUR)
    assert gone(desk) == set()
    assert sum(line.data["returned"] for line in desk.journal("census")) == 1
    assert sum(line.data["missed"] for line in desk.journal("census")) == 0


def vanished(tmp_path: Path, number: int = 30) -> tuple[Desk, list[str]]:
    """A desk of so many open tickets, all of which hoist's account may no longer see, and one more that falls due."""
    desk = counting(Desk(tmp_path), every=HOUR)
    made = [desk.ticket(assignee="anna") for _ in range(number)]
    desk.run(70 * MINUTE)
    desk.helpdesk.hidden.update(made)
    desk.ticket()
    desk.run(2 * HOUR)
    return desk, made


def test_a_lost_permission_is_no_deletion(tmp_path: Path) -> None:
    """Many tickets that vanish at once raise an alarm: none is marked as gone, nothing is written, and the source says why."""
    desk, _ = vanished(tmp_path)
    assert gone(desk) == set()
    assert "open tickets have vanished at once" in desk.pipeline.problem
    assert "hoist census accept desk" in desk.pipeline.problem
    writes = desk.asked("write")
    late = desk.ticket()
    desk.run(HOUR)
    assert desk.states(late) == [RowState.PLANNED]
    assert desk.asked("write") == writes
    desk.restart()
    counting(desk, HOUR).run(MINUTE)
    assert "vanished at once" in desk.pipeline.problem
    assert desk.asked("write") == writes


def test_a_permission_lost_between_two_censuses(tmp_path: Path) -> None:
    """Tickets that vanish one after the other as they are to be written have all of them counted before the next is touched."""
    desk = counting(Desk(tmp_path))
    made = [desk.ticket() for _ in range(30)]
    desk.run(10 * MINUTE)
    desk.helpdesk.hidden.update(made)
    desk.run(HOUR)
    assert len(gone(desk)) <= 5
    assert "vanished at once" in desk.pipeline.problem
    desk.helpdesk.hidden.clear()
    desk.run(DAY)
    assert gone(desk) == set()
    assert sum(len(desk.saves(ticket)) for ticket in made) >= 25


def test_they_come_back_and_all_goes_on(tmp_path: Path) -> None:
    """Once the permission is back the alarm ends by itself, nobody was marked as gone, and what waited is written."""
    desk, _ = vanished(tmp_path)
    late = desk.ticket()
    desk.run(HOUR)
    desk.helpdesk.hidden.clear()
    desk.run(2 * HOUR)
    assert desk.pipeline.problem == ""
    assert gone(desk) == set()
    moved_once(desk, late)
    assert [line.kind for line in desk.journal("census-alarm-ended")] == ["census-alarm-ended"]


def test_an_administrator_says_that_they_are_gone(tmp_path: Path) -> None:
    """An administrator's word marks them as gone, journaled with the name, and writing goes on."""
    desk, made = vanished(tmp_path)
    accept(desk)
    desk.run(HOUR)
    assert desk.pipeline.problem == ""
    assert gone(desk) == set(made)
    assert desk.journal("census-alarm-ended")[0].data["accepted_by"] == "eva"


def test_closed_tickets_may_be_archived(tmp_path: Path) -> None:
    """Closed tickets that are archived by the hundred are no alarm."""
    desk = counting(Desk(tmp_path, NEVER), every=HOUR)
    made = [desk.ticket(status="closed") for _ in range(60)]
    desk.ticket()
    desk.run(10 * MINUTE)
    for ticket in made:
        desk.helpdesk.delete(ticket)
    desk.run(2 * HOUR)
    assert gone(desk) == set(made)
    assert desk.journal("census-alarm") == []


@pytest.mark.parametrize(("open_", "most"), [(0, 2), (3, 2), (12, 6), (100, 10), (5_000, 100)])
def test_how_many_may_vanish(open_: int, most: int) -> None:
    """Ten, or one in fifty of the open tickets, and never more than half of a small desk."""
    assert tolerated(open_) == most


def test_an_expired_credential_makes_nothing_vanish(tmp_path: Path) -> None:
    """While the source refuses, the census waits; it goes on afterwards where it stood."""
    desk = counting(Desk(tmp_path, NEVER, page_size=2), every=HOUR)
    for _ in range(5):
        desk.ticket()
    desk.run(10 * MINUTE)
    desk.helpdesk.fail_next(AskAdmin("the token has expired"), on="census")
    desk.helpdesk.fail_next(TryLater("not now", 30.0), on="census")
    desk.run(2 * HOUR)
    assert gone(desk) == set()
    assert (last(desk).listed, last(desk).missed, last(desk).gone) == (5, 0, 0)


def test_a_stopped_census_goes_on(tmp_path: Path) -> None:
    """A census that a restart breaks off begins nothing anew."""
    desk = counting(Desk(tmp_path, NEVER, page_size=2))
    for _ in range(8):
        desk.ticket()
    desk.pipeline.turn()
    desk.clock.jump(desk.clock.now() + SECOND)
    desk.pipeline.turn()
    assert desk.asked("census") == 2
    desk.restart()
    counting(desk).run(HOUR)
    assert desk.asked("census") == 5
    assert last(desk).listed == 8


def test_what_nobody_would_have_looked_at_is_lost_and_found(tmp_path: Path) -> None:
    """A ticket whose next look was put off by a fault is told as lost, and escalated all the same."""
    desk = counting(Desk(tmp_path), every=HOUR)
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    with desk.database.transaction() as db:
        db.execute(update(tickets).values(next_look=desk.clock.now() + 300 * DAY))
    desk.run(2 * HOUR)
    assert [line.data["lost"] for line in desk.journal("census")][:2] == [0, 1]
    assert [line.ticket for line in desk.journal("census-overlooked")] == [ticket]
    moved_once(desk, ticket)


def test_a_superseded_step_that_is_true_is_not_left(tmp_path: Path) -> None:
    """A step that was dropped although its rule is still true is told as lost, and taken up again."""
    desk = counting(Desk(tmp_path), every=HOUR)
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    Desk.opened.clear()  # what is changed by hand, no journal tells
    with desk.database.transaction() as db:
        db.execute(update(outbox).values(state=RowState.SUPERSEDED.value))
    desk.run(2 * HOUR)
    assert sum(line.data["lost"] for line in desk.journal("census")) == 1
    moved_once(desk, ticket)


def test_a_held_step_of_a_gone_ticket_is_over(tmp_path: Path) -> None:
    """Nothing is held for a ticket that is no more."""
    desk = counting(Desk(tmp_path, rule()), every=HOUR)
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    Desk.opened.clear()  # what is changed by hand, no journal tells
    with desk.database.transaction() as db:
        db.execute(update(outbox).values(state=RowState.HELD.value))
    desk.helpdesk.delete(ticket)
    desk.pipeline.census = Censuses(
        desk.connector, desk.database, desk.pipeline.mirroring, (desk.clock, desk.pipeline.source_clock), HOUR
    )
    desk.run(2 * HOUR)
    assert desk.states(ticket) == [RowState.SUPERSEDED]
