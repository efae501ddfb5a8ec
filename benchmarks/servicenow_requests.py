"""How many requests a ServiceNow instance gets from hoist: for changed tickets, and for escalations that are due at once.

    python -m benchmarks.servicenow_requests [--changed 1000] [--due 160] [--latency 0.05]

A sandbox on loopback counts them. So many tickets are changed by people and read in one run, with their whole history. Then so
many are escalated by 32 threads: hand-over, verification, comment, verification, each request held for `latency` seconds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors.sandboxes.answer import Answer
from connectors.sandboxes.made_up import made_up
from connectors.servicenow.connector import ServiceNowConnector
from connectors.servicenow.sandbox import ServiceNowSandbox
from connectors.servicenow.settings import ServiceNowSettings
from connectors.testing_stage import Mirror
from rules.escalation import FieldChange, Operation, OperationKind
from rules.instants import MINUTE, Instant
from rules.ticket import Ticket

START: Instant = 1_795_420_800_000
THREADS = 32


@dataclass
class _Clock:
    at: Instant = START

    def __call__(self) -> Instant:
        return self.at


class Counting(ServiceNowSandbox):
    """An instance that counts what it is asked by table, and answers no sooner than after `latency` seconds."""

    latency = 0.0
    asked: Counter[str]

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """As an instance does."""
        if {name.lower(): value for name, value in headers.items()}.get("user-agent") == "hoist":
            table = path.removeprefix("/api/now/table/").partition("/")[0]
            self.asked[f"{method} {table or 'batch'}"] += 1
            time.sleep(self.latency)
        return super().dispatch(method, path, query, headers, body)


@contextmanager
def instance(tickets: int, folder: Path) -> Iterator[tuple[Counting, _Clock, ServiceNowConnector]]:
    """An instance with so many tickets, its clock, and hoist signed in."""
    clock = _Clock()
    site = Counting(clock=clock, history=made_up(tickets, 1, START, 0))
    site.asked = Counter()
    secret = folder / "secret"
    with site.serve():

        def secrets(_: str, value: str) -> str:
            secret.write_text(value, encoding="utf-8")
            return f"file:{secret}"

        told = {name: value for name, value in site.hoist_settings(secrets).items() if name != "platform"}
        settings = ServiceNowSettings.model_validate({**told, "requests_per_second": 100_000})
        with closing(ServiceNowConnector("snow", settings)) as hoist:
            yield site, clock, hoist


def changed(site: Counting, clock: _Clock, hoist: ServiceNowConnector) -> list[Ticket]:
    """Mirror all, have all changed, and read the changes; prints what the last run asked."""
    mirror = Mirror()
    mirror.run(hoist)
    clock.at += 10 * MINUTE
    known = site.credentials()
    word = b64encode(f"{known['username']}:{known['password']}".encode()).decode()
    headers = {"Authorization": f"Basic {word}", "Content-Type": "application/json", "Accept": "application/json"}
    for count, ticket in enumerate(mirror.tickets):
        body = json.dumps({"short_description": f"changed {count}", "work_notes": "Looked at it."}).encode()
        answer = site.dispatch("PATCH", f"/api/now/table/incident/{ticket}", "", headers, body)
        assert answer.status == 200, answer.body
    clock.at += MINUTE
    site.asked.clear()
    read = sum(len(page.tickets) for page in mirror.run(hoist))
    assert read == len(mirror.tickets), read
    print(f"{read} changed tickets, history included: {site.asked.total()} requests, {dict(site.asked)}")
    return list(mirror.tickets.values())


def storm(site: Counting, hoist: ServiceNowConnector, tickets: list[Ticket], latency: float) -> None:
    """Escalate these tickets at once; prints what that took."""
    teams = sorted(hoist.directory().teams)
    site.asked.clear()
    site.latency = latency
    begun = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda ticket: _escalate(hoist, ticket, teams), tickets))
    seconds = time.perf_counter() - begun
    each, rate = site.asked.total() / len(tickets), len(tickets) / seconds
    print(f"{len(tickets)} escalations at once: {each:.2f} requests each, {rate:.1f} per second, {dict(site.asked)}")


def _escalate(hoist: ServiceNowConnector, ticket: Ticket, teams: list[str]) -> None:
    team = str(ticket.fields["team"])
    move = FieldChange("team", team, next(each for each in teams if each != team))
    name = ticket.ref.id[:8]
    for kind, marker, changes, words in (
        (OperationKind.FIELDS, f"f{name}", (move,), ""),
        (OperationKind.COMMENT, f"c{name}", (), "Moved on."),
    ):
        operation = Operation(marker, kind, ticket.ref, marker, changes=changes, comment=words, planned_at=START)
        hoist.write(operation)
        found = hoist.verify(operation)
        assert found.found, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changed", type=int, default=1_000)
    parser.add_argument("--due", type=int, default=160)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, instance(options.changed, Path(folder)) as (site, clock, hoist):
        tickets = [each for each in changed(site, clock, hoist) if each.fields["team"]]
        storm(site, hoist, tickets[: options.due], options.latency)


if __name__ == "__main__":
    main()
