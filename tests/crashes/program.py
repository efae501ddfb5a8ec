"""The program `hoist` on clocks that a test may set: `python -m tests.crashes.program CLOCKS run --config ...`.

A limit may come first: `--file-size BYTES` (no file may grow beyond it, which is a full disk to SQLite).
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import NoReturn
from unittest.mock import patch

from agent.cli import main as hoist
from agent.clock import SystemClock
from tests.crashes.clocks import Ahead


def main(arguments: list[str]) -> NoReturn:
    """Become hoist; ends in SystemExit."""
    if arguments[0] == "--file-size":
        limit = int(arguments[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        arguments = arguments[2:]
    ahead, now, monotonic = Ahead(Path(arguments[0])), SystemClock.now, SystemClock.monotonic
    with (
        patch.object(SystemClock, "now", lambda self: now(self) + ahead.wall),
        patch.object(SystemClock, "monotonic", lambda self: monotonic(self) + ahead.steady / 1000),
    ):
        hoist(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
