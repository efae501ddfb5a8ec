"""What was decided, put into the store: episodes, their steps, the outbox, and the backlog that is let through at its rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection

from agent.brake import trip_all
from agent.evaluate import Decision
from agent.ruling import Ruling
from agent.store import episodes, journal, sources, waiting
from agent.store.episodes import Fired
from agent.store.states import RowState
from agent.store.waiting import Planned
from rules.instants import HOUR, Instant
from rules.protocol import Mode

WATCHED: Final = "watched"
"""The kind of a journal line that says what a rule noted while it only watched, written when the rule acts on it after all."""
UNASKED: Final[Mapping[str, None]] = {"run": None, "let_at": None, "approved": None}
"""A row of which nobody was asked, or no longer as it is."""
NO_LONGER: Final = "no longer true while it was held back"


def record(db: Connection, source: str, decisions: Iterable[Decision], now: Instant, resolution: int) -> list[Planned]:
    """Record what came of looking at tickets at `now`, in the caller's transaction; gives the steps that are new."""
    made = list(decisions)
    episodes.add(db, source, [row for decision in made for row in decision.episodes])
    queued: Counter[str] = Counter()
    for decision in made:
        for episode, due in decision.steps:
            episodes.begin(db, source, episode, Fired(due.steps, now))
        for episode in decision.watched:
            episodes.watch(db, source, episode)
        _keep_watched(db, decision, now)
        trip_all(db, source, [(decision.records[place], brake) for place, brake in decision.brakes.items()], now)
        if decision.forgotten:
            waiting.forget(db, decision.forgotten)
        for episode in decision.out_of_backlog:
            episodes.leave_backlog(db, source, episode)
        for episode, due in decision.anew:
            episodes.decide_anew(db, source, episode, due.steps)
        anew = {"urgency": decision.urgency, "attempts": 0, "settled_at": None, "problem": "", **UNASKED}
        for row, due, _ in decision.revived:
            waiting.move(db, row, RowState.PLANNED, not_before=now + resolution, step=due.step, instant=due.since, **anew)
        for row, due, _ in decision.queued:
            waiting.move(db, row, RowState.QUEUED, step=due.step, instant=due.since, **anew)
        for row, due, why in decision.left:
            waiting.move(db, row, RowState.BACKLOG, step=due.step, instant=due.since, **anew | {"problem": why})
        for row in decision.over:
            waiting.move(db, row, RowState.SUPERSEDED, settled_at=now, confirmed_at=now, problem=NO_LONGER, **UNASKED)
            because = {str(row.key): list(row.because)}
            journal.append(db, "superseded", now, source, row.key.ticket, change=str(row.key), reason=NO_LONGER, because=because)
        queued.update(row.key.rule for row, *_ in decision.queued)
    planned = [row for decision in made for row in decision.planned]
    waiting.plan(db, planned)
    queued.update(row.key.rule for row in planned if row.state is RowState.QUEUED)
    for rule, number in queued.items():
        sources.queue(db, source, rule, number)
    return planned


def _keep_watched(db: Connection, decision: Decision, now: Instant) -> None:
    """What a rule noted while it watched goes into the journal before its row stands for something that is written."""
    taken_up = (again.row for again in (*decision.revived, *decision.queued))
    for row in (*decision.forgotten, *taken_up):
        if row.state is RowState.WATCHED:
            key, noted = row.key, {"due": row.instant, "noted": row.planned_at, "because": list(row.because)}
            journal.append(db, WATCHED, now, key.source, key.ticket, change=str(key), rule=key.rule, step=key.step, **noted)


def let_through(db: Connection, source: str, ruling: Ruling, now: Instant) -> None:
    """Plan one step of each backlog whose turn has come: the most urgent, at the rate that its rule names now."""
    for rule in sources.turns(db, source, now):
        bound = ruling.rules.by_id.get(rule)
        limit = bound.rule.existing.limit if bound is not None and bound.rule.mode is Mode.LIVE else 0
        row = None if limit == 0 else waiting.next_queued(db, source, rule)
        if row is not None:
            waiting.move(db, row, RowState.PLANNED, not_before=now)
        wait = 0 if limit is None else HOUR // max(1, limit)
        sources.take_turn(db, source, rule, now + wait)
