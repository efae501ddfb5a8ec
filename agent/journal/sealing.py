"""Sealing the journal: one process at a time, under a lease, links the lines that were committed since to the hash chain.

Lines are committed by many writers, each with what it records; none of them computes a hash. A line that was committed and not
sealed when a process ended is sealed by whoever seals next. Signing is by a key that is kept outside the database.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from agent.errors import StoreError
from agent.settings import JournalSettings
from agent.store import chain, erasing, journal, leases
from agent.store.database import Database
from agent.store.installation import read_or_make
from agent.store.journal import Head
from rules.instants import DAY, SECOND, Instant

log = logging.getLogger("hoist")

LEASE: Final = "journal"
LEASE_LENGTH: Final = 30 * SECOND
AT_ONCE: Final = 2_000
"""Lines that one transaction seals at most: other writers wait for some tens of milliseconds, no longer."""
REMOVED_AT_ONCE: Final = 10_000
NOT_OURS: Final = "not signed: the head before had another signature"
"""Stands in the place of a signature once the one before was not of the key that is set, until a person signs anew."""


def seal(database: Database, holder: str, now: Instant, key: bytes | None = None) -> int:
    """Seal all lines committed so far, and sign the head where there is a key; how many were sealed.

    None are while another process holds the lease. `now` is on this machine's clock. Nothing is written where nothing waits.
    """
    sealed = 0
    while _waits(database, key):
        with database.transaction() as db:
            if leases.take(db, LEASE, holder, now, LEASE_LENGTH) is None:
                return sealed
            sealed += _seal_some(db, now, key)
    return sealed


def _waits(database: Database, key: bytes | None) -> bool:
    with database.reading() as db:
        if next(chain.waiting(db, 1), None) is not None:
            return True
        end = journal.head(db)
        return key is not None and end.position > 0 and not end.signature


def _seal_some(db: Connection, now: Instant, key: bytes | None) -> int:
    before = journal.head(db)
    signature = _carried_on(db, before, now, key)
    rows = list(chain.waiting(db, AT_ONCE))
    end = chain.seal(db, rows, now) if rows else before
    if key is not None and not signature:
        signature = chain.signature(key, read_or_make(db).identity, end)
    chain.keep_head(db, "sealed", replace(end, signature=signature))
    return len(rows)


def _carried_on(db: Connection, before: Head, now: Instant, key: bytes | None) -> str:
    """What stands in the place of the next signature; empty where it is to be made.

    Nobody signs what follows from a head whose signature is not ours: somebody without the key may have made all of it.
    """
    if key is None:
        return NOT_OURS if before.signature == NOT_OURS else ""
    if not before.signature:
        journal.append(db, "journal-signed-from-here", now, "")
        return ""
    return "" if chain.signed_by(key, read_or_make(db).identity, before) else NOT_OURS


def sign_anew(database: Database, holder: str, now: Instant, key: bytes) -> Head | None:
    """Sign with this key from now on, whatever the signature before; None while another process holds the lease.

    It is a person who says so, after they changed the key or looked into what verifying found; a line of the journal tells it.
    """
    with database.transaction() as db:
        if leases.take(db, LEASE, holder, now, LEASE_LENGTH) is None:
            return None
        chain.keep_head(db, "sealed", replace(journal.head(db), signature=""))
    seal(database, holder, now, key)
    with database.reading() as db:
        return journal.head(db)


def trim(database: Database, holder: str, now: Instant, keep: int) -> int:
    """Remove sealed lines older than `keep` milliseconds, some thousands at most; how many were removed.

    They go from the beginning up to the first one that is to be kept. What the rest follows from is kept, and a line tells it.
    """
    with database.reading() as db:
        if chain.old(db, now - keep, 1) is None:
            return 0
    with database.transaction() as db:
        last = chain.old(db, now - keep, REMOVED_AT_ONCE)
        if last is None or leases.take(db, LEASE, holder, now, LEASE_LENGTH) is None:
            return 0
        number = last.position - journal.trimmed(db).position
        # The line comes first: numbers of lines go on from the highest one that is there.
        journal.append(db, "journal-trimmed", now, "", position=last.position, hash=last.hash, lines=number)
        with erasing.overwriting(db):
            chain.remove(db, last)
        chain.keep_head(db, "trimmed", replace(last, at=now))
        return number


class Sealer:
    """Seals at the end of each turn of `hoist run`, and once a day removes what is older than is to be kept."""

    def __init__(self, database: Database, settings: JournalSettings, holder: str = "") -> None:
        """Raises what `JournalSettings.key` raises."""
        self._database, self._keep, self._key = database, settings.keep, settings.key()
        self._holder = holder or leases.this_process()
        self._sealed_at: Instant = -1
        self._trimmed_at: Instant = -1

    def turn(self, now: Instant) -> None:
        """Do what is due; at most once a second. `now` is on this machine's clock, which somebody may set back."""
        if self._sealed_at <= now < self._sealed_at + SECOND:
            return
        self._sealed_at = now
        seal(self._database, self._holder, now, self._key)
        if self._keep is not None and not self._trimmed_at <= now < self._trimmed_at + DAY:
            removed = trim(self._database, self._holder, now, self._keep)
            self._trimmed_at = now if removed < REMOVED_AT_ONCE else -1

    def end(self, now: Instant) -> None:
        """Seal what is left, and let the next process begin at once. Where the store can't be written, the next one seals it."""
        try:
            seal(self._database, self._holder, now, self._key)
            with self._database.transaction() as db:
                leases.release(db, LEASE, self._holder)
        except StoreError as error:
            log.warning("the last lines of the journal are sealed by the next hoist run: %s", error)
