"""The states of what waits to be written, and the moves that are allowed. Data, so that a test can walk all of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class RowState(StrEnum):
    """One due step of one episode."""

    PLANNED = "planned"  # decided, waits for its turn
    WATCHED = "watched"  # its rule only watches: noted, never written
    HELD = "held"  # due, and held back for a time: its rule's `hold_while`, or a team that has just received the ticket
    QUEUED = "queued"  # was true before its rule went live; let through at the rate that the rule names
    CLAIMED = "claimed"  # a worker holds it under a lease; nothing has left yet
    SENT = "sent"  # an operation of its escalation may have left
    UNKNOWN = "unknown"  # an operation left and no answer came
    APPLIED = "applied"  # written and verified
    SUPERSEDED = "superseded"  # was no longer true when its turn came
    OVERRIDDEN = "overridden"  # a person's change was overwritten and put back; the person wins
    PARKED = "parked"  # the source refused it, or its outcome can't be found out


FIRST_ROW_STATES: Final = frozenset({RowState.PLANNED, RowState.WATCHED, RowState.QUEUED, RowState.HELD})

ROW_MOVES: Final[Mapping[RowState, frozenset[RowState]]] = {
    RowState.WATCHED: frozenset({RowState.PLANNED, RowState.QUEUED}),  # its rule went live, for existing tickets too
    RowState.QUEUED: frozenset({RowState.PLANNED}),
    RowState.HELD: frozenset({RowState.PLANNED, RowState.SUPERSEDED}),
    RowState.PLANNED: frozenset({RowState.CLAIMED}),
    RowState.CLAIMED: frozenset({RowState.PLANNED, RowState.HELD, RowState.SENT, RowState.SUPERSEDED, RowState.APPLIED}),
    RowState.SENT: frozenset(
        {RowState.APPLIED, RowState.UNKNOWN, RowState.PLANNED, RowState.PARKED, RowState.OVERRIDDEN, RowState.SUPERSEDED}
    ),
    RowState.UNKNOWN: frozenset(
        {RowState.SENT, RowState.APPLIED, RowState.PLANNED, RowState.PARKED, RowState.OVERRIDDEN, RowState.SUPERSEDED}
    ),
    RowState.SUPERSEDED: frozenset({RowState.PLANNED}),  # the same episode was seen alive again
    RowState.PARKED: frozenset(),
    RowState.APPLIED: frozenset(),
    RowState.OVERRIDDEN: frozenset(),
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
