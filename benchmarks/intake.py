"""Webhooks taken: how many a second, and after how long each is answered; every answer after the call is on disk.

    python -m benchmarks.intake [--calls 10000] [--connections 32] [--rounds 3] [--written 40]
                                [--only calls bare storm killed written]

The site is hoist's own, as `hoist run` serves it, in a process of its own, on a store that survives a power cut; bodies are
events of Zendesk of 4 KB, each signed, checked over its raw bytes, with a ticket and an id of its own. The caller shares the
machine.

`calls`: so many over so many connections, each of which waits for its answer. `bare`: the same with an application that takes the
body and does nothing, on the same server: what server and caller allow. `storm`: a fifth of them come twice, a tenth bear
a wrong signature. `killed`: the process is killed (SIGKILL) half-way; every call that was answered is in the store. `written`:
hoist whole, beside a sandbox of Zendesk that answers each request after 100 ms and delivers its webhooks itself; from the save
by which a ticket falls due to hoist's write.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from agent.clock import SystemClock
from agent.hooks.intake import Door, Intake
from agent.hooks.opening import listening
from agent.hooks.outcomes import Tally
from agent.hooks.serving import Serving
from agent.hooks.settings import HooksSettings
from agent.hooks.site import Site
from agent.store.database import open_database
from agent.store.tables import deliveries, hints
from benchmarks.measured import machine, table
from connectors.sandboxes.answer import Answer
from connectors.zendesk.sandbox import Terms, ZendeskSandbox
from connectors.zendesk.webhook import Webhook
from rules.instants import written

DELAY: Final = 0.1
SETTLING: Final = 20
"""Seconds in which hoist has signed in and read everything once."""
PROTOCOL: Final = """\
format: 1
defaults: {mode: live, calendar: always, existing_tickets: ignore}
priorities: [{name: P1, zen: urgent}, {name: P2, zen: high}, {name: P3, zen: normal}, {name: P4, zen: low}]
calendars: {always: {hours: all}}
"""
RULES: Final = """\
rules:
  - rule: urgent
    title: An urgent ticket
    when: {priority: P1, status: [new, open]}
    do: [{label: lifted}]
"""
SECRET: Final = "a signing secret of the benchmark"  # noqa: S105 - made up
SIZE: Final = 4_096
LIKES: Final = (2_000.0, 50.0)
"""Calls a second, and milliseconds of the 99th percentile, that are asked for."""


def call(number: int, secret: str = SECRET, event: int | None = None) -> bytes:
    """A whole request."""
    id_ = number if event is None else event
    detail = {"actor_id": "7", "priority": "HIGH", "description": ""}
    told = {
        "id": f"e{id_}",
        "type": "zen:event-type:ticket.priority_changed",
        "subject": f"zen:ticket:{id_ + 1}",
        "detail": detail,
    }
    detail["description"] = "x" * (SIZE - len(json.dumps(told)))
    body = json.dumps(told).encode()
    stamp = written(time.time_ns() // 1_000_000)
    signature = b64encode(hmac.digest(secret.encode(), stamp.encode() + body, sha256)).decode()
    head = (
        f"POST /hooks/zen HTTP/1.1\r\nHost: hoist\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"X-Zendesk-Webhook-Invocation-Id: i{id_}\r\nX-Zendesk-Webhook-Signature-Timestamp: {stamp}\r\n"
        f"X-Zendesk-Webhook-Signature: {signature}\r\n\r\n"
    )
    return head.encode() + body


class Caller:
    """So many connections, each sending one call after the other; one that is closed is opened anew."""

    def __init__(self, port: int, calls: list[bytes]) -> None:
        self.port, self.calls = port, iter(enumerate(calls))
        self.seconds: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.answered: list[int] = []

    async def run(self, connections: int) -> float:
        begun = time.perf_counter()
        await asyncio.gather(*(self._connection() for _ in range(connections)))
        return time.perf_counter() - begun

    async def _connection(self) -> None:
        reader = writer = None
        for number, request in self.calls:
            if writer is None or reader is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            begun = time.perf_counter()
            try:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            self.seconds.append(time.perf_counter() - begun)
            status = int(head[9:12])
            self.statuses[status] += 1
            if status < 300:
                self.answered.append(number)
            if b"connection: close" in head.lower():
                writer.close()
                writer = None
        if writer is not None:
            writer.close()


class Nothing:
    """A site that takes the body of a call and answers."""

    patience: Final = 10.0

    async def __call__(self, scope: object, receive: Callable[[], Any], send: Callable[[object], Any]) -> None:
        del scope
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def ended(self, outcome: object) -> None:
        """Nobody counts."""

    def close(self) -> None:
        """There is nothing to close."""


@contextmanager
def served(folder: Path, spent: list[float], *, bare: bool = False) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """hoist's site in a process of its own, and its port; the seconds of CPU that it took are added to `spent`."""
    command = [sys.executable, "-m", "benchmarks.intake", "--serve", str(folder / "hoist.db"), *(["--bare"] if bare else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - ours
        assert server.stdout is not None
        assert server.stdin is not None
        yield server, int(server.stdout.readline())
        server.stdin.close()
        spent.append(float(server.stdout.read() or "nan"))


def serve(store: Path, *, bare: bool) -> None:
    """Until standard input ends."""
    with closing(open_database(store)) as database:
        clock, tally = SystemClock(), Tally()
        taking = Intake(database, clock, [Door("zen", Webhook([SECRET]), clock.now, lambda: None)], tally)
        site: Any = Nothing() if bare else Site(taking, clock, troubles=list, metrics=bytes, calls_per_second=1_000_000)
        settings = HooksSettings(port=0)
        listener = listening(settings)
        serving = Serving(site, settings, listener)
        serving.start()
        print(listener.getsockname()[1], flush=True)
        begun = time.process_time()
        sys.stdin.read()
        print(f"{time.process_time() - begun:.2f}", flush=True)
        serving.stop()


def kept(store: Path) -> tuple[int, int]:
    """Tickets that wait to be read, and names of deliveries."""
    with closing(open_database(store)) as database, database.reading() as db:
        return tuple(db.execute(select(func.count()).select_from(each)).scalar_one() for each in (hints, deliveries))  # type: ignore[return-value]


def percentile(seconds: list[float], share: float) -> float:
    """Milliseconds."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))] * 1_000


def row(name: str, caller: Caller, seconds: float, spent: list[float]) -> dict[str, object]:
    return {
        "": name,
        "a second": f"{len(caller.seconds) / seconds:,.0f}",
        "p50 ms": f"{percentile(caller.seconds, 0.5):.1f}",
        "p99 ms": f"{percentile(caller.seconds, 0.99):.1f}",
        "longest ms": f"{max(caller.seconds) * 1_000:.0f}",
        "CPU us a call": f"{spent[0] / len(caller.seconds) * 1e6:.0f}",
        "answers": ", ".join(f"{number:,} x {status}" for status, number in sorted(caller.statuses.items())),
    }


def calls(number: int, connections: int) -> dict[str, object]:
    spent: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        with served(Path(folder), spent) as (_, port):
            caller = Caller(port, [call(each) for each in range(number)])
            seconds = asyncio.run(caller.run(connections))
        assert caller.statuses == {204: number}
        assert kept(Path(folder) / "hoist.db") == (number, 2 * number), "every call that was answered is in the store"
    return row("calls", caller, seconds, spent)


def bare(number: int, connections: int) -> dict[str, object]:
    spent: list[float] = []
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), spent, bare=True) as (_, port):
        caller = Caller(port, [call(each) for each in range(number)])
        seconds = asyncio.run(caller.run(connections))
    assert caller.statuses == {204: number}
    return row("an application that does nothing", caller, seconds, spent)


def storm(number: int, connections: int) -> dict[str, object]:
    chance = random.Random(6)
    requests = [call(each) for each in range(number)]
    requests += [call(each) for each in chance.sample(range(number), number // 5)]
    requests += [call(number + each, "a guess") for each in range(number // 10)]
    chance.shuffle(requests)
    spent: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        with served(Path(folder), spent) as (_, port):
            caller = Caller(port, requests)
            seconds = asyncio.run(caller.run(connections))
        assert caller.statuses == {204: number + number // 5, 401: number // 10}
        assert kept(Path(folder) / "hoist.db") == (number, 2 * number), "each event once, and no stranger's"
    return row("storm: 20 % twice, 10 % with a wrong signature", caller, seconds, spent)


def killed(number: int, connections: int) -> dict[str, object]:
    spent: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        with served(Path(folder), spent) as (server, port):
            caller = Caller(port, [call(each) for each in range(number)])
            threading.Thread(target=_kill, args=(server, caller, number // 2)).start()
            seconds = asyncio.run(caller.run(connections))
        assert len(caller.answered) < number
        with closing(open_database(Path(folder) / "hoist.db")) as database, database.reading() as db:
            stored = set(db.execute(select(hints.c.ticket)).scalars())
        lost = [each for each in caller.answered if str(each + 1) not in stored]
        assert not lost, f"{len(lost)} calls were answered and are not in the store"
    return row("killed half-way; of the answered calls none is lost", caller, seconds, spent)


def _kill(server: subprocess.Popen[str], caller: Caller, number: int) -> None:
    """Once so many were answered."""
    while len(caller.answered) < number:
        time.sleep(0.001)
    server.kill()


class SlowAccount(ZendeskSandbox):
    """Answers each request after a while, and notes when hoist has written to a ticket."""

    def __init__(self, **given: Any) -> None:
        self.written: dict[str, float] = {}
        self.arrived = threading.Condition()
        super().__init__(**given)

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = super().dispatch(method, path, query, headers, body)
        if method == "PUT" and b'"hoist' in body:
            with self.arrived:
                self.written[path.rpartition("/")[2]] = time.perf_counter()
                self.arrived.notify_all()
        return replace(answer, delay_seconds=DELAY)

    def asked(self, method: str, path: str, body: object = None, query: str = "") -> Any:
        """What the account answers its administrator, at once."""
        known = self.credentials()
        word = b64encode(f"{known['username']}/token:{known['token']}".encode()).decode()
        headers = {"authorization": f"Basic {word}", "content-type": "application/json"}
        sent = b"" if body is None else json.dumps(body).encode()
        answer = super().dispatch(method, f"/api/v2/{path}", query, headers, sent)
        return json.loads(answer.body) if answer.body else None


@contextmanager
def hoist(folder: Path, account: SlowAccount) -> Iterator[None]:
    """`hoist run` beside an account whose webhook calls it; it polls twice a day only."""
    given = {"name": "hoist", "endpoint": "http://127.0.0.1:9", "http_method": "POST", "request_format": "json"}
    subscribed = {"subscriptions": ["zen:event-type:ticket.priority_changed"]}
    id_ = account.asked("POST", "webhooks", {"webhook": {**given, **subscribed}})["webhook"]["id"]

    def keep(name: str, value: str) -> str:
        (folder / name).write_text(value, encoding="utf-8")
        return f"file:{folder / name}"

    secret = account.asked("GET", f"webhooks/{id_}/signing_secret")["signing_secret"]["secret"]
    source = account.hoist_settings(keep) | {"requests_per_second": 1000, "poll_every": "12 hours"}
    source |= {"webhook": {"secret": keep("hook", secret)}, "limits": "none"}
    settings = {"sources": {"zen": source}, "hooks": {"listen": "127.0.0.1:0"}}
    (folder / "hoist.yaml").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "protocol").mkdir()
    (folder / "protocol" / "organisation.yaml").write_text(PROTOCOL, encoding="utf-8")
    (folder / "protocol" / "rules.yaml").write_text(RULES, encoding="utf-8")
    command = [sys.executable, "-c", "from agent.cli import main; main()", "run", "--config", str(folder / "hoist.yaml")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stderr is not None
        for line in process.stderr:
            if "taken at" in line:
                account.asked("PATCH", f"webhooks/{id_}", {"webhook": {"endpoint": line.partition("taken at ")[2].strip()}})
                break
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield
        process.terminate()


def written_after(number: int) -> dict[str, object]:
    """From a person's save to hoist's write, one ticket at a time."""
    account = SlowAccount(clock=lambda: time.time_ns() // 1_000_000, terms=Terms(), seed=6)
    seconds = []
    with tempfile.TemporaryDirectory() as folder, account.serve(), hoist(Path(folder), account):
        rows = account.asked("GET", "incremental/tickets/cursor", query="start_time=0")["tickets"]
        tickets = [str(row["id"]) for row in rows if row["status"] in {"new", "open"} and row["priority"] != "urgent"]
        time.sleep(SETTLING)
        for ticket in tickets[:number]:
            begun = time.perf_counter()
            account.asked("PUT", f"tickets/{ticket}", {"ticket": {"priority": "urgent"}})
            with account.arrived:
                assert account.arrived.wait_for(lambda id_=ticket: id_ in account.written, 60), "never written"  # type: ignore[misc]
            seconds.append(account.written[ticket] - begun)
    shown = {"p50 ms": percentile(seconds, 0.5), "p99 ms": percentile(seconds, 0.99), "longest ms": max(seconds) * 1_000}
    return {"": f"from the save to hoist's write, {len(seconds)} tickets", **{name: f"{ms:,.0f}" for name, ms in shown.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=["calls", "bare", "storm", "killed", "written"])
    parser.add_argument("--written", type=int, default=40)
    parser.add_argument("--serve", type=Path)
    parser.add_argument("--bare", action="store_true")
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve, bare=options.bare)
        return
    print(machine(), flush=True)
    kinds = {"calls": calls, "bare": bare, "storm": storm, "killed": killed}
    names = [name for name in options.only if name in kinds for _ in range(options.rounds)]
    rows = [kinds[name](options.calls, options.connections) for name in names]
    if "written" in options.only:
        rows.append(written_after(options.written))
    print(table(("", "a second", "p50 ms", "p99 ms", "longest ms", "CPU us a call", "answers"), rows))


if __name__ == "__main__":
    main()
