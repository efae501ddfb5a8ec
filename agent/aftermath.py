"""What is still to be done about the outages of one source: reading marks back after a restore, and the one report of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from agent import outage as outages_of
from agent.restoring import Restoring
from agent.settings import Policy
from agent.store import journal, operations, outages
from agent.store.database import Database
from agent.store.outages import Outage
from connectors.contract import Connector
from rules.instants import FOREVER, MINUTE, Instant
from rules.ticket import Kind, Ticket

LANDING: Final = 10 * MINUTE
"""So long after it was sent, an operation of before an outage may still show in it."""


class Aftermath:
    """The outages that bear on a source."""

    def __init__(self, source: str, connector: Connector, database: Database, mark: Callable[[str], str], policy: Policy) -> None:
        self._source, self._database, self._policy = source, database, policy
        self._restoring = Restoring(source, connector, database, mark, policy)
        self.outages: tuple[Outage, ...] = ()
        self._read_until: Instant | None = None

    def load(self, now: Instant) -> None:
        """Take over what the store knows, before anything is read."""
        with self._database.reading() as db:
            self.outages = outages.lately(db, self._source, now)
            self._read_until = outages_of.read_until(db, self._source)

    def next_step(self) -> Instant:
        """When there is a step to take, on the source's clock; FOREVER where there is none."""
        if (found := self._unfinished()) is None:
            return FOREVER
        outage = self.outages[found]
        return self._restoring.begins(outage) if outage.restored else outage.ended

    @property
    def standing(self) -> str:
        """Why nothing may be written; empty where nothing speaks against it."""
        if not any(each.restored for each in self.outages):
            return ""
        return (
            "hoist's store is older than what hoist has done here, as after a restore from a backup: nothing is written until "
            "the marks that it left are read back, which is under way"
        )

    def step(self, now: Instant) -> None:
        """One step: the marks of one ticket, or a report."""
        if (found := self._unfinished()) is not None:
            self.outages = (*self.outages[:found], self._stepped(self.outages[found], now), *self.outages[found + 1 :])

    def _unfinished(self) -> int | None:
        return next((n for n, each in enumerate(self.outages) if each.restored or each.reported_at is None), None)

    def _stepped(self, outage: Outage, now: Instant) -> Outage:
        if outage.restored:
            return self._restoring.step(outage, now)
        if outage.reported_at is None:
            with self._database.transaction() as db:
                return outages_of.report(db, outage, now)
        return outage

    def see(self, db: Connection, tickets: Sequence[Ticket]) -> bool:
        """Tickets were read; True where they show that hoist wrote while its store says that it did not run.

        The store is then a restored one, even if everything beside it was restored with it.
        """
        latest = next(iter(self.outages), None)
        if latest is None or latest.lost or latest.reported_at is not None:
            return False  # of a lost time it is known that hoist wrote in it
        strange = [ticket for ticket in tickets if self._wrote_in(db, ticket, latest)]
        if strange:
            began = self._read_until or latest.began
            restored = replace(latest, began=began, restored=True, lost=True, catch_up_from=latest.ended)
            outages.change(db, latest, began=began, restored=outages.RESTORED, catch_up_from=latest.ended)
            journal.append(db, "store-restored", latest.ended, self._source, strange[0].ref.id, tickets=len(strange))
            operations.skip_numbers(db, self._source)
            outages_of.leave(db, restored)
            self.outages = (restored, *self.outages[1:])
        return bool(strange)

    def _wrote_in(self, db: Connection, ticket: Ticket, outage: Outage) -> bool:
        acts = [change.at for change in ticket.changes if change.by.kind is Kind.OWN_ACCOUNT]
        acts += [message.at for message in ticket.messages if message.by.kind is Kind.OWN_ACCOUNT]
        began = min(self._read_until or outage.began, outage.began)
        during = [at for at in acts if began + MINUTE < at < outage.ended]
        if not during:
            return False
        left = [row.sent_at for row in operations.of_ticket(db, self._source, ticket.ref.id) if row.sent_at is not None]
        return any(not any(sent - MINUTE <= at <= sent + LANDING for sent in left) for at in during)
