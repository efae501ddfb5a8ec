"""When nobody is there to get a ticket or to be told of it, as far as rotas are known.

Where a rota could not be read, or does not reach, somebody is taken to be on duty. Stretches are flat, [a0, b0, a1, b1, ...].
"""

from __future__ import annotations

from collections.abc import Iterable

from rules.binding import BoundRules
from rules.confidential import own_teams
from rules.instants import FOREVER
from rules.intervals import complement, intersection
from rules.protocol.actions import Escalate
from rules.protocol.organisation import Team
from rules.protocol.rule import Rule
from rules.prove.moves import escalated
from rules.prove.waits import Years
from rules.recipients import CURRENT_TEAM, OF_TEAM, contact_of
from rules.rota import Rota
from rules.ticket import Value

Stretches = tuple[int, ...]

NEVER: Stretches = ()
ALWAYS: Stretches = (0, FOREVER)


def nobody_to_tell(who: str, team: Value, rule: Rule, bound: BoundRules, years: Years) -> Stretches:
    """When nobody can be found whom a rule means by a role, an address or a duty of a team, nor anybody to be told instead.

    `team` is the ticket's.
    """
    away = _nobody_meant(who, team, bound, years)
    chains = [bound.organisation.chains[action.chain] for action in rule.actions if isinstance(action, Escalate)]
    if away in {NEVER, ALWAYS}:
        return away
    return _both(away, _nobody_at_the_top((tier.team for chain in chains for tier in chain.tiers), rule, bound, years))


def _nobody_meant(who: str, team: Value, bound: BoundRules, years: Years) -> Stretches:
    found = OF_TEAM.fullmatch(who)
    if found is None:
        contact = contact_of(who, bound.organisation)
        return _away(contact, bound, years) if contact else ALWAYS
    named = " ".join(found[2].split())
    name = team_name(team, bound) if named == CURRENT_TEAM else named
    known = bound.organisation.teams.get(name) if name is not None else None
    if known is None:
        return ALWAYS
    if found[1].casefold() == "lead":
        return _away(known.lead, bound, years) if known.lead else ALWAYS
    return _nobody_of(known, bound, years) if known.on_call else ALWAYS


def nobody_higher(action: Escalate, team: Value, rule: Rule, bound: BoundRules, years: Years) -> Stretches:
    """When a ticket of the team would neither move up the chain nor, at its top, be made known to somebody once more."""
    away = ALWAYS
    passed: set[str] = set()
    while (found := escalated(action, team, rule, bound, passed)).team is not None:
        away = _both(away, _off_duty(found.team, bound, years))
        if not away:
            return NEVER
        passed.add(found.team)
    return _both(away, _nobody_at_the_top(found.top, rule, bound, years))


def team_name(team: Value, bound: BoundRules) -> str | None:
    """The organisation's name of a team; None for one that it does not name."""
    return next((name for name, ids in bound.teams.items() if team in ids), None)


def _nobody_at_the_top(top: Iterable[str], rule: Rule, bound: BoundRules, years: Years) -> Stretches:
    """When nobody of these teams can be told that a chain has ended."""
    own = own_teams(rule, bound.organisation)
    away = ALWAYS
    for name in top:
        if own is None or name in own:
            away = _both(away, _nobody_of(bound.organisation.teams[name], bound, years))
    return away


def _nobody_of(team: Team, bound: BoundRules, years: Years) -> Stretches:
    """When a team has nobody on call, and nobody who leads it and is told then."""
    away = ALWAYS
    for contact in (team.on_call, team.lead):
        away = _both(away, _away(contact, bound, years)) if contact else away
    return away


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
