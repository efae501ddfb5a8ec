"""The first mirror of a ServiceNow instance, from HTTP to the store, beside the least that any client must do and the usual one.

    python -m benchmarks.servicenow_mirroring [--tickets 50000] [--rounds 3] [--pages FOLDER] [--only NAME ...] [--flat]

hoist is `hoist run --once` with an empty store: five hundred incidents and what belongs to them (audit, journal, service levels,
tags) in two requests, mapped, evaluated and stored. `limit` reads the same two answers with requests and orjson and stores six
columns, the row and its facts as JSON text; `rows` does so with rows alone; `pysnc` reads rows alone with the vendor's own
client. Every run is a process of its own and reads from a server in another one. The ratios are what counts.
`--flat` runs hoist alone with a fifth of the tickets, all of them and twice as many: peak memory must not follow the number.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import organisation, servicenow_pages
from benchmarks.measured import Run, machine, median, ratio, run, table
from benchmarks.mirroring import Row, _stored


def hoist(url: str, folder: Path) -> int:
    """`hoist run --once` with an empty store."""
    from agent.commands import run_agent

    organisation.write(folder / "protocol")
    os.environ["HOIST_BENCHMARK_SECRET"] = "none"  # noqa: S105 - the site of ready-made pages asks for no credential
    source = {
        "platform": "servicenow",
        "url": url,
        "username": "hoist.integration",
        "auth": {"kind": "basic", "password": "env:HOIST_BENCHMARK_SECRET"},
        "requests_per_second": "100000",
    }
    settings = {"store": "hoist.db", "protocol": "protocol", "sources": {organisation.SOURCE: source}}
    config = folder / "hoist.yaml"
    config.write_text(json.dumps(settings), encoding="utf-8")
    (done,) = run_agent(config, once=True, stopped=lambda: True)
    assert not done.problem, done.problem
    return done.read


def limit(url: str, folder: Path) -> int:
    """Fetch and parse rows and facts, six columns and the texts; nothing is checked, understood or judged."""
    return _stored(_plain(url, with_facts=True), folder)


def rows(url: str, folder: Path) -> int:
    """The same with the rows alone."""
    return _stored(_plain(url, with_facts=False), folder)


def _plain(url: str, *, with_facts: bool) -> Iterator[list[Row]]:
    import orjson
    import requests

    session = requests.Session()
    offset = 0
    while True:
        query = {"sysparm_offset": str(offset), "sysparm_limit": str(servicenow_pages.PAGE)}
        found = orjson.loads(session.get(f"{url}/api/now/table/incident", params=query, timeout=30).content)["result"]
        if not found:
            return
        facts: dict[str, list[Any]] = {}
        if with_facts:
            asked = f"documentkeyIN{found[0]['sys_id']['value']}".encode()
            answer = orjson.loads(session.post(f"{url}/api/now/v1/batch", data=asked, timeout=30).content)
            for part in answer["serviced_requests"]:
                for fact in orjson.loads(base64.b64decode(part["body"]))["result"]:
                    key = fact.get("documentkey") or fact.get("element_id") or fact["task"]["value"]
                    facts.setdefault(key, []).append(fact)
        yield [(*_columns(row), orjson.dumps((row, facts.get(row["sys_id"]["value"])))) for row in found]
        offset += len(found)


def _columns(row: dict[str, Any]) -> Row:
    columns = ("sys_updated_on", "state", "priority", "assigned_to", "assignment_group", "sys_id")
    return tuple(row[column]["value"] for column in columns)


def pysnc(url: str, folder: Path) -> int:
    """GlideRecord over the rows, in the same pages."""
    from pysnc import client  # type: ignore[import-untyped]

    client.get_instance = str  # it insists on https, which would cost it more
    record = client.ServiceNowClient(url, ("a", "b")).GlideRecord("incident", batch_size=servicenow_pages.PAGE, rewindable=False)
    record.query()

    def pages() -> Iterator[list[Row]]:
        page: list[Row] = []
        while record.next():
            names = ("sys_updated_on", "state", "priority", "assigned_to", "assignment_group", "sys_id")
            page.append((*(record.get_value(name) for name in names), None))
            if len(page) == servicenow_pages.PAGE:
                yield page
                page = []
        yield page

    return _stored(pages(), folder)


CANDIDATES: Final[dict[str, Callable[[str, Path], int]]] = {"limit": limit, "hoist": hoist, "rows": rows, "pysnc": pysnc}


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """The address of a server of ready-made pages, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.static_site", str(folder), "servicenow"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - ours
        assert server.stdout is not None
        assert server.stdin is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.stdin.close()


def measured(name: str, url: str, tickets: int) -> Run:
    found = run("benchmarks.servicenow_mirroring", "--one", name, url)
    assert int(found.said) == tickets, (name, found.said)
    return found


def compare(folder: Path, tickets: int, rounds: int, names: list[str]) -> None:
    """The candidates in turns."""
    sizes = servicenow_pages.write(folder / str(tickets), tickets)
    print(
        f"{tickets} incidents, bytes per incident: " + ", ".join(f"{shape} {size / tickets:.0f}" for shape, size in sizes.items())
    )
    runs: dict[str, list[Run]] = {name: [] for name in names}
    with site(folder / str(tickets)) as url:
        for _ in range(rounds):
            for name in names:
                runs[name].append(measured(name, url, tickets))
    lines = []
    for name, found in runs.items():
        wall, cpu, peak = (median(found, of) for of in (_wall, _cpu, _peak))
        line = {"candidate": name, "tickets/s": f"{tickets / wall:.0f}", "CPU us/ticket": f"{cpu / tickets * 1e6:.0f}"}
        line |= {"wall s": f"{wall:.2f}", "peak MiB": f"{peak:.0f}"}
        if "hoist" in runs:
            line["hoist's speed to its"] = f"{ratio(found, runs['hoist'], _wall):.2f}"
            line["hoist's CPU to its"] = f"{ratio(runs['hoist'], found, _cpu):.2f}"
        lines.append(line)
    print(table(list(lines[0]), lines))


def flat(folder: Path, tickets: int) -> None:
    """hoist's peak memory at three sizes."""
    for number in (tickets // 5, tickets, 2 * tickets):
        servicenow_pages.write(folder / str(number), number)
        with site(folder / str(number)) as url:
            found = measured("hoist", url, number)
        print(f"hoist, {number} tickets: peak {found.peak:.0f} MiB, {number / found.wall:.0f} tickets/s")


def _wall(found: Run) -> float:
    return found.wall


def _cpu(found: Run) -> float:
    return found.cpu


def _peak(found: Run) -> float:
    return found.peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", type=Path, help="keep the pages in this folder and use those that are there")
    parser.add_argument("--only", nargs="*", choices=list(CANDIDATES), default=list(CANDIDATES))
    parser.add_argument("--flat", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.one:
            name, url = options.one
            print(CANDIDATES[name](url, Path(folder)))
            return
        print(machine())
        pages = options.pages or Path(folder)
        if options.flat:
            flat(pages, options.tickets)
        else:
            compare(pages, options.tickets, options.rounds, options.only)
        print(machine())


if __name__ == "__main__":
    main()
