"""What keeps changes of a source from being written although they are due: pauses, runs that are held, tickets left alone."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from agent.store import mirrored, orders, pauses, runs, snoozes
from agent.store.orders import OrderRow
from agent.store.pauses import Pause
from agent.store.runs import Run
from agent.store.snoozes import Snooze
from rules.instants import DAY, Instant


@dataclass(frozen=True, slots=True)
class Guarded:
    """`runs` with the number of changes held; snoozes and `orders` (open, or failed within a day) with their ticket's key."""

    pauses: tuple[Pause, ...] = ()
    runs: tuple[tuple[Run, int], ...] = ()
    snoozed: tuple[tuple[str, Snooze], ...] = ()
    orders: tuple[tuple[str, OrderRow], ...] = ()

    @property
    def failed(self) -> int:
        """How many of the orders did."""
        return sum(not order.open for _, order in self.orders)


def guarded(db: Connection, source: str, now: Instant, there: Instant) -> Guarded:
    """As it is at an instant on this machine's clock and on the source's."""
    alone = snoozes.in_force(db, source, there)
    ordered = list(orders.of_interest(db, source, there - DAY))
    known = mirrored.mirrored(db, source, [*alone, *(each.ticket.id for each in ordered)])
    keys = {name: found.ticket.key for name, found in known.items()}
    return Guarded(
        tuple(pauses.in_force(db, source, now)),
        tuple((run, runs.count_held(db, run)) for run in runs.opened(db, source)),
        tuple((keys.get(each.ticket, each.ticket), each) for each in alone.values()),
        tuple((keys.get(each.ticket.id, each.ticket.id), each) for each in ordered),
    )
