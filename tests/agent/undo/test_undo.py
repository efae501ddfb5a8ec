"""hoist changes undo: what hoist wrote goes back where nobody has touched it since, once, and stays where somebody has."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from agent.hands_on import Hands, at_hand
from agent.store import mirrored, orders, pauses, waiting
from agent.store.orders import OrderKind, OrderRow, OrderState
from agent.store.states import RowState
from agent.store.waiting import Planned
from agent.undo.commands import BUSY, HALF_DONE, TicketUndo, Wanted, carry_out, plan
from agent.who import Who
from connectors.contract import Receipt
from connectors.errors import Conflict, GiveUp, OutcomeUnknown, TryLater
from connectors.memory import MemoryConnector
from connectors.memory_helpdesk import ACCOUNT
from rules.escalation import FieldChange, FiringKey, Operation
from rules.instants import FOREVER, HOUR, MINUTE, SECOND
from rules.protocol.actions import AddLabel, Escalate, RaisePriority
from rules.protocol.actions import Comment as Say
from rules.protocol.conditions import All, Held, OneOf, State
from rules.protocol.durations import Duration
from tests.agent.desk import OPEN, SOURCE, Desk, Killed, Mortal, again, rule
from tests.agent.guards.test_pauses import pause, resume

WHO = Who("eva", "system account eva at desk", "the rule was wrong")
ALL = (Escalate("line"), RaisePriority(1), AddLabel("lifted"), Say("Moved to {team}."))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, rule(actions=ALL))


def lifted(desk: Desk, **fields: object) -> str:
    """A ticket that hoist has escalated."""
    ticket = desk.ticket(**fields)  # type: ignore[arg-type]
    desk.run(16 * MINUTE)
    assert desk.states(ticket)[-1] is RowState.APPLIED, desk.said()
    return ticket


def hands(desk: Desk) -> Hands:
    """A command's own hands on the source."""
    return at_hand(desk.connector, desk.database, desk.pipeline.ruling.rules, desk.clock, desk.store)


def shown(desk: Desk, ticket: str | None, name: str | None = None) -> TicketUndo:
    """What a dry run shows of one ticket."""
    (found,) = plan(hands(desk), ticket, Wanted(ticket, name))
    return found


def undo(desk: Desk, ticket: str) -> TicketUndo:
    """Ordered and seen through by the command itself."""
    own = hands(desk)
    (done,) = carry_out(own, plan(own, ticket, Wanted(ticket)), WHO)
    return done


def ordered(desk: Desk, ticket: str) -> OrderRow:
    """An order that waits for hoist run."""
    found = shown(desk, ticket)
    assert found.ticket is not None
    now = desk.pipeline.source_clock.now()
    with desk.database.transaction() as db:
        words = (WHO.name, WHO.known_by, WHO.why)
        return orders.add(db, found.ticket.ref, OrderKind.UNDO, found.asked, words, now, not_before=now)


def order(desk: Desk, number: int) -> OrderRow:
    with desk.database.reading() as db:
        return orders.order(db, number)


def values(desk: Desk, ticket: str) -> tuple[object, object, object]:
    fields = desk.stored(ticket).fields
    return fields["team"], fields["priority"], fields["labels"]


def reasons(found: TicketUndo) -> dict[str, str]:
    return {each.what: each.why for each in found.reversal.stays}


def back_once(desk: Desk, ticket: str) -> None:
    """Two saves of hoist's: the escalation and its way back; the desk is as it was, and hoist knows."""
    assert values(desk, ticket) == ("sd", "p3", ()), desk.said()
    assert len(desk.saves(ticket)) == 2, desk.said()
    assert desk.states(ticket) == [RowState.UNDONE], desk.said()


# --- what goes back ----------------------------------------------------------------------------------------------------


def test_a_dry_run_shows_it_and_writes_nothing(desk: Desk) -> None:
    """Field by field, now -> then; the note stays, since it may have been read; and nothing was sent, nor ordered."""
    ticket = lifted(desk)
    writes = desk.asked("write")
    found = shown(desk, ticket)
    assert found.reversal.changes == (FieldChange("team", "ops", "sd"), FieldChange("priority", "p2", "p3"))
    assert found.reversal.labels == ("lifted",)
    assert list(reasons(found)) == ["internal note"]
    assert (desk.asked("write"), found.order) == (writes, None)
    assert values(desk, ticket) == ("ops", "p2", ("lifted",))


def test_it_goes_back_in_one_save(desk: Desk) -> None:
    """Team, priority and label are as they were; the step is undone, by whose order and why."""
    ticket = lifted(desk)
    done = undo(desk, ticket)
    assert done.order is not None
    assert done.order.state is OrderState.DONE
    back_once(desk, ticket)
    assert desk.rows(ticket)[0].problem == "by order of eva: the rule was wrong"
    told = desk.journal("undo-ordered") + desk.journal("undo") + desk.journal("undo-done")
    assert [(line.data["by"], line.data["known_by"], line.data["why"]) for line in told] == [
        ("eva", "system account eva at desk", "the rule was wrong")
    ] * 3


@pytest.mark.parametrize(("minutes", "priority"), [(60, "p3"), (26 * 60, "p2")])
def test_it_is_an_override_by_the_person_who_ordered_it(tmp_path: Path, minutes: int, priority: str) -> None:
    """No rule writes for a day what eva had taken back, whoever it is of; it tells, and says whose the value is."""
    unowned = All((OPEN, State("assignee", OneOf((None,)))))
    later = rule("later", Held(unowned, Duration(minutes * MINUTE)), actions=(RaisePriority(1), Say("Still nobody.")))
    desk = Desk(tmp_path, rule(actions=ALL), later)
    ticket = lifted(desk)
    undo(desk, ticket)
    desk.run((minutes + 5) * MINUTE)
    assert values(desk, ticket)[:2] == ("sd", priority), desk.said()
    assert ("the priority is eva's since" in desk.notes(ticket)[-1].text) is (priority == "p3")


def test_twice_is_once(desk: Desk) -> None:
    """What was taken back is not taken back a second time."""
    ticket = lifted(desk)
    undo(desk, ticket)
    assert plan(hands(desk), ticket, Wanted(ticket)) == []


def test_two_steps_go_back_at_once(tmp_path: Path) -> None:
    """The last step first: a ticket that was moved twice comes back to where it began, in one save."""
    desk = Desk(tmp_path, rule(condition=OPEN, repeat=again(30, 1)))
    ticket = desk.ticket()
    desk.run(HOUR)
    assert desk.team(ticket) == "eng", desk.said()
    assert shown(desk, ticket).reversal.changes == (FieldChange("team", "eng", "sd"),)
    undo(desk, ticket)
    assert desk.team(ticket) == "sd"
    assert desk.states(ticket)[:2] == [RowState.UNDONE] * 2


# --- what stays --------------------------------------------------------------------------------------------------------


def test_what_somebody_changed_since_stays(desk: Desk) -> None:
    """Anna's priority stays hers, with her name; the rest goes back."""
    ticket = lifted(desk)
    desk.helpdesk.change(ticket, "anna", priority="p1")
    found = shown(desk, ticket)
    assert reasons(found)["priority"].startswith("Anna changed it at ")
    assert [each.field for each in found.reversal.changes] == ["team"]
    undo(desk, ticket)
    assert values(desk, ticket) == ("sd", "p1", ())


def test_a_value_that_was_changed_to_and_fro_stays(desk: Desk) -> None:
    """Hoist's value stands there, but it is Anna's by now: she set it again."""
    ticket = lifted(desk)
    desk.helpdesk.change(ticket, "anna", priority="p1")
    desk.helpdesk.change(ticket, "anna", priority="p2")
    assert "Anna changed it" in reasons(shown(desk, ticket))["priority"]


def test_whoever_took_it_keeps_it(desk: Desk) -> None:
    """Bert of operations has taken the ticket: the team is not drawn away from under him."""
    ticket = lifted(desk)
    desk.helpdesk.change(ticket, "bert", assignee="bert")
    assert reasons(shown(desk, ticket))["team"].startswith("Bert took it at ")
    undo(desk, ticket)
    assert desk.team(ticket) == "ops"
    assert values(desk, ticket)[1:] == ("p3", ())


def test_a_label_that_somebody_took_off_is_left_alone(desk: Desk) -> None:
    """And one of somebody else's stays on."""
    ticket = lifted(desk)
    desk.helpdesk.change(ticket, "anna", labels=("vip",))
    found = shown(desk, ticket)
    assert reasons(found)["label lifted"] == "it is no longer there"
    undo(desk, ticket)
    assert values(desk, ticket) == ("sd", "p3", ("vip",))


def test_a_platform_that_takes_no_labels_off_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the source can't do is said beforehand, not found out."""
    ticket = lifted(desk)
    less = type(desk.connector).capabilities.fget(desk.connector)  # type: ignore[attr-defined]
    monkeypatch.setattr(
        type(desk.connector), "capabilities", property(lambda _: replace(less, writes=less.writes - {"remove_labels"}))
    )
    assert reasons(shown(desk, ticket))["label lifted"] == "hoist can't take labels off in this source"
    undo(desk, ticket)
    assert values(desk, ticket) == ("sd", "p3", ("lifted",))


def test_another_rules_wish_stays(tmp_path: Path) -> None:
    """Of two rules that were written together one is taken back: what the other asked for as well stays."""
    desk = Desk(
        tmp_path,
        rule("wrong", actions=(Escalate("line"), AddLabel("wrong"))),
        rule("right", actions=(Escalate("line"), RaisePriority(1))),
    )
    ticket = lifted(desk)
    found = shown(desk, None, "wrong")
    assert reasons(found) == {
        "team": "right asked for it as well",
        "priority": "right asked for it as well",
        "internal note": reasons(found)["internal note"],
    }
    carry_out(hands(desk), [found], WHO)
    assert values(desk, ticket) == ("ops", "p2", ())
    assert {row.key.rule: row.state for row in desk.rows(ticket)} == {"wrong": RowState.UNDONE, "right": RowState.APPLIED}


def test_a_rule_since_an_instant(desk: Desk) -> None:
    """Only what a rule has written since then goes back."""
    early = lifted(desk)
    desk.run(HOUR)
    since = desk.clock.now()
    late = lifted(desk)
    found = plan(hands(desk), None, Wanted(rule="nobody-took-it", since=since))
    assert [each.asked.rows for each in found] == [(desk.rows(late)[0].id,)]
    carry_out(hands(desk), found, WHO)
    assert (desk.team(early), desk.team(late)) == ("ops", "sd")


# --- people at the worst moment ------------------------------------------------------------------------------------------


def test_a_change_between_the_dry_run_and_the_order_is_respected(desk: Desk) -> None:
    """What was shown is ordered, and by the fresh read Anna has changed it: nothing of hers is written over."""
    ticket = lifted(desk)
    waits = ordered(desk, ticket)
    desk.helpdesk.change(ticket, "anna", team="eng", priority="p1", labels=())
    desk.run(MINUTE)
    assert order(desk, waits.id).state is OrderState.LEFT
    assert "team stays: a person changed it" in order(desk, waits.id).problem
    assert values(desk, ticket) == ("eng", "p1", ())
    assert len(desk.saves(ticket)) == 1
    assert desk.states(ticket) == [RowState.APPLIED]


def test_whoever_is_first_by_a_moment_is_put_back(desk: Desk) -> None:
    """Anna saves between the fresh read and the write: hers is put back, once; what she did not touch goes back."""
    ticket = lifted(desk)
    desk.helpdesk.between_read_and_write(lambda: desk.helpdesk.change(ticket, "anna", priority="p1"))
    done = undo(desk, ticket)
    assert values(desk, ticket) == ("sd", "p1", ()), desk.said()
    assert done.order is not None
    assert "theirs was put back" in done.order.problem
    assert desk.states(ticket) == [RowState.UNDONE]


def test_nothing_is_ordered_while_a_change_is_being_written(desk: Desk) -> None:
    """A ticket whose next change is under way is named, and waits."""
    ticket = lifted(desk)
    with desk.database.transaction() as db:
        waiting.plan(db, [Planned(FiringKey(SOURCE, ticket, "other", 1, 0), 1, 1, 1, 0, ())])
        assert waiting.claim(db, SOURCE, ticket, 2, desk.clock.now() + HOUR)
    found = shown(desk, ticket)
    assert (found.barred, found.can) == (BUSY, False)


# --- crashes and lost answers --------------------------------------------------------------------------------------------


Trouble = Callable[[Desk], object]
TROUBLES: dict[str, Trouble] = {
    "none": lambda _: None,
    "answer lost": lambda desk: desk.helpdesk.fail_next(OutcomeUnknown("no answer"), after_effect=True, on="write"),
    "request lost": lambda desk: desk.helpdesk.fail_next(OutcomeUnknown("no answer"), on="write"),
    "late": lambda desk: desk.helpdesk.land_next_write_after(50_000),
    "busy": lambda desk: desk.helpdesk.fail_next(TryLater("too many", 30), on="write"),
    "conflict": lambda desk: desk.helpdesk.fail_next(Conflict("saved meanwhile"), on="write"),
    "unread": lambda desk: desk.helpdesk.fail_next(TryLater("too many", 30), on="verify"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("by", ["the command", "hoist run"])
def test_it_is_done_once_whatever_breaks(desk: Desk, trouble: str, by: str) -> None:
    """Lost, late and refused requests: it is found out, and each value goes back once."""
    ticket = lifted(desk)
    desk.rule_by(rule(actions=ALL, mode=desk.rules[0].mode))
    if by == "the command":
        TROUBLES[trouble](desk)
        undo(desk, ticket)
    else:
        ordered(desk, ticket)
        TROUBLES[trouble](desk)
        desk.run(5 * MINUTE)
    back_once(desk, ticket)


def lives_through(folder: Path, trouble: Trouble, dies_at: int) -> bool:
    """Hoist dies at a place while it takes something back, is started again and has five minutes; False where it died."""
    folder.mkdir()
    desk = Desk(folder, rule(actions=ALL), poll=HOUR)
    ticket = lifted(desk)
    ordered(desk, ticket)
    trouble(desk)
    mortal = Mortal(dies_at)
    with suppress(Killed):
        desk.restart(mortal)
        desk.run(5 * MINUTE)
    desk.restart()
    desk.run(10 * MINUTE)
    back_once(desk, ticket)
    desk.database.close()
    return mortal.places < dies_at


@pytest.mark.parametrize("trouble", ["none", "answer lost", "request lost"])
def test_death_at_any_place_takes_it_back_once(tmp_path: Path, trouble: str) -> None:
    """Also between the commit of *sent* and the request itself, and between the answer and its record."""
    lived = next(n for n in count(1) if lives_through(tmp_path / str(n), TROUBLES[trouble], n))
    assert lived > 8, "there were places to die at"


def test_the_next_step_waits_until_it_is_taken_back(desk: Desk) -> None:
    """While an order is open nothing else is begun on its ticket."""
    ticket = lifted(desk)
    other = rule("other", condition=OPEN, actions=(AddLabel("other"),), existing=desk.rules[0].existing)
    waits = ordered(desk, ticket)
    with desk.database.transaction() as db:
        orders.move(db, waits, OrderState.ORDERED, not_before=desk.clock.now() + HOUR)
    desk.rule_by(desk.rules[0], other)
    second = desk.ticket()
    desk.run(30 * MINUTE)
    assert "other" in str(desk.stored(second).fields["labels"])
    desk.helpdesk.change(ticket, "ruth", status="open")
    assert len(desk.saves(ticket)) == 1
    desk.run(HOUR)
    assert order(desk, waits.id).state is OrderState.DONE


def test_a_pause_does_not_stop_it(desk: Desk) -> None:
    """Whoever has paused hoist since a rule went wrong can tidy up meanwhile."""
    ticket = lifted(desk)
    with desk.database.transaction() as db:
        pauses.add(db, "", "", (desk.clock.now(), FOREVER), "eva", "a rule went wrong")
    ordered(desk, ticket)
    another = desk.ticket()
    desk.run(30 * MINUTE)
    back_once(desk, ticket)
    assert desk.saves(another) == []


def test_what_a_pause_keeps_half_written_is_said_to_wait_for_it(desk: Desk) -> None:
    """Fields are written and the note is not when hoist is paused: an undo says what waits, and comes after the pause."""
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)

    class Pausing(MemoryConnector):
        def write(self, operation: Operation) -> Receipt:
            done = super().write(operation)
            if not operation.comment:
                pause(desk)
            return done

    desk.pipeline.writer.connector = Pausing(SOURCE, desk.settings, helpdesk=desk.helpdesk)
    desk.run(HOUR)
    assert len(desk.saves(ticket)) == 1
    found = shown(desk, ticket)
    assert not found.can
    assert found.barred.startswith(f"{HALF_DONE}: paused since")
    assert [each.field for each in found.reversal.changes] == ["team", "priority"], "it was written, and is not denied"
    resume(desk)
    desk.run(10 * MINUTE)
    assert undo(desk, ticket).order is not None
    back_once(desk, ticket)


def test_a_dry_run_carries_nothing_out(desk: Desk) -> None:
    """An order waits until hoist runs in earnest; on the copy that a dry run works on it stays as it is."""
    ticket = lifted(desk)
    waits = ordered(desk, ticket)
    desk.pipeline._dry_run = True
    desk.run(10 * MINUTE)
    assert (order(desk, waits.id).state, len(desk.saves(ticket))) == (OrderState.ORDERED, 1)


def test_a_refusal_is_said_in_the_platforms_words(desk: Desk) -> None:
    """What can't be taken back is left as it is, and the order says why."""
    ticket = lifted(desk)
    desk.helpdesk.fail_next(GiveUp("the team was archived"), on="write")
    done = undo(desk, ticket)
    assert done.order is not None
    assert (done.order.state, done.order.problem) == (OrderState.FAILED, "the team was archived")
    assert desk.states(ticket) == [RowState.APPLIED]


def test_a_ticket_that_is_gone_is_not_taken_back(desk: Desk) -> None:
    """It was deleted between the order and its turn."""
    ticket = lifted(desk)
    waits = ordered(desk, ticket)
    desk.helpdesk.delete(ticket)
    desk.run(MINUTE)
    assert order(desk, waits.id).state is OrderState.FAILED
    assert "gone" in order(desk, waits.id).problem


def test_every_change_of_an_undo_is_known_as_such(desk: Desk) -> None:
    """Whose change it is can be told from the mirror: eva's, and no automation's."""
    ticket = lifted(desk)
    undo(desk, ticket)
    desk.run(10 * MINUTE)
    with desk.database.reading() as db:
        changes = mirrored.mirrored(db, SOURCE, [ticket])[ticket].ticket.changes
    assert [(c.field, c.by.id, c.by.kind.value) for c in changes][3:] == [
        ("team", "by order of eva", "staff"),
        ("priority", "by order of eva", "staff"),
        ("labels", "by order of eva", "staff"),
    ]
    assert {c.by.id for c in changes[:3]} == {ACCOUNT}
    assert desk.clock.now() % SECOND == 0
