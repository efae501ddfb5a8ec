"""The first mirror of a ServiceNow instance, from HTTP to the store, beside the least that any client must do and the usual one.

    python -m benchmarks.servicenow_mirroring [--tickets 50000] [--rounds 3] [--pages FOLDER] [--only NAME ...] [--flat]

hoist is `hoist run --once` with an empty store: five hundred incidents and what belongs to them (audit, journal, service levels,
tags) in two requests, mapped, evaluated and stored. `limit` reads the same two answers with requests and orjson and stores six
columns, the row and its facts as JSON text; `rows` does so with rows alone; `pysnc` reads rows alone with the vendor's own
client. Every run is a process of its own and reads from a server in another one. The ratios are what counts.
`--flat` runs hoist alone with a fifth of the tickets, all of them and twice as many: peak memory must not follow the number.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import organisation, servicenow_pages
from benchmarks.mirroring import Row, _stored
from benchmarks.mirrors import Candidate, Mirrors


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


CANDIDATES: Final[dict[str, Candidate]] = {"limit": limit, "hoist": hoist, "rows": rows, "pysnc": pysnc}


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """The address of a server of ready-made pages, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.static_site", str(folder), "servicenow"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - ours
        assert server.stdout is not None
        assert server.stdin is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.stdin.close()


def pages(folder: Path, tickets: int) -> str:
    """Write the pages; gives what they weigh."""
    sizes = servicenow_pages.write(folder, tickets)
    weights = ", ".join(f"{shape} {size / tickets:.0f}" for shape, size in sizes.items())
    return f"{tickets} incidents, bytes per incident: {weights}"


MIRRORS: Final = Mirrors("benchmarks.servicenow_mirroring", CANDIDATES, pages, site)

if __name__ == "__main__":
    MIRRORS.main(__doc__)
