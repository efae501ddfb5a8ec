"""What one ticket's rules ask for now, given what was recorded of it. Nothing is written, and the same is decided twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.evaluate import Decision, decide
from agent.in_force.ruling import Ruling
from agent.store.episodes import EpisodeRow, Fired
from agent.store.states import RowState
from agent.store.waiting import Planned, WaitingRow
from agent.write_back.confirming import confirmed
from rules.binding import bind
from rules.instants import FOREVER, HOUR, MINUTE, SECOND, Instant
from rules.protocol.conditions import Held, OneOf, State
from rules.protocol.rule import Existing, Mode, Rule
from rules.protocol.rulebook import Rulebook
from rules.ticket import Actor, Change, Kind, Ticket, TicketRef, Value
from rules.world import Directory, World
from tests.agent.desk import ALL_EXISTING, MONDAY, OPEN, ORGANISATION, PRIORITIES, SOURCE, TEAMS, UNOWNED, again, rule

FIRED = MONDAY + 15 * MINUTE


def ruling(*rules: Rule, activated: Instant = MONDAY) -> Ruling:
    book = Rulebook(ORGANISATION, tuple(replace(r, order=n) for n, r in enumerate(rules)), "1")
    bound = bind(book, SOURCE, Directory(TEAMS, PRIORITIES), World())
    return Ruling(bound, {r.id: activated for r in rules}, 1, SECOND)


def ticket(*acts: tuple[Instant, str, Value], **fields: Value) -> Ticket:
    """A ticket of Monday morning that nobody owns, with what Anna did since."""
    present: dict[str, Value] = {"status": "new", "assignee": None, "team": "sd", "priority": "p2", "labels": (), **fields}
    changes = []
    for n, (at, field, new) in enumerate(acts):
        changes.append(Change(at, at, n, str(n), field, present[field], new, Actor("anna", Kind.STAFF)))
        present[field] = new
    return Ticket(TicketRef(SOURCE, "7"), "SD-7", "", "", MONDAY, MONDAY + 9 * HOUR, present, tuple(changes))


def row_of(planned: Planned, state: RowState) -> WaitingRow:
    p = planned
    return WaitingRow(1, p.key, state, p.instant, p.planned_at, p.not_before, p.urgency, 1, None, None, None, 0, p.because, "")


def first(made: Decision) -> tuple[EpisodeRow, Planned]:
    (episode,), (planned,) = made.episodes, made.planned
    return episode, planned


def test_before_its_instant_nothing_is_due() -> None:
    """A ticket is looked at next when its rule could fire, not before."""
    made = decide(ticket(), (), (), ruling(rule()), MONDAY + MINUTE)
    assert (made.next_look, made.episodes, made.planned) == (FIRED, (), ())


def test_a_firing_is_planned_with_its_reasons() -> None:
    """The step names its rule and episode, when it became due, how urgent it is, and why; it waits out the Date header."""
    episode, planned = first(decide(ticket(), (), (), ruling(rule()), FIRED + MINUTE))
    assert (planned.key.rule, planned.key.episode, planned.key.step) == ("nobody-took-it", 1, 0)
    assert (planned.instant, planned.not_before, planned.urgency) == (FIRED, FIRED + SECOND, 1)
    assert (episode.anchor, episode.fired_at, episode.backlog) == (MONDAY, FIRED, False)
    assert any("nobody" in sentence for sentence in planned.because)


def test_deciding_again_decides_nothing_new() -> None:
    """F2: an episode that is recorded fires once, however often its ticket is looked at or read."""
    rules = ruling(rule())
    episode, _ = first(decide(ticket(), (), (), rules, FIRED + MINUTE))
    made = decide(ticket(), (episode,), (), rules, FIRED + HOUR)
    assert (made.episodes, made.planned, made.revived, made.steps) == ((), (), (), ())
    assert list(made.holding) == [("nobody-took-it", 1)]


def test_a_second_episode_takes_the_next_number() -> None:
    """F1: taken, given back, and forgotten again: that is another episode."""
    rules = ruling(rule())
    episode, _ = first(decide(ticket(), (), (), rules, FIRED + MINUTE))
    told = ticket((FIRED + HOUR, "assignee", "anna"), (FIRED + 2 * HOUR, "assignee", None))
    _, planned = first(decide(told, (episode,), (), rules, FIRED + 3 * HOUR))
    assert planned.key.episode == 2


def test_an_unknown_priority_comes_last() -> None:
    """Urgency is the place of the priority in the organisation's list."""
    urgencies = [decide(ticket(priority=p), (), (), ruling(rule()), MONDAY).urgency for p in ("p1", "p3", "odd", None)]
    assert urgencies == [0, 2, 3, 3]


@pytest.mark.parametrize(
    ("mode", "existing", "state"),
    [
        (Mode.LIVE, Existing(0), None),
        (Mode.LIVE, ALL_EXISTING, RowState.PLANNED),
        (Mode.LIVE, Existing(3), RowState.QUEUED),
        (Mode.WATCH, ALL_EXISTING, RowState.WATCHED),
    ],
)
def test_what_was_true_before_is_treated_as_the_rule_says(mode: Mode, existing: Existing, state: RowState | None) -> None:
    """F5: left alone, written, or written at a rate; a rule that watches notes it."""
    made = decide(ticket(), (), (), ruling(rule(mode=mode, existing=existing), activated=FIRED + 1), FIRED + HOUR)
    assert [row.state for row in made.planned] == ([] if state is None else [state])
    assert [row.backlog for row in made.episodes] == [state is None]


def test_true_at_its_rules_beginning_is_not_backlog() -> None:
    """F5: what begins with its rule, or later, is no backlog."""
    made = decide(ticket(), (), (), ruling(rule(), activated=FIRED), FIRED + HOUR)
    assert [row.backlog for row in made.episodes] == [False]


@pytest.mark.parametrize("limit", [None, 3])
def test_a_backlog_can_be_let_go_later(limit: int | None) -> None:
    """F5: a person who changes `existing_tickets` chooses so: what was left alone, or only watched, is taken up."""
    before = ruling(rule(), activated=FIRED + 1)
    episode = decide(ticket(), (), (), before, FIRED + HOUR).episodes[0]
    after = ruling(rule(existing=Existing(limit)), activated=FIRED + 1)
    made = decide(ticket(), (episode,), (), after, FIRED + 2 * HOUR)
    assert made.out_of_backlog == (episode,)
    assert [row.state for row in made.planned] == [RowState.PLANNED if limit is None else RowState.QUEUED]
    watched, noted = first(decide(ticket(), (), (), ruling(rule(mode=Mode.WATCH)), FIRED + MINUTE))
    row = row_of(noted, RowState.WATCHED)
    after = ruling(rule(existing=Existing(limit)), activated=FIRED + HOUR)
    made = decide(ticket(), (watched,), (row,), after, FIRED + 2 * HOUR)
    assert [again.row for again in (made.revived if limit is None else made.queued)] == [row]


def test_a_superseded_step_is_revived_while_its_rule_is_live() -> None:
    """The same row, under the same key; a rule that only watches now, or went live since, leaves it where it is."""
    episode, planned = first(decide(ticket(), (), (), ruling(rule()), FIRED + MINUTE))
    row = row_of(planned, RowState.SUPERSEDED)
    later = FIRED + HOUR
    assert [again.row for again in decide(ticket(), (episode,), (row,), ruling(rule()), later).revived] == [row]
    assert not decide(ticket(), (episode,), (row,), ruling(rule(mode=Mode.WATCH)), later).revived
    assert not decide(ticket(), (episode,), (row,), ruling(rule(), activated=FIRED + MINUTE), later).revived


def test_a_repetition_is_due_after_the_step_before_took_effect() -> None:
    """Not after it was decided; several that were missed are one; and not more often than the rule says."""
    rules = ruling(rule(condition=OPEN, repeat=again(30, 2)))
    episode, _ = first(decide(ticket(), (), (), rules, MONDAY + MINUTE))
    assert not decide(ticket(), (episode,), (), rules, MONDAY + 5 * HOUR).steps
    applied = replace(episode, firings=(episode.last._replace(applied_at=MONDAY + HOUR),))
    soon = decide(ticket(), (applied,), (), rules, MONDAY + HOUR + MINUTE)
    assert (soon.steps, soon.next_look) == ((), MONDAY + 90 * MINUTE)
    late = decide(ticket(), (applied,), (), rules, MONDAY + 5 * HOUR)
    assert [(row.number, due.steps) for row, due in late.steps] == [(1, (1,))]
    assert [(row.key.step, row.instant) for row in late.planned] == [(1, MONDAY + 90 * MINUTE)]
    all_done = tuple(Fired((n,), MONDAY, MONDAY + HOUR) for n in range(3))
    assert not decide(ticket(), (replace(applied, firings=all_done),), (), rules, MONDAY + 5 * HOUR).steps


def test_held_and_gone_tickets_are_left_alone() -> None:
    """The label, or the end of its life: nothing is due, and nothing is looked at again before it changes."""
    for left in (ticket(labels=("hoist-hold",)), replace(ticket(), gone=MONDAY + 1)):
        made = decide(left, (), (), ruling(rule()), FIRED + HOUR)
        assert (made.next_look, made.planned, made.holding) == (FOREVER, (), {})


# --- the fresh read ------------------------------------------------------------------------------------------------------


def judged(told: Ticket, rules: Ruling, at: Instant) -> tuple[int, int, list[str]]:
    """How many rows are to be written, how many are early, and why others are over."""
    episode, planned = first(decide(ticket(), (), (), ruling(rule()), FIRED + MINUTE))
    row = row_of(planned, RowState.CLAIMED)
    found = confirmed([row], told, decide(told, (episode,), (), rules, at), rules, at)
    return len(found.steps), len(found.early), [reason for _, reason in found.over]


def test_a_read_proves_only_what_lies_before_it() -> None:
    """F3, F11: at the very instant of the firing it is early; a millisecond later it counts."""
    assert judged(ticket(), ruling(rule()), FIRED) == (0, 1, [])
    assert judged(ticket(), ruling(rule()), FIRED + 1) == (1, 0, [])


def test_a_repetition_too_waits_for_a_read_after_its_instant() -> None:
    """F3: its episode has held for long; that it still does at the step's own instant is known only afterwards."""
    rules, due = ruling(rule()), FIRED + HOUR
    episode, planned = first(decide(ticket(), (), (), rules, FIRED + MINUTE))
    row = replace(row_of(planned, RowState.CLAIMED), instant=due)
    for at, early in ((due, (row,)), (due + 1, ())):
        made = decide(ticket(), (episode,), (), rules, at)
        assert confirmed([row], ticket(), made, rules, at).early == early


def test_a_stretch_that_has_just_begun_is_early_too() -> None:
    """A gate that opened at the very instant of the read may have closed within it."""
    gated = ruling(rule(condition=Held(State("assignee", OneOf((None,))), UNOWNED.duration)))
    told = ticket((FIRED + MINUTE, "assignee", "anna"), (FIRED + 2 * MINUTE, "assignee", None))
    at = FIRED + 2 * MINUTE + 15 * MINUTE
    assert judged(told, gated, at)[0] == 0


@pytest.mark.parametrize(
    ("told", "rules", "said"),
    [
        (ticket((FIRED, "assignee", "anna")), ruling(rule()), "no longer true"),
        (ticket(labels=("hoist-hold",)), ruling(rule()), "hoist-hold"),
        (ticket(), ruling(rule(mode=Mode.WATCH)), "only watches"),
        (ticket(), ruling(rule("another")), "no longer in force"),
    ],
)
def test_what_is_not_written_is_said_why(told: Ticket, rules: Ruling, said: str) -> None:
    """Each reason is told apart, for the journal and for `why`."""
    steps, early, over = judged(told, rules, FIRED + HOUR)
    assert (steps, early) == (0, 0)
    assert said in over[0]


def test_reasons_are_those_of_the_fresh_read() -> None:
    """The comment tells what is true when it is written."""
    episode, planned = first(decide(ticket(), (), (), ruling(rule()), FIRED + MINUTE))
    row = replace(row_of(planned, RowState.CLAIMED), because=("an old reason",))
    rules, at = ruling(rule()), FIRED + HOUR
    found = confirmed([row], ticket(), decide(ticket(), (episode,), (), rules, at), rules, at)
    ((_, step),) = found.steps
    assert "an old reason" not in step.because
    assert step.values["held"] == "1 hour 15 minutes"
