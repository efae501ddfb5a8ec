"""An escalation that was under way when the backup was made from which hoist's store was restored.

What became of its requests was settled in the time that the store has lost. The marks on the ticket tell: a request's own, or one
of a later request of the same escalation, which is sent once those before it were verified. Where another escalation, which the
store has forgotten, bears the mark of one of its firings, that firing was carried out by it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from agent.store import episodes, operations, waiting
from agent.store.operations import OperationRow
from agent.store.states import OperationState, RowState
from agent.store.waiting import WaitingRow
from rules.instants import Instant

UNCLEAR: Final = "the ticket bears marks of hoist's that its store, restored from a backup, can't explain: look at the ticket"
READ_BACK: Final = "its mark was read back from the source"
KIND: Final = "read-back"
_OPEN: Final = (OperationState.PLANNED, OperationState.SENT, OperationState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Told:
    """What the source says of a ticket: its `marks`, those of them that the store does not know, read at `now`.

    `mark` turns the key of a firing into its mark. `since`: when the time began that the store has lost.
    """

    db: Connection
    mark: Callable[[str], str]
    marks: Collection[str]
    unexplained: Collection[str]
    since: Instant
    now: Instant


class HalfDone:
    """One such escalation."""

    def __init__(self, told: Told, escalation: int) -> None:
        self._told, self._db, self._now = told, told.db, told.now
        self._operations = operations.of_escalation(told.db, escalation)
        self._rows = waiting.of_escalation(told.db, escalation)

    def settle(self) -> None:
        """Record what was done; what was not goes on as if hoist had just been started again, or stays with a person."""
        places = [each.position for each in self._operations if each.operation.marker in self._told.marks]
        if places:
            self._done(max(places))
        elif self._told.unexplained:
            self._unclear()
        else:
            self._go_on()

    def _done(self, last: int) -> None:
        """All requests up to that place took effect."""
        for each in self._open():
            if each.position <= last:
                done = {"settled_at": self._now, "problem": READ_BACK}
                operations.move(self._db, self._sent(each), OperationState.APPLIED, self._now, _named(each), KIND, **done)
        if not any(each.position > last for each in self._open()):
            for row in self._rows:
                self._ended(row, undone=bool(self._operations[last].undoes))
        elif self._told.unexplained:
            self._unclear()
        else:
            self._go_on(past=last)

    def _sent(self, row: OperationRow) -> OperationRow:
        """A request that was still to be sent when the backup was made left in the lost time."""
        if row.state is not OperationState.PLANNED:
            return row
        operations.move(self._db, row, OperationState.SENT, self._now, _named(row), sent_at=self._told.since)
        return replace(row, state=OperationState.SENT)

    def _unclear(self) -> None:
        """Nobody can tell, but of a firing that a forgotten escalation was for."""
        for each in self._open():
            to = OperationState.DROPPED if each.state is OperationState.PLANNED else OperationState.REFUSED
            operations.move(self._db, each, to, self._now, _named(each), settled_at=self._now, problem=UNCLEAR)
        for row in self._rows:
            if self._told.mark(str(row.key)) in self._told.marks:
                self._ended(row, undone=False)
            else:
                waiting.move(self._db, row, RowState.PARKED, self._now, settled_at=self._now, problem=UNCLEAR)

    def _go_on(self, past: int = -1) -> None:
        """The requests past that place are still to be made; a row whose outcome was unknown waits for the next of them."""
        awaited = any(each.position > past and each.state is not OperationState.PLANNED for each in self._open())
        for row in self._rows:
            if row.state is RowState.UNKNOWN and not awaited:
                waiting.move(self._db, row, RowState.SENT, self._now, not_before=self._now, problem="")
            else:
                waiting.note(self._db, row, "")

    def _ended(self, row: WaitingRow, *, undone: bool) -> None:
        key, to = row.key, RowState.OVERRULED if undone else RowState.APPLIED
        waiting.move(self._db, row, to, self._now, {}, KIND, settled_at=self._now, problem=READ_BACK)
        if not undone:
            episodes.apply(self._db, key.source, key.ticket, key.rule, key.episode, self._now)

    def _open(self) -> list[OperationRow]:
        return [each for each in self._operations if each.state in _OPEN]


def _named(row: OperationRow) -> dict[str, str]:
    return {"marker": row.operation.marker}
