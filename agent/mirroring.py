"""The mirror and evaluate stages: what was read is laid over what was known and judged, in the caller's transaction.

Tickets, their next looks, their episodes and their rows in the outbox are stored together, or not at all.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection

from agent import clusters
from agent.due_soon import DueSoon
from agent.evaluate import Decision, decide, urgency_of
from agent.in_force.ruling import Ruling
from agent.mirror import Sent, reconciled
from agent.recording import record, rests_on
from agent.store import brakes, episodes, journal, mirrored, operations, quarantine, snoozes, sources, waiting
from agent.store.installation import Installation
from agent.store.mirrored import Kept, Mirrored
from agent.store.operations import OperationRow
from agent.store.quarantine import QuarantineRow
from agent.write_back import markers, overtaken
from connectors.contract import Quarantined
from rules.instants import FOREVER, Instant
from rules.ticket import Ticket

log = logging.getLogger("hoist")

_NOTHING: Final[Mapping[str, Instant]] = MappingProxyType({})


@dataclass(slots=True)
class Counts:
    """What a pipeline did since it was made."""

    mirrored: int = 0
    unchanged: int = 0
    quarantined: int = 0
    polls: int = 0
    looks: int = 0
    requests_for_writes: int = 0
    gone: int = 0  # tickets that were to be written, and were no longer there
    firings: Counter[str] = field(default_factory=Counter)


Judged = tuple[Ticket, Decision]
"""A ticket as it is kept, and what was decided on it."""


class Mirroring:
    """What one source's tickets are kept and judged with."""

    def __init__(self, source: str, installation: Installation, request_life: int) -> None:
        """`request_life` in milliseconds: after it a request whose answer was lost takes effect no more. Set `ruling` first."""
        self.source, self.counts = source, Counts()
        self._installation, self._request_life = installation, request_life
        self._ruling: Ruling | None = None
        self._due_soon = DueSoon(source)
        self.overtaken = False
        """Other rules are in force than those that it judges by: nothing is decided before it is given them."""

    @property
    def ruling(self) -> Ruling:
        if self._ruling is None:
            raise RuntimeError("set the ruling first")
        return self._ruling

    @ruling.setter
    def ruling(self, ruling: Ruling) -> None:
        self._ruling = ruling

    def mark(self, key: str) -> str:
        """The marker of a key: what is left in the source instead of it."""
        return markers.marker(self._installation, self.source, key)

    def keep(self, db: Connection, tickets: Sequence[Ticket], now: Instant, continued: Collection[str] = ()) -> dict[str, Judged]:
        """Mirror and evaluate tickets just read; those that an older read brought are left out. `continued`: see `Page`."""
        if not tickets:
            return {}
        ids = [ticket.ref.id for ticket in tickets]
        before = mirrored.mirrored(db, self.source, ids)
        sent = operations.that_may_have_left(db, self.source, ids) if before else {}
        kept = []
        for read in tickets:
            known = before.get(read.ref.id)
            left = [self._sent(row) for row in sent.get(read.ref.id, ())]
            ticket = reconciled(read, known.ticket if known else None, left, continued=read.ref.id in continued)
            if ticket is not None:
                kept.append(ticket)
                if left and known is not None:
                    overtaken.at_read(db, ticket, known.ticket, sent[ticket.ref.id], now)
        revisions = {name: known.revision + 1 for name, known in before.items()}
        decisions = self._decide(db, kept, now, revisions)
        generation = self.ruling.generation
        looks = [decisions[ticket.ref.id] for ticket in kept]
        mirrored.keep(db, [Kept(t, d.urgency, d.next_look, generation) for t, d in zip(kept, looks, strict=True)])
        quarantine.release(db, self.source, ids)
        self.counts.mirrored += len(kept)
        return {ticket.ref.id: (ticket, decisions[ticket.ref.id]) for ticket in kept}

    def reconciled(self, db: Connection, read: Ticket) -> Ticket | None:
        """A ticket just read, over what was known of it, without keeping it; None where an older read brought it."""
        name = read.ref.id
        known = mirrored.mirrored(db, self.source, [name]).get(name)
        left = operations.that_may_have_left(db, self.source, [name]).get(name, ())
        return reconciled(read, known.ticket if known else None, [self._sent(row) for row in left])

    def _sent(self, row: OperationRow) -> Sent:
        since = row.sent_at or 0
        return Sent(row.operation, since, max(row.settled_at or 0, since + self._request_life))

    def _decide(
        self, db: Connection, tickets: Iterable[Ticket], now: Instant, revisions: Mapping[str, int]
    ) -> dict[str, Decision]:
        """Evaluate tickets and record what came of it: episodes, steps, outbox rows. `revisions` are those of known tickets."""
        read = list(tickets)
        if self._overtaken(db):
            return {ticket.ref.id: Decision(FOREVER, urgency_of(ticket, self.ruling)) for ticket in read}
        clusters.count(db, read, self.ruling.rules, now, self._installation.key)
        found = {ticket.ref.id: ticket for ticket in clusters.laid_over(db, read, self.ruling.rules)}
        recorded = episodes.of_tickets(db, self.source, found)
        rows = waiting.dormant(db, self.source, [name for name in found if name in recorded])
        released = brakes.released(db, self.source, recorded)
        self.ruling = ruling = replace(self.ruling, snoozed=snoozes.until(db, self.source, now))
        decisions = {
            name: decide(
                ticket,
                recorded.get(name, ()),
                rows.get(name, ()),
                ruling,
                now,
                released.get(name, _NOTHING),
                self._due_soon.take(name),
            )
            for name, ticket in found.items()
        }
        kept = {ticket.ref.id: ticket for ticket in read}

        def rests(name: str) -> dict[str, Any]:
            return rests_on(ruling.rules, kept[name], revisions.get(name, 1))

        planned = record(db, self.source, decisions.values(), now, ruling.resolution, rests)
        self.counts.firings.update(row.key.rule for row in planned)
        self.counts.looks += len(decisions)
        return decisions

    def _overtaken(self, db: Connection) -> bool:
        """Asked in the very transaction that would record decisions: no two sets of rules ever decide side by side."""
        self.overtaken = sources.generation(db, self.source) > self.ruling.generation
        return self.overtaken

    def quarantine(self, db: Connection, quarantined: Sequence[Quarantined], at: Instant) -> None:
        """Keep what could not be mapped, in its raw form."""
        for found in quarantined:
            if quarantine.put(db, QuarantineRow(self.source, found.id, found.key, found.reason, found.raw, at)):
                journal.append(db, "quarantined", at, self.source, found.id, reason=found.reason)
                self.counts.quarantined += 1

    def read_anew(self, db: Connection, damaged: Sequence[str], now: Instant) -> None:
        """Tickets whose rows in the store are damaged: set aside as they stand there, and read from the source once more.

        What hoist did on them it knows from elsewhere: nothing is written a second time.
        """
        for name in damaged:
            key, body = mirrored.forget(db, self.source, name)
            reason = "what hoist's own store held of it was damaged; it is read anew"
            quarantine.put(db, QuarantineRow(self.source, name, key, reason, body, now))
            journal.append(db, "quarantined", now, self.source, name, reason=reason)
            log.warning("%s: %s: %s", self.source, key or name, reason)
        sources.read_anew(db, self.source)

    def look_ahead(self, db: Connection, now: Instant, every: int) -> None:
        """Read and judge beforehand what falls due soon, once in `every` milliseconds; nothing is decided or stored."""
        self._due_soon.prepare(db, self.ruling.rules, now, every)

    def due(self, db: Connection, at: Instant, limit: int) -> list[Mirrored]:
        """Tickets whose next look has come, the earliest first."""
        return mirrored.due(db, self.source, at, limit, self._due_soon.tickets)

    def look_at(self, db: Connection, looked_at: Sequence[Mirrored], now: Instant) -> None:
        """Judge mirrored tickets anew."""
        revisions = {m.ticket.ref.id: m.revision for m in looked_at}
        decisions = self._decide(db, [m.ticket for m in looked_at], now, revisions)
        generation = self.ruling.generation
        mirrored.set_next_looks(db, [(m, decisions[m.ticket.ref.id].next_look, generation) for m in looked_at])

    def gone(self, db: Connection, name: str, at: Instant, now: Instant) -> None:
        """The ticket is no more, or no longer visible: kept as it was last seen, and looked at no more."""
        for known in mirrored.mirrored(db, self.source, [name]).values():
            lost = Kept(replace(known.ticket, gone=at), known.urgency, FOREVER, self.ruling.generation)
            mirrored.keep(db, [lost])
            clusters.count(db, [lost.ticket], self.ruling.rules, now, self._installation.key)
