"""Tickets that wait on the requester: whether anybody was asked, or the waiting status is a parking place.

Nobody can read minds off a history. A stay is called parked where the staff itself put the ticket into waiting and took it out
again, and the requester neither wrote nor changed anything meanwhile.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from rules.own_steps import value_at
from rules.spread import Spread
from rules.ticket import Kind, Status, Ticket
from rules.timeline import Timeline


@dataclass
class Parking:
    """Stays in waiting on the requester. `teams`: the team that had the ticket in parked ones, by id.

    `heard` is how often any requester did anything on any ticket: where that is never, the history does not tell of requesters,
    and nothing can be said of what they did meanwhile.
    """

    stays: int = 0
    heard: int = 0
    parked: int = 0
    waited: Spread = field(default_factory=Spread)
    teams: Counter[str] = field(default_factory=Counter)

    def add(self, ticket: Ticket, line: Timeline) -> None:
        """Count the stays of a ticket."""
        changes = [change for change in ticket.changes if change.field == "status"]
        heard = line.touches(Kind.REQUESTER)
        self.heard += len(heard)
        for begun, ended in pairwise(changes):
            if begun.new != Status.PENDING or begun.by.kind is not Kind.STAFF:
                continue
            self.stays += 1
            if ended.by.kind is Kind.STAFF and not any(begun.at < at <= ended.at for at in heard):
                self.parked += 1
                self.waited.add(ended.at - begun.at)
                team = value_at(line, "team", begun.at)
                if isinstance(team, str):
                    self.teams[team] += 1
