"""Why a ticket did or did not escalate, and what comes next: the same evaluation as the agent's, told in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.errors import ConfigError
from agent.evaluate import HOLD_LABEL, held_by_label
from agent.store import episodes, mirrored, sources, waiting
from agent.store.database import Database
from agent.store.episodes import EpisodeRow
from agent.store.mirrored import Mirrored
from agent.store.waiting import WaitingRow
from rules.binding import BoundRules
from rules.engine import Evaluation, evaluate
from rules.explain import because
from rules.identity import match
from rules.instants import FOREVER, Instant, written
from rules.protocol import Mode, Rule
from rules.ticket import Ticket
from rules.timeline import timeline


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """One rule on one ticket: whether it holds (None: not known), why, what was done, and when it would hold next."""

    rule: Rule
    holds: bool | None
    because: tuple[str, ...]
    done: tuple[str, ...]
    next_at: Instant | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything about one ticket at an instant."""

    ticket: Ticket
    at: Instant
    rules: tuple[RuleAnswer, ...]
    notes: tuple[str, ...]


def why(database: Database, bound: BoundRules, name: str, at: Instant, rule: str | None = None) -> Answer:
    """The answer for the ticket with this key or id, for one rule or for all.

    Raises ConfigError where the ticket is not mirrored or the rule is not there.
    """
    if rule is not None and rule not in bound.by_id:
        raise ConfigError(f"there is no rule {rule} in force; there are {', '.join(bound.by_id) or 'none'}")
    with database.reading() as db:
        found = mirrored.by_name(db, bound.source, name)
        if found is None:
            raise ConfigError(
                f"{bound.source}:{name} is not mirrored: check the key, and `hoist status` for how far hoist has read"
            )
        recorded = episodes.of_tickets(db, bound.source, [found.ticket.ref.id]).get(found.ticket.ref.id, [])
        rows = waiting.of_ticket(db, bound.source, found.ticket.ref.id)
        row = sources.found_source(db, bound.source)
    evaluation = evaluate(timeline(found.ticket), bound, at)
    chosen = [bound_rule.rule for bound_rule in bound.rules if rule in (None, bound_rule.id)]
    answers = tuple(_rule_answer(each, evaluation, recorded, rows, at) for each in chosen)
    return Answer(found.ticket, at, answers, _notes(found, row.problem if row else ""))


def _rule_answer(
    rule: Rule, evaluation: Evaluation, recorded: Sequence[EpisodeRow], rows: Sequence[WaitingRow], at: Instant
) -> RuleAnswer:
    computed = evaluation.episodes_of(rule.id)
    upcoming = [start for episode in computed for start, _ in episode.stretches if start > at]
    matched = match([r.recorded for r in recorded if r.rule == rule.id], computed)
    backlog = {r.number for r in recorded if r.rule == rule.id and r.backlog}
    done = [_done(row) for row in rows if row.key.rule == rule.id]
    for episode, known in zip(computed, matched, strict=True):
        if known is not None and known.number in backlog and episode.holds_at(at):
            done.append("was so before the rule went live, so it is left alone (existing_tickets)")
    if rule.mode is Mode.WATCH:
        done.append("this rule only watches: it writes nothing")
    truth = evaluation.truth(rule.condition, at)
    return RuleAnswer(rule, truth, because(evaluation, rule.id, at), tuple(done), min(upcoming, default=None))


def _done(row: WaitingRow) -> str:
    when = row.settled_at or row.confirmed_at or row.planned_at
    step = f", repetition {row.key.step}" if row.key.step else ""
    problem = f": {row.problem}" if row.problem else ""
    return f"{written(when)} {row.state.value}{step} (due {written(row.instant)}){problem}"


def _notes(found: Mirrored, problem: str) -> tuple[str, ...]:
    notes = []
    if held_by_label(found.ticket):
        notes.append(f"the label {HOLD_LABEL} keeps hoist away from this ticket")
    if found.ticket.gone is not None:
        notes.append(f"gone since {written(found.ticket.gone)}: deleted, or no longer visible to hoist")
    if problem:
        notes.append(f"the source stands still: {problem}")
    if found.next_look < FOREVER:
        notes.append(f"next look at {written(found.next_look)} if nothing changes")
    return tuple(notes)
