"""The stage of true crashes: a helpdesk in one process, hoist in another, and what must hold between them at the end."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from rules.instants import MINUTE, SECOND
from tests.agent.command_line import ORGANISATION, Running, Said
from tests.crashes.clocks import Ahead
from tests.crashes.far_side import BETWEEN, TAKEN_AFTER, TAKEN_EVERY

SOURCE: Final = "jira"
FAULTS: Final[Mapping[str, float]] = {
    "lost-answer": 0.08,
    "refused-before": 0.02,
    "html-503": 0.01,
    "too-many-requests": 0.01,
    "conflict-409": 0.02,
    "stale-search": 0.1,
}
RULES: Final = """\
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
PROGRAM: Final = (sys.executable, "-m", "tests.crashes.program")
PROJECT: Final = Path(__file__).parents[2]
SETTLED: Final = frozenset({"applied", "superseded", "overruled"})
JUMPS: Final = (0, 0, 1 * MINUTE, 2 * MINUTE, 4 * MINUTE, 10 * MINUTE)
"""What may pass between a death and the next start: a lease, a request's life, or what makes it an outage."""
LATEST_DEATH: Final = 0.6
"""Seconds after its beginning to run within which a hoist is killed."""
ROUNDS: Final = 40


@dataclass
class Stage:
    """A helpdesk that listens, hoist.yaml and protocol/ in a folder, and the clocks of both sides."""

    folder: Path
    tickets: int
    ahead: Ahead
    helpdesk: subprocess.Popen[str]
    told: dict[str, Any]
    killed: Counter[str] = field(default_factory=Counter)

    @property
    def config(self) -> Path:
        return self.folder / "hoist.yaml"

    @property
    def store(self) -> Path:
        return self.folder / "hoist.db"

    # --- the helpdesk ----------------------------------------------------------------------------------------------------

    def ask(self, word: str) -> Any:
        """An answer of the helpdesk's process."""
        assert self.helpdesk.stdin is not None
        self.helpdesk.stdin.write(f"{word}\n")
        self.helpdesk.stdin.flush()
        return json.loads(_line(self.helpdesk.stdout))

    def let_pass(self, milliseconds: int) -> None:
        """Time passes while no hoist lives, after the helpdesk has dealt with what the last one had sent."""
        self.ask("quiet")
        self.ahead.go_on(milliseconds)

    # --- hoist -----------------------------------------------------------------------------------------------------------

    def write(self, url: str = "", **settings: object) -> None:
        """hoist.yaml, leading to another address if need be, and the protocol."""
        credentials = self.told["credentials"]
        token = self.folder / "token"
        token.write_text(credentials["token"], encoding="utf-8")
        source = {
            "platform": "jira",
            "url": url or credentials["url"],
            "username": credentials["username"],
            "token": f"file:{token}",
            "poll_every": "1 second",
            **self.told["settings"],
        }
        found = {"sources": {SOURCE: source}, "after_outage": "all", **settings}
        self.config.write_text(json.dumps(found), encoding="utf-8")
        protocol = self.folder / "protocol"
        protocol.mkdir(exist_ok=True)
        (protocol / "organisation.yaml").write_text(ORGANISATION, encoding="utf-8")
        (protocol / "rules.yaml").write_text(RULES, encoding="utf-8")

    def command(self, *arguments: str, file_size: int = 0) -> list[str]:
        """The words that start a hoist; no file of it may grow beyond `file_size` bytes."""
        limit = ["--file-size", str(file_size)] if file_size else []
        words, rest = (arguments[:2], arguments[2:]) if arguments[0] == "journal" else (arguments[:1], arguments[1:])
        return [*PROGRAM, *limit, str(self.folder / "clocks"), *words, "--config", str(self.config), *rest]

    def hoist(self, *arguments: str, file_size: int = 0) -> Said:
        """What a command of the program answers."""
        command = self.command(*arguments, file_size=file_size)
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=180, check=False)
        return Said(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def running(self, *, file_size: int = 0) -> Iterator[Running]:
        """`hoist run` in a process of its own, killed where it is left running."""
        command = self.command("run", file_size=file_size)
        with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield Running(process)
            finally:
                process.kill()

    def kill_one(self, chance: random.Random) -> None:
        """Start a hoist and kill it at a random instant: while it starts, or within its first turns."""
        early = chance.random() < 0.2
        with self.running() as hoist:
            if not early:
                hoist.wait_until_it_runs()
            _lives_on(hoist, chance.uniform(0, 2 * LATEST_DEATH if early else LATEST_DEATH))
            assert hoist.process.poll() is None, hoist.rest()
            hoist.process.kill()
            hoist.process.wait()
        self.killed["while it started" if early else "while it ran"] += 1
        self.let_pass(chance.choice(JUMPS))

    def come_to_rest(self) -> None:
        """Everything becomes due, and hoist has the time to find out what became of each write, one turn after the other."""
        self.let_pass(self.tickets * BETWEEN + TAKEN_AFTER)
        for _ in range(ROUNDS):
            said = self.hoist("run", "--once")
            assert said.code in (0, 1), said
            if not self.unsettled() and said.code == 0:
                return
            self.let_pass(4 * MINUTE)
        raise AssertionError(f"not settled after {ROUNDS} turns: {self.unsettled()}, {self.hoist('status').words}")

    def unsettled(self) -> dict[str, int]:
        """Changes whose end is not known, by state."""
        (source,) = self.hoist("status", "--json").json["sources"]
        return {state: number for state, number in source["changes"].items() if state not in SETTLED}

    # --- what must hold --------------------------------------------------------------------------------------------------

    def judge(self) -> Counter[str]:
        """Each escalation is there once, fields and comment, none is lost, and the journal says the same; what was seen."""
        record = self.ask("record")
        lines = [json.loads(line) for line in self.hoist("journal", "export").out.splitlines()]
        told = {kind: _told(lines, kind) for kind in ("fields-applied", "comment-applied")}
        written = 0
        for name, issue in record["names"].items():
            saved, said = _of(record["issues"][issue])
            assert (saved, said) in ((0, 0), (1, 1)), f"{name}: {saved} saves, {said} comments: {record['issues'][issue]}"
            assert (told["fields-applied"][issue], told["comment-applied"][issue]) == (saved, said), f"{name}: the journal differs"
            assert saved or int(name[1:]) % TAKEN_EVERY == TAKEN_EVERY - 1, f"{name} was lost"
            written += saved
        effects = Counter(effect["marker"] for effect in record["effects"])
        assert set(effects.values()) <= {1}, f"writes that took effect twice: {effects.most_common(3)}"
        assert len(record["names"]) == self.tickets
        verified = self.hoist("journal", "verify")
        assert verified.code == 0, verified
        return Counter(tickets=self.tickets, escalations=written, writes=len(record["effects"]), **self.killed)


def _of(issue: Mapping[str, Any]) -> tuple[int, int]:
    """How often hoist's account moved an issue, and how often it said so."""
    assert all(not comment["public"] and comment["marker"] for comment in issue["comments"]), issue
    moves = [save for save in issue["saves"] if save[1:] == ["Service Desk", "Network"]]
    labels = [save for save in issue["saves"] if save[0] == "labels"]
    assert len(labels) == len(moves) and len(issue["saves"]) == len(moves) + len(labels), issue  # noqa: PT018 - one thing: pairs
    return len(moves), len(issue["comments"])


def _told(lines: list[Any], kind: str) -> Counter[str]:
    return Counter(line["ticket"] for line in lines if line["kind"] in (kind, f"late-{kind}"))


def _lives_on(hoist: Running, seconds: float) -> None:
    try:
        hoist.process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    line = stream.readline()
    assert line, "the helpdesk's process has ended"
    return line


@contextmanager
def stage(folder: Path, tickets: int, *, seed: int = 0, faults: Mapping[str, float] = FAULTS) -> Iterator[Stage]:
    """A stage with a working hoist.yaml, and tickets of which one after the other falls due."""
    ahead = Ahead(folder / "clocks")
    command = [sys.executable, "-m", "tests.crashes.far_side", str(folder / "clocks"), str(tickets), str(seed), json.dumps(faults)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as helpdesk:
        try:
            made = Stage(folder, tickets, ahead, helpdesk, json.loads(_line(helpdesk.stdout)))
            made.write()
            yield made
        finally:
            helpdesk.kill()


def survive(folder: Path, kills: int, seed: int) -> Counter[str]:
    """Kill hoist so often, and judge; what was seen. Raises AssertionError where a promise was broken."""
    chance = random.Random(seed)
    with stage(folder, 6 * kills + 6, seed=seed) as scene:
        for _ in range(kills):
            scene.kill_one(chance)
        scene.come_to_rest()
        return scene.judge()
