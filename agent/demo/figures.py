"""Figures of a final history without hoist's own moves, to be compared with figures counted elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rules.instants import written
from rules.ticket import Change, Kind, Ticket

OWN = (Kind.OWN_ACCOUNT, Kind.HOIST)


def figures(tickets: Sequence[Ticket]) -> dict[str, Any]:
    """Counts over whole lives: `changes` are saves by others than hoist, creations left out.

    A return is a move to a team that had the ticket before. Where hoist was first to move a ticket to the team that a person
    would have chosen next, that person's move is no change any more and is not counted.
    """
    moves = [_moves(ticket) for ticket in tickets]
    returns = [_returns(teams) for teams in moves]
    last = max((change.at for ticket in tickets for change in ticket.changes if change.by.kind not in OWN), default=None)
    first = min((ticket.created for ticket in tickets), default=None)
    return {
        "cases": len(tickets),
        "changes": sum(len({change.save for change in _others(ticket)}) for ticket in tickets),
        "comments": sum(1 for ticket in tickets for message in ticket.messages if message.by.kind not in OWN),
        "team_changes": sum(len(teams) - 1 for teams in moves if teams),
        "tickets_with_team_changes": sum(1 for teams in moves if len(teams) > 1),
        "returns_to_former_team": sum(returns),
        "tickets_returned": sum(1 for number in returns if number >= 1),
        "tickets_returned_twice": sum(1 for number in returns if number >= 2),
        "first_created": written(first) if first is not None else None,
        "last_change": written(last) if last is not None else None,
    }


def _others(ticket: Ticket) -> list[Change]:
    return [change for change in ticket.changes if change.by.kind not in OWN]


def _moves(ticket: Ticket) -> list[object]:
    """The teams that the ticket had one after the other, those that only hoist gave it left out."""
    first = next((change.old for change in ticket.changes if change.field == "team"), ticket.fields.get("team"))
    teams: list[object] = [first]
    for change in _others(ticket):
        if change.field == "team" and change.new != teams[-1]:
            teams.append(change.new)
    return teams


def _returns(teams: Sequence[object]) -> int:
    return sum(1 for place, team in enumerate(teams) if team in teams[:place] and team is not None)
