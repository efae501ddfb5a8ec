"""The first mirror of a ServiceNow instance, from HTTP to the store, beside the least that any client must do and the usual one.

    python -m benchmarks.servicenow_mirroring [--tickets 50000] [--rounds 3] [--pages FOLDER] [--only NAME ...] [--flat]

hoist is `hoist run --once` with an empty store: five hundred incidents and what belongs to them (audit, journal, service levels,
tags) in two requests, mapped, evaluated and stored. `limit` reads the same two answers with requests and orjson and stores six
columns, the row and its facts as JSON text; `rows` does so with rows alone. `pysnc` reads the same rows and facts with the
vendor's own client, the facts of 250 incidents at once, which is as many as it asks for without a batch; `pysnc-rows` reads
rows alone. Every run is a process of its own and reads from a server in another one. The ratios are what counts.
`--flat` runs hoist alone with a fifth of the tickets, all of them and twice as many: peak memory must not follow the number.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks import servicenow_pages
from benchmarks.mirroring import Row, stored
from benchmarks.mirrors import CREDENTIAL, Candidate, Mirrors, apart, hoist_once, served
from connectors.servicenow import history, service_levels
from connectors.servicenow.reading import JOURNAL, TAG


def hoist(url: str, folder: Path) -> int:
    """`hoist run --once` with an empty store."""
    source = {
        "platform": "servicenow",
        "url": url,
        "username": "hoist.integration",
        "auth": {"kind": "basic", "password": f"env:{CREDENTIAL}"},
    }
    return hoist_once(folder, source)


def limit(url: str, folder: Path) -> int:
    """Fetch and parse rows and facts, six columns and the texts; nothing is checked, understood or judged."""
    return stored(_plain(url, with_facts=True), folder)


def rows(url: str, folder: Path) -> int:
    """The same with the rows alone."""
    return stored(_plain(url, with_facts=False), folder)


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
    return tuple(row[column]["value"] for column in _SIX)


def pysnc(url: str, folder: Path) -> int:
    """GlideRecord over the rows and over what belongs to them, in the same pages."""
    return stored(_by_pysnc(url, with_facts=True), folder)


def pysnc_rows(url: str, folder: Path) -> int:
    """The same with the rows alone."""
    return stored(_by_pysnc(url, with_facts=False), folder)


def _by_pysnc(url: str, *, with_facts: bool) -> Iterator[list[Row]]:
    from pysnc import client  # type: ignore[import-untyped]

    client.get_instance = str  # it insists on https, which would cost it more
    signed_in = client.ServiceNowClient(url, ("a", "b"))
    record = signed_in.GlideRecord("incident", batch_size=servicenow_pages.PAGE, rewindable=False)
    record.query()
    page: list[Row] = []
    while record.next():
        page.append(tuple(record.get_value(name) for name in _SIX))
        if len(page) == servicenow_pages.PAGE:
            facts: dict[str, list[list[str]]] = {}
            for start in range(0, len(page) if with_facts else 0, servicenow_pages.ALONE):
                facts |= _facts_by_pysnc(signed_in, [row[-1] for row in page[start : start + servicenow_pages.ALONE]])
            yield [(*row, json.dumps(facts.get(row[-1]))) for row in page]
            page = []
    yield [(*row, None) for row in page]


def _facts_by_pysnc(signed_in: Any, ids: list[str]) -> dict[str, list[list[str]]]:
    """The columns of what belongs to incidents, by sys_id."""
    found: dict[str, list[list[str]]] = {}
    for table, (of, *names) in _FACTS.items():
        record = signed_in.GlideRecord(table, batch_size=_MOST_FACTS, rewindable=False)
        record.fields = [of, *names]
        record.add_query(of, "IN", ",".join(ids))
        record.query()
        while record.next():
            found.setdefault(record.get_value(of), []).append([record.get_value(name) for name in names])
    return found


_SIX: Final = ("sys_updated_on", "state", "priority", "assigned_to", "assignment_group", "sys_id")
_FACTS: Final = {
    "sys_audit": history.COLUMNS[1:],
    "sys_journal_field": JOURNAL[1:],
    "task_sla": service_levels.COLUMNS[1:],
    "label_entry": TAG[1:],
}
"""Which columns of which tables hoist reads, the one first that names the incident."""
_MOST_FACTS: Final = 10_000
CANDIDATES: Final[dict[str, Candidate]] = {
    "limit": limit,
    "hoist": hoist,
    "rows": rows,
    "pysnc": pysnc,
    "pysnc-rows": pysnc_rows,
}


def pages(folder: Path, tickets: int) -> str:
    """Write the pages; gives what they weigh."""
    sizes = apart(servicenow_pages.write, folder, tickets)
    weights = ", ".join(f"{shape} {size / tickets:.0f}" for shape, size in sizes.items())
    return f"{tickets} incidents, bytes per incident: {weights}"


MIRRORS: Final = Mirrors("benchmarks.servicenow_mirroring", CANDIDATES, pages, partial(served, platform="servicenow"))

if __name__ == "__main__":
    MIRRORS.main(__doc__)
