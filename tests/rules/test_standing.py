"""Functions generated for plain states say what the conditions say that they were made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.binding import bind
from rules.calendars import calendar
from rules.conditions import lingering, logic
from rules.conditions.judge import Holds
from rules.conditions.times import AHEAD
from rules.instants import DAY, FOREVER
from rules.protocol.conditions import All, Held, Hours, Lingering, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.organisation import CalendarHours
from rules.protocol.rule import Rule
from rules.protocol.rulebook import Rulebook
from rules.ticket import Ticket
from rules.timeline import timeline
from rules.world import World
from tests.rules.grid_oracle import SHIFTS
from tests.rules.random_stories import DIRECTORY, ORGANISATION, SOURCE, WORLD, bound, cut_off, duration, patchy, ticket

seeds = st.randoms(use_true_random=True)


def seen(rng: Random) -> Ticket:
    """A ticket whose history is known whole or in part."""
    return rng.choice((lambda _, whole: whole, lambda _, whole: whole, cut_off, patchy))(rng, ticket(rng))


def plain(rng: Random) -> State:
    """A field has one of some values."""
    words: dict[str, tuple[str | None, ...]] = {
        "status": ("open", "pending", "resolved"),
        "team": ("first", "second", "third", None),
        "assignee": ("anna", "bert", None),
        "priority": ("P1", "P2", "P3", None),
    }
    field = rng.choice(tuple(words))
    return State(field, OneOf(tuple(rng.sample(words[field], rng.randrange(1, len(words[field]))))))


def unanchored(found: Holds) -> Holds:
    """Nothing but gates names no anchors; where nothing ever holds, there is none to be named."""
    surely, may, anchors = found
    return surely, may, anchors or []


@settings(max_examples=400)
@given(seeds)
def test_states_at_the_same_time_are_where_each_of_them_is(rng: Random) -> None:
    """Whichever fields a rule looks at, and however often they changed, it holds where all have their values, and for so long."""
    together = All(tuple(plain(rng) for _ in range(rng.randrange(1, 4))))
    lasting = Held(together, duration(rng))
    one, program = timeline(seen(rng)), bound(lasting).program
    number, parts = program.number(together), tuple(dict.fromkeys(map(program.number, together.parts)))
    expected = logic.all_of(program.judges, parts, gate=True, within={})(one, program.memo())
    assert unanchored(program.ask(number, one, program.memo())) == unanchored(expected)
    memo = program.memo()
    memo[number] = expected
    held = logic.held(program.judges, number, program.span(lasting.duration))(one, memo)
    assert unanchored(program.ask(program.number(lasting), one, program.memo())) == unanchored(held)


@settings(max_examples=400)
@given(seeds)
def test_a_wait_that_lingers_begins_with_its_hours_and_ends_with_itself(rng: Random) -> None:
    """Outside the hours or within them: a ticket that waits is one escalation from the first such instant to the wait's end."""
    waits = rng.choice((plain(rng), All((plain(rng), plain(rng)))))
    parts = (Held(waits, duration(rng)), Hours(SHIFTS, outside=rng.random() < 0.5))
    condition = Lingering(All(rng.choice((parts, parts[::-1]))), waits)
    one, program = timeline(seen(rng)), bound(condition).program
    general = lingering.lingering(program.judges, program.number(condition.part), program.number(waits))
    expected = general(one, program.memo())
    assert unanchored(program.ask(program.number(condition), one, program.memo())) == unanchored(expected)


@pytest.mark.parametrize("late", [-DAY, DAY])
def test_hours_too_far_ahead_may_come(late: int) -> None:
    """A calendar that closes once in years: whether it does is told when that is near, and till then it is not sure."""
    whole = replace(ticket(Random(1)), created=0, known=1, changes=(), messages=(), gone=None)
    closed = date.fromordinal(date(1970, 1, 1).toordinal() + (AHEAD + late) // DAY)
    hours = dict.fromkeys(range(7), ((0, 24 * 60),))
    year = calendar(CalendarHours("year", "UTC", hours, also_closed=(closed.isoformat(),)))
    status = whole.fields["status"]
    assert isinstance(status, str)
    waits = State("status", OneOf((status,)))
    condition = Lingering(All((Held(waits, Duration()), Hours("year", outside=True))), waits)
    rulebook = Rulebook(ORGANISATION, (Rule("0", "0", condition, ()),), "1")
    program = bind(rulebook, SOURCE, DIRECTORY, World({**WORLD.calendars, "year": year})).program
    surely, may, _ = program.ask(program.number(condition), timeline(whole), program.memo())
    assert bool(surely) is (late < 0)
    assert may[-1] == FOREVER
