"""The fourteen named points at which a process can end, told from what the store is about to commit and what is on the wire.

The names are those of section E of the stories. Nothing in hoist knows of them: a store handed to the agent says of each
transaction what it changed in the outbox, the wire says what left and what came back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from agent.store.database import Database
from rules.escalation import OperationKind
from rules.instants import Instant
from tests.simulation.helpdesk import WRITES, Asked

STOPS: Final = {
    1: "evaluated, not committed",
    2: "planned, not claimed",
    3: "claimed, not read",
    4: "read, not re-evaluated",
    5: "sent committed, no byte out",
    6: "byte out, not executed",
    7: "executed, answer lost",
    8: "answer here, receipt not committed",
    9: "fields done, comment not begun",
    10: "comment unknown",
    11: "receipt committed, own change not mirrored",
    12: "overwritten person detected, not yet put back",
    13: "lease lost while the process lives",
    14: "merged write, some of its firings superseded between commit and restart",
}
WITHIN: Final = frozenset({1, 8})
"""Those that lie before a commit, while its transaction is open."""


class Killed(BaseException):
    """The process ends here; nothing in hoist may catch it."""


@dataclass(frozen=True)
class _Seen:
    """The outbox as it was last committed: states by id, operations by key."""

    rows: Mapping[int, str]
    operations: Mapping[str, str]
    read: Mapping[str, Instant]  # by ticket: when the latest read was made that is in the mirror


class Watch:
    """What the outbox looked like after the last commit of anybody; one for a database file."""

    def __init__(self) -> None:
        self._seen = _Seen({}, {}, {})
        self.claimed: frozenset[str] = frozenset()
        self.older: list[str] = []  # writes that rest on an older read than the store had

    def begin(self, db: Connection) -> None:
        """A process starts on this store: what its predecessor was about to commit is forgotten."""
        older = list(self.older)
        self.look(db)
        self.older = older

    def look(self, db: Connection) -> set[int]:
        """The stops that the transaction under way passes; what it saw counts as committed."""
        cursor = db.connection.cursor()
        rows = cursor.execute("SELECT id, state, ticket, escalation FROM outbox").fetchall()
        operations = cursor.execute("SELECT key, state, escalation, kind, undoes, position, ticket FROM operations").fetchall()
        before, passed = self._seen, set[int]()
        for id_, state, _, _ in rows:
            if (known := before.rows.get(id_)) != state:
                passed |= {"claimed": {3}, "planned": {1, 2} if known is None else set()}.get(state, set())
        for key, state, escalation, kind, undoes, position, ticket in operations:
            if before.operations.get(key) == state:
                continue
            if undoes and key not in before.operations:
                passed.add(12)
            passed |= _moved(state, kind, [other[1] for other in operations if other[2] == escalation])
            if state == "sent" and position == 0:
                confirmed = cursor.execute("SELECT confirmed_at FROM escalations WHERE id = ?", (escalation,)).fetchone()[0]
                if confirmed < before.read.get(ticket, 0):
                    self.older.append(f"{key} rests on a read that is older than one that the store had")
                if sum(row[3] == escalation for row in rows) > 1:
                    passed.add(14)
        self.claimed = frozenset(ticket for _, state, ticket, _ in rows if state == "claimed")
        read = dict(cursor.execute("SELECT id, known FROM tickets").fetchall())
        self._seen = _Seen({row[0]: row[1] for row in rows}, {row[0]: row[1] for row in operations}, read)
        return passed


def _moved(state: str, kind: str, beside: Collection[str]) -> set[int]:
    """The stops that an operation passes as it gets this state; `beside` are the states of its escalation's."""
    match state:
        case "sent":
            return {5}
        case "applied":
            return {8, 11 if {"planned", "sent"}.isdisjoint(beside) else 9}
        case "unknown" if kind == OperationKind.COMMENT:
            return {10}
        case _:
            return set()


class StoppingDatabase(Database):
    """A store that says what each transaction passes, before its commit and after it."""

    def __init__(self, engine: Engine, watch: Watch, reach: Callable[[int, str], None]) -> None:
        super().__init__(engine)
        self._watch, self._reach = watch, reach
        self.open = 0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self._reach(0, "")
        passed: set[int] = set()
        with super().transaction() as db:
            self.open += 1
            try:
                yield db
                passed = self._watch.look(db)
                for stop in sorted(passed & WITHIN):
                    self._reach(stop, "")
            finally:
                self.open -= 1
        for stop in sorted(passed - WITHIN):
            self._reach(stop, "")


def on_the_wire(where: str, asked: Asked, claimed: frozenset[str]) -> int:
    """The stop that a request passes, 0 for none."""
    if asked.kind in WRITES:
        return 6 if where == "before" else 7
    if where == "after" and asked.kind in {"read", "changelog"} and not claimed.isdisjoint(asked.ids):
        return 4
    return 0
