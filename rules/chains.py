"""Chains of command: where a ticket stands in one, and who is next.

There is no hidden level: a ticket stands where its team is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rules.binding import BoundRules
from rules.instants import Instant
from rules.protocol.actions import Escalate
from rules.protocol.organisation import Chain
from rules.ticket import UNKNOWN, Change, Status, Ticket, Value

TeamIds = Mapping[str, tuple[str, ...]]
"""Team name -> the source's ids of it, the receiving one first; teams that the source does not have are missing or empty."""

NO_TEAM_HERE = "it has no team in this source"
NOBODY_ON_DUTY = "nobody is on duty there"

_DONE = frozenset({Status.RESOLVED, Status.CLOSED})


class PassedOver(NamedTuple):
    """A tier that can't receive now, and why."""

    team: str
    why: str

    def __str__(self) -> str:
        return f"{self.team} was passed over: {self.why}"


@dataclass(frozen=True, slots=True)
class Next:
    """The tier to move to. `team` is None where the ticket stays; then `finding` says why, as a sentence.

    `passed_over` are the tiers in between that can't receive. `top` are the teams of a chain that has ended, the highest first,
    down to the ticket's own or the one at which it would have entered; none where the chain goes on, or is not the ticket's.
    """

    team: str | None
    team_id: str | None
    passed_over: tuple[PassedOver, ...] = ()
    finding: str = ""
    top: tuple[str, ...] = ()


def standing(chain: Chain, teams: TeamIds, present: Value) -> int | None:
    """The place (0 is the first line) of the ticket's team in the chain; the highest where several match, None outside."""
    places = [n for n, tier in enumerate(chain.tiers) if present in teams.get(tier.team, ())]
    return max(places, default=None)


def outside(rules: BoundRules, ticket: Ticket) -> Iterator[str]:
    """The chains along which a rule would move tickets, and not this one: its team is in no tier, and no `enter_at` is named."""
    present = ticket.fields.get("team", UNKNOWN)
    ways: dict[str, list[bool]] = {}
    for bound in rules.rules:
        for action in bound.rule.actions:
            if isinstance(action, Escalate) and not bound.rule.confidential:
                ways.setdefault(action.chain, []).append(action.enter_at is not None)
    for name, enters in ways.items():
        if present is not UNKNOWN and not any(enters) and standing(rules.organisation.chains[name], rules.teams, present) is None:
            yield name


def next_tier(
    chain: Chain,
    teams: TeamIds,
    present: Sequence[Value],
    how: Escalate,
    barred: Callable[[str], str] = lambda _: "",
    departed: Collection[str] = (),
) -> Next:
    """The next tier up that can receive, or the one that `how` names; never a lower one than the ticket's.

    `present` is the ticket's team, and with it the one that resolved it where the next tier counts from there: the higher one
    counts. A ticket outside the chain enters at `enter_at`, or stays where that is None. `barred` says why a team can't receive
    now, nothing where it can; `departed` are ids of teams that are no longer there.
    """
    places = [place for team in present if (place := standing(chain, teams, team)) is not None]
    first = max(places) + 1 if places else None
    lowest = max(places) if places else 0
    if first is None:
        if how.enter_at is None:
            return Next(None, None, finding=f"the ticket's team is not in the chain {chain.name}, so it was not moved")
        first = lowest = _place(chain, how.enter_at)
    if how.to is not None and places:
        wanted = _place(chain, how.to)
        if wanted < first:
            return Next(None, None, finding=f"the ticket stands at {how.to} or above it, so it was not moved")
        first = wanted
    passed_over: list[PassedOver] = []
    for tier in chain.tiers[first:]:
        receiving = next((one for one in teams.get(tier.team, ()) if one not in departed), None)
        why = NO_TEAM_HERE if receiving is None else barred(tier.team)
        if not why:
            return Next(tier.team, receiving, tuple(passed_over))
        passed_over.append(PassedOver(tier.team, why))
    ended = f"the chain {chain.name} ends here: there is no higher tier that can receive"
    return Next(None, None, tuple(passed_over), ended, tuple(tier.team for tier in reversed(chain.tiers[lowest:])))


def off_duty(rules: BoundRules, team: str, at: Instant) -> str:
    """Why nobody of a team is there to receive at an instant; nothing where somebody is, or where that is not known.

    Only a rota can say that nobody is, and not within the team's own hours: a rota is often for the time outside them.
    """
    known = rules.organisation.teams.get(team)
    rota = rules.world.rotas.get(known.on_call) if known is not None and known.on_call else None
    if known is None or rota is None:
        return ""
    hours = rules.calendars.get(known.calendar) if known.calendar else None
    turn = rota.turn(at)
    if turn is None or turn.who or (hours is not None and hours.is_open(at)):
        return ""
    return NOBODY_ON_DUTY


def last_resolving_team(ticket: Ticket) -> Value:
    """The source's id of the team that had the ticket when it was last resolved or closed; UNKNOWN where that is not known."""
    team: Value = ticket.fields.get("team", UNKNOWN)
    for change in sorted(ticket.changes, key=_order, reverse=True):
        if change.field == "team":
            team = change.old
        elif change.field == "status" and change.new in _DONE and change.old not in _DONE:
            return _team_of_save(ticket, change, team)
    return UNKNOWN


def teams_of(ticket: Ticket) -> Iterator[Value]:
    """The source's ids of the teams that had the ticket, in order, the present one last; what is not known is left out."""
    moves = [change for change in sorted(ticket.changes, key=_order) if change.field == "team"]
    for team in (*(change.old for change in moves), ticket.fields.get("team", UNKNOWN)):
        if team is not UNKNOWN and team is not None:
            yield team


def _team_of_save(ticket: Ticket, resolved: Change, team: Value) -> Value:
    """A team that was set in the save that resolved the ticket is the one that resolved it, in whatever order it is listed."""
    same = (change.new for change in ticket.changes if change.field == "team" and change.save == resolved.save)
    return next(same, team)


def _order(change: Change) -> tuple[Instant, int]:
    return change.at, change.sequence


def _place(chain: Chain, team: str) -> int:
    return next(n for n, tier in enumerate(chain.tiers) if tier.team == team)
