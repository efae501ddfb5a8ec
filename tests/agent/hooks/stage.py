"""A Zendesk account that really calls hoist, and hoist in a process of its own that polls twice a day only.

What comes to hoist's knowledge within a test has come by webhook.
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.sandboxes.answer import Answer
from connectors.zendesk.sandbox import Terms, ZendeskSandbox
from tests.agent import command_line
from tests.agent.command_line import Running, Said, real_time, small_desk

EVENTS = ["created", "priority_changed", "status_changed", "group_assignment_changed", "comment_added"]
ORGANISATION = """\
format: 1
defaults: {mode: live, calendar: always, existing_tickets: all}
priorities:
  - {name: P1, zen: urgent}
  - {name: P2, zen: high}
  - {name: P3, zen: normal}
  - {name: P4, zen: low}
calendars:
  always: {hours: all}
teams:
  desk: {zen: Service Desk}
  network: {zen: Network}
chains:
  it: [desk, network]
"""
RULES = """\
rules:
  - rule: urgent
    title: An urgent ticket
    when: {priority: P1, status: [new, open]}
    do:
      - label: lifted
      - comment: "Urgent since {since}."
"""


class Watched(ZendeskSandbox):
    """Tells when hoist has written, and refuses reads of tickets while that is wanted."""

    def __init__(self, **given: Any) -> None:
        self.written, self.holds_reads = threading.Semaphore(0), threading.Event()
        super().__init__(**given)

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if self.holds_reads.is_set() and method == "GET" and "/tickets" in path:
            return Answer(503, {"Retry-After": "30"})
        answer = super().dispatch(method, path, query, headers, body)
        if method == "PUT" and b'"hoist' in body and answer.status == 200:
            self.written.release()
        return answer


@dataclass
class Desk:
    """The account, and the folder with hoist.yaml and protocol/ beside it."""

    folder: Path
    sandbox: Watched
    webhook: str = ""
    hooks: dict[str, object] = field(default_factory=lambda: {"listen": "127.0.0.1:0"})
    more: dict[str, object] = field(default_factory=dict)  # of the source

    def __post_init__(self) -> None:
        self.webhook = self.make_webhook("http://127.0.0.1:9/not-yet")
        self.write()

    @property
    def config(self) -> Path:
        return self.folder / "hoist.yaml"

    def keep(self, name: str, value: str) -> str:
        (self.folder / name).write_text(value, encoding="utf-8")
        return f"file:{self.folder / name}"

    def write(self) -> None:
        secret = self.ask("GET", f"webhooks/{self.webhook}/signing_secret")["signing_secret"]["secret"]
        source = self.sandbox.hoist_settings(self.keep) | {"requests_per_second": 1000, "poll_every": "12 hours"}
        source |= {"webhook": {"secret": self.keep("hook-secret", secret)}, **self.more}
        self.config.write_text(json.dumps({"sources": {"zen": source}, "hooks": self.hooks}), encoding="utf-8")
        protocol = self.folder / "protocol"
        protocol.mkdir(exist_ok=True)
        (protocol / "organisation.yaml").write_text(ORGANISATION, encoding="utf-8")
        (protocol / "rules.yaml").write_text(RULES, encoding="utf-8")

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What the account answers its administrator."""
        known = self.sandbox.credentials()
        signed = b64encode(f"{known['username']}/token:{known['token']}".encode()).decode()
        headers = {"authorization": f"Basic {signed}", "content-type": "application/json"}
        sent = b"" if body is None else json.dumps(body).encode()
        answer = self.sandbox.dispatch(method, f"/api/v2/{path}", "", headers, sent)
        assert answer.status < 300, answer
        return json.loads(answer.body) if answer.body else None

    def make_webhook(self, endpoint: str) -> str:
        """A webhook for events of tickets; its id."""
        given = {"name": "hoist", "endpoint": endpoint, "http_method": "POST", "request_format": "json", "status": "active"}
        subscriptions = [f"zen:event-type:ticket.{kind}" for kind in EVENTS]
        return str(self.ask("POST", "webhooks", {"webhook": given | {"subscriptions": subscriptions}})["webhook"]["id"])

    def call_at(self, endpoint: str) -> None:
        """Let the account's webhook call there."""
        self.ask("PATCH", f"webhooks/{self.webhook}", {"webhook": {"endpoint": endpoint}})

    def ticket(self, subject: str = "Printer jams") -> int:
        return next(int(row["id"]) for row in self.ask("GET", "tickets")["tickets"] if row["subject"] == subject)

    def make_urgent(self, ticket: int) -> None:
        """A person makes a ticket urgent."""
        self.ask("PUT", f"tickets/{ticket}", {"ticket": {"priority": "urgent"}})

    def lifted(self, ticket: int) -> bool:
        return "lifted" in self.ask("GET", f"tickets/{ticket}")["ticket"]["tags"]

    def hoist(self, command: str, *arguments: str | Path) -> Said:
        return command_line.hoist(command, "--config", self.config, *arguments)

    @contextmanager
    def running(self) -> Iterator[tuple[Running, str]]:
        """`hoist run` once it takes webhooks, and the address of its site."""
        with command_line.Desk.running(self) as hoist:  # type: ignore[arg-type] # it needs the config alone
            hoist.wait_until_it_logs("/hooks/zen")
            yield hoist, hoist.log.partition("taken at ")[2].partition("/hooks/zen")[0]


@contextmanager
def desk(folder: Path, *, clock: Callable[[], int] = real_time, **faults: float) -> Iterator[Desk]:
    """A desk with a working hoist.yaml, whose webhook calls nobody yet."""
    rates = {name.replace("_", "-"): rate for name, rate in faults.items()}
    sandbox = Watched(clock=clock, history=small_desk(clock()), terms=Terms(), faults=rates)
    with sandbox.serve():
        yield Desk(folder, sandbox)
