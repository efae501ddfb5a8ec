"""A decision made once more, by the rules of then on the ticket as it was known then: whether the same comes out.

A line of the journal names the version of the rules, the read that the decision rests on, and what was decided, with the reasons.
The texts of every version are in the store, and the mirror forgets nothing that it ever saw, so a ticket can be put back to what
was known at that read. What can't be had any more is said, and never taken for the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection

from agent.clusters import laid_over
from agent.store import episodes, mirrored, rulebooks, sources
from agent.store.episodes import EpisodeRow
from agent.store.installation import installation_key
from agent.store.journal import ERASED, Line
from agent.store.states import FIRST_ROW_STATES
from rules.as_known import as_known, as_read
from rules.binding import BindingError, BoundRules, bind
from rules.due_step import DueStep, due_step
from rules.engine import Episode, Evaluation, evaluate
from rules.escalation import FieldChange, FiringKey
from rules.explain import because
from rules.identity import match
from rules.instants import Instant
from rules.ladder import Due, ahead
from rules.language.problems import RulebookError
from rules.merge import merge
from rules.protocol.rulebook import Rulebook
from rules.rulebook import load
from rules.ticket import Ticket
from rules.timeline import timeline
from rules.world import World

ESCALATED: Final = "escalated"
DECISIONS: Final = frozenset({ESCALATED, *map(str, FIRST_ROW_STATES)})
"""The kinds of lines that tell of a decision."""

WorldOf = Callable[[Rulebook], World]
"""Calendars, lists and windows of a protocol, as far as they are known now."""


class Came(StrEnum):
    """What came of making a decision once more."""

    SAME = "same"
    OTHERWISE = "otherwise"
    UNKNOWN = "unknown"  # something that it rested on can't be had any more


@dataclass(frozen=True, slots=True)
class Replayed:
    """A decision, what came of making it once more, and why, in sentences; `notes` are what else is no longer as it was."""

    line: Line
    key: str  # the ticket's
    came: Came
    said: tuple[str, ...]
    notes: tuple[str, ...] = ()


class _NoLongerKnownError(Exception):
    """Something that the decision rested on can't be had any more; the sentence says what."""


def is_decision(line: Line) -> bool:
    """Whether a line tells of something that was decided by rules, and on what that rests."""
    return line.kind in DECISIONS and "rules" in line.data and "because" in line.data


def replayed(db: Connection, line: Line, world_of: WorldOf) -> Replayed:
    """Make the decision of a line once more. Raises ValueError for a line that tells of none."""
    if not is_decision(line):
        raise ValueError(f"line {line.line} tells of no decision")
    known = mirrored.mirrored(db, line.source, [line.ticket]).get(line.ticket)
    key = line.ticket if known is None else known.ticket.key
    if known is None:
        return Replayed(line, key, Came.UNKNOWN, ("the ticket is no longer in the mirror",))
    try:
        again = _Again(db, line, known.ticket, _bound(db, line, world_of))
    except _NoLongerKnownError as error:
        return Replayed(line, key, Came.UNKNOWN, (str(error),))
    differences = tuple(again.differences())
    if not differences:
        return Replayed(line, key, Came.SAME, tuple(again.agreed()), tuple(again.notes()))
    return Replayed(line, key, Came.OTHERWISE, differences, tuple(again.notes()))


def _bound(db: Connection, line: Line, world_of: WorldOf) -> BoundRules:
    """The rules of then, in the names that the source has now."""
    version = str(line.data["rules"])
    try:
        texts = rulebooks.found(db, version)
    except ValueError as error:
        raise _NoLongerKnownError(str(error)) from error
    if texts is None:
        raise _NoLongerKnownError(f"the rules {version[:12]} are not kept: they were in force under an older hoist")
    try:
        rulebook = load(texts.files, texts.library).rulebook
        world = world_of(rulebook)
        bound = bind(rulebook, line.source, sources.directory(db, line.source), world, installation_key(db))
    except RulebookError as error:
        raise _NoLongerKnownError(f"this version of hoist can't read the rules {version[:12]}: {error.problems[0]}") from error
    except BindingError as error:
        said = f"the rules {version[:12]} name what {line.source} no longer has: {error.problems[0]}"
        raise _NoLongerKnownError(said) from error
    if rulebook.version != version:
        raise _NoLongerKnownError(
            f"this version of hoist reads the texts of the rules {version[:12]} otherwise than the one that decided"
        )
    return bound


class _Again:
    """The decision of one line, made once more."""

    def __init__(self, db: Connection, line: Line, present: Ticket, bound: BoundRules) -> None:
        self.line, self.bound, self.at = line, bound, line.at
        known: Instant = line.data["known"]
        then = as_read(present, known, *line.data["history"])
        seen = [len(then.changes), len(then.messages)]
        if seen != line.data["history"]:
            raise _NoLongerKnownError(
                f"the ticket's history is another one than was known then ({_counted(*seen)}, then"
                f" {_counted(*line.data['history'])}): the helpdesk has corrected it since"
            )
        # numbers of related tickets are facts of their own, each known since it came about
        (with_numbers,) = laid_over(db, [then], bound)
        self.ticket = as_known(with_numbers, max(self.at, known))
        self.evaluation: Evaluation = evaluate(timeline(self.ticket), bound, self.at)
        self.recorded = episodes.of_tickets(db, line.source, [line.ticket]).get(line.ticket, [])
        self.keys = [_key(text) for text in line.data["because"]]

    def differences(self) -> Iterator[str]:
        """What comes out otherwise, a sentence each."""
        steps: list[DueStep] = []
        for key in self.keys:
            if key.rule not in self.bound.by_id:
                yield f"{key.rule} is no rule of that version, or judged by a former text of it"
                continue
            found = self._episode(key)
            if found is None:
                yield f"{key.rule} does not hold"
                continue
            episode, row = found
            yield from self._reasons(key, episode)
            due = self._due(key, episode, row)
            if due is None or due.steps[-1] != key.step:
                yield f"{key.rule}: step {key.step + 1} is not due"
                continue
            if "due" in self.line.data and due.since != self.line.data["due"]:
                yield f"{key.rule}: step {key.step + 1} is due since another instant"
            rule = self.bound.rule(key.rule).rule
            steps.append(due_step(key, rule, due.steps, self.evaluation, episode, self.ticket, self.at))
        if self.line.kind == ESCALATED and len(steps) == len(self.keys):
            yield from self._fields(steps)

    def agreed(self) -> Iterator[str]:
        """What is the same."""
        rules = ", ".join(dict.fromkeys(key.rule for key in self.keys))
        yield f"{rules}: due, for the same reasons"
        if self.line.kind == ESCALATED:
            yield "the same fields, from and to"

    def notes(self) -> Iterator[str]:
        """What is otherwise than then, and may have made a difference."""
        if self.line.data.get("names") not in (None, self.bound.directory.version[:12]):
            yield "the helpdesk's names for teams, priorities or people have changed since"
        if self.line.data.get("world") not in (None, self.bound.world.version[:12]):
            yield "calendars, lists or windows are those of now, which are not those of then"
        if ERASED in self.line.data["because"].values():
            yield "its reasons were erased and could not be compared"

    def _episode(self, key: FiringKey) -> tuple[Episode, EpisodeRow] | None:
        """The episode that a step is of, if it holds at the instant of the decision, and what is recorded of it."""
        computed = self.evaluation.episodes_of(key.rule)
        rows = {row.number: row for row in self.recorded if row.rule == key.rule and row.number <= key.episode}
        for episode, own in zip(computed, match([row.recorded for row in rows.values()], computed), strict=True):
            if own is not None and own.number == key.episode and episode.holds_at(self.at):
                return episode, rows[own.number]
        return None

    def _reasons(self, key: FiringKey, episode: Episode) -> Iterator[str]:
        told = self.line.data["because"][str(key)]
        found = list(because(self.evaluation, episode.rule, self.at))
        if told not in (ERASED, found):
            yield f"{key.rule}: other reasons: {'; '.join(found)} (then: {'; '.join(told)})"

    def _due(self, key: FiringKey, episode: Episode, row: EpisodeRow) -> Due | None:
        """The firing that is due after those of earlier steps."""
        before = [fired for fired in row.firings if fired.steps[-1] < key.step]
        applied_at = before[-1].applied_at if before else None
        found = ahead(self.evaluation, episode, [fired.steps for fired in before], applied_at, self.at).due
        if found is None:
            return None
        since = next(start for start, end in episode.stretches if start <= self.at < end)
        return Due(found.steps, max(found.since, since))

    def _fields(self, steps: Sequence[DueStep]) -> Iterator[str]:
        holding = [self.bound.rule(each.rule).rule for each in self.evaluation.episodes if each.holds_at(self.at)]
        made = merge(self.ticket, steps, self.bound, self.at, holding)
        found = [_shown(each) for each in (made.restriction, *made.changes) if each is not None]
        told = [[field, *values] for field, *values in self.line.data["fields"]]
        if _comparable(found, told) != told:
            yield f"it would write {_written(found)} (then: {_written(told)})"


def _key(text: str) -> FiringKey:
    """The reverse of its text; a ticket's id has no slash."""
    source, ticket, rest = text.split("/", 2)
    rule, episode, step = rest.rsplit("/", 2)
    return FiringKey(source, ticket, rule, int(episode), int(step))


def _shown(change: FieldChange) -> list[Any]:
    return [change.field, *(list(value) if isinstance(value, tuple) else value for value in (change.old, change.new))]


def _comparable(found: list[list[Any]], told: list[list[Any]]) -> list[list[Any]]:
    """What was erased can't be told apart from anything."""
    if len(found) != len(told):
        return found
    return [
        [ERASED if then == ERASED else now for now, then in zip(one, other, strict=True)] if len(one) == len(other) else one
        for one, other in zip(found, told, strict=True)
    ]


def _written(changes: Sequence[Sequence[Any]]) -> str:
    return ", ".join(f"{field} {old} -> {new}" for field, old, new in changes) or "nothing"


def _counted(changes: int, messages: int) -> str:
    return f"{changes} change{'' if changes == 1 else 's'}, {messages} message{'' if messages == 1 else 's'}"
