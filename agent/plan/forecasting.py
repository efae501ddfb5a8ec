"""The forecast: what escalates next, when and to whom, if nobody acts but hoist. Reads the store alone, and writes nothing.

Of most tickets the store knows when a rule could fire next (`next_look`), so only those are judged whose time comes before the
horizon, those with something under way, and those that were last looked at under other rules.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from agent import clusters
from agent.collector import spare_the_collector
from agent.commands import existing_store
from agent.config import Settings
from agent.errors import ConfigError
from agent.evaluate import urgency_of
from agent.hindsight.whole_mirror import Rules, bound
from agent.in_force.governing import rules_in_force
from agent.in_force.ruling import Ruling
from agent.judging_pool import in_processes
from agent.last_read import there
from agent.plan.planning import SMALL, Progress
from agent.plan.playing_forward import Foreseen, future
from agent.plan.prospective import Prospect, Stored, in_force
from agent.plan.turns import Waits, turns
from agent.store import mirrored, plans, sources
from agent.store.database import Database, open_read_only
from agent.store.rulebooks import Texts
from rules.confidential import CONCEALED, TITLE
from rules.escalation import NoticeKind
from rules.instants import HOUR, Instant, moment, written
from rules.ladder import step_name
from rules.protocol.rulebook import Rulebook

PIECE: Final = 500
"""Tickets that a process takes at a time."""

Tickets = tuple[str, tuple[str, ...]]
"""A source, and the ids of some of its tickets."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One escalation to come. `team` is the organisation's name of the team that gets or has the ticket, else the source's.

    `moves`: the team is another one than before. `paged` and `told` are addresses, or the rule's words where there are none.
    `queued`: it waits for its rule's turn, which may come later, too. A confidential one says no more than that.
    """

    source: str
    key: str
    url: str
    at: Instant
    rules: tuple[str, ...]
    steps: tuple[str, ...]
    team: str
    moves: bool
    priority: str
    paged: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    queued: tuple[Waits, ...] = ()
    confidential: bool = False


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to come from `begins` to `ends` (this machine's clock), in order; `judged` is how many tickets were looked at."""

    begins: Instant
    ends: Instant
    expected: tuple[Expected, ...]
    judged: int
    zone: str
    notes: tuple[str, ...] = ()

    def of_team(self, team: str) -> Forecast:
        """What concerns one team alone."""
        own = tuple(each for each in self.expected if each.team == team)
        return Forecast(self.begins, self.ends, own, self.judged, self.zone, self.notes)

    def hours(self) -> list[Instant]:
        """The beginnings of the hours that it reaches over."""
        first = self.begins // HOUR * HOUR
        return list(range(first, self.ends, HOUR))

    def load(self) -> Mapping[tuple[str, Instant], int]:
        """How many escalations there are for each team (that gets or has the ticket) and hour."""
        return Counter((each.team, each.at // HOUR * HOUR) for each in self.expected)

    def paged(self) -> Mapping[tuple[str, Instant], int]:
        """How often each person is paged in each hour."""
        return Counter((person, each.at // HOUR * HOUR) for each in self.expected for person in each.paged)


class Asked(NamedTuple):
    """What every process of the pool is told."""

    store: Path
    rules: Rules
    now: Mapping[str, Instant]
    horizon: int


class Desk(NamedTuple):
    """What one process works with."""

    database: Database
    sources: Mapping[str, Prospect]
    asked: Asked


def forecast(settings: Settings, horizon: int, here: Instant, progress: Progress, processes: int | None = None) -> Forecast:
    """What is to come within so many milliseconds. Raises ConfigError where nothing was read yet."""
    existing_store(settings).close()
    with closing(open_read_only(settings.store)) as database:
        with database.reading() as db:
            asked, rulebook = _asked(settings, db, horizon, here)
            pieces = list(_pieces(db, asked, rulebook))
            notes = tuple(_notes(db, here, here + horizon))
            next_turns = {(source, rule): at for source in asked.now for rule, at in sources.next_turns(db, source).items()}
        total = sum(len(ids) for _, ids in pieces)
        many = processes or (1 if total <= SMALL // 10 else os.cpu_count() or 1)
        expected, judged = list[Expected](), 0
        for piece, found in zip(pieces, in_processes(partial(start, asked), judge, pieces, many), strict=True):
            expected += found
            judged += len(piece[1])
            progress(judged, total)
    coming, waiting = _in_turn(expected, next_turns, here + horizon)
    if waiting:
        notes = (*notes, f"{waiting:,} more wait for their turn until after the end of this forecast (existing_tickets)")
    return Forecast(here, here + horizon, tuple(coming), judged, rulebook.organisation.time_zone, notes)


def _in_turn(
    expected: Sequence[Expected], next_turns: Mapping[tuple[str, str], Instant], ends: Instant
) -> tuple[list[Expected], int]:
    """In the order in which they come, each that waits for its turn then; and how many come too late."""
    found = turns([each.queued for each in expected], next_turns)
    moved = [each if at is None else replace(each, at=at) for each, at in zip(expected, found, strict=True)]
    coming = [each for each in moved if each.at <= ends]
    return sorted(coming, key=lambda each: (each.at, each.source, each.key)), len(moved) - len(coming)


def _asked(settings: Settings, db: Connection, horizon: int, here: Instant) -> tuple[Asked, Rulebook]:
    loaded = rules_in_force(settings, db)
    now = {
        source.name: there(db, source.name, here)
        for source in settings.sources
        if sources.found_source(db, source.name) is not None
    }
    if not now:
        raise ConfigError("no source was ever read: hoist run comes first")
    rules = Rules(Texts(loaded.texts, loaded.library), settings.protocol, settings.copies, here)
    return Asked(settings.store, rules, now, horizon), loaded.rulebook


def _pieces(db: Connection, asked: Asked, rulebook: Rulebook) -> Iterator[Tickets]:
    for source, now in asked.now.items():
        known = sources.version_in_force(db, source) == rulebook.version
        generation = sources.generation(db, source) + (not known)
        ids = mirrored.to_be_judged(db, source, now + asked.horizon, generation)
        while some := tuple(islice(ids, PIECE)):
            yield source, some


def _notes(db: Connection, here: Instant, ends: Instant) -> Iterator[str]:
    for row in plans.that_wait(db):
        if here < row.at < ends:
            yield f"{row.name} comes into force at {written(row.at)}; the forecast goes by the rules that are in force now"


def start(asked: Asked) -> Desk:
    """Open the store to read, and bind the rules to every source. Raises BindingError, StoreError."""
    database, rulebook = open_read_only(asked.store), asked.rules.rulebook()
    world = asked.rules.world(rulebook)
    with database.reading() as db:
        made = {
            source: in_force(db, bound(db, rulebook, world, source, sources.directory(db, source)), now)
            for source, now in asked.now.items()
        }
    spare_the_collector()
    return Desk(database, made, asked)


def judge(desk: Desk, piece: Tickets) -> list[Expected]:
    """What is to come on these tickets."""
    source, ids = piece
    prospect, now = desk.sources[source], desk.asked.now[source]
    until = now + desk.asked.horizon
    with desk.database.reading() as db:
        known = [each.ticket for each in mirrored.mirrored(db, source, ids).values() if each.ticket.gone is None]
        stored = Stored(db, source, ids)
        laid = clusters.laid_over(db, known, prospect.ruling.rules)
    found: list[Expected] = []
    for ticket in laid:
        present, past = stored.up_to_date(ticket), stored.past(ticket.ref.id, prospect)
        writes = future(present, past, prospect.ruling, now, until).writes
        found += [_expected(write, prospect.ruling) for write in writes]
    return found


def _expected(write: Foreseen, ruling: Ruling) -> Expected:
    ticket, escalation, rules = write.ticket, write.escalation, ruling.rules
    fields = {**ticket.fields, **{change.field: change.new for change in escalation.changes}}
    own = [rules.rule(cause.key.rule).rule for cause in write.causes]
    who = (ticket.ref.source, ticket.key, ticket.url, write.at)
    queued = _queued(write, ruling)
    if any(rule.confidential for rule in own):
        hidden: dict[str, Any] = {"team": CONCEALED, "moves": False, "priority": CONCEALED, "confidential": True}
        return Expected(*who, (TITLE,), (), **hidden, queued=queued)
    teams = {id_: name for name, ids in rules.teams.items() for id_ in ids}
    words = {id_: level.word for level in rules.levels for id_ in level.ids}
    paged, told = (
        tuple(
            dict.fromkeys(
                person
                for notice in escalation.notices
                if (notice.kind is NoticeKind.PAGE) is urgent
                for person in notice.addresses or (notice.to,)
            )
        )
        for urgent in (True, False)
    )
    team, priority = fields.get("team"), fields.get("priority")
    return Expected(
        *who,
        tuple(rule.id for rule in own),
        tuple(step_name(rule, cause.key.step) for rule, cause in zip(own, write.causes, strict=True)),
        "no team" if team is None else teams.get(str(team)) or rules.directory.teams.get(str(team), str(team)),
        any(change.field == "team" for change in escalation.changes),
        "" if priority is None else words.get(str(priority), str(priority)),
        paged,
        told,
        tuple(dict.fromkeys(reason for cause in write.causes for reason in cause.because)),
        queued,
    )


def _queued(write: Foreseen, ruling: Ruling) -> tuple[Waits, ...]:
    """Its firings that wait for a turn; none where anything else of it does not, and is written all the same."""
    if not all(cause.queued for cause in write.causes):
        return ()
    urgency, source = urgency_of(write.ticket, ruling), write.ticket.ref.source
    rates = [(cause, ruling.rule(cause.key.rule).existing.limit) for cause in write.causes]
    return tuple(Waits(source, cause.key.rule, rate, urgency, cause.due, write.at) for cause, rate in rates if rate)


def local_hour(at: Instant, forecast: Forecast) -> str:
    """`Mon 09:00`, as people of the organisation read it."""
    return f"{moment(at).astimezone(ZoneInfo(forecast.zone)):%a %H:%M}"


def teams(found: Sequence[Expected]) -> list[str]:
    """The teams of a forecast, those with the most first."""
    return [team for team, _ in Counter(each.team for each in found).most_common()]
