"""A past ticket with what hoist would have written to it: each value stands until a person changes the same field.

Everything else stays as it happened, which it would not have: people answer to what they see. So this is a picture of what the
rules ask for next once their first escalations are carried out, and never evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from rules.applied import applied
from rules.binding import BoundRules
from rules.due_step import due_step
from rules.engine import Evaluation, evaluate
from rules.escalation import Escalation, FiringKey
from rules.firings import Fired, firings
from rules.instants import FOREVER, Instant
from rules.merge import merge
from rules.ticket import Change, Kind, Ticket, Value
from rules.timeline import timeline

MOST_WRITES: Final = 100
"""To one ticket."""
AFTER: Final = 1
"""Milliseconds after a firing: what was written at its very instant would have come before it."""

_PEOPLE: Final = frozenset({Kind.STAFF, Kind.REQUESTER})


def with_writes(ticket: Ticket, rules: BoundRules, since: Instant, until: Instant) -> Ticket:
    """The ticket with what the firings in [since, until) would have written, each decided on what stood there by then."""
    last = since - 1
    for _ in range(MOST_WRITES):
        evaluation = evaluate(timeline(ticket), rules, FOREVER)
        ahead = [each for each in firings(evaluation, since, until) if each.at > last]
        if not ahead:
            break
        last = ahead[0].at
        written = _written(ticket, evaluation, [each for each in ahead if each.at == last])
        if written is not None:
            ticket = written
    return ticket


def as_of(ticket: Ticket, at: Instant) -> Ticket:
    """The ticket as it stood right after an instant."""
    later = [change for change in ticket.changes if change.at > at]
    fields: dict[str, Value] = dict(ticket.fields)
    for change in reversed(later):
        fields[change.field] = change.old
    return replace(
        ticket,
        known=at,
        fields=fields,
        changes=tuple(change for change in ticket.changes if change.at <= at),
        messages=tuple(message for message in ticket.messages if message.at <= at),
        gone=None,
    )


def _written(ticket: Ticket, evaluation: Evaluation, fired: Sequence[Fired]) -> Ticket | None:
    """The ticket after one escalation; None where it writes nothing."""
    at, rules = fired[0].at, evaluation.rules
    then = as_of(ticket, at)
    steps = [
        due_step(
            FiringKey(ticket.ref.source, ticket.ref.id, each.rule, 1, each.steps[-1]),
            evaluation.bound(each.rule).rule,
            each.steps,
            evaluation,
            each.episode,
            then,
            at,
        )
        for each in fired
    ]
    holding = [evaluation.bound(each.rule).rule for each in evaluation.episodes if each.holds_at(at)]
    escalation = merge(then, steps, rules, at, holding)
    return _laid_over(ticket, applied(then, escalation, at + AFTER), escalation, at)


def _laid_over(ticket: Ticket, after: Ticket, escalation: Escalation, at: Instant) -> Ticket | None:
    made = after.changes[sum(change.at <= at for change in ticket.changes) :]
    if not made and not escalation.comment:
        return None
    later = [change for change in ticket.changes if change.at > at]
    for own in made:
        later = _until_a_person(later, own)
    fields = {**ticket.fields, **{change.field: change.new for change in made}, **{change.field: change.new for change in later}}
    said = tuple(message for message in ticket.messages if message.at > at)
    return replace(ticket, fields=fields, changes=(*after.changes, *later), messages=(*after.messages, *said))


def _until_a_person(later: list[Change], own: Change) -> list[Change]:
    """What happened later, without the changes of that field that no person made before a person changed it."""
    kept: list[Change] = []
    theirs = False
    for change in later:
        if change.field != own.field or theirs:
            kept.append(change)
        elif change.by.kind in _PEOPLE:
            theirs = True
            if change.new != own.new:
                kept.append(replace(change, old=own.new))
    return kept
