"""What changed rules would do beside those in force, on a piece of the mirror: every ticket that differs, field by field.

A ticket is played forward under both (`agent.plan.playing_forward`) only where they can differ: where a changed rule holds on it,
or comes to hold, or where something is due anyway, which may bring it to a changed rule. Else both do nothing until the horizon.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection

from agent import clusters
from agent.collector import spare_the_collector
from agent.hindsight.whole_mirror import Rules, bound, by_source
from agent.plan.clocks import Lengths, RunningTarget, measured, raises, running
from agent.plan.playing_forward import Cause, Foreseen, Future, Resting, begins, future
from agent.plan.prospective import Prospect, Stored, from_now_on, in_force
from agent.store import sources
from agent.store.database import Database, open_read_only
from agent.store.mirrored import Mirrored
from agent.store.states import RowState
from rules.binding import BoundRule, BoundRules
from rules.comparison import compared
from rules.engine import evaluate
from rules.escalation import NoticeKind
from rules.instants import DAY, Instant
from rules.protocol.rule import Rule
from rules.ticket import Ticket, Value
from rules.timeline import timeline
from rules.world import Directory

ARRIVED_WITHIN: Final = 7 * DAY
"""The time over which is counted how many tickets reach each team by themselves."""
NAMED: Final = 1_000
"""Tickets of a rule that are left alone and named one by one; all are counted."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What every process of the pool is told: two sets of rules, and for each source the instant from which on is judged.

    `directories` are those of the changed rules; those in force go by the names that they were resolved by.
    """

    store: Path
    active: Rules
    coming: Rules
    directories: Mapping[str, Directory]
    now: Mapping[str, Instant]  # by source, on its own clock
    horizon: int  # milliseconds


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody who is told by a write: how, who in the rule's words, their addresses, and when."""

    kind: NoticeKind
    to: str
    addresses: tuple[str, ...]
    at: Instant


@dataclass(frozen=True, slots=True)
class Firing:
    """A firing behind a write, as the precondition of a plan names it.

    `rate`: how many an hour its rule lets through, where it waits for its turn; None where it goes at once, or when it is due.
    """

    rule: str
    anchor: Instant
    due: Instant
    step: int
    because: tuple[str, ...]
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Touched:
    """One write on one ticket that the changed rules bring about. `changes` are (field, from, to) in the source's ids."""

    source: str
    id: str
    key: str
    url: str
    at: Instant
    firings: tuple[Firing, ...]
    changes: tuple[tuple[str, Value, Value], ...]
    labels: tuple[str, ...]
    note: str | None
    told: tuple[Told, ...]
    findings: tuple[str, ...]
    urgency: int
    targets: tuple[RunningTarget, ...] = ()  # of the platform, where its priority changes
    confidential: bool = False

    @property
    def rate(self) -> int | None:
        """The lowest rate of its firings; None where none of them waits for its turn."""
        return min((firing.rate for firing in self.firings if firing.rate), default=None)


@dataclass(slots=True)
class Found:
    """What a piece of the mirror came to. Everything by source."""

    tickets: int = 0
    now: list[Touched] = field(default_factory=list)
    later: list[Touched] = field(default_factory=list)
    dropped: list[Touched] = field(default_factory=list)  # what the active rules would do and the changed ones do not
    left_alone: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # (source, rule) -> keys
    left: Counter[tuple[str, str]] = field(default_factory=Counter)
    watched: Counter[tuple[str, str]] = field(default_factory=Counter)
    held: Counter[tuple[str, str]] = field(default_factory=Counter)
    arrivals: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, team) within `ARRIVED_WITHIN`
    lengths: Lengths = field(default_factory=Lengths)  # of the platforms' targets, where a changed rule changes priorities

    def add(self, other: Found) -> None:
        """Another piece."""
        self.tickets += other.tickets
        self.now += other.now
        self.later += other.later
        self.dropped += other.dropped
        for place, keys in other.left_alone.items():
            named = self.left_alone.setdefault(place, [])
            named += keys[: max(0, NAMED - len(named))]
        for own, more in ((self.left, other.left), (self.watched, other.watched), (self.held, other.held)):
            own.update(more)
        self.arrivals.update(other.arrivals)
        self.lengths.update(other.lengths)


class Both(NamedTuple):
    """One source under the rules in force and under the changed ones; the rules of each that the other has not like that."""

    active: Prospect
    coming: Prospect
    only_active: frozenset[str]
    only_coming: frozenset[str]
    now: Instant
    raises: bool  # one of the changed rules changes priorities


class Desk(NamedTuple):
    """What one process works with."""

    database: Database
    sources: Mapping[str, Both]
    horizon: int


def start(wanted: Wanted) -> Desk:
    """Open the store to read, and bind both sets of rules to every source. Raises BindingError, StoreError."""
    database = open_read_only(wanted.store)
    active, coming = wanted.active.rulebook(), wanted.coming.rulebook()
    worlds = wanted.active.world(active), wanted.coming.world(coming)
    differences = [each for each in compared(active, coming).rules if each.acts_otherwise]
    everything = worlds[0].version != worlds[1].version or active.organisation != coming.organisation
    with database.reading() as db:
        made = {}
        for source, now in wanted.now.items():
            before = bound(db, active, worlds[0], source, sources.directory(db, source))
            after = bound(db, coming, worlds[1], source, wanted.directories[source])
            old = _ids(before, [each.before.id for each in differences if each.before is not None], everything=everything)
            new = _ids(after, [each.after.id for each in differences if each.after is not None], everything=everything)
            made[source] = Both(in_force(db, before, now), from_now_on(db, after, now), old, new, now, raises(after, new))
    return Desk(database, made, wanted.horizon)


def starting(wanted: Wanted) -> partial[Desk]:
    """`start` as a pool wants it; what a process loads stays, and is not walked through again and again."""
    return partial(_start_spared, wanted)


def _start_spared(wanted: Wanted) -> Desk:
    desk = start(wanted)
    spare_the_collector()
    return desk


def _ids(rules: BoundRules, written: Sequence[str], *, everything: bool) -> frozenset[str]:
    """The ids under which these rules run; where more than rules has changed, all of them."""
    return frozenset(rules.by_id) if everything else frozenset(map(rules.runs_as, written)) & rules.by_id.keys()


def judge(desk: Desk, piece: range) -> Found:
    """What the tickets in these rows come to."""
    found = Found()
    with desk.database.reading() as db:
        for source, tickets in by_source(db, piece, desk.sources):
            found.tickets += len(tickets)
            both = desk.sources[source]
            _count_arrivals(found, tickets, both.now)
            if both.raises:
                found.lengths.update(measured((each.ticket for each in tickets), both.coming.ruling.rules))
            until = both.now + desk.horizon
            differ = [each for each in _laid_over(db, tickets, both) if _may_differ(each, both, until)]
            _played(db, differ, both, until, found)
    return found


def _laid_over(db: Connection, tickets: Sequence[Mirrored], both: Both) -> Sequence[Mirrored]:
    """With the numbers of related tickets, where rules ask for them."""
    rules = both.coming.ruling.rules
    laid = clusters.laid_over(db, [each.ticket for each in tickets], rules)
    both_of = zip(tickets, laid, strict=True)
    return [each if ticket is each.ticket else replace(each, ticket=ticket) for each, ticket in both_of]


def _may_differ(each: Mirrored, both: Both, until: Instant) -> bool:
    soon = each.next_look <= until or each.generation < both.active.ruling.generation
    return soon or _concerned(each.ticket, both, until)


def _concerned(ticket: Ticket, both: Both, until: Instant) -> bool:
    """Whether a rule that differs holds on a ticket as it is now, or comes to hold: else both sets do the same on it."""
    return any(
        _comes_to_hold(ticket, prospect.ruling.rules, changed, both.now, until)
        for prospect, changed in ((both.coming, both.only_coming), (both.active, both.only_active))
    )


def _comes_to_hold(ticket: Ticket, rules: BoundRules, changed: frozenset[str], now: Instant, until: Instant) -> bool:
    if not changed:
        return False
    possible: list[BoundRule] = [rule for rule in rules.present.possible(ticket, now) if rule.id in changed]
    if not possible:
        return False
    episodes = evaluate(timeline(ticket), rules, now, possible).episodes
    return any(start <= until and end > now for episode in episodes for start, end in episode.stretches)


def _count_arrivals(found: Found, tickets: Sequence[Mirrored], now: Instant) -> None:
    """How many tickets came to each team lately, made there or handed over."""
    since = now - ARRIVED_WITHIN
    for each in tickets:
        ticket = each.ticket
        first: Value = ticket.fields.get("team")
        for change in reversed(ticket.changes):
            if change.at < since:
                break
            if change.field == "team":
                first = change.old
                if isinstance(change.new, str):
                    found.arrivals[ticket.ref.source, change.new] += 1
        if ticket.created >= since and isinstance(first, str):
            found.arrivals[ticket.ref.source, first] += 1


# --- both futures --------------------------------------------------------------------------------------------------------


def _played(db: Connection, tickets: Sequence[Mirrored], both: Both, until: Instant, found: Found) -> None:
    if not tickets:
        return
    source = both.coming.ruling.rules.source
    stored = Stored(db, source, [each.ticket.ref.id for each in tickets])
    for each in tickets:
        ticket = stored.up_to_date(each.ticket)
        coming, active = (
            partial(future, ticket, stored.past(ticket.ref.id, prospect), prospect.ruling, both.now, until)
            for prospect in (both.coming, both.active)
        )
        then = coming()
        if any(_concerned(state, both, until) for state in (*(write.ticket for write in then.writes), then.last)):
            _compare(each, active(), then, both, found)


def _compare(each: Mirrored, active: Future, coming: Future, both: Both, found: Found) -> None:
    former, new = Counter(map(_what, active.writes)), Counter(map(_what, coming.writes))
    for write in coming.writes:
        if not former[_what(write)]:
            firing_now = write.at <= begins(each.ticket, both.now)
            (found.now if firing_now else found.later).append(_touched(write, each.urgency, both.coming.ruling.rules))
        former[_what(write)] -= 1
    for write in active.writes:
        if not new[_what(write)]:
            found.dropped.append(_touched(write, each.urgency, both.active.ruling.rules))
        new[_what(write)] -= 1
    before = Counter(_where(rest) for rest in active.resting)
    for rest in coming.resting:
        if before[_where(rest)]:
            before[_where(rest)] -= 1
        elif rest.rule in both.only_coming:
            _count_resting(each.ticket, rest, found)


def _where(rest: Resting) -> tuple[str, RowState, Instant]:
    return rest.rule, rest.state, rest.anchor


def _count_resting(ticket: Ticket, rest: Resting, found: Found) -> None:
    place = (ticket.ref.source, rest.rule)
    match rest.state:
        case RowState.BACKLOG:
            found.left[place] += 1
            named = found.left_alone.setdefault(place, [])
            if len(named) < NAMED:
                named.append(ticket.key)
        case RowState.WATCHED:
            found.watched[place] += 1
        case _:
            found.held[place] += 1


def _what(write: Foreseen) -> tuple[object, ...]:
    """What two writes have in common that are the same."""
    escalation = write.escalation
    fields = tuple((change.field, change.old, change.new) for change in escalation.changes)
    told = tuple((notice.kind, notice.to, notice.addresses, notice.send_at) for notice in escalation.notices)
    rules = tuple((cause.key.rule, cause.key.step) for cause in write.causes)
    return write.at, rules, fields, escalation.add_labels, escalation.restriction, told, escalation.comment


def _touched(write: Foreseen, urgency: int, rules: BoundRules) -> Touched:
    ticket, escalation = write.ticket, write.escalation
    changes = [escalation.restriction] if escalation.restriction is not None else []
    changes += escalation.changes
    own = [rules.rule(cause.key.rule).rule for cause in write.causes]
    fields = {change.field for change in changes}
    return Touched(
        ticket.ref.source,
        ticket.ref.id,
        ticket.key,
        ticket.url,
        write.at,
        tuple(_firing(cause, rule) for cause, rule in zip(write.causes, own, strict=True)),
        tuple((change.field, change.old, change.new) for change in changes),
        escalation.add_labels,
        escalation.comment,
        tuple(Told(n.kind, n.to, n.addresses, max(write.at, n.send_at)) for n in escalation.notices),
        escalation.findings,
        urgency,
        running(ticket, rules, write.at) if "priority" in fields else (),
        any(rule.confidential for rule in own),
    )


def _firing(cause: Cause, rule: Rule) -> Firing:
    return Firing(
        cause.key.rule, cause.anchor, cause.due, cause.key.step, cause.because, rule.existing.limit if cause.queued else None
    )
