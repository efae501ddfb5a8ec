"""A sandbox as a program: the time and the history that its options name, and serving until it is told to stop."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from connectors.sandboxes.event_log import load
from connectors.sandboxes.history import History
from connectors.sandboxes.made_up import made_up
from connectors.sandboxes.server import Serving
from rules.instants import Instant, instant

S = TypeVar("S")


class Lived(NamedTuple):
    """What a sandbox lives through, and its time."""

    clock: Callable[[], Instant]
    history: History


def lived(options: argparse.Namespace, ahead: int) -> Lived:
    """By the options `at`, `history`, `mapping`, `tickets` and `seed`; made-up tickets go on living for `ahead` milliseconds.

    Raises ValueError.
    """
    started = real = time.time_ns() // 1_000_000
    if options.at:
        if not options.history:
            raise ValueError("--at names an instant of a log, so it needs --history")
        started = instant(datetime.fromisoformat(options.at))
    history = load(options.history, options.mapping) if options.history else made_up(options.tickets, options.seed, real, ahead)
    steady = time.monotonic_ns() // 1_000_000

    def clock() -> Instant:
        return started + time.monotonic_ns() // 1_000_000 - steady

    return Lived(clock, history)


def serve(
    arguments: Sequence[str],
    parser: argparse.ArgumentParser,
    made: Callable[[argparse.Namespace], S],
    serving: Callable[[S, argparse.Namespace], AbstractContextManager[Serving]],
    told: Callable[[S], Mapping[str, object]],
    write_hoist_yaml: Callable[[Path, S], None] | None,
) -> int:
    """Serve the sandbox that is `made` of the options until interrupted; print what is `told` as one JSON line once it listens.

    Where `write_hoist_yaml` is given, there is an option --hoist-yaml, whose file it is called with before that line is printed;
    what it raises ends the sandbox. Returns the exit code: 0 when stopped, 2 for wrong use, which is said on stderr.
    """
    if write_hoist_yaml is not None:
        help_ = "write a hoist.yaml for this sandbox, and a protocol folder beside it where there is none"
        parser.add_argument("--hoist-yaml", type=Path, metavar="FILE", help=help_)
    options = parser.parse_args(arguments)
    try:
        sandbox = made(options)
    except ValueError as error:
        parser.error(str(error))
    stopped = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: stopped.set())
    with serving(sandbox, options):
        if write_hoist_yaml is not None and options.hoist_yaml is not None:
            write_hoist_yaml(options.hoist_yaml, sandbox)
        sys.stdout.write(json.dumps(dict(told(sandbox))) + "\n")
        sys.stdout.flush()
        stopped.wait()
    return 0
