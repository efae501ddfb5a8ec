"""What falls due soon is read and judged while there is nothing else to do, so that little is left when its instant comes.

An evaluation tells the future of a ticket: as long as neither the ticket nor the rules change, it says at the instant of the next
look what it said before. It decides nothing and nothing of it is stored; whatever has changed meanwhile is judged as if nobody
had looked ahead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection

from agent.store import mirrored
from agent.store.mirrored import Mirrored
from rules.binding import BoundRule, BoundRules
from rules.engine import Evaluation, evaluate
from rules.explain import because
from rules.instants import Instant
from rules.ticket import Ticket
from rules.timeline import timeline

LIMIT: Final = 500
"""Tickets that are held ready at most, some ten kilobytes each."""


class JudgedAhead(NamedTuple):
    """A mirrored ticket, and what was found on it under the rules that may hold on it when it is due, which is `at`."""

    mirrored: Mirrored
    at: Instant
    possible: Sequence[BoundRule]
    evaluation: Evaluation

    def serves(self, ticket: Ticket, rules: BoundRules, possible: Sequence[BoundRule], now: Instant) -> bool:
        """Whether an evaluation at `now` would give the same: before `at` it would ask for a look then."""
        same = ticket is self.mirrored.ticket and rules is self.evaluation.rules and possible == self.possible
        return same and self.at <= now < self.evaluation.next_look


class DueSoon:
    """The tickets of one source that are due soon, held ready. Not to be shared between threads."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._ready: dict[str, JudgedAhead] = {}
        self._next = 0

    @property
    def tickets(self) -> Mapping[str, Mirrored]:
        """Those that are held ready, as they were mirrored, by id."""
        return {name: found.mirrored for name, found in self._ready.items()}

    def take(self, ticket: str) -> JudgedAhead | None:
        """What was found on a ticket, which is held ready no longer."""
        return self._ready.pop(ticket, None)

    def prepare(self, db: Connection, rules: BoundRules, now: Instant, every: int) -> None:
        """Read and judge what falls due soon, if that was not done within the last `every` milliseconds."""
        if self._next - every <= now < self._next:
            return
        self._next = now + every
        soon = mirrored.due(db, self._source, now + 2 * every, LIMIT, self.tickets)
        self._ready = {found.ticket.ref.id: self._of(found, rules) for found in soon if found.ticket.gone is None}

    def _of(self, found: Mirrored, rules: BoundRules) -> JudgedAhead:
        known = self._ready.get(found.ticket.ref.id)
        if known is not None and known.mirrored.ticket is found.ticket and known.evaluation.rules is rules:
            return known
        at = found.next_look
        possible = rules.present.possible(found.ticket, at)
        evaluation = evaluate(timeline(found.ticket), rules, at, possible)
        for rule in {episode.rule for episode in evaluation.episodes if episode.holds_at(at)}:
            because(evaluation, rule, at)  # which it keeps
        return JudgedAhead(found, at, possible, evaluation)
