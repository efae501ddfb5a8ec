"""A ticket as it was known at an earlier read: without what was first seen later."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TypeVar

from rules.instants import Instant
from rules.ticket import Change, Message, Ticket, Value

_ORDER = attrgetter("at", "sequence")
_Entry = TypeVar("_Entry", Change, Message)


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


def as_read(ticket: Ticket, known: Instant, changes: int, messages: int) -> Ticket:
    """The ticket as that read at `known` left it that had seen so many changes and messages.

    Server times are often of whole seconds, so what was written right after a read and read back may bear the same `known`. Where
    there is more than that read had seen, what came about last in that second is taken to be later.
    """
    told_apart = replace(
        ticket,
        changes=_later_from(ticket.changes, known, changes),
        messages=_later_from(ticket.messages, known, messages),
    )
    return as_known(told_apart, known)


def _later_from(entries: tuple[_Entry, ...], known: Instant, count: int) -> tuple[_Entry, ...]:
    """The entries, the last ones of the read at `known` put off so that `count` were known by then, as far as there are such."""
    more = sum(entry.known <= known for entry in entries) - count
    same = [place for place, entry in enumerate(entries) if entry.known == known <= entry.at]
    later = set(same[-more:]) if more > 0 else set()
    return tuple(replace(entry, known=known + 1) if place in later else entry for place, entry in enumerate(entries))


def _value(name: str, before: tuple[Change, ...], later: list[Change]) -> Value:
    """What a field was: the last change that was known says so, else the first that was not."""
    known = sorted((change for change in before if change.field == name), key=_ORDER)
    return known[-1].new if known else next(change.old for change in later if change.field == name)
