"""The firings of a ticket in the past: each carried out when it was due, and to no effect in the ticket.

What a firing writes would have changed what came after it. So the first firing of a ticket is evidence of what the rules do, and
all later ones only say what they would have done if nobody had reacted to it, hoist's own write included.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Final, NamedTuple

from rules.engine import Episode, Evaluation
from rules.instants import FOREVER, Instant
from rules.ladder import Steps, ahead

MOST_STEPS: Final = 1_000
"""Of one episode: a rule that repeats itself for ever on a ticket that nobody touches."""

_AT: Final = attrgetter("at")


class Fired(NamedTuple):
    """One firing: when, by which steps of the rule's ladder, and the episode that it belongs to."""

    rule: str
    at: Instant
    steps: Steps
    episode: Episode


def firings(evaluation: Evaluation, since: Instant, until: Instant) -> list[Fired]:
    """The firings in [since, until), by time, those of one instant in the order of the rules.

    What began to hold before `since` is older than the rules, as it is where a rule goes live, and fires never.
    """
    found: list[Fired] = []
    for episode in evaluation.episodes:
        start = episode.stretches[0][0]
        if since <= start < until:
            bound = evaluation.bound(episode.rule)
            if bound.at_once and bound.rule.repeat is None:
                found.append(Fired(episode.rule, start, (0,), episode))
            else:
                found += _of_ladder(evaluation, episode, until)
    if len(found) > 1:
        found.sort(key=_AT)
    return found


def _of_ladder(evaluation: Evaluation, episode: Episode, until: Instant) -> Iterator[Fired]:
    if not evaluation.bound(episode.rule).rule.steps:
        return
    taken: list[Steps] = []
    applied: Instant | None = None
    now = episode.start
    while now < until and len(taken) < MOST_STEPS:
        found = ahead(evaluation, episode, taken, applied, now)
        if found.due is None:
            now = next((max(start, found.next_look) for start, end in episode.stretches if found.next_look < end), FOREVER)
        else:
            yield Fired(episode.rule, now, found.due.steps, episode)
            taken.append(found.due.steps)
            applied = now
