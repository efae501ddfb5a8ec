"""Changes that wait for a person: listed with what they would write, approved, rejected, tried again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from agent.clock import AT_ONCE
from agent.guards.approval import Proposal, proposals
from agent.in_force.ruling import Ruling
from agent.store import brakes, episodes, journal, mirrored, runs, waiting
from agent.store.episodes import EpisodeRow
from agent.store.mirrored import Mirrored
from agent.store.runs import Run
from agent.store.statements import EVERYTHING, Place
from agent.store.states import RowState
from agent.store.waiting import WAITING, Planned, WaitingRow
from agent.who import Who
from rules.escalation import FiringKey
from rules.instants import FOREVER, HOUR, Instant

EXISTING: Final = "it was so before the rule went live (existing_tickets)"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One change that waits: its row (of an existing ticket that was left alone, one that is not in the store yet)."""

    key: str  # the ticket's
    row: WaitingRow
    proposal: Proposal
    ignored: bool = False  # no row is in the store
    confidential: bool = False  # where a ticket would go is told nowhere

    @property
    def can_be_approved(self) -> bool:
        """Whether a word is enough for it to be written."""
        return self.row.state is not RowState.PARKED and self.proposal.escalation is not None


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a person's word: done for so many, and a sentence for each that it was not done for."""

    done: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """How many changes of a source wait, by what for: counted, not judged.

    `existing`: tickets that were left alone since they are older than their rule, by rule; it may apply to some no longer, and
    others may be gone.
    """

    held: int
    backlog: int
    queued: int
    parked: int
    existing: Mapping[str, int]

    @property
    def rows(self) -> int:
        """Those that are in the store as changes."""
        return self.held + self.backlog + self.queued + self.parked

    @property
    def total(self) -> int:
        """All of them."""
        return self.rows + sum(self.existing.values())


def counted(db: Connection, source: str, ruling: Ruling) -> Counted:
    """What waits in a source; no ticket is looked at."""
    by_state = waiting.count_waiting(db, source)
    left = episodes.count_by_rule(db, source, backlog=True)
    existing = {rule: number for rule, number in left.items() if rule in ruling.rules.by_id}
    held, backlog, queued, parked = (by_state.get(state, 0) for state in WAITING)
    return Counted(held, backlog, queued, parked, existing)


def waiting_changes(db: Connection, source: str, ruling: Ruling, now: Instant, ids: Iterable[str] | None = None) -> list[Waiting]:
    """All changes of a source that wait for a person, or those of some tickets, the most urgent first."""
    wanted = None if ids is None else list(ids)
    rows = [(row, False) for row in waiting.that_wait(db, source, wanted)]
    rows += [(row, True) for row in _ignored(db, source, ruling, now, wanted)]
    return sorted(_judged(db, source, rows, ruling, now), key=lambda each: (each.row.urgency, each.row.instant, each.row.id))


def page(db: Connection, source: str, ruling: Ruling, now: Instant, place: Place) -> list[Waiting]:
    """Some of what waits in a source: changes in the store first, then existing tickets, each the most urgent first.

    Existing tickets to which their rule applies no longer wait for nobody, and are left out.
    """
    in_store = counted(db, source, ruling).rows
    rows = [(row, False) for row in waiting.that_wait(db, source, None, place)]
    if place.first + place.number > in_store:
        rest = Place(max(0, place.first - in_store), place.number - len(rows))
        rows += [(row, True) for row in _ignored(db, source, ruling, now, None, rest)]
    return _judged(db, source, rows, ruling, now)


def _judged(db: Connection, source: str, rows: Sequence[tuple[WaitingRow, bool]], ruling: Ruling, now: Instant) -> list[Waiting]:
    """These with what each would write, as its ticket is known now; in the order in which they came."""
    by_ticket: dict[str, list[tuple[WaitingRow, bool]]] = {}
    for row, ignored in rows:
        by_ticket.setdefault(row.key.ticket, []).append((row, ignored))
    known = mirrored.mirrored(db, source, list(by_ticket))
    found: list[Waiting] = []
    for name, own in by_ticket.items():
        ticket = known.get(name)
        made = _proposed(db, ticket, [row for row, _ in own], ruling, now)
        key = name if ticket is None else ticket.ticket.key
        both = zip(own, made, strict=True)
        # an existing ticket that was left alone, and to which it applies no longer, waits for nobody
        found += [
            Waiting(key, row, each, ignored, _is_confidential(row, ruling))
            for (row, ignored), each in both
            if each.escalation or not ignored
        ]
    order = {row.key: place for place, (row, _) in enumerate(rows)}
    return sorted(found, key=lambda each: order[each.row.key])


def of_run(db: Connection, run: Run, ruling: Ruling, now: Instant) -> list[Waiting]:
    """What a run holds."""
    ids = {row.key.ticket for row in runs.held(db, run)}
    return [each for each in waiting_changes(db, run.source, ruling, now, ids) if each.row.run == run.id]


def _is_confidential(row: WaitingRow, ruling: Ruling) -> bool:
    bound = ruling.rules.by_id.get(row.key.rule)
    return bound is not None and bound.rule.confidential


def _proposed(
    db: Connection, known: Mirrored | None, rows: Sequence[WaitingRow], ruling: Ruling, now: Instant
) -> Sequence[Proposal]:
    if known is None:
        return [Proposal(None, "the ticket is not mirrored")] * len(rows)
    gone = [row for row in rows if row.key.rule not in ruling.rules.by_id]
    there = [row for row in rows if row.key.rule in ruling.rules.by_id]
    made = dict(zip((row.key for row in there), proposals(db, known, there, ruling, now), strict=True))
    made |= {row.key: Proposal(None, "its rule is no longer in force") for row in gone}
    return [made[row.key] for row in rows]


def _ignored(
    db: Connection, source: str, ruling: Ruling, now: Instant, ids: Sequence[str] | None, place: Place = EVERYTHING
) -> list[WaitingRow]:
    """Episodes that were left alone since they are older than their rule, as the rows that they would be."""
    left = episodes.left(db, source, list(ruling.rules.by_id), ids, place)
    return [_row(source, each, urgency, now) for each, urgency in left]


def _row(source: str, episode: EpisodeRow, urgency: int, now: Instant) -> WaitingRow:
    key = FiringKey(source, episode.ticket, episode.rule, episode.number, episode.last.steps[-1])
    times = (episode.fired_at, now, FOREVER)
    return WaitingRow(0, key, RowState.BACKLOG, *times, urgency, 0, None, None, None, 0, (), EXISTING)


# --- a person's word ---------------------------------------------------------------------------------------------------


def approve(db: Connection, chosen: Sequence[Waiting], who: Who, now: Instant, per_hour: int | None = None) -> Answered:
    """Let these be written, with exactly the values that they show; `per_hour`: no faster than that, the most urgent first."""
    done, problems = 0, []
    for each in chosen:
        if not each.can_be_approved:
            why = each.proposal.why_not or "it was refused: hoist changes retry"
            problems.append(f"{each.row.key.source}:{each.key} {each.row.key.rule}: {why}")
            continue
        row = _stored(db, each, now)
        wait = 0 if per_hour is None else done * HOUR // per_hour
        values = each.proposal.values
        begins = now + wait if wait else _at_once(row, now)
        said = {"not_before": begins, "let_at": now, "approved": values, "problem": ""}
        told = {"run": row.run, "not_before": begins, "values": None if each.confidential else values, **who.data()}
        done += waiting.move(db, row, RowState.PLANNED, now, told, "approved", **said)
    _close(db, chosen, now)
    return Answered(done, tuple(problems))


def reject(db: Connection, chosen: Sequence[Waiting], who: Who, now: Instant) -> Answered:
    """These are not written, for as long as it stays so in their tickets."""
    done, problems = 0, []
    for each in chosen:
        if each.row.state is RowState.PARKED:
            problems.append(
                f"{each.row.key.source}:{each.key} {each.row.key.rule}: it was refused by the source, and waits for nothing"
            )
            continue
        row = _stored(db, each, now)
        said = {"settled_at": now, "problem": f"{who.name} rejected it: {who.why}"}
        done += waiting.move(db, row, RowState.REJECTED, now, {"run": row.run, **who.data()}, **said)
    _close(db, chosen, now)
    return Answered(done, tuple(problems))


def retry(db: Connection, source: str, ticket: Mirrored, who: Who, now: Instant) -> Answered:
    """Try again what the source refused of a ticket, and let go of its brakes."""
    name, done = ticket.ticket.ref.id, 0
    for row in waiting.of_ticket(db, source, name, (RowState.PARKED,)):
        anew = {"not_before": _at_once(row, now), "escalation": None, "attempts": 0, "settled_at": None, "problem": ""}
        told = {"reason": row.problem, **who.data()}
        done += waiting.move(db, row, RowState.PLANNED, now, told, "retried", **anew)
    for rule in brakes.of_tickets(db, source, [name]).get(name, {}):
        if brakes.release(db, source, name, rule, now):
            done += 1
            mirrored.set_next_look(db, ticket.ticket.ref, AT_ONCE)
            journal.append(db, "brake-released", now, source, name, rule=rule, **who.data())
    return Answered(done)


def _at_once(row: WaitingRow, now: Instant) -> Instant:
    """Since it was due: a clock that knows the source's by a second less well than this one has been there, too (see AT_ONCE)."""
    return min(now, row.instant)


def _stored(db: Connection, each: Waiting, now: Instant) -> WaitingRow:
    """The row in the store; an existing ticket that was left alone gets one now."""
    if not each.ignored:
        return each.row
    row = each.row
    for episode in episodes.of_tickets(db, row.key.source, [row.key.ticket]).get(row.key.ticket, ()):
        if (episode.rule, episode.number) == (row.key.rule, row.key.episode):
            episodes.leave_backlog(db, row.key.source, episode)
    said = (row.key, row.instant, now, now, row.urgency, row.because, RowState.BACKLOG, EXISTING)
    waiting.plan(db, [Planned(*said)])
    return next(found for found in waiting.of_ticket(db, row.key.source, row.key.ticket) if found.key == row.key)


def _close(db: Connection, chosen: Sequence[Waiting], now: Instant) -> None:
    for source in {each.row.key.source for each in chosen}:
        runs.close_empty(db, source, now)
