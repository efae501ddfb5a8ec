"""Under what a source's tickets would be judged: by the rules in force, and by others from some instant on. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from agent.in_force.ruling import Ruling
from agent.in_force.wording import wording
from agent.plan.playing_forward import Past, written_to
from agent.store import brakes, episodes, operations, outages, pauses, snoozes, sources, waiting
from agent.store.episodes import EpisodeRow
from agent.store.states import OperationState, RowState
from agent.store.waiting import WaitingRow
from rules.binding import BoundRules
from rules.instants import Instant
from rules.protocol.rule import Mode
from rules.ticket import Ticket

UNSETTLED = (
    *(RowState.PLANNED, RowState.QUEUED, RowState.CLAIMED, RowState.SENT, RowState.UNKNOWN),
    *(RowState.HELD, RowState.BACKLOG, RowState.WATCHED, RowState.SUPERSEDED),
)
"""What may still be written, or stands for something that may."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """A ruling, and the former ids of its rules under which the store has what it will go on with."""

    ruling: Ruling
    renamed: Mapping[str, str]

    def past(self, recorded: Sequence[EpisodeRow], rows: Sequence[WaitingRow], released: Mapping[str, Instant]) -> Past:
        """What the store has of one ticket, as this ruling would find it."""
        if not self.renamed:
            return Past(recorded, rows, released)
        name = self.renamed.get
        episodes_now = [replace(row, rule=name(row.rule, row.rule)) for row in recorded]
        rows_now = [replace(row, key=replace(row.key, rule=name(row.key.rule, row.key.rule))) for row in rows]
        return Past(episodes_now, rows_now, {name(rule, rule): at for rule, at in released.items()})


def in_force(db: Connection, bound: BoundRules, now: Instant) -> Prospect:
    """As `hoist run` judges by rules that are in force; `now` on the source's clock."""
    worded = {rule: at for rule, (_, at) in sources.wordings(db, bound.source).items() if at}
    return Prospect(_ruling(db, bound, sources.active_since(db, bound.source), worded, now), {})


def from_now_on(db: Connection, bound: BoundRules, now: Instant) -> Prospect:
    """As `hoist run` would judge had it just taken these rules over: see `sources.activate` and `sources.reword`."""
    noted, modes = sources.active_since(db, bound.source), sources.active_modes(db, bound.source)
    worded = sources.wordings(db, bound.source)
    renamed = {
        former: rule.id for rule in bound.rules for former in rule.rule.formerly if former in noted and rule.id not in noted
    }
    known = {rule: next((former for former, new in renamed.items() if new == rule), rule) for rule in bound.by_id}
    activated, reworded = dict[str, Instant](), dict[str, Instant]()
    for rule in bound.rules:
        name, goes_live = known[rule.id], rule.rule.mode is Mode.LIVE
        was = modes.get(name)
        activated[rule.id] = now if was is None or (goes_live and was is not Mode.LIVE) else noted[name]
        said, at = worded.get(name, ("", 0))
        if said and said != wording(rule.rule):
            at = now
        if at:
            reworded[rule.id] = at
    return Prospect(_ruling(db, bound, activated, reworded, now), renamed)


def _ruling(
    db: Connection, bound: BoundRules, activated: Mapping[str, Instant], reworded: Mapping[str, Instant], now: Instant
) -> Ruling:
    row = sources.found_source(db, bound.source)
    generation, account = (0, "") if row is None else (row.generation, row.account)
    return Ruling(
        bound,
        activated,
        generation,
        0,
        outages.lately(db, bound.source, now),
        pauses.lulls(db, bound.source, now),
        reworded,
        snoozes.until(db, bound.source, now),
        account,
    )


class Stored:
    """What the store has of some tickets beside what was read of them."""

    def __init__(self, db: Connection, source: str, ids: Collection[str]) -> None:
        self._recorded = episodes.of_tickets(db, source, ids)
        self._rows = waiting.unsettled(db, source, list(self._recorded), UNSETTLED)
        self._released = brakes.released(db, source, ids)
        self._sent = operations.that_may_have_left(db, source, list(self._recorded))

    def past(self, ticket: str, prospect: Prospect) -> Past:
        """Of one ticket, by its id."""
        recorded, rows = self._recorded.get(ticket, ()), self._rows.get(ticket, ())
        return prospect.past(recorded, rows, self._released.get(ticket, {}))

    def up_to_date(self, ticket: Ticket) -> Ticket:
        """The ticket with what hoist has written since it was read last, which the next read will show."""
        for row in self._sent.get(ticket.ref.id, ()):
            done = row.operation
            unseen = all(ticket.fields.get(change.field) == change.old for change in done.changes)
            if row.state is OperationState.APPLIED and (row.settled_at or 0) >= ticket.known and unseen:
                at = row.accepted_at or row.settled_at or ticket.known
                ticket = written_to(ticket, done.changes, done.add_labels, max(at, ticket.known), noted=bool(done.comment))
        return ticket
