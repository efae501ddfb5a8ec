"""From a change to a write: what is kept together, in which order things are committed, and when hoist keeps its hands off."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from agent.store import episodes, journal, mirrored, quarantine, sources, waiting
from agent.store.states import OperationState, RowState
from agent.store.waiting import WaitingRow
from connectors.contract import Reading, Receipt
from connectors.errors import AskAdmin, ConnectorError, GiveUp, OutcomeUnknown, TryLater
from connectors.memory import MemoryConnector
from rules.escalation import Operation, OperationKind
from rules.instants import DAY, FOREVER, HOUR, MINUTE, SECOND
from rules.protocol.actions import AddLabel, Comment, RaisePriority
from rules.protocol.conditions import OneOf, State
from rules.protocol.rule import Existing, Mode
from tests.agent.desk import ALL_EXISTING, LONG, NEVER, OPEN, POLL, SOURCE, Desk, Killed, again, moved_once, rule


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# --- the way of a ticket -----------------------------------------------------------------------------------------------


def test_a_ticket_that_waits_too_long_is_moved_once(desk: Desk) -> None:
    """A ticket that nobody took for a quarter of an hour goes to the next tier, with one note, and stays there."""
    ticket = desk.ticket()
    desk.run(6 * HOUR)
    moved_once(desk, ticket)
    assert 15 * MINUTE <= desk.saves(ticket)[0].at - desk.stored(ticket).created <= 15 * MINUTE + 2 * SECOND


def test_a_ticket_that_is_taken_in_time_is_left_alone(desk: Desk) -> None:
    """Anna takes the ticket after fourteen minutes: nothing is written."""
    ticket = desk.ticket()
    desk.run(14 * MINUTE)
    desk.helpdesk.change(ticket, "anna", assignee="anna")
    desk.run(LONG)
    assert not desk.saves(ticket)
    assert not desk.rows(ticket)


def test_taken_in_the_last_second_is_taken_in_time(desk: Desk) -> None:
    """F3: Anna takes it after the last poll: the fresh read sees it, nothing is written, and the journal says why."""
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    desk.helpdesk.change(ticket, "anna", assignee="anna")
    desk.run(LONG)
    assert not desk.saves(ticket)
    assert desk.states(ticket) == [RowState.SUPERSEDED]
    (line,) = desk.journal("superseded")
    assert "no longer true" in line.data["said"]


def test_many_turns_are_not_needed(desk: Desk) -> None:
    """hoist sleeps until there is something to do: an hour takes its polls, and little more."""
    desk.ticket()
    desk.run(HOUR)
    assert desk.turns < 12 + 5


# --- pages -------------------------------------------------------------------------------------------------------------


def test_a_page_that_fails_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tickets, next looks, outbox and cursor of a page are kept together or not at all; pages before it stay."""
    desk = Desk(tmp_path, page_size=2)
    for _ in range(4):
        desk.ticket()
        desk.clock.jump(desk.clock.now() + SECOND)
    whole = sources.set_cursor

    def dies_at_the_second(*values: object) -> None:
        with desk.database.reading() as db:
            if mirrored.count(db, SOURCE)[0]:
                raise Killed
        whole(*values)  # type: ignore[arg-type]

    monkeypatch.setattr(sources, "set_cursor", dies_at_the_second)
    with pytest.raises(Killed):
        desk.pipeline.poll()
    monkeypatch.undo()
    with desk.database.reading() as db:
        row = sources.found_source(db, SOURCE)
        assert mirrored.count(db, SOURCE) == (2, 0)
        assert row is not None
        assert row.cursor is not None
    desk.restart()
    desk.pipeline.poll()
    with desk.database.reading() as db:
        assert mirrored.count(db, SOURCE) == (4, 0)


def test_a_ticket_that_cannot_be_read_stops_no_other(desk: Desk) -> None:
    """It is kept in quarantine with its raw form and the reason; the others go on, and a later good read releases it."""
    bad, good = desk.ticket(), desk.ticket()
    desk.helpdesk.unreadable[bad] = "a status that nobody knows"
    desk.run(HOUR)
    moved_once(desk, good)
    with desk.database.reading() as db:
        (row,) = quarantine.rows(db, SOURCE)
    assert (row.id, row.reason) == (bad, "a status that nobody knows")
    assert bad in row.raw
    assert len(desk.journal("quarantined")) == 1, "said once, not at each poll"
    desk.helpdesk.unreadable.clear()
    desk.helpdesk.say(bad, "ruth", public=True)
    desk.run(HOUR)
    with desk.database.reading() as db:
        assert not quarantine.rows(db, SOURCE)
    moved_once(desk, bad)


def test_a_ticket_that_becomes_unreadable_before_its_write_waits(desk: Desk) -> None:
    """What can't be read as a whole is not written to; it is when it can be read again."""
    ticket = desk.ticket()
    desk.run(15 * MINUTE)
    desk.helpdesk.unreadable[ticket] = "a status that nobody knows"
    desk.run(HOUR)
    assert not desk.saves(ticket)
    assert desk.states(ticket) == [RowState.PLANNED]
    desk.helpdesk.unreadable.clear()
    desk.run(HOUR)
    moved_once(desk, ticket)


# --- the order of a write ----------------------------------------------------------------------------------------------


class Watching(MemoryConnector):
    """Looks into the store while a write is under way."""

    desk: Desk
    seen: list[tuple[OperationKind, list[RowState], list[tuple[str, OperationState]]]]

    def write(self, operation: Operation) -> Receipt:
        ticket = operation.ticket.id
        states = [(row.operation.kind.value, row.state) for row in self.desk.operations(ticket)]
        self.seen.append((operation.kind, self.desk.states(ticket), states))
        return super().write(operation)


def test_sent_is_committed_before_the_first_byte_leaves(desk: Desk) -> None:
    """Whoever opens the store while a request is under way finds it there as sent; the comment waits for the fields."""
    watching = Watching(SOURCE, desk.settings, helpdesk=desk.helpdesk)
    watching.desk, watching.seen = desk, []
    desk.pipeline.connector = desk.pipeline.writer.connector = watching
    desk.ticket()
    desk.run(HOUR)
    assert watching.seen == [
        (OperationKind.FIELDS, [RowState.SENT], [("fields", OperationState.SENT), ("comment", OperationState.PLANNED)]),
        (OperationKind.COMMENT, [RowState.SENT], [("fields", OperationState.APPLIED), ("comment", OperationState.SENT)]),
    ]


def test_nothing_is_sent_on_a_read_that_has_grown_old(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was frozen for ten seconds between its read and its write reads again first."""
    ticket = desk.ticket()
    desk.run(15 * MINUTE)
    read = desk.connector.read

    def slow(ids: list[str]) -> Reading:
        found = read(ids)
        desk.clock.sleep(10)
        return found

    monkeypatch.setattr(desk.connector, "read", slow)
    desk.run(MINUTE)
    assert not desk.saves(ticket)
    assert not desk.asked("write")
    monkeypatch.undo()
    desk.run(MINUTE)
    moved_once(desk, ticket)


def test_no_write_rests_on_a_read_that_is_not_later_than_its_firing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """F3, F11: a read whose server time is not past the instant of the firing proves nothing: hoist reads again."""
    ticket = desk.ticket()
    fired = desk.clock.now() + 15 * MINUTE
    desk.run(14 * MINUTE)
    read = desk.connector.read
    monkeypatch.setattr(desk.connector, "read", lambda ids: replace(read(ids), server_time=fired))
    desk.run(90 * SECOND)
    assert not desk.asked("write")
    monkeypatch.undo()
    desk.run(MINUTE)
    assert len(desk.saves(ticket)) == 1


def test_a_superseded_step_is_planned_again_when_its_episode_lives_on(tmp_path: Path) -> None:
    """F2: a gate closes before the write and opens again: the same step is written then, once, under its own key."""
    desk = Desk(tmp_path, rule(condition=State("priority", OneOf(("P3",)))))
    ticket = desk.ticket()
    desk.pipeline.poll()
    desk.helpdesk.change(ticket, "anna", labels=("hoist-hold",))
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.SUPERSEDED]
    assert "hoist-hold" in desk.rows(ticket)[0].problem
    desk.helpdesk.change(ticket, "anna", labels=())
    desk.run(HOUR)
    moved_once(desk, ticket)
    assert [row.key.episode for row in desk.rows(ticket)] == [1]


def test_two_rules_that_are_due_together_are_written_together(tmp_path: Path) -> None:
    """F8: two rules make one save and one note; each keeps a state of its own."""
    louder = rule("louder", actions=(RaisePriority(by=1), Comment("Raised.")))
    desk = Desk(tmp_path, rule(), louder)
    ticket = desk.ticket()
    desk.run(HOUR)
    assert [sorted(item.field for item in save.items) for save in desk.saves(ticket)] == [["priority", "team"]]
    assert len(desk.notes(ticket)) == 1
    assert desk.states(ticket) == [RowState.APPLIED, RowState.APPLIED]


def test_what_the_fresh_read_makes_due_is_written_with_the_rest(tmp_path: Path) -> None:
    """F8: Anna adds a label just before the write: the rule over it joins the same save and the same note."""
    labelled = rule("labelled", State("labels", OneOf(("vip",))), actions=(RaisePriority(by=1), Comment("A guest of honour.")))
    desk = Desk(tmp_path, rule(), labelled)
    ticket = desk.ticket()
    desk.run(15 * MINUTE - SECOND)
    desk.helpdesk.change(ticket, "anna", labels=("vip",))
    desk.clock.jump(desk.clock.now() + 5 * SECOND)
    while desk.pipeline.look():
        pass
    while desk.pipeline.write():
        pass
    assert [sorted(item.field for item in save.items) for save in desk.saves(ticket)] == [["priority", "team"]]
    assert len(desk.notes(ticket)) == 1


# --- steps -------------------------------------------------------------------------------------------------------------


def test_the_next_step_is_counted_from_the_one_before_having_taken_effect(tmp_path: Path) -> None:
    """F6: every half hour, at most twice: the second tier has its half hour from the moment it got the ticket."""
    desk = Desk(tmp_path, rule(condition=OPEN, repeat=again(30, 2)))
    ticket = desk.ticket()
    desk.run(6 * HOUR)
    first, second = (save.at for save in desk.saves(ticket))
    assert 30 * MINUTE <= second - first <= 30 * MINUTE + 2 * SECOND
    assert desk.team(ticket) == "eng"
    assert [row.key.step for row in desk.rows(ticket)] == [0, 1, 2]
    assert len(desk.notes(ticket)) == 3, "at the top it tells the top again, and stops"


def test_missed_steps_collapse_into_one(tmp_path: Path) -> None:
    """F6: after five hours of standing still one step is written, not ten within a minute."""
    desk = Desk(tmp_path, rule(condition=OPEN, repeat=again(30, 9)))
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    desk.clock.jump(desk.clock.now() + 5 * HOUR)
    desk.run(20 * MINUTE)
    assert [row.key.step for row in desk.rows(ticket)] == [0, 1]


def test_no_step_follows_one_that_has_not_taken_effect(tmp_path: Path) -> None:
    """F6: at most one step of an episode is under way: while the first is parked, no second one begins."""
    desk = Desk(tmp_path, rule(condition=OPEN, repeat=again(30, 9)))
    ticket = desk.ticket()
    desk.helpdesk.fail_next(GiveUp("no such team"), on="write")
    desk.run(6 * HOUR)
    assert desk.states(ticket) == [RowState.PARKED]


# --- who is left alone ---------------------------------------------------------------------------------------------------


def test_a_rule_that_only_watches_writes_nothing(tmp_path: Path) -> None:
    """Watching notes what would have been done, and sends no write."""
    desk = Desk(tmp_path, rule(mode=Mode.WATCH, repeat=again(30, 3)))
    ticket = desk.ticket()
    desk.run(6 * HOUR)
    assert desk.states(ticket) == 4 * [RowState.WATCHED]
    assert not desk.asked("write")


def test_a_rule_that_stops_being_live_writes_nothing_more(desk: Desk) -> None:
    """F14: what a rule had decided before it was set back to watching is not written, and not looked at for ever either."""
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    desk.rule_by(rule(mode=Mode.WATCH))
    desk.run(6 * HOUR)
    assert not desk.saves(ticket)
    assert desk.states(ticket) == [RowState.SUPERSEDED]
    assert len(desk.journal("superseded")) == 1
    desk.rule_by(rule())
    desk.run(6 * HOUR)
    assert not desk.saves(ticket), "going live acts on what begins afterwards"


def test_a_rule_that_is_gone_writes_nothing_more(desk: Desk) -> None:
    """What a rule had decided before it was deleted is not written."""
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    desk.rule_by(NEVER)
    desk.run(6 * HOUR)
    assert not desk.saves(ticket)
    assert desk.rows(ticket)[0].problem == "its rule is no longer in force"


def test_the_label_keeps_hoist_away(desk: Desk) -> None:
    """A person exempts one ticket from inside the helpdesk; taking the label away ends it."""
    ticket = desk.ticket(labels=("hoist-hold",))
    desk.run(HOUR)
    assert not desk.rows(ticket)
    desk.helpdesk.change(ticket, "anna", labels=())
    desk.run(HOUR)
    moved_once(desk, ticket)


def test_a_ticket_that_is_gone_is_left_in_peace(desk: Desk) -> None:
    """F34: deleted before the write: superseded, and no new rulebook makes hoist ask for it again."""
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    desk.helpdesk.delete(ticket)
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.SUPERSEDED]
    asked = desk.asked("read")
    desk.rule_by(rule(), rule("another"))
    desk.run(HOUR)
    assert desk.asked("read") == asked
    assert desk.states(ticket) == [RowState.SUPERSEDED]


# --- the backlog ---------------------------------------------------------------------------------------------------------


def test_the_first_evening_nothing_fires(tmp_path: Path) -> None:
    """F5: whatever was true before a rule was activated is backlog: counted, and left alone."""
    desk = Desk(tmp_path, NEVER)
    old = [desk.ticket() for _ in range(3)]
    desk.clock.jump(desk.clock.now() + DAY)
    desk.rule_by(rule())
    desk.run(HOUR)
    new = desk.ticket()
    desk.run(6 * HOUR)
    assert not any(desk.saves(ticket) for ticket in old)
    moved_once(desk, new)
    with desk.database.reading() as db:
        assert episodes.count_by_rule(db, SOURCE, backlog=True) == {"nobody-took-it": 3}


def test_existing_tickets_are_written_where_a_person_says_so(tmp_path: Path) -> None:
    """F5: `existing_tickets: all` writes what was true already, too."""
    desk = Desk(tmp_path, NEVER)
    old = [desk.ticket() for _ in range(3)]
    desk.clock.jump(desk.clock.now() + DAY)
    desk.rule_by(rule(existing=ALL_EXISTING))
    desk.run(HOUR)
    for ticket in old:
        moved_once(desk, ticket)


@pytest.mark.parametrize("before", [NEVER, rule(mode=Mode.WATCH)])
def test_existing_tickets_come_at_the_rate_that_was_named(tmp_path: Path, before: object) -> None:
    """F5: `at most 2 per hour`: one each half hour, the most urgent first, whether or not the rule had watched them before."""
    desk = Desk(tmp_path, before)  # type: ignore[arg-type]
    old = [desk.ticket(priority=priority) for priority in ("p3", "p2", "p3", "p1")]
    desk.run(6 * HOUR)
    desk.rule_by(rule(existing=Existing(2)))
    new = desk.ticket()
    desk.run(20 * MINUTE)
    moved_once(desk, new)
    assert [bool(desk.saves(ticket)) for ticket in old] == [False, False, False, True]
    desk.run(15 * MINUTE)
    assert [bool(desk.saves(ticket)) for ticket in old] == [False, True, False, True]
    desk.run(HOUR)
    at = sorted(desk.saves(ticket)[0].at for ticket in old)
    assert all(30 * MINUTE <= b - a <= 31 * MINUTE for a, b in pairwise(at))


def test_the_rate_holds_after_an_outage_too(tmp_path: Path) -> None:
    """F5: existing tickets whose turns were missed do not come all at once."""
    desk = Desk(tmp_path, rule(mode=Mode.WATCH))
    old = [desk.ticket() for _ in range(8)]
    desk.run(6 * HOUR)
    desk.rule_by(rule(existing=Existing(2)))
    desk.run(MINUTE)
    desk.clock.jump(desk.clock.now() + 3 * HOUR)
    desk.run(MINUTE)
    assert sum(bool(desk.saves(ticket)) for ticket in old) == 2


def test_what_was_watched_is_left_alone_when_the_rule_goes_live(tmp_path: Path) -> None:
    """F5: going live acts on what begins afterwards."""
    desk = Desk(tmp_path, rule(mode=Mode.WATCH))
    ticket = desk.ticket()
    desk.run(6 * HOUR)
    desk.rule_by(rule())
    desk.run(6 * HOUR)
    assert not desk.saves(ticket)


# --- new rules -------------------------------------------------------------------------------------------------------


def test_new_rules_are_asked_of_all_tickets(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """F5, F14: every mirrored ticket is looked at under a new rulebook, a batch a turn, the due ones first."""
    monkeypatch.setattr("agent.pipeline.BATCH", 2)
    quiet = [desk.ticket(assignee="anna") for _ in range(5)]
    desk.run(MINUTE)
    labelled = rule("label-it", actions=(AddLabel("seen"),), condition=OPEN, existing=ALL_EXISTING)
    desk.rule_by(labelled)
    looks = desk.pipeline.counts.looks
    desk.pipeline.turn()
    assert desk.pipeline.counts.looks - looks < 5 + 4, "the sweep leaves room for what is due"
    desk.run(MINUTE)
    assert all(desk.stored(ticket).fields["labels"] == ("seen",) for ticket in quiet)
    with desk.database.reading() as db:
        assert mirrored.count_stale(db, SOURCE, desk.pipeline.ruling.generation) == 0


# --- trouble with the source -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [AskAdmin("the token expired"), TryLater("too many requests", 120)])
@pytest.mark.parametrize("kind", ["search", "read", "write", "verify"])
def test_a_source_in_trouble_is_left_to_rest(desk: Desk, error: ConnectorError, kind: str) -> None:
    """hoist waits as long as it was told to, says so, does not spin, and goes on where it was."""
    ticket = desk.ticket()
    desk.run(15 * MINUTE)
    desk.turns = 0
    for _ in range(3):
        desk.helpdesk.fail_next(error, on=kind)  # type: ignore[arg-type]
    said: set[str] = set()
    desk.run(30 * MINUTE, meanwhile=lambda: said.add(desk.pipeline.problem))
    assert desk.turns < 20
    assert any(str(error) in problem for problem in said)
    assert not desk.pipeline.problem
    moved_once(desk, ticket)


def test_a_refused_credential_is_no_busy_loop(desk: Desk) -> None:
    """While the administrator sleeps, hoist asks about once a minute, and says the same thing once."""
    desk.let_it_fall_due(desk.ticket())
    desk.turns, before = 0, len(desk.helpdesk.requests)
    desk.helpdesk.refuses = "the token expired"
    desk.run(HOUR)
    assert desk.turns < 150
    assert len(desk.helpdesk.requests) - before < 150
    assert "the token expired" in desk.pipeline.problem
    assert len(desk.journal("problem")) == 1
    desk.helpdesk.refuses = ""
    desk.run(10 * MINUTE)
    assert not desk.pipeline.problem


def test_waiting_for_an_unknown_answer_is_no_busy_loop(desk: Desk) -> None:
    """While one ticket waits for its marker to be looked for, what else is due for it waits without a turn a millisecond."""
    ticket = desk.ticket()
    desk.run(15 * MINUTE)
    desk.helpdesk.land_next_write_after(30_000)
    desk.rule_by(rule(), rule("second", OPEN, existing=ALL_EXISTING, actions=(AddLabel("seen"),)))
    desk.turns = 0
    desk.run(10 * MINUTE)
    assert desk.turns < 30
    assert desk.states(ticket) == [RowState.APPLIED, RowState.APPLIED]


def test_the_trouble_of_one_ticket_is_not_that_of_the_others(desk: Desk) -> None:
    """A ticket whose writes are always put off keeps no other one waiting for ever."""
    poor, other = desk.ticket(priority="p1"), desk.ticket()
    write = desk.connector.write

    def put_off(operation: Operation) -> Receipt:
        if operation.ticket.id == poor:
            raise TryLater("locked by a batch job", 30)
        return write(operation)

    desk.connector.write = put_off  # type: ignore[method-assign]
    desk.run(HOUR)
    moved_once(desk, other)
    assert desk.states(poor) == [RowState.PLANNED]


# --- two workers -----------------------------------------------------------------------------------------------------


def test_a_worker_that_was_overtaken_sends_nothing(desk: Desk) -> None:
    """F2: a worker freezes after its claim, another one takes over and writes; thawed, the first one drops what it held."""
    ticket = desk.ticket()
    desk.run(15 * MINUTE)
    _, other = desk.worker()
    read = desk.connector.read

    def frozen(ids: list[str]) -> object:
        desk.connector.read = read  # type: ignore[method-assign]
        reading = read(ids)
        desk.clock.sleep(5 * 60)
        other.turn()
        other.turn()
        return reading

    desk.connector.read = frozen  # type: ignore[assignment,method-assign]
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)


def test_a_claim_that_was_taken_over_is_no_claim(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frozen between its claim and its read, a worker reads afresh, finds it true, and sends nothing: its lease is over."""
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    _, other = desk.worker()
    read = desk.pipeline.writer._read

    def frozen(claimed: dict[str, list[WaitingRow]]) -> object:
        monkeypatch.undo()
        desk.clock.sleep(5 * 60)
        desk.helpdesk.fail_next(OutcomeUnknown("no answer"), on="write")
        other.turn()
        return read(claimed)

    monkeypatch.setattr(desk.pipeline.writer, "_read", frozen)
    desk.pipeline.turn()
    assert not desk.saves(ticket)
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)


def test_a_worker_that_freezes_before_its_write_learns_that_it_is_late(desk: Desk) -> None:
    """Thawed after another worker has found out and written anew, its own answer changes nothing in the store."""
    ticket = desk.ticket()
    desk.run(15 * MINUTE)
    _, other = desk.worker()
    verify = desk.connector.verify

    def frozen(operation: Operation) -> object:
        desk.connector.verify = verify  # type: ignore[method-assign]
        found = verify(operation)
        for _ in range(10):
            desk.clock.sleep(60)
            other.turn()
        return found

    desk.connector.verify = frozen  # type: ignore[assignment,method-assign]
    desk.run(30 * MINUTE)
    moved_once(desk, ticket)
    assert any(line.kind.startswith("late-") for line in desk.journal("late-fields-applied"))


def test_secrets_never_reach_the_journal(desk: Desk) -> None:
    """The key of the markers stays in the store: no line of the journal holds it."""
    desk.ticket()
    desk.run(HOUR)
    assert desk.pipeline._installation.key.hex() not in desk.said()
    assert desk.pipeline._installation.key.hex() not in repr(desk.pipeline._installation)


def test_next_due_is_the_next_poll_where_nothing_else_waits(desk: Desk) -> None:
    """An idle hoist wakes for its polls alone."""
    desk.pipeline.turn()
    assert desk.pipeline.next_due() == desk.clock.now() + POLL
    with desk.database.reading() as db:
        assert mirrored.due(db, SOURCE, FOREVER, 9) == []
        assert waiting.next_tickets(db, SOURCE, FOREVER, 1) == []
        assert list(journal.lines(db)) == []
