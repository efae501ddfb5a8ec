"""The ready protocols with a mistake in each rule: what can no longer fire is named, what still fires is not accused."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from rules.engine import evaluate
from rules.protocol.conditions import (
    All,
    Clock,
    Condition,
    Count,
    Ever,
    Held,
    Level,
    Lingering,
    Not,
    OneOf,
    Silent,
    State,
    Unanswered,
    Unchanged,
    Until,
)
from rules.protocol.durations import Duration
from rules.protocol.rule import Rule
from rules.protocol.rulebook import Rulebook
from rules.prove import Kind, Question, Years
from rules.prove.never import never_fires
from rules.prove.setting import Setting
from rules.stories import bound_for
from rules.ticket import Status
from rules.timeline import timeline
from rules.worked_examples import NotBuilt, worked_example
from tests.rules.library_notes import PROTOCOLS, rulebook, stories, world

Mutation = Callable[[Rule], Rule | None]
STATUSES = tuple(status.value for status in Status)


def beside(condition: Condition, more: Condition) -> Condition:
    """The condition with one more thing beside what it asks for, within its `for` and `until`."""
    match condition:
        case All(parts=parts):
            return All((*parts, more))
        case Held(part=part) | Until(part=part) | Lingering(part=part) | Ever(part=part):
            return replace(condition, part=beside(part, more))
        case _:
            return All((condition, more))


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """Everything that must hold, as far as it stands beside each other."""
    match condition:
        case All(parts=parts):
            return tuple(inner for part in parts for inner in parts_of(part))
        case Held(part=part) | Until(part=part) | Lingering(part=part) | Ever(part=part):
            return (condition, *parts_of(part))
        case _:
            return (condition,)


def status_of(rule: Rule) -> State | None:
    """What it says of the status."""
    said = (part for part in parts_of(rule.condition) if isinstance(part, State) and part.field == "status")
    return next((part for part in said if isinstance(part.test, OneOf)), None)


def another_status(rule: Rule) -> Rule | None:
    """A second line about the status that contradicts the first."""
    status = status_of(rule)
    if status is None or not isinstance(status.test, OneOf):
        return None
    others = OneOf(tuple(value for value in STATUSES if value not in status.test.values))
    return replace(rule, condition=beside(rule.condition, State("status", others)))


def swallowed(rule: Rule) -> Rule | None:
    """An exception that is what the rule asks for itself."""
    status = status_of(rule)
    return None if status is None else replace(rule, condition=beside(rule.condition, Not(status)))


def between(low: Level, exception: Level) -> Mutation:
    """Only some priorities, but for some."""

    def mutated(rule: Rule) -> Rule:
        wanted = beside(rule.condition, State("priority", low))
        return replace(rule, condition=beside(wanted, Not(State("priority", exception))))

    return mutated


def sooner(part: Condition) -> Condition | None:
    """The same, of which less is asked."""
    match part:
        case Held(duration=duration) | Clock(duration=duration) | Unchanged(duration=duration):
            return replace(part, duration=half(duration))
        case Silent(duration=duration) | Unanswered(duration=duration):
            return replace(part, duration=half(duration))
        case Count(at_least=n) if n > 1:
            return replace(part, at_least=n - 1, again=False)
        case _:
            return None


def half(duration: Duration) -> Duration:
    return replace(duration, milliseconds=duration.milliseconds // 2, business_days=duration.business_days // 2)


def excepted_sooner(rule: Rule) -> Rule | None:
    """An exception that begins before the rule is due."""
    for part in parts_of(rule.condition):
        less = sooner(part)
        if less is not None:
            return replace(rule, condition=All((rule.condition, Not(less))))
    return None


def over_sooner(rule: Rule) -> Rule | None:
    """An `until` that has come before the rule is due: no ticket gets as old in that state."""
    for part in parts_of(rule.condition):
        less = sooner(part)
        if less is not None and not isinstance(part, Count):
            return replace(rule, condition=Until(rule.condition, less))
    return None


MUTATIONS: dict[str, Mutation] = {
    "contradictory status": another_status,
    "exception that swallows": swallowed,
    "at_least in the place of at_most": between(Level(at_least="P2"), Level(at_least="P3")),
    "at_most in the place of at_least": between(Level(at_most="P2"), Level(at_most="P1")),
    "bounds as they are meant": between(Level(at_least="P2"), Level(at_most="P3")),
    "exception before it is due": excepted_sooner,
    "over before it is due": over_sooner,
}
HARMLESS = "bounds as they are meant"


@cache
def mutated(name: str) -> Setting:
    """Every rule of every ready protocol that can be mutated so, mutated."""
    found = (MUTATIONS[name](rule) for rule in rulebook().rules)
    return Setting(Rulebook(rulebook().organisation, tuple(r for r in found if r), "1"), world(), [], Years(), 5.0)


def firing(setting: Setting) -> set[str]:
    """The rules that fire in some story of the library, or on the simplest ticket that can be built for them."""
    bound = bound_for(setting.rulebook, world())
    found = set()
    for story in (story for protocol in PROTOCOLS for story in stories(protocol)):
        for priority in ("P1", "P2", "P3"):
            ticket = replace(story.ticket, fields={**story.ticket.fields, "priority": priority})
            found |= {episode.rule for episode in evaluate(timeline(ticket), bound, 0).episodes}
    for rule in setting.rules:
        try:
            worked_example(setting.bound, rule.id, setting.zone(rule))
        except NotBuilt:
            continue
        found.add(rule.id)
    return found


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_rule_that_lost_its_way_is_named_and_no_other(name: str) -> None:
    """What fires nowhere is found, with few exceptions that are said to be in doubt; what fires somewhere is never accused."""
    setting = mutated(name)
    kinds = {p.subject: p.kind for p in never_fires(setting) if p.question is Question.NEVER_FIRES}
    assert kinds.keys() == {rule.id for rule in setting.rules}
    alive = firing(setting)
    accused = {rule for rule, kind in kinds.items() if kind is Kind.FOUND}
    doubtful = {rule for rule, kind in kinds.items() if kind is Kind.UNDECIDED}
    assert not accused & alive
    assert kinds.keys() - alive <= accused | doubtful
    if name == HARMLESS:
        assert not accused
    else:
        assert len(accused) >= 12
        assert len(kinds.keys() - alive - accused) <= len(kinds) // 10
