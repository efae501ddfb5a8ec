"""hoist as a person at a terminal uses it: the program itself, beside a sandbox of Jira that listens on loopback.

The desk has three tickets: one that nobody has taken for two hours, one that Nora took at once, and one that was solved.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.cli import main
from connectors.jira.sandbox import JiraSandbox
from connectors.sandboxes.history import Event, History, Note
from connectors.sandboxes.record import FoundComment, FoundSave
from rules.instants import HOUR, MINUTE, Instant
from tests.desk_history import desk_history

FORGOTTEN, TAKEN, SOLVED = "IT-1", "IT-2", "IT-3"
HOIST = (sys.executable, "-c", "from agent.cli import main; main()")
"""The program in a process of its own."""

ORGANISATION = """\
format: 1
defaults: {mode: live, calendar: always, existing_tickets: all}
priorities:
  - {name: P1, jira: Highest}
  - {name: P2, jira: High}
calendars:
  always: {hours: all}
teams:
  desk: {jira: Service Desk}
  network: {jira: Network}
chains:
  it: [desk, network]
"""
RULES = """\
rules:
  - rule: nobody-took-it
    title: Nobody took it
    when: {status: [new, open], assignee: nobody}
    for: 15 minutes
    do:
      - escalate: it
      - label: lifted
      - comment: "Without an owner for {held}. Moved to {team}."
"""


@dataclass(frozen=True)
class Said:
    """What the program answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def words(self) -> str:
        """All of it on one line, whatever the width of the terminal."""
        return " ".join((self.out + self.err).split())


def hoist(*arguments: str | Path) -> Said:
    """Run the program in this process. A traceback is no answer: whatever is not caught there reaches the test."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            return Said(int(end.code or 0), out.getvalue(), err.getvalue())


def small_desk(now: Instant) -> History:
    """Three tickets of the last two hours."""

    def event(ago: int, issue: str, author: str, note: Note | None = None, **fields: str | None) -> Event:
        return Event(now - ago, issue, author, fields, note)

    new = dict(status="Open", team="Service Desk", line="L1", priority="High", assignee=None, component="Mail", description="")
    events = [
        event(2 * HOUR, "forgotten", "rick", None, summary="No mail since noon", **new),
        event(100 * MINUTE, "taken", "rick", None, summary="Printer jams", **new),
        event(95 * MINUTE, "taken", "nora", Note("On my way", public=True), assignee="nora", status="In Progress"),
        event(90 * MINUTE, "solved", "rick", None, summary="New keyboard", **new),
        event(80 * MINUTE, "solved", "nora", None, assignee="nora", status="Resolved"),
    ]
    return desk_history(events)


def real_time() -> Instant:
    return time.time_ns() // 1_000_000


@dataclass
class Desk:
    """A sandbox that listens, and the folder with hoist.yaml and protocol/ beside it."""

    folder: Path
    sandbox: JiraSandbox

    @property
    def config(self) -> Path:
        return self.folder / "hoist.yaml"

    def settings(self) -> dict[str, Any]:
        """What hoist.yaml says of the source; its token is in a file."""
        credentials = self.sandbox.credentials()
        token = self.folder / "token"
        token.write_text(credentials["token"], encoding="utf-8")
        named = {"platform": "jira", "url": credentials["url"], "username": credentials["username"], "token": f"file:{token}"}
        return named | self.sandbox.source_settings()

    def write(self, source: Mapping[str, Any] | None = None, *, organisation: str = ORGANISATION, rules: str = RULES) -> None:
        """hoist.yaml with these settings of the source instead of the right ones, and the protocol."""
        sources = {"jira": self.settings() if source is None else dict(source)}
        self.config.write_text(json.dumps({"sources": sources}), encoding="utf-8")
        protocol = self.folder / "protocol"
        protocol.mkdir(exist_ok=True)
        (protocol / "organisation.yaml").write_text(organisation, encoding="utf-8")
        (protocol / "rules.yaml").write_text(rules, encoding="utf-8")

    def hoist(self, command: str, *arguments: str | Path) -> Said:
        return hoist(command, "--config", self.config, *arguments)

    def record(self) -> tuple[list[FoundSave], list[FoundComment]]:
        """What the helpdesk itself says that hoist's account did."""
        record = self.sandbox.record()
        issues = record.issues()
        return list(record.saves(issues)), [comment for issue in issues for comment in record.comments(issue)]

    @contextmanager
    def running(self) -> Iterator[Running]:
        """`hoist run` in a process of its own, killed where the test leaves it running."""
        command = [*HOIST, "run", "--config", str(self.config)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield Running(process)
            finally:
                process.kill()

    def untouched(self) -> bool:
        """By the helpdesk's own record, hoist wrote nothing."""
        return self.record() == ([], [])


@dataclass
class Running:
    """`hoist run` under way, and what it has logged so far."""

    process: subprocess.Popen[str]
    log: str = ""

    def wait_until_it_runs(self) -> None:
        """Returns once it has signed in and begins its first turn; fails where it ends before."""
        self.wait_until_it_logs("hoist runs")

    def wait_until_it_logs(self, text: str) -> None:
        """Returns once a line with this text was logged; fails where it ends before."""
        assert self.process.stderr is not None
        while text not in self.log:
            line = self.process.stderr.readline()
            assert line, f"hoist ended: {self.log}"
            self.log += line

    def rest(self) -> tuple[str, str]:
        """Everything that it said, on standard output and in its log, once it has ended."""
        out, err = self.process.communicate(timeout=60)
        return out, self.log + err


@contextmanager
def desk(
    folder: Path,
    *,
    clock: Callable[[], Instant] = real_time,
    withheld: Collection[str] = (),
    kind: type[JiraSandbox] = JiraSandbox,
) -> Iterator[Desk]:
    """A desk with a working hoist.yaml."""
    sandbox = kind(clock=clock, history=small_desk(clock()), withheld=withheld)
    with sandbox.serve():
        made = Desk(folder, sandbox)
        made.write()
        yield made
