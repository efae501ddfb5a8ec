"""A service desk with hoist beside it: Anna answers the phone, Bert runs operations, Ruth waits for her ticket.

The helpdesk lives in memory and the store in a real file; both run on one clock that stands until it is told to jump.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import ClassVar, Final

from sqlalchemy import Connection

from agent.clock import SteppedClock
from agent.in_force import kept_texts
from agent.in_force.ruling import Ruling
from agent.in_force.wording import wording
from agent.journal.sealing import seal
from agent.journal.verification import verify
from agent.pipeline import Pipeline
from agent.store import journal, operations, sources, waiting
from agent.store.database import Database, open_database
from agent.store.installation import read_or_make
from agent.store.operations import OperationRow
from agent.store.states import RowState
from agent.store.waiting import WaitingRow
from connectors.contract import Reading, Receipt, Verification
from connectors.memory import MemoryConnector, MemoryHelpdesk, MemorySettings
from connectors.memory_helpdesk import ACCOUNT, Comment, Save, StoredTicket
from rules.binding import bind
from rules.escalation import Operation
from rules.instants import HOUR, MINUTE, SECOND, Instant
from rules.protocol.actions import Comment as Say
from rules.protocol.actions import Escalate
from rules.protocol.conditions import All, Condition, Held, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.organisation import Chain, Organisation, PriorityLevel, Team, Tier
from rules.protocol.rule import Existing, Mode, Repeat, Rule, Step
from rules.protocol.rulebook import Rulebook
from rules.ticket import Kind
from rules.world import World

SOURCE: Final = "desk"
MONDAY: Final = 1_772_438_400_000  # 2026-03-02T08:00:00Z
POLL: Final = 5 * MINUTE
TEAMS: Final = {"sd": "Service Desk", "ops": "Operations", "eng": "Engineering"}
PRIORITIES: Final = {"p1": "Urgent", "p2": "High", "p3": "Normal"}
ORGANISATION: Final = Organisation(
    priorities=tuple(PriorityLevel(key.upper(), {SOURCE: (name,)}) for key, name in PRIORITIES.items()),
    teams={key: Team(key, {SOURCE: (name,)}) for key, name in TEAMS.items()},
    chains={"line": Chain("line", tuple(Tier(key) for key in TEAMS))},
)
OPEN: Final = State("status", OneOf(("new", "open")))
UNOWNED: Final = Held(All((OPEN, State("assignee", OneOf((None,))))), Duration(15 * MINUTE))


def rule(name: str = "nobody-took-it", condition: Condition = UNOWNED, **more: object) -> Rule:
    """A live rule that moves a ticket without an owner up the line, and says so."""
    made = Rule(name, name.replace("-", " "), condition, (Step((Escalate("line"), Say("Moved to {team}."))),), mode=Mode.LIVE)
    actions = more.pop("actions", None)
    if actions is not None:
        more["steps"] = (Step(actions),)  # type: ignore[arg-type]
    return replace(made, **more)  # type: ignore[arg-type]


def again(minutes: int, at_most: int) -> Repeat:
    return Repeat(Duration(minutes * MINUTE), at_most)


LONG: Final = 2 * HOUR
NEVER: Final = rule("never", State("labels", OneOf(("no such label",))))
ALL_EXISTING: Final = Existing(None)


class Killed(BaseException):
    """The process ends here; nothing in hoist may catch it."""


class Mortal:
    """Counts the places where a process can end, and ends it at one of them."""

    def __init__(self, dies_at: int = 0) -> None:
        self.dies_at, self.places = dies_at, 0

    def pass_by(self) -> None:
        """One more place."""
        self.places += 1
        if self.places == self.dies_at:
            raise Killed


class MortalDatabase(Database):
    """Before and after each commit of a transaction there is a place to die."""

    mortal: Mortal

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as db:
            yield db
            self.mortal.pass_by()
        self.mortal.pass_by()


class MortalConnector(MemoryConnector):
    """Before and after each read, write and verification there is a place to die."""

    mortal: Mortal

    def read(self, ids: Sequence[str]) -> Reading:
        self.mortal.pass_by()
        found = super().read(ids)
        self.mortal.pass_by()
        return found

    def write(self, operation: Operation) -> Receipt:
        self.mortal.pass_by()
        found = super().write(operation)
        self.mortal.pass_by()
        return found

    def verify(self, operation: Operation) -> Verification:
        self.mortal.pass_by()
        found = super().verify(operation)
        self.mortal.pass_by()
        return found


class Desk:
    """The whole. `store`, `clock` and `helpdesk` outlive the process; the rest is made anew by `start`."""

    organisation = ORGANISATION
    world = World()
    opened: ClassVar[list[Desk]] = []  # by the test that runs

    def __init__(self, folder: Path, *rules: Rule, page_size: int = 50, poll: int = POLL, start: Instant = MONDAY) -> None:
        self.poll = poll
        self.clock = SteppedClock(start)
        self.helpdesk = MemoryHelpdesk(self.clock.now, teams=TEAMS, priorities=PRIORITIES)
        for name, kind in (("anna", Kind.STAFF), ("bert", Kind.STAFF), ("ruth", Kind.REQUESTER)):
            self.helpdesk.enrol(name, name.title(), kind)
        self.settings = MemorySettings(page_size=page_size)
        self.store = folder / "hoist.db"
        self.chance = Random(folder.name)  # the same installation in each run: what texts are alike hangs on its key
        self.rules = rules or (rule(),)
        self.turns = 0
        self.database = open_database(self.store)
        self.connector, self.pipeline = self.worker()
        Desk.opened[:] = [*Desk.opened[-9:], self]

    # --- hoist -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """A new process on the same store."""
        self.database.close()
        self.database = open_database(self.store)
        self.restart()

    def restart(self, mortal: Mortal | None = None) -> None:
        """As `start`, without the price of opening the file: nothing is remembered but what was committed."""
        self.connector, self.pipeline = self.worker(mortal)

    def worker(self, mortal: Mortal | None = None) -> tuple[MemoryConnector, Pipeline]:
        """A process of its own on the same store and helpdesk."""
        connector, database = MemoryConnector(SOURCE, self.settings, helpdesk=self.helpdesk), self.database
        if mortal is not None:
            database, connector = MortalDatabase(database.engine), MortalConnector(SOURCE, self.settings, helpdesk=self.helpdesk)
            database.mortal = connector.mortal = mortal
        with self.database.transaction() as db:
            self.installation = read_or_make(db, lambda size: self.chance.randbytes(size).hex())
            sources.source_row(db, SOURCE)
        pipeline = Pipeline(SOURCE, connector, database, self.installation, self.clock, self.poll)
        pipeline.source_clock.observe(connector.identify().server_time)
        self._rule_by(connector, pipeline)
        return connector, pipeline

    def rule_by(self, *rules: Rule) -> None:
        """A new protocol."""
        self.rules = rules
        self._rule_by(self.connector, self.pipeline)

    def _rule_by(self, connector: MemoryConnector, pipeline: Pipeline) -> None:
        version = str(hash(self.rules))
        book = Rulebook(self.organisation, tuple(replace(r, order=n) for n, r in enumerate(self.rules)), version)
        with self.database.transaction() as db:
            former = kept_texts.former_texts(db, SOURCE, book)
            bound = bind(book, SOURCE, connector.directory(), self.world, self.installation.key, former)
            activated = sources.activate(db, SOURCE, {r.id: r.rule.mode for r in bound.rules}, pipeline.source_clock.now())
            reworded = sources.reword(db, SOURCE, {r.id: wording(r.rule) for r in bound.rules}, pipeline.source_clock.now())
            before = sources.source_row(db, SOURCE).looked_with
            now = pipeline.source_clock.now()
            kept_texts.note(db, bound, now, self.clock.now(), changed=before != version)
            generation = sources.new_generation(db, SOURCE, version)
        resolution = connector.capabilities.date_resolution
        pipeline.rule_by(Ruling(bound, activated, generation, resolution, reworded=reworded))

    def run(self, milliseconds: int, *, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Turn by turn: the clock stands while hoist works, then jumps to whatever comes next."""
        end = self.clock.now() + milliseconds
        while True:
            self.pipeline.turn()
            self.turns += 1
            meanwhile()
            if self.clock.now() >= end:
                return
            due = self.pipeline.next_due()
            assert due > self.clock.now(), "time goes on"
            self.clock.jump(min(due, end))

    def let_it_fall_due(self, ticket: str) -> None:
        """A quarter of an hour goes by; the step is planned and not written yet."""
        self.run(15 * MINUTE)
        self.clock.jump(self.clock.now() + 2 * SECOND)
        assert self.pipeline.look()
        assert self.states(ticket) == [RowState.PLANNED]

    def rows(self, ticket: str | None = None) -> list[WaitingRow]:
        with self.database.reading() as db:
            return waiting.of_source(db, SOURCE) if ticket is None else waiting.of_ticket(db, SOURCE, ticket)

    def states(self, ticket: str | None = None) -> list[RowState]:
        return [row.state for row in self.rows(ticket)]

    def operations(self, ticket: str) -> list[OperationRow]:
        with self.database.reading() as db:
            return operations.of_ticket(db, SOURCE, ticket)

    def said(self) -> str:
        """The whole journal as text."""
        seal(self.database, "desk", self.clock.now())
        with self.database.reading() as db:
            assert verify(db).findings == ()
            return "\n".join(str(line) for line in journal.lines(db))

    def journal(self, kind: str) -> list[journal.Line]:
        with self.database.reading() as db:
            return list(journal.lines(db, kind=kind))

    # --- the far side ----------------------------------------------------------------------------------------------

    def ticket(self, *, team: str = "sd", priority: str = "p3", **fields: object) -> str:
        """Ruth opens a ticket that nobody owns."""
        return self.helpdesk.create("ruth", team=team, priority=priority, **fields)  # type: ignore[arg-type]

    def stored(self, ticket: str) -> StoredTicket:
        stored = self.helpdesk.ticket(ticket)
        assert stored is not None
        return stored

    def saves(self, ticket: str) -> list[Save]:
        """What hoist saved there."""
        return [save for save in self.stored(ticket).saves if save.by == ACCOUNT]

    def notes(self, ticket: str) -> list[Comment]:
        """What hoist commented there."""
        return [comment for comment in self.stored(ticket).comments if comment.by == ACCOUNT]

    def team(self, ticket: str) -> object:
        return self.stored(ticket).fields["team"]

    def asked(self, kind: str) -> int:
        """How many requests of a kind reached the helpdesk."""
        return sum(request.kind == kind for request in self.helpdesk.requests)


def moved_once(desk: Desk, ticket: str, team: str = "ops") -> None:
    """One save and one note, the move in the save; and hoist knows that it is done."""
    assert [[(i.field, i.new) for i in save.items] for save in desk.saves(ticket)] == [[("team", team)]], desk.said()
    assert len(desk.notes(ticket)) == 1, desk.said()
    assert not desk.notes(ticket)[0].public
    assert desk.states(ticket) == [RowState.APPLIED], desk.said()
