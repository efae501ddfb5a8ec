"""What keeps changes of a source from being written although they are due: pauses, runs that are held, tickets left alone."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from agent.pauses import said
from agent.store import mirrored, orders, pauses, runs, snoozes
from agent.store.orders import OrderRow
from agent.store.runs import Run
from rules.instants import DAY, Instant, written


@dataclass(frozen=True, slots=True)
class Guarded:
    """`pauses`, `snoozed` and `orders` (open, or failed within a day) are sentences; `runs` have the number of changes held.

    `failed`: how many of the orders did.
    """

    pauses: tuple[str, ...] = ()
    runs: tuple[tuple[Run, int], ...] = ()
    snoozed: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    failed: int = 0


def guarded(db: Connection, source: str, now: Instant, there: Instant) -> Guarded:
    """As it is at an instant on this machine's clock and on the source's."""
    alone = snoozes.in_force(db, source, there)
    names = {name: found.ticket.key for name, found in mirrored.mirrored(db, source, list(alone)).items()}
    ordered = list(orders.of_interest(db, source, there - DAY))
    return Guarded(
        tuple(said(pause) for pause in pauses.in_force(db, source, now)),
        tuple((run, runs.count_held(db, run)) for run in runs.opened(db, source)),
        tuple(
            f"{names.get(each.ticket, each.ticket)} until {written(each.until)} ({each.by}: {each.why})"
            for each in alone.values()
        ),
        tuple(_ordered(db, each) for each in ordered),
        sum(not each.open for each in ordered),
    )


def _ordered(db: Connection, order: OrderRow) -> str:
    ref = order.ticket
    names = {name: found.ticket.key for name, found in mirrored.mirrored(db, ref.source, [ref.id]).items()}
    more = f": {order.problem}" if order.problem else ""
    what = f"{order.kind} of {names.get(ref.id, ref.id)} by {order.by} at {written(order.ordered_at)} ({order.why})"
    return f"{what} {'is under way' if order.open else 'failed'}{more}"
