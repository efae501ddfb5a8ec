"""The check of the numbers that tickets of all helpdesks make together: what hoist recorded against the final histories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from agent.demo.evidence import Evidence
from agent.demo.outage import SERVICE
from agent.store.clusters import Cluster, Event
from rules.instants import Instant, written
from rules.ticket import RELATED, UNKNOWN, Status, Ticket, Value

_DONE: Final = frozenset({Status.RESOLVED.value, Status.CLOSED.value})


OUTAGE: Final = Cluster(f"{RELATED}service", SERVICE.casefold())


def wrong_numbers(desks: Sequence[Evidence], cluster: Cluster, recorded: Sequence[Event]) -> Iterator[str]:
    """What is wrong with the recorded numbers of a cluster, in words.

    A number was right if, by all final histories together, it was so at some instant since the reads that it rests on.
    """
    tickets = [ticket for desk in desks for ticket in desk.tickets]
    acts = {*(ticket.created for ticket in tickets), *(change.at for ticket in tickets for change in ticket.changes)}
    late = max(desk.bound + desk.kept_back for desk in desks)
    for event in recorded:
        since = event.at - late
        if all(others(tickets, cluster, at) != event.number for at in {since, *(at for at in acts if since < at <= event.at)}):
            yield f"{cluster.name}: {event.number} others were counted at {written(event.at)}, and there were not as many"


def others(tickets: Sequence[Ticket], cluster: Cluster, at: Instant) -> int:
    """How many open tickets belong to a cluster at an instant, one of them left out."""
    members = (
        ticket for ticket in tickets if ticket.created <= at and str(_at(ticket, "service", at)).casefold() == cluster.name
    )
    return max(sum(_at(ticket, "status", at) not in _DONE for ticket in members) - 1, 0)


def _at(ticket: Ticket, field: str, at: Instant) -> Value:
    moves = [change for change in ticket.changes if change.field == field]
    before = [change.new for change in moves if change.at <= at]
    return before[-1] if before else moves[0].old if moves else ticket.fields.get(field, UNKNOWN)
