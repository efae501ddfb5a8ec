"""Tickets that wait on the requester: a question, or a parking place."""

from __future__ import annotations

import pytest

from rules.instants import HOUR, Instant
from rules.parking import Parking
from rules.ticket import Actor, Change, Kind, Message, Ticket, TicketRef
from rules.timeline import timeline

NORA, RUTH = Actor("nora", Kind.STAFF), Actor("ruth", Kind.REQUESTER)


def waiting(ended_by: Actor, *heard: Instant) -> Ticket:
    """Nora puts a ticket into waiting at one o'clock; somebody takes it out at four; Ruth writes meanwhile, or later."""
    changes = (
        Change(HOUR, HOUR, 0, "1", "status", "open", "pending", NORA),
        Change(4 * HOUR, 4 * HOUR, 1, "2", "status", "pending", "open", ended_by),
    )
    said = tuple(Message(at, at, f"m{at}", RUTH, public=True) for at in heard)
    return Ticket(TicketRef("desk", "1"), "D-1", "", "1", 0, 9 * HOUR, {"status": "open", "team": "sd"}, changes, said, 0)


@pytest.mark.parametrize(
    ("ticket", "parked"),
    [(waiting(NORA), 1), (waiting(NORA, 2 * HOUR), 0), (waiting(RUTH, 4 * HOUR), 0), (waiting(NORA, 5 * HOUR), 1)],
    ids=["nobody was heard", "an answer", "ended by the answer", "heard only later"],
)
def test_a_wait_that_the_staff_began_and_ended_itself_is_a_parking_place(ticket: Ticket, parked: int) -> None:
    """Unless the requester did anything meanwhile."""
    found = Parking()
    found.add(ticket, timeline(ticket))
    assert (found.stays, found.parked, found.teams["sd"]) == (1, parked, parked)


def test_where_no_requester_is_ever_heard_the_history_says_nothing_of_them() -> None:
    """A log that has no rows of requesters would make every wait a parking place: that is seen by nobody being heard at all."""
    found = Parking()
    found.add(waiting(NORA), timeline(waiting(NORA)))
    assert found.heard == 0
    found.add(waiting(NORA, 5 * HOUR), timeline(waiting(NORA, 5 * HOUR)))
    assert found.heard == 1
