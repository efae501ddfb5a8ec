"""What `hoist census` does."""

from __future__ import annotations

import getpass
import socket
from contextlib import closing
from pathlib import Path

from agent.clock import SystemClock
from agent.commands import existing_store
from agent.config import load_settings
from agent.errors import ConfigError
from agent.store import censuses, journal
from agent.store.censuses import Seen


def accept_vanished(config: Path | None, source: str) -> int:
    """An administrator says that what vanished is gone; gives how many open tickets that are so far.

    The account of the operating system and the machine stand in the journal. Raises ConfigError where there is no such source, or
    no alarm.
    """
    settings = load_settings(config)
    if source not in {each.name for each in settings.sources}:
        raise ConfigError(f"hoist.yaml has no source {source!r}; there are {', '.join(each.name for each in settings.sources)}")
    with closing(existing_store(settings)) as database, database.transaction() as db:
        census = censuses.latest(db, source, finished=False)
        if census is None or not census.alarm:
            raise ConfigError(f"{source}: no tickets have vanished in such numbers that anybody must say whether they are gone")
        by = f"{getpass.getuser()} at {socket.gethostname()}, by the account of the operating system"
        censuses.change(db, census, accepted_by=by)
        vanished = censuses.count(db, source, [Seen.VANISHED])
        journal.append(db, "census-accepted", SystemClock().now(), source, vanished=vanished, by=by)
        return vanished
