"""Who tells hoist to do something on the command line, and how they are known."""

from __future__ import annotations

import getpass
import socket
from dataclasses import dataclass
from typing import Any

from agent.errors import ConfigError
from agent.store.journal import Personal


@dataclass(frozen=True, slots=True)
class Who:
    """A person and how they are known; `why` in their own words."""

    name: str
    known_by: str
    why: str

    def data(self) -> dict[str, Any]:
        """For a line of the journal."""
        return {"by": Personal(self.name), "known_by": Personal(self.known_by, self.name), "why": self.why}


def at_the_command_line(name: str | None, why: str) -> Who:
    """The account of the operating system, or whom it names. Raises ConfigError where no reason is given."""
    if not why.strip():
        raise ConfigError('say why: --why "the network is being rebuilt"; it stands in the journal')
    account, host = getpass.getuser(), socket.gethostname()
    said = "system account" if name is None else "named by the system account"
    return Who(name or account, f"{said} {account} at {host}", why.strip())
