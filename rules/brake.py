"""The brake: a loop between hoist and an automation of the helpdesk is stopped, for one rule on one ticket.

Two things are a loop. An automation takes back what hoist wrote into a field, twice within a day. Or the rule comes about anew,
twice within an hour, each time after hoist acted and an automation changed something, while no person did anything. What is a
loop is read from the ticket's own history, so a restart forgets nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from rules.instants import DAY, HOUR, Instant
from rules.protection import OWNER, takes_back
from rules.ticket import Change, Kind, Ticket

HOLDS: Final = DAY
"""How long the brake holds unless a person lets go of it."""
TWICE: Final = 2
TAKEN_BACK_WITHIN: Final = DAY
BROUGHT_ABOUT_WITHIN: Final = HOUR
_PEOPLE: Final = (Kind.STAFF, Kind.REQUESTER)


class Brake(NamedTuple):
    """The rule writes nothing on the ticket from `since` on, until `until`; `why` is a clause: because ..."""

    since: Instant
    until: Instant
    why: str


def taken_back(ticket: Ticket, fields: Collection[str], after: Instant = 0) -> Brake | None:
    """The brake of a step that would write these fields, one of which an automation took back twice since `after`.

    A person's change of the field in between, or anything but taking it back, begins the count anew.
    """
    wanted = OWNER | set(fields) if not OWNER.isdisjoint(fields) else set(fields)
    brakes = (_of_field([c for c in ticket.changes if c.field == field and c.at > after], field) for field in sorted(wanted))
    return max((brake for brake in brakes if brake is not None), key=lambda brake: brake.since, default=None)


def _of_field(changes: Sequence[Change], field: str) -> Brake | None:
    found, last = None, None
    for own, change in pairwise(changes):
        if change.by.kind in _PEOPLE or own.by.kind in _PEOPLE:
            last = None
        elif own.by.kind is Kind.HOIST and change.by.kind is Kind.AUTOMATION and takes_back(own, change):
            if last is not None and change.at - last <= TAKEN_BACK_WITHIN:
                why = f"because an automation of the helpdesk took back twice what hoist wrote: the {field}"
                found = Brake(change.at, change.at + HOLDS, why)
            last = change.at
    return found


def brought_about(ticket: Ticket, wrote: Sequence[Instant], now: Instant, after: Instant = 0) -> Brake | None:
    """The brake of a rule that is due anew at `now`; `wrote`: when the first step of each of its earlier episodes took effect."""
    acted = [at for at in wrote if at > after][-TWICE:]
    if len(acted) < TWICE:
        return None
    gaps = pairwise((*acted, now))
    sparks = [_spark(ticket, start, end) for start, end in gaps]
    last = sparks[-1]
    if last is None or None in sparks or last - acted[0] > BROUGHT_ABOUT_WITHIN:
        return None
    said = "because an automation of the helpdesk brought it about again twice, each time right after hoist had acted"
    return Brake(last, last + HOLDS, said)


def _spark(ticket: Ticket, start: Instant, end: Instant) -> Instant | None:
    """When an automation first changed something between two instants in which no person did anything; None if it did not."""
    within = [change for change in ticket.changes if start <= change.at <= end]
    spoken = any(message.by.kind in _PEOPLE and start <= message.at <= end for message in ticket.messages)
    if spoken or any(change.by.kind in _PEOPLE for change in within):
        return None
    return next((change.at for change in within if change.by.kind is Kind.AUTOMATION), None)
