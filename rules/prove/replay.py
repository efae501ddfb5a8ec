"""What hoist does on a ticket to which nobody else reacts: every due step is written, and what it wrote is looked at again.

This is the judge of whatever the solver proposes: it knows no formulas, only the engine, the ladder and the merging of a ticket's
due steps. Rules that only watch are taken as if they were live. A write is there a second after it was due, and the steps of a
ladder keep their distance from when they were due: how long writing takes is no part of a proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rules.applied import applied
from rules.binding import BoundRule, BoundRules
from rules.due_step import DueStep
from rules.engine import Episode, Evaluation, evaluate
from rules.escalation import Escalation, FiringKey, Notice
from rules.gates import closed
from rules.identity import Recorded, match
from rules.instants import DAY, FOREVER, SECOND, Instant
from rules.ladder import Steps, ahead, joined, step_name
from rules.lifetime import lifetime
from rules.merge import merge
from rules.protocol.rule import Mode, Rule
from rules.prove.duty import team_name
from rules.prove.facts import LABELS, OTHER, field_of_person
from rules.recipients import CURRENT_TEAM, OF_TEAM, OF_TICKET, contact_of
from rules.stories import empty_fields
from rules.ticket import RESTRICTED_TO, TARGET, Ticket, TicketRef, Value
from rules.timeline import timeline

FAR: int = 3_650 * DAY
"""A date on a ticket that is asked to be there and not to be near."""

_DATES = ("due",)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written at an instant, for these firings, and the fields' values afterwards."""

    at: Instant
    rules: tuple[str, ...]
    names: tuple[str, ...]
    escalation: Escalation
    fields: Mapping[str, Value]
    told: bool

    @property
    def escalates(self) -> bool:
        """The ticket moved or became more urgent, or somebody is to know of it."""
        done = self.escalation
        moved = any(change.field in {"team", "priority"} for change in done.changes)
        return moved or self.told or bool(done.proposals or done.at_provider)


def ticket_of(bound: BoundRules, values: Mapping[str, Value], arrival: Instant) -> Ticket:
    """A ticket that arrives with these values; what is not said is not there."""
    fields = dict(empty_fields(bound)) | {field: _made_up(field, value, arrival) for field, value in values.items()}
    return Ticket(TicketRef(bound.source, "example"), "example", "", "", arrival, arrival, fields)


def _made_up(field: str, value: Value, arrival: Instant) -> Value:
    if field == LABELS and isinstance(value, tuple):
        return tuple(sorted("another-label" if label == OTHER else label for label in value))
    if value != OTHER:
        return value
    if field.startswith(TARGET) or field in _DATES:
        return arrival + FAR
    return f"another {field.removeprefix('native.')}"


def written(
    bound: BoundRules,
    ticket: Ticket,
    among: Sequence[BoundRule],
    until: Instant = FOREVER,
    most: int = 200,
    *,
    confidential: frozenset[str] = frozenset(),
) -> Iterator[Written]:
    """Everything that these rules write on a ticket before an instant, in order.

    `confidential`: those that keep a ticket to their own teams as long as they hold; `bound` has them as others are.
    """
    alone = _Alone(bound, ticket, among, until, confidential)
    for _ in range(most):
        found = alone.next()
        if found is None:
            return
        yield found


@dataclass(slots=True)
class _Course:
    """How far an episode has come."""

    number: int
    anchor: Instant
    confirmed: tuple[Instant, ...] = ()
    taken: tuple[Steps, ...] = ()
    applied_at: Instant | None = None


class _Alone:
    def __init__(
        self, bound: BoundRules, ticket: Ticket, among: Sequence[BoundRule], until: Instant, confidential: frozenset[str]
    ) -> None:
        self.bound, self.ticket, self.among, self.until = bound, ticket, among, until
        self.confidential = confidential
        self.now = ticket.created
        self.courses: dict[tuple[str, int], _Course] = {}

    def next(self) -> Written | None:
        """Write what is due next."""
        evaluation = evaluate(timeline(self.ticket), self.bound, self.now, self.among)
        recorded = [Recorded(rule, c.number, c.anchor, c.confirmed) for (rule, _), c in self.courses.items()]
        due: list[tuple[Instant, Episode, _Course, Steps]] = []
        for episode, known in zip(evaluation.episodes, match(recorded, evaluation.episodes), strict=True):
            course = self._course(episode, known)
            found = self._due(evaluation, episode, course)
            if found is not None:
                due.append((found[0], episode, course, found[1]))
        at = min((each[0] for each in due), default=FOREVER)
        if at >= self.until:
            return None
        return self._write(evaluation, at, [(episode, course, steps) for when, episode, course, steps in due if when == at])

    def _course(self, episode: Episode, known: Recorded | None) -> _Course:
        if known is not None:
            return self.courses[known.rule, known.number]
        number = 1 + sum(1 for rule, _ in self.courses if rule == episode.rule)
        return _Course(number, episode.anchor)

    def _due(self, evaluation: Evaluation, episode: Episode, course: _Course) -> tuple[Instant, Steps] | None:
        """When the episode's next step is due, if nothing changes."""
        rule = self._terms(evaluation.bound(episode.rule).rule)
        at = _holding(episode, self.now)
        while at < self.until:
            found = ahead(evaluation, episode, course.taken, course.applied_at, at)
            if found.due is None:
                at = _holding(episode, found.next_look)
                continue
            steps = found.due.steps
            gate = closed(evaluation, rule, joined(rule, steps), self.ticket, course.confirmed, at)
            if gate is None:
                return at, steps
            at = _holding(episode, gate.until)
        return None

    def _terms(self, rule: Rule) -> Rule:
        return replace(rule, mode=Mode.LIVE, confidential=rule.id in self.confidential)

    def _write(self, evaluation: Evaluation, at: Instant, due: Sequence[tuple[Episode, _Course, Steps]]) -> Written:
        steps: list[DueStep] = []
        names: list[str] = []
        when = at + SECOND
        for episode, course, taken in due:
            rule = self._terms(evaluation.bound(episode.rule).rule)
            self.courses[rule.id, course.number] = course
            course.confirmed, course.taken, course.applied_at = (*course.confirmed, at), (*course.taken, taken), at
            if not _writes(rule, self.bound, at):
                continue
            key = FiringKey(self.ticket.ref.source, self.ticket.ref.id, rule.id, course.number, taken[-1])
            steps.append(DueStep(key, rule, (), "", {}, joined(rule, taken)))
            names.append(f"{rule.id}, {step_name(rule, taken[-1])}" if len(rule.steps) > 1 or rule.repeat else rule.id)
        holding = [self._terms(evaluation.bound(each.rule).rule) for each in evaluation.episodes if each.holds_at(at)]
        keeping = [rule for rule in holding if _writes(rule, self.bound, at)]
        escalation = merge(self.ticket, steps, self.bound, at, keeping) if steps else Escalation(self.ticket.ref, ())
        told = any(self._reaches(notice, at) for notice in escalation.notices)
        self.ticket = applied(self.ticket, escalation, when)
        self.now = when
        return Written(at, tuple(step.rule.id for step in steps), tuple(names), escalation, dict(self.ticket.fields), told)

    def _reaches(self, notice: Notice, at: Instant) -> bool:
        """Whether somebody is found; who a person's manager or a rota that can't be read would name is taken to be there."""
        if notice.addresses:
            return True
        if notice.to in OF_TICKET:
            return self.ticket.fields.get(field_of_person(notice.to)) is not None
        organisation, of_team = self.bound.organisation, OF_TEAM.fullmatch(notice.to)
        contact = contact_of(notice.to, organisation)
        if of_team is not None:
            present = team_name(self.ticket.fields.get("team"), self.bound)
            named = " ".join(of_team[2].split())
            team = organisation.teams.get((present or "") if named == CURRENT_TEAM else named)
            contact = "" if team is None else team.lead if of_team[1].casefold() == "lead" else team.on_call
        rota = self.bound.world.rotas.get(contact)
        return bool(contact) and (rota is None or rota.turn(at) is None)


def _writes(rule: Rule, bound: BoundRules, at: Instant) -> bool:
    begins, ends = lifetime(replace(rule, mode=Mode.LIVE), bound.calendars)
    return begins <= at < ends


def _holding(episode: Episode, at: Instant) -> Instant:
    """The first instant from `at` on at which the rule holds because of this episode; FOREVER if none."""
    return next((max(start, at) for start, end in episode.stretches if at < end), FOREVER)


def standing_of(fields: Mapping[str, Value]) -> tuple[tuple[str, Value], ...]:
    """Whatever rules can change of a ticket."""
    kept = ("team", "priority", "assignee", LABELS, RESTRICTED_TO)
    return tuple((name, value) for name, value in sorted(fields.items()) if name in kept or name.startswith("native."))
