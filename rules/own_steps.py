"""What people did about a ticket by themselves: the measure of a firing in the past.

A firing is early by the time from it to people's own next step: time gained to *notice* a ticket, not to solve it. It is a false
alarm where people moved or solved the ticket so soon after it that nobody needed to be told.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from operator import attrgetter
from typing import Final, NamedTuple

from rules.binding import BoundRules
from rules.chains import next_tier, off_duty, standing
from rules.engine import Evaluation
from rules.firings import Fired
from rules.instants import FOREVER, Instant
from rules.ladder import joined
from rules.protocol.actions import Assign, Escalate
from rules.protocol.organisation import Chain
from rules.ticket import TARGET, UNKNOWN, Kind, Status, Ticket, Value
from rules.timeline import Timeline

_FIELDS: Final = frozenset({"team", "assignee", "status"})
_AT: Final = attrgetter("at")
_DONE: Final = frozenset({Status.RESOLVED, Status.CLOSED})


class Own(StrEnum):
    """What people do by themselves, and what befalls a ticket that nobody noticed."""

    HANDED_OVER = "handed over"
    TAKEN = "taken by somebody"
    SOLVED = "solved"
    BREACHED = "breached a target"
    NOTHING = "nothing any more"


class OwnStep(NamedTuple):
    """Of people, and when; FOREVER where nothing came any more."""

    what: Own
    at: Instant


_NOTHING: Final = OwnStep(Own.NOTHING, FOREVER)


class OwnSteps:
    """Those of one ticket. Few of them are ever asked for, so each is looked up in the ticket's changes when it is."""

    def __init__(self, ticket: Ticket) -> None:
        self._changes = ticket.changes
        self._breaches = sorted(_breaches(ticket), key=_AT)

    def after(self, at: Instant) -> OwnStep:
        """The first hand-over, solution or breach after an instant."""
        own = next((step for step in self._since(at) if step.what is not Own.TAKEN), _NOTHING)
        return min(own, next((breach for breach in self._breaches if breach.at > at), _NOTHING), key=_AT)

    def soon(self, at: Instant, within: int) -> bool:
        """Whether people handed it over, took it or solved it within so many milliseconds after an instant."""
        return next(self._since(at), _NOTHING).at <= at + within

    def _since(self, at: Instant) -> Iterator[OwnStep]:
        """What people did after an instant."""
        for change in islice(self._changes, bisect_right(self._changes, at, key=_AT), None):
            if change.field in _FIELDS and (what := _what(change.field, change.new, change.by.kind)) is not None:
                yield OwnStep(what, change.at)


def _what(field: str, new: Value, by: Kind) -> Own | None:
    if by is not Kind.STAFF:
        return None
    if field == "team":
        return Own.HANDED_OVER
    if field == "assignee":
        return Own.TAKEN if new is not None else None
    return Own.SOLVED if field == "status" and new in _DONE else None


def _breaches(ticket: Ticket) -> list[OwnStep]:
    """A target that was running when its instant came."""
    found = []
    for name in filter(_is_target, ticket.fields):
        changes = [change for change in ticket.changes if change.field == name]
        running: Value = changes[0].old if changes else ticket.fields[name]
        for at, new in [*((change.at, change.new) for change in changes), (ticket.known, None)]:
            if isinstance(running, int) and running < at:
                found.append(OwnStep(Own.BREACHED, running))
            running = new
    return found


def _is_target(field: str) -> bool:
    return field.startswith(TARGET) and not field.endswith(".start")


# --- what a firing would have moved ----------------------------------------------------------------------------------------


class Meant(NamedTuple):
    """What a firing would have done to the ticket's team.

    `team` has the ticket afterwards, as the source's id; `moves` says whether that is another one than before. `by_hand`: people
    had moved it up that chain since the firing's episode began to grow, or it stands where the rule sends it.
    """

    team: Value
    moves: bool
    by_hand: bool


def meant(fired: Fired, evaluation: Evaluation) -> Meant:
    """What the steps of a firing come to, with the ticket as it was then."""
    rules, line = evaluation.rules, evaluation.timeline
    team = value_at(line, "team", fired.at)
    rule = evaluation.bound(fired.rule).rule
    for action in joined(rule, fired.steps):
        if isinstance(action, Escalate):
            return _escalated(action, fired, rules, line, team)
        if isinstance(action, Assign):
            receiving = rules.receiving(action.team)
            return Meant(team if receiving is None else receiving, receiving not in (None, team), receiving == team)
    return Meant(team, moves=False, by_hand=False)


def _escalated(action: Escalate, fired: Fired, rules: BoundRules, line: Timeline, team: Value) -> Meant:
    chain = rules.organisation.chains[action.chain]
    found = next_tier(chain, rules.teams, (team,), action, lambda name: off_duty(rules, name, fired.at), rules.departed)
    by_hand = any(
        change.by.kind is Kind.STAFF and _rank(chain, rules, change.new) > _rank(chain, rules, change.old) >= 0
        for change in line.steps.get("team", ())
        if fired.episode.anchor < change.at <= fired.at
    )
    if found.team_id is None:
        there = action.to is not None and standing(chain, rules.teams, team) is not None
        return Meant(team, moves=False, by_hand=by_hand or there)
    return Meant(found.team_id, moves=True, by_hand=by_hand)


def _rank(chain: Chain, rules: BoundRules, team: Value) -> int:
    place = standing(chain, rules.teams, team)
    return -1 if place is None else place


def value_at(line: Timeline, field: str, at: Instant) -> Value:
    """What a field was at an instant; UNKNOWN before the ticket was there."""
    column = line.column(field)
    place = bisect_right(column.starts, at) - 1
    return column.values[place] if place >= 0 else UNKNOWN
