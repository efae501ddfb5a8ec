"""Runs in processes of their own, in turns, so that CPU and peak memory are theirs and the machine's drift hits all alike."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One process from start to end; `said` is the last line that it printed."""

    wall: float  # seconds
    cpu: float  # seconds, user and system
    peak: float  # MiB
    said: str


def run(module: str, *arguments: str) -> Run:
    """Run a module of this project in a process of its own. Ends the program where that fails."""
    # An installed program finds its modules compiled; a shell that forbids that would charge every run with compiling them.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", module, *arguments]
    begun = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603 - ours
    said = child.stdout.read() if child.stdout else ""
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"FAILED: {module} {' '.join(arguments)} ended with {child.returncode}: {said[-500:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, (said.splitlines() or [""])[-1])


def ratio(runs: Sequence[Run], to: Sequence[Run], of: Callable[[Run], float]) -> float:
    """The median over the rounds of one candidate's value over another's."""
    return statistics.median(of(a) / of(b) for a, b in zip(runs, to, strict=True))


def median(runs: Sequence[Run], of: Callable[[Run], float]) -> float:
    return statistics.median(map(of, runs))


def machine() -> str:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, load average {load}"


def table(header: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    """A table in Markdown with a row per mapping."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(str(row.get(name, "")) for name in header) + " |" for row in rows]
    return "\n".join(lines)
