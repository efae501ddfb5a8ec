"""What hoist's own record says of the steps that were due: the outbox for what became of them, the journal for the versions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from agent.store import journal, waiting
from agent.store.states import RowState
from agent.store.waiting import WaitingRow
from rules.audit import Outcome, Recorded
from rules.instants import Instant
from rules.protection import Override, overrides
from rules.ticket import Ticket

_OUTCOMES: Final[Mapping[RowState, Outcome | None]] = {
    RowState.WATCHED: None,
    RowState.PLANNED: None,
    RowState.CLAIMED: None,
    RowState.SENT: None,
    RowState.UNKNOWN: None,
    RowState.HELD: Outcome.HELD_BACK,
    RowState.QUEUED: Outcome.HELD_BACK,
    RowState.BACKLOG: Outcome.HELD_BACK,
    RowState.PARKED: Outcome.REFUSED,
    RowState.REJECTED: Outcome.HELD_BACK,
    RowState.APPLIED: Outcome.BY_HOIST,
    RowState.SUPERSEDED: Outcome.BY_HAND,
    RowState.OVERRULED: Outcome.OVERRIDDEN,
    RowState.UNDONE: Outcome.OVERRIDDEN,
}
_WHY: Final[Mapping[RowState, str]] = {
    RowState.WATCHED: "its rule only watched",
    RowState.QUEUED: "waits for its turn at the rate of its rule",
    RowState.BACKLOG: "a person decides about it",
    RowState.PARKED: "the helpdesk refused it, or its outcome can't be found out",
    RowState.REJECTED: "a person said no",
    RowState.SUPERSEDED: "was no longer true when its turn came",
    RowState.UNDONE: "a person had it taken back",
}


def recorded_on(db: Connection, source: str, ids: Collection[str]) -> Mapping[str, Sequence[Recorded]]:
    """What is recorded of these tickets, by id."""
    found: dict[str, Sequence[Recorded]] = {}
    for name in ids:
        rows = waiting.of_ticket(db, source, name)
        if rows:
            versions = _versions(db, source, name)
            found[name] = [_recorded(row, versions.get(str(row.key), "")) for row in rows]
    return found


def _recorded(row: WaitingRow, version: str) -> Recorded:
    why = row.problem or _WHY.get(row.state, "")
    return Recorded(row.key.rule, row.instant, row.settled_at, _OUTCOMES[row.state], why, version)


def _versions(db: Connection, source: str, ticket: str) -> dict[str, str]:
    """The version of the rules under which each step was last decided."""
    found: dict[str, str] = {}
    for line in journal.lines(db, source, ticket):
        version = line.data.get("rules")
        because = line.data.get("because")
        if isinstance(version, str) and isinstance(because, dict):
            found.update(dict.fromkeys(because, version))
    return found


def undone(ticket: Ticket, recorded: Sequence[Recorded]) -> Sequence[Recorded]:
    """The same, with what a person took back after it was written."""
    taken_back = [each for each in overrides(ticket) if not each.put_back] if recorded else []
    if not taken_back:
        return recorded
    theirs = {key for each in taken_back for key in _written_with(each, recorded)}
    return [
        replace(known, outcome=Outcome.OVERRIDDEN, why="a person took it back") if (known.rule, known.due) in theirs else known
        for known in recorded
    ]


def _written_with(taken_back: Override, recorded: Sequence[Recorded]) -> Iterator[tuple[str, Instant]]:
    """The steps (rule, due) that were written with what was taken back: the last ones that were due by then, settled as one."""
    by_then = [known for known in recorded if known.outcome is Outcome.BY_HOIST and known.due <= taken_back.written_at]
    last = max((known.settled or known.due for known in by_then), default=0)
    return ((known.rule, known.due) for known in by_then if (known.settled or known.due) == last)
