"""Every step that rules take on a ticket to which nobody reacts: each is carried out the moment it is due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rules.engine import Episode, Evaluation
from rules.instants import FOREVER, Instant
from rules.ladder import Steps, ahead, joined, step_name
from rules.protocol import Action, Rule

MOST_STEPS: Final = 1_000
"""Of one ticket; more is no story."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A firing of a rule: its steps (0 is the first of its ladder, repetitions of the last count on), several where they meet."""

    rule: str
    at: Instant
    steps: Steps
    name: str  # in messages: the rule, and which step where it has several
    actions: tuple[Action, ...]
    episode: Instant  # the anchor of the episode that it belongs to


def fired_steps(evaluation: Evaluation) -> tuple[Fired, ...]:
    """All steps of all rules on the evaluation's ticket, by time, then by the rules' order; at most MOST_STEPS."""
    order = {rule.id: number for number, rule in enumerate(evaluation.rules.rules)}
    found: list[Fired] = []
    for episode in evaluation.episodes:
        found += _of_episode(evaluation, episode)
        if len(found) >= MOST_STEPS:
            break
    return tuple(sorted(found[:MOST_STEPS], key=lambda fired: (fired.at, order[fired.rule], fired.steps)))


def named(rule: Rule, step: int) -> str:
    """A rule's step in a message."""
    name = step_name(rule, step)
    return rule.id if name == "escalation" else f"{rule.id}, {name}"


def _of_episode(evaluation: Evaluation, episode: Episode) -> Iterator[Fired]:
    rule = evaluation.bound(episode.rule).rule
    taken: list[Steps] = []
    applied_at: Instant | None = None
    now = episode.start
    while now < FOREVER and len(taken) < MOST_STEPS and rule.steps:
        found = ahead(evaluation, episode, taken, applied_at, now)
        if found.due is None:
            now = _holding(episode, found.next_look)
            continue
        steps = found.due.steps
        yield Fired(rule.id, now, steps, named(rule, steps[-1]), joined(rule, steps), episode.anchor)
        taken.append(steps)
        applied_at = now


def _holding(episode: Episode, at: Instant) -> Instant:
    """The first instant from `at` on at which the rule holds because of this episode; FOREVER if none."""
    return next((max(start, at) for start, end in episode.stretches if at < end), FOREVER)
