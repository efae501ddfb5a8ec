"""The states of what waits to be written, and the moves that are allowed. Data, so that a test can walk all of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class RowState(StrEnum):
    """One due step of one episode."""

    PLANNED = "planned"  # decided, waits for its turn
    WATCHED = "watched"  # its rule only watches: noted, never written
    HELD = "held"  # due, and held back: by its rule's `hold_while`, by a team that has just received the ticket, by a limit
    QUEUED = "queued"  # was true before its rule went live; let through at the rate that the rule names
    BACKLOG = "backlog"  # fell due while hoist did not run or was paused, or before its rule was changed: a person decides
    CLAIMED = "claimed"  # a worker holds it under a lease; nothing has left yet
    SENT = "sent"  # an operation of its escalation may have left
    UNKNOWN = "unknown"  # an operation left and no answer came
    APPLIED = "applied"  # written and verified
    SUPERSEDED = "superseded"  # was no longer true when its turn came
    REJECTED = "rejected"  # was held or left to a person, who said no
    OVERRULED = "overruled"  # a person was first, or took back what hoist had written: theirs stands
    UNDONE = "undone"  # was applied, and a person had it taken back
    PARKED = "parked"  # the source refused it, or its outcome can't be found out


UNDER_WAY: Final = (RowState.SENT, RowState.UNKNOWN)
"""A request may have left, and its end is not known."""

FIRST_ROW_STATES: Final = frozenset({RowState.PLANNED, RowState.WATCHED, RowState.QUEUED, RowState.HELD, RowState.BACKLOG})

ROW_MOVES: Final[Mapping[RowState, frozenset[RowState]]] = {
    # its rule went live, for existing tickets too
    RowState.WATCHED: frozenset({RowState.PLANNED, RowState.QUEUED, RowState.BACKLOG}),
    RowState.QUEUED: frozenset({RowState.PLANNED, RowState.BACKLOG, RowState.REJECTED}),
    RowState.HELD: frozenset({RowState.PLANNED, RowState.SUPERSEDED, RowState.BACKLOG, RowState.QUEUED, RowState.REJECTED}),
    # applied: its mark was read back
    RowState.BACKLOG: frozenset({RowState.PLANNED, RowState.SUPERSEDED, RowState.APPLIED, RowState.QUEUED, RowState.REJECTED}),
    RowState.PLANNED: frozenset({RowState.CLAIMED, RowState.BACKLOG, RowState.QUEUED, RowState.HELD}),
    RowState.CLAIMED: frozenset(
        {
            *(RowState.PLANNED, RowState.HELD, RowState.BACKLOG, RowState.SENT),
            *(RowState.SUPERSEDED, RowState.APPLIED, RowState.OVERRULED),
        }
    ),
    RowState.SENT: frozenset(
        {RowState.APPLIED, RowState.UNKNOWN, RowState.PLANNED, RowState.PARKED, RowState.OVERRULED, RowState.SUPERSEDED}
    ),
    RowState.UNKNOWN: frozenset(
        {RowState.SENT, RowState.APPLIED, RowState.PLANNED, RowState.PARKED, RowState.OVERRULED, RowState.SUPERSEDED}
    ),
    RowState.SUPERSEDED: frozenset(
        {RowState.PLANNED, RowState.BACKLOG, RowState.QUEUED}
    ),  # the same episode was seen alive again
    RowState.PARKED: frozenset({RowState.PLANNED}),  # somebody said to try again
    RowState.REJECTED: frozenset(),
    RowState.APPLIED: frozenset({RowState.UNDONE}),
    RowState.UNDONE: frozenset(),
    RowState.OVERRULED: frozenset(),
}


class OperationState(StrEnum):
    """One request of an escalation."""

    PLANNED = "planned"
    SENT = "sent"  # committed before the first byte leaves
    UNKNOWN = "unknown"
    APPLIED = "applied"
    DROPPED = "dropped"  # never sent, or proven not to have taken effect; what it was for is decided anew, or is over
    REFUSED = "refused"  # the source said no, or nobody can tell


OPERATION_MOVES: Final[Mapping[OperationState, frozenset[OperationState]]] = {
    OperationState.PLANNED: frozenset({OperationState.SENT, OperationState.DROPPED}),
    OperationState.SENT: frozenset(
        {OperationState.APPLIED, OperationState.UNKNOWN, OperationState.PLANNED, OperationState.DROPPED, OperationState.REFUSED}
    ),
    OperationState.UNKNOWN: frozenset(
        {OperationState.APPLIED, OperationState.PLANNED, OperationState.DROPPED, OperationState.REFUSED}
    ),
    OperationState.APPLIED: frozenset(),
    OperationState.DROPPED: frozenset(),
    OperationState.REFUSED: frozenset(),
}
