"""Rules that a ticket's present values rule out are not evaluated; that must never hide a firing."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import Evaluation, evaluate, still_possible
from rules.instants import Instant
from rules.protocol import All, Condition, Duration, Held
from rules.timeline import timeline
from tests.rules.grid_oracle import END
from tests.rules.random_stories import anything, bound, cut_off, over_states, patchy, ticket

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
    whole, some = timeline(one), still_possible(one, rules, now)
    full, short = evaluate(whole, rules, now), evaluate(whole, rules, now, some)
    assert ahead(short, now) == ahead(full, now)
    assert short.next_look == full.next_look


@settings(max_examples=200)
@given(seeds)
def test_a_ticket_that_is_done_is_passed_over(rng: Random) -> None:
    """Rules that ask for another state than the present one cost nothing."""
    one = ticket(rng)
    now = max([one.known, *(change.at for change in one.changes)])
    rules = bound(*(over_states(rng) for _ in range(4)))
    for rule in still_possible(one, rules, now):
        assert all(need.verdict(one.fields[need.field]) is not False for need in rule.needs if need.field in one.fields)
