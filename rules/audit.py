"""Was the protocol followed on one ticket: each step that was due, and what became of it.

What hoist did is taken from its own record, and everything else from the ticket's history. What people did counts whether or not
they knew the rule: a step is done by hand when the ticket moved where the rule sends it, or, where the rule only tells somebody,
when anybody of the staff handed it over, took it or solved it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from rules.chains import standing
from rules.concealed_key import shown_key
from rules.conditions.tree import parts_of, walk
from rules.engine import Episode, Evaluation
from rules.firings import Fired, firings
from rules.gates import held_by_label
from rules.instants import FOREVER, Instant
from rules.ladder import joined
from rules.own_steps import Own, OwnSteps, meant, value_at
from rules.phrases import phrase
from rules.protocol.actions import Assign, Escalate
from rules.protocol.conditions import All, AnyOf, Clock, Condition, Held, Hours, InWindow, Lingering, Not, State, Until
from rules.protocol.rulebook import Rulebook
from rules.ticket import Change, Kind, Ticket

WITHOUT: Final = " without its exceptions"
"""After the id of a rule: the same rule, which never acts, for finding what an exception held back."""


_OF_A_KIND: Final = (State, InWindow, Hours, All, AnyOf, Not)


class Outcome(StrEnum):
    """What became of a step that was due."""

    BY_HOIST = "done by hoist"
    BY_HOIST_LATE = "done by hoist, late"
    BY_HAND_BEFORE = "done by hand before it was due"
    BY_HAND = "done by hand"
    BY_HAND_LATE = "done by hand, late"
    WRONG_TIER = "moved to another tier"
    OVERRIDDEN = "done by hoist, taken back by a person"
    REFUSED = "refused or unanswered"
    HELD_BACK = "held back"
    SKIPPED = "skipped"


FOLLOWED: Final = frozenset({Outcome.BY_HOIST, Outcome.BY_HAND_BEFORE, Outcome.BY_HAND, Outcome.HELD_BACK})
"""What the protocol asks for, or allows."""


class Asked(NamedTuple):
    """Steps that were due in [since, until) are audited; done later than `grace` milliseconds after that, they are late."""

    since: Instant
    until: Instant
    grace: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """What hoist's own record says of a step: since when it was due, when it was settled, and by which version of the rules."""

    rule: str
    due: Instant
    settled: Instant | None
    outcome: Outcome | None  # None: hoist only watched, or has not decided; what people did counts, as where it was refused
    why: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One step that was due on a ticket. `clause` is that of the written policy, `done` when it was done, where it was.

    `version` is that of the rules under which it was decided, or by which it is judged now; `elsewhere` the team, by the source's
    id, to which people moved the ticket instead.
    """

    ticket: str
    rule: str
    clause: str
    due: Instant
    outcome: Outcome
    done: Instant | None = None
    why: str = ""
    version: str = ""
    elsewhere: str = ""


def with_bare_rules(rulebook: Rulebook) -> Rulebook:
    """The rulebook with, beside each rule that has exceptions, the same one without them."""
    bare = [
        replace(
            rule, id=f"{rule.id}{WITHOUT}", condition=found, formerly=(), confidential=False, steps=rule.steps[:0], repeat=None
        )
        for rule in rulebook.rules
        if not rule.confidential and (found := _bare(rule.condition)) is not None
    ]
    return replace(rulebook, rules=(*rulebook.rules, *bare))


def audited(ticket: Ticket, evaluation: Evaluation, asked: Asked, recorded: Sequence[Recorded] = ()) -> Iterator[Entry]:
    """Every step that was due on the ticket, in the order of the rules; first those of hoist's own record."""
    own = OwnSteps(ticket)
    for known in recorded:
        if asked.since <= known.due < asked.until:
            yield _as_recorded(ticket, evaluation, own, known, asked)
    taken = {(known.rule, _episode_at(evaluation, known)) for known in recorded}
    for fired in firings(evaluation, asked.since, asked.until):
        if not fired.rule.endswith(WITHOUT) and (fired.rule, fired.episode.anchor) not in taken:
            yield _by_people(ticket, evaluation, own, fired, asked)
    yield from _excepted(ticket, evaluation, asked)


def _as_recorded(ticket: Ticket, evaluation: Evaluation, own: OwnSteps, known: Recorded, asked: Asked) -> Entry:
    if known.rule not in evaluation.rules.by_id:  # a former rule: what it was for is in the record alone
        outcome = known.outcome or Outcome.SKIPPED
        return Entry(shown_key(ticket, evaluation), known.rule, "", known.due, outcome, known.settled, known.why, known.version)
    if known.outcome in {None, Outcome.REFUSED}:
        episode = Episode(known.rule, known.due, ((known.due, FOREVER),))
        found = _by_people(ticket, evaluation, own, Fired(known.rule, known.due, (0,), episode), asked)
        if known.outcome is None or found.outcome is not Outcome.SKIPPED:
            return replace(found, why=found.why or known.why, version=known.version)
    outcome = known.outcome
    if outcome is Outcome.BY_HOIST and known.settled is not None and known.settled > known.due + asked.grace:
        outcome = Outcome.BY_HOIST_LATE
    return _entry(ticket, evaluation, known.rule, known.due, outcome, known.settled, known.why, known.version)


def _episode_at(evaluation: Evaluation, known: Recorded) -> Instant | None:
    """The anchor of the episode that a recorded step belongs to."""
    if known.rule not in evaluation.rules.by_id:
        return None
    found = (episode for episode in evaluation.episodes_of(known.rule) if episode.anchor <= known.due <= episode.end)
    return max((episode.anchor for episode in found), default=None)


def _by_people(ticket: Ticket, evaluation: Evaluation, own: OwnSteps, fired: Fired, asked: Asked) -> Entry:
    held = held_by_label(ticket, fired.at)
    if held is not None:
        return _entry(ticket, evaluation, fired.rule, fired.at, Outcome.HELD_BACK, None, str(held))
    what = meant(fired, evaluation)
    if what.by_hand:
        return _entry(ticket, evaluation, fired.rule, fired.at, Outcome.BY_HAND_BEFORE)
    if not what.moves:
        step = own.after(fired.at)
        return _entry(ticket, evaluation, fired.rule, fired.at, *_in_time(step.what, step.at, fired.at, asked.grace))
    return _moved(ticket, evaluation, fired, asked.grace)


def _in_time(what: Own, at: Instant, due: Instant, grace: int) -> tuple[Outcome, Instant | None, str]:
    if what in {Own.NOTHING, Own.BREACHED}:
        return Outcome.SKIPPED, None, "" if what is Own.NOTHING else "a target was breached first"
    return (Outcome.BY_HAND if at <= due + grace else Outcome.BY_HAND_LATE), at, what.value


def _moved(ticket: Ticket, evaluation: Evaluation, fired: Fired, grace: int) -> Entry:
    """A step that moves the ticket: what people did while it was due says what became of it."""
    rule, due, over = fired.rule, fired.at, fired.episode.end
    staff = (change for change in ticket.changes if change.field == "team" and change.by.kind is Kind.STAFF)
    move = next((change for change in staff if due < change.at <= over), None)
    if move is None:
        if over <= due + grace:
            return _entry(ticket, evaluation, rule, due, Outcome.BY_HAND, over, "what it was about had ended by then")
        why = "" if over >= FOREVER else "what it was about ended without it"
        return _entry(ticket, evaluation, rule, due, Outcome.SKIPPED, None, why)
    if not _is_the_step(move, evaluation, fired):
        there = move.new if isinstance(move.new, str) else ""
        name = evaluation.rules.directory.teams.get(there, there) or "no team"
        return replace(_entry(ticket, evaluation, rule, due, Outcome.WRONG_TIER, move.at, f"to {name}"), elsewhere=there)
    outcome = Outcome.BY_HAND if move.at <= due + grace else Outcome.BY_HAND_LATE
    return _entry(ticket, evaluation, rule, due, outcome, move.at)


def _is_the_step(move: Change, evaluation: Evaluation, fired: Fired) -> bool:
    """Whether a hand-over went where the rule sends the ticket: up its chain, or to its team."""
    rules, team = evaluation.rules, value_at(evaluation.timeline, "team", fired.at)
    for action in joined(evaluation.bound(fired.rule).rule, fired.steps):
        if isinstance(action, Escalate):
            chain = rules.organisation.chains[action.chain]
            before, after = standing(chain, rules.teams, team), standing(chain, rules.teams, move.new)
            return after is not None and (before is None or after > before)
        if isinstance(action, Assign):
            return move.new in rules.teams.get(action.team, ())
    return True


def _entry(  # noqa: PLR0917 - what there is to say of a step
    ticket: Ticket,
    evaluation: Evaluation,
    rule: str,
    due: Instant,
    outcome: Outcome,
    done: Instant | None = None,
    why: str = "",
    version: str = "",
) -> Entry:
    clause = evaluation.bound(rule).rule.protocol
    return Entry(shown_key(ticket, evaluation), rule, clause, due, outcome, done, why, version or evaluation.rules.version)


# --- exceptions ----------------------------------------------------------------------------------------------------------


def _excepted(ticket: Ticket, evaluation: Evaluation, asked: Asked) -> Iterator[Entry]:
    """Where a rule would have held but for one of its exceptions: named, with the instant."""
    for episode in evaluation.episodes:
        rule = episode.rule.removesuffix(WITHOUT)
        if rule == episode.rule or not asked.since <= episode.start < asked.until:
            continue
        if any(real.start < episode.end and episode.start <= real.end for real in evaluation.episodes_of(rule)):
            continue
        exceptions = _exceptions(evaluation.bound(rule).rule.condition)
        named = list(dict.fromkeys(phrase(each) for each in exceptions if evaluation.truth(each, episode.start)))
        if named:
            yield _entry(ticket, evaluation, rule, episode.start, Outcome.HELD_BACK, None, f"exception: {'; '.join(named)}")


def _bare(condition: Condition) -> Condition | None:
    """The condition without its exceptions; None where it has none, or nothing but them."""
    match condition:
        case All(parts):
            kept = tuple(part if (bare := _bare(part)) is None else bare for part in parts if not _is_exception(part))
            return All(kept) if kept and kept != parts else None
        case Held(part) | Until(part) | Lingering(part):
            bare = _bare(part)
            return None if bare is None else replace(condition, part=bare)
        case Clock(running):
            bare = _bare(running)
            return None if bare is None else replace(condition, running=bare)
        case _:
            return None


def _is_exception(condition: Condition) -> bool:
    """Not while a ticket is of some kind, or at some time: what nobody did about it, is what the rule is about."""
    return isinstance(condition, Not) and all(isinstance(part, _OF_A_KIND) for part in walk(condition.part))


def _exceptions(condition: Condition) -> Iterator[Condition]:
    for part in parts_of(condition) if isinstance(condition, All | Held | Until | Lingering | Clock) else ():
        if isinstance(part, Not) and _is_exception(part):
            yield part.part
        else:
            yield from _exceptions(part)
