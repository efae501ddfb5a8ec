"""Once each: whatever flickers, arrives late, is lost on its way or is changed by somebody else meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agent.store import episodes, mirrored
from agent.store.states import RowState
from connectors.errors import GiveUp, OutcomeUnknown
from rules.instants import HOUR, MINUTE, SECOND
from rules.protocol.actions import Comment, Escalate, RaisePriority, Restrict
from rules.protocol.conditions import All, Clock, Count, Counted, Held, OneOf, State
from rules.protocol.durations import Duration
from tests.agent.desk import LONG, OPEN, SOURCE, Desk, again, moved_once, rule

RESOLVED: Final = State("status", OneOf(("resolved",)))


def test_a_full_clock_moves_a_ticket_once_however_often_it_waits(tmp_path: Path) -> None:
    """F1: eight hours are full, and Ruth is asked and answers every two hours since: one move, not one for each answer."""
    desk = Desk(tmp_path, rule(condition=All((Clock(OPEN, Duration(8 * HOUR)), OPEN))), poll=HOUR)
    ticket = desk.ticket()
    for _ in range(12):
        desk.run(70 * MINUTE)
        desk.helpdesk.change(ticket, "anna", status="pending")
        desk.run(HOUR)
        desk.helpdesk.change(ticket, "ruth", status="open")
    moved_once(desk, ticket)


def test_of_two_views_of_a_ticket_the_later_one_decides(tmp_path: Path) -> None:
    """F2: a worker read the ticket before Anna took it, and another one after: the older view changes nothing any more."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.run(14 * MINUTE)
    _, other = desk.worker()
    desk.clock.jump(desk.clock.now() + 2 * MINUTE)
    older = next(iter(desk.connector.changed(None, _Nothing())))
    desk.clock.jump(desk.clock.now() + 2 * SECOND)
    desk.helpdesk.change(ticket, "anna", assignee="anna")
    other.poll()
    with desk.database.transaction() as db:
        desk.pipeline._keep_page(db, older)
    with desk.database.reading() as db:
        assert mirrored.mirrored(db, SOURCE, [ticket])[ticket].ticket.fields["assignee"] == "anna"
        assert not episodes.of_tickets(db, SOURCE, [ticket])
    desk.run(LONG)
    assert not desk.saves(ticket)


class _Nothing:
    """Nothing is mirrored yet."""

    def unchanged(self, _: object) -> list[str]:
        return []

    def mirrored(self, _: object) -> list[str]:
        return []


def test_a_raise_whose_answer_was_lost_is_one_raise(tmp_path: Path) -> None:
    """F6: raised by one, the answer is lost: the retry looks for what it sent, and does not raise from where it is now."""
    desk = Desk(tmp_path, rule(condition=OPEN, actions=(RaisePriority(by=1), Comment("Raised."))))
    ticket = desk.ticket()
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), after_effect=True, on="write")
    desk.run(LONG)
    assert [[(i.field, i.new) for i in save.items] for save in desk.saves(ticket)] == [[("priority", "p2")]]
    assert desk.states(ticket) == [RowState.APPLIED]


def test_sent_back_after_an_escalation_is_no_return(tmp_path: Path) -> None:
    """F7: hoist moves the ticket up and Anna puts it back: that is no bounce, so the rule on bounces has nothing to say."""
    bounced = rule("bounced", All((Count(Counted.RETURNED, 1), OPEN)), actions=(RaisePriority(by=1), Comment("It bounces.")))
    desk = Desk(tmp_path, rule(), bounced)
    ticket = desk.ticket()
    desk.run(20 * MINUTE)
    desk.helpdesk.change(ticket, "anna", team="sd", assignee="anna")
    desk.run(LONG)
    assert desk.stored(ticket).fields["priority"] == "p3"
    desk.helpdesk.change(ticket, "anna", team="eng")
    desk.run(10 * MINUTE)
    desk.helpdesk.change(ticket, "bert", team="sd")
    desk.run(LONG)
    assert desk.stored(ticket).fields["priority"] == "p2", "from people to people and back is one"


def test_resolved_and_opened_again_within_one_second_sets_a_clock_to_nought(tmp_path: Path) -> None:
    """F11: a state that had no length was there all the same: two hours count from then."""
    desk = Desk(tmp_path, rule(condition=Clock(OPEN, Duration(2 * HOUR), reset=RESOLVED)))
    ticket = desk.ticket()
    desk.run(HOUR)
    desk.helpdesk.change(ticket, "anna", status="resolved")
    desk.helpdesk.change(ticket, "ruth", status="open")
    desk.run(2 * HOUR - MINUTE)
    assert not desk.saves(ticket)
    desk.run(2 * MINUTE)
    moved_once(desk, ticket)


def test_taken_at_the_very_instant_of_the_firing_is_taken_before_it(tmp_path: Path) -> None:
    """F11: a change that bears the second of the firing comes first, so nothing is written before that second is over."""
    desk = Desk(tmp_path, poll=7 * MINUTE)
    ticket = desk.ticket()
    desk.run(15 * MINUTE)
    desk.helpdesk.change(ticket, "anna", assignee="anna")
    desk.run(LONG)
    assert not desk.saves(ticket)


def test_what_was_decided_under_an_older_rule_is_asked_again(tmp_path: Path) -> None:
    """F14: planned after fifteen minutes, and the rule says thirty before it is written: it is written after thirty."""
    unowned = All((OPEN, State("assignee", OneOf((None,)))))
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    desk.rule_by(rule(condition=Held(unowned, Duration(30 * MINUTE))))
    desk.run(10 * MINUTE)
    assert not desk.saves(ticket)
    desk.run(LONG)
    moved_once(desk, ticket)
    assert desk.saves(ticket)[0].at - desk.stored(ticket).created >= 30 * MINUTE


def test_a_team_that_was_deleted_is_passed_over_once(tmp_path: Path) -> None:
    """F17: the second tier's group is gone: one refusal, the tier above gets the ticket, the note says so; no second try."""
    desk = Desk(tmp_path, rule(condition=OPEN, repeat=again(10, 5)))
    before = desk.ticket()
    desk.run(MINUTE - SECOND)
    tickets = [desk.ticket(), desk.ticket()]
    del desk.helpdesk.teams["ops"]
    desk.run(LONG)
    assert desk.team(before) == "eng"
    refused = [line for line in desk.journal("fields-departed") if "ops is no longer in desk" in line.data["said"]]
    assert len(refused) == len({line.ticket for line in refused}) > 0, "one refusal, and no second try of the same ticket"
    for ticket in tickets:
        assert [[item.new for item in save.items] for save in desk.saves(ticket)] == [["eng"]]
        assert desk.states(ticket) == [RowState.APPLIED] * 6
        said = [note.text.count("ops was passed over: it has no team in this source") for note in desk.notes(ticket)]
        assert said == [1, 0, 0, 0, 0, 0]
    assert not desk.asked("directory") > 4, "the source is not asked for its teams with every write"


def test_where_a_deleted_team_was_the_last_the_chain_ends(tmp_path: Path) -> None:
    """F17: the tier that was deleted was the only one above: the ticket stays, and the note says that the chain has ended."""
    desk = Desk(tmp_path, rule(condition=OPEN))
    ticket = desk.ticket(team="ops")
    del desk.helpdesk.teams["eng"]
    desk.run(LONG)
    assert not [item for save in desk.saves(ticket) for item in save.items]
    assert "the chain line ends here" in desk.notes(ticket)[0].text
    assert desk.states(ticket) == [RowState.APPLIED]


def test_a_refusal_for_another_reason_still_waits_for_a_person(tmp_path: Path) -> None:
    """F17: the team is there, and the platform refuses the write: parked with the platform's words, nobody else is tried."""
    desk = Desk(tmp_path, rule(condition=OPEN))
    desk.helpdesk.fail_next(GiveUp("a mandatory field is empty"), on="write")
    ticket = desk.ticket()
    desk.run(LONG)
    assert desk.states(ticket) == [RowState.PARKED]
    assert "a mandatory field is empty" in desk.rows(ticket)[0].problem


def test_a_confidential_ticket_meets_a_deleted_team(tmp_path: Path) -> None:
    """F17: restricted already when the move is refused: the restriction is not written twice, and the next tier gets it."""
    desk = Desk(tmp_path, rule(condition=OPEN, actions=(Restrict("eng"), Escalate("line")), confidential=True))
    ticket = desk.ticket(restricted_to=None)
    del desk.helpdesk.teams["ops"]
    desk.run(LONG)
    saved = [(item.field, item.new) for save in desk.saves(ticket) for item in save.items]
    assert saved == [("restricted_to", "eng"), ("team", "eng")]
    assert desk.states(ticket) == [RowState.APPLIED]


def test_a_priority_that_cannot_be_higher_is_said_once(tmp_path: Path) -> None:
    """F32: the most urgent there is: nothing is set, the note says so, and the reminders do not repeat it."""
    desk = Desk(tmp_path, rule(condition=OPEN, actions=(RaisePriority(by=1), Comment("Still open.")), repeat=again(30, 2)))
    ticket = desk.ticket(priority="p1")
    desk.run(LONG)
    assert not any(save.items for save in desk.saves(ticket))
    assert [note.text.count("as high as") for note in desk.notes(ticket)] == [1, 0, 0]


def test_a_refusal_leaves_the_next_ticket_alone(tmp_path: Path) -> None:
    """F17: what a platform refuses parks one escalation; another ticket of the same rule is moved as ever."""
    desk = Desk(tmp_path)
    desk.helpdesk.fail_next(GiveUp("no such team"), on="write")
    refused, moved = desk.ticket(), desk.ticket()
    desk.run(HOUR)
    assert desk.states(refused) == [RowState.PARKED]
    moved_once(desk, moved)
