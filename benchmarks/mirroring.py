"""The first mirror of a Jira site, from HTTP to the store, beside the least that any client must do and the usual client.

    python -m benchmarks.mirroring [--tickets 50000] [--rounds 3] [--pages FOLDER] [--only NAME ...] [--flat]

hoist is `hoist run --once` with an empty store: the connector's own requests, every answer validated, tickets mapped, timelines
built, shipped rules evaluated, next looks and episodes stored, a transaction per page in a store that survives a power cut.
`limit` reads the same issues with requests and orjson and stores six columns and the JSON text; `pycontribs` does so with the
library jira. Every run is a process of its own and reads from a server in another one. The ratios are what counts.
`--flat` runs hoist alone with a fifth of the tickets, all of them and twice as many: peak memory must not follow the number.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import jira_pages, organisation
from benchmarks.measured import Run, machine, median, ratio, run, table

COLUMNS: Final = "id text primary key, updated text, status text, priority text, assignee text, team text, raw blob"
Row = tuple[Any, ...]


def hoist(url: str, folder: Path) -> int:
    """`hoist run --once` with an empty store."""
    from agent.commands import run_agent

    organisation.write(folder / "protocol")
    os.environ["HOIST_BENCHMARK_TOKEN"] = "none"  # noqa: S105 - the site of ready-made pages asks for no credential
    source = {
        "platform": "jira",
        "url": url,
        "username": "hoist@example.com",
        "token": "env:HOIST_BENCHMARK_TOKEN",
        "projects": ["ITSM"],
        "tier_field": {"kind": "select", "field": jira_pages.TIER},
        "requests_per_second": "100000",
    }
    settings = {"store": "hoist.db", "protocol": "protocol", "sources": {organisation.SOURCE: source}}
    config = folder / "hoist.yaml"
    config.write_text(json.dumps(settings), encoding="utf-8")
    (done,) = run_agent(config, once=True, stopped=lambda: True)
    assert not done.problem, done.problem
    return done.read


def limit(url: str, folder: Path) -> int:
    """Fetch, parse, six columns and the text; nothing is checked, understood or judged."""
    import orjson
    import requests

    def pages() -> Iterator[list[Row]]:
        session = requests.Session()
        token = ""
        while True:
            page = orjson.loads(session.get(f"{url}/rest/api/3/search/jql", params={"nextPageToken": token}, timeout=30).content)
            yield [(*_columns(issue["fields"]), issue["id"], orjson.dumps(issue)) for issue in page["issues"]]
            if page["isLast"]:
                return
            token = page["nextPageToken"]

    return _stored(pages(), folder)


def _columns(fields: dict[str, Any]) -> Row:
    owner = fields["assignee"]
    team = fields[jira_pages.TIER]["id"]
    return fields["updated"], fields["status"]["name"], fields["priority"]["name"], owner and owner["accountId"], team


def pycontribs(url: str, folder: Path) -> int:
    """The library jira, all pages of the search by token."""
    from jira import JIRA

    client = JIRA(server=url, options={"rest_api_version": "3"}, basic_auth=("a", "b"))
    issues = client.enhanced_search_issues("project = ITSM ORDER BY updated", maxResults=0, fields="*all", expand="changelog")

    def pages() -> Iterator[list[Row]]:
        for start in range(0, len(issues), jira_pages.PAGE):
            yield [(*_attributes(issue), issue.id, json.dumps(issue.raw)) for issue in issues[start : start + jira_pages.PAGE]]

    return _stored(pages(), folder)


def _attributes(issue: Any) -> Row:
    fields = issue.fields
    team = getattr(fields, jira_pages.TIER).id
    return fields.updated, fields.status.name, fields.priority.name, fields.assignee and fields.assignee.accountId, team


def _stored(pages: Iterable[list[Row]], folder: Path) -> int:
    import sqlite3

    db = sqlite3.connect(folder / "mirror.db", isolation_level=None)
    db.executescript(f"pragma journal_mode = wal; pragma synchronous = normal; create table tickets ({COLUMNS})")
    insert = "insert or replace into tickets (updated, status, priority, assignee, team, id, raw) values (?, ?, ?, ?, ?, ?, ?)"
    for rows in pages:
        db.execute("begin")
        db.executemany(insert, rows)
        db.execute("commit")
    return int(db.execute("select count(*) from tickets").fetchone()[0])


CANDIDATES: Final[dict[str, Callable[[str, Path], int]]] = {"limit": limit, "hoist": hoist, "pycontribs": pycontribs}


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """The address of a server of ready-made pages, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.static_site", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - ours
        assert server.stdout is not None
        assert server.stdin is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.stdin.close()


def measured(name: str, url: str, tickets: int) -> Run:
    found = run("benchmarks.mirroring", "--one", name, url)
    assert int(found.said) == tickets, (name, found.said)
    return found


def compare(folder: Path, tickets: int, rounds: int, names: list[str]) -> None:
    """The candidates in turns."""
    sizes = jira_pages.write(folder / str(tickets), tickets)
    ours = sum(sizes[shape] for shape in ("rows", "issues", "changelogs"))
    print(
        f"{tickets} issues, bytes per issue: {sizes['search'] / tickets:.0f} for limit and pycontribs, "
        f"{ours / tickets:.0f} in hoist's three requests ({ours / sizes['search'] - 1:+.1%})"
    )
    runs: dict[str, list[Run]] = {name: [] for name in names}
    with site(folder / str(tickets)) as url:
        for _ in range(rounds):
            for name in names:
                runs[name].append(measured(name, url, tickets))
    rows = []
    for name, found in runs.items():
        wall, cpu, peak = (median(found, of) for of in (_wall, _cpu, _peak))
        row = {"candidate": name, "tickets/s": f"{tickets / wall:.0f}", "CPU us/ticket": f"{cpu / tickets * 1e6:.0f}"}
        row |= {"wall s": f"{wall:.2f}", "peak MiB": f"{peak:.0f}"}
        if "hoist" in runs:
            row["hoist's speed to its"] = f"{ratio(found, runs['hoist'], _wall):.2f}"
            row["hoist's CPU to its"] = f"{ratio(runs['hoist'], found, _cpu):.2f}"
        rows.append(row)
    print(table(list(rows[0]), rows))


def flat(folder: Path, tickets: int) -> None:
    """hoist's peak memory at three sizes."""
    for number in (tickets // 5, tickets, 2 * tickets):
        jira_pages.write(folder / str(number), number)
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
