"""The agent's loop over one ticket whose changes arrive late or in any order: what is recorded, and what is written.

No store and no source: reads are views of a story, recorded rows are plain values, and a write takes effect at the instant of the
read that confirms it. Whatever decides is the product's own `decide` and `confirmed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, NamedTuple

from agent.evaluate import Decision, decide
from agent.in_force.ruling import Ruling
from agent.store.episodes import EpisodeRow, Fired
from agent.store.states import RowState
from agent.store.waiting import Planned, WaitingRow
from agent.write_back.confirming import confirmed
from rules.binding import BoundRules
from rules.engine import Episode
from rules.escalation import FiringKey
from rules.instants import FOREVER, MINUTE, SECOND, Instant
from rules.ladder import Steps
from rules.ticket import Actor, Change, Kind, Message, Ticket, TicketRef, Value

SOURCE: Final = "desk"
ANNA: Final = Actor("anna", Kind.STAFF)
RUTH: Final = Actor("ruth", Kind.REQUESTER)
RESOLUTION: Final = SECOND


class Act(NamedTuple):
    """Something happens to a ticket: `after` minutes from the act before, first read `late` minutes later.

    `field` None: a public message of the actor. A value that the field has already is no act.
    """

    after: int
    field: str | None
    value: Value = None
    by: Actor = ANNA
    late: int = 0


@dataclass(frozen=True)
class Story:
    """What really happened, and when each part of it could first be read (`known`)."""

    first: Mapping[str, Value]
    changes: tuple[Change, ...]
    messages: tuple[Message, ...]
    created: ClassVar[Instant] = 0

    def read(self, at: Instant) -> Ticket:
        """The ticket as a read at that instant shows it."""
        return self.ticket(at, tuple(change for change in self.changes if change.known <= at))

    def ticket(self, at: Instant, changes: Sequence[Change]) -> Ticket:
        """The ticket with these changes, and the messages that could be read at an instant."""
        in_order = sorted(changes, key=lambda change: (change.at, change.sequence))
        fields = dict(self.first) | {change.field: change.new for change in in_order}
        messages = tuple(message for message in self.messages if message.known <= at)
        return Ticket(TicketRef(SOURCE, "7"), "SD-7", "", "", self.created, at, fields, tuple(changes), messages)

    def arrivals(self) -> list[Instant]:
        """The instants at which a poll brings something."""
        return sorted({self.created, *(change.known for change in self.changes), *(m.known for m in self.messages)})

    def known_up_to(self, at: Instant) -> Instant:
        """When everything that happened up to an instant had been read."""
        told = [(c.at, c.known) for c in self.changes] + [(m.at, m.known) for m in self.messages]
        return max((known for when, known in told if when <= at), default=self.created)

    @property
    def whole(self) -> Ticket:
        """The ticket once everything is known."""
        return self.read(self.arrivals()[-1])


def story(acts: Iterable[Act], first: Mapping[str, Value]) -> Story:
    """Acts one after the other as a story. What happens in one instant is read together, though saved one by one."""
    fields = dict(first)
    changes: list[Change] = []
    messages: list[Message] = []
    at = known = 0
    for number, act in enumerate(acts):
        if act.after or not number:
            at += act.after * MINUTE
            known = at + act.late * MINUTE
        if act.field is None:
            messages.append(Message(at, known, str(number), act.by, public=True))
        elif fields[act.field] != act.value:
            changes.append(Change(at, known, number, str(number), act.field, fields[act.field], act.value, act.by))
            fields[act.field] = act.value
    return Story(first, tuple(changes), tuple(messages))


class Firing(NamedTuple):
    """A step that was written, alone or with others: `at` is the server time of the read that confirmed it."""

    rule: str
    number: int
    step: int
    at: Instant


def to_the_minute(firings: Iterable[Firing]) -> list[Firing]:
    """The firings, times rounded: a read in the very second in which something falls due has it written a second sooner."""
    return [firing._replace(at=round(firing.at / MINUTE) * MINUTE) for firing in firings]


@dataclass
class Agent:
    """hoist's loop for one ticket. `lag`: how long a due row waits until a worker has time for it.

    `again_knowingly` are the firings that repeated a step of an episode which, as far as was known then, had had it.
    """

    story: Story
    rules: BoundRules
    lag: Instant = 0
    firings: list[Firing] = field(default_factory=list)
    again_knowingly: list[tuple[Firing, Firing]] = field(default_factory=list)
    episodes: dict[tuple[str, int], EpisodeRow] = field(default_factory=dict)
    rows: dict[FiringKey, WaitingRow] = field(default_factory=dict)
    next_look: Instant = FOREVER
    now: Instant = -1

    def __post_init__(self) -> None:
        self.ticket = self.story.read(self.story.created)

    def run(self, until: Instant) -> list[Firing]:
        """Poll, look and write as things arrive and become due, up to an instant; what was written."""
        arrivals = [at for at in self.story.arrivals() if at > self.now]
        while True:
            arrival = arrivals[0] if arrivals else FOREVER
            look, write = self.next_look + RESOLUTION, self._next_write()
            at = min(arrival, look, write)
            if at > until:
                return self.firings
            self.now = at
            if arrival == at:
                self.ticket = self.story.read(arrivals.pop(0))
                self.decide(at)
            elif look == at:
                self.decide(at)
            else:
                self._write(at)

    def decide(self, now: Instant) -> Decision:
        """Evaluate the ticket as it is mirrored, and record what comes of it."""
        dormant = [row for row in self.rows.values() if row.state is RowState.SUPERSEDED]
        decision = decide(self.ticket, list(self.episodes.values()), dormant, self.ruling, now)
        for begun in decision.episodes:
            assert (begun.rule, begun.number) not in self.episodes, "a number is given once"
            self.episodes[begun.rule, begun.number] = begun
        for row, due in decision.steps:
            self.episodes[row.rule, row.number] = replace(row, firings=(*row.firings, Fired(due.steps, now)))
        for row, due in decision.anew:
            firings = (*row.firings[:-1], row.last._replace(steps=due.steps))
            self.episodes[row.rule, row.number] = replace(row, firings=firings)
        for waiting, due, _ in decision.revived:
            del self.rows[waiting.key]
            key = replace(waiting.key, step=due.step)
            self.rows[key] = replace(waiting, key=key, state=RowState.PLANNED, not_before=now + RESOLUTION)
        for planned in decision.planned:
            assert planned.key not in self.rows, "a step is planned once"
            self.rows[planned.key] = _row(planned, len(self.rows))
        self.next_look = decision.next_look
        return decision

    @property
    def ruling(self) -> Ruling:
        """The rules are older than the ticket."""
        return Ruling(self.rules, {rule.id: self.story.created for rule in self.rules.rules}, 1, RESOLUTION)

    def _next_write(self) -> Instant:
        planned = (row for row in self.rows.values() if row.state is RowState.PLANNED)
        return min((max(row.not_before, row.planned_at + self.lag) for row in planned), default=FOREVER)

    def _write(self, at: Instant) -> None:
        """Claim what is due, read afresh, and write what is still true."""
        claimed = [row for row in self.rows.values() if row.state is RowState.PLANNED and row.not_before <= at]
        for row in claimed:
            self.rows[row.key] = replace(row, state=RowState.CLAIMED)
        self.ticket = self.story.read(at)
        decision = self.decide(at)
        found = confirmed(claimed, self.ticket, decision, self.ruling, at)
        for row in found.early:
            self.rows[row.key] = replace(row, state=RowState.PLANNED, not_before=at + RESOLUTION)
        for row, _ in found.over:
            self.rows[row.key] = replace(row, state=RowState.SUPERSEDED)
        for row, step in found.steps:
            del self.rows[row.key]
            self._apply(replace(row, key=step.key), step.steps, decision, at)

    def _apply(self, row: WaitingRow, steps: Steps, decision: Decision, at: Instant) -> None:
        episode = row.key.rule, row.key.episode
        known = self.episodes[episode]
        self.rows[row.key] = replace(row, state=RowState.APPLIED)
        self.episodes[episode] = replace(known, firings=(*known.firings[:-1], Fired(steps, at, at)))
        assert decision.evaluation is not None
        computed = decision.evaluation.episodes_of(row.key.rule)
        for firing in (Firing(*episode, step, at) for step in steps):
            same_step = (f for f in self.firings if (f.rule, f.step) == (firing.rule, firing.step))
            self.again_knowingly += [(f, firing) for f in same_step if owner(f, computed) == decision.holding[episode]]
            self.firings.append(firing)
        self.next_look = at


def _row(planned: Planned, number: int) -> WaitingRow:
    return WaitingRow(
        number,
        planned.key,
        planned.state,
        planned.instant,
        planned.planned_at,
        planned.not_before,
        planned.urgency,
        fence=0,
        confirmed_at=None,
        settled_at=None,
        escalation=None,
        attempts=0,
        because=planned.because,
        problem="",
    )


# --- what came of it ---------------------------------------------------------------------------------------------------


def owner(firing: Firing, episodes: Sequence[Episode]) -> Episode | None:
    """The episode that a firing belongs to: the one that held then, else the latest that had begun to grow and was not over."""
    of_rule = [episode for episode in episodes if episode.rule == firing.rule]
    around = [e for e in of_rule if e.holds_at(firing.at)] or [e for e in of_rule if e.anchor <= firing.at < e.end]
    return max(around, key=lambda episode: episode.anchor, default=None)


def in_one_stretch(firings: Sequence[Firing], episodes: Sequence[Episode]) -> list[tuple[Firing, Firing]]:
    """Pairs of one step that were both written within one stretch: somebody was escalated to twice for one thing."""
    stretches = [(episode.rule, start, end) for episode in episodes for start, end in episode.stretches]
    inside = ([f for f in firings if f.rule == rule and start <= f.at < end] for rule, start, end in stretches)
    return [pair for several in inside for pair in _pairs(several)]


def in_one_episode(firings: Sequence[Firing], episodes: Sequence[Episode]) -> list[tuple[Firing, Firing]]:
    """Pairs of one step that were both written while one and the same episode held, whatever let them through."""
    inside = ([f for f in firings if f.rule == episode.rule and episode.holds_at(f.at)] for episode in episodes)
    return [pair for several in inside for pair in _pairs(several)]


def _pairs(firings: Sequence[Firing]) -> list[tuple[Firing, Firing]]:
    return [(a, b) for n, a in enumerate(firings) for b in firings[n + 1 :] if a.step == b.step]


def swallowed(agent: Agent, episodes: Sequence[Episode], until: Instant) -> list[Episode]:
    """Episodes that stood long enough to be written after all of it was known, and that no firing belongs to."""
    served = {owner(firing, episodes) for firing in agent.firings}
    patience = agent.lag + 3 * RESOLUTION

    def stood(start: Instant, end: Instant) -> bool:
        end = min(end, until)
        return end - max(start, agent.story.known_up_to(end)) > patience

    return [episode for episode in episodes if episode not in served and any(stood(a, b) for a, b in episode.stretches)]


def seen_by_snapshots(real: Story, every: Instant, audit: Instant) -> Story:
    """The story at a source whose history can't be read until `audit`: what happened is diffed from a poll `every` so often."""
    return _Snapshots(real.first, real.changes, real.messages, every, audit, [])


@dataclass(frozen=True)
class _Snapshots(Story):
    every: Instant
    audit: Instant
    reads: list[Instant]

    def arrivals(self) -> list[Instant]:
        return [*range(self.created, self.audit, self.every), self.audit]

    def read(self, at: Instant) -> Ticket:
        if at >= self.audit:
            return self.ticket(at, [replace(change, known=self.audit) for change in self.changes if change.at <= at])
        if at not in self.reads:
            self.reads.append(at)
        values = dict(self.first)
        invented: list[Change] = []
        for read in sorted(self.reads):
            shown = dict(self.first) | {change.field: change.new for change in self.changes if change.at <= read}
            for name in sorted(name for name in shown if shown[name] != values[name]):
                number = len(invented)
                invented.append(Change(read, read, number, f"seen-{number}", name, values[name], shown[name], ANNA))
            values = shown
        return self.ticket(at, invented)
