"""The stage of true crashes: a helpdesk in one process, hoist in another, and what must hold between them at the end."""

from __future__ import annotations

import io
import json
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from agent.store import waiting
from agent.store.database import open_database
from rules.instants import MINUTE
from tests.agent.command_line import ORGANISATION, RULES, Running, Said
from tests.crashes.clocks import Ahead
from tests.crashes.far_side import BETWEEN, TAKEN_AFTER, TAKEN_EVERY
from tests.crashes.program import main

SOURCE: Final = "desk"
FAULTS: Final[Mapping[str, Mapping[str, float]]] = {
    "jira": {
        "lost-answer": 0.08,
        "refused-before": 0.02,
        "html-503": 0.01,
        "too-many-requests-without-retry-after": 0.005,
        "conflict-409": 0.02,
        "stale-search": 0.1,
    },
    "servicenow": {
        "lost-answer": 0.08,
        "refused-before": 0.02,
        "html-503": 0.01,
        "too-many-requests-without-retry-after": 0.005,
        "accepted-202": 0.02,
        "cancelled-500": 0.01,
        "failed-500-after": 0.02,
    },
    "zendesk": {
        "lost-answer": 0.08,
        "refused-before": 0.02,
        "html-503": 0.01,
        "too-many-requests-without-retry-after": 0.005,
        "database-conflict": 0.02,
        "failed-500-after": 0.02,
    },
}
"""By platform: what goes wrong at the helpdesk, and how often."""
NONE: Final[Mapping[str, float]] = {}
PROGRAM: Final = (sys.executable, "-m", "tests.crashes.program")
PROJECT: Final = Path(__file__).parents[2]
BESIDE: Final = frozenset({"reassignment_count"})
"""What a platform counts by itself in a save."""
SETTLED: Final = frozenset({"applied", "superseded", "overruled"})
JUMPS: Final = (0, 0, 1 * MINUTE, 2 * MINUTE, 4 * MINUTE, 10 * MINUTE)
"""What may pass between a death and the next start: a lease, a request's life, or what makes it an outage."""
LATEST_DEATH: Final = 0.6
"""Seconds after its beginning to run within which a hoist is killed."""
EARLY: Final = 0.2
"""How many of all are killed while they start."""
ROUNDS: Final = 12
"""Turns in a row that settle nothing."""
LONGEST: Final = 9 * MINUTE
"""More than a lease and a request's life together."""
PATIENCE: Final = 90
LOOK_AGAIN: Final = 0.02
NOT_NOW: Final = re.compile(r"then try again|start hoist again in")
"""Is said by a hoist that does not start, since the helpdesk did not let it in then; who supervises it starts it again."""


@dataclass
class Stage:
    """A helpdesk that listens, hoist.yaml and protocol/ in a folder, and the clocks of both sides."""

    folder: Path
    tickets: int
    ahead: Ahead
    helpdesk: subprocess.Popen[str]
    told: dict[str, Any]
    seen: Counter[str] = field(default_factory=Counter)

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

    def until_written(self, number: int) -> None:
        """Returns once the helpdesk has accepted so many writes."""
        until(lambda: len(self.ask("record")["effects"]) >= number, f"{number} writes were made")

    # --- hoist -----------------------------------------------------------------------------------------------------------

    def write(self, url: str = "", **settings: object) -> None:
        """hoist.yaml, leading to another address if need be, and the protocol."""
        source = {**self.told["settings"], "poll_every": "1 second", "requests_per_second": 1_000}
        if url:
            source["url"] = url
        found = {"sources": {SOURCE: source}, "after_outage": "all", "limits": "none", **settings}
        self.config.write_text(json.dumps(found), encoding="utf-8")
        protocol = self.folder / "protocol"
        protocol.mkdir(exist_ok=True)
        (protocol / "organisation.yaml").write_text(self._organisation(), encoding="utf-8")
        (protocol / "rules.yaml").write_text(RULES, encoding="utf-8")

    def _organisation(self) -> str:
        """In the platform's own words."""
        organisation = ORGANISATION.replace("jira:", f"{SOURCE}:")
        for ours, theirs in zip(("Highest}", "High}"), self.told["priorities"], strict=True):
            organisation = organisation.replace(f"{SOURCE}: {ours}", f"{SOURCE}: {json.dumps(theirs)}}}")
        return organisation

    def words(self, *arguments: str) -> list[str]:
        """The words of a command, after those that tell the clocks."""
        words, rest = (arguments[:2], arguments[2:]) if arguments[0] == "journal" else (arguments[:1], arguments[1:])
        return [str(self.folder / "clocks"), *words, "--config", str(self.config), *rest]

    def hoist(self, *arguments: str) -> Said:
        """What a command of the program answers; it is given in this process."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main(self.words(*arguments))
            except SystemExit as end:
                return Said(int(end.code or 0), out.getvalue(), err.getvalue())

    @contextmanager
    def running(self, *, file_size: int = 0) -> Iterator[Running]:
        """`hoist run` in a process of its own, killed where it is left running; no file grows beyond `file_size` bytes."""
        limit = ["--file-size", str(file_size)] if file_size else []
        command = [*PROGRAM, *limit, *self.words("run")]
        with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield Running(process)
            finally:
                process.kill()
                process.wait()
        self.ask("quiet")  # what it had sent is dealt with before time passes

    def kill_one(self, chance: random.Random) -> None:
        """Start a hoist and kill it at a random instant: while it starts, or within its first turns."""
        early = chance.random() < EARLY
        with self.running() as hoist:
            runs = early or _runs(hoist)
            _lives_on(hoist, chance.uniform(0, 2 * LATEST_DEATH if early else LATEST_DEATH))
            if hoist.process.poll() is None:
                hoist.process.kill()
                hoist.process.wait()
                self.seen["killed while it started" if early else "killed while it ran"] += 1
            else:
                said = hoist.rest()
                assert NOT_NOW.search(said[1]), said
                self.seen["not started"] += 1
                runs = False
        self.ahead.go_on(chance.choice(JUMPS))
        if not runs and not early:
            self.kill_one(chance)

    def come_to_rest(self) -> None:
        """Everything becomes due, and hoist has the time to find out what became of each write, one turn after the other."""
        self.ahead.go_on(self.tickets * BETWEEN + TAKEN_AFTER)
        idle, least = 0, self.tickets
        while idle < ROUNDS:
            said = self.hoist("run", "--once")
            assert said.code in (0, 1) or NOT_NOW.search(said.err), said
            if said.code == 0 and not self.unsettled():
                return
            self.ask("calm")
            self.ahead.go_on(LONGEST)
            # A turn writes until the next poll is due, which on a busy machine is not much of it.
            left = sum(self.unsettled().values())
            idle, least = (0, left) if left < least else (idle + 1, least)
        raise AssertionError(f"nothing came of {ROUNDS} turns: {self.unsettled()}, {self.hoist('status').words}")

    def unsettled(self) -> dict[str, int]:
        """Changes whose end is not known, by state."""
        with closing(open_database(self.store)) as database, database.reading() as db:
            states = Counter(row.state.value for row in waiting.of_source(db, SOURCE))
        return {state: number for state, number in states.items() if state not in SETTLED}

    # --- what must hold --------------------------------------------------------------------------------------------------

    def judge(self) -> Counter[str]:
        """Each escalation is there once, fields and comment, none is lost, and the journal says the same; what was seen."""
        record = self.ask("record")
        lines = [json.loads(line) for line in self.hoist("journal", "export").out.splitlines()]
        told = {kind: _told(lines, kind) for kind in ("fields-applied", "comment-applied")}
        written = 0
        for name, ticket in record["tickets"].items():
            saved, said = self._of(ticket)
            assert (saved, said) in ((0, 0), (1, 1)), f"{name}: {saved} saves, {said} comments: {ticket}"
            journaled = tuple(told[kind][ticket["id"]] for kind in ("fields-applied", "comment-applied"))
            # Where one request holds both, the journal names it once.
            expected = (saved, said if "comment" in self.told["writes"] else 0)
            assert journaled == expected, f"{name}: the journal tells of {journaled}: {_of_ticket(lines, ticket['id'])}"
            assert saved or int(name[1:]) % TAKEN_EVERY == TAKEN_EVERY - 1, f"{name} was lost"
            written += saved
        effects = Counter(effect["marker"] for effect in record["effects"])
        assert set(effects.values()) <= {1}, f"writes that took effect twice: {effects.most_common(3)}"
        assert all(effects), "a write that names no operation"
        assert len(record["tickets"]) == self.tickets
        verified = self.hoist("journal", "verify")
        assert verified.code == 0, verified
        return Counter(tickets=self.tickets, escalations=written, writes=len(record["effects"]), **self.seen)

    def _of(self, ticket: Mapping[str, Any]) -> tuple[int, int]:
        """How often hoist's account moved a ticket, and how often it said so."""
        assert not any(ticket["public"]), ticket
        saved = Counter(name for name, _, _ in ticket["saves"] if name not in BESIDE)
        moves = [save for save in ticket["saves"] if save == ["team", *self.told["teams"]]]
        assert saved == Counter({name: len(moves) for name in ("team", "labels") if moves}), ticket
        return len(moves), len(ticket["public"])


def _told(lines: list[Any], kind: str) -> Counter[str]:
    """How many operations of each ticket took effect; an answer that came too late is told beside what was found meanwhile."""
    told = {(line["ticket"], line["data"]["operation"]) for line in lines if line["kind"] in (kind, f"late-{kind}")}
    return Counter(ticket for ticket, _ in told)


def _of_ticket(lines: list[Any], ticket: str) -> list[tuple[str, Any]]:
    """What the journal tells of a ticket."""
    return [(line["kind"], line["data"]) for line in lines if line["ticket"] == ticket]


def until(holds: Callable[[], bool], what: str) -> None:
    """Returns once it holds; fails after a while."""
    between, ended = threading.Event(), time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < ended, f"within {PATIENCE} seconds: {what}"
        between.wait(LOOK_AGAIN)


def _runs(hoist: Running) -> bool:
    """Waits until it begins its first turn; False where the helpdesk did not let it in."""
    try:
        hoist.wait_until_it_runs()
    except AssertionError:
        assert NOT_NOW.search(hoist.log), hoist.log
        return False
    return True


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
def stage(
    folder: Path, tickets: int, *, platform: str = "jira", seed: int = 0, faults: Mapping[str, float] | None = None
) -> Iterator[Stage]:
    """A stage with a working hoist.yaml, and tickets of which one after the other falls due."""
    ahead = Ahead(folder / "clocks")
    command = [
        sys.executable,
        "-m",
        "tests.crashes.far_side",
        str(folder / "clocks"),
        platform,
        str(tickets),
        str(seed),
        json.dumps(FAULTS[platform] if faults is None else faults),
    ]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as helpdesk:
        try:
            made = Stage(folder, tickets, ahead, helpdesk, json.loads(_line(helpdesk.stdout)))
            made.write()
            yield made
        finally:
            helpdesk.kill()


def survive(
    folder: Path, kills: int, seed: int, say: Callable[[str], object] = lambda _: None, *, platform: str = "jira"
) -> Counter[str]:
    """Kill hoist so often, and judge; what was seen. Raises AssertionError where a promise was broken."""
    chance = random.Random(seed)
    with stage(folder, 6 * kills + 6, platform=platform, seed=seed) as scene:
        for number in range(1, kills + 1):
            scene.kill_one(chance)
            if number % 10 == 0:
                say(f"{number} times killed")
        scene.come_to_rest()
        return scene.judge()
