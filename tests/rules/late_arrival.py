"""The agent's loop over one ticket whose changes arrive late or in any order: what is recorded, and what is written.

No store and no source: reads are views of a story, recorded rows are plain values, and a write takes effect at the instant of the
read that confirms it. Whatever decides is the product's own `decide`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from agent.evaluate import Decision, Ruling, decide
from agent.store.episodes import EpisodeRow
from agent.store.states import RowState
from agent.store.waiting import Planned, WaitingRow
from rules.binding import BoundRules
from rules.engine import Episode, evaluate
from rules.instants import FOREVER, MINUTE, SECOND, Instant
from rules.ticket import Actor, Change, Kind, Message, Ticket, TicketRef, Value
from rules.timeline import timeline

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

    created: Instant
    first: Mapping[str, Value]
    changes: tuple[Change, ...]
    messages: tuple[Message, ...]

    def read(self, at: Instant, *, fields_are_fresh: bool = False) -> Ticket:
        """The ticket as a read at that instant shows it.

        Where `fields_are_fresh` the present values are those of the instant, and the history alone may lag.
        """
        changes = tuple(change for change in self.changes if change.known <= at)
        shown = [change for change in self.changes if change.at <= at] if fields_are_fresh else changes
        fields = dict(self.first) | {change.field: change.new for change in shown}
        messages = tuple(message for message in self.messages if message.known <= at)
        return Ticket(TicketRef(SOURCE, "7"), "SD-7", "", "", self.created, at, fields, changes, messages)

    @property
    def arrivals(self) -> list[Instant]:
        """The instants at which something can first be read."""
        return sorted({act.known for act in (*self.changes, *self.messages)})

    def known_up_to(self, at: Instant) -> Instant:
        """When everything that happened up to an instant had been read."""
        return max((act.known for act in (*self.changes, *self.messages) if act.at <= at), default=self.created)


def story(acts: Iterable[Act], first: Mapping[str, Value]) -> Story:
    """Acts one after the other as a story; those of one instant are saves of their own."""
    created: Instant = 0
    fields = dict(first)
    changes: list[Change] = []
    messages: list[Message] = []
    at = created
    for number, act in enumerate(acts):
        at += act.after * MINUTE
        known = at + act.late * MINUTE
        if act.field is None:
            messages.append(Message(at, known, str(number), act.by, public=True))
        elif fields[act.field] != act.value:
            changes.append(Change(at, known, number, str(number), act.field, fields[act.field], act.value, act.by))
            fields[act.field] = act.value
    return Story(created, first, tuple(changes), tuple(messages))


class Firing(NamedTuple):
    """A step that was written: `at` is the server time of the read that confirmed it."""

    rule: str
    number: int
    step: int
    at: Instant


@dataclass
class Agent:
    """hoist's loop for one ticket. `lag`: how long a due row waits until a worker has time for it."""

    story: Story
    rules: BoundRules
    lag: Instant = 0
    fields_are_fresh: bool = False
    firings: list[Firing] = field(default_factory=list)
    episodes: dict[tuple[str, int], EpisodeRow] = field(default_factory=dict)
    rows: dict[object, WaitingRow] = field(default_factory=dict)
    next_look: Instant = FOREVER
    knowing: list = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ticket = self._read(self.story.created)

    def run(self, until: Instant) -> list[Firing]:
        """Poll, look and write as things arrive and become due, up to an instant; what was written."""
        arrivals = [self.story.created, *self.story.arrivals]
        while True:
            arrival = arrivals[0] if arrivals else FOREVER
            look = self.next_look + RESOLUTION
            write = self._next_write()
            at = min(arrival, look, write)
            if at > until:
                return self.firings
            if arrival == at:
                arrivals.pop(0)
                self.ticket = self._read(at)
                self.decide(at)
            elif look == at:
                self.decide(at)
            else:
                self._write(at)

    def decide(self, now: Instant) -> Decision:
        """Evaluate the ticket as it is mirrored, and record what comes of it."""
        waiting = [row for row in self.rows.values() if row.state in {RowState.PLANNED, RowState.SUPERSEDED}]
        decision = decide(self.ticket, list(self.episodes.values()), waiting, self.ruling, now)
        self._record(decision, now)
        self.next_look = decision.next_look
        return decision

    @property
    def ruling(self) -> Ruling:
        active = {rule.id: self.story.created for rule in self.rules.rules}
        return Ruling(self.rules, active, 1, RESOLUTION)

    def _read(self, at: Instant) -> Ticket:
        return self.story.read(at, fields_are_fresh=self.fields_are_fresh)

    def _record(self, decision: Decision, now: Instant) -> None:
        for row in decision.episodes:
            assert (row.rule, row.number) not in self.episodes, "a number is given once"
            self.episodes[row.rule, row.number] = row
        for row, step in decision.steps:
            begun = replace(row, step=step, applied_at=None, confirmed=(*row.confirmed, now))
            self.episodes[row.rule, row.number] = begun
        for waiting in decision.revived:
            self.rows[waiting.key] = replace(waiting, state=RowState.PLANNED, not_before=now + RESOLUTION)
        for planned in decision.planned:
            assert planned.key not in self.rows, "a step is planned once"
            self.rows[planned.key] = _row(planned, len(self.rows))

    def _next_write(self) -> Instant:
        planned = (row for row in self.rows.values() if row.state is RowState.PLANNED)
        return min((max(row.not_before, row.planned_at + self.lag) for row in planned), default=FOREVER)

    def _write(self, at: Instant) -> None:
        """Claim what is due, read afresh, and write what is still true."""
        claimed = [row for row in self.rows.values() if row.state is RowState.PLANNED and row.not_before <= at]
        for row in claimed:
            self.rows[row.key] = replace(row, state=RowState.CLAIMED)
        self.ticket = self._read(at)
        holding = self.decide(at).holding
        for row in claimed:
            episode = row.key.rule, row.key.episode
            if row.instant >= at:
                self.rows[row.key] = replace(row, state=RowState.PLANNED, not_before=at + RESOLUTION)
            elif episode not in holding:
                self.rows[row.key] = replace(row, state=RowState.SUPERSEDED)
            else:
                self.rows[row.key] = replace(row, state=RowState.APPLIED)
                known = self.episodes[episode]
                self.episodes[episode] = replace(known, confirmed=(*known.confirmed[:-1], at), applied_at=at)
                firing = Firing(*episode, row.key.step, at)
                self._blame(firing, holding[episode])
                self.firings.append(firing)
                self.next_look = at


    def _blame(self, firing, episode):
        computed = evaluate(timeline(self.ticket), self.rules, firing.at).episodes
        self.knowing += [(e, firing) for e in self.firings if e.rule == firing.rule and e.step == firing.step and owner(e, computed) == episode]


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


def truth(story: Story, rules: BoundRules) -> tuple[Episode, ...]:
    """The episodes as they are once everything is known."""
    last = max([story.created, *story.arrivals])
    return evaluate(timeline(story.read(last)), rules, last).episodes


def in_one_stretch(firings: Sequence[Firing], episodes: Sequence[Episode]) -> list[tuple[Firing, Firing]]:
    """Pairs of one step that were both written within one stretch of what really was: somebody was escalated to twice."""
    found = []
    for episode in episodes:
        for start, end in episode.stretches:
            inside = [f for f in firings if f.rule == episode.rule and start <= f.at < end]
            found += [(a, b) for n, a in enumerate(inside) for b in inside[n + 1 :] if a.step == b.step]
    return found


def in_one_episode(firings: Sequence[Firing], episodes: Sequence[Episode]) -> list[tuple[Firing, Firing]]:
    """Pairs of one step that were both written while one and the same episode really held."""
    found = []
    for episode in episodes:
        inside = [f for f in firings if f.rule == episode.rule and episode.holds_at(f.at)]
        found += [(a, b) for n, a in enumerate(inside) for b in inside[n + 1 :] if a.step == b.step]
    return found


def owner(firing: Firing, episodes: Sequence[Episode]) -> Episode | None:
    """The episode that a firing belongs to: the one that held then, else the latest that had grown and was not over for good."""
    of_rule = [episode for episode in episodes if episode.rule == firing.rule]
    around = [e for e in of_rule if e.holds_at(firing.at)] or [e for e in of_rule if e.anchor <= firing.at < e.end]
    return max(around, key=lambda episode: episode.anchor, default=None)


def swallowed(agent: Agent, episodes: Sequence[Episode], until: Instant) -> list[Episode]:
    """Episodes that stood long enough after all of it was known, and were never written."""
    served = {owner(firing, episodes) for firing in agent.firings}
    patience = agent.lag + 3 * RESOLUTION
    found = []
    for episode in episodes:
        if episode not in served and any(
            min(end, until) - max(start, agent.story.known_up_to(min(end, until))) > patience for start, end in episode.stretches
        ):
            found.append(episode)
    return found
