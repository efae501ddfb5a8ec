"""The evaluate stage: what one ticket's rules ask for now, given what the store recorded of it. Deciding writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agent.store.episodes import EpisodeRow
from agent.store.states import RowState
from agent.store.waiting import Planned, WaitingRow
from rules.binding import BoundRules
from rules.calendars import ALWAYS
from rules.engine import Episode, Evaluation, evaluate
from rules.escalation import FiringKey
from rules.explain import because, values_of
from rules.identity import match
from rules.instants import FOREVER, HOUR, Instant
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
    """What to record about one ticket. `holding` are the recorded or new episodes that hold at the instant of deciding,
    by rule and number.
    """

    next_look: Instant
    urgency: int
    episodes: tuple[EpisodeRow, ...] = ()
    steps: tuple[tuple[EpisodeRow, int], ...] = ()
    planned: tuple[Planned, ...] = ()
    revived: tuple[WaitingRow, ...] = ()
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
    ticket: Ticket, recorded: Sequence[EpisodeRow], open_rows: Sequence[WaitingRow], ruling: Ruling, now: Instant
) -> Decision:
    """What is due on this ticket at `now` (the source's clock), and when to look again if nothing changes."""
    urgency = urgency_of(ticket, ruling)
    if ticket.gone is not None or held_by_label(ticket):
        return Decision(FOREVER, urgency)
    return _Decider(ticket, recorded, open_rows, ruling, now, urgency).decision()


def due_step(row: WaitingRow, evaluation: Evaluation, episode: Episode, ticket: Ticket, at: Instant) -> DueStep:
    """An outbox row as a step to merge, with the values of its texts as of the confirming read."""
    rule = evaluation.bound(row.key.rule).rule
    return DueStep(row.key, rule, row.because, values_of(evaluation, episode, at, ticket))


class _Decider:
    """One decision in the making."""

    def __init__(
        self,
        ticket: Ticket,
        recorded: Sequence[EpisodeRow],
        open_rows: Sequence[WaitingRow],
        ruling: Ruling,
        now: Instant,
        urgency: int,
    ) -> None:
        self.ticket, self.ruling, self.now, self.urgency = ticket, ruling, now, urgency
        self.recorded = {(row.rule, row.number): row for row in recorded}
        self.superseded = {row.key: row for row in open_rows if row.state is RowState.SUPERSEDED}
        self.next_numbers: dict[str, int] = {}
        for row in recorded:
            self.next_numbers[row.rule] = max(self.next_numbers.get(row.rule, 1), row.number + 1)
        self.evaluation: Evaluation = evaluate(timeline(ticket), ruling.rules, now)
        self.next_look = self.evaluation.next_look
        self.episodes: list[EpisodeRow] = []
        self.steps: list[tuple[EpisodeRow, int]] = []
        self.planned: list[Planned] = []
        self.revived: list[WaitingRow] = []
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
            self.holding,
            self.evaluation,
        )

    def _begin(self, episode: Episode) -> None:
        rule = self.ruling.rule(episode.rule)
        number = self.next_numbers.get(rule.id, 1)
        self.next_numbers[rule.id] = number + 1
        activated = self.ruling.activated.get(rule.id, self.now)
        existing = episode.start < activated
        backlog = existing and rule.existing.limit == 0
        instant = self._since(episode)
        row = EpisodeRow(self.ticket.ref.id, rule.id, number, episode.anchor, instant, (self.now,), backlog, 0, None)
        self.episodes.append(row)
        self.holding[rule.id, number] = episode
        if not backlog:
            spacing = HOUR // rule.existing.limit if existing and rule.existing.limit else 0
            self._plan(rule, number, 0, instant, spacing)

    def _go_on(self, row: EpisodeRow, episode: Episode) -> None:
        self.holding[row.rule, row.number] = episode
        waiting = self.superseded.get(self._key(row.rule, row.number, row.step))
        if waiting is not None:
            self.revived.append(waiting)
        elif row.applied_at is not None and not row.backlog:
            self._repeat(row, row.applied_at)

    def _repeat(self, row: EpisodeRow, applied_at: Instant) -> None:
        rule = self.ruling.rule(row.rule)
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

    def _plan(self, rule: Rule, number: int, step: int, instant: Instant, spacing: int = 0) -> None:
        state = RowState.PLANNED if rule.mode is Mode.LIVE else RowState.WATCHED
        sentences = because(self.evaluation, rule.id, self.now)
        not_before = instant + self.ruling.resolution
        key = self._key(rule.id, number, step)
        self.planned.append(Planned(key, instant, self.now, not_before, self.urgency, sentences, state, spacing))

    def _since(self, episode: Episode) -> Instant:
        """When the stretch began that holds now."""
        return next(a for a, b in episode.stretches if a <= self.now < b)

    def _key(self, rule: str, number: int, step: int) -> FiringKey:
        return FiringKey(self.ticket.ref.source, self.ticket.ref.id, rule, number, step)
