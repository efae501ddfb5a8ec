"""What was decided, put into the store: episodes, their steps, the outbox, and the backlog that is let through at its rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from agent.brake import trip_all
from agent.evaluate import Decision
from agent.in_force.ruling import Ruling
from agent.store import episodes, journal, sources, waiting
from agent.store.episodes import Fired
from agent.store.states import RowState
from agent.store.waiting import Planned, WaitingRow
from rules.binding import BoundRules
from rules.explain import because
from rules.instants import HOUR, Instant
from rules.ladder import Due
from rules.protocol.rule import Mode
from rules.ticket import Ticket

WATCHED_BEFORE: Final = "watched-before"
"""The kind of a journal line that says what a rule noted while it only watched, written when the rule acts on it after all."""
FORGOTTEN: Final = "forgotten"
"""The state that such a line tells of a row for which another one of its episode stands from now on."""
NOTED: Final = (WATCHED_BEFORE, "watched")
"""The kinds under which that was ever written."""
UNASKED: Final[Mapping[str, None]] = {"run": None, "let_at": None, "approved": None}
"""A row of which nobody was asked, or no longer as it is."""
NO_LONGER: Final = "no longer true while it was held back"


RestsOn = Callable[[str], Mapping[str, Any]]
"""Of a ticket's id, what the journal tells of that on which a decision about it rests: see `rests_on`."""


def rests_on(rules: BoundRules, ticket: Ticket, revision: int) -> dict[str, Any]:
    """On what a decision rests, for its line in the journal: enough to make it once more (`agent.journal.replaying`).

    `rules` is the rulebook's version, `names` and `world` those of the source's names and of the outside facts; `revision` counts
    how often the ticket was kept by then, `known` is the server time of the read, `history` how many changes and messages it had.
    """
    versions = {"rules": rules.version, "names": rules.directory.version[:12], "world": rules.world.version[:12]}
    return versions | {"revision": revision, "known": ticket.known, "history": [len(ticket.changes), len(ticket.messages)]}


def record(
    db: Connection, source: str, decisions: Iterable[Decision], now: Instant, resolution: int, rests: RestsOn
) -> list[Planned]:
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
            stands_for = {"not_before": now + resolution, "step": due.step, "instant": due.since}
            told = _decided_anew(decision, row, due, now, rests)
            waiting.move(db, row, RowState.PLANNED, now, told, **stands_for, **anew)
        for row, due, _ in decision.queued:
            told = _decided_anew(decision, row, due, now, rests)
            waiting.move(db, row, RowState.QUEUED, now, told, step=due.step, instant=due.since, **anew)
        for row, due, why in decision.left:
            told = _decided_anew(decision, row, due, now, rests)
            waiting.move(db, row, RowState.BACKLOG, now, told, step=due.step, instant=due.since, **anew | {"problem": why})
        for row in decision.over:
            over = {"settled_at": now, "confirmed_at": now, "problem": NO_LONGER}
            because_of = {str(row.key): list(row.because)}
            told = {"because": because_of, **rests(row.key.ticket)}
            waiting.move(db, row, RowState.SUPERSEDED, now, told, **over, **UNASKED)
        queued.update(row.key.rule for row, *_ in decision.queued)
    planned = [row for decision in made for row in decision.planned]
    waiting.plan(db, planned, {row.key.ticket: rests(row.key.ticket) for row in planned})
    queued.update(row.key.rule for row in planned if row.state is RowState.QUEUED)
    for rule, number in queued.items():
        sources.queue(db, source, rule, number)
    return planned


def _decided_anew(decision: Decision, row: WaitingRow, due: Due, now: Instant, rests: RestsOn) -> dict[str, Any]:
    """What the journal tells of a dormant row that was taken up again, beside its move."""
    key, evaluation = replace(row.key, step=due.step), decision.evaluation
    episode = decision.holding.get((key.rule, key.episode))
    told = {"due": due.since, **rests(key.ticket)}
    if evaluation is None or episode is None:
        return told
    return told | {"because": {str(key): because(evaluation, episode.rule, now)}}


def _keep_watched(db: Connection, decision: Decision, now: Instant) -> None:
    """What a rule noted while it watched goes into the journal before its row stands for something that is written."""
    taken_up = (again.row for again in (*decision.revived, *decision.queued))
    for row in (*decision.forgotten, *taken_up):
        if row.state is RowState.WATCHED:
            over = {"was": row.state, "state": FORGOTTEN} if row in decision.forgotten else {}
            key, noted = row.key, {"due": row.instant, "noted": row.planned_at, "because": list(row.because)}
            named = {"change": str(key), "rule": key.rule, "step": key.step}
            journal.append(db, WATCHED_BEFORE, now, key.source, key.ticket, **named, **noted, **over)


def let_through(db: Connection, source: str, ruling: Ruling, now: Instant) -> None:
    """Plan one step of each backlog whose turn has come: the most urgent, at the rate that its rule names now."""
    for rule in sources.turns(db, source, now):
        bound = ruling.rules.by_id.get(rule)
        limit = bound.rule.existing.limit if bound is not None and bound.rule.mode is Mode.LIVE else 0
        row = None if limit == 0 else waiting.next_queued(db, source, rule)
        if row is not None:
            waiting.move(db, row, RowState.PLANNED, now, not_before=now)
        wait = 0 if limit is None else HOUR // max(1, limit)
        sources.take_turn(db, source, rule, now + wait)
