"""When nobody is there to get a ticket or to be told of it, as far as rotas are known.

Where a rota could not be read, or does not reach, somebody is taken to be on duty. Stretches are flat, [a0, b0, a1, b1, ...].
"""

from __future__ import annotations

from rules.binding import BoundRules
from rules.instants import FOREVER
from rules.intervals import complement, intersection
from rules.protocol import Escalate, Rule
from rules.prove.moves import escalated
from rules.prove.waits import Years
from rules.recipients import CURRENT_TEAM, OF_TEAM
from rules.rota import Rota
from rules.ticket import Value

Stretches = tuple[int, ...]

NEVER: Stretches = ()
ALWAYS: Stretches = (0, FOREVER)


def nobody_to_tell(who: str, team: Value, bound: BoundRules, years: Years) -> Stretches:
    """When nobody can be found who is meant by a role, an address or a duty of a team; `team` is the ticket's."""
    found = OF_TEAM.fullmatch(who)
    if found is None:
        return _away(bound.organisation.roles.get(who, who), bound, years)
    named = " ".join(found[2].split())
    name = team_name(team, bound) if named == CURRENT_TEAM else named
    known = bound.organisation.teams.get(name) if name is not None else None
    if known is None:
        return ALWAYS
    contact = known.lead if found[1].casefold() == "lead" else known.on_call
    return _away(contact, bound, years) if contact else ALWAYS


def nobody_higher(action: Escalate, team: Value, rule: Rule, bound: BoundRules, years: Years) -> Stretches:
    """When a ticket of the team would neither move up the chain nor, at its top, be made known to somebody once more."""
    away = ALWAYS
    passed: set[str] = set()
    while (found := escalated(action, team, rule, bound, passed)).team is not None:
        away = _both(away, _off_duty(found.team, bound, years))
        if not away:
            return NEVER
        passed.add(found.team)
    return _both(away, _top(team, bound, years)) if found.top else away


def team_name(team: Value, bound: BoundRules) -> str | None:
    """The organisation's name of a team; None for one that it does not name."""
    return next((name for name, ids in bound.teams.items() if team in ids), None)


def _top(team: Value, bound: BoundRules, years: Years) -> Stretches:
    known = bound.organisation.teams.get(team_name(team, bound) or "")
    contact = (known.on_call or known.lead) if known is not None else ""
    return _away(contact, bound, years) if contact else ALWAYS


def _off_duty(team: str, bound: BoundRules, years: Years) -> Stretches:
    """When its rota says that nobody is on duty, its own hours left out."""
    known = bound.organisation.teams[team]
    away = _away(known.on_call, bound, years) if known.on_call else NEVER
    if not away or not known.calendar:
        return away
    calendar = bound.calendars.get(known.calendar)
    if calendar is None or calendar.always:
        return NEVER
    start, end = away[0], away[-1]
    return _both(away, tuple(complement(calendar.open_intervals(start, end), [start, end])))


def _away(contact: str, bound: BoundRules, years: Years) -> Stretches:
    rota: Rota | None = bound.world.rotas.get(contact)
    if rota is None:
        return NEVER
    start, end = max(rota.known_from, years.start), min(rota.known_until, Years(years.first, years.last + 1).end)
    return tuple(rota.gaps(start, end)) if start < end else NEVER


def _both(one: Stretches, other: Stretches) -> Stretches:
    return tuple(intersection(list(one), list(other)))
