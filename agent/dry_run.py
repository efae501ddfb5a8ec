"""`hoist run --dry-run`: all of hoist on a copy of the store, each rule only watching, through sessions that refuse to write."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from agent.config import Settings
from agent.errors import StoreError
from agent.heartbeat import life_file
from agent.settings import HeartbeatSettings
from rules.protocol.rule import Mode
from rules.rulebook import Loaded


def dry_settings(settings: Settings) -> Settings:
    """The same with a copy of the store, which the real one knows nothing of, and without signs of life or webhooks.

    Raises StoreError where the copy can't be made.
    """
    store = settings.store.with_name(f"{settings.store.stem}-dry-run{settings.store.suffix}")
    try:
        # the sign of life of the former copy, too, or this one would pass for a store that was put back
        for left in (store, life_file(store), *(store.with_name(store.name + end) for end in ("-wal", "-shm"))):
            left.unlink(missing_ok=True)
        store.touch(mode=0o600)
        if settings.store.exists():
            _copy(settings.store, store)
        else:
            store.unlink()
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the copy {store} for the dry run can't be made: {error}") from error
    sources = tuple(replace(source, webhook=None) for source in settings.sources)
    return replace(settings, store=store, sources=sources, heartbeat=HeartbeatSettings(), hooks=None)


def _copy(store: Path, to: Path) -> None:
    """All that is committed, though hoist may be running on it."""
    with closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)) as own, closing(sqlite3.connect(to)) as copy:
        own.backup(copy)


def watching(load: Callable[[Path], Loaded]) -> Callable[[Path], Loaded]:
    """The protocol with every rule that is live only watching."""
    return lambda place: only_watching(load(place))


def only_watching(found: Loaded) -> Loaded:
    """The same rules, none of which writes."""
    rules = tuple(replace(rule, mode=Mode.WATCH) if rule.mode is Mode.LIVE else rule for rule in found.rulebook.rules)
    return replace(found, rulebook=replace(found.rulebook, rules=rules))
