"""What holds for every ticket and every condition: the engine against the meaning of the language, and against itself."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import Evaluation, evaluate
from rules.instants import FOREVER
from rules.intervals import contains
from rules.protocol import AnyOf, Condition, Not
from rules.ticket import Ticket
from rules.timeline import timeline
from tests.rules.grid_oracle import END, Oracle
from tests.rules.random_stories import anything, bound, cut_off, over_states, patchy, tickets


def judged(ticket: Ticket, *conditions: Condition, now: int = 0) -> Evaluation:
    return evaluate(timeline(ticket), bound(*conditions), now)


def stretches(evaluation: Evaluation, rule: str = "0") -> list[tuple[int, int, int]]:
    """(from, to, anchor) of all stretches of a rule, by start."""
    found = [(a, b, episode.anchor) for episode in evaluation.episodes_of(rule) for a, b in episode.stretches]
    return sorted(found)


def on_grid(evaluation: Evaluation, oracle: Oracle) -> list[tuple[int, int, int]]:
    end = oracle.horizon
    return [(a, min(b, end), anchor) for a, b, anchor in stretches(evaluation) if a < end]


def agree(evaluation: Evaluation, oracle: Oracle, condition: Condition) -> None:
    assert on_grid(evaluation, oracle) == oracle.stretches(condition)
    for at in range(END):
        assert contains(evaluation.may("0"), at) is (oracle.holds(condition, at) is not False), at


@settings(max_examples=400)
@given(tickets(), anything())
def test_every_condition_means_what_its_definition_says(ticket: Ticket, condition: Condition) -> None:
    """A rule fires at the instants, and for the causes, that its definition names, counted instant by instant."""
    evaluation, oracle = judged(ticket, condition), Oracle(ticket)
    agree(evaluation, oracle, condition)


@settings(max_examples=400)
@given(st.data(), tickets(), over_states())
def test_what_is_not_known_is_told_apart_at_every_instant(data: st.DataObject, ticket: Ticket, condition: Condition) -> None:
    """Where history is missing a rule fires only on what is certain, and what may be is shown as not known."""
    hidden = data.draw(st.one_of(cut_off(ticket), patchy(ticket)))
    evaluation, oracle = judged(hidden, condition), Oracle(hidden)
    agree(evaluation, oracle, condition)


@settings(max_examples=300)
@given(st.data(), tickets(), anything())
def test_lost_history_never_makes_a_rule_claim_what_was_not_so(data: st.DataObject, ticket: Ticket, condition: Condition) -> None:
    """Whatever really happened, it lies between what is sure and what may be."""
    hidden = judged(data.draw(cut_off(ticket)), condition)
    truth = judged(ticket, condition)
    for at in range(END):
        really = contains(truth.surely("0"), at)
        assert contains(hidden.surely("0"), at) <= really <= contains(hidden.may("0"), at), at


@settings(max_examples=300)
@given(st.data(), tickets(), anything())
def test_unseen_changes_never_make_a_rule_claim_what_was_not_so(
    data: st.DataObject, ticket: Ticket, condition: Condition
) -> None:
    """A change that nobody recorded leaves its field unknown until the next one, and rules over that field say so."""
    patched = data.draw(patchy(ticket))
    lost = set(ticket.changes) - set(patched.changes)
    quiet = [c for c in lost if c.by.kind.value in {"staff", "requester"}]
    hidden, truth = judged(patched, condition), judged(ticket, condition)
    if quiet and _looks_at_touches(condition):
        return  # an unseen touch is no touch: silence is about what was seen
    for at in range(END):
        really = contains(truth.surely("0"), at)
        assert contains(hidden.surely("0"), at) <= really <= contains(hidden.may("0"), at), at


def _looks_at_touches(condition: Condition) -> bool:
    return "Silent(" in repr(condition) or "touch_answers=True" in repr(condition)


@settings(max_examples=300)
@given(tickets(), anything(), st.integers(0, END))
def test_judging_once_equals_judging_after_each_change(ticket: Ticket, condition: Condition, now: int) -> None:
    """What fired by an instant does not depend on what happened after it, as long as changes arrive in order."""
    then = as_known_at(ticket, now)
    if then is None:
        return
    begun = [(a, min(b, now), anchor) for a, b, anchor in stretches(judged(ticket, condition)) if a <= now]
    assert [(a, min(b, now), anchor) for a, b, anchor in stretches(judged(then, condition)) if a <= now] == begun


def as_known_at(ticket: Ticket, now: int) -> Ticket | None:
    """The ticket as a read at that instant would have brought it; None before it was created."""
    if now < ticket.created:
        return None
    later = [c for c in ticket.changes if c.at > now]
    return replace(
        ticket,
        known=now,
        fields=dict(ticket.fields) | {c.field: c.old for c in reversed(later)},
        changes=tuple(c for c in ticket.changes if c.at <= now),
        messages=tuple(m for m in ticket.messages if m.at <= now),
        gone=ticket.gone if ticket.gone is not None and ticket.gone <= now else None,
    )


@given(st.data(), tickets(), anything())
def test_not_taken_twice_changes_nothing(data: st.DataObject, ticket: Ticket, condition: Condition) -> None:
    """`not` of `not` holds exactly where the condition holds, unknown stretches included."""
    hidden = data.draw(st.one_of(st.just(ticket), cut_off(ticket), patchy(ticket)))
    evaluation = judged(hidden, condition, Not(Not(condition)))
    for at in range(END):
        for ask in (evaluation.surely, evaluation.may):
            assert contains(ask("0"), at) is contains(ask("1"), at)


@given(st.data(), tickets(), anything())
def test_a_thing_or_its_opposite_may_hold_all_life_long(data: st.DataObject, ticket: Ticket, condition: Condition) -> None:
    """Every instant of a ticket's life is answered: yes, no or not known, and none outside it is."""
    hidden = data.draw(st.one_of(st.just(ticket), cut_off(ticket), patchy(ticket)))
    evaluation = judged(hidden, AnyOf((condition, Not(condition))))
    gone = FOREVER if ticket.gone is None else ticket.gone
    assert evaluation.may("0") == ([ticket.created, gone] if ticket.created < gone else [])


@given(st.data(), tickets(), st.lists(anything(), min_size=1, max_size=4), st.integers(0, END))
def test_judging_is_pure(data: st.DataObject, ticket: Ticket, conditions: list[Condition], now: int) -> None:
    """The same ticket and rules give the same answer, whatever other rules are judged beside; the next look is the next start."""
    hidden = data.draw(st.one_of(st.just(ticket), cut_off(ticket), patchy(ticket)))
    rules = bound(*conditions)
    together = evaluate(timeline(hidden), rules, now)
    assert evaluate(timeline(hidden), rules, now).episodes == together.episodes
    for number, condition in enumerate(conditions):
        assert stretches(judged(hidden, condition)) == stretches(together, str(number))
    coming = [a for episode in together.episodes for a, _ in episode.stretches if a > now]
    assert together.next_look == min(coming, default=FOREVER)
    for episode in together.episodes:
        assert episode.anchor <= episode.start < episode.end
        assert all(b <= c for (_, b), (c, _) in zip(episode.stretches, episode.stretches[1:], strict=False))
