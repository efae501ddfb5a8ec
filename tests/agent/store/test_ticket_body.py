"""A ticket comes back from the store as it went in."""

from __future__ import annotations

import json
from dataclasses import replace

from agent.store import ticket_body
from rules.ticket import UNKNOWN, Actor, Change, Kind, Message, Ticket, TicketRef

REF = TicketRef("desk", "7")
RUTH = Actor("ruth", Kind.REQUESTER)
MESSAGES = tuple(
    Message(20 + n, 30, f"m{n}", RUTH, public, thanks)
    for n, (public, thanks) in enumerate([(False, False), (True, False), (False, True), (True, True)])
)
TICKET = Ticket(
    REF,
    "SD-7",
    "https://desk.example.com/SD-7",
    "v1",
    10,
    40,
    {"status": "open", "labels": ("a", "b"), "team": UNKNOWN, "assignee": None, "due": 99},
    (Change(15, 30, 1, "s1", "labels", (), ("a", "b"), Actor("anna", Kind.STAFF)),),
    MESSAGES,
    10,
    None,
    {"priority": "Highest"},
)


def test_a_ticket_comes_back_as_it_went_in() -> None:
    """What a rule may ask for survives the store, whether a message only said thanks included."""
    assert ticket_body.ticket(REF, ticket_body.written(TICKET)) == TICKET


def test_a_ticket_that_was_gone_comes_back_as_such() -> None:
    """F34: that it was gone, or is there again and since when, survives the store."""
    for one in (replace(TICKET, gone=60), replace(TICKET, returned=70), replace(TICKET, gone=90, returned=70)):
        assert ticket_body.ticket(REF, ticket_body.written(one)) == one


def test_a_body_that_was_written_before_messages_could_be_thanks_is_read() -> None:
    """A store of an older hoist needs no second reading of its tickets."""
    head, fields, changes, messages, native = json.loads(ticket_body.written(TICKET))
    older = [[*stored[:5], m.public] for stored, m in zip(messages, MESSAGES, strict=True)]
    found = ticket_body.ticket(REF, json.dumps([head, fields, changes, older, native])).messages
    assert [(m.id, m.public, m.thanks) for m in found] == [(m.id, m.public, False) for m in MESSAGES]
    assert {type(m.public) for m in found} == {bool}
