"""The first mirror of a Jira site, from HTTP to the store, beside the least that any client must do and the usual client.

    python -m benchmarks.mirroring [--tickets 50000] [--rounds 3] [--pages FOLDER] [--only NAME ...] [--flat]

hoist is `hoist run --once` with an empty store: the connector's own requests, every answer validated, tickets mapped, timelines
built, shipped rules evaluated, next looks and episodes stored, a transaction per page in a store that survives a power cut.
`limit` reads the same issues with requests and orjson and stores six columns and the JSON text; `pycontribs` does so with the
library jira. Every run is a process of its own and reads from a server in another one. The ratios are what counts.
`--flat` runs hoist alone with a fifth of the tickets, all of them and twice as many: peak memory must not follow the number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks import jira_pages
from benchmarks.mirrors import CREDENTIAL, Candidate, Mirrors, apart, hoist_once, served

COLUMNS: Final = "id text primary key, updated text, status text, priority text, assignee text, team text, raw blob"
Row = tuple[Any, ...]


def hoist(url: str, folder: Path) -> int:
    """`hoist run --once` with an empty store."""
    source = {
        "platform": "jira",
        "url": url,
        "username": "hoist@example.com",
        "token": f"env:{CREDENTIAL}",
        "projects": ["ITSM"],
        "tier_field": {"kind": "select", "field": jira_pages.TIER},
    }
    return hoist_once(folder, source)


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

    return stored(pages(), folder)


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

    return stored(pages(), folder)


def _attributes(issue: Any) -> Row:
    fields = issue.fields
    team = getattr(fields, jira_pages.TIER).id
    return fields.updated, fields.status.name, fields.priority.name, fields.assignee and fields.assignee.accountId, team


def stored(pages: Iterable[list[Row]], folder: Path) -> int:
    """Keep rows as the plain limit does, a transaction for each page; gives how many there are in the end."""
    import sqlite3

    db = sqlite3.connect(folder / "mirror.db", isolation_level=None)
    db.executescript(f"pragma journal_mode = wal; pragma synchronous = normal; create table tickets ({COLUMNS})")
    insert = "insert or replace into tickets (updated, status, priority, assignee, team, id, raw) values (?, ?, ?, ?, ?, ?, ?)"
    for rows in pages:
        db.execute("begin")
        db.executemany(insert, rows)
        db.execute("commit")
    return int(db.execute("select count(*) from tickets").fetchone()[0])


CANDIDATES: Final[dict[str, Candidate]] = {"limit": limit, "hoist": hoist, "pycontribs": pycontribs}


def pages(folder: Path, tickets: int) -> str:
    """Write the pages; gives what they weigh."""
    sizes = apart(jira_pages.write, folder, tickets)
    ours = sum(sizes[shape] for shape in ("rows", "issues", "changelogs"))
    return (
        f"{tickets} issues, bytes per issue: {sizes['search'] / tickets:.0f} for limit and pycontribs, "
        f"{ours / tickets:.0f} in hoist's requests ({ours / sizes['search'] - 1:+.1%})"
    )


MIRRORS: Final = Mirrors("benchmarks.mirroring", CANDIDATES, pages, served)

if __name__ == "__main__":
    MIRRORS.main(__doc__)
