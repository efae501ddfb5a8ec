"""Several rules meet on one ticket: what is written is decided when it is written, by what is still true then."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agent.store.states import RowState
from connectors.errors import OutcomeUnknown
from rules.instants import HOUR, MINUTE
from rules.protocol.actions import AddLabel, Assign, Comment, RaisePriority
from rules.protocol.conditions import All, Held, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.rule import Mode, Rule
from tests.agent.desk import LONG, OPEN, UNOWNED, Desk, rule

VIP: Final = State("labels", OneOf(("vip",)))
HONOUR: Final = rule("honour", Held(All((OPEN, VIP)), Duration(15 * MINUTE)), actions=(RaisePriority(by=1), Comment("A guest.")))


def changed(desk: Desk, ticket: str) -> list[list[str]]:
    """The fields of each of hoist's saves."""
    return [sorted(item.field for item in save.items) for save in desk.saves(ticket)]


def states(desk: Desk, ticket: str) -> dict[str, RowState]:
    return {row.key.rule: row.state for row in desk.rows(ticket)}


def test_what_became_due_at_different_instants_is_one_write(tmp_path: Path) -> None:
    """F8: due at 8:15:00 and at 8:15:30, and both written after an outage: one save, one note, and a state for each rule."""
    later = rule(
        "later", Held(OPEN, Duration(15 * MINUTE + 30_000)), actions=(RaisePriority(by=1), AddLabel("late"), Comment("So."))
    )
    desk = Desk(tmp_path, rule(), later)
    ticket = desk.ticket()
    desk.run(MINUTE)
    desk.clock.jump(desk.clock.now() + HOUR)
    desk.run(LONG)
    assert changed(desk, ticket) == [["labels", "priority", "team"]]
    assert len(desk.notes(ticket)) == 1
    assert states(desk, ticket) == {"nobody-took-it": RowState.APPLIED, "later": RowState.APPLIED}


def test_a_rule_that_watches_wins_nothing(tmp_path: Path) -> None:
    """F8: the first rule of the file would give the ticket to engineering, and only watches: it goes to operations."""
    watching = rule("watching", UNOWNED, actions=(Assign("eng"), Comment("To engineering.")), mode=Mode.WATCH)
    desk = Desk(tmp_path, watching, rule())
    ticket = desk.ticket()
    desk.run(LONG)
    assert desk.team(ticket) == "ops"
    assert "engineering" not in desk.notes(ticket)[0].text
    assert states(desk, ticket) == {"watching": RowState.WATCHED, "nobody-took-it": RowState.APPLIED}


def test_what_is_no_longer_true_is_left_out_of_the_write(tmp_path: Path) -> None:
    """F8: both rules are due, and the label goes before the write: the ticket is moved, and its priority stays."""
    desk = Desk(tmp_path, rule(), HONOUR)
    ticket = desk.ticket(labels=("vip",))
    desk.run(15 * MINUTE)
    desk.helpdesk.change(ticket, "anna", labels=())
    desk.run(LONG)
    assert changed(desk, ticket) == [["team"]]
    assert "A guest." not in desk.notes(ticket)[0].text
    assert states(desk, ticket) == {"nobody-took-it": RowState.APPLIED, "honour": RowState.SUPERSEDED}


def test_a_write_that_never_landed_is_decided_anew_without_what_ended(tmp_path: Path) -> None:
    """F8: one request for both rules is lost, and the label goes before hoist knows: only the move is sent again."""
    desk = Desk(tmp_path, rule(), HONOUR)
    ticket = desk.ticket(labels=("vip",))
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), on="write")
    desk.run(15 * MINUTE + 30_000)
    assert set(states(desk, ticket).values()) == {RowState.UNKNOWN}
    desk.helpdesk.change(ticket, "anna", labels=())
    desk.run(LONG)
    assert changed(desk, ticket) == [["team"]]
    assert states(desk, ticket) == {"nobody-took-it": RowState.APPLIED, "honour": RowState.SUPERSEDED}


def test_the_first_rule_of_the_file_gets_the_team_and_the_loser_is_in_the_journal(tmp_path: Path) -> None:
    """F8: two rules want two teams: one whole hand-over, and the journal names the firing that lost and the rule that won."""
    desk = Desk(tmp_path, rule(), rule("second", UNOWNED, actions=(Assign("eng"), Comment("To engineering."))))
    ticket = desk.ticket()
    desk.run(LONG)
    assert [[(item.field, item.new) for item in save.items] for save in desk.saves(ticket)] == [[("team", "ops")]]
    overruled = [found for line in desk.journal("escalated") for found in line.data["overruled"]]
    assert overruled == [[f"desk/{ticket}/second/1/0", "team", "nobody-took-it"]]


def test_confidential_rules_go_first(tmp_path: Path) -> None:
    """F8: a confidential rule further down the file gets the team that it asks for, and no other rule moves the ticket on."""
    secret: Rule = rule("secret", UNOWNED, actions=(Assign("ops"),), confidential=True, only_to=("ops",))
    desk = Desk(tmp_path, rule("first", UNOWNED, actions=(Assign("eng"), Comment("To engineering."))), secret)
    ticket = desk.ticket()
    desk.run(LONG)
    assert [[(item.field, item.new) for item in save.items] for save in desk.saves(ticket)] == [[("team", "ops")]]
