"""One look at 100 tickets whose instant has come, among 10,000 to 1,000,000 open ones, beside the bare index look-up.

    python -m benchmarks.tick [--sizes 10000 100000 1000000] [--ticks 9]

Every ticket has a history of eight changes and two messages and the next look that the shipped rules gave it; one in five was
escalated before. At each tick 100 tickets have just been half an hour without an owner: `Pipeline.look` reads them, evaluates all
rules, records the episodes, plans the escalations with their reasons, and stores the next looks, in one transaction of a store
that survives a power cut. What the same turn does afterwards, while no ticket waits, is told in a column of its own: the write-
ahead log is brought home into the database, and the tickets that fall due within two polls are read and judged beforehand, so
that a look decides and records (at most 500 are held ready so; `agent.due_soon`). Beside it, where `bench/tick.py` of the folder
`shared` (or of HOIST_SHARED) is at hand: SQLite with an index and nothing else, a stand-in for the rules, and commits that a
power cut may undo. All sizes and both take turns.
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select

from agent.clock import SteppedClock
from agent.collector import spare_the_collector
from agent.evaluate import decide
from agent.in_force.protocol_files import library, world_of
from agent.in_force.ruling import Ruling
from agent.pipeline import Pipeline
from agent.store import episodes, mirrored, sources, tables
from agent.store.database import Database, open_database
from agent.store.episodes import EpisodeRow, Fired
from agent.store.installation import read_or_make
from agent.store.mirrored import Kept
from agent.store.states import RowState
from benchmarks import organisation
from benchmarks.measured import machine, table
from benchmarks.organisation import SOURCE
from connectors.memory import MemoryConnector
from rules.binding import BoundRules, bind
from rules.instants import DAY, HOUR, MINUTE, SECOND, Instant
from rules.rulebook import load
from rules.ticket import Actor, Change, Kind, Message, Ticket, TicketRef
from rules.world import Directory

DUE: Final = 100
FIRST_TICK: Final[Instant] = 1_772_542_800_000  # Tuesday, 2026-03-03, 14:00 in Amsterdam
RESOLUTION: Final = SECOND
WITHOUT_OWNER: Final = 30 * MINUTE  # of the rule nobody-took-it
TEMPLATES: Final = 500
BATCH: Final = 10_000

ANNA, BERT = Actor("anna", Kind.STAFF), Actor("bert", Kind.STAFF)
RUTH: Final = Actor("ruth", Kind.REQUESTER)


def bound_rules() -> BoundRules:
    texts = {"organisation.yaml": organisation.ORGANISATION, "rules.yaml": organisation.RULES}
    rulebook = load(texts, library()).rulebook
    statuses = {id_: name for id_, (name, _) in organisation.STATUSES.items()}
    return bind(rulebook, SOURCE, Directory(organisation.TEAMS, organisation.PRIORITIES, statuses), world_of(rulebook))


def ticket(number: int, lost_at: Instant | None, opened: Instant, rng: Random) -> Ticket:
    """An open ticket: nobody for an hour, then Anna; lost again at an instant, or never."""
    saves: list[tuple[Instant, str, str | None, str | None, Actor]] = [
        (opened + HOUR, "assignee", None, "anna", ANNA),
        (opened + HOUR + 2 * MINUTE, "priority", "4", "2", ANNA),
        (opened + HOUR + 5 * MINUTE, "team", "20001", "20002", ANNA),
        (opened + HOUR + 6 * MINUTE, "assignee", "anna", "bert", BERT),
        (opened + HOUR + 30 * MINUTE, "subject", "mail", "mail server", BERT),
        (opened + HOUR + 40 * MINUTE, "status", "open", "pending", BERT),
        (opened + HOUR + 50 * MINUTE, "status", "pending", "open", RUTH),
        (opened + HOUR + 55 * MINUTE, "type", "Request", "Incident", BERT),
    ]
    if lost_at is not None:
        saves[-1] = (lost_at, "assignee", "bert", None, BERT)
    changes = tuple(
        Change(at, at, n, str(10 * number + n), name, old, new, by) for n, (at, name, old, new, by) in enumerate(saves)
    )
    messages = (
        Message(opened, opened, "1", RUTH, public=True),
        Message(opened + 2 * HOUR, opened + 2 * HOUR, "2", ANNA, public=False),
    )
    return Ticket(
        ref=TicketRef(SOURCE, str(number)),
        key=f"ITSM-{number}",
        url=f"https://example.atlassian.net/browse/ITSM-{number}",
        version=str(changes[-1].at),
        created=opened,
        known=max(changes[-1].at, messages[-1].at) + SECOND,
        fields={
            "status": "open",
            "native_status": "1",
            "priority": "2",
            "team": "20002",
            "assignee": None if lost_at is not None else "bert",
            "labels": ("mail",),
            "requester": "ruth",
            "type": "Incident",
            "project": "ITSM",
            "service": None,
            "subject": "mail server",
            "description": " ".join(rng.choices(("printer", "floor", "mail", "server", "after", "update"), k=60)),
            "due": None,
        },
        changes=changes,
        messages=messages,
        complete_from=opened,
        native={"status": "Open", "priority": "High", "team": "Network Operations"},
    )


def tickets(number: int, ticks: int, ruling: Ruling) -> Iterator[Kept]:
    """So many tickets, 100 of them due at each tick, spread over the ids as chance has it; the others later or never."""
    rng = Random(number)
    ids = list(range(1, number + 1))
    rng.shuffle(ids)
    late = FIRST_TICK + DAY
    waiting = [ticket(0, None, FIRST_TICK - rng.randrange(2 * HOUR, 4 * HOUR), rng) for _ in range(TEMPLATES)]
    looks = [max(decide(one, (), (), ruling, FIRST_TICK).next_look, late) for one in waiting]
    for n, id_ in enumerate(ids):
        if n < DUE * ticks:
            tick = FIRST_TICK + n // DUE * MINUTE
            one = ticket(id_, tick - WITHOUT_OWNER, tick - 5 * HOUR, rng)
            next_look = decide(one, (), (), ruling, tick - MINUTE).next_look
            assert next_look == tick, (next_look, tick)
        else:
            same = waiting[n % TEMPLATES]
            one = replace(same, ref=TicketRef(SOURCE, str(id_)), key=f"ITSM-{id_}", url=f"{same.url[:-1]}{id_}")
            next_look = looks[n % TEMPLATES] + n
        yield Kept(one, 1, next_look, ruling.generation)


def fill(db: Connection, kept: Sequence[Kept]) -> None:
    """Tickets, and of every fifth the episode of its first hour with its row in the outbox, long since applied."""
    mirrored.keep(db, kept)
    before = [(k.ticket.ref.id, k.ticket.created) for k in kept if int(k.ticket.ref.id) % 5 == 0]
    rule, first = "nobody-took-it", 30 * MINUTE
    episodes.add(
        db,
        SOURCE,
        [
            EpisodeRow(
                id_, rule, 1, created, created + first, backlog=False, firings=(Fired((0,), created + first, created + HOUR),)
            )
            for id_, created in before
        ],
    )
    rows = [
        {
            "source": SOURCE,
            "ticket": id_,
            "rule": rule,
            "number": 1,
            "step": 0,
            "state": RowState.APPLIED,
            "instant": created + first,
            "planned_at": created + first,
            "not_before": created + first,
            "urgency": 1,
            "fence": 1,
            "lease_until": created + first,
            "settled_at": created + HOUR,
            "because": '["status is open since then", "assignee is nobody"]',
        }
        for id_, created in before
    ]
    if rows:
        db.execute(insert(tables.outbox), rows)


class Hoist:
    """A pipeline over a store with so many open tickets."""

    def __init__(self, folder: Path, number: int, ticks: int, rules: BoundRules) -> None:
        self.database: Database = open_database(folder / f"hoist{number}.db")
        self.afterwards: list[float] = []
        self.clock = SteppedClock(FIRST_TICK - MINUTE)
        connector = MemoryConnector(SOURCE)
        with self.database.transaction() as db:
            installation = read_or_make(db)
            sources.source_row(db, SOURCE)
        ruling = Ruling(rules, {rule.id: 0 for rule in rules.rules}, 1, RESOLUTION)
        self.pipeline = Pipeline(SOURCE, connector, self.database, installation, self.clock, MINUTE)
        self.pipeline.rule_by(ruling)
        found = tickets(number, ticks, ruling)
        while batch := list(islice(found, BATCH)):
            with self.database.transaction() as db:
                fill(db, batch)
        self.database.settle()

    def tick(self, number: int) -> float:
        """Seconds that one look takes; checks that it did what it should."""
        self.clock.jump(FIRST_TICK + number * MINUTE + RESOLUTION)
        before = self._planned()
        begun = time.perf_counter()
        looked = self.pipeline.look()
        seconds = time.perf_counter() - begun
        assert looked
        assert self._planned() - before == DUE
        assert not self.pipeline.look()
        begun = time.perf_counter()
        self.pipeline.rest()
        self.afterwards.append(time.perf_counter() - begun)
        return seconds

    def _planned(self) -> int:
        with self.database.reading() as db:
            place = tables.outbox.c.state == RowState.PLANNED
            return int(db.execute(select(func.count()).select_from(tables.outbox).where(place)).scalar_one())


def reference() -> Any:
    """The module of the bare look-up, or None with a loud word."""
    shared = Path(os.environ.get("HOIST_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "bench"
    if not (shared / "tick.py").is_file():
        print(
            f"NOT MEASURED: the bare index, since there is no {shared / 'tick.py'}; name its folder in HOIST_SHARED",
            file=sys.stderr,
        )
        return None
    sys.path.insert(0, str(shared))
    return importlib.import_module("tick")


def bare(module: Any, folder: Path, number: int) -> Callable[[int], float]:
    store = module.SQLite(folder, number)

    def tick(number: int) -> float:
        begun = time.perf_counter()
        handled = store.indexed(module.START + 60 * number)
        assert handled == DUE
        return time.perf_counter() - begun

    return tick


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--ticks", type=int, default=9, help="of each size; the first one warms up and is not counted")
    options = parser.parse_args()
    print(machine())
    rules, by_hand = bound_rules(), reference()
    candidates: dict[tuple[str, int], Callable[[int], float]] = {}
    afterwards: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        for size in options.sizes:
            begun = time.perf_counter()
            hoist = Hoist(folder, size, options.ticks, rules)
            stack.enter_context(closing(hoist.database))
            candidates["hoist", size], afterwards["hoist", size] = hoist.tick, hoist.afterwards
            megabytes = (folder / f"hoist{size}.db").stat().st_size / 1e6
            print(f"{size} open tickets stored in {time.perf_counter() - begun:.0f} s, {megabytes:.0f} MB", flush=True)
            if by_hand is not None:
                candidates["bare index", size] = bare(by_hand, folder, size)
        spare_the_collector()
        spent: dict[tuple[str, int], list[float]] = {candidate: [] for candidate in candidates}
        for number in range(options.ticks):
            for candidate, tick in candidates.items():
                spent[candidate].append(tick(number))
    report({candidate: seconds[1:] for candidate, seconds in spent.items()}, afterwards, options.sizes)
    print(machine())


def report(
    spent: dict[tuple[str, int], list[float]], afterwards: dict[tuple[str, int], list[float]], sizes: Sequence[int]
) -> None:
    rows: list[dict[str, object]] = []
    for (name, size), seconds in sorted(spent.items(), key=lambda each: each[0]):
        smallest = zip(seconds, spent[name, sizes[0]], strict=True)
        median, worst = statistics.median(seconds), max(seconds)
        row: dict[str, object] = {"look with 100 due": name, "open tickets": size, "median ms": f"{median * 1e3:.2f}"}
        later = afterwards.get((name, size))
        row |= {"best ms": f"{min(seconds) * 1e3:.2f}", "worst ms": f"{worst * 1e3:.2f}"}
        row["afterwards ms"] = f"{statistics.median(later[1:]) * 1e3:.2f}" if later else ""
        row[f"to {sizes[0]}"] = f"{statistics.median(a / b for a, b in smallest):.2f}"
        if ("bare index", size) in spent:
            row["to the bare index"] = f"{statistics.median(map(float.__truediv__, seconds, spent['bare index', size])):.1f}"
        rows.append(row)
    print(table(list(rows[0]), rows))


if __name__ == "__main__":
    main()
