"""A plan over a mirror of 1,000,000 open tickets after a one-rule change, and a forecast of eight hours over them.

    python -m benchmarks.plan [--tickets N] [--processes N]

The tickets are those of `benchmarks.tick`, opened over the last hours, each with eight changes and three messages. Every
hundredth has been without an owner for a while, so that rules come to hold on it within the day. The plan compares the rules with
the same ones of which one waits 20 business minutes instead of 30; helpdesks are not asked. CPU seconds are those of all
processes; memory is that of the largest one.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final

from agent.clock import SystemClock
from agent.config import load_settings
from agent.evaluate import decide
from agent.in_force.protocol_files import files_of, library, load_protocol, world_of
from agent.in_force.ruling import Ruling
from agent.in_force.wording import wording
from agent.plan.forecasting import forecast
from agent.plan.planning import Planning, changed_texts
from agent.store import mirrored, rulebooks, sources
from agent.store.database import open_database
from agent.store.installation import read_or_make
from agent.store.mirrored import Kept
from agent.store.rulebooks import Texts
from benchmarks import organisation
from benchmarks.measured import machine
from benchmarks.organisation import SOURCE
from benchmarks.tick import BERT, ticket
from rules.binding import BoundRules, bind
from rules.instants import HOUR, MINUTE, Instant
from rules.ticket import Message, Ticket, TicketRef
from rules.world import Directory

TEMPLATES: Final = 1_000
BATCH: Final = 10_000
EIGHT_HOURS: Final = 8 * HOUR
LOST: Final = 100
"""One ticket of so many has lost its owner a while ago: of a million, ten thousand are escalated within the day."""


def protocol(folder: Path) -> Path:
    """The rules in force in `protocol`, and beside them the changed ones in `changed`."""
    organisation.write(folder / "protocol")
    changed = organisation.write(folder / "changed")
    rules = changed / "rules.yaml"
    text = rules.read_text(encoding="utf-8")
    assert "after: 30 business minutes" in text
    rules.write_text(text.replace("after: 30 business minutes", "after: 20 business minutes"), encoding="utf-8")
    source = {"platform": "jira", "url": "https://example.atlassian.net", "username": "hoist@example.com", "token": "env:T"}
    scope = {"projects": ["ITSM"], "tier_field": {"kind": "select", "field": "customfield_10050"}}
    settings = {"store": "hoist.db", "sources": {SOURCE: source | scope}}
    (folder / "hoist.yaml").write_text(json.dumps(settings), encoding="utf-8")
    return folder / "hoist.yaml"


def directory() -> Directory:
    statuses = {id_: name for id_, (name, _) in organisation.STATUSES.items()}
    return Directory(organisation.TEAMS, organisation.PRIORITIES, statuses, version="1")


def answered(one: Ticket) -> Ticket:
    """The requester was answered, and no rule asks for more for the time being."""
    at = one.messages[-1].at + MINUTE
    return replace(one, messages=(*one.messages, Message(at, at, "3", BERT, public=True)), known=max(one.known, at))


def kept(number: int, ruling: Ruling, now: Instant) -> Iterator[Kept]:
    """So many open tickets, each with its next look under these rules."""
    rng = Random(number)
    made: list[Kept] = []
    for n in range(TEMPLATES):
        opened = now - rng.randrange(2 * HOUR, 10 * HOUR)
        lost = now - rng.randrange(MINUTE, 90 * MINUTE) if n % LOST == 0 else None
        one = answered(ticket(n, lost, opened, rng))
        made.append(Kept(one, 1, decide(one, (), (), ruling, now).next_look, ruling.generation))
    for n in range(number):
        same = made[n % TEMPLATES]
        one = replace(same.ticket, ref=TicketRef(SOURCE, str(n)), key=f"ITSM-{n}")
        yield Kept(one, same.urgency, same.next_look, same.generation)


def fill(config: Path, number: int) -> None:
    """The store of a hoist that judges by the rules of `protocol`."""
    settings, now = load_settings(config, {}), SystemClock().now()
    loaded = load_protocol(settings.protocol)
    with closing(open_database(settings.store)) as database:
        with database.transaction() as db:
            key = read_or_make(db).key
            sources.source_row(db, SOURCE)
            sources.set_directory(db, SOURCE, directory())
            sources.set_cursor(db, SOURCE, "1", now, now)
            sources.set_clock_ahead(db, SOURCE, 0)
            rulebooks.keep(db, loaded.rulebook.version, Texts(files_of(settings.protocol).texts, library()), now)
            bound: BoundRules = bind(loaded.rulebook, SOURCE, directory(), world_of(loaded.rulebook), key)
            long_ago = now - 30 * 24 * HOUR
            activated = sources.activate(db, SOURCE, {rule.id: rule.rule.mode for rule in bound.rules}, long_ago)
            sources.reword(db, SOURCE, {rule.id: wording(rule.rule) for rule in bound.rules}, long_ago)
            generation = sources.new_generation(db, SOURCE, f"{loaded.rulebook.version}/1/{bound.world.version}")
        found = kept(number, Ruling(bound, activated, generation, 0), now)
        while batch := list(islice(found, BATCH)):
            with database.transaction() as db:
                mirrored.keep(db, batch)
        database.settle()


def measured(what: str, tickets: int, processes: int, work: Callable[[], str]) -> None:
    """One line: how long it took, and what it came to."""
    before, begun = _cpu(), time.perf_counter()
    said = work()
    seconds, spent = time.perf_counter() - begun, _cpu() - before
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(
        f"{what} over {tickets:,} tickets: {seconds:.1f} s on {processes} processes, {spent:.1f} s of CPU, "
        f"{1e6 * spent / tickets:.0f} us a ticket, peak {peak:.0f} MiB a process; {said}",
        flush=True,
    )


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        config = protocol(Path(name))
        fill(config, options.tickets)
        settings, told = load_settings(config, {}), list[int]()

        def planned() -> str:
            planning = Planning(settings, changed_texts(Path(name) / "changed"), offline=True)
            found = planning.planned(lambda done, _: told.append(done), options.processes).found
            assert found.tickets == options.tickets
            done = f"{len(found.now)} at once, {len(found.later)} within a day, {len(found.dropped)} no longer"
            return f"{done}, {found.left.total()} left alone"

        def foreseen() -> str:
            now = SystemClock().now()
            found = forecast(settings, EIGHT_HOURS, now, lambda done, _: told.append(done), options.processes)
            return f"{found.judged} judged, {len(found.expected)} escalations to come"

        measured("a plan after a one-rule change", options.tickets, options.processes, planned)
        measured("a forecast of 8 hours", options.tickets, options.processes, foreseen)
        assert told
    print(machine())


if __name__ == "__main__":
    main()
