"""The intake: what a call has to be to count, and how it is kept.

A call is verified by its platform's own rules, must have been made within the window, and counts once. Nothing of a stranger's is
kept: only the ticket's id of a verified call, and hashes of what the platform calls it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from typing import Final

from sqlalchemy import Connection

from agent.clock import Clock, steady
from agent.errors import StoreError
from agent.hooks.outcomes import Outcome, Tally
from agent.store import hints
from agent.store.database import Database
from connectors.webhooks import Delivery, NotAHint, NotVerified, Verifier
from rules.instants import MINUTE, Instant

log = logging.getLogger("hoist")

MOST_REMEMBERED: Final = 200_000
"""Deliveries of a source that are known again, whatever their age: a row of each takes some hundred bytes."""
TIDIED_EVERY: Final = MINUTE
COMPLAINS_EVERY: Final = 10 * MINUTE
_CURES: Final = {
    Outcome.UNSIGNED: "give the webhook the secret that hoist.yaml names for it",
    Outcome.BAD_SIGNATURE: "compare the webhook's secret with the one that hoist.yaml names; or somebody else knocks",
    Outcome.STALE: "compare the clocks of both sides; or somebody sends again what they have recorded",
    Outcome.NO_TICKET: "compare what the webhook sends with docs/webhooks.md",
    Outcome.TOO_LARGE: "polling finds the change all the same",
    Outcome.TOO_MANY: "the platform was asked to deliver again; raise hooks.calls_per_second in hoist.yaml if this is no attack",
    Outcome.NOT_STORED: "the platform was asked to deliver again; look at the store's disk",
}


@dataclass(frozen=True, slots=True)
class Door:
    """One source's: who verifies, the source's clock, and whom to tell that there is something to read."""

    source: str
    verifier: Verifier
    source_time: Callable[[], Instant]
    announce: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered with."""

    outcome: Outcome
    status: int


@dataclass(frozen=True, slots=True)
class Believed:
    """A verified call that is still to be kept."""

    door: Door
    delivery: Delivery


_STATUS: Final = {
    Outcome.UNSIGNED: 401,
    Outcome.BAD_SIGNATURE: 401,
    Outcome.STALE: 401,
    Outcome.NO_TICKET: 400,
    Outcome.TOO_LARGE: 413,
    Outcome.TOO_SLOW: 408,
    Outcome.CUT_OFF: 408,
    Outcome.TOO_MANY: 429,
    Outcome.WRONG_METHOD: 405,
}


class Intake:
    """Verifies and keeps. `judged` may be called from several threads, `keep` from one at a time."""

    def __init__(self, database: Database, clock: Clock, doors: Sequence[Door], tally: Tally) -> None:
        self.doors = {door.source: door for door in doors}
        self.tally = tally
        self._database, self._clock = database, clock
        self._next_tidying = 0
        self._complained: dict[tuple[str, Outcome], int] = {}

    def take(self, source: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """A whole call at once: verified, kept, and its answer. Raises KeyError for a source without a webhook."""
        judged = self.judged(self.doors[source], headers, body)
        return judged if isinstance(judged, Answer) else self.keep([judged])[0]

    def judged(self, door: Door, headers: Mapping[str, str], body: bytes) -> Believed | Answer:
        """Whether a call counts, and the answer where it does not. `headers` are named in lower case."""
        if len(body) > door.verifier.largest:
            return self.refused(door, Outcome.TOO_LARGE)
        try:
            delivery = door.verifier.verify(headers, body)
        except NotVerified as problem:
            return self.refused(door, Outcome(problem.doubt.value), str(problem))
        except NotAHint as problem:
            return self.refused(door, Outcome.NO_TICKET, str(problem))
        if abs(delivery.at - self._clock.now()) > door.verifier.window:
            return self.refused(door, Outcome.STALE)
        return Believed(door, delivery)

    def refused(self, door: Door, outcome: Outcome, said: str = "") -> Answer:
        """Count a call that does not count; say so, but not of each one."""
        self.tally.add(door.source, outcome)
        now = steady(self._clock)
        if outcome in _CURES and now >= self._complained.get((door.source, outcome), now):
            self._complained[door.source, outcome] = now + COMPLAINS_EVERY
            what = f"a call on its webhook was not taken ({outcome.value.replace('_', ' ')}{f': {said}' if said else ''})"
            log.warning("%s: %s: %s", door.source, what, _CURES[outcome])
        return Answer(outcome, _STATUS.get(outcome, door.verifier.redeliver))

    def keep(self, batch: Sequence[Believed]) -> list[Answer]:
        """Keep verified calls; after it they are on disk, all of them or none, and what each is answered with.

        Where the store takes none the answer is the one after which the platform delivers again.
        """
        sources = {call.door.source: call.door for call in batch}
        named = [[(call.door.source, _hashed(name)) for name in call.delivery.names] for call in batch]
        try:
            with self._database.transaction() as db:
                now = self._clock.now()
                unknown = hints.new_ones(db, chain.from_iterable(named), now)
                outcomes = [_outcome(call, names, unknown) for call, names in zip(batch, named, strict=True)]
                hints.give(db, _hints(batch, outcomes))
                for source in sources:
                    hints.heard(db, source, now)
                self._tidy(db, now)
        except StoreError:
            return [self.refused(call.door, Outcome.NOT_STORED) for call in batch]
        for door in sources.values():
            door.announce()
        for call, outcome in zip(batch, outcomes, strict=True):
            self.tally.add(call.door.source, outcome)
        return [Answer(outcome, 204) for outcome in outcomes]

    def _tidy(self, db: Connection, now: Instant) -> None:
        if steady(self._clock) >= self._next_tidying:
            self._next_tidying = steady(self._clock) + TIDIED_EVERY
            for door in self.doors.values():
                hints.forget(db, door.source, now - door.verifier.remembered, MOST_REMEMBERED)


def _outcome(call: Believed, names: Sequence[tuple[str, str]], unknown: set[tuple[str, str]]) -> Outcome:
    """Of two calls of one batch that share a name the first is the new one: it takes its names from the unknown ones."""
    new = unknown.issuperset(names)
    unknown.difference_update(names)
    if not new:
        return Outcome.DUPLICATE
    return Outcome.ACCEPTED if call.delivery.tickets else Outcome.OTHER


def _hints(batch: Sequence[Believed], outcomes: Sequence[Outcome]) -> Iterator[tuple[str, str, Instant]]:
    for call, outcome in zip(batch, outcomes, strict=True):
        if outcome is Outcome.ACCEPTED:
            at = call.door.source_time()
            yield from ((call.door.source, ticket, at) for ticket in call.delivery.tickets)


def _hashed(name: str) -> str:
    return blake2b(name.encode(), digest_size=16).hexdigest()
