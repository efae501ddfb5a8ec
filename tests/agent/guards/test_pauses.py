"""Anna pauses hoist while the network is being rebuilt: nothing leaves meanwhile, and nothing surprises her afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agent.store import pauses
from agent.store.states import RowState
from agent.watchdog import stages_of
from connectors.contract import Reading, Receipt
from connectors.memory import MemoryConnector
from rules.escalation import Operation
from rules.instants import FOREVER, HOUR, MINUTE, Instant
from rules.protocol.actions import AddLabel, Escalate
from rules.protocol.rule import Existing
from tests.agent.desk import ALL_EXISTING, MONDAY, ORGANISATION, SOURCE, Desk, moved_once, rule

LABELS = (AddLabel("lifted"),)


def pause(desk: Desk, source: str = "", rule: str = "", *, until: Instant = FOREVER) -> None:
    """Anna pauses."""
    with desk.database.transaction() as db:
        pauses.add(db, source, rule, (desk.clock.now(), until), "anna", "the network is rebuilt")


def resume(desk: Desk, source: str = "", rule: str = "") -> None:
    with desk.database.transaction() as db:
        assert pauses.end(db, source, rule, desk.clock.now())


def test_nothing_is_written_while_a_source_is_paused(tmp_path: Path) -> None:
    """Tickets are still read and judged, what is due waits as planned, and the helpdesk sees no request but reads."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    pause(desk, SOURCE)
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.PLANNED]
    assert desk.team(ticket) == "sd"
    assert desk.saves(ticket) == []
    assert desk.pipeline.counts.polls > 5
    assert "paused since" in desk.pipeline.standing()
    assert desk.pipeline.problem == "", "a pause is nobody's trouble"


def test_what_fell_due_in_a_pause_is_left_to_a_person(tmp_path: Path) -> None:
    """After the pause it is listed and not written; what falls due later is written as ever."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    pause(desk)
    desk.run(HOUR)
    later = desk.ticket()
    resume(desk)
    desk.run(30 * MINUTE)
    assert desk.states(ticket) == [RowState.BACKLOG]
    assert "pause" in desk.rows(ticket)[0].problem
    assert desk.team(ticket) == "sd"
    moved_once(desk, later)
    (line,) = desk.journal("pause-ended")
    assert line.data == {"rule": "", "left": 1, "queued": 0, "goes_on": 0}


def test_what_is_seen_only_after_the_pause_is_left_too(tmp_path: Path) -> None:
    """A firing of within the pause that a late poll brings afterwards is none the more wanted."""
    desk = Desk(tmp_path)
    desk.run(MINUTE)
    pause(desk)
    ticket = desk.ticket()
    desk.clock.jump(desk.clock.now() + HOUR)
    resume(desk)
    desk.run(10 * MINUTE)
    assert desk.states(ticket) == [RowState.BACKLOG]
    desk.restart()
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.BACKLOG]


def test_a_pause_ends_by_itself(tmp_path: Path) -> None:
    """`--for 2h` needs nobody to remember it."""
    desk = Desk(tmp_path)
    pause(desk, until=desk.clock.now() + 2 * HOUR)
    first = desk.ticket()
    desk.run(HOUR)
    desk.run(65 * MINUTE)
    second = desk.ticket()
    desk.run(30 * MINUTE)
    assert desk.states(first) == [RowState.BACKLOG]
    moved_once(desk, second)


def test_existing_tickets_says_what_happens_after_a_pause(tmp_path: Path) -> None:
    """A rule that acts on all existing tickets when it goes live acts on all of them after a pause, too."""
    desk = Desk(tmp_path, rule(existing=ALL_EXISTING))
    ticket = desk.ticket()
    pause(desk)
    desk.run(HOUR)
    resume(desk)
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)


def test_at_most_so_many_per_hour_after_a_pause(tmp_path: Path) -> None:
    """With `at most 2 per hour` they go on at that rate."""
    desk = Desk(tmp_path, rule(existing=Existing(2)))
    tickets = [desk.ticket() for _ in range(3)]
    pause(desk)
    desk.run(HOUR)
    resume(desk)
    desk.run(45 * MINUTE)
    assert sorted(state for ticket in tickets for state in desk.states(ticket)) == ["applied", "applied", "queued"]


def test_a_paused_rule_keeps_no_other_waiting(tmp_path: Path) -> None:
    """Of one ticket the change of the paused rule waits as planned, the other rule's is written."""
    desk = Desk(tmp_path, rule("lift", actions=(Escalate("line"),)), rule("label", actions=LABELS))
    pause(desk, rule="lift")
    ticket = desk.ticket()
    desk.run(HOUR)
    assert {row.key.rule: row.state for row in desk.rows(ticket)} == {"lift": RowState.PLANNED, "label": RowState.APPLIED}
    assert desk.team(ticket) == "sd"
    assert desk.stored(ticket).fields["labels"] == ("lifted",)
    held = next(row for row in desk.rows(ticket) if row.key.rule == "lift")
    assert "the rule lift is paused since" in held.problem
    with desk.database.reading() as db:
        assert [stage.name for stage in stages_of(db, desk.pipeline) if stage.name == "writing" and stage.due] == []
    resume(desk, rule="lift")
    desk.run(10 * MINUTE)
    assert {row.key.rule: row.state for row in desk.rows(ticket)} == {"lift": RowState.BACKLOG, "label": RowState.APPLIED}


class PausedAtTheLastMoment(MemoryConnector):
    """Anna's pause is committed after the fresh read, just before the write."""

    desk: Desk
    times = 0

    def read(self, ids: Sequence[str]) -> Reading:
        found = super().read(ids)
        if not self.times:
            self.times += 1
            pause(self.desk, rule="nobody-took-it")
        return found

    def write(self, operation: Operation) -> Receipt:
        assert not self.times, "nothing may be sent once the pause is there"
        return super().write(operation)


def test_a_pause_counts_before_the_next_request(tmp_path: Path) -> None:
    """What was read, confirmed and committed as sent is not sent once the pause is there, and waits as planned."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    connector = PausedAtTheLastMoment(SOURCE, desk.settings, helpdesk=desk.helpdesk)
    connector.desk = desk
    desk.pipeline.writer.connector = connector
    desk.run(10 * MINUTE)
    assert connector.times == 1
    assert desk.states(ticket) == [RowState.PLANNED]
    assert desk.saves(ticket) == []
    assert [row.state for row in desk.operations(ticket)] == ["dropped", "dropped"]


def test_a_begun_escalation_is_ended_after_the_pause(tmp_path: Path) -> None:
    """The fields were written when the pause began: the comment that tells of them waits, and comes after it."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)

    class Pausing(MemoryConnector):
        def write(self, operation: Operation) -> Receipt:
            done = super().write(operation)
            pause(desk, rule="nobody-took-it") if not operation.comment else None
            return done

    desk.pipeline.writer.connector = Pausing(SOURCE, desk.settings, helpdesk=desk.helpdesk)
    desk.run(HOUR)
    assert len(desk.saves(ticket)) == 1
    assert desk.notes(ticket) == []
    resume(desk, rule="nobody-took-it")
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)


def test_times_of_a_pause_are_the_organisations(tmp_path: Path) -> None:
    """Who reads why a change waits reads it by the clock on their wall; so does who reads what fell due in a pause."""

    class Tokyo(Desk):
        organisation = replace(ORGANISATION, time_zone="Asia/Tokyo")

    desk = Tokyo(tmp_path)
    ticket = desk.ticket()
    desk.run(MINUTE)
    pause(desk, rule="nobody-took-it", until=MONDAY + 2 * HOUR)
    desk.run(HOUR)
    assert "until 2026-03-02 19:00 JST by anna" in desk.rows(ticket)[0].problem
    desk.run(2 * HOUR)
    assert desk.rows(ticket)[0].problem == "it fell due before the end of a pause, at 2026-03-02 19:00 JST"
