"""A Jira site that answers each request after a while and remembers what was written to it, in a process of its own.

    python -m benchmarks.slow_site TICKETS [--delay 0.05] [--spread 0]

It serves on a free port of the loopback, prints that port, and ends with its standard input. Only the requests of signing in, a
poll and an escalation are known; a PUT below /api/v2/ is answered for the requests client that is measured beside hoist. All
tickets were made two hours ago; with `--spread` one becomes 15 minutes old every so many seconds from a while after the start on.
What comes before GET /begin?rate=R (signing in, the first poll) is neither delayed nor counted. From then on R is the platform's
budget in requests per second, none where it is left out: a bucket that holds one second of it; what is above is refused with 429.
GET /counted tells what came since.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import re
import sys
import threading
import time
from collections import Counter
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from benchmarks.jira_pages import TIER
from benchmarks.organisation import PRIORITIES, STATUSES, TEAMS
from benchmarks.static_site import ANSWERS
from rules.instants import HOUR, MINUTE, SECOND, moment

PAGE: Final = 100
DUE_AFTER: Final = 15 * MINUTE
SETTLING: Final = 15 * SECOND
"""How long after the start the first ticket of a spread is due: signing in and the first poll are over by then."""
_API: Final = "/rest/api/3"
_ISSUE: Final = re.compile(r"/issue/(\d+)(/comment|/changelog)?")
_PROPERTY: Final = re.compile(r"/comment/(\d+)/properties/(.+)")
_HOIST: Final = {"accountId": "hoist", "displayName": "hoist", "accountType": "app", "active": True}
_REQUESTER: Final = {"accountId": "ruth", "displayName": "Ruth", "accountType": "customer", "active": True}
_TO_OTHERS: Final = {"ticket": {"id": 1, "updated_at": "2026-11-23T05:00:01Z", "tags": ["x"] * 40}}
Found = tuple[int, Any]


def _now() -> int:
    return time.time_ns() // 1_000_000


def _stamp(at: int) -> str:
    return moment(at).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


class Issue:
    """One issue with its changelog, comments and properties."""

    def __init__(self, number: int, created: int) -> None:
        self.id, self.key, self.created, self.updated = str(number), f"ITSM-{number}", created, created
        self.priority, self.team, self.labels = "2", "20001", ["mail"]
        self.comments: list[dict[str, Any]] = []
        self.saves: list[dict[str, Any]] = []
        self.properties: dict[str, Any] = {}
        self.written_at: float | None = None

    def shown(self) -> dict[str, Any]:
        name, category = STATUSES["1"]
        fields = {
            "summary": "No mail since noon",
            "created": _stamp(self.created),
            "updated": _stamp(self.updated),
            "labels": self.labels,
            "issuetype": {"id": "10001", "name": "Incident", "subtask": False},
            "project": {"id": "10000", "key": "ITSM", "projectTypeKey": "service_desk"},
            "priority": {"id": self.priority, "name": PRIORITIES[self.priority]},
            "status": {"id": "1", "name": name, "statusCategory": {"id": 2, "key": category}},
            "assignee": None,
            "reporter": _REQUESTER,
            TIER: {"value": TEAMS[self.team], "id": self.team},
            "duedate": None,
            "description": None,
            "components": [],
            "comment": self.page_of_comments(),
        }
        return {"id": self.id, "key": self.key, "fields": fields, "properties": self.properties}

    def page_of_comments(self) -> dict[str, Any]:
        number = len(self.comments)
        return {"comments": self.comments[::-1], "maxResults": 100, "total": number, "startAt": 0}

    def edit(self, body: dict[str, Any], save: int) -> None:
        items: list[dict[str, Any]] = []
        self.updated = _now()
        fields = body.get("fields", {})
        if TIER in fields:
            old, self.team = self.team, fields[TIER]["id"]
            items.append({"field": "Tier", "fieldId": TIER} | _moved(old, self.team, TEAMS))
        if "priority" in fields:
            old, self.priority = self.priority, fields["priority"]["id"]
            items.append({"field": "priority", "fieldId": "priority"} | _moved(old, self.priority, PRIORITIES))
        for each in body.get("update", {}).get("labels", ()):
            before = " ".join(self.labels)
            self.labels = [*self.labels, each["add"]]
            words: dict[str, Any] = {"fromString": before, "toString": " ".join(self.labels), "from": None, "to": None}
            items.append({"field": "labels", "fieldId": "labels"} | words)
        self.properties |= {each["key"]: each["value"] for each in body.get("properties", ())}
        self.saves.append({"id": str(save), "author": _HOIST, "created": _stamp(self.updated), "items": items})


def _moved(old: str, new: str, names: dict[str, str]) -> dict[str, str]:
    return {"from": old, "fromString": names[old], "to": new, "toString": names[new]}


class Site:
    """What the requests ask for and change."""

    def __init__(self, tickets: int, spread: float) -> None:
        now = _now()
        first = now - DUE_AFTER + SETTLING
        gap = int(spread * SECOND)
        self.issues = {
            str(number): Issue(number, first + n * gap if gap else now - 2 * HOUR)
            for n, number in enumerate(range(10_000, 10_000 + tickets))
        }
        self._ids = list(self.issues)
        self._numbers = itertools.count(1)
        self._properties: dict[str, dict[str, Any]] = {}

    def answer(self, method: str, path: str, query: str, body: bytes) -> Found:
        if path.startswith("/api/v2/"):
            return 200, _TO_OTHERS
        path = path.removeprefix(_API)
        if path in ANSWERS:
            return 200, ANSWERS[path]
        if method == "POST" and path == "/search/jql":
            return 200, self._search(orjson.loads(body))
        if method == "POST" and path.endswith("/bulkfetch"):
            return 200, self._bulk(path, [self.issues[id_] for id_ in orjson.loads(body)["issueIdsOrKeys"]])
        if (found := _ISSUE.fullmatch(path)) is not None:
            return self._one(method, self.issues[found[1]], found[2] or "", body)
        if (found := _PROPERTY.fullmatch(path)) is not None:
            key = unquote(found[2])
            return 200, {"key": key, "value": self._properties[found[1]][key]}
        return 404, {"errorMessages": [f"no such page: {method} {path} {query}"]}

    def _search(self, asked: dict[str, Any]) -> dict[str, Any]:
        start = int(asked.get("nextPageToken", 0))
        rows = []
        if "updated >=" not in asked["jql"]:
            rows = [
                {"id": id_, "fields": {"updated": _stamp(self.issues[id_].updated)}} for id_ in self._ids[start : start + PAGE]
            ]
        more = bool(rows) and start + PAGE < len(self._ids)
        return {"issues": rows, "isLast": not more} | ({"nextPageToken": str(start + PAGE)} if more else {})

    def _bulk(self, path: str, issues: list[Issue]) -> dict[str, Any]:
        if path.startswith("/changelog"):
            return {"issueChangeLogs": [{"issueId": each.id, "changeHistories": each.saves} for each in issues]}
        return {"issues": [each.shown() for each in issues], "issueErrors": []}

    def _one(self, method: str, issue: Issue, part: str, body: bytes) -> Found:
        if method == "GET":
            if part == "/changelog":
                number = len(issue.saves)
                return 200, {"startAt": 0, "maxResults": 100, "total": number, "isLast": True, "values": issue.saves}
            return 200, issue.page_of_comments() if part else issue.shown()
        sent = orjson.loads(body)
        if part:
            comment = str(next(self._numbers))
            self._properties[comment] = {each["key"]: each["value"] for each in sent["properties"]}
            stamp = _stamp(_now())
            made = {"id": comment, "author": _HOIST, "body": sent["body"], "created": stamp, "updated": stamp, "jsdPublic": False}
            issue.comments.append(made)
            return 201, made
        issue.edit(sent, next(self._numbers))
        issue.written_at = issue.written_at or time.time()
        return 204, None


class Counted:
    """What came since it was begun to count, and the platform's budget."""

    def __init__(self, rate: float) -> None:
        self.rate, self.begun = rate, False
        self._tokens, self._at = rate, 0.0
        self.stamps: list[float] = []
        self.kinds: Counter[str] = Counter()
        self.refused, self.under_way, self.most = 0, 0, 0

    def takes(self, method: str, path: str) -> bool:
        now = time.monotonic()
        self.stamps.append(now)
        self.kinds[f"{method} {re.sub(r'[0-9]+', 'N', path)}"] += 1
        if not self.rate:
            return True
        self._tokens = min(self.rate, self._tokens + (now - self._at) * self.rate) if self._at else self.rate
        self._at = now
        if self._tokens < 1:
            self.refused += 1
            return False
        self._tokens -= 1
        return True

    def told(self, site: Site) -> dict[str, Any]:
        written = [each for each in site.issues.values() if each.written_at is not None]
        latencies = [each.written_at - (each.created + DUE_AFTER) / SECOND for each in written if each.written_at is not None]
        return {
            "requests": len(self.stamps),
            "seconds": self.stamps[-1] - self.stamps[0] if self.stamps else 0.0,
            "refused": self.refused,
            "most_at_once": self.most,
            "most_in_a_second": _most_in_a_second(self.stamps),
            "kinds": dict(self.kinds),
            "written": len(written),
            "commented": sum(len(each.comments) for each in site.issues.values()),
            "twice": sum(len(each.saves) > 1 or len(each.comments) > 1 for each in site.issues.values()),
            "latencies": sorted(latencies),
        }


def _most_in_a_second(stamps: list[float]) -> int:
    most = first = 0
    for number, at in enumerate(stamps):
        while stamps[first] <= at - 1.0:
            first += 1
        most = max(most, number - first + 1)
    return most


class Server:
    """The requests of all connections, each answered on time without keeping another waiting."""

    def __init__(self, site: Site, counted: Counted, delay: float) -> None:
        self.site, self.counted, self.delay = site, counted, delay

    async def served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                found = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(found[1])) if found else b""
                status, content = await self._answered(head, body)
                writer.write(_told(status, content))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            writer.close()

    async def _answered(self, head: str, body: bytes) -> Found:
        method, target, _ = head.split(" ", 2)
        parts, counted = urlsplit(target), self.counted
        if parts.path == "/begin":
            self.counted = Counted(float(parse_qs(parts.query).get("rate", ["0"])[0]))
            self.counted.begun = True
            return 200, {}
        if parts.path == "/counted":
            return 200, counted.told(self.site)
        if not counted.begun:
            return self.site.answer(method, parts.path, parts.query, body)
        if not counted.takes(method, parts.path):
            return 429, {"errorMessages": ["Rate limit exceeded."]}
        counted.under_way += 1
        counted.most = max(counted.most, counted.under_way)
        await asyncio.sleep(self.delay)
        counted.under_way -= 1
        return self.site.answer(method, parts.path, parts.query, body)


def _told(status: int, content: Any) -> bytes:
    body = b"" if content is None else orjson.dumps(content)
    head = f"HTTP/1.1 {status} OK\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def serve(server: Server) -> None:
    listening = await asyncio.start_server(server.served, "127.0.0.1", 0, backlog=256)
    print(listening.sockets[0].getsockname()[1], flush=True)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def until_the_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=until_the_end, daemon=True).start()
    await ended.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tickets", type=int)
    parser.add_argument("--delay", type=float, default=0.05)
    parser.add_argument("--spread", type=float, default=0.0)
    options = parser.parse_args()
    asyncio.run(serve(Server(Site(options.tickets, options.spread), Counted(0.0), options.delay)))


if __name__ == "__main__":
    main()
