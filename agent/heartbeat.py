"""Signs of life: in the store and beside it, to tell an outage and a restored store; and outwards, for a dead-man switch.

The outward heartbeat stops when hoist does, and when one of its stages has stalled: whoever waits for it hears of either. It
carries the head of the journal's chain, so that a copy of it is kept where nobody who can write the store can change it.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import urllib3
from sqlalchemy import Connection

from agent.clock import Clock, steady
from agent.settings import HeartbeatSettings
from agent.store import journal, outages
from agent.store import stalled as stalled_stages
from agent.store.database import Database
from agent.store.outages import Life
from agent.watchdog import Stage, Watchdog
from rules.instants import SECOND, written

log = logging.getLogger("hoist")

SIGN_EVERY: Final = 30 * SECOND
_TIMEOUT: Final = urllib3.Timeout(connect=5.0, read=10.0)


Send = Callable[[str, bytes], None]


class Heart:
    """Beats as long as hoist runs."""

    def __init__(
        self, database: Database, clock: Clock, store: Path, settings: HeartbeatSettings, identity: str, send: Send | None = None
    ) -> None:
        """`store`: the file beside which the sign of life is kept. `send(url, body)` sends without waiting for an answer."""
        self._database, self._clock, self._settings = database, clock, settings
        self._identity = identity
        self._life_file = life_file(store)
        self._send = send or _send_beside
        self._watchdog = Watchdog()
        self._next_sign = self._next_beat = 0
        self._stalled: list[str] = []

    def turn(self, stages: Callable[[Connection], Sequence[Stage]]) -> None:
        """Give a sign of life if it is time, and beat if every stage is alive."""
        now = steady(self._clock)
        if now >= self._next_sign:
            self._next_sign = now + SIGN_EVERY
            self._sign(stages, now)
        if now >= self._next_beat and not self._stalled:
            self._next_beat = now + self._settings.every
            self._beat()

    def _sign(self, stages: Callable[[Connection], Sequence[Stage]], now: int) -> None:
        with self._database.transaction() as db:
            stalled = self._watchdog.look(stages(db), now)
            for said in stalled:
                if said.partition(" has ")[0] not in {each.partition(" has ")[0] for each in self._stalled}:
                    log.error("%s", said)
            if stalled != self._stalled:
                stalled_stages.keep(db, stalled)
            self._stalled = stalled
            life = outages.sign(db, self._clock.now())
        write_whole(self._life_file, {"installation": self._identity, "number": life.number, "at": life.at})

    def _beat(self) -> None:
        if self._settings.file is None and not self._settings.url:
            return
        with self._database.reading() as db:
            head = journal.head(db)
        told = {
            "installation": self._identity,
            "at": written(self._clock.now()),
            "journal": {"position": head.position, "hash": head.hash},
        }
        if self._settings.file is not None:
            write_whole(self._settings.file, told)
        if self._settings.url:
            self._send(self._settings.url, json.dumps(told).encode())

    def end(self) -> None:
        """Hoist stops: the last sign of life, and nothing has stalled any more."""
        with self._database.transaction() as db:
            stalled_stages.keep(db, ())
            life = outages.sign(db, self._clock.now())
        write_whole(self._life_file, {"installation": self._identity, "number": life.number, "at": life.at})


def life_file(store: Path) -> Path:
    """The file beside a store that holds hoist's last sign of life."""
    return store.with_name(f"{store.name}.life")


def restored(store: Path, identity: str, last: Life | None) -> bool:
    """Whether the file beside a store knows a later sign of life of this installation than the store itself.

    A sign is committed to the store before it is written to the file, so that the store is never behind unless it was put back.
    """
    try:
        found = json.loads(life_file(store).read_text(encoding="utf-8"))
        number, of = int(found["number"]), found["installation"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return of == identity and last is not None and number > last.number


def write_whole(path: Path, value: object) -> None:
    """Replace a file in one go: whoever reads it sees the former or the new one. What can't be written is said in the log."""
    beside = path.with_name(f"{path.name}.new")
    try:
        beside.write_text(json.dumps(value) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        log.warning("%s can't be written: %s", path, error.strerror)


def _send_beside(url: str, body: bytes) -> None:
    threading.Thread(target=post, args=(url, body), name="hoist-heartbeat", daemon=True).start()


def post(url: str, body: bytes) -> None:
    """Send the heartbeat. What fails is said in the log without the URL, whose path may be a secret; the next one follows."""
    try:
        with urllib3.PoolManager(timeout=_TIMEOUT, retries=False) as pool:
            answer = pool.request("POST", url, body=body, headers={"Content-Type": "application/json", "User-Agent": "hoist"})
        if answer.status >= 300:
            log.warning("the heartbeat was answered with %d: check heartbeat.url in hoist.yaml", answer.status)
    except urllib3.exceptions.HTTPError as error:
        log.warning("the heartbeat was not taken (%s): check heartbeat.url in hoist.yaml, and the network", type(error).__name__)
