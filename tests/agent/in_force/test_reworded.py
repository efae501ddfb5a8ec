"""A rule is changed: tickets that it holds on already, and never fired on, are not escalated all at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.store.states import RowState
from rules.instants import HOUR, MINUTE
from rules.protocol.conditions import All, Condition, Held, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.rule import Existing
from tests.agent.desk import ALL_EXISTING, OPEN, Desk, moved_once, rule

NOBODY = State("assignee", OneOf((None,)))


def held(minutes: int) -> Condition:
    return Held(All((OPEN, NOBODY)), Duration(minutes * MINUTE))


def test_what_holds_already_under_a_new_wording_is_left_to_a_person(tmp_path: Path) -> None:
    """From four hours to one: a ticket of two hours is listed and not written, one that comes to an hour later is."""
    desk = Desk(tmp_path, rule(condition=held(240)))
    old = desk.ticket()
    desk.run(90 * MINUTE)
    young = desk.ticket()
    desk.run(30 * MINUTE)
    desk.rule_by(rule(condition=held(60)))
    desk.run(HOUR)
    assert desk.states(old) == [RowState.BACKLOG]
    assert desk.rows(old)[0].problem == "it was so already when its rule was changed"
    moved_once(desk, young)
    desk.restart()
    desk.run(5 * HOUR)
    assert desk.states(old) == [RowState.BACKLOG]


@pytest.mark.parametrize(("existing", "state"), [(ALL_EXISTING, RowState.APPLIED), (Existing(5), RowState.APPLIED)])
def test_a_changed_rule_keeps_to_existing_tickets(tmp_path: Path, existing: Existing, state: RowState) -> None:
    """`existing_tickets` says what becomes of them, as when a rule goes live."""
    desk = Desk(tmp_path, rule(condition=held(240), existing=existing))
    old = desk.ticket()
    desk.run(2 * HOUR)
    desk.rule_by(rule(condition=held(60), existing=existing))
    desk.run(30 * MINUTE)
    assert desk.states(old) == [state]


def test_a_change_of_words_alone_changes_nothing(tmp_path: Path) -> None:
    """Another title, another comment, another rule beside it: what is due is due."""
    desk = Desk(tmp_path, rule(condition=held(60)))
    ticket = desk.ticket()
    desk.run(59 * MINUTE)
    desk.clock.jump(desk.clock.now() + 2 * MINUTE)
    desk.rule_by(replace(rule(condition=held(60)), title="Another title"))
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)


def test_what_it_fired_on_goes_on(tmp_path: Path) -> None:
    """An escalation that was written stays written, and is not written again under the new wording."""
    desk = Desk(tmp_path, rule(condition=held(60)))
    ticket = desk.ticket()
    desk.run(70 * MINUTE)
    desk.rule_by(rule(condition=held(30)))
    desk.run(HOUR)
    moved_once(desk, ticket)
