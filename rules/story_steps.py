"""A ticket's story played: what people do to it, what the rules make of that, and what hoist writes to it, instant by instant.

Whatever decides is what decides for a running hoist: the engine, the ladder, the gates, the merging of all that is due at once.
A write is there a millisecond after it was due, so that what it ends had been so; steps of a ladder keep their distance from
when they were due.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from rules.applied import applied
from rules.binding import BoundRule, BoundRules
from rules.due_step import DueStep, due_step
from rules.engine import Episode, Evaluation, evaluate
from rules.escalation import FiringKey
from rules.gates import Closed, closed, held_by_label
from rules.identity import Recorded, match
from rules.instants import FOREVER, SECOND, Instant
from rules.ladder import Steps, ahead, joined, step_name
from rules.lifetime import mode_at
from rules.merge import merge
from rules.protection import Override, may_write, overrides
from rules.protocol.actions import Action
from rules.protocol.rule import Mode, Rule
from rules.ticket import Actor, Change, Message, Ticket, Value
from rules.timeline import timeline

MOST_STEPS: Final = 300
"""Of one ticket; more is no story."""
WRITTEN_AFTER: Final = 1
"""Milliseconds from when a step is due to when what it writes is in the ticket."""


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody does to a ticket in one go: values of fields, labels added and taken away, a message (public or not)."""

    at: Instant
    by: Actor
    values: Mapping[str, Value] = field(default_factory=dict)
    add_labels: tuple[str, ...] = ()
    remove_labels: tuple[str, ...] = ()
    message: bool | None = None
    thanks: bool = False

    def done_to(self, ticket: Ticket) -> Ticket:
        """The ticket afterwards; what is said to become what it is already changes nothing."""
        values = dict(self.values)
        if self.add_labels or self.remove_labels:
            present = values.get("labels", ticket.fields.get("labels"))
            labels = set(present) if isinstance(present, tuple) else set()
            values["labels"] = tuple(sorted((labels | set(self.add_labels)) - set(self.remove_labels)))
        number = len(ticket.changes)
        save = str(number + len(ticket.messages) + 1)
        made: list[Change] = []
        for name, value in values.items():
            old = ticket.fields.get(name)
            if value != old:
                made.append(Change(self.at, self.at, number + len(made), save, name, old, value, self.by))
        said = [] if self.message is None else [Message(self.at, self.at, save, self.by, self.message, self.thanks)]
        return replace(
            ticket,
            known=self.at,
            fields={**ticket.fields, **values},
            changes=(*ticket.changes, *made),
            messages=(*ticket.messages, *said),
        )


@dataclass(frozen=True, slots=True)
class Fired:
    """A firing of a rule: its steps (0 is the first of its ladder, repetitions of the last count on), several where they meet."""

    rule: str
    at: Instant
    steps: Steps
    name: str  # in messages: the rule, and which step where it has several
    actions: tuple[Action, ...]
    episode: Instant  # the anchor of the episode that it belongs to


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A firing that was due at an instant and may not be written yet, and why."""

    rule: str
    at: Instant
    steps: Steps
    name: str
    gate: Closed


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a ticket: everything that happened to it, by whomever, what fired on it, and what was held back.

    `cut_off`: hoist went on and on, and only the first firings are told. `findings`: why something that fired was not written as
    it says, such as a tier that was passed over, a sentence each.
    """

    ticket: Ticket
    evaluation: Evaluation
    fired: tuple[Fired, ...]
    held_back: tuple[HeldBack, ...]
    cut_off: bool
    findings: tuple[tuple[Instant, str], ...] = ()


def play(
    bound: BoundRules,
    ticket: Ticket,
    acts: Sequence[Act],
    until: Instant = FOREVER,
    *,
    rules: Sequence[Rule] = (),
    writes: Callable[[str], bool] = lambda _: True,
    among: Sequence[BoundRule] | None = None,
) -> Played:
    """Everything that happens to a ticket, which is given as it was created, before an instant.

    Rules act as if they were live, on their dates; `rules` are those of the protocol where `bound` holds them under other terms
    (whether they are confidential). `writes`: whether a rule's escalations are written to the ticket, by its id; others fire, and
    the ticket stays as it is. `among`: those that are looked at, all unless said.
    """
    player = _Player(bound, ticket, acts, writes, among)
    player.terms |= {rule.id: replace(rule, mode=Mode.LIVE) for rule in rules}
    player.run(until)
    whole = player.ticket
    evaluation = evaluate(timeline(whole), bound, whole.known, among)
    cut_off = len(player.fired) >= MOST_STEPS
    return Played(whole, evaluation, tuple(player.fired), tuple(player.held_back), cut_off, tuple(player.findings))


def named(rule: Rule, step: int) -> str:
    """A rule's step in a message."""
    name = step_name(rule, step)
    return rule.id if name == "escalation" else f"{rule.id}, {name}"


@dataclass(slots=True)
class _Course:
    """How far an episode has come: its firings, when each was decided, and what they wrote (field, value, when)."""

    number: int
    anchor: Instant
    taken: list[Steps] = field(default_factory=list)
    at: list[Instant] = field(default_factory=list)
    wrote: set[tuple[str, Value, Instant]] = field(default_factory=set)

    def taken_back(self, rule: Rule, ticket: Ticket) -> Override | None:
        """The last thing that it wrote, if the rule may, and a person took back; None where there is none."""
        found = (each for each in overrides(ticket) if (each.field, each.written, each.written_at) in self.wrote)
        return next((each for each in reversed(list(found)) if may_write(rule, each.field)), None)

    def recorded(self, rule: str) -> Recorded:
        confirmed = (at + WRITTEN_AFTER for at, steps in zip(self.at, self.taken, strict=True) for _ in steps)
        return Recorded(rule, self.number, self.anchor, tuple(confirmed))


_Due = tuple[Episode, _Course, Steps]


class _Player:
    """One ticket, from its creation on."""

    def __init__(
        self,
        bound: BoundRules,
        ticket: Ticket,
        acts: Sequence[Act],
        writes: Callable[[str], bool],
        among: Sequence[BoundRule] | None,
    ) -> None:
        self.bound, self.ticket, self.acts, self.writes, self.among = bound, ticket, list(acts), writes, among
        self.terms = {each.id: replace(each.rule, mode=Mode.LIVE) for each in bound.rules}
        self.courses: dict[tuple[str, int], _Course] = {}
        self.fired: list[Fired] = []
        self.held_back: list[HeldBack] = []
        self.findings: list[tuple[Instant, str]] = []

    def run(self, until: Instant) -> None:
        now = self.ticket.created
        while now < until and len(self.fired) < MOST_STEPS:
            while self.acts and self.acts[0].at <= now:
                self.ticket = self.acts.pop(0).done_to(self.ticket)
            look = max(self._look(now), now + 1)
            now = min(look, self.acts[0].at if self.acts else FOREVER)
        for act in self.acts:  # what comes after the end, or after too much, is shown all the same
            self.ticket = act.done_to(self.ticket)

    def _look(self, now: Instant) -> Instant:
        """Do what is due at an instant; gives the next one at which something may be if nobody does anything."""
        # as read when something last happened to it: hours of the day are told for some time from then on, and not for ever
        ticket = self.ticket
        if (held := held_by_label(ticket, now)) is not None:
            return held.until
        evaluation = evaluate(timeline(ticket), self.bound, now, self.among)
        look, due = evaluation.next_look, list[_Due]()
        recorded = [course.recorded(rule) for (rule, _), course in self.courses.items()]
        for episode, known in zip(evaluation.episodes, match(recorded, evaluation.episodes), strict=True):
            if not episode.holds_at(now):
                continue
            course = self._course(episode, known)
            found = ahead(evaluation, episode, course.taken, course.at[-1] if course.at else None, now)
            look = min(look, found.next_look)
            if found.due is None:
                continue
            gate = self._gate(evaluation, episode, course, found.due.steps, now)
            if gate is None:
                due.append((episode, course, found.due.steps))
            else:
                look = min(look, gate.until)
        if not due:
            return look
        self._write(evaluation, ticket, due, now)
        return now + WRITTEN_AFTER

    def _course(self, episode: Episode, known: Recorded | None) -> _Course:
        if known is not None:
            return self.courses[known.rule, known.number]
        return _Course(1 + sum(1 for rule, _ in self.courses if rule == episode.rule), episode.anchor)

    def _gate(self, evaluation: Evaluation, episode: Episode, course: _Course, steps: Steps, now: Instant) -> Closed | None:
        rule = self.terms[episode.rule]
        wrote = [at + WRITTEN_AFTER for at in course.at]
        gate = closed(evaluation, rule, joined(rule, steps), self.ticket, wrote, now)
        if gate is not None:
            read = gate._replace(until=gate.until if gate.until == FOREVER else gate.until - gate.until % SECOND)
            held = HeldBack(rule.id, now, steps, named(rule, steps[-1]), read)
            if all((each.rule, each.steps, each.gate) != (held.rule, held.steps, held.gate) for each in self.held_back):
                self.held_back.append(held)
        return gate

    def _write(self, evaluation: Evaluation, ticket: Ticket, due: Sequence[_Due], now: Instant) -> None:
        order = {each.id: number for number, each in enumerate(self.bound.rules)}
        steps: list[DueStep] = []
        writing: list[_Course] = []
        for episode, course, taken in sorted(due, key=lambda each: order[each[0].rule]):
            rule = self.terms[episode.rule]
            self.courses[rule.id, course.number] = course
            course.taken.append(taken)
            course.at.append(now)
            self.fired.append(Fired(rule.id, now, taken, named(rule, taken[-1]), joined(rule, taken), episode.anchor))
            if self.writes(rule.id) and mode_at(rule, self.bound.calendars, now) is Mode.LIVE:
                key = FiringKey(ticket.ref.source, ticket.ref.id, rule.id, course.number, taken[-1])
                step = due_step(key, rule, taken, evaluation, episode, ticket, now)
                steps.append(replace(step, overruled=course.taken_back(rule, ticket)))
                writing.append(course)
        if steps:
            holding = [self.terms[episode.rule] for episode in evaluation.episodes if episode.holds_at(now)]
            escalation = merge(ticket, steps, self.bound, now, holding)
            self.findings += [(now, finding) for finding in escalation.findings]
            for course in writing:
                course.wrote |= {(change.field, change.new, now + WRITTEN_AFTER) for change in escalation.changes}
            self.ticket = applied(ticket, escalation, now + WRITTEN_AFTER)
