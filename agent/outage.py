"""After an outage: what fell due while hoist did not run is caught up as far as the administrator said, the rest is listed.

A restart within minutes is none. What is left to a person waits in the state *backlog* and is written only when they say so: that
one list, in `hoist status` and in the journal, is the digest. A store that was restored from a backup is the worst of outages.
What was due before may have been written already, so nothing of it is until the marks that hoist left in the source are read.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from agent import outbox
from agent.settings import Policy
from agent.store import journal, operations, outages, sources, waiting
from agent.store.outages import Life, Outage
from agent.store.states import UNDER_WAY, RowState
from rules.instants import HOUR, MINUTE, Instant, written

log = logging.getLogger("hoist")

SHORTEST: Final = 5 * MINUTE
"""A gap between two signs of life that is no longer is a restart."""
BEFORE: Final = MINUTE
"""So long before the last sign of life an outage may have begun."""
LISTED: Final = 200


def begin(
    db: Connection, source: str, last: Life | None, now: tuple[Instant, Instant], policy: Policy, *, restored: bool
) -> Outage | None:
    """Note the outage that ends now, and leave to a person what had been planned before it; None where there was none.

    `now`: by this machine's clock, in which signs of life are given, and by the source's.
    """
    here, there = now
    if last is None or (here - last.at < SHORTEST and not restored):
        return None
    began = there - max(0, here - last.at) - BEFORE
    if restored:
        began = read_until(db, source) or began
    catch_up_from = there if restored else policy.from_(there)
    outage = Outage(source, began, there, catch_up_from, restored, None, lost=restored)
    outages.add(db, outage)
    journal.append(db, "outage", there, source, "", began=written(began), ended=written(there), restored=restored)
    if restored:
        operations.skip_numbers(db, source)
    leave(db, outage)
    return outage


def read_until(db: Connection, source: str) -> Instant | None:
    """The server time of the last page that this store knows: what it has lost, if it was restored, came later.

    Unlike its last sign of life that is the source's own time, which nobody moves by setting this machine's clock.
    """
    row = sources.found_source(db, source)
    return None if row is None else row.polled_at


def leave(db: Connection, outage: Outage) -> None:
    """What was planned and not begun, and is too old to be caught up, is left to a person.

    What was already old when it was planned (a backlog that is let through at a rate, a change that somebody approved) is not
    meant by that, unless the store was restored: then what was under way is asked for as well.
    """
    outbox.postpone(db, waiting.expired(db, outage.source, outage.ended), outage.ended, outage.ended, "its worker stopped")
    states = [RowState.PLANNED, *((RowState.QUEUED, RowState.HELD) if outage.restored else ())]
    for row in waiting.of_source(db, outage.source, states):
        fresh = row.planned_at - row.instant < HOUR
        if outage.restored or (fresh and row.instant < outage.catch_up_from):
            waiting.move(db, row, RowState.BACKLOG, outage.ended, problem=outage.reason)
    for row in waiting.of_source(db, outage.source, UNDER_WAY) if outage.restored else ():
        waiting.note(db, row, outage.reason)


def report(db: Connection, outage: Outage, now: Instant) -> Outage:
    """Say once what fell due in an outage, after everything was read and looked at."""
    found = outages.fell_due(db, outage)
    left = found.get(RowState.BACKLOG, 0)
    listed = outages.left(db, outage, LISTED)
    journal.append(db, "outage-digest", now, outage.source, "", due=sum(found.values()), left=left, firings=listed)
    outages.change(db, outage, reported_at=now)
    log.warning(
        "%s: hoist did not run until %s; %d escalations fell due meanwhile, %d are left to you: hoist status",
        outage.source,
        written(outage.ended),
        sum(found.values()),
        left,
    )
    return replace(outage, reported_at=now)
