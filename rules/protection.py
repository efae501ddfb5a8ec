"""People win: a field that a person changed after hoist wrote it is theirs for a time, against every rule.

It stays theirs until the ticket is resolved, they hand it on, or a day has passed. Hoist's own value need not have been theirs
for long: what counts is that a person's change took it away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from rules.instants import DAY, FOREVER, Instant
from rules.ticket import Actor, Change, Kind, Status, Ticket, Value

LASTS: Final = DAY
"""How long a person's change stands against every rule."""
_PEOPLE: Final = (Kind.STAFF, Kind.REQUESTER)
_OVER: Final = (Status.RESOLVED, Status.CLOSED)


class Override(NamedTuple):
    """A person took back what hoist had written into a field, at `at`; the field is theirs before `until`."""

    field: str
    written: Value  # by hoist
    written_at: Instant
    by: Actor
    at: Instant
    until: Instant


def overrides(ticket: Ticket, lasts: int = LASTS) -> tuple[Override, ...]:
    """Every override in a ticket's history, in order. `lasts` in milliseconds."""
    return tuple(_overrides(ticket, lasts))


def protected(ticket: Ticket, at: Instant, lasts: int = LASTS) -> Mapping[str, Override]:
    """By field: the override under which it is a person's at `at`."""
    return {each.field: each for each in _overrides(ticket, lasts) if each.at <= at < each.until}


def _overrides(ticket: Ticket, lasts: int) -> Iterator[Override]:
    written: dict[str, Change] = {}
    for place, change in enumerate(ticket.changes):
        if change.by.kind is Kind.HOIST:
            written[change.field] = change
        elif (own := written.pop(change.field, None)) is not None and change.by.kind in _PEOPLE and change.new != own.new:
            until = min(change.at + lasts, _ended(ticket, place))
            yield Override(change.field, own.new, own.at, change.by, change.at, until)


def _ended(ticket: Ticket, place: int) -> Instant:
    """When the ticket was resolved, or handed on, after the override at that place of its history."""
    override = ticket.changes[place]
    for change in ticket.changes[place + 1 :]:
        if change.field == "status" and change.new in _OVER:
            return change.at
        if change.save != override.save and change.by.kind in _PEOPLE and _hands_on(change, override):
            return change.at
    return FOREVER


def _hands_on(change: Change, override: Change) -> bool:
    if change.field == "assignee" and change.new == change.by.id:
        return False  # whoever takes it keeps it
    return change.field in ("team", override.field)
