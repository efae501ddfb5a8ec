"""Business time: hoist's calendar beside a plain table with bisections, on the same office hours, holidays and pairs.

Run in the project's folder: python -m benchmarks.business_time [--pairs 20000] [--rounds 7]
The reference is `bench/business_table.py` in the folder `shared` beside the project's, or in the one that HOIST_SHARED names.
Two published libraries take part where they are installed: businesstime, the fastest, which knows no time zones, and
businesstimedelta, which knows when clocks change. They get fewer pairs, in their own form, and how many they agree on is printed.
The ratios are what counts; the goals are 0.5 of the reference, 8 times businesstime and 500 times businesstimedelta.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from datetime import time as local_time
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from zoneinfo import ZoneInfo

from holidays import country_holidays

from rules.calendars import Calendar, calendar
from rules.instants import DAY, MINUTE, SECOND
from rules.protocol.organisation import CalendarHours

AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")
OPENS, CLOSES = local_time(9), local_time(17, 30)
OFFICE = CalendarHours("office", AMSTERDAM.key, dict.fromkeys(range(5), ((9 * 60, 17 * 60 + 30),)), holidays="NL")
FIRST = 1_704_067_200 * SECOND  # 2024


def reference() -> ModuleType:
    """The table that hoist is compared with; ends the program where it is not at hand."""
    shared = Path(os.environ.get("HOIST_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    file = shared / "bench" / "business_table.py"
    found = importlib.util.spec_from_file_location("business_table", file) if file.is_file() else None
    if found is None or found.loader is None:
        sys.exit(f"NOT MEASURED: the reference {file} is not there; name its folder in HOIST_SHARED")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


Pairs = Sequence[tuple[int, int]]
Answers = Callable[[], list[int]]


def installed(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        print(f"NOT COMPARED WITH {name}: it is not installed; pip install {name}")
        return None


def businesstime(pairs: Pairs) -> dict[str, Answers]:
    """Seconds between two instants by wall time; its timedelta counts whole business days as days."""
    library: Any = installed("businesstime")
    if library is None:
        return {}
    business = library.BusinessTime(business_hours=(OPENS, CLOSES), weekends=(5, 6), holidays=sorted(dutch_holidays()))
    walls = [tuple(datetime.fromtimestamp(at / 1000, AMSTERDAM).replace(tzinfo=None) for at in pair) for pair in pairs]
    of_a_day = (datetime.combine(date.min, CLOSES) - datetime.combine(date.min, OPENS)) // timedelta(seconds=1)

    def between() -> list[int]:
        found = [business.businesstimedelta(a, b) for a, b in walls]
        return [SECOND * (each.days * of_a_day + each.seconds) for each in found]

    return {"between: businesstime": between}


def businesstimedelta(pairs: Pairs, budgets: Pairs) -> dict[str, Answers]:
    """Seconds between two instants, and instants after some hours, with the zones of pytz, which it asks for."""
    library: Any = installed("businesstimedelta")
    if library is None:
        return {}
    zone = importlib.import_module("pytz").timezone(AMSTERDAM.key)
    days = library.WorkDayRule(start_time=OPENS, end_time=CLOSES, working_days=[0, 1, 2, 3, 4], tz=zone)
    rules = library.Rules([days, library.HolidayRule(dutch_holidays(), tz=zone)])
    moments = [tuple(datetime.fromtimestamp(at / 1000, zone) for at in pair) for pair in pairs]
    starts = [
        (datetime.fromtimestamp(at / 1000, zone), library.BusinessTimeDelta(rules, seconds=d // SECOND)) for at, d in budgets
    ]

    def between() -> list[int]:
        return [int(rules.difference(a, b).timedelta.total_seconds()) * SECOND for a, b in moments]

    def add() -> list[int]:
        return [int((start + length).timestamp()) * SECOND for start, length in starts]

    return {"between: businesstimedelta": between, "add: businesstimedelta": add}


def dutch_holidays() -> dict[date, str]:
    return country_holidays("NL", years=range(2022, 2029))


def peers(office: Calendar, pairs: Pairs, budgets: Pairs, rounds: int) -> None:
    """The libraries beside hoist on the same pairs: speed, ratio and how many answers are the same."""
    few = 200  # businesstimedelta needs a millisecond for each
    hoist: dict[str, Answers] = {
        "between: hoist": lambda: [office.between(a, b) for a, b in pairs],
        "add: hoist": lambda: [office.add(a, d) for a, d in budgets],
    }
    right = {name: run() for name, run in hoist.items()}
    libraries = businesstime(pairs[: 10 * few]) | businesstimedelta(pairs[:few], budgets[:few])
    seconds = in_turns(hoist | libraries, rounds)
    for name, run in libraries.items():
        operation, _, library = name.partition(": ")
        answers, ours = run(), f"{operation}: hoist"
        same = sum(theirs == truth for theirs, truth in zip(answers, right[ours], strict=False))
        each, own = statistics.median(seconds[name]) / len(answers), statistics.median(seconds[ours]) / len(right[ours])
        print(
            f"{operation}: {each / own:.0f} times the speed of {library} {version(library)} ({1e-3 / each:.2f} k/s), "
            f"which agrees on {same} of {len(answers)}"
        )


def machine() -> str:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, load average {load}"


def in_turns(candidates: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each candidate in each round; every candidate runs once per round, so that all meet the same machine."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            begun = time.process_time()
            run()
            seconds[name].append(time.process_time() - begun)
    return seconds


def first_use() -> None:
    """What a program pays before its first answer."""
    steps: tuple[tuple[str, Callable[[Calendar], object]], ...] = (
        ("first answer of a decade", lambda office: office.between(FIRST, FIRST + DAY)),
        ("first answer of 1970 to 2100", lambda office: office.between(0, FIRST + 76 * 365 * DAY)),
    )
    begun = time.process_time()
    calendar(OFFICE)
    print(f"first calendar with holidays, their library's import included: {(time.process_time() - begun) * 1e3:.1f} ms")
    begun = time.process_time()
    office = calendar(OFFICE)
    print(f"a further calendar: {(time.process_time() - begun) * 1e3:.2f} ms")
    for name, ask in steps:
        begun = time.process_time()
        ask(office)
        print(f"{name}: {(time.process_time() - begun) * 1e3:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(machine())
    first_use()
    table = reference().office()
    rng = random.Random(11)
    starts = [FIRST + rng.randrange(2 * 365 * DAY) // MINUTE * MINUTE for _ in range(options.pairs)]
    pairs = [(a, a + rng.randrange(14 * DAY) // MINUTE * MINUTE) for a in starts]
    budgets = [(a, rng.randrange(1, 60 * 60) * MINUTE) for a in starts]
    pair_seconds = [(a // SECOND, b // SECOND) for a, b in pairs]
    budget_seconds = [(a // SECOND, length // SECOND) for a, length in budgets]
    office = calendar(OFFICE)
    assert [office.between(a, b) for a, b in pairs] == [table.between(a, b) * SECOND for a, b in pair_seconds]
    assert [office.add(a, d) for a, d in budgets] == [table.add(a, d) * SECOND for a, d in budget_seconds]
    seconds = in_turns(
        {
            "between: reference": lambda: [table.between(a, b) for a, b in pair_seconds],
            "between: hoist": lambda: [office.between(a, b) for a, b in pairs],
            "add: reference": lambda: [table.add(a, d) for a, d in budget_seconds],
            "add: hoist": lambda: [office.add(a, d) for a, d in budgets],
        },
        options.rounds,
    )
    for name, taken in seconds.items():
        print(f"{name:20} {options.pairs / statistics.median(taken) / 1e3:8.0f} k/s")
    for operation in ("between", "add"):
        rounds = zip(seconds[f"{operation}: reference"], seconds[f"{operation}: hoist"], strict=True)
        print(f"{operation}: {statistics.median(theirs / ours for theirs, ours in rounds):.2f} of the reference's speed")
    peers(office, pairs, budgets, options.rounds)
    print(machine())


if __name__ == "__main__":
    main()
