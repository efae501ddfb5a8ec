"""What a fresh read says of rows that are claimed: which of them are still to be written. Deciding writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.brake import braked
from agent.evaluate import Decision
from agent.in_force.ruling import Ruling
from agent.outbox import READ_AGE_LIMIT
from agent.store.episodes import EpisodeRow, Fired
from agent.store.waiting import WaitingRow
from agent.under_way import ahead_of, gate_of
from rules.due_step import DueStep
from rules.due_step import due_step as due_step_of
from rules.engine import Episode, Evaluation
from rules.gates import Closed, held_by_label
from rules.instants import MINUTE, SECOND, Instant
from rules.ladder import Steps
from rules.protocol.rule import Mode
from rules.ticket import Ticket


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a fresh read says of claimed rows: to be written now, later, when a gate opens, if a person says so, or not at all.

    `ahead`: milliseconds by which the last act that the read shows is dated later than the read itself; a minute at the most.
    """

    steps: tuple[tuple[WaitingRow, DueStep], ...]
    early: tuple[WaitingRow, ...]
    held: tuple[tuple[WaitingRow, Closed], ...]
    left: tuple[tuple[WaitingRow, str], ...]  # with the reason
    over: tuple[tuple[WaitingRow, str], ...]
    ahead: int


def confirmed(rows: Sequence[WaitingRow], ticket: Ticket, decision: Decision, ruling: Ruling, at: Instant) -> Confirmed:
    """Sort claimed rows by a fresh read of their ticket at `at` (server time), from which `decision` came.

    That nobody replied, owned or moved it up to the instant of a firing is known only by a read that is later than the instant.
    A row stands for the steps that are due by this read: those that were missed meanwhile go with it, those that something holds
    back wait for their own time.

    A Date header is cut to the second, and of several nodes each has its own clock: a read may show what by its date has not
    happened yet. Such a read tells of no instant for sure, and a later one is waited for; where the dates lie further apart, only
    if what it shows has ended the episode.
    """
    steps, early, held, left, over = [], [], [], [], []
    shown = max(at, ticket.last_act)
    for row in rows:
        place = row.key.rule, row.key.episode
        episode, evaluation = decision.holding.get(place), decision.evaluation
        if row.instant >= at or at < shown <= at + READ_AGE_LIMIT * SECOND:
            early.append(row)
        elif episode is None or evaluation is None or ruling.mode(ruling.rule(row.key.rule), at) is not Mode.LIVE:
            over.append((row, _why_over(row, ticket, ruling, at)))
        elif episode.since(at) >= at or not episode.holds_at(shown):
            early.append(row)
        elif not (due := _still_due(evaluation, episode, decision.records[place], at)):
            over.append((row, "the steps that it stands for are passed over as it is now"))
        elif row.approved is None and (lost := ruling.lost(ticket, episode.start)):
            left.append((row, lost))
        elif gate := braked(decision.brakes.get(place), ruling.rules.zone) or gate_of(
            evaluation, episode, decision.records[place], due, ticket, at
        ):
            held.append((row, gate))
        else:
            step = due_step(row, due, evaluation, episode, ticket, at)
            steps.append((row, replace(step, previous=decision.records[place].confirmed_before(due[0]))))
    return Confirmed(tuple(steps), tuple(early), tuple(held), tuple(left), tuple(over), min(shown - at, MINUTE))


def _still_due(evaluation: Evaluation, episode: Episode, record: EpisodeRow, at: Instant) -> Steps:
    """The steps that the episode's firing under way stands for by a read: due before it, and nothing holds them back at it."""
    now, just_before = (ahead_of(evaluation, episode, _before(record), instant).due for instant in (at, at - 1))
    return () if now is None or just_before is None else tuple(step for step in now.steps if step in just_before.steps)


def _before(record: EpisodeRow) -> tuple[Fired, ...]:
    """The firings before the one that is under way."""
    return record.firings[:-1]


def due_step(row: WaitingRow, steps: Steps, evaluation: Evaluation, episode: Episode, ticket: Ticket, at: Instant) -> DueStep:
    """An outbox row as a step to merge, for these steps of its ladder, its reasons and texts as of the confirming read."""
    key, rule = replace(row.key, step=steps[-1]), evaluation.bound(episode.rule).rule
    return due_step_of(key, rule, steps, evaluation, episode, ticket, at)


def _why_over(row: WaitingRow, ticket: Ticket, ruling: Ruling, at: Instant) -> str:
    if (held := held_by_label(ticket, at)) is not None:
        return f"somebody gave the ticket the label {held.label}"
    if ruling.snoozed.get(ticket.ref.id, 0) > at:
        return f"somebody said to leave the ticket alone until {ruling.when(ruling.snoozed[ticket.ref.id])}"
    if row.key.rule not in ruling.rules.by_id:
        return "its rule is no longer in force"
    if ruling.mode(ruling.rule(row.key.rule), at) is not Mode.LIVE:
        return "its rule no longer writes, it only watches"
    return "no longer true when it was about to be written"
