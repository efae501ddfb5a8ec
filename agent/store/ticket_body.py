"""A ticket as JSON text and back. Rows of plain lists: a mirror writes one such text per ticket, a look reads one."""

from __future__ import annotations

import json
from typing import Any, Final

from rules.ticket import UNKNOWN, Actor, Change, Kind, Message, Ticket, TicketRef, Value

_UNKNOWN: Final = {"unknown": True}
_KINDS: Final = {kind.value: kind for kind in Kind}


def written(ticket: Ticket) -> str:
    """The JSON text of a ticket (without its reference, which is the row's key)."""
    changes = [
        (c.at, c.known, c.sequence, c.save, c.field, _plain(c.old), _plain(c.new), c.by.id, c.by.kind) for c in ticket.changes
    ]
    messages = [(m.at, m.known, m.id, m.by.id, m.by.kind, m.public) for m in ticket.messages]
    fields = {name: _plain(value) for name, value in ticket.fields.items()}
    head = (ticket.key, ticket.url, ticket.version, ticket.created, ticket.known, ticket.complete_from, ticket.gone)
    return json.dumps((head, fields, changes, messages, dict(ticket.native)), separators=(",", ":"), ensure_ascii=False)


def ticket(ref: TicketRef, body: str) -> Ticket:
    """The ticket that `written` wrote."""
    head, fields, changes, messages, native = json.loads(body)
    key, url, version, created, known, complete_from, gone = head
    actors: dict[tuple[str, str], Actor] = {}
    return Ticket(
        ref,
        key,
        url,
        version,
        created,
        known,
        {name: _value(value) for name, value in fields.items()},
        tuple(
            Change(at, seen, sequence, save, field, _value(old), _value(new), _actor(actors, by, kind))
            for at, seen, sequence, save, field, old, new, by, kind in changes
        ),
        tuple(Message(at, seen, name, _actor(actors, by, kind), public) for at, seen, name, by, kind, public in messages),
        complete_from,
        gone,
        native,
    )


def _actor(actors: dict[tuple[str, str], Actor], by: str, kind: str) -> Actor:
    found = actors.get((by, kind))
    if found is None:
        found = actors[by, kind] = Actor(by, _KINDS[kind])
    return found


def _plain(value: Value) -> Any:
    return _UNKNOWN if value is UNKNOWN else value


def _value(value: Any) -> Value:
    if type(value) is list:
        return tuple(value)
    plain: Value = UNKNOWN if value == _UNKNOWN else value
    return plain
