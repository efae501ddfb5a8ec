"""What an administrator decides of hoist itself, as plain values; `agent/config.py` reads them from hoist.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.errors import ConfigError
from connectors.secrets import Secret
from rules.instants import HOUR, MINUTE, Instant

SHORTEST_KEY: Final = 32
"""Characters of a key that heads of the journal are signed with."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is written unasked. `canary` is a share from 0 to 1, `urgent` a number per hour, `expire_after` milliseconds."""

    per_rule_and_hour: int = 100
    per_source_and_hour: int = 500
    canary: float = 0.05
    urgent: int = 20
    per_ticket_and_day: int = 10
    expire_after: int = 24 * HOUR


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """What becomes of the journal. `keep` in milliseconds, None for ever; `signing_key` says where the key is kept."""

    keep: int | None = None
    signing_key: Secret | None = None

    def key(self) -> bytes | None:
        """The key that heads are signed with, None where none is set.

        Raises AskAdmin where it is not where the setting says, ConfigError where it is too short to be one.
        """
        if self.signing_key is None:
            return None
        key = self.signing_key.reveal()
        if len(key) < SHORTEST_KEY:
            raise ConfigError(
                f"journal.signing_key: the key at {self.signing_key.kind}:{self.signing_key.place} is shorter than {SHORTEST_KEY}"
                " characters: make one with `openssl rand -hex 32`"
            )
        return key.encode()


@dataclass(frozen=True, slots=True)
class Policy:
    """What an administrator wants after an outage: firings younger than so many milliseconds are caught up, None: all are."""

    younger_than: int | None = HOUR

    def from_(self, ended: Instant) -> Instant:
        """The instant from which on firings are caught up: the very first one where all are, however long they waited before."""
        return 0 if self.younger_than is None else ended - self.younger_than


@dataclass(frozen=True, slots=True)
class HeartbeatSettings:
    """Where the heartbeat goes; `every` in milliseconds. Neither file nor URL: nowhere."""

    file: Path | None = None
    url: str = field(default="", repr=False)  # its path may be its secret
    every: int = MINUTE
