"""The first mirror of a Zendesk account, from HTTP to the store, beside the least that any client must do and the usual one.

    python -m benchmarks.zendesk_mirroring [--news] [--tickets 50000] [--rounds 3] [--pages FOLDER] [--only NAME ...] [--flat]

hoist is `hoist run --once` with an empty store: pages of the incremental export, and the audits of what is not closed. `limit`
reads the same answers with requests and orjson and stores six columns, the row and its audits as JSON text; `zenpy` does so with
the generators of the library zenpy. With `--news` all tickets are mirrored already, and something has happened to each of
them: everybody reads them anew, with the stream of ticket events. Every run is a process of its own and reads from a server in
another one. The ratios are what counts.
`--flat` runs hoist alone with a fifth of the tickets, all of them and twice as many: peak memory must not follow the number.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from benchmarks import zendesk_pages
from benchmarks.measured import run
from benchmarks.mirroring import Row, stored
from benchmarks.mirrors import CREDENTIAL, Candidate, Mirrors, apart, hoist_once, served

KNOWN: Final = "HOIST_BENCHMARK_MIRROR"
"""Names the store that hoist begins with; of the environment, since each run is a process of its own."""


def hoist(url: str, folder: Path) -> int:
    """`hoist run --once`, with an empty store or with the one that is named."""
    if known := os.environ.get(KNOWN):
        shutil.copy(known, folder / "hoist.db")
    source = {
        "platform": "zendesk",
        "url": url,
        "auth": {"kind": "api_token", "email": "hoist@example.com", "token": f"env:{CREDENTIAL}"},
        "exports_per_minute": "100000",
    }
    return hoist_once(folder, source, zendesk_pages.PRIORITIES)


def limit(url: str, folder: Path) -> int:
    """Fetch and parse, six columns and the texts; nothing is checked, understood or judged."""
    import orjson
    import requests

    session = requests.Session()

    def asked(path: str, **query: str) -> Any:
        return orjson.loads(session.get(f"{url}/api/v2/{path}", params=query, timeout=30).content)

    def pages() -> Iterator[list[Row]]:
        past = _told(_events(asked)) if _news() else {}
        cursor, ended = _begin(), False
        while not ended:
            page = asked("incremental/tickets/cursor", cursor=cursor)
            cursor, ended = page["after_cursor"], page["end_of_stream"]
            for row in page["tickets"]:
                if not _news() and row["status"] != "closed":
                    past[row["id"]] = asked(f"tickets/{row['id']}/audits")["audits"]
            yield [(*_columns(row), row["id"], orjson.dumps((row, past.pop(row["id"], None)))) for row in page["tickets"]]

    return stored(pages(), folder)


def _events(asked: Any) -> Iterator[dict[str, Any]]:
    start, ended = "0", False
    while not ended:
        page = asked("incremental/ticket_events", start_time=start)
        yield from page["ticket_events"]
        start, ended = str(page["end_time"]), page["end_of_stream"]


def _told(events: Iterable[dict[str, Any]]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for event in events:
        found[event["ticket_id"]].append(event)
    return found


def _columns(row: dict[str, Any]) -> Row:
    return tuple(row[name] for name in ("updated_at", "status", "priority", "assignee_id", "group_id"))


def zenpy(url: str, folder: Path) -> int:
    """The library zenpy: its cursor generator, its audits of a ticket, its generator of ticket events."""
    import requests
    from zenpy import Zenpy  # type: ignore[import-untyped]

    class Session(requests.Session):
        """The pages name the account's own address, as Zendesk's do."""

        def request(self, method: Any, url_: Any, *arguments: Any, **more: Any) -> requests.Response:  # type: ignore[override]
            answer = super().request(method, url_.replace(zendesk_pages.HOST, url), *arguments, **more)
            answer.request.url = url_  # by which zenpy knows what came back
            return answer

    client = Zenpy(subdomain="example", email="a@example.com", token="none", session=Session())  # noqa: S106 - asked for by none
    tickets = client.tickets.incremental(cursor=_begin())

    def pages() -> Iterator[list[Row]]:
        past: dict[int, list[Any]] = defaultdict(list)
        if _news():
            for event in client.tickets.events(start_time=0):
                past[event.ticket_id].append(event.to_dict())
        while page := list(islice(tickets, zendesk_pages.PAGE)):
            if not _news():
                for ticket in page:
                    if ticket.status != "closed":
                        past[ticket.id] = [audit.to_dict() for audit in client.tickets.audits(ticket=ticket.id)]
            yield [_row(ticket, past.pop(ticket.id, None)) for ticket in page]

    return stored(pages(), folder)


def _row(ticket: Any, past: list[Any] | None) -> Row:
    columns = (ticket.updated_at, ticket.status, ticket.priority, ticket.assignee_id, ticket.group_id)
    return (*columns, ticket.id, json.dumps((ticket.to_dict(), past)))


def _news() -> bool:
    return KNOWN in os.environ


def _begin() -> str:
    return "n0" if _news() else "t0"


CANDIDATES: Final[dict[str, Candidate]] = {"limit": limit, "hoist": hoist, "zenpy": zenpy}


def pages(folder: Path, tickets: int) -> str:
    """Write the pages; gives what they weigh."""
    sizes = apart(zendesk_pages.write, folder, tickets, news=False)
    return f"{tickets} tickets, {_weights(sizes, tickets)}"


def news(folder: Path, tickets: int) -> str:
    """Write the pages, and have hoist mirror the tickets as they were before; gives what the pages weigh."""
    sizes = apart(zendesk_pages.write, folder, tickets, news=True)
    os.environ.pop(KNOWN, None)
    known = folder / "hoist.db"
    if not known.exists():
        with served(folder, "zendesk") as url:
            assert int(run("benchmarks.zendesk_mirroring", "--one", "prepared", f"{url} {known}").said) == tickets
    os.environ[KNOWN] = str(known)
    return f"{tickets} tickets with news, {_weights(sizes, tickets)}"


def prepared(told: str, folder: Path) -> int:
    """A mirror of all tickets, kept for those runs that begin with one; `told` is the address and where to keep it."""
    url, _, known = told.partition(" ")
    found = hoist(url, folder)
    with closing(sqlite3.connect(folder / "hoist.db", isolation_level=None)) as db:
        # What happened next lies behind the ready-made past, not behind the hour of this run.
        (cursor,) = db.execute("select cursor from sources").fetchone()
        place = json.loads(cursor) | {"since": zendesk_pages.FIRST}
        db.execute("update sources set cursor = ?", (json.dumps(place),))
    shutil.move(folder / "hoist.db", known)
    return found


def _weights(sizes: dict[str, int], tickets: int) -> str:
    return "bytes per ticket: " + ", ".join(f"{shape} {size / tickets:.0f}" for shape, size in sizes.items())


if __name__ == "__main__":
    with_news = "--news" in sys.argv
    sys.argv = [each for each in sys.argv if each != "--news"]
    made = {"prepared": prepared} if "prepared" in sys.argv else {}
    mirrors = Mirrors(
        "benchmarks.zendesk_mirroring", CANDIDATES | made, news if with_news else pages, partial(served, platform="zendesk")
    )
    mirrors.main(__doc__)
