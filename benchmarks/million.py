"""Ten rules over a million tickets in a pool of processes, one ticket at a time: a new rulebook judged over a whole mirror.

    python -m benchmarks.million [--tickets N] [--processes N]

The tickets are those of the recorded history (BPI Challenge 2013, found as by `benchmarks.evaluation`), over and over; each has
its timeline built and its episodes and next look computed anew. Memory is that of the largest
process, at a tenth and at all of them.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

from agent.commands import spare_the_collector
from benchmarks.evaluation import RULES, bound, reference, ticket
from benchmarks.measured import machine
from rules.binding import BoundRules
from rules.engine import evaluate
from rules.ticket import Ticket
from rules.timeline import timeline

CHUNK: Final = 5_000


class Worker:
    """What one process of the pool holds."""

    rules: BoundRules
    tickets: list[Ticket]


def start(shared: Path) -> None:
    """Each process reads the recorded history and binds the rules once."""
    sys.path.insert(0, str(shared / "bench"))
    histories: Any = importlib.import_module("timelines")
    recorded = histories.bpic2013(shared / "data" / "bpic2013_incidents.csv.gz")
    Worker.rules = bound(recorded, RULES)
    Worker.tickets = [ticket(number, one) for number, one in enumerate(recorded)]
    spare_the_collector()


def judge(chunk: range) -> tuple[int, int, float, float]:
    """Judge these tickets: episodes, tickets that must be looked at again, the process's peak memory in MiB, and CPU seconds."""
    begun = time.process_time()
    rules, tickets = Worker.rules, Worker.tickets
    episodes = looks = 0
    for number in chunk:
        one = tickets[number % len(tickets)]
        found = evaluate(timeline(one), rules, one.created)
        episodes += len(found.episodes)
        looks += found.next_look < one.known
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return episodes, looks, peak, time.process_time() - begun


def measure(pool: ProcessPoolExecutor, tickets: int, processes: int) -> None:
    begun = time.perf_counter()
    chunks = [range(first, min(first + CHUNK, tickets)) for first in range(0, tickets, CHUNK)]
    results = list(pool.map(judge, chunks))
    seconds = time.perf_counter() - begun
    episodes, peak = sum(result[0] for result in results), max(result[2] for result in results)
    spent = sum(result[3] for result in results)
    print(
        f"{tickets} tickets in {seconds:.1f} s on {processes} processes: {tickets / seconds / 1e3:.1f} k/s, "
        f"{1e6 * spent / tickets:.0f} us of CPU each, {episodes} episodes, peak {peak:.0f} MiB a process"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    shared = reference()
    if shared is not None:
        with ProcessPoolExecutor(arguments.processes, initializer=start, initargs=(shared,)) as pool:
            list(pool.map(judge, [range(100)] * (4 * arguments.processes)))  # the processes are up, and warm
            measure(pool, arguments.tickets // 10, arguments.processes)
            measure(pool, arguments.tickets, arguments.processes)
    print(machine())


if __name__ == "__main__":
    main()
