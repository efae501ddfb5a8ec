"""First mirrors beside one another: the options of such a benchmark, its rounds, and its table."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.collector import collect_less_often
from benchmarks import organisation
from benchmarks.measured import Run, machine, median, ratio, run, table

CREDENTIAL: Final = "HOIST_BENCHMARK_CREDENTIAL"
"""Where a source's settings find what they need to sign in."""
Candidate = Callable[[str, Path], int]
"""Mirrors the site at an address into a folder; gives the number of tickets."""


@contextmanager
def served(folder: Path, platform: str = "jira") -> Iterator[str]:
    """The address of a server of ready-made pages, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.static_site", str(folder), platform]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - ours
        assert server.stdout is not None
        assert server.stdin is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.stdin.close()


def apart(write: Callable[..., dict[str, int]], folder: Path, tickets: int, **more: object) -> dict[str, int]:
    """Write pages in a process of its own: a candidate's peak memory is not below that of the process that began it."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(write, folder, tickets, **more).result()


def hoist_once(
    folder: Path, source: Mapping[str, object], priorities: Sequence[str] = tuple(organisation.PRIORITIES.values())
) -> int:
    """`hoist run --once` on the store of a folder, with these settings of its source; gives the number of tickets read.

    `priorities`: as `organisation.write` takes them.
    """
    collect_less_often()  # as the program begins
    from agent.commands import run_agent

    organisation.write(folder / "protocol", priorities)
    os.environ[CREDENTIAL] = "none"  # the site of ready-made pages asks for no credential
    own = {**source, "requests_per_second": "100000"}
    settings = {"store": "hoist.db", "protocol": "protocol", "sources": {organisation.SOURCE: own}}
    config = folder / "hoist.yaml"
    config.write_text(json.dumps(settings), encoding="utf-8")
    (done,) = run_agent(config, once=True, stopped=lambda: True)
    assert not done.problem, done.problem
    return done.read


@dataclass(frozen=True, slots=True)
class Mirrors:
    """What is compared: the module that runs one candidate in a process of its own, and the pages that all of them read.

    `write` makes the pages of so many tickets in a folder, and says what they weigh; `site` serves them.
    """

    module: str
    candidates: Mapping[str, Candidate]
    write: Callable[[Path, int], str]
    site: Callable[[Path], AbstractContextManager[str]]

    def main(self, told: str | None) -> None:
        """Parse the options and do what they ask for; `told` is the benchmark's description."""
        parser = argparse.ArgumentParser(description=told, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--tickets", type=int, default=50_000)
        parser.add_argument("--rounds", type=int, default=3)
        parser.add_argument("--pages", type=Path, help="keep the pages in this folder and use those that are there")
        parser.add_argument("--only", nargs="*", choices=list(self.candidates), default=list(self.candidates))
        parser.add_argument("--flat", action="store_true")
        parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
        options = parser.parse_args()
        with tempfile.TemporaryDirectory() as folder:
            if options.one:
                name, url = options.one
                print(self.candidates[name](url, Path(folder)))
                return
            print(machine())
            pages = options.pages or Path(folder)
            if options.flat:
                self.flat(pages, options.tickets)
            else:
                self.compare(pages, options.tickets, options.rounds, options.only)
            print(machine())

    def compare(self, folder: Path, tickets: int, rounds: int, names: Sequence[str]) -> None:
        """The candidates in turns."""
        print(self.write(folder / str(tickets), tickets))
        runs: dict[str, list[Run]] = {name: [] for name in names}
        with self.site(folder / str(tickets)) as url:
            for _ in range(rounds):
                for name in names:
                    runs[name].append(self.measured(name, url, tickets))
        lines = [_line(name, runs, tickets) for name in runs]
        print(table(list(lines[0]), lines))

    def flat(self, folder: Path, tickets: int) -> None:
        """hoist's peak memory at three sizes."""
        for number in (tickets // 5, tickets, 2 * tickets):
            self.write(folder / str(number), number)
            with self.site(folder / str(number)) as url:
                found = self.measured("hoist", url, number)
            print(f"hoist, {number} tickets: peak {found.peak:.0f} MiB, {number / found.wall:.0f} tickets/s")

    def measured(self, name: str, url: str, tickets: int) -> Run:
        """One run of a candidate, which must have mirrored all of them."""
        found = run(self.module, "--one", name, url)
        assert int(found.said) == tickets, (name, found.said)
        return found


def _line(name: str, runs: Mapping[str, Sequence[Run]], tickets: int) -> dict[str, str]:
    found, ours = runs[name], runs.get("hoist")
    wall, cpu, peak = (median(found, of) for of in (_wall, _cpu, _peak))
    line = {"candidate": name, "tickets/s": f"{tickets / wall:.0f}", "CPU us/ticket": f"{cpu / tickets * 1e6:.0f}"}
    line |= {"wall s": f"{wall:.2f}", "peak MiB": f"{peak:.0f}"}
    if ours is not None:
        line["hoist's speed to its"] = f"{ratio(found, ours, _wall):.2f}"
        line["hoist's CPU to its"] = f"{ratio(ours, found, _cpu):.2f}"
    return line


def _wall(found: Run) -> float:
    return found.wall


def _cpu(found: Run) -> float:
    return found.cpu


def _peak(found: Run) -> float:
    return found.peak
