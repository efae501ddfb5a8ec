"""Kill hoist many times: `python -m tests.crashes --kills 200`; it ends with one line that counts."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.crashes.stage import FAULTS, survive


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 where a promise was broken; then the store and the rest stay where they are."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.crashes", description="kill -9 at random instants, and look at both sides."
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, help="the instants and faults of this seed; they fall on other moments each time")
    parser.add_argument("--platform", default="jira", choices=FAULTS, help="the helpdesk")
    options = parser.parse_args(arguments)
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    folder = Path(tempfile.mkdtemp(prefix="hoist-crashes-"))
    try:
        seen = survive(folder, options.kills, seed, _say, platform=options.platform)
    except AssertionError as error:
        _say(f"broken, seed {seed}: {error}\nthe store is in {folder}")
        return 1
    counted = ", ".join(f"{number:,} {what}" for what, number in sorted(seen.items()))
    _say(f"{options.platform}: every promise was kept: {counted}; seed {seed}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
