"""What `hoist census` does."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from agent.clock import SystemClock
from agent.commands import existing_store, known_source
from agent.config import load_settings
from agent.errors import ConfigError
from agent.store import censuses, journal
from agent.store.censuses import Seen
from agent.who import Who


def accept_vanished(config: Path | None, source: str, who: Who) -> int:
    """An administrator says that what vanished is gone; gives how many open tickets that are so far.

    Who it was stands in the journal. Raises ConfigError where there is no such source, or no alarm.
    """
    settings = load_settings(config)
    known_source(source, [each.name for each in settings.sources])
    with closing(existing_store(settings)) as database, database.transaction() as db:
        census = censuses.latest(db, source, finished=False)
        if census is None or not census.alarm:
            raise ConfigError(f"{source}: no tickets have vanished in such numbers that anybody must say whether they are gone")
        censuses.change(db, census, accepted_by=who.name)
        vanished = censuses.count(db, source, [Seen.VANISHED])
        journal.append(db, "census-accepted", SystemClock().now(), source, vanished=vanished, **who.data())
        return vanished
