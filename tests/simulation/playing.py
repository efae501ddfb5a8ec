"""A story played from its beginning to its end: processes live, die, freeze and are started again; the world goes on."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unittest.mock import patch

from sqlalchemy import event

from agent.app import App
from agent.config import Settings, load_settings
from agent.errors import ConfigError
from agent.in_force.protocol_files import load_protocol
from agent.pipeline import Pipeline
from agent.store import journal, operations
from agent.store.database import Database, open_database
from agent.store.installation import Installation, read_or_make
from agent.store.states import OperationState
from connectors.errors import TryLater
from rules.instants import MINUTE, SECOND, Instant
from rules.rulebook import Loaded
from rules.ticket import Ticket
from tests.simulation.auditing import Audited, audited
from tests.simulation.clocks import MachineClock, TrueTime
from tests.simulation.desk import LABELS, SOURCE, write_files
from tests.simulation.helpdesk import WRITES, Asked, Helpdesk
from tests.simulation.ordering import Orders, Rest
from tests.simulation.stops import Killed, StoppingDatabase, Watch, on_the_wire
from tests.simulation.story import ClockSet, Crash, Freeze, Item, Ordered, Restore, Story, clock_time
from tests.simulation.telling import Telling
from tests.simulation.wire import Struck, Wire

START_AGAIN: Final = 30 * SECOND
"""After how long a hoist that could not start is started again, by whatever supervises it."""
MOST_TURNS: Final = 10_000
"""Six hours take some hundred."""
RECOVERY: Final = 9 * MINUTE
"""A lease that ends, the longest life of a request, and looking for its marker."""


class Stalled(BaseException):
    """A play does not come to its end. Nothing in hoist may catch it."""


@dataclass
class Played:
    """What is left when a story is over; the store is open. `tickets` are those that hoist can see, read afresh."""

    story: Story
    helpdesk: Helpdesk
    database: Database
    pipeline: Pipeline
    tickets: Sequence[Ticket]
    installation: Installation
    struck: list[Struck]
    audited: Audited
    restored: list[tuple[Instant, Instant]] = field(default_factory=list)  # when, back to when
    rests: list[Rest] = field(default_factory=list)
    crashes: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)  # promises that were seen broken on the way
    digest: str = ""


@dataclass
class _Process:
    """One hoist: its store and what it is made of."""

    database: StoppingDatabase
    app: App
    dead: bool = False


class World:
    """A story under way, in a folder of its own."""

    def __init__(self, folder: Path, story: Story, *, trace: list[str] | None = None) -> None:
        self.story = story
        self.true = TrueTime(story.start)
        self.clock = MachineClock(self.true, story.skew)
        self.helpdesk = Helpdesk(story, self.true)
        self.wire = Wire(story, self.true, self.helpdesk)
        self.wire.trace = trace
        self.wire.reached = self._request
        self.helpdesk.log = self.wire.log
        far = self.helpdesk.far
        far.sandbox.make_labels(LABELS)
        self.telling = Telling(story, self.true.now, far, self.helpdesk.later)
        self.telling.knock, self.telling.log = self._knock, self.wire.log
        config = write_files(folder, far.sandbox, far.settings(story.page_size), self.telling.secret)
        self.settings: Settings = load_settings(config, {})
        self.loaded: Loaded = load_protocol(self.settings.protocol)
        self.watch = Watch()
        self.process: _Process | None = None
        self.frozen = False
        self.crashes: Counter[int] = Counter()
        self.restored: list[tuple[Instant, Instant]] = []
        self.wrong: list[str] = []
        self._armed: list[Crash | Freeze] = [item for item in story.items if isinstance(item, Crash | Freeze)]
        self._down = 0
        self._copies: dict[Instant, bytes] = {}
        self._to_copy = sorted(item.back_to for item in story.items if isinstance(item, Restore))
        self._to_do: list[Item] = sorted(
            (item for item in story.items if isinstance(item, ClockSet | Restore)), key=lambda item: item.at, reverse=True
        )
        self._to_say = sorted((item for item in story.items if isinstance(item, Ordered)), key=lambda item: item.at)
        self.orders = Orders(self.clock, self.true.now, self.settings.store, self.helpdesk.id_of, self.wire.log)
        self._make_installation()

    def _make_installation(self) -> None:
        """A store whose markers are those of the seed."""
        chance = random.Random(f"installation/{self.story.seed}")
        database = open_database(self.settings.store)
        with database.transaction() as db:
            self.installation = read_or_make(db, lambda size: chance.randbytes(size).hex())
        database.close()

    # --- the stops -------------------------------------------------------------------------------------------------------

    def _request(self, where: str, asked: Asked) -> None:
        process = self._running()
        if process.dead:
            raise Killed
        if process.database.open:
            self._broken("a request left while a transaction was open")
        if where == "before" and asked.kind in WRITES:
            self._must_be_committed(asked)
        self._reach(process, on_the_wire(where, asked, self.watch.claimed), asked.ticket)

    def _knock(self, headers: Mapping[str, str], body: bytes) -> int:
        """The platform calls: what is dead, or has not begun, answers nothing."""
        process = self.process
        if process is None or process.dead or process.app.intake is None:
            return 0
        return process.app.intake.take(SOURCE, headers, body).status

    def _reach(self, process: _Process, stop: int, _ticket: str) -> None:
        """A process has come to a stop: it may end there, or freeze. Stop 0 is none: the dead do nothing."""
        if process.dead:
            raise Killed
        if not stop or self.wire.calm:
            return
        if stop == 11 and self._to_copy:
            self._copy()
        for item in self._armed:
            if item.at > self.true.now() or item.stop != stop:
                continue
            if isinstance(item, Crash):
                self._armed.remove(item)
                self._kill(process, item.stop, item.down)
            elif not self.frozen and stop not in {1, 8}:
                self._armed.remove(item)
                self._freeze(item)
                return

    def _kill(self, process: _Process, stop: int, down: int) -> None:
        process.dead = True
        self.crashes[stop] += 1
        self._down = down
        self.wire.log(f"killed at {stop}")
        now = self.true.now()
        self.wire.struck.append(Struck(now, now + down + RECOVERY, "crash"))
        raise Killed

    def _freeze(self, item: Freeze) -> None:
        """Another process takes over while this one stands still, in the midst of what it does."""
        self.frozen, frozen = True, self.process
        self.crashes[13] += 1
        self.wire.log(f"frozen at {item.stop}")
        now = self.true.now()
        self.wire.struck.append(Struck(now, now + item.length + RECOVERY, "freeze"))
        self.process = None
        try:
            self._live(until=min(now + item.length, self.story.end))
        finally:
            self._stop()
            self.process, self.frozen = frozen, False
        self.wire.log("thawed")

    def _must_be_committed(self, asked: Asked) -> None:
        """Nothing leaves that the store does not know as sent."""
        with self._running().database.reading() as db:
            known = operations.of_ticket(db, SOURCE, asked.ticket)
        marker = self.helpdesk.far.marked(asked.body).marker
        self.helpdesk.decided |= {row.operation.marker: row.operation for row in known}
        if not any(row.state is OperationState.SENT and row.operation.marker == marker for row in known):
            self._broken(f"a request for {asked.ticket} left that was not committed as sent")

    def written_down(self) -> str:
        """A digest of all that the store holds, but for what names this process."""
        whole = hashlib.sha256()
        with sqlite3.connect(self.settings.store) as db:
            for line in db.iterdump():
                if line.startswith("INSERT") and not line.startswith('INSERT INTO "leases"'):
                    whole.update(line.encode())
        db.close()
        return whole.hexdigest()

    def _broken(self, said: str) -> None:
        self.wrong.append(f"{said} ({self.true.now() - self.story.start} ms after the start)")

    def _running(self) -> _Process:
        if self.process is None:
            raise RuntimeError("no hoist runs")
        return self.process

    # --- processes -------------------------------------------------------------------------------------------------------

    def play(self) -> None:
        """From the beginning to the end; hoist runs when it is over."""
        while True:
            try:
                self._live(until=self.story.end)
            except Killed:
                self._stop()
                self._pass(self._down)
                continue
            return

    def _live(self, until: Instant) -> None:
        """A process lives until an instant. Another one's death ends it at once, its own is survived by its successor."""
        frozen = self.frozen
        while self.true.now() < until:
            try:
                self._turns(until)
            except Killed:
                if not frozen:
                    raise
                self._stop()
                self._pass(self._down)

    def _turns(self, until: Instant) -> None:
        for _ in range(MOST_TURNS):
            if self.true.now() >= until:
                return
            self._do_what_is_due()
            if self.process is None and not self._start():
                self._pass(START_AGAIN)
                continue
            process = self._running()
            self._say_what_is_to_be_said(process)
            process.app.turn()
            if process.dead:
                raise Killed
            self._wait(process.app, until)
        raise Stalled(f"time does not go on: {MOST_TURNS:,} turns, and it is {clock_time(self.true.now())}")

    def _wait(self, app: App, until: Instant) -> None:
        """The clock jumps to whatever comes next."""
        due = app.next_due() - self.clock.offset
        others = [item.at for item in (*self._to_do[-1:], *self._to_say[:1]) if item.at > self.true.now()]
        self.true.reach(max(min(due, until, self.telling.next_arrival(), *others), self.true.now() + 1))
        self.helpdesk.catch_up()

    def _pass(self, milliseconds: int) -> None:
        self.true.go_on(milliseconds)
        self.helpdesk.catch_up()

    def _start(self) -> bool:
        """Start a hoist; False where it says that it can't."""
        engine = open_database(self.settings.store).engine
        # A killed process is an exception here: what it wrote stays written. Power cuts are played elsewhere.
        event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous = OFF"))
        engine.dispose()
        database = StoppingDatabase(engine, self.watch, lambda stop, ticket: self._reach(process, stop, ticket))
        process = _Process(database, App(self.settings, database, self.clock, load=lambda _: self.loaded))
        self.process = process
        with database.reading() as db:
            self.watch.begin(db)
        try:
            rests = process.app.start()
        except ConfigError as error:
            rests = {SOURCE: str(error)}
        if rests:
            self.wire.log(f"not started: {rests[SOURCE].replace(str(self.settings.store.parent), '')}")
            self._stop()
        return not rests

    def _stop(self) -> None:
        if self.process is not None:
            for pipeline in self.process.app.pipelines:
                with suppress(Exception):
                    pipeline.connector.close()
            self.process.database.close()
            self.process = None

    # --- what is done to the machine -------------------------------------------------------------------------------------

    def _do_what_is_due(self) -> None:
        if self.frozen:
            return
        while self._to_copy and self._to_copy[0] <= self.true.now():
            self._copy()
        while self._to_do and self._to_do[-1].at <= self.true.now():
            item = self._to_do.pop()
            if isinstance(item, ClockSet):
                self.clock.offset += item.by
                self.wire.counts["clock"] += 1
                self.wire.rest_longer(max(0, -item.by))
            elif isinstance(item, Restore):
                self._restore(item)

    def _say_what_is_to_be_said(self, process: _Process) -> None:
        """People wait until hoist runs, and until there is one of it."""
        pipelines = process.app.pipelines
        if self.frozen or not pipelines:
            return
        self.orders.look_around(pipelines[0])
        while self._to_say and self._to_say[0].at <= self.true.now():
            item = self._to_say.pop(0)
            self.wire.counts[item.what] += 1
            self.orders.give(item, pipelines[0])

    def _copy(self) -> None:
        """Keep a copy of the database as a backup would, where one will be restored."""
        if self._to_copy[0] > self.true.now():
            return
        with sqlite3.connect(self.settings.store) as db:
            self._copies[self._to_copy.pop(0)] = db.serialize()
        db.close()

    def _restore(self, item: Restore) -> None:
        copy = self._copies.get(item.back_to)
        if copy is None:
            return
        self._stop()
        now = self.true.now()
        self.restored.append((now, item.back_to))
        self.orders.restored()
        self.wire.counts["restore"] += 1
        self.wire.log("restored")
        self.wire.struck.append(Struck(now, now + item.down + RECOVERY, "restore"))
        for name in (
            self.settings.store,
            *(self.settings.store.with_name(self.settings.store.name + end) for end in ("-wal", "-shm")),
        ):
            name.unlink(missing_ok=True)
        self.settings.store.write_bytes(copy)
        self._pass(item.down)


@contextmanager
def played(
    story: Story, *, trace: list[str] | None = None, under: Callable[[], AbstractContextManager[object]] = nullcontext
) -> Iterator[Played]:
    """Play a story, and give what is left of it for the length of the block. It is played `under` a context, such as a mutant."""
    state = random.getstate()
    with ExitStack() as stack:
        stack.callback(random.setstate, state)
        random.seed(story.seed)  # the HTTP client's jitter
        salts = random.Random(f"salts/{story.seed}")
        stack.enter_context(patch.object(journal, "random_bytes", salts.randbytes))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hoist-simulation-")))
        world = World(folder, story, trace=trace)
        stack.callback(world.helpdesk.close)
        stack.enter_context(patch("connectors.sessions._Adapter", lambda **_: world.wire))
        stack.callback(world._stop)
        with under():
            world.play()
        yield _over(world)


class _Nothing:
    """A ledger that has seen nothing, so that every ticket is read again."""

    def unchanged(self, versions: object) -> list[str]:
        return []

    def mirrored(self, ids: object) -> list[str]:
        return []


def _read_afresh(world: World, pipeline: Pipeline) -> list[Ticket]:
    """Every ticket, as soon as the platform's quota allows for it."""
    while True:
        try:
            return [ticket for page in pipeline.connector.changed(None, _Nothing()) for ticket in page.tickets]
        except TryLater as error:
            world._pass(int(error.seconds * SECOND) + SECOND)


def _over(world: World) -> Played:
    world.wire.calm = True
    world.wire.log(world.written_down())
    if world.process is None and not world._start():
        raise RuntimeError("hoist can't be started when all is calm")
    process = world._running()
    tickets = _read_afresh(world, process.app.pipelines[0])
    faults = world.wire.counts + world.telling.counts
    return Played(
        world.story,
        world.helpdesk,
        process.database,
        process.app.pipelines[0],
        tickets,
        world.installation,
        world.wire.struck,
        audited(world.helpdesk.far.sandbox),
        world.restored,
        world.orders.rests,
        world.crashes,
        faults,
        [*world.wrong, *world.watch.older, *world.telling.wrong],
        world.wire.digest.hexdigest(),
    )
