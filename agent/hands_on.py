"""One source at hand for a command that writes to it because a person says so: signed in, with the store beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.app import known_instances
from agent.clock import Clock, SourceClock
from agent.config import load_settings
from agent.errors import ConfigError, StoreError
from agent.foreign import Foreign
from agent.in_force.governing import rules_in_force
from agent.in_force.protocol_files import world_of
from agent.lock import only_one
from agent.mirroring import Mirroring
from agent.sign_in import sign_in
from agent.store import orders, sources
from agent.store.database import Database, open_database
from agent.store.installation import read_or_make
from agent.store.orders import OrderRow
from agent.undo.undoing import OrderWriter
from connectors.contract import Connector
from connectors.errors import TryLater
from rules.binding import BoundRules, bind
from rules.instants import SECOND
from rules.ticket import Ticket

READ_TOGETHER = 50
"""Tickets of one fresh read."""
PATIENCE = 60
"""Seconds for which a command waits for what `hoist run` does."""
LOOK_AGAIN = 0.2


@dataclass(frozen=True, slots=True)
class Hands:
    """A source with its connector, the store, the rules as they are written now, and what carries orders out."""

    source: str
    connector: Connector
    database: Database
    mirroring: Mirroring
    bound: BoundRules
    writer: OrderWriter
    foreign: Foreign
    clock: Clock
    source_clock: SourceClock
    store: Path

    def read(self, ids: list[str]) -> Iterator[Ticket]:
        """These tickets afresh, with hoist's own acts told apart; those that are gone or unreadable are left out."""
        for start in range(0, len(ids), READ_TOGETHER):
            reading = self.connector.read(ids[start : start + READ_TOGETHER])
            self.source_clock.observe(reading.server_time)
            with self.database.reading() as db:
                found = [self.mirroring.reconciled(db, ticket) for ticket in reading.tickets]
            yield from (ticket for ticket in found if ticket is not None)

    def carry_out(self, ordered: list[OrderRow]) -> list[OrderRow]:
        """See orders through, as they are then: by `hoist run` where it runs, else here. One may still be open at the end.

        Raises AskAdmin where something must be mended first; what is open is then carried out by the next `hoist run`.
        """
        try:
            with only_one(self.store):
                self.see_through(ordered)
        except StoreError:  # hoist run holds the lock
            self._wait_for(ordered)
        return self._as_they_are(ordered)

    def see_through(self, ordered: list[OrderRow], *, alone: bool = False) -> None:
        """Carry orders out here; `alone`: no others beside them."""
        while unfinished := [each for each in self._as_they_are(ordered) if each.open]:
            try:
                if not self.writer.round(unfinished[0].id if alone else None):
                    wait = min(each.not_before for each in unfinished) - self.source_clock.now()
                    self.clock.sleep(min(max(wait / SECOND, LOOK_AGAIN), PATIENCE))
            except TryLater as error:
                self.clock.sleep(error.seconds)

    def _wait_for(self, ordered: list[OrderRow]) -> None:
        begun = self.clock.monotonic()
        while any(each.open for each in self._as_they_are(ordered)) and self.clock.monotonic() < begun + PATIENCE:
            self.clock.sleep(LOOK_AGAIN)

    def _as_they_are(self, ordered: list[OrderRow]) -> list[OrderRow]:
        with self.database.reading() as db:
            return [orders.order(db, each.id) for each in ordered]


@contextmanager
def hands_on(config: Path | None, source: str, clock: Clock) -> Iterator[Hands]:
    """Sign in to a source. Raises ConfigError where it does not let hoist in, or the rules can't be bound to it."""
    settings = load_settings(config)
    named = next(each for each in settings.sources if each.name == source)
    with closing(open_database(settings.store)) as database, ExitStack() as stack:
        answered = sign_in(named, clock, known_instances(database).get(source, ""))
        connector, identity, directory = answered.connector, answered.identity, answered.directory
        if connector is not None:
            stack.callback(connector.close)
        if answered.problems or connector is None or identity is None or directory is None:
            raise ConfigError(*answered.problems)
        with database.transaction() as db:
            installation = read_or_make(db)
            sources.source_row(db, source)
            sources.set_identity(db, source, instance=identity.instance, account=identity.account, directory=directory)
            rulebook = rules_in_force(settings, db).rulebook
        world = world_of(rulebook, settings.protocol, settings.copies)
        bound = bind(rulebook, source, directory, world, installation.key)
        hands = at_hand(connector, database, bound, clock, settings.store, named.retired_installations)
        if hands.foreign.standing:
            raise ConfigError(f"{source}: {hands.foreign.standing}")
        yield hands


def at_hand(
    connector: Connector,
    database: Database,
    bound: BoundRules,
    clock: Clock,
    store: Path,
    retired: frozenset[str] = frozenset(),
) -> Hands:
    """Hands on a source whose connector has signed in."""
    with database.transaction() as db:
        installation = read_or_make(db)
    source_clock = SourceClock(clock)
    source_clock.observe(connector.identify().server_time)
    life = int(connector.capabilities.request_life_seconds * SECOND)
    mirroring = Mirroring(bound.source, installation, life)
    foreign = Foreign(bound.source, database, installation, source_clock.now(), retired)
    writer = OrderWriter(connector, database, mirroring, (clock, source_clock), foreign.signed)
    return Hands(bound.source, connector, database, mirroring, bound, writer, foreign, clock, source_clock, store)
