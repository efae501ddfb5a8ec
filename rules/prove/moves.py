"""How rules change what rules look at: which value a field gets from which, as far as a firing can be foreseen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rules.binding import BoundRules
from rules.chains import Next, next_tier
from rules.conditions.tree import is_gate
from rules.confidential import own_teams
from rules.protocol.actions import Assign, Escalate, RaisePriority, Restrict, SetField
from rules.protocol.conditions import All, AnyOf, Clock, Condition, Count, Held, Lingering, Target, Unchanged, Until
from rules.protocol.rule import Rule
from rules.ticket import RESTRICTED_TO, Kind, Value


@dataclass(frozen=True, slots=True)
class Move:
    """A firing gives a field a value, where it had one of those before; None: whatever it was."""

    field: str
    before: tuple[Value, ...] | None
    after: Value


def moves_of(rule: Rule, bound: BoundRules, teams: Sequence[Value]) -> tuple[Move, ...]:
    """Every move to and fro that a firing of the rule may make; priorities and labels only ever go one way.

    `teams` are the values that a team can have. A tier that can't receive at some instant is passed over.
    """
    return tuple(dict.fromkeys(move for action in rule.actions for move in _moves(action, rule, bound, teams)))


def _moves(action: object, rule: Rule, bound: BoundRules, teams: Sequence[Value]) -> Iterator[Move]:
    match action:
        case Assign(team):
            ids = bound.teams.get(team, ())
            if ids:
                yield Move("team", tuple(each for each in teams if each not in ids), ids[0])
        case Escalate():
            for each in teams:
                yield from (Move("team", (each,), higher) for higher in _higher(action, each, rule, bound))
        case SetField(field, value):
            yield Move(field, None, value)
        case Restrict(team):
            yield from (Move(RESTRICTED_TO, None, native) for native in bound.teams.get(team, ())[:1])
        case _:
            pass


def _higher(action: Escalate, team: Value, rule: Rule, bound: BoundRules) -> Iterator[Value]:
    """The next tier, and those above it should it have nobody on duty."""
    passed: set[str] = set()
    while (found := escalated(action, team, rule, bound, passed)).team is not None:
        yield found.team_id
        passed.add(found.team)


def escalated(action: Escalate, team: Value, rule: Rule, bound: BoundRules, passed: set[str] | None = None) -> Next:
    """Where a ticket of a team goes, but for the teams that are passed over."""
    own = own_teams(rule, bound.organisation)

    def barred(name: str) -> str:
        return "barred" if name in (passed or ()) or (own is not None and name not in own) else ""

    return next_tier(bound.organisation.chains[action.chain], bound.teams, (team,), action, barred)


def raised(action: RaisePriority, priority: Value, bound: BoundRules) -> bool:
    """Whether a ticket of this priority is raised."""
    place = bound.urgency.get(priority)
    if place is None:
        return False
    here = [level for level in bound.levels if level.ids]
    words = [level.word for level in here]
    present = here.index(bound.levels[place])
    wanted = present - action.by if action.to is None else words.index(action.to) if action.to in words else present
    ceiling = words.index(action.not_above) if action.not_above in words else 0
    return max(wanted, ceiling, 0) < present


def begins_anew(condition: Condition, fields: frozenset[str]) -> bool:
    """Whether new episodes can begin although nobody but hoist does anything, and it changes these fields alone.

    What grows from something that people did (silence, a message, a count) grows from it once.
    """
    if is_gate(condition):
        return True
    match condition:
        case All(parts=parts):
            grown = [part for part in parts if not is_gate(part)]
            return any(begins_anew(part, fields) for part in grown)
        case AnyOf(parts=parts):
            return any(begins_anew(part, fields) for part in parts)
        case Held(part=part) | Until(part=part) | Lingering(part=part):
            return begins_anew(part, fields)
        case Clock(reset=reset, of_team=of_team):
            return reset is not None or (of_team and "team" in fields)
        case Count(by_anyone=by_anyone, by=by):
            return by_anyone or by not in {None, Kind.STAFF, Kind.REQUESTER}
        case Unchanged(field=field):
            return field in fields
        case Target():
            return True
        case _:
            return False
