"""`hoist audit`: was the protocol followed, and does it still fit? Reads mirror and journal, or a log, and writes nothing."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

from agent.errors import ConfigError
from agent.hindsight.audit_record import recorded_on, undone
from agent.hindsight.backtest import AT_ONCE, Told, instant_of, length_in, since_of
from agent.hindsight.past import Past, Wanted, opened
from agent.hindsight.population import Population
from agent.store import censuses, journal, quarantine
from agent.store.journal import Head
from rules.acknowledgement import Acknowledgements, stays
from rules.audit import WITHOUT, Asked, Entry, Outcome, Recorded, audited
from rules.binding import BoundRules
from rules.calendars import ALWAYS
from rules.clock_referee import Referee
from rules.concealed_key import shown_key
from rules.engine import Evaluation, evaluate
from rules.evidence import Evidence
from rules.instants import FOREVER, MINUTE, Instant, moment
from rules.movement import Movement
from rules.parking import Parking
from rules.passage import Passages
from rules.rulebook import Loaded
from rules.ticket import Status, Ticket
from rules.timeline import timeline

GRACE: Final = 15 * MINUTE
SAMPLE: Final = 25
SHOWN: Final = 3
"""Tickets that are named as examples of an outcome of a rule."""
_OVER: Final = frozenset({Status.RESOLVED, Status.CLOSED})


@dataclass(frozen=True)
class Options:
    """What an audit is asked, as on the command line."""

    past: Wanted
    month: str | None = None
    since: str | None = None
    until: str | None = None
    grace: str | None = None
    seed: int = 1


@dataclass
class OfRule:
    """What became of one rule's steps, and tickets as examples; `tickets` had one at least.

    `elsewhere` are the teams, by the source's ids, to which people moved tickets instead; `first` is when each outcome was first
    due; of `unknown` tickets it can't be said whether the rule held.
    """

    tickets: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    exceptions: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    examples: dict[Outcome, list[Entry]] = field(default_factory=dict)
    months: Counter[str] = field(default_factory=Counter)
    elsewhere: Counter[str] = field(default_factory=Counter)
    first: dict[Outcome, Instant] = field(default_factory=dict)
    unknown: int = 0

    def add(self, entry: Entry, month: str) -> None:
        """Count one step."""
        self.outcomes[entry.outcome] += 1
        self.versions[entry.version] += 1
        self.months[month] += 1
        if entry.outcome is Outcome.HELD_BACK:
            self.exceptions[entry.why] += 1
        if entry.elsewhere:
            self.elsewhere[entry.elsewhere] += 1
        self.first[entry.outcome] = min(entry.due, self.first.get(entry.outcome, FOREVER))
        known = self.examples.setdefault(entry.outcome, [])
        if len(known) < SHOWN:
            known.append(entry)


@dataclass
class Audited:
    """What came of it."""

    told: str
    rules: BoundRules
    loaded: Loaded
    asked: Asked
    notes: tuple[str, ...]
    seed: int
    of_rule: dict[str, OfRule] = field(default_factory=dict)
    passages: Passages = field(default_factory=Passages)
    acknowledged: Acknowledgements = field(default_factory=Acknowledgements)
    parking: Parking = field(default_factory=Parking)
    movement: Movement = field(default_factory=Movement)
    of_leavers: dict[str, Evidence] = field(default_factory=dict)
    referee: Referee = field(default_factory=Referee)
    sample: list[tuple[Entry, ...]] = field(default_factory=list)
    population: Population = field(default_factory=Population)
    head: Head | None = None
    solved: int = 0
    solved_in_front: int = 0
    stopped: bool = False

    @property
    def steps(self) -> int:
        """That were due."""
        return sum(of_rule.outcomes.total() for of_rule in self.of_rule.values())

    def count(self, *outcomes: Outcome) -> int:
        """Of all rules."""
        return sum(of_rule.outcomes[outcome] for of_rule in self.of_rule.values() for outcome in outcomes)


Row = Callable[[Entry], None]
"""Is handed every step that was due, one by one."""


def audit(options: Options, told: Told, stopped: Callable[[], bool] = lambda: False, row: Row = lambda _: None) -> Audited:
    """Audit the past. Raises ConfigError for what can't be asked."""
    with ExitStack() as stack:
        past = stack.enter_context(opened(options.past, audited=True))
        found = Audited(past.told, past.rules, past.loaded, _asked(options, past), past.notes, options.seed)
        found.of_rule = {bound.id: OfRule() for bound in past.rules.rules if not bound.id.endswith(WITHOUT)}
        _Audit(past, found, row).run(told, stopped)
        found.stopped = stopped()
        return found


class _Audit:
    """One audit under way."""

    def __init__(self, past: Past, found: Audited, row: Row) -> None:
        self.past, self.found, self.row = past, found, row
        self.sample: list[tuple[int, int, tuple[Entry, ...]]] = []
        rules = past.rules
        chains = rules.organisation.chains.values()
        self.front = {team for chain in chains for team in rules.teams.get(chain.tiers[0].team, ())}
        default = rules.organisation.calendar
        self.hours = rules.calendars.get(default) if default else None
        self.leavers = {person.id for person in rules.directory.people.values() if not person.active}

    def run(self, told: Told, stopped: Callable[[], bool]) -> None:
        self._open()
        tickets = self.past.tickets()
        while not stopped() and (piece := list(islice(tickets, AT_ONCE))):
            records = self._records(piece)
            for ticket in piece:
                self._ticket(ticket, records.get(ticket.ref.id, ()))
            told(self.found.population.seen, self.past.count)
        self._close()

    def _records(self, piece: Sequence[Ticket]) -> Mapping[str, Sequence[Recorded]]:
        if self.past.database is None:
            return {}
        with self.past.database.reading() as db:
            return recorded_on(db, self.past.rules.source, [ticket.ref.id for ticket in piece])

    def _ticket(self, ticket: Ticket, recorded: Sequence[Recorded]) -> None:
        population = self.found.population
        population.add(ticket)
        asked = self.found.asked
        if not _alive(ticket, asked):
            return
        population.alive += 1
        evaluation = evaluate(timeline(ticket), self.past.rules, FOREVER)
        entries = tuple(audited(ticket, evaluation, asked, undone(ticket, recorded)))
        self._steps(ticket, entries)
        self._unknown(evaluation)
        self._desk(ticket, evaluation)

    def _steps(self, ticket: Ticket, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            at = moment(entry.due).astimezone(self.past.rules.zone)
            self.found.of_rule.setdefault(entry.rule, OfRule()).add(entry, f"{at.year}-{at.month:02}")
            self.row(entry)
        for rule in {entry.rule for entry in entries}:
            self.found.of_rule[rule].tickets += 1
        if entries:
            digest = hashlib.sha256(f"{self.found.seed}\x1f{ticket.ref}".encode()).digest()
            drawn = (-int.from_bytes(digest[:8], "big"), self.found.population.seen, entries)
            (heapq.heappush if len(self.sample) < SAMPLE else heapq.heappushpop)(self.sample, drawn)

    def _unknown(self, evaluation: Evaluation) -> None:
        """Counts the rules of which it can't be said whether they held in the span."""
        asked = self.found.asked
        for rule in self.past.rules.rules:
            surely, may, _ = evaluation.found(rule.number)
            if (
                may is not surely
                and may != surely
                and may[-1] > asked.since
                and may[0] < asked.until
                and rule.id in self.found.of_rule
            ):
                self.found.of_rule[rule.id].unknown += 1

    def _desk(self, ticket: Ticket, evaluation: Evaluation) -> None:
        """What the tickets went through, whatever any rule says."""
        found, asked = self.found, self.found.asked
        key = shown_key(ticket, evaluation)
        way = found.passages.add(ticket, self.past.informal, key)
        found.parking.add(ticket, evaluation.timeline)
        found.movement.add(evaluation.timeline, self.hours, self.past.rules.zone, asked.since, asked.until, key)
        for change in ticket.changes if self.leavers else ():
            if change.by.id in self.leavers and asked.since <= change.at < asked.until:
                found.of_leavers.setdefault(change.by.id, Evidence()).add(key, change.at)
        found.referee.add(ticket, evaluation.timeline, self.hours or ALWAYS, key)
        for stay in stays(ticket, evaluation, self.past.until):
            if asked.since <= stay.start < asked.until:
                found.acknowledged.add(key, stay)
        if ticket.fields.get("status") in _OVER and way.teams:
            found.solved += 1
            found.solved_in_front += self.front.issuperset(way.teams)

    def _open(self) -> None:
        if self.past.database is not None:
            source = self.past.rules.source
            with self.past.database.reading() as db:
                census = censuses.latest(db, source, finished=True)
                self.found.population = Population(census, len(quarantine.rows(db, source)))
                self.found.head = journal.head(db)

    def _close(self) -> None:
        self.found.sample = [entries for _, _, entries in sorted(self.sample, reverse=True)]


def _alive(ticket: Ticket, asked: Asked) -> bool:
    """Whether it was there, and not yet over for good, at some time of the span."""
    if ticket.created >= asked.until or (ticket.gone is not None and ticket.gone <= asked.since):
        return False
    if ticket.fields.get("status") not in _OVER:
        return True
    last = max((change.at for change in ticket.changes), default=ticket.created)
    return last >= asked.since


def _asked(options: Options, past: Past) -> Asked:
    zone = past.rules.zone
    grace = GRACE if options.grace is None else length_in("--grace", options.grace)
    if options.month is not None:
        if options.since is not None or options.until is not None:
            raise ConfigError("--month names the whole span: leave --since and --until out")
        year, _, number = options.month.partition("-")
        if not (year.isdecimal() and number.isdecimal() and 1 <= int(number) <= 12):
            raise ConfigError(f"--month: {options.month!r} is no month; write it like 2026-10")
        begins = f"{int(year):04}-{int(number):02}-01"
        after = datetime(int(year) + int(number) // 12, int(number) % 12 + 1, 1)  # noqa: DTZ001 - read in the zone below
        return Asked(instant_of("--month", begins, zone), instant_of("--month", after.isoformat(), zone), grace)
    until = past.until if options.until is None else instant_of("--until", options.until, zone)
    since = past.first if options.since is None else since_of(options.since, until, zone)
    if since >= until:
        raise ConfigError("nothing lies between --since and --until: take an earlier --since")
    return Asked(since, until, grace)
