"""What a run looks like when it is over: what hoist did at the far side, for which firings, and what was true when.

The rules' own function says what was true, over the helpdesk's final history.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from agent.store import episodes, operations, waiting
from agent.store.episodes import EpisodeRow
from agent.store.operations import FORGOTTEN_AT_MOST, OperationRow
from agent.store.states import OperationState
from agent.store.waiting import WaitingRow
from agent.write_back.markers import marker
from rules.as_known import as_known
from rules.engine import Episode, Evaluation, evaluate
from rules.escalation import FiringKey
from rules.instants import MINUTE, SECOND, Instant
from rules.ticket import Actor, Kind, Ticket
from rules.timeline import timeline
from tests.simulation.desk import SOURCE
from tests.simulation.helpdesk import Effect
from tests.simulation.playing import Played
from tests.simulation.story import clock_time

_READ_AGE: Final = 11 * SECOND
"""How old a read may be that a request rests on, and the second that a Date header lags."""
_MINUTES_DOWN: Final = 130
"""From a restore to hoist's next start, at most: the helpdesk may not let it in for an hour."""
_NUMBERS: Final = 16
_ESCALATIONS: Final = 1_000
_STEPS: Final = 4


@dataclass(frozen=True)
class Firing:
    """What the far side shows of one firing: its key, and hoist's effects that name it."""

    key: FiringKey
    effects: tuple[Effect, ...]

    @property
    def first(self) -> Effect:
        return self.effects[0]


class Sight:
    """One run as it looks when it is over."""

    def __init__(self, played: Played) -> None:
        self.played = played
        self.end = played.story.end
        self.effects = played.helpdesk.effects
        with played.database.reading() as db:
            self.rows: list[WaitingRow] = waiting.of_source(db, SOURCE)
            self.recorded: list[EpisodeRow] = list(episodes.rows(db, SOURCE))
            self.operations: list[OperationRow] = [
                row for state in OperationState for row in operations.in_state(db, SOURCE, state)
            ]
        self.rules = played.pipeline.ruling.rules
        self.read_age = _READ_AGE + played.helpdesk.far.late + played.helpdesk.far.RESOLUTION - 1
        """How far back lies what a request may not know of yet, by the platform's own stamps."""

    # --- what there is to look at ----------------------------------------------------------------------------------------

    @cached_property
    def tickets(self) -> dict[str, Ticket]:
        """The tickets that hoist can see at the end, by id; acts of its own account are told apart as they really were."""
        return {ticket.ref.id: self._told_apart(ticket) for ticket in self.played.tickets}

    def _told_apart(self, ticket: Ticket) -> Ticket:
        echoes = self.played.helpdesk.echoes

        def by(actor: Actor, save: str) -> Actor:
            if actor.kind is not Kind.OWN_ACCOUNT:
                return actor
            return Actor(actor.id, Kind.AUTOMATION if save in echoes else self._taken_back.get(save, Kind.HOIST))

        changes = tuple(replace(change, by=by(change.by, change.save)) for change in ticket.changes)
        return replace(ticket, changes=changes, messages=tuple(replace(m, by=by(m.by, "")) for m in ticket.messages))

    @cached_property
    def _taken_back(self) -> dict[str, Kind]:
        """By save: what somebody had hoist take back is theirs; a restored store does not know any more whose it was."""
        return {
            effect.save.id: Kind.AUTOMATION if self.forgotten(effect) else Kind.STAFF
            for effect in self.undos
            if effect.save is not None
        }

    @cached_property
    def undos(self) -> list[Effect]:
        """The saves by which hoist took back what it had written, because somebody said so."""
        return [effect for effect in self.effects if effect.kind == "edit" and not effect.firings and self._is_undo(effect)]

    def _is_undo(self, effect: Effect) -> bool:
        high = [number * FORGOTTEN_AT_MOST for number in range(len(self.played.restored) + 1)]
        numbers = (base + number for base in high for number in range(1, _ESCALATIONS))
        keys = (f"{SOURCE}:{effect.ticket}/{number}/undo" for number in numbers)
        return any(marker(self.played.installation, SOURCE, key) == effect.marker for key in keys)

    @cached_property
    def evaluations(self) -> dict[str, Evaluation]:
        return {id_: evaluate(timeline(ticket), self.rules, self.end) for id_, ticket in self.tickets.items()}

    @cached_property
    def firings(self) -> list[Firing]:
        """By key: what hoist did for each."""
        found: dict[FiringKey, list[Effect]] = defaultdict(list)
        for effect in self.effects:
            for firing in effect.firings:
                if firing in self.keys:
                    found[self.keys[firing]].append(effect)
        return [Firing(key, tuple(effects)) for key, effects in found.items()]

    @cached_property
    def keys(self) -> dict[str, FiringKey]:
        """What each marker stands for; only who holds the installation's key can tell."""
        found = {}
        for ticket in dict.fromkeys(effect.ticket for effect in self.effects):
            for rule in self.rules.by_id:
                for number in self._numbers():
                    for step in range(_STEPS):
                        key = FiringKey(SOURCE, ticket, rule, number, step)
                        found[marker(self.played.installation, SOURCE, str(key))] = key
        return found

    def _numbers(self) -> Iterator[int]:
        """Numbers that an episode may bear: after a restore they go on from the minute of hoist's next start."""
        yield from range(1, _NUMBERS)
        for at, _ in self.played.restored:
            yield from range(at // MINUTE, at // MINUTE + _MINUTES_DOWN + _NUMBERS)

    def named(self, ticket: str) -> str:
        """What the story calls a ticket."""
        return self.played.helpdesk.name_of(ticket) or ticket

    def said(self, ticket: str, at: Instant, sentence: str) -> str:
        """A sentence with its date."""
        return f"{clock_time(at)}  {self.named(ticket)}: {sentence}"

    def episode_of(self, firing: Firing) -> Episode | None:
        """The episode that a firing's first effect was for, by what was true when it was sent."""
        evaluation = self.evaluations.get(firing.key.ticket)
        if evaluation is None:
            return None
        sent, back = firing.first.sent, firing.first.sent - self.read_age
        near = [e for e in evaluation.episodes_of(firing.key.rule) if any(a <= sent and b > back for a, b in e.stretches)]
        return near[-1] if near else None

    def looked_true(self, firing: Firing) -> bool:
        """Whether saves that could not be read yet are all that kept a firing from being true when it was sent."""
        if not self.played.helpdesk.far.late:
            return False
        sent, ticket = firing.first.sent, self.tickets[firing.key.ticket]
        dated = replace(ticket, changes=tuple(replace(c, known=c.at) for c in ticket.changes))
        dated = replace(dated, messages=tuple(replace(m, known=m.at) for m in ticket.messages))
        then = as_known(dated, sent - self.read_age)
        episodes = evaluate(timeline(then), self.rules, sent).episodes_of(firing.key.rule)
        return any(episode.holds_at(sent) for episode in episodes)

    def forgotten(self, effect: Effect) -> bool:
        """Whether a restore took away what the store knew of it, which it wrote down when the request left.

        One that lands late may do so when hoist runs on the restored store.
        """
        return any(back <= effect.sent < at for at, back in self.played.restored)
