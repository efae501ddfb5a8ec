"""One seed, or many of them on all cores: played, judged, counted."""

from __future__ import annotations

import faulthandler
import logging
import signal
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NoReturn

from rules.instants import HOUR
from tests.simulation.drawing import drawn
from tests.simulation.judging import judge
from tests.simulation.playing import Stalled, played
from tests.simulation.story import Story

LONGEST: Final = 600
"""Seconds that one seed may take on a machine that is busy; five are usual."""


@dataclass(frozen=True)
class Result:
    """What came of one seed. `broken` are sentences; `digest` is that of all that happened, the store's journal included."""

    seed: int
    hours: float
    broken: tuple[str, ...]
    digest: str
    faults: Counter[str] = field(default_factory=Counter)
    crashes: Counter[int] = field(default_factory=Counter)
    effects: int = 0


def result_of(story: Story, under: Callable[[], AbstractContextManager[object]] = nullcontext) -> Result:
    """Play a story, `under` a mutant perhaps, and judge it."""
    logging.getLogger("hoist").setLevel(logging.CRITICAL)  # what goes wrong there is meant to
    try:
        with played(story, under=under) as it:
            broken = tuple(judge(it))
            return Result(story.seed, story.length / HOUR, broken, it.digest, it.faults, it.crashes, len(it.helpdesk.effects))
    except Stalled as stalled:
        return Result(story.seed, story.length / HOUR, (str(stalled),), "")


def of_seed(seed: int, hours: float = 6, faults: Collection[str] | None = None, platform: str = "jira") -> Result:
    """Draw the story of a seed, play it and judge it; one that takes too long says where it stood, and counts as broken."""
    with _bounded():
        return result_of(drawn(seed, hours, faults, platform))


@contextmanager
def _bounded() -> Iterator[None]:
    def stop(_number: int, _frame: object) -> NoReturn:
        raise Stalled(f"it was not over after {LONGEST} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    faulthandler.dump_traceback_later(LONGEST - 1)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def of_seeds(
    seeds: Collection[int], hours: float = 6, faults: Collection[str] | None = None, jobs: int = 2, platform: str = "jira"
) -> Iterator[Result]:
    """The same of many, in order, on so many cores."""
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(partial(of_seed, hours=hours, faults=faults, platform=platform), seeds, chunksize=1)


@dataclass
class Sums:
    """What many seeds came to."""

    seeds: int = 0
    hours: float = 0.0
    effects: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    crashes: Counter[int] = field(default_factory=Counter)
    broken: int = 0

    def add(self, result: Result) -> None:
        self.seeds += 1
        self.hours += result.hours
        self.effects += result.effects
        self.faults.update(result.faults)
        self.crashes.update(result.crashes)
        self.broken += len(result.broken)

    def __str__(self) -> str:
        faults = ", ".join(f"{name} {number}" for name, number in sorted(self.faults.items()))
        stops = ", ".join(f"{stop}: {number}" for stop, number in sorted(self.crashes.items()))
        played = f"{self.seeds} seeds, {self.hours:g} simulated hours, {self.effects} writes"
        befell = f"{self.faults.total()} faults ({faults}), {self.crashes.total()} crashes and freezes (by stop {stops})"
        return f"{played}, {befell}, {self.broken} violations"
