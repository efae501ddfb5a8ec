"""How URLs that the protocol names are read: the administrator's part, from hoist.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rules.instants import MINUTE


@dataclass(frozen=True, slots=True)
class Links:
    """How URLs of the protocol are read. `read_every` in milliseconds; `private_hosts` may have addresses of a private network.

    `ca_file` replaces the public authorities by an organisation's own.
    """

    read_every: int = 15 * MINUTE
    private_hosts: frozenset[str] = frozenset()
    ca_file: Path | None = None
