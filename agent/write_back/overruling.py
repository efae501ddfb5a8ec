"""People win, when a ticket is about to be written: what a person took back is not written again.

Fields that are a person's are left alone by `rules.merge`. Here it is found out whose ladders have lost such a write, so that
their further steps only tell, and which steps have nothing left to do at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from sqlalchemy import Connection

from agent.mirror import CLOCK_TOLERANCE
from agent.store import operations, waiting
from agent.store.operations import OperationRow
from agent.store.waiting import WaitingRow
from rules.binding import BoundRules
from rules.due_step import DueStep
from rules.escalation import Escalation, Kept
from rules.instants import MINUTE, Instant
from rules.merge import merge
from rules.protection import Override, may_write, overrides
from rules.protocol.actions import Comment
from rules.protocol.rule import Rule
from rules.ticket import Ticket

LANDING: Final = 10 * MINUTE
"""So long after it was sent an operation may take effect whose answer nobody has seen."""

Step = tuple[WaitingRow, DueStep]


class Sorted(NamedTuple):
    """Steps that are carried out, and rows of which nothing is left, with the wishes that were dropped."""

    steps: tuple[Step, ...]
    overruled: tuple[tuple[Step, tuple[Kept, ...]], ...] = ()


def left_to_people(
    db: Connection, ticket: Ticket, steps: Sequence[Step], rules: BoundRules, at: Instant, holding: Sequence[Rule]
) -> Sorted:
    """The steps as people leave them to hoist, as of the confirming read at `at`."""
    found = overrides(ticket)
    if not found:
        return Sorted(tuple(steps))
    told = _told_only(db, ticket, steps, found)
    alone = [merge(ticket, [step], rules, at, holding) for _, step in told]
    nothing = [_nothing_left(step, escalation) for (_, step), escalation in zip(told, alone, strict=True)]
    over = [(each, escalation.kept) for each, escalation, none in zip(told, alone, nothing, strict=True) if none]
    return Sorted(tuple(each for each, none in zip(told, nothing, strict=True) if not none), tuple(over))


def _told_only(db: Connection, ticket: Ticket, steps: Sequence[Step], found: Sequence[Override]) -> list[Step]:
    """The steps, marked where a person took back what their own ladder had written."""
    left = operations.of_ticket(db, ticket.ref.source, ticket.ref.id)
    stopped: dict[tuple[str, int], list[Override]] = {}
    for override in found:
        for number in {row.escalation for row in left if _wrote(row, override)}:
            for row in waiting.of_escalation(db, number):
                stopped.setdefault((row.key.rule, row.key.episode), []).append(override)
    return [(row, _marked(step, stopped.get((row.key.rule, row.key.episode), ()))) for row, step in steps]


def _marked(step: DueStep, lost: Sequence[Override]) -> DueStep:
    own = [override for override in lost if may_write(step.rule, override.field)]
    return replace(step, overruled=own[-1]) if own else step


def _wrote(row: OperationRow, override: Override) -> bool:
    """Whether an operation made the change that a person took back."""
    if row.undoes or row.sent_at is None:
        return False
    until = max(row.settled_at or 0, row.sent_at + LANDING) + CLOCK_TOLERANCE
    if not row.sent_at - CLOCK_TOLERANCE <= override.written_at <= until:
        return False
    if override.field == "labels":
        return bool(row.operation.add_labels)
    return any(each.field == override.field and each.new == override.written for each in row.operation.changes)


def _nothing_left(step: DueStep, escalation: Escalation) -> bool:
    """Whether all that a step wanted was left to people: no field, no notice, no text of its own."""
    writes = escalation.changes or escalation.add_labels or escalation.restriction
    tells = escalation.notices or escalation.proposals or escalation.at_provider
    spoken = any(isinstance(action, Comment) for action in step.actions)
    return bool(escalation.kept) and not (writes or tells or spoken)
