"""Comments that came in between hoist's read and its write: it decided without them, so they are listed afterwards.

No platform refuses a comment because somebody was first. What people said in that moment is found by the first read that shows
it, once, and journaled as *overtaken*.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection

from agent.store import journal, mirrored, operations
from agent.store.journal import Personal
from agent.store.operations import OperationRow
from agent.store.states import OperationState
from rules.instants import SECOND, Instant
from rules.ticket import Kind, Message, Ticket

OVERTAKEN = "overtaken"
"""The kind of their journal lines."""


class _Gap(NamedTuple):
    """What was said from `start` to `end`, after the read of `confirmed` or without it, was not known when that was written."""

    row: OperationRow
    confirmed: Instant
    start: Instant
    end: Instant


def at_read(db: Connection, ticket: Ticket, before: Ticket, sent: Sequence[OperationRow], now: Instant) -> None:
    """A read brought the ticket, which was known as `before`: list what it is the first to show."""
    known = {message.id for message in before.messages}
    for gap in _gaps(sent):
        if not _shows(ticket, gap):
            continue
        listed = [m for m in _said_in(ticket, gap) if m.id not in known or not _shows(before, gap)]
        _note(db, gap, listed, now)


def at_settling(db: Connection, row: OperationRow, now: Instant) -> None:
    """An operation was settled as applied: list what a read has shown already that was here before the answer."""
    ref = row.operation.ticket
    if mirrored.known_at(db, ref) <= row.operation.planned_at:
        return  # nothing was read since
    for known in mirrored.mirrored(db, ref.source, [ref.id]).values():
        for gap in _gaps(operations.of_ticket(db, ref.source, ref.id)):
            if gap.row.operation.key == row.operation.key and _shows(known.ticket, gap):
                _note(db, gap, list(_said_in(known.ticket, gap)), now)


def _gaps(rows: Sequence[OperationRow]) -> Iterator[_Gap]:
    for _, group in groupby(sorted(rows, key=lambda row: (row.escalation, row.position)), key=lambda row: row.escalation):
        start: Instant = 0
        for row in group:
            if row.state is OperationState.APPLIED and row.settled_at is not None and not row.undoes:
                yield _Gap(row, row.operation.planned_at, start, row.settled_at)
                start = row.settled_at


def _shows(ticket: Ticket, gap: _Gap) -> bool:
    """Whether that read may have been later than the effect; a Date header names the second alone."""
    return ticket.known + SECOND > gap.end


def _said_in(ticket: Ticket, gap: _Gap) -> Iterator[Message]:
    people = (message for message in ticket.messages if message.by.kind in (Kind.STAFF, Kind.REQUESTER))
    return (m for m in people if m.known > gap.confirmed and gap.start < m.at <= gap.end)


def _note(db: Connection, gap: _Gap, messages: Sequence[Message], now: Instant) -> None:
    if messages:
        operation = gap.row.operation
        said = [[message.id, message.at, Personal(message.by.id)] for message in messages]
        place = operation.ticket.source, operation.ticket.id
        journal.append(db, OVERTAKEN, now, *place, operation=operation.key, escalation=gap.row.escalation, comments=said)
