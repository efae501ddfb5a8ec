"""Ten rules over a million tickets in a pool of processes, one ticket at a time: a new rulebook judged over a whole mirror.

    python -m benchmarks.million [--tickets N] [--processes N]

The tickets are those of the recorded history (BPI Challenge 2013, found as by `benchmarks.evaluation`), over and over; each has
its timeline built and its episodes and next look computed anew, in `agent.judging_pool`. Each process reads the history and
binds the rules first, which the time includes. The CPU time of all of them over the processes is what so many idle cores would
take. Memory is that of the largest process, at a tenth and at all of the tickets.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from agent.collector import spare_the_collector
from agent.judging_pool import in_processes
from benchmarks.evaluation import RULES, bound, reference, ticket
from benchmarks.measured import machine
from rules.binding import BoundRules
from rules.engine import evaluate
from rules.ticket import Ticket
from rules.timeline import timeline

CHUNK: Final = 5_000


class Desk(NamedTuple):
    """What one process of the pool holds."""

    rules: BoundRules
    tickets: list[Ticket]


class Judged(NamedTuple):
    """What one process found in a piece: episodes, tickets to look at again; its peak memory in MiB, its CPU seconds so far."""

    episodes: int
    looks: int
    peak: float
    process: int
    cpu: float


def start(shared: Path) -> Desk:
    """Each process reads the recorded history and binds the rules once."""
    sys.path.insert(0, str(shared / "bench"))
    histories: Any = importlib.import_module("timelines")
    recorded = histories.bpic2013(shared / "data" / "bpic2013_incidents.csv.gz")
    desk = Desk(bound(recorded, RULES), [ticket(number, one) for number, one in enumerate(recorded)])
    spare_the_collector()
    return desk


def judge(desk: Desk, piece: range) -> Judged:
    """Judge these tickets."""
    rules, tickets = desk
    episodes = looks = 0
    for number in piece:
        one = tickets[number % len(tickets)]
        found = evaluate(timeline(one), rules, one.created)
        episodes += len(found.episodes)
        looks += found.next_look < one.known
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Judged(episodes, looks, peak, os.getpid(), time.process_time())


def measure(shared: Path, tickets: int, processes: int) -> None:
    begun = time.perf_counter()
    pieces = (range(first, min(first + CHUNK, tickets)) for first in range(0, tickets, CHUNK))
    episodes, peak, cpu = 0, 0.0, dict[int, float]()
    for found in in_processes(partial(start, shared), judge, pieces, processes):
        episodes += found.episodes
        peak = max(peak, found.peak)
        cpu[found.process] = found.cpu
    seconds, spent = time.perf_counter() - begun, sum(cpu.values())
    print(
        f"{tickets} tickets in {seconds:.1f} s on {processes} processes, {spent / processes:.1f} s of CPU in each: "
        f"{1e6 * spent / tickets:.0f} us a ticket, {episodes} episodes, peak {peak:.0f} MiB a process"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    shared = reference()
    if shared is not None:
        measure(shared, arguments.tickets // 10, arguments.processes)
        measure(shared, arguments.tickets, arguments.processes)
    print(machine())


if __name__ == "__main__":
    main()
