"""The random stories speak the whole language: a condition, event or test that they left out would be held by no property."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from random import Random
from typing import Any, Final, get_args

import pytest

from rules.protocol.conditions import AnyWord, Clock, Condition, Count, Counted, Hours, Matches, Target, Test
from rules.protocol.durations import CALENDARS_OF_THE_TICKET, Duration
from rules.protocol.rule import Step
from tests.rules import random_stories, test_identity
from tests.rules.grid_oracle import SHIFTS

SAMPLE: Final = 3_000
OF_WORDS: Final = {AnyWord, Matches}
"""Tests of texts; on a random ticket no text changes, so they have stories of their own."""


def within(value: object) -> Iterator[Any]:
    """The value and every value that it is made of."""
    yield value
    if isinstance(value, tuple):
        for part in value:
            yield from within(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from within(getattr(value, each.name))


def by_chance() -> Iterable[Condition]:
    rng = Random(0)
    return [random_stories.anything(rng) for _ in range(SAMPLE)]


def arriving_late() -> Iterable[Condition]:
    return [*test_identity.STRICT.values(), *test_identity.LOOSE.values()]


@pytest.fixture(scope="module", params=[by_chance, arriving_late])
def vocabulary(request: pytest.FixtureRequest) -> list[Any]:
    """All values in the conditions of a generator."""
    made: Callable[[], Iterable[Condition]] = request.param
    return [value for condition in made() for value in within(condition)]


def test_every_condition_is_in_the_stories(vocabulary: list[Any]) -> None:
    """F2: each kind of condition of the language is put to the properties, by chance and under late changes."""
    assert set(get_args(Condition)) <= {type(value) for value in vocabulary}


def test_every_event_is_in_the_stories(vocabulary: list[Any]) -> None:
    """F2: each event that can be counted is, with a window and without, each further one anew and once for all."""
    counts = [value for value in vocabulary if isinstance(value, Count)]
    assert {count.event for count in counts} == set(Counted)
    assert {count.within is None for count in counts} == {count.again for count in counts} == {True, False}


def test_every_test_of_a_value_is_in_the_stories() -> None:
    """Each way to test a field's value is, but for those that look into a text."""
    assert set(get_args(Test)) - OF_WORDS <= {type(value) for condition in by_chance() for value in within(condition)}


def test_every_way_to_measure_is_in_the_stories() -> None:
    """Plain time, a calendar by name and those that the ticket gives are, with every part that a condition may have."""
    found = [value for condition in by_chance() for value in within(condition)]
    calendars = {value.calendar for value in found if isinstance(value, Duration)}
    assert CALENDARS_OF_THE_TICKET | {None, SHIFTS} <= calendars
    for part in ("pause_while", "reset", "stop", "of_team"):
        assert any(getattr(clock, part) for clock in found if isinstance(clock, Clock)), part
    assert {target.percent is None for target in found if isinstance(target, Target)} == {True, False}
    assert {hours.outside for hours in found if isinstance(hours, Hours)} == {True, False}


def test_every_part_of_a_step_is_climbed() -> None:
    """F2: ladders under late changes have steps after a time, at a condition, at an opening and with an exception."""
    steps = [step for climb in test_identity.CLIMBS for step in climb.steps]
    unused = {each.name for each in fields(Step) if each.name != "said" and not any(getattr(s, each.name) for s in steps)}
    assert not unused
