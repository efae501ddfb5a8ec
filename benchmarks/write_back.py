"""Write-back to a Jira that answers each request after 50 ms: speed, cost, budget and latency.

    python -m benchmarks.write_back [--escalations 400] [--threads 32] [--rounds 3] [--due 10000] [--rate 100] [--seconds 40]
                                    [--only speed budget rest]

Each escalation is whole: claimed under a lease, its ticket read afresh, judged and merged, committed as sent, written with its
marker, read back from the platform's own record, settled, commented the same way, and journaled, in a store that survives a power
cut. The site is `benchmarks.slow_site` in a process of its own.

`speed`: so many escalations due at once and as many requests in flight as there are threads; beside it, in turns, the requests
client of `bench/write_back.py` in the folder `shared` (or HOIST_SHARED): bare PUTs with nothing around them. `budget`: thousands
due at once against a platform that permits so many requests per second. `rest`: one ticket falls due now and then; from the
instant at which it did to the platform's own time of the write.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import requests

from agent.app import App
from agent.clock import SystemClock
from agent.collector import spare_the_collector
from agent.config import load_settings
from agent.pipeline import Pipeline
from agent.store.database import open_database
from benchmarks.jira_pages import TIER
from benchmarks.measured import machine, table
from benchmarks.organisation import ORGANISATION, SOURCE
from benchmarks.slow_site import SETTLING
from rules.instants import SECOND

DELAY: Final = 0.05
RULES: Final = """\
rules:
  - rule: nobody-took-it
    title: Nobody took it
    when: {status: [new, open], assignee: nobody}
    for: 15 minutes
    calendar: always
    do:
      - escalate: it-support
      - label: lifted
      - comment: "Without an owner for {held}. Moved to {team}."
"""
NO_LIMITS: Final = {"per_rule_and_hour": "1000000", "per_source_and_hour": "1000000"}


@contextmanager
def site(tickets: int, spread: float = 0.0) -> Iterator[str]:
    """The address of a slow site."""
    command = [sys.executable, "-m", "benchmarks.slow_site", str(tickets), "--delay", str(DELAY), "--spread", str(spread)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - ours
        assert server.stdout is not None
        assert server.stdin is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.stdin.close()


@contextmanager
def hoist(url: str, folder: Path, threads: int, rate: float = 100_000.0) -> Iterator[App]:
    """hoist, signed in, with an empty store."""
    folder.mkdir()
    protocol = folder / "protocol"
    protocol.mkdir()
    organisation = ORGANISATION.replace("existing_tickets: ignore", "existing_tickets: all")
    (protocol / "organisation.yaml").write_text(organisation, encoding="utf-8")
    (protocol / "rules.yaml").write_text(RULES, encoding="utf-8")
    os.environ["HOIST_BENCHMARK_TOKEN"] = "none"  # noqa: S105 - the site asks for no credential
    source = {
        "platform": "jira",
        "url": url,
        "username": "hoist@example.com",
        "token": "env:HOIST_BENCHMARK_TOKEN",
        "projects": ["ITSM"],
        "tier_field": {"kind": "select", "field": TIER},
        "writes_at_once": str(threads),
        "requests_per_second": str(rate),
        "poll_every": "1h",
    }
    config = folder / "hoist.yaml"
    config.write_text(json.dumps({"limits": NO_LIMITS, "sources": {SOURCE: source}}), encoding="utf-8")
    with (
        closing(open_database(folder / "hoist.db")) as database,
        closing(App(load_settings(config), database, SystemClock())) as app,
    ):
        app.start()
        yield app


def ready(pipeline: Pipeline, url: str, rate: float = 0.0) -> None:
    """Everything is mirrored and judged; from here on the site counts, and takes its time."""
    pipeline.poll()
    while pipeline.look():
        pass
    pipeline.database.settle()
    spare_the_collector()
    requests.get(f"{url}/begin", params={"rate": rate}, timeout=10)


def counted(url: str) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{url}/counted", timeout=60).json()
    assert found["twice"] == 0, "an escalation was written twice"
    return found


# --- speed ---------------------------------------------------------------------------------------------------------------


def at_full_speed(folder: Path, escalations: int, threads: int) -> tuple[float, float, int]:
    """Seconds, CPU seconds and requests of so many escalations due at once."""
    with site(escalations) as url, hoist(url, folder, threads) as app:
        (pipeline,) = app.pipelines
        ready(pipeline, url)
        wall, cpu = time.perf_counter(), time.process_time()
        while pipeline.write():
            pass
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        found = counted(url)
        assert (found["written"], found["commented"]) == (escalations, escalations), found
        assert found["most_at_once"] <= threads, found
        return wall, cpu, found["requests"]


def bare(module: Any, writes: int, threads: int) -> tuple[float, float, int]:
    """The same of bare PUTs by requests with one session."""
    with site(1) as url:
        requests.get(f"{url}/begin", timeout=10)
        wall, cpu = time.perf_counter(), time.process_time()
        module.with_requests(url, writes, threads, one_session=True)
        return time.perf_counter() - wall, time.process_time() - cpu, writes


def reference() -> Any:
    """The module of the requests client, or None with a loud word."""
    shared = Path(os.environ.get("HOIST_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "bench"
    if not (shared / "write_back.py").is_file():
        missing = f"there is no {shared / 'write_back.py'}; name its folder in HOIST_SHARED"
        print(f"NOT MEASURED: the requests client, since {missing}", file=sys.stderr)
        return None
    sys.path.insert(0, str(shared))
    return importlib.import_module("write_back")


def speed(folder: Path, escalations: int, threads: int, rounds: int) -> None:
    module = reference()
    candidates: dict[str, Callable[[Path], tuple[float, float, int]]] = {
        "hoist": lambda path: at_full_speed(path, escalations, threads)
    }
    if module is not None:
        candidates["requests alone"] = lambda _: bare(module, escalations * 6, threads)
    spent: dict[str, list[tuple[float, float, int]]] = {name: [] for name in candidates}
    for number in range(rounds):
        for name, run in candidates.items():
            spent[name].append(run(folder / f"{name}{number}"))
    ideal = threads / DELAY
    rows = []
    for name, found in spent.items():
        shares = [number / wall / ideal for wall, _, number in found]
        costs = [cpu / number * 1e3 for _, cpu, number in found]
        rows.append(
            {
                "client": name,
                "requests": found[0][2],
                "share of threads / latency": f"{statistics.median(shares):.2f} (best {max(shares):.2f})",
                "CPU ms per request": f"{statistics.median(costs):.2f} (best {min(costs):.2f})",
                "CPU to requests": _ratio(found, spent.get("requests alone")),
                "escalations/s": f"{statistics.median(escalations / wall for wall, _, _ in found):.0f}"
                if name == "hoist"
                else "",
            }
        )
    print(table(list(rows[0]), rows))


def _ratio(found: list[tuple[float, float, int]], to: list[tuple[float, float, int]] | None) -> str:
    if not to:
        return ""
    pairs = zip(found, to, strict=True)
    return f"{statistics.median((cpu / number) / (other / others) for (_, cpu, number), (_, other, others) in pairs):.2f}"


# --- budget --------------------------------------------------------------------------------------------------------------


def budget(folder: Path, due: int, rate: float, threads: int, seconds: float) -> None:
    """Thousands due at once; stopped after a while, since what is asked is how fast it goes."""
    with site(due) as url, hoist(url, folder / "budget", threads, rate) as app:
        (pipeline,) = app.pipelines
        ready(pipeline, url, rate)
        end, cpu = time.monotonic() + seconds, time.process_time()
        while pipeline.write() and time.monotonic() < end:
            pass
        cpu = time.process_time() - cpu
        found = counted(url)
    number = found["requests"]
    used = number / (rate * (found["seconds"] + 1.0))  # the platform's bucket was full at the start
    print(
        f"{due} due at once, {rate:g} requests a second permitted: {number} requests in {found['seconds']:.1f} s, {used:.1%} of "
        f"what is permitted, {found['refused']} refused as too many, at most {found['most_in_a_second']} in any second; "
        f"{found['written']} written, CPU {cpu / number * 1e3:.2f} ms per request"
    )


# --- rest ----------------------------------------------------------------------------------------------------------------


def rest(folder: Path, seconds: float, threads: int) -> None:
    """As `hoist run` goes: turn after turn, asleep in between."""
    spread = 0.25
    tickets = int(seconds / spread)
    with site(tickets, spread) as url, hoist(url, folder / "rest", threads) as app:
        (pipeline,) = app.pipelines
        begun, cpu = time.monotonic(), time.process_time()
        pipeline.turn()
        ready(pipeline, url)
        end = begun + SETTLING / SECOND + seconds + 5
        while time.monotonic() < end:
            pipeline.turn()
            time.sleep(min(1.0, max(0.001, (pipeline.next_due() - app.clock.now()) / SECOND)))
        cpu = time.process_time() - cpu
        found = counted(url)
    latencies = found["latencies"]
    assert len(latencies) == tickets, found
    p50, p99 = statistics.median(latencies), latencies[int(len(latencies) * 0.99)]
    print(
        f"at rest, {tickets} tickets due one after the other: from due to written p50 {p50:.2f} s, p99 {p99:.2f} s, worst "
        f"{latencies[-1]:.2f} s (Jira's Date header has whole seconds); hoist took {cpu / (end - begun):.0%} of a core"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--escalations", type=int, default=400)
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--due", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--only", nargs="*", choices=["speed", "budget", "rest"], default=["speed", "budget", "rest"])
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "speed" in options.only:
            speed(folder, options.escalations, options.threads, options.rounds)
        if "budget" in options.only:
            budget(folder, options.due, options.rate, options.threads, options.seconds)
        if "rest" in options.only:
            rest(folder, options.seconds, options.threads)
    print(machine())


if __name__ == "__main__":
    main()
