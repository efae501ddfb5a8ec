"""A ticket's life: it vanishes and comes back, and it has a twin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.store.states import RowState
from agent.why import why
from rules.instants import HOUR, MINUTE
from rules.protocol.actions import Tell
from rules.protocol.conditions import Held
from rules.protocol.durations import Duration
from rules.protocol.organisation import Twins
from rules.ticket import UNKNOWN, Value
from tests.agent.desk import ALL_EXISTING, LONG, OPEN, ORGANISATION, SOURCE, Desk, again, moved_once, rule


def follows(leader: Value) -> dict[str, Any]:
    return {"native.follows": leader}


class TwinsDesk(Desk):
    """Tickets that another integration keeps in step; the one that follows says so."""

    organisation = replace(ORGANISATION, twins={SOURCE: Twins("native.follows")})


def hidden_for_an_hour(desk: Desk, ticket: str) -> None:
    """It falls due, is gone before its write, and an hour later it is there again."""
    desk.let_it_fall_due(ticket)
    desk.helpdesk.delete(ticket)
    desk.run(HOUR)
    assert desk.states(ticket) == [RowState.SUPERSEDED]
    desk.helpdesk.bring_back(ticket)


def test_a_ticket_that_comes_back_starts_as_backlog(tmp_path: Path) -> None:
    """F34: what was so before the ticket was gone is left alone when it is seen again, and `why` says so."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    hidden_for_an_hour(desk, ticket)
    desk.run(LONG)
    assert not desk.saves(ticket)
    (answer,) = why(desk.database, desk.pipeline.ruling.rules, ticket, desk.clock.now()).rules
    assert "which had been gone, was seen again" in answer.next


def test_what_became_so_while_it_was_gone_is_backlog_too(tmp_path: Path) -> None:
    """F34: the quarter of an hour was over while nobody could see the ticket; that is noted as older, and left alone."""
    desk = Desk(tmp_path, rule(), rule("aged", Held(OPEN, Duration(30 * MINUTE))))
    ticket = desk.ticket()
    hidden_for_an_hour(desk, ticket)
    desk.run(LONG)
    assert not desk.saves(ticket)
    answers = why(desk.database, desk.pipeline.ruling.rules, ticket, desk.clock.now()).rules
    assert all("was seen again" in answer.next for answer in answers)


def test_what_begins_after_it_came_back_is_escalated(tmp_path: Path) -> None:
    """F34: taken and given back once it is there again: that is new, and moved after its quarter of an hour."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    hidden_for_an_hour(desk, ticket)
    desk.run(10 * MINUTE)
    desk.helpdesk.change(ticket, "anna", assignee="anna")
    desk.run(10 * MINUTE)
    desk.helpdesk.change(ticket, "anna", assignee=None)
    desk.run(LONG)
    assert [[item.new for item in save.items] for save in desk.saves(ticket)] == [["ops"]]


def test_a_person_may_want_what_came_back_escalated(tmp_path: Path) -> None:
    """F34: with `existing_tickets: all` a ticket that came back is escalated like any other that was so before."""
    desk = Desk(tmp_path, rule(existing=ALL_EXISTING))
    ticket = desk.ticket()
    hidden_for_an_hour(desk, ticket)
    desk.run(LONG)
    moved_once(desk, ticket)


def test_a_ladder_does_not_go_on_where_it_stood(tmp_path: Path) -> None:
    """F34: reminded once, gone for an hour, back: the next reminder of the former life never comes."""
    desk = Desk(tmp_path, rule(condition=OPEN, repeat=again(30, 5)))
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    assert len(desk.saves(ticket)) == 1
    desk.helpdesk.delete(ticket)
    desk.run(HOUR)
    desk.helpdesk.bring_back(ticket)
    desk.run(LONG)
    assert len(desk.saves(ticket)) == 1


def test_only_the_leading_one_of_two_twins_is_escalated(tmp_path: Path) -> None:
    """F35: an integration keeps two tickets in step; the one that names its leader is left alone, whatever the rule is."""
    urgent = rule("urgent", OPEN, actions=(Tell("head@example.com", urgent=True),))
    desk = TwinsDesk(tmp_path, rule(), urgent)
    fields: dict[str, Value] = {"team": "sd", "priority": "p3"}
    leader = desk.helpdesk.create("ruth", key="SD-1", **fields | {"native.follows": None})
    twin = desk.helpdesk.create("ruth", key="SD-2", **fields | {"native.follows": "SD-1"})
    desk.run(LONG)
    assert (desk.team(leader), len(desk.notes(leader))) == ("ops", 2)
    assert not desk.rows(twin)
    answers = why(desk.database, desk.pipeline.ruling.rules, twin, desk.clock.now()).rules
    assert any("follows" in said for said in answers[0].in_the_way)
    desk.helpdesk.change(leader, "anna", **{"native.follows": "SD-2"})
    desk.helpdesk.change(twin, "anna", **{"native.follows": None})
    desk.run(LONG)
    assert (desk.team(twin), len(desk.notes(twin))) == ("ops", 1), "it leads now, and both rules write one note"
    assert (desk.team(leader), len(desk.notes(leader))) == ("ops", 2)


def test_a_twin_that_follows_before_the_write_is_left_alone(tmp_path: Path) -> None:
    """F35: due while it led, and another ticket leads before anything is written: nothing is."""
    desk = TwinsDesk(tmp_path)
    ticket = desk.ticket(**follows(None))
    desk.let_it_fall_due(ticket)
    desk.helpdesk.change(ticket, "anna", **{"native.follows": "SD-9"})
    desk.run(LONG)
    assert not desk.saves(ticket)
    assert desk.states(ticket) == [RowState.SUPERSEDED]


def test_of_which_twin_leads_nothing_is_guessed(tmp_path: Path) -> None:
    """F4, F35: where the field can't be read nobody knows which one leads, so nothing is escalated."""
    desk = TwinsDesk(tmp_path)
    ticket = desk.ticket(**follows(UNKNOWN))
    desk.run(LONG)
    assert not desk.rows(ticket)
