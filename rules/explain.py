"""Why a rule fired, or did not: each part of its condition as a sentence, from the intervals that the evaluation found.

Nothing is recorded while tickets are judged: the evaluation keeps what each part gave, and sentences are made when asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rules.conditions.judge import Holds
from rules.conditions.tree import parts_of, walk
from rules.engine import Episode, Evaluation, truth
from rules.instants import Instant
from rules.intervals import Intervals, stretch
from rules.phrases import length, phrase, stamp
from rules.placeholders import PLACEHOLDERS, fill, inert, unknown_placeholders
from rules.protocol import All, Condition, Count, Escalate, Not, State
from rules.ticket import Ticket, Value

__all__ = ["PLACEHOLDERS", "Reason", "because", "fill", "in_short", "inert", "reasons", "unknown_placeholders", "values_of"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of a rule's condition at an instant, and the parts that it is made of.

    `holds` is None where that is not known. It has been so since `since`, and stays so until `until` if nothing changes
    (the end of the ticket's life, FOREVER while it has none).
    """

    condition: Condition
    holds: bool | None
    since: Instant
    until: Instant
    parts: tuple[Reason, ...]

    def __str__(self) -> str:
        return _sentence(self.condition, phrase(self.condition), self.holds, self.since, self.until)


def reasons(evaluation: Evaluation, rule: str, at: Instant) -> Reason:
    """The rule's condition at an instant as a tree. Raises KeyError for a rule that is not bound."""
    return _reason(evaluation, evaluation.bound(rule).rule.condition, at)


def because(evaluation: Evaluation, rule: str, at: Instant) -> tuple[str, ...]:
    """A sentence for each part of the rule's condition: what it asks, whether it holds at the instant, since and until when.

    Sentences have no full stop. Raises KeyError for a rule that is not bound.
    """
    life, sentences = evaluation.timeline.life, []
    for condition, number, words in evaluation.bound(rule).told:
        sentences.append(_sentence(condition, words, *_at(evaluation.found(number), at, life)))
    return tuple(dict.fromkeys(sentences))


def in_short(evaluation: Evaluation, rule: str) -> str:
    """Why a rule holds, for a note in the ticket: what it asks for in the first place, its exceptions left out.

    Raises KeyError for a rule that is not bound.
    """
    bound = evaluation.bound(rule)
    condition = bound.rule.condition
    asked = condition.parts if isinstance(condition, All) else (condition,)
    words = {part: phrase for part, _, phrase in bound.told}
    said = [words[part] for part in asked if not isinstance(part, Not)] or [words[part] for part in asked]
    return "; ".join(dict.fromkeys(said))


def _sentence(condition: Condition, words: str, holds: bool | None, since: Instant, until: Instant) -> str:  # noqa: FBT001
    missing = f" (no record of the {condition.field} then)" if isinstance(condition, State) else ""
    answer = f"not known{missing}" if holds is None else "yes" if holds else "no"
    end = stamp(until)
    ending = "" if end == "never" else f", until {end} if nothing changes"
    return f"{words}: {answer}, since {stamp(since)}{ending}"


def _reason(evaluation: Evaluation, condition: Condition, at: Instant) -> Reason:
    holds, since, until = _at(evaluation.holds(condition), at, evaluation.timeline.life)
    return Reason(condition, holds, since, until, tuple(_reason(evaluation, part, at) for part in parts_of(condition)))


def _at(found: Holds, at: Instant, life: Intervals) -> tuple[bool | None, Instant, Instant]:
    """Whether it holds at an instant, since when, and until when if nothing changes."""
    surely, may, _ = found
    since, until = at, at
    if life and life[0] <= at < life[1]:
        since, until = stretch(surely, at, life)
        if may is not surely:
            since_may, until_may = stretch(may, at, life)
            since, until = max(since, since_may), min(until, until_may)
    return truth(surely, may, at), since, until


def values_of(evaluation: Evaluation, episode: Episode, at: Instant, ticket: Ticket) -> dict[str, str]:
    """What the placeholders of the rule's texts stand for at an instant of an episode.

    `team` and `former_team` are both the team that has the ticket now, `priority` its priority: whoever changes them says so.
    `held` is the time since the episode's anchor, round the clock.
    """
    bound = evaluation.bound(episode.rule)
    rule, rules = bound.rule, evaluation.rules
    team = _word(
        ticket.fields.get("team"), {id_: name for name, ids in rules.teams.items() for id_ in ids}, rules.directory.teams
    )
    levels = {id_: level.word for level in rules.levels for id_ in level.ids}
    chains = [action.chain for action in rule.actions if isinstance(action, Escalate)]
    values = {
        "held": length(max(0, at - episode.anchor)),
        "since": stamp(episode.anchor),
        "team": team,
        "former_team": team,
        "key": ticket.key,
        "rule": rule.id,
        "title": rule.title,
        "priority": _word(ticket.fields.get("priority"), levels, rules.directory.priorities),
    }
    if chains:
        values["chain"] = chains[0]
    counted = [part for part in walk(rule.condition) if isinstance(part, Count)]
    if counted:
        values["count"] = str(_counted(evaluation, counted[0], at))
    return values


def _counted(evaluation: Evaluation, count: Count, at: Instant) -> int:
    """How many of the counted events the window remembers at an instant."""
    window = evaluation.rules.program.span(count.within) if count.within is not None else None
    events = (event for event in evaluation.events(count) if event <= at)
    return sum(1 for event in events if window is None or at < window.after(event))


def _word(value: Value, words: dict[str, str], names: Mapping[str, str]) -> str:
    """The organisation's word for an id, else the source's name for it."""
    if isinstance(value, str):
        return words.get(value) or names.get(value, value)
    return "nobody" if value is None else "(not known)"
