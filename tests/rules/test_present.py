"""Rules that a ticket's present values rule out are not evaluated; that must never hide a firing."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import Evaluation, evaluate
from rules.instants import Instant
from rules.intervals import contains
from rules.protocol.conditions import All, AnyOf, Condition, Due, Held, Not
from rules.protocol.durations import Duration
from rules.ticket import Ticket
from rules.timeline import timeline
from tests.rules.grid_oracle import END
from tests.rules.random_stories import anything, bound, cut_off, over_states, patchy, state, ticket

seeds = st.randoms(use_true_random=True)


def ahead(evaluation: Evaluation, now: Instant) -> list[tuple[str, Instant, Instant]]:
    """The stretches that hold at an instant or begin later."""
    return [(e.rule, a, b) for e in evaluation.episodes for a, b in e.stretches if b > now]


@settings(max_examples=400)
@given(seeds)
def test_a_rule_that_is_passed_over_neither_holds_now_nor_later(rng: Random) -> None:
    """Whatever a ticket went through, and whatever of that is known, leaving out impossible rules changes no escalation."""
    one = rng.choice((lambda _, whole: whole, cut_off, patchy))(rng, ticket(rng))
    gates = [All((over_states(rng), anything(rng))) for _ in range(3)]
    conditions: list[Condition] = [*gates, Held(gates[0], Duration(rng.randrange(1, 10)))]
    rules, now = bound(*conditions), rng.randrange(END)
    whole, some = timeline(one), rules.present.possible(one, now)
    full, short = evaluate(whole, rules, now), evaluate(whole, rules, now, some)
    assert ahead(short, now) == ahead(full, now)
    assert short.next_look == full.next_look


def looked_at(rng: Random, one: Ticket) -> Instant:
    """An instant at which its present values hold."""
    return max([one.known, *(change.at for change in one.changes)]) + rng.randrange(20)


def alive(rng: Random) -> Ticket:
    """A ticket whose life goes on; of some, not all of the history is known."""
    return replace(rng.choice((lambda _, whole: whole, patchy))(rng, ticket(rng)), gone=None)


def of_the_moment(rng: Random, depth: int = 2) -> Condition:
    """A condition on present values, dates and the ticket's age, all of which is told without history."""
    kind = rng.randrange(7 if depth else 4)
    if kind == 0:
        return Held(All(()), Duration(rng.randrange(END)))
    if kind == 1:
        return Due("due", Duration(rng.randrange(10)))
    if kind == 2:
        return Due("due", Duration(), passed_for=Duration(rng.randrange(10)))
    if kind == 3:
        return state(rng)
    if kind == 4:
        return Not(of_the_moment(rng, depth - 1))
    parts = tuple(of_the_moment(rng, depth - 1) for _ in range(rng.randrange(1, 4)))
    return All(parts) if kind == 5 else AnyOf(parts)


@settings(max_examples=200)
@given(seeds)
def test_a_ticket_that_is_done_is_passed_over(rng: Random) -> None:
    """Rules that ask for another state than the present one cost nothing."""
    one = alive(rng)
    now = looked_at(rng, one)
    rules = bound(*(state(rng) for _ in range(4)))
    evaluation = evaluate(timeline(one), rules, now)
    assert {rule.id for rule in rules.present.possible(one, now)} == {
        rule.id for rule in rules.rules if contains(evaluation.may(rule.id), now)
    }


@settings(max_examples=600)
@given(seeds)
def test_present_values_and_dates_alone_tell_what_holds_now(rng: Random) -> None:
    """For rules on states, dates and the ticket's age, the quick look and the timeline agree on every ticket."""
    one = alive(rng)
    now = looked_at(rng, one)
    rules = bound(*(of_the_moment(rng) for _ in range(3)))
    evaluation = evaluate(timeline(one), rules, now)
    quick = {rule.id for rule in rules.present.holding(one, now)}
    assert quick == {rule.id for rule in rules.rules if contains(evaluation.may(rule.id), now)}


@settings(max_examples=400)
@given(seeds)
def test_whatever_holds_now_is_not_ruled_out(rng: Random) -> None:
    """For any rule at all, the quick look leaves out none that may hold."""
    one = alive(rng)
    now = looked_at(rng, one)
    rules = bound(*(anything(rng) for _ in range(3)))
    evaluation = evaluate(timeline(one), rules, now)
    quick = {rule.id for rule in rules.present.holding(one, now)}
    assert quick >= {rule.id for rule in rules.rules if contains(evaluation.may(rule.id), now)}


@given(seeds)
def test_a_read_from_later_on_rules_nothing_out(rng: Random) -> None:
    """Asked about an instant before the ticket was read, its present values are of the future, and prove nothing."""
    one = ticket(rng)
    rules = bound(*(over_states(rng) for _ in range(4)))
    assert rules.present.possible(one, one.known - 1) == rules.present.holding(one, one.known - 1) == rules.rules
