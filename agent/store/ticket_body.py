"""A ticket as JSON text and back. Rows of plain lists: a mirror writes one such text per ticket, a look reads one."""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import from_json, to_json

from rules.ticket import UNKNOWN, Actor, Change, Kind, Message, Ticket, TicketRef, Value

_UNKNOWN: Final = {"unknown": True}
_PLAIN: Final = frozenset({str, int, type(None)})
_THANKS: Final = 2
"""Added to a message's 1 (public) or 0; bodies that were written before thanks were told apart have true or false there."""
_KINDS: Final = {kind.value: kind for kind in Kind}
_WORDS: Final = {kind: kind.value for kind in Kind}


def written(ticket: Ticket) -> str:
    """The JSON text of a ticket (without its reference, which is the row's key)."""
    changes = [
        (
            c.at,
            c.known,
            c.sequence,
            c.save,
            c.field,
            c.old if type(c.old) in _PLAIN else _stored(c.old),
            c.new if type(c.new) in _PLAIN else _stored(c.new),
            c.by.id,
            _WORDS[c.by.kind],
        )
        for c in ticket.changes
    ]
    messages = [(m.at, m.known, m.id, m.by.id, _WORDS[m.by.kind], m.public + _THANKS * m.thanks) for m in ticket.messages]
    fields = {name: value if type(value) in _PLAIN else _stored(value) for name, value in ticket.fields.items()}
    lived = (ticket.created, ticket.known, ticket.complete_from, ticket.gone)
    head = (ticket.key, ticket.url, ticket.version, *lived, *(() if ticket.returned is None else (ticket.returned,)))
    return to_json((head, fields, changes, messages, ticket.native)).decode()


def _stored(value: Value) -> object:
    """A value that JSON has no word for. A status becomes a plain text here: the encoder takes ten times as long for an enum."""
    if value is UNKNOWN:
        return _UNKNOWN
    return str(value) if isinstance(value, str) else value


def ticket(ref: TicketRef, body: str) -> Ticket:
    """The ticket that `written` wrote."""
    # Looking each value up among those met before would take longer than to make it.
    head, fields, changes, messages, native = from_json(body, cache_strings="keys")
    key, url, version, created, known, complete_from, gone, *returned = head
    for name, value in fields.items():
        if type(value) not in _PLAIN:
            fields[name] = _value(value)
    actors: dict[tuple[str, str], Actor] = {}
    return Ticket(
        ref,
        key,
        url,
        version,
        created,
        known,
        fields,
        tuple(
            [
                Change(
                    at,
                    seen,
                    sequence,
                    save,
                    field,
                    old if type(old) in _PLAIN else _value(old),
                    new if type(new) in _PLAIN else _value(new),
                    actors.get((by, kind)) or _actor(actors, by, kind),
                )
                for at, seen, sequence, save, field, old, new, by, kind in changes
            ]
        ),
        tuple(
            [
                Message(at, seen, name, _actor(actors, by, kind), said & 1 == 1, said >= _THANKS)
                for at, seen, name, by, kind, said in messages
            ]
        ),
        complete_from,
        gone,
        native,
        *returned,
    )


def _actor(actors: dict[tuple[str, str], Actor], by: str, kind: str) -> Actor:
    found = actors.get((by, kind))
    if found is None:
        found = actors[by, kind] = Actor(by, _KINDS[kind])
    return found


def _value(value: Any) -> Value:
    """What JSON has no word for: labels are tuples, and what is not known is an object."""
    return tuple(value) if type(value) is list else UNKNOWN
