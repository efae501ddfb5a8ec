"""A recorded episode under way: where its ladder stands, and what holds its firing back."""

from __future__ import annotations

from collections.abc import Sequence

from agent.store.episodes import EpisodeRow, Fired
from rules.engine import Episode, Evaluation
from rules.gates import Closed, closed
from rules.instants import Instant
from rules.ladder import Ahead, Steps, ahead, joined
from rules.ticket import Ticket


def ahead_of(evaluation: Evaluation, episode: Episode, fired: Sequence[Fired], now: Instant) -> Ahead:
    """Where an episode's ladder stands after these firings."""
    return ahead(evaluation, episode, [each.steps for each in fired], fired[-1].applied_at if fired else None, now)


def gate_of(
    evaluation: Evaluation, episode: Episode, record: EpisodeRow, steps: Steps, ticket: Ticket, now: Instant
) -> Closed | None:
    """What holds back the firing under way of an episode, for these steps."""
    rule = evaluation.bound(episode.rule).rule
    wrote = [each.confirmed for each in record.applied]
    return closed(evaluation, rule, joined(rule, steps), ticket, wrote, now)
