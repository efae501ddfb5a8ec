"""What is judged for a part of a ticket's life only is what holds in that part."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.intervals import Intervals, intersection, unbroken
from rules.protocol.conditions import Acknowledged, All, Clock, Condition, Hours, Not
from rules.protocol.durations import Duration
from rules.ticket import Ticket
from rules.timeline import timeline
from tests.rules.grid_oracle import END
from tests.rules.random_stories import MEMBERS, bound, cut_off, patchy, state, ticket

seeds = st.randoms(use_true_random=True)


def seen(rng: Random) -> Ticket:
    """A ticket whose history is known whole or in part."""
    return rng.choice((lambda _, whole: whole, cut_off, patchy))(rng, ticket(rng))


def gate(rng: Random) -> Condition:
    """A condition that can be judged for a part of a life."""
    one = Hours("shifts", outside=rng.random() < 0.5)
    return rng.choice((one, Not(one), All((state(rng), one)), All((Acknowledged(), state(rng), Not(one)))))


def part_of(rng: Random, life: Intervals) -> Intervals:
    """Some intervals of a life."""
    return intersection(life, sorted(rng.sample(range(END), 2 * rng.randrange(1, 5))))


@settings(max_examples=400)
@given(seeds)
def test_a_part_of_a_life_is_judged_as_within_the_whole(rng: Random) -> None:
    """A reason that is asked for later, of a whole life, never says otherwise than what was looked at when a rule fired."""
    one, condition = timeline(seen(rng)), gate(rng)
    program = bound(condition, members=rng.choice((None, MEMBERS))).program
    cut = part_of(rng, one.life)
    surely, may, anchors = program.ask(program.number(condition), one, program.memo())
    for number, within in program.within.items():
        if number == program.number(condition):
            found = within(one, program.memo(), cut)
            assert unbroken(found[0]) == unbroken(intersection(surely, cut))
            assert unbroken(found[1]) == unbroken(intersection(may, cut))
            assert found[2] is anchors is None


@settings(max_examples=400)
@given(seeds)
def test_a_clock_that_has_too_little_time_to_go_by_is_told_without_judging_what_else_it_asks(rng: Random) -> None:
    """A clock of a team comes to the same whether what runs is judged as a whole or where that can matter alone."""
    one, members = timeline(seen(rng)), rng.choice((None, MEMBERS))
    running = All((state(rng), Not(rng.choice((Acknowledged(), Hours("shifts"))))))
    of_team = Clock(running, Duration(rng.randrange(12), calendar=rng.choice((None, "shifts"))), of_team=rng.random() < 0.5)
    program = bound(of_team, members=members).program
    number, alone, shared = program.number(of_team), program.memo(), program.memo()
    program.ask(program.number(running), one, shared)
    assert program.ask(number, one, alone) == program.ask(number, one, shared)
