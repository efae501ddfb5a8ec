"""The evaluate stage: what one ticket's rules ask for now, given what the store recorded of it. Deciding writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agent.store.episodes import EpisodeRow
from agent.store.states import RowState
from agent.store.waiting import Planned, WaitingRow
from rules.binding import BoundRule, BoundRules
from rules.calendars import ALWAYS
from rules.engine import Episode, Evaluation, evaluate, still_possible
from rules.escalation import FiringKey
from rules.explain import because, in_short, values_of
from rules.identity import match
from rules.instants import FOREVER, Instant
from rules.merge import DueStep
from rules.protocol import Mode, Rule
from rules.ticket import Ticket
from rules.timeline import timeline

HOLD_LABEL = "hoist-hold"


@dataclass(frozen=True, slots=True)
class Ruling:
    """Under what a source's tickets are judged: its bound rules, since when each is active, and the generation of both.

    `resolution`: milliseconds that a Date header may lag; an effect waits until the source's clock has passed its instant by it.
    """

    rules: BoundRules
    activated: Mapping[str, Instant]
    generation: int
    resolution: int

    def rule(self, name: str) -> Rule:
        return self.rules.rule(name).rule


@dataclass(frozen=True, slots=True)
class Decision:
    """What to record about one ticket.

    `planned` are new rows; `revived` and `queued` are dormant ones, to be planned, or to wait for their rule's next turn.
    `holding` are the recorded or new episodes that hold at the instant of deciding, by rule and number.
    """

    next_look: Instant
    urgency: int
    episodes: tuple[EpisodeRow, ...] = ()
    steps: tuple[tuple[EpisodeRow, int], ...] = ()
    planned: tuple[Planned, ...] = ()
    revived: tuple[WaitingRow, ...] = ()
    queued: tuple[WaitingRow, ...] = ()
    out_of_backlog: tuple[EpisodeRow, ...] = ()
    holding: Mapping[tuple[str, int], Episode] = field(default_factory=dict)
    evaluation: Evaluation | None = None  # None where the ticket is left alone


def held_by_label(ticket: Ticket) -> bool:
    """Somebody exempted this ticket from inside the helpdesk."""
    labels = ticket.fields.get("labels")
    return isinstance(labels, tuple) and HOLD_LABEL in labels


def urgency_of(ticket: Ticket, ruling: Ruling) -> int:
    """0 for the most urgent priority of the organisation, rising; unknown priorities come last."""
    return ruling.rules.urgency.get(ticket.fields.get("priority"), len(ruling.rules.levels))


def decide(
    ticket: Ticket, recorded: Sequence[EpisodeRow], dormant: Sequence[WaitingRow], ruling: Ruling, now: Instant
) -> Decision:
    """What is due on this ticket at `now` (the source's clock), and when to look again if nothing changes.

    `dormant` are its rows that are superseded or only watched; others may be among them and are left alone.
    """
    urgency = urgency_of(ticket, ruling)
    if ticket.gone is not None or held_by_label(ticket):
        return Decision(FOREVER, urgency)
    possible = still_possible(ticket, ruling.rules, now)
    if not possible:
        return Decision(FOREVER, urgency)
    return _Decider(ticket, recorded, dormant, ruling, now, urgency, possible).decision()


def due_step(row: WaitingRow, evaluation: Evaluation, episode: Episode, ticket: Ticket, at: Instant) -> DueStep:
    """An outbox row as a step to merge, its reasons and the values of its texts as of the confirming read."""
    rule = evaluation.bound(row.key.rule).rule
    values = values_of(evaluation, episode, at, ticket)
    return DueStep(row.key, rule, because(evaluation, rule.id, at), in_short(evaluation, rule.id), values)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a fresh read says of claimed rows: to be written now, later, or not at all, with the reason."""

    steps: tuple[tuple[WaitingRow, DueStep], ...]
    early: tuple[WaitingRow, ...]
    over: tuple[tuple[WaitingRow, str], ...]


def confirmed(rows: Sequence[WaitingRow], ticket: Ticket, decision: Decision, ruling: Ruling, at: Instant) -> Confirmed:
    """Sort claimed rows by a fresh read of their ticket at `at` (server time), from which `decision` came.

    That nobody replied, owned or moved it up to the instant of a firing is known only by a read that is later than the instant.
    """
    steps, early, over = [], [], []
    for row in rows:
        episode = decision.holding.get((row.key.rule, row.key.episode))
        if row.instant >= at:
            early.append(row)
        elif episode is None or decision.evaluation is None or ruling.rule(row.key.rule).mode is not Mode.LIVE:
            over.append((row, _why_over(row, ticket, ruling)))
        elif _since(episode, at) >= at:
            early.append(row)
        else:
            steps.append((row, due_step(row, decision.evaluation, episode, ticket, at)))
    return Confirmed(tuple(steps), tuple(early), tuple(over))


def _why_over(row: WaitingRow, ticket: Ticket, ruling: Ruling) -> str:
    if held_by_label(ticket):
        return f"somebody gave the ticket the label {HOLD_LABEL}"
    if row.key.rule not in ruling.rules.by_id:
        return "its rule is no longer in force"
    if ruling.rule(row.key.rule).mode is not Mode.LIVE:
        return "its rule no longer writes, it only watches"
    return "no longer true when it was about to be written"


def _since(episode: Episode, at: Instant) -> Instant:
    """When the stretch began that holds at an instant."""
    return next(start for start, end in episode.stretches if start <= at < end)


class _Decider:
    """One decision in the making."""

    def __init__(
        self,
        ticket: Ticket,
        recorded: Sequence[EpisodeRow],
        dormant: Sequence[WaitingRow],
        ruling: Ruling,
        now: Instant,
        urgency: int,
        possible: Sequence[BoundRule],
    ) -> None:
        self.ticket, self.ruling, self.now, self.urgency = ticket, ruling, now, urgency
        self.recorded = {(row.rule, row.number): row for row in recorded}
        self.dormant = {row.key: row for row in dormant if row.state in {RowState.SUPERSEDED, RowState.WATCHED}}
        self.next_numbers: dict[str, int] = {}
        for row in recorded:
            self.next_numbers[row.rule] = max(self.next_numbers.get(row.rule, 1), row.number + 1)
        self.evaluation: Evaluation = evaluate(timeline(ticket), ruling.rules, now, possible)
        self.next_look = self.evaluation.next_look
        self.episodes: list[EpisodeRow] = []
        self.steps: list[tuple[EpisodeRow, int]] = []
        self.planned: list[Planned] = []
        self.revived: list[WaitingRow] = []
        self.queued: list[WaitingRow] = []
        self.out_of_backlog: list[EpisodeRow] = []
        self.holding: dict[tuple[str, int], Episode] = {}

    def decision(self) -> Decision:
        computed = self.evaluation.episodes
        if computed:
            for episode, known in zip(computed, match([r.recorded for r in self.recorded.values()], computed), strict=True):
                if episode.holds_at(self.now):
                    if known is None:
                        self._begin(episode)
                    else:
                        self._go_on(self.recorded[known.rule, known.number], episode)
        return Decision(
            self.next_look,
            self.urgency,
            tuple(self.episodes),
            tuple(self.steps),
            tuple(self.planned),
            tuple(self.revived),
            tuple(self.queued),
            tuple(self.out_of_backlog),
            self.holding,
            self.evaluation,
        )

    def _begin(self, episode: Episode) -> None:
        rule = self.ruling.rule(episode.rule)
        number = self.next_numbers.get(rule.id, 1)
        self.next_numbers[rule.id] = number + 1
        existing = episode.start < self._activated(rule)
        backlog = existing and rule.existing.limit == 0
        instant = _since(episode, self.now)
        row = EpisodeRow(self.ticket.ref.id, rule.id, number, episode.anchor, instant, (self.now,), backlog, 0, None)
        self.episodes.append(row)
        self.holding[rule.id, number] = episode
        if not backlog:
            self._plan(rule, number, 0, instant, existing=existing)

    def _go_on(self, row: EpisodeRow, episode: Episode) -> None:
        rule = self.ruling.rule(row.rule)
        self.holding[row.rule, row.number] = episode
        # What was left alone as older, and turns out to have begun after the activation, is escalated after all.
        existing = (episode.start if row.backlog else row.fired_at) < self._activated(rule)
        if rule.mode is not Mode.LIVE or (existing and rule.existing.limit == 0):
            return
        dormant = self.dormant.get(self._key(row.rule, row.number, row.step))
        if row.backlog:
            self.out_of_backlog.append(row)
        if dormant is not None:
            queued = dormant.state is RowState.WATCHED and existing and rule.existing.limit is not None
            (self.queued if queued else self.revived).append(dormant)
        elif row.backlog:
            self._plan(rule, row.number, row.step, _since(episode, self.now), existing=True)
        elif row.applied_at is not None:
            self._repeat(rule, row, row.applied_at)

    def _activated(self, rule: Rule) -> Instant:
        return self.ruling.activated.get(rule.id, self.now)

    def _repeat(self, rule: Rule, row: EpisodeRow, applied_at: Instant) -> None:
        if rule.repeat is None or row.step >= rule.repeat.at_most:
            return
        every = rule.repeat.every
        calendar = ALWAYS if every.calendar is None else self.ruling.rules.calendars[every.calendar]
        due = calendar.after(applied_at, every)
        if due > self.now:
            self.next_look = min(self.next_look, due)
            return
        self.steps.append((row, row.step + 1))
        self._plan(rule, row.number, row.step + 1, due)

    def _plan(self, rule: Rule, number: int, step: int, instant: Instant, *, existing: bool = False) -> None:
        state = RowState.PLANNED
        if rule.mode is not Mode.LIVE:
            state = RowState.WATCHED
        elif existing and rule.existing.limit is not None:
            state = RowState.QUEUED
        sentences = because(self.evaluation, rule.id, self.now)
        not_before = instant + self.ruling.resolution
        key = self._key(rule.id, number, step)
        self.planned.append(Planned(key, instant, self.now, not_before, self.urgency, sentences, state))

    def _key(self, rule: str, number: int, step: int) -> FiringKey:
        return FiringKey(self.ticket.ref.source, self.ticket.ref.id, rule, number, step)
