"""The evaluate stage: what one ticket's rules ask for now, given what the store recorded of it. Deciding writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, NamedTuple

from agent.brake import brake_on, braked
from agent.due_soon import JudgedAhead
from agent.in_force.ruling import Ruling
from agent.store.episodes import EpisodeRow, Fired
from agent.store.states import RowState
from agent.store.waiting import DORMANT, Planned, WaitingRow
from agent.under_way import ahead_of, gate_of
from rules.binding import BoundRule, BoundRules
from rules.brake import Brake
from rules.engine import Episode, Evaluation, evaluate
from rules.escalation import FiringKey
from rules.explain import because
from rules.gates import Closed, held_by_label
from rules.identity import Recorded, match
from rules.instants import FOREVER, Instant
from rules.ladder import Due, Steps
from rules.lifetime import lifetime
from rules.protocol.rule import Mode, Rule
from rules.ticket import Ticket
from rules.timeline import timeline

_RESTING: Final = (RowState.HELD, RowState.BACKLOG)
"""A row in these states whose episode no longer holds has nothing to wait for."""


class Again(NamedTuple):
    """A dormant row that is taken up again, and what it stands for from now on."""

    row: WaitingRow
    due: Due
    why: str = ""  # it waits


@dataclass(slots=True, unsafe_hash=True)  # see rules.ticket: faster than frozen
class Decision:
    """What to record about one ticket.

    `steps` are further firings of recorded episodes, `anew` what their last one stands for from now on, `watched` those that were
    watched a step further, `planned` the rows of new firings. Dormant rows are `revived` with what is due now, or `queued` until
    their rule's turn, or `left` to a person after an outage; those of `over` were held back and have nothing to wait for any
    more; `forgotten` ones were only watched, and another of their episode stands for all of it now.
    `holding` are the recorded or new episodes that hold at the instant of deciding, by rule and number, `records` their rows,
    `brakes` those that are in a loop with an automation.
    """

    next_look: Final[Instant]
    urgency: Final[int]
    episodes: Final[tuple[EpisodeRow, ...]] = ()
    steps: Final[tuple[tuple[EpisodeRow, Due], ...]] = ()
    anew: Final[tuple[tuple[EpisodeRow, Due], ...]] = ()
    watched: Final[tuple[EpisodeRow, ...]] = ()
    planned: Final[tuple[Planned, ...]] = ()
    revived: Final[tuple[Again, ...]] = ()
    queued: Final[tuple[Again, ...]] = ()
    left: Final[tuple[Again, ...]] = ()
    over: Final[tuple[WaitingRow, ...]] = ()
    forgotten: Final[tuple[WaitingRow, ...]] = ()
    out_of_backlog: Final[tuple[EpisodeRow, ...]] = ()
    holding: Final[Mapping[tuple[str, int], Episode]] = field(default_factory=dict)
    records: Final[Mapping[tuple[str, int], EpisodeRow]] = field(default_factory=dict)
    brakes: Final[Mapping[tuple[str, int], Brake]] = field(default_factory=dict)
    evaluation: Final[Evaluation | None] = None  # None where the ticket is left alone


def urgency_of(ticket: Ticket, ruling: Ruling) -> int:
    """0 for the most urgent priority of the organisation, rising; unknown priorities come last."""
    return ruling.rules.urgency.get(ticket.fields.get("priority"), len(ruling.rules.levels))


def decide(
    ticket: Ticket,
    recorded: Sequence[EpisodeRow],
    dormant: Sequence[WaitingRow],
    ruling: Ruling,
    now: Instant,
    released: Mapping[str, Instant] = MappingProxyType({}),
    judged_ahead: JudgedAhead | None = None,
) -> Decision:
    """What is due on this ticket at `now` (the source's clock), and when to look again if nothing changes.

    `dormant` are its rows that are superseded, only watched or held back; others may be among them and are left alone.
    `released`: by rule, when somebody let go of its brake. `judged_ahead`: what was found before, used where it serves.
    """
    urgency = urgency_of(ticket, ruling)
    possible: Sequence[BoundRule] = ()
    if ticket.gone is None:
        if (alone := left_alone_until(ticket, ruling, now)) > now:
            return Decision(alone, urgency)  # what is with a person stays with them
        possible = ruling.rules.present.possible(ticket, now)
        if ruling.rules.former:
            possible = (*possible, *_former(recorded, ruling.rules))
    if not possible:
        return Decision(FOREVER, urgency, over=tuple(row for row in dormant if row.state in _RESTING))
    if judged_ahead is not None and judged_ahead.serves(ticket, ruling.rules, possible, now):
        evaluation = judged_ahead.evaluation
    else:
        evaluation = evaluate(timeline(ticket), ruling.rules, now, possible)
    if not any(episode.holds_at(now) for episode in evaluation.episodes):
        over = tuple(row for row in dormant if row.state in _RESTING)
        return Decision(evaluation.next_look, urgency, over=over, evaluation=evaluation)
    return _Decider(ticket, recorded, dormant, ruling, now, urgency, evaluation, released=released).decision()


def _former(recorded: Sequence[EpisodeRow], rules: BoundRules) -> tuple[BoundRule, ...]:
    """The former texts under which recorded episodes are judged to their end."""
    names = dict.fromkeys(rules.judge(row.rule, row.text) for row in recorded)
    return tuple(former for former in rules.former if former.id in names)


def left_alone_until(ticket: Ticket, ruling: Ruling, now: Instant) -> Instant:
    """Until when somebody keeps hoist away from a ticket; an instant that is past where nobody does."""
    label = held_by_label(ticket, now)
    return max(ruling.snoozed.get(ticket.ref.id, 0), 0 if label is None else label.until)


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
        evaluation: Evaluation,
        *,
        released: Mapping[str, Instant],
    ) -> None:
        self.released = released
        self.brakes: dict[tuple[str, int], Brake] = {}
        self.ticket, self.ruling, self.now, self.urgency = ticket, ruling, now, urgency
        self.recorded = {(row.rule, row.number): row for row in recorded}
        self.dormant = {row.key: row for row in dormant if row.state in DORMANT}
        self.next_numbers: dict[str, int] = {}
        for row in recorded:
            self.next_numbers[row.rule] = max(self.next_numbers.get(row.rule, 1), row.number + 1)
        self.evaluation, self.next_look = evaluation, evaluation.next_look
        self.episodes: list[EpisodeRow] = []
        self.steps: list[tuple[EpisodeRow, Due]] = []
        self.anew: list[tuple[EpisodeRow, Due]] = []
        self.watched: list[EpisodeRow] = []
        self.planned: list[Planned] = []
        self.revived: list[Again] = []
        self.queued: list[Again] = []
        self.left: list[Again] = []
        self.held_on: set[FiringKey] = set()
        self.forgotten: list[WaitingRow] = []
        self.out_of_backlog: list[EpisodeRow] = []
        self.holding: dict[tuple[str, int], Episode] = {}
        self.records: dict[tuple[str, int], EpisodeRow] = {}

    def decision(self) -> Decision:
        for episode, row in self._matched():
            if episode.holds_at(self.now):
                if row is None:
                    self._begin(episode)
                else:
                    self._go_on(row, episode)
        return Decision(
            self.next_look,
            self.urgency,
            tuple(self.episodes),
            tuple(self.steps),
            tuple(self.anew),
            tuple(self.watched),
            tuple(self.planned),
            tuple(self.revived),
            tuple(self.queued),
            tuple(self.left),
            tuple(row for key, row in self.dormant.items() if row.state in _RESTING and key not in self.held_on),
            tuple(self.forgotten),
            tuple(self.out_of_backlog),
            self.holding,
            self.records,
            self.brakes,
            self.evaluation,
        )

    def _matched(self) -> Iterator[tuple[Episode, EpisodeRow | None]]:
        """Each computed episode with the recorded one that it continues.

        One that continues an episode which is judged by a former text of its rule is left out: that one goes its own way.
        """
        computed, rules = self.evaluation.episodes, self.evaluation.rules
        if not self.recorded:
            yield from ((episode, None) for episode in computed)
            return
        rows = list(self.recorded.values())
        judges = [rules.judge(row.rule, row.text) for row in rows] if rules.former else [row.rule for row in rows]
        known = {(judge, row.number): row for judge, row in zip(judges, rows, strict=True)}
        judged = [row.matched_as(judge) for judge, row in zip(judges, rows, strict=True)]
        own = match(judged, computed)
        if self.ruling.outages:
            own = tuple(None if found is None else self._remembered(found, judged, place) for place, found in enumerate(own))
        apart = [row.recorded for judge, row in zip(judges, rows, strict=True) if judge != row.rule]
        elsewhere = match(apart, computed) if apart else [None] * len(computed)
        for episode, found, other in zip(computed, own, elsewhere, strict=True):
            if found is not None:
                yield episode, known[found.rule, found.number]
            elif other is None and self.evaluation.bound(episode.rule).rule.id == episode.rule:
                yield episode, None

    def _remembered(self, found: Recorded, recorded: Sequence[Recorded], place: int) -> Recorded | None:
        """What the computed episode at a place continues, which was `found` to, where the store may have been restored.

        Of a number that a forgotten episode may have borne, only what took effect is believed. What has not was decided on a
        mirror as old as the backup, and stands for whatever that showed.
        """
        computed = self.evaluation.episodes
        first = self.ruling.first_number(self.ticket, computed[place].start)
        if found.number >= first:
            return found
        believed = [each.that_took_effect if each.number < first else each for each in recorded]
        return match(believed, computed)[place]

    def _begin(self, episode: Episode) -> None:
        due = self._due(episode, ())
        if due is None:
            return
        rule = self.ruling.rule(episode.rule)
        fired_at = episode.since(self.now)
        number = self.next_numbers.get(rule.id, 1)
        if self.ruling.outages:
            number = max(number, self.ruling.first_number(self.ticket, episode.start))
        self.next_numbers[rule.id] = number + 1
        existing = episode.start < self._acts_since(rule)
        backlog = existing and rule.existing.limit == 0
        watched = not (backlog or self._writes(rule))
        fired = Fired(due.steps, self.now, due.since, watched=True) if watched else Fired(due.steps, self.now)
        text = self.evaluation.bound(episode.rule).text
        row = EpisodeRow(self.ticket.ref.id, rule.id, number, episode.anchor, fired_at, backlog, (fired,), text)
        self._note(row, episode)
        if not backlog:
            self._plan(row, due, existing=existing or self._came_before(rule, due.since), first=True)
        if watched:
            row = self._watched_on(row, episode)
        self.episodes.append(row)
        self._note(row, episode)

    def _go_on(self, row: EpisodeRow, episode: Episode) -> None:
        rule = self.ruling.rule(row.rule)
        self._note(row, episode)
        # What was left alone as older, and turns out to have begun after the activation, is escalated after all.
        existing = (episode.start if row.backlog else row.fired_at) < self._acts_since(rule)
        if self._writes(rule):
            self._write_on(row, episode, existing=existing or row.last.watched)  # watched: it was so before the rule went live
        elif row.last.applied_at is not None and not (existing and rule.existing.limit == 0):
            further = self._watched_on(row, episode)
            if further is not row:
                self.watched.append(further)
                self._note(further, episode)

    def _watched_on(self, row: EpisodeRow, episode: Episode) -> EpisodeRow:
        """The episode with every further firing that would be due by now, had each been carried out when it was due."""
        while (due := self._due(episode, row.applied)) is not None:
            row = replace(row, firings=(*row.firings, Fired(due.steps, self.now, due.since, watched=True)))
            self._plan(row, due)
        return row

    def _write_on(self, row: EpisodeRow, episode: Episode, *, existing: bool) -> None:
        """What a rule that writes goes on with; what it only watched before was not done."""
        if existing and self.ruling.rule(row.rule).existing.limit == 0:
            self.held_on.add(self._key(row, row.last.steps))  # somebody may have been asked whether it is written all the same
            return
        due = self._due(episode, row.written)
        if due is None:
            return
        dormant = self.dormant.get(self._key(row, row.last.steps))
        if row.backlog:
            self.out_of_backlog.append(row)
        if dormant is not None:
            self._take_up(row, dormant, due, existing=existing)
        elif row.backlog:
            self.anew.append((row, due))
            self._plan(row, due, existing=True)
        elif row.last.applied_at is not None:
            self.steps.append((row, due))
            further = replace(row, firings=(*row.firings, Fired(due.steps, self.now)))
            self._note(further, episode)
            self._plan(further, due)
        else:
            self._gate(row, due)  # its write may have to wait, and there must be a look when that ends

    def _take_up(self, row: EpisodeRow, dormant: WaitingRow, due: Due, *, existing: bool) -> None:
        """A row that rests stands from now on for whatever is due now."""
        if dormant.state is RowState.HELD and self._gate(row, due):
            self.held_on.add(dormant.key)
            return
        self.held_on.add(dormant.key)
        if self._awaits_somebody(dormant, due):
            return
        rule, there = self.ruling.rule(row.rule), ""
        left = self.ruling.lost(self.ticket, self.holding[row.rule, row.number].start)
        if left and dormant.state is RowState.BACKLOG:
            return
        if dormant.state is not RowState.HELD:
            left = left or self.ruling.left(due.since)
        if dormant.state is not RowState.HELD:
            there = self.ruling.was_there(rule.id, due.since)
        self.anew.append((row, due))
        self.forgotten += [other for other in self._only_watched(row) if other is not dormant]
        left = left or self._unplanned(row, due)
        if left or (there and rule.existing.limit == 0):
            self.left.append(Again(dormant, due, left or there))
        elif rule.existing.limit is not None and (there or (existing and dormant.state is RowState.WATCHED)):
            self.queued.append(Again(dormant, due))
        else:
            self.revived.append(Again(dormant, due))

    def _awaits_somebody(self, dormant: WaitingRow, due: Due) -> bool:
        """Whether a row is with a person, or was until nobody had said anything for too long; a further step goes its own way."""
        if dormant.run is not None and dormant.state is RowState.HELD:
            return True
        with_somebody = dormant.state is RowState.BACKLOG or dormant.run is not None
        return with_somebody and not self._fell_due_later(dormant, due)

    def _fell_due_later(self, dormant: WaitingRow, due: Due) -> bool:
        """A further step than the one that was left to a person, of after the outage: nothing can have been done about it yet."""
        ends = [*(outage.ended for outage in self.ruling.outages), *(lull.until for lull in self.ruling.lulls)]
        resumed = max(ends, default=dormant.planned_at)
        return due.since > dormant.instant and due.since >= resumed

    def _plan(self, row: EpisodeRow, due: Due, *, existing: bool = False, first: bool = False) -> None:
        rule = self.ruling.rule(row.rule)
        state, gate, left = RowState.PLANNED, None, ""
        if self.ruling.outages:
            left = self.ruling.left(due.since) or self.ruling.lost(self.ticket, self.holding[row.rule, row.number].start)
        if not self._writes(rule):
            state = RowState.WATCHED
        elif left or (left := self._asked_for(rule, due.since, first=first) or self._unplanned(row, due)):
            state = RowState.BACKLOG
        elif existing and rule.existing.limit is not None:
            state = RowState.QUEUED
        elif gate := self._gate(row, due):
            state = RowState.HELD
        sentences = because(self.evaluation, self.holding[row.rule, row.number].rule, self.now)
        not_before = due.since + self.ruling.resolution
        key = self._key(row, due.steps)
        said = (left if state is RowState.BACKLOG else "") if gate is None else str(gate)
        self.planned.append(Planned(key, due.since, self.now, not_before, self.urgency, sentences, state, said))

    def _unplanned(self, row: EpisodeRow, due: Due) -> str:
        """Why the plan by which the rules came into force leaves a firing to a person."""
        return self.ruling.unplanned(self.ticket, row.rule, self.holding[row.rule, row.number].anchor, due.since)

    def _came_before(self, rule: Rule, at: Instant) -> bool:
        """Whether a first firing was due before a pause ended, or before its rule was worded as it is."""
        return bool(self.ruling.was_there(rule.id, at) or self.ruling.before_it_was_reworded(rule.id, at))

    def _asked_for(self, rule: Rule, at: Instant, *, first: bool) -> str:
        """Why somebody must be asked before a firing is written that was due when hoist could write again, or anew."""
        if rule.existing.limit != 0:
            return ""
        return self.ruling.was_there(rule.id, at) or (self.ruling.before_it_was_reworded(rule.id, at) if first else "")

    def _only_watched(self, row: EpisodeRow) -> list[WaitingRow]:
        """The rows of an episode that were noted and not written."""
        own = (each for each in self.dormant.values() if (each.key.rule, each.key.episode) == (row.rule, row.number))
        return [each for each in own if each.state is RowState.WATCHED]

    def _due(self, episode: Episode, fired: Sequence[Fired]) -> Due | None:
        """The firing that is due now after these; the ticket is looked at again when a further one is."""
        found = ahead_of(self.evaluation, episode, fired, self.now)
        self.next_look = min(self.next_look, found.next_look)
        if found.due is None:
            return None
        return Due(found.due.steps, max(found.due.since, episode.since(self.now)))

    def _gate(self, row: EpisodeRow, due: Due) -> Closed | None:
        """What holds this firing back; the ticket is looked at again when that ends."""
        episode = self.holding[row.rule, row.number]
        gate = self._brake(row, due) or gate_of(self.evaluation, episode, row, due.steps, self.ticket, self.now)
        if gate is not None:
            self.next_look = min(self.next_look, gate.until)
        return gate

    def _brake(self, row: EpisodeRow, due: Due) -> Closed | None:
        """The brake on this firing, where it is in a loop with an automation."""
        rule = self.evaluation.bound(self.holding[row.rule, row.number].rule).rule
        after = self.released.get(row.rule, 0)
        brake = brake_on(self.ticket, rule, row, due.steps, self.recorded.values(), self.now, after)
        if brake is not None:
            self.brakes[row.rule, row.number] = brake
        return braked(brake, self.evaluation.rules.zone)

    def _acts_since(self, rule: Rule) -> Instant:
        """What began before is backlog: before the rule was activated, or the ticket was seen again after it had been gone."""
        return max(self.ruling.active_since(rule, self.now), self.ticket.returned or 0)

    def _writes(self, rule: Rule) -> bool:
        """Whether a rule may write now; the ticket is looked at again when its time comes."""
        if self.ruling.mode(rule, self.now) is Mode.LIVE:
            return True
        begins, _ = lifetime(rule, self.ruling.rules.calendars)
        if rule.mode is Mode.LIVE and begins > self.now:
            self.next_look = min(self.next_look, begins)
        return False

    def _note(self, row: EpisodeRow, episode: Episode) -> None:
        self.holding[row.rule, row.number] = episode
        self.records[row.rule, row.number] = row

    def _key(self, row: EpisodeRow, steps: Steps) -> FiringKey:
        return FiringKey(self.ticket.ref.source, self.ticket.ref.id, row.rule, row.number, steps[-1])
