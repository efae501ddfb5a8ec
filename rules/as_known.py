"""A ticket as it was known at an earlier read: without what was first seen later."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter

from rules.instants import Instant
from rules.ticket import Change, Ticket, Value

_ORDER = attrgetter("at", "sequence")


def as_known(ticket: Ticket, known: Instant) -> Ticket:
    """The ticket as a read at `known` (server time) left it.

    Changes and messages that were first seen later are left out, and fields go back to what they were. A field that the source
    keeps no history of has its present value: a change of it was seen as one, with the read that brought it.
    """
    later = sorted((change for change in ticket.changes if change.known > known), key=_ORDER)
    changes = tuple(change for change in ticket.changes if change.known <= known)
    messages = tuple(message for message in ticket.messages if message.known <= known)
    fields = dict(ticket.fields)
    for name in dict.fromkeys(change.field for change in later):
        fields[name] = _value(name, changes, later)
    gone = None if ticket.gone is not None and ticket.gone > known else ticket.gone
    returned = None if ticket.returned is not None and ticket.returned > known else ticket.returned
    return replace(ticket, changes=changes, messages=messages, fields=fields, known=known, gone=gone, returned=returned)


def _value(name: str, before: tuple[Change, ...], later: list[Change]) -> Value:
    """What a field was: the last change that was known says so, else the first that was not."""
    known = sorted((change for change in before if change.field == name), key=_ORDER)
    return known[-1].new if known else next(change.old for change in later if change.field == name)
