"""Any combination of conditions, under a ladder, with changes that arrive late and in any order: the identity of what fired.

Which rules can promise that nobody is ever escalated to twice is told in `test_identity`. What is told here holds for all.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from random import Random
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.binding import BoundRules, bind
from rules.calendars import calendar
from rules.instants import MINUTE, Instant
from rules.protocol.conditions import Condition
from rules.protocol.durations import Duration
from rules.protocol.organisation import CalendarHours
from rules.protocol.rule import Mode, Rule
from rules.protocol.rulebook import Rulebook
from rules.ticket import Actor, Kind, Value
from rules.world import World
from tests.rules.grid_oracle import LATE, LISTED, SHIFTS, WINDOW
from tests.rules.late_arrival import ANNA, RUTH, Act, Agent, Firing, Story, in_one_episode, story, swallowed, to_the_minute
from tests.rules.random_stories import BERT, DIRECTORY, MEMBERS, OFTEN, ORGANISATION, SOURCE, VALUES, anything
from tests.rules.test_identity import CLIMBS, Twice, end_of, truth

TICK: Final = 4 * MINUTE
"""What the random stories count by ones."""
ROBOT: Final = Actor("robot", Kind.AUTOMATION)
DAILY: Final = {
    SHIFTS: ((20, 50), (90, 150), (200, 240), (300, 420), (500, 720)),
    LATE: ((0, 60), (180, 260), (400, 600)),
    "office": ((2 * 60, 10 * 60),),
}
CALENDARS: Final = {name: calendar(CalendarHours(name, hours=dict.fromkeys(range(7), shifts))) for name, shifts in DAILY.items()}
WORLD: Final = World(CALENDARS, {"vip": frozenset(LISTED)}, {"repairs": [at * TICK for at in WINDOW]})
INSTANTS: Final = ("due", "target.reply", "target.reply.start")
LATENESS: Final = (0, 0, 0, 1, 7, 20, 40, 90)

seeds = st.randoms(use_true_random=True)


def slowed(value: Any) -> Any:
    """A condition with its durations in ticks."""
    if isinstance(value, Duration):
        return replace(value, milliseconds=value.milliseconds * TICK)
    if isinstance(value, tuple):
        return tuple(map(slowed, value))
    if not is_dataclass(value) or isinstance(value, type):
        return value
    return replace(value, **{each.name: slowed(getattr(value, each.name)) for each in fields(value)})


def bound(rng: Random, condition: Condition, climb: int) -> BoundRules:
    rule = Rule("rule", "It waits", condition, CLIMBS[climb].steps, Mode.LIVE, repeat=CLIMBS[climb].repeat)
    members = rng.choice((None, MEMBERS))
    return bind(Rulebook(ORGANISATION, (rule,), "1"), SOURCE, replace(DIRECTORY, members=members), WORLD)


def value_of(rng: Random, field: str) -> Value:
    if field not in VALUES:
        return rng.randrange(3)
    value = rng.choice(VALUES[field])
    return value * TICK if field in INSTANTS and isinstance(value, int) else value


def told(rng: Random, *, late: bool) -> Story:
    first: dict[str, Value] = {field: value_of(rng, field) for field in VALUES} | {"follow_ups": 0}
    acts = []
    for _ in range(rng.randrange(14)):
        field = rng.choice(OFTEN)
        by, after = rng.choice((ANNA, ANNA, BERT, RUTH, ROBOT)), rng.choice((0, 1, 4, 9, 17, 31))
        lateness = rng.choice(LATENESS) if late else 0
        message = field == "message"
        acts.append(Act(after, None if message else field, None if message else value_of(rng, field), by, lateness))
    return story(acts, first)


class Run:
    """A story, a rule over it, and what the agent made of both."""

    def __init__(self, rng: Random, *, late: bool) -> None:
        self.rules = bound(rng, slowed(anything(rng)), rng.randrange(len(CLIMBS)))
        self.story, self.lag = told(rng, late=late), rng.choice((0, 0, MINUTE, 10 * MINUTE))

    def agent(self, kind: type[Agent] = Agent, story: Story | None = None) -> Agent:
        made = kind(story or self.story, self.rules, self.lag)
        made.run(self.end)
        return made

    @property
    def end(self) -> Instant:
        return end_of(self.story)

    def firings(self) -> list[Firing]:
        return self.agent().firings


@settings(max_examples=300)
@given(seeds)
def test_no_step_of_any_rule_is_repeated_knowingly(rng: Random) -> None:
    """F2: whatever a rule asks for and in whatever order it is learnt, no episode gets a step that it was known to have had."""
    assert Run(rng, late=True).agent().again_knowingly == []


@settings(max_examples=300)
@given(seeds)
def test_nothing_of_any_rule_is_swallowed(rng: Random) -> None:
    """F2: an episode of any rule that still stands when everything about it is known has been written."""
    run = Run(rng, late=True)
    assert swallowed(run.agent(), truth(run.story, run.rules), run.end) == []


@settings(max_examples=200)
@given(seeds)
def test_what_is_read_at_once_fires_once_for_each_anchor(rng: Random) -> None:
    """F1: read as it happens, no step of any rule is taken more often than there are anchors, and no anchor is without."""
    run = Run(rng, late=False)
    agent, episodes = run.agent(), truth(run.story, run.rules)
    assert in_one_episode(agent.firings, episodes) == []
    assert swallowed(agent, episodes, run.end) == []
    for step in {firing.step for firing in agent.firings}:
        assert sum(firing.step == step for firing in agent.firings) <= len({episode.anchor for episode in episodes})


@settings(max_examples=150)
@given(seeds)
def test_evaluating_any_rule_twice_decides_nothing_new(rng: Random) -> None:
    """F2: a ticket that is looked at again in the same instant has nothing new to say."""
    run = Run(rng, late=True)
    assert run.agent(Twice).firings == run.firings()


@settings(max_examples=150)
@given(seeds, st.integers(0, 400))
def test_reading_all_of_any_ticket_again_changes_nothing(rng: Random, minute: int) -> None:
    """F2: a mirror that was lost and filled again, all of it first known today, makes no rule fire."""
    run = Run(rng, late=True)
    agent = Agent(run.story, run.rules, run.lag)
    agent.run(minute * MINUTE)
    lost = minute * MINUTE + 1
    changes = tuple(replace(change, known=max(change.known, lost)) for change in run.story.changes)
    messages = tuple(replace(message, known=max(message.known, lost)) for message in run.story.messages)
    agent.story = replace(run.story, changes=changes, messages=messages)
    agent.run(run.end)
    assert to_the_minute(agent.firings) == to_the_minute(run.firings())


@settings(max_examples=150)
@given(seeds)
def test_rows_of_any_history_may_come_in_any_order(rng: Random) -> None:
    """F2, F11: the platform's own sequence decides, so rows that a page brings in another order change nothing."""
    run = Run(rng, late=True)
    shuffled = replace(run.story, changes=tuple(rng.sample(run.story.changes, len(run.story.changes))))
    assert run.agent(story=shuffled).firings == run.firings()


def test_the_stories_say_enough() -> None:
    """Most of these rules fire, and many of them more than one step, so that the properties speak of something."""
    rng = Random(7)
    firings = [Run(rng, late=True).firings() for _ in range(120)]
    assert sum(bool(found) for found in firings) > 50
    assert sum(len({firing.step for firing in found}) > 1 for found in firings) > 24
