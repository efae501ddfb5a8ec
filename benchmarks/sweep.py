"""A new rulebook over a mirror of 1,000,000 open tickets, while due ones go on being served; and one changed ticket among them.

    python -m benchmarks.sweep [--tickets N] [--batches N]

The store is that of `benchmarks.tick`. A sweep takes batches of 200 in transactions of their own, the most urgent tickets
first, and rests after each for as long as it took: half a core. Measured are some hundred batches, from which the whole follows
(all cost alike: `--batches 0` sweeps all of it), looks with 100 due before the sweep and between its batches, and single tickets:
judged with their next look, and mirrored, judged and committed to disk as a page of one, beside what the disk takes to put 8 KiB
in safety.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from agent.collector import spare_the_collector
from agent.evaluate import decide
from agent.in_force.ruling import Ruling
from agent.pipeline import BATCH
from agent.store import mirrored
from benchmarks.measured import machine
from benchmarks.organisation import SOURCE
from benchmarks.tick import FIRST_TICK, RESOLUTION, Hoist, bound_rules
from connectors.contract import Page
from rules.instants import MINUTE, SECOND
from rules.ticket import Change, Ticket

TICKS = 8  # before the sweep, and as many while it is under way; the first one warms up
SINGLES = 300


def milliseconds(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds) * 1e3:.2f} ms, worst {max(seconds) * 1e3:.2f} ms"


def timed(seconds: list[float], begun: float) -> None:
    seconds.append(time.perf_counter() - begun)


def single_tickets(hoist: Hoist, tickets: int, folder: Path) -> None:
    """One change each to tickets from all over the mirror."""
    pipeline, judged, kept = hoist.pipeline, list[float](), list[float]()
    with hoist.database.reading() as db:
        names = [str(1 + n * (tickets // SINGLES)) for n in range(SINGLES)]
        read = [one.ticket for one in mirrored.mirrored(db, SOURCE, names).values()]
    for one in read:
        changed = with_a_change(one)
        begun = time.perf_counter()
        decide(changed, (), (), pipeline.ruling, FIRST_TICK)
        timed(judged, begun)
        page = Page((changed,), (), cursor="1", server_time=FIRST_TICK, complete=False, horizon=0)
        begun = time.perf_counter()
        with hoist.database.transaction() as db:
            pipeline._keep_page(db, page)  # noqa: SLF001 - what a poll does with each page, without its HTTP
        timed(kept, begun)
    print(f"one changed ticket, judged with its next look: {milliseconds(judged)}")
    print(f"one changed ticket, mirrored, judged, on disk: {milliseconds(kept)}")
    print(f"the disk alone, for 8 KiB: {milliseconds(flushes(folder))}")


def flushes(folder: Path) -> list[float]:
    """What no commit can do without."""
    taken = list[float]()
    with (folder / "flushed").open("wb", buffering=0) as file:
        for _ in range(SINGLES):
            file.write(bytes(8_192))
            begun = time.perf_counter()
            os.fsync(file.fileno())
            timed(taken, begun)
    return taken


def with_a_change(one: Ticket) -> Ticket:
    at, last = FIRST_TICK - MINUTE, one.changes[-1]
    change = Change(at, FIRST_TICK, last.sequence + 1, "x", "status", one.fields["status"], "pending", last.by)
    return replace(
        one,
        version="new",
        known=FIRST_TICK - SECOND,
        fields=dict(one.fields) | {"status": "pending"},
        changes=(*one.changes, change),
    )


def sweep(hoist: Hoist, tickets: int, batches: int) -> None:
    """Batches of a sweep with a look at 100 due tickets now and then."""
    before = [hoist.tick(number) for number in range(TICKS)][1:]
    pipeline = hoist.pipeline
    pipeline.rule_by(Ruling(pipeline.ruling.rules, pipeline.ruling.activated, 2, RESOLUTION))
    batches = batches or -(-tickets // BATCH)
    taken, between = list[float](), list[float]()
    for number in range(batches):
        begun = time.perf_counter()
        pipeline.sweep()
        hoist.database.settle()
        timed(taken, begun)
        if number % max(1, batches // TICKS) == 0 and len(between) < TICKS:
            between.append(hoist.tick(TICKS + len(between)))
    whole = sum(taken) / batches * tickets / BATCH
    print(f"swept {batches * BATCH} of {tickets} tickets, {BATCH} at a time: {milliseconds(taken)} a batch")
    print(f"all of them: {whole / 60:.1f} minutes of work, {2 * whole / 60:.1f} minutes at half a core")
    ratio = statistics.median(between[1:]) / statistics.median(before)
    print(
        f"a look with 100 due before the sweep: {milliseconds(before)}; during it: {milliseconds(between[1:])}, {ratio:.2f} of it"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--batches", type=int, default=200)
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        hoist = Hoist(Path(name), options.tickets, 2 * TICKS, bound_rules())
        with closing(hoist.database):
            spare_the_collector()
            sweep(hoist, options.tickets, options.batches)
            single_tickets(hoist, options.tickets, Path(name))
    print(machine())


if __name__ == "__main__":
    main()
