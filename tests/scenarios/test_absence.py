"""That nobody did something is believed only when it could no longer have been otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agent.in_force.protocol_files import library
from agent.store.states import RowState
from rules.instants import HOUR, MINUTE, SECOND
from rules.protocol.actions import Comment, Tell
from rules.protocol.conditions import All, Silent
from rules.protocol.durations import Duration
from rules.protocol.rule import Step
from rules.rulebook import load
from rules.ticket import Kind
from tests.agent.desk import OPEN, Desk, moved_once, rule

NO_REPLY: Final = rule(
    "no-reply",
    All((OPEN, Silent(Duration(4 * HOUR), (Kind.STAFF,), replies_only=True))),
    steps=(Step((Tell("anna@example.com"), Comment("No reply for {held}."))),),
)


def test_a_reply_after_the_last_poll_is_a_reply(tmp_path: Path) -> None:
    """F3: answered twenty seconds before the four hours are over, and after the last poll: nobody is told of anything."""
    desk = Desk(tmp_path, NO_REPLY, poll=7 * MINUTE)
    ticket = desk.ticket()
    desk.run(4 * HOUR - 20 * SECOND)
    desk.helpdesk.say(ticket, "anna", public=True)
    polls = desk.pipeline.counts.polls
    desk.run(30 * SECOND)
    assert desk.pipeline.counts.polls == polls, "it was the fresh read that saw it"
    assert (desk.states(ticket), desk.notes(ticket)) == ([RowState.SUPERSEDED], [])
    desk.run(4 * HOUR)
    assert len(desk.notes(ticket)) == 1, "and four hours of silence after it are silence"


def test_a_source_that_cannot_be_read_is_not_silent(tmp_path: Path) -> None:
    """F3: from noon to five nothing can be read; nothing is written meanwhile, that is said, and who was answered stays so."""
    desk = Desk(tmp_path, NO_REPLY)
    answered, silent = desk.ticket(), desk.ticket()
    desk.run(2 * HOUR)
    desk.helpdesk.refuses = "the password was changed"
    desk.run(HOUR)
    desk.helpdesk.say(answered, "anna", public=True)
    desk.run(2 * HOUR)
    assert not desk.asked("write")
    assert "the password was changed" in desk.pipeline.problem
    assert desk.journal("problem")
    desk.helpdesk.refuses = ""
    desk.run(10 * MINUTE)
    assert [len(desk.notes(ticket)) for ticket in (answered, silent)] == [0, 1]


def test_who_was_answered_is_owed_nothing(tmp_path: Path) -> None:
    """F31: the desk answers at ten and Ruth says nothing all day: the ready protocol stays quiet; her next message is a debt."""
    organisation = """
format: 1
priorities: [{name: P1, desk: Urgent}, {name: P2, desk: High}, {name: P3, desk: Normal}]
teams: {service-desk: {desk: Service Desk}, operations: {desk: Operations}}
chains: {line: [service-desk, operations]}
"""
    rules = "use: [{protocol: unanswered, mode: live, with: {chain: line, after: 4 hours}}]"
    desk = Desk(tmp_path)
    book = load({"organisation.yaml": organisation, "rules.yaml": rules}, library()).rulebook
    desk.organisation = book.organisation
    desk.rule_by(*book.rules)
    ticket = desk.ticket()
    desk.run(HOUR)
    desk.helpdesk.say(ticket, "ruth", public=True)
    desk.run(HOUR)
    desk.helpdesk.say(ticket, "anna", public=True)
    desk.run(8 * HOUR)
    assert not desk.rows(ticket)
    desk.helpdesk.say(ticket, "ruth", public=True)
    desk.run(2 * HOUR)
    desk.helpdesk.say(ticket, "ruth", public=True)
    desk.run(2 * HOUR - MINUTE)
    assert not desk.saves(ticket)
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)


def test_a_reply_that_is_deleted_was_a_reply(tmp_path: Path) -> None:
    """F12: answered at eleven, deleted at two: what was seen is never unseen, so the silence is one since eleven."""
    desk = Desk(tmp_path, NO_REPLY)
    ticket = desk.ticket()
    desk.run(3 * HOUR)
    desk.helpdesk.say(ticket, "anna", public=True)
    desk.run(3 * HOUR - MINUTE)
    desk.stored(ticket).comments.clear()
    desk.helpdesk.say(ticket, "ruth", public=True)
    desk.run(HOUR)
    assert desk.notes(ticket) == []
    desk.run(10 * MINUTE)
    assert len(desk.notes(ticket)) == 1
