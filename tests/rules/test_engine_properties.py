"""What holds for every ticket and every condition: the engine against the meaning of the language, and against itself."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.conditions.tree import walk
from rules.engine import Evaluation, evaluate
from rules.explain import because
from rules.instants import FOREVER
from rules.intervals import contains
from rules.protocol.conditions import Acknowledged, AnyOf, Condition, Not, Silent, Target, Unanswered
from rules.protocol.durations import Duration
from rules.ticket import TARGET, Change, Kind, Ticket
from rules.timeline import timeline
from tests.rules.grid_oracle import END, PEOPLE, SHIFTS
from tests.rules.grid_wider import Oracle
from tests.rules.random_stories import (
    MEMBERS,
    anything,
    as_known_at,
    bound,
    counted,
    cut_off,
    lasting,
    over_events,
    over_states,
    patchy,
    ticket,
)

seeds = st.randoms(use_true_random=True)


Members = Mapping[str, frozenset[str]] | None


def judged(one: Ticket, *conditions: Condition, now: int = 0, members: Members = None) -> Evaluation:
    return evaluate(timeline(one), bound(*conditions, members=members), now)


def stretches(evaluation: Evaluation, rule: str = "0") -> list[tuple[int, int, int]]:
    """(from, to, anchor) of all stretches of a rule, by start."""
    return sorted((a, b, episode.anchor) for episode in evaluation.episodes_of(rule) for a, b in episode.stretches)


def agree(one: Ticket, condition: Condition, members: Members = None) -> None:
    evaluation, oracle = judged(one, condition, members=members), Oracle(one, members)
    end = oracle.horizon
    found = [(a, min(b, end), anchor) for a, b, anchor in stretches(evaluation) if a < end]
    assert found == oracle.stretches(condition), (condition, one)
    may = [at for at in range(END) if contains(evaluation.may("0"), at)]
    assert may == [at for at in range(END) if oracle.holds(condition, at) is not False], (condition, one)


def enclose(hidden: Evaluation, truth: Evaluation) -> None:
    for at in range(END):
        really = contains(truth.surely("0"), at)
        assert contains(hidden.surely("0"), at) <= really <= contains(hidden.may("0"), at), at


@settings(max_examples=350)
@given(seeds)
@example(Random(1094403))  # what ends an episode, of which only the far future is unknown
def test_every_condition_means_what_its_definition_says(rng: Random) -> None:
    """A rule fires at the instants, and for the causes, that its definition names, counted instant by instant."""
    agree(ticket(rng), anything(rng), rng.choice((None, MEMBERS)))


@settings(max_examples=120)
@given(seeds)
def test_every_event_is_counted_as_its_definition_says(rng: Random) -> None:
    """F1, F11: which events count, and from which one to which a count holds, as told by looking at every single event."""
    for _ in range(3):
        agree(ticket(rng), counted(rng))


@settings(max_examples=100)
@given(seeds)
def test_what_ends_an_episode_or_prolongs_it_means_what_its_definition_says(rng: Random) -> None:
    """F1: what is over for good, what goes on for as long as less holds, and what is never over, instant by instant."""
    agree(ticket(rng), lasting(rng), rng.choice((None, MEMBERS)))


@settings(max_examples=350)
@given(seeds)
def test_what_is_not_known_is_told_apart_at_every_instant(rng: Random) -> None:
    """F4: where history is missing a rule fires only on what is certain, and what may be is shown as not known."""
    hide = rng.choice((cut_off, patchy))
    agree(hide(rng, ticket(rng)), over_states(rng))


@settings(max_examples=500)
@given(seeds)
def test_lost_history_never_makes_a_rule_claim_what_was_not_so(rng: Random) -> None:
    """F4: whatever really happened, it lies between what is sure and what may be."""
    whole, condition, members = ticket(rng), anything(rng), rng.choice((None, MEMBERS))
    hidden = cut_off(rng, whole)
    lost = set(whole.changes) - set(hidden.changes)
    # what a target promised before is part of what it means now; how far that reaches is a property of its own, below
    if not (over_targets(condition) and any(one.by.kind is Kind.HOIST or one.field.startswith(TARGET) for one in lost)):
        enclose(judged(hidden, condition, members=members), judged(whole, condition, members=members))


@settings(max_examples=500)
@given(seeds)
def test_a_cut_history_bears_on_a_target_until_it_moves_and_not_because_of_hoist(rng: Random) -> None:
    """F7: a target is taken as it stands where a history begins; from its next move of others' making nothing is missing."""
    whole = ticket(rng)
    hidden = cut_off(rng, whole)
    moves = [change for change in hidden.changes if change.field == "target.reply"]
    moved = next((change.at for change in moves if of_anothers_making(change, hidden)), END)
    within = None if rng.random() < 0.5 else Duration(rng.choice((0, 3, 8)))
    percent = rng.choice((50, 75, 100, 120)) if within is None else None
    condition = Target("reply", within, percent, rng.choice((None, SHIFTS)) if percent else None)
    found, truth = judged(hidden, condition), judged(whole, condition)
    for at in range(moved, END):
        really = contains(truth.surely("0"), at)
        assert contains(found.surely("0"), at) <= really <= contains(found.may("0"), at), (at, moved)


def of_anothers_making(move: Change, known: Ticket) -> bool:
    """Whether a target was moved to another value, surely not because of what hoist wrote: who changed what before is known."""
    saves = {change.save for change in known.changes if change.by.kind is Kind.HOIST}
    at_once = [change for change in known.changes if change.at == move.at and change.field == move.field]
    if at_once[-1] is not move or move.new == at_once[0].old or move.save in saves:
        return False
    before = [change for change in known.changes[: known.changes.index(move)] if change.field != move.field]
    acts = [change for change in before if change.save in saves or change.by.kind in PEOPLE]
    return bool(acts) and (move.by.kind in PEOPLE or acts[-1].save not in saves)


@settings(max_examples=500)
@given(seeds)
def test_unseen_changes_never_make_a_rule_claim_what_was_not_so(rng: Random) -> None:
    """F4: a change that nobody recorded leaves its field unknown until the next one, and rules over that field say so."""
    whole, condition, members = ticket(rng), anything(rng), rng.choice((None, MEMBERS))
    patched = patchy(rng, whole)
    unseen = set(whole.changes) - set(patched.changes)
    # silence is about what was seen: an unseen change of a person is no touch
    about_touches = any(
        isinstance(part, Silent | Acknowledged) or (isinstance(part, Unanswered) and part.touch_answers)
        for part in walk(condition)
    )
    if about_touches and any(change.by.kind in PEOPLE for change in unseen):
        return
    # whether hoist's write moved a target is told from who changed what before; a cycle from what came with the target
    if over_targets(condition) and any(c.by.kind is not Kind.AUTOMATION or c.field.startswith(TARGET) for c in unseen):
        return
    enclose(judged(patched, condition, members=members), judged(whole, condition, members=members))


def over_targets(condition: Condition) -> bool:
    return any(isinstance(part, Target) for part in walk(condition))


@settings(max_examples=300)
@given(seeds)
def test_what_was_not_seen_is_forgotten_no_sooner_than_what_was(rng: Random) -> None:
    """Counts and waits stay uncertain after an unknown stretch for as long as something in it could still matter."""
    for _ in range(4):
        whole, condition = ticket(rng), over_events(rng)
        enclose(judged(cut_off(rng, whole), condition), judged(whole, condition))
        if not (isinstance(condition, Unanswered) and condition.touch_answers):
            enclose(judged(patchy(rng, whole), condition), judged(whole, condition))


@settings(max_examples=500)
@given(seeds)
def test_judging_once_equals_judging_after_each_change(rng: Random) -> None:
    """F12: what fired by an instant does not depend on what happened after it, as long as changes arrive in order."""
    whole, condition = ticket(rng), anything(rng)
    in_the_end = stretches(judged(whole, condition))
    for now in {change.at for change in whole.changes} | {rng.randrange(END)}:
        then = as_known_at(whole, now)
        if then is not None:
            at_the_time = stretches(judged(then, condition))
            begun = [[(a, min(b, now), anchor) for a, b, anchor in found if a <= now] for found in (in_the_end, at_the_time)]
            assert begun[0] == begun[1], (now, condition, whole)


@given(seeds)
def test_not_taken_twice_changes_nothing(rng: Random) -> None:
    """F4: `not` of `not` holds exactly where the condition holds, unknown stretches included."""
    condition = anything(rng)
    evaluation = judged(_hidden_or_not(rng), condition, Not(Not(condition)))
    for at in range(END):
        for ask in (evaluation.surely, evaluation.may):
            assert contains(ask("0"), at) is contains(ask("1"), at)


@given(seeds)
def test_a_thing_or_its_opposite_may_hold_all_life_long(rng: Random) -> None:
    """F4: every instant of a ticket's life is answered: yes, no or not known, and none outside it is."""
    one, condition = _hidden_or_not(rng), anything(rng)
    evaluation = judged(one, AnyOf((condition, Not(condition))))
    gone = FOREVER if one.gone is None else one.gone
    assert evaluation.may("0") == ([one.created, gone] if one.created < gone else [])


@given(seeds, st.integers(0, END))
def test_judging_is_pure(rng: Random, now: int) -> None:
    """F13, F14: the same ticket and rules give the same answer, whatever is judged beside; the next look is the next start."""
    one, conditions = _hidden_or_not(rng), [anything(rng) for _ in range(4)]
    rules = bound(*conditions)
    together = evaluate(timeline(one), rules, now)
    assert evaluate(timeline(one), rules, now).episodes == together.episodes
    for number, condition in enumerate(conditions):
        assert stretches(judged(one, condition)) == stretches(together, str(number))
    coming = [a for episode in together.episodes for a, _ in episode.stretches if a > now]
    assert together.next_look == min(coming, default=FOREVER)
    for episode in together.episodes:
        assert episode.anchor <= episode.start < episode.end
        assert all(b <= c for (_, b), (c, _) in pairwise(episode.stretches))


def _hidden_or_not(rng: Random) -> Ticket:
    whole = ticket(rng)
    return rng.choice((whole, cut_off(rng, whole), patchy(rng, whole)))


@settings(max_examples=150)
@given(seeds)
def test_why_is_the_same_however_often_it_is_asked(rng: Random) -> None:
    """An evaluation that was asked at other instants before tells why in the words of one that was never asked."""
    one, condition = ticket(rng), anything(rng)
    asked = judged(one, condition)
    for at in rng.choices(range(END + 5), k=20):
        assert because(asked, "0", at) == because(judged(one, condition), "0", at), (at, condition, one)
