"""What `hoist rehearse` does."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from agent.clock import SystemClock
from agent.commands import named_ticket
from agent.config import load_settings
from agent.hands_on import hands_on
from agent.store import mirrored
from agent.store.database import open_database
from agent.undo.rehearsing import Rehearsal, Rehearsing
from agent.who import Who


def rehearse(config: Path | None, ticket: str, rule: str | None, who: Who, *, really: bool) -> Rehearsal:
    """What would be tried on SOURCE:KEY, and with `really` how each step went.

    Raises ConfigError where there is no such ticket or rule, or something is under way on the ticket.
    """
    settings = load_settings(config)
    source, name = named_ticket(ticket, [each.name for each in settings.sources])
    with closing(open_database(settings.store)) as database, database.reading() as db:
        known = mirrored.by_name(db, source, name) or mirrored.by_name(db, source, name.upper())
    with hands_on(config, source, SystemClock()) as hands:
        # one that hoist has not read yet is asked for as it was named
        rehearsing = Rehearsing(hands, known.ticket.ref.id if known is not None else name, rule, who)
        return rehearsing.carry_out() if really else rehearsing.found
