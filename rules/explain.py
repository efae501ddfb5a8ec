"""Why a rule fired, or did not: each part of its condition as a sentence, from the intervals that the evaluation found.

Nothing is recorded while tickets are judged: the evaluation keeps what each part gave, and sentences are made when asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from rules.chains import teams_of
from rules.conditions.judge import Holds
from rules.conditions.tree import parts_of, walk
from rules.confidential import REASON
from rules.engine import Episode, Evaluation, Told, truth
from rules.instants import Instant
from rules.intervals import Intervals, standing
from rules.phrases import length, phrase, stamp
from rules.placeholders import PLACEHOLDERS, Meaning, fill, inert, unknown_placeholders
from rules.protocol.actions import Escalate
from rules.protocol.conditions import All, Condition, Count, Ever, Not, State
from rules.ticket import Ticket, Value

__all__ = ["PLACEHOLDERS", "Reason", "because", "fill", "in_short", "inert", "reasons", "unknown_placeholders", "values_of"]


_Standing = tuple[bool | None, Instant, Instant]  # whether something holds, since when, and until when if nothing changes


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of a rule's condition at an instant, and the parts that it is made of.

    `holds` is None where that is not known. It has been so since `since`, and stays so until `until` if nothing changes
    (the end of the ticket's life, FOREVER while it has none). `zone` is that in which people read it.
    """

    condition: Condition
    holds: bool | None
    since: Instant
    until: Instant
    parts: tuple[Reason, ...]
    zone: ZoneInfo
    words: str = ""  # in place of the condition's own, where those are confidential

    def __str__(self) -> str:
        words = self.words or phrase(self.condition)
        return _sentence(self.condition, words, (self.holds, self.since, self.until), self.zone)


def reasons(evaluation: Evaluation, rule: str, at: Instant) -> Reason:
    """The rule's condition at an instant as a tree; a confidential one without its parts, in opaque words.

    Raises KeyError for a rule that is not bound.
    """
    bound = evaluation.bound(rule)
    whole = _reason(evaluation, bound.rule.condition, at)
    return replace(whole, parts=(), words=REASON) if bound.rule.confidential else whole


def because(evaluation: Evaluation, rule: str, at: Instant) -> tuple[str, ...]:
    """A sentence for each part of the rule's condition: what it asks, whether it holds at the instant, since and until when.

    Sentences have no full stop. Raises KeyError for a rule that is not bound.
    """
    known = evaluation.told.get(rule)
    if known is None or not known.since <= at < known.until:
        known = evaluation.told[rule] = _told(evaluation, rule, at)
    return known.sentences


def _told(evaluation: Evaluation, rule: str, at: Instant) -> Told:
    life, found, zone = evaluation.timeline.life, evaluation.found, evaluation.rules.zone
    parts = [(part, words, _at(found(number), at, life)) for part, number, words in evaluation.bound(rule).told]
    since = max([since for _, _, (_, since, _) in parts], default=at)
    until = min([until for _, _, (_, _, until) in parts], default=at)
    return Told(since, until, tuple(dict.fromkeys([_sentence(*part, zone) for part in parts])))


def in_short(evaluation: Evaluation, rule: str) -> str:
    """Why a rule holds, for a note in the ticket: what it asks for in the first place, its exceptions left out.

    Raises KeyError for a rule that is not bound.
    """
    bound = evaluation.bound(rule)
    condition = bound.rule.condition
    if bound.rule.confidential:
        return REASON
    asked = condition.parts if isinstance(condition, All) else (condition,)
    said = [phrase(part) for part in asked if not isinstance(part, Not)] or [phrase(part) for part in asked]
    return "; ".join(dict.fromkeys(said))


def _sentence(condition: Condition, words: str, standing: _Standing, zone: ZoneInfo) -> str:
    holds, since, until = standing
    if holds is None:
        missing = f" (no record of the {condition.field} then)" if isinstance(condition, State) else ""
        answer = f"not known{missing}"
    else:
        answer = "yes" if holds else "no"
    end = stamp(until, zone)
    ending = "" if end == "never" else f", until {end} if nothing changes"
    return f"{words}: {answer}, since {stamp(since, zone)}{ending}"


def _reason(evaluation: Evaluation, condition: Condition, at: Instant) -> Reason:
    holds, since, until = _at(evaluation.holds(condition), at, evaluation.timeline.life)
    parts = tuple(_reason(evaluation, part, at) for part in parts_of(condition))
    return Reason(condition, holds, since, until, parts, evaluation.rules.zone)


def _at(found: Holds, at: Instant, life: Intervals) -> _Standing:
    """Whether it holds at an instant, since when, and until when if nothing changes."""
    surely, may, _ = found
    if not life or not life[0] <= at < life[1]:
        return truth(surely, may, at), at, at
    holds, since, until = standing(surely, at, life)
    if may is surely:
        return holds, since, until
    possible, since_may, until_may = standing(may, at, life)
    return holds or (None if possible else False), max(since, since_may), min(until, until_may)


def values_of(evaluation: Evaluation, episode: Episode, at: Instant, ticket: Ticket) -> dict[str, Meaning]:
    """What the placeholders of the rule's texts stand for at an instant of an episode.

    `team` and `former_team` are both the team that has the ticket now, `priority` its priority: whoever changes them says so.
    `teams` are those that had the ticket, in order. `held` is the time since what the episode grew from, round the clock.
    """
    bound = evaluation.bound(episode.rule)
    rule, rules = bound.rule, evaluation.rules
    words = {id_: name for name, ids in rules.teams.items() for id_ in ids}
    team = _word(ticket.fields.get("team"), words, rules.directory.teams)
    teams = dict.fromkeys(_word(each, words, rules.directory.teams) for each in teams_of(ticket))
    levels = {id_: level.word for level in rules.levels for id_ in level.ids}
    grown = _grown_since(evaluation, rule.condition, episode)
    chains = [action.chain for action in rule.actions if isinstance(action, Escalate) and not rule.confidential]
    values: dict[str, Meaning] = {
        "held": length(max(0, at - grown)),
        "since": grown,
        "team": team,
        "former_team": team,
        "teams": _listed(teams or (team,)),
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


def _grown_since(evaluation: Evaluation, condition: Condition, episode: Episode) -> Instant:
    """What people are told that it grew from: of what is never over that of its first time, else the episode's anchor."""
    since = [episode.anchor]
    for part in condition.parts if isinstance(condition, All) else (condition,):
        if isinstance(part, Ever):
            surely, _, anchors = evaluation.holds(part.part)
            since += (surely if anchors is None else anchors)[:1]
    return max(since)


def _counted(evaluation: Evaluation, count: Count, at: Instant) -> int:
    """How many of the counted events the window remembers at an instant."""
    window = evaluation.rules.program.span(count.within, evaluation.timeline) if count.within is not None else None
    events = (event for event in evaluation.events(count) if event <= at)
    return sum(1 for event in events if window is None or at < window.after(event))


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _word(value: Value, words: dict[str, str], names: Mapping[str, str]) -> str:
    """The organisation's word for an id, else the source's name for it."""
    if isinstance(value, str):
        return words.get(value) or names.get(value, value)
    return "nobody" if value is None else "(not known)"
