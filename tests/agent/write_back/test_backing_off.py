"""A helpdesk that goes on refusing is asked less and less often, never sooner than it says, and at once again when it accepts."""

from __future__ import annotations

from itertools import cycle, pairwise
from pathlib import Path

import pytest

from connectors.errors import TicketBusy, TryLater
from rules.instants import HOUR, MINUTE, SECOND, Instant
from tests.agent.desk import Desk, moved_once

TIMES = 400


def tries(desk: Desk) -> list[Instant]:
    """When hoist tried to write."""
    return [request.at for request in desk.helpdesk.requests if request.kind == "write"]


@pytest.mark.parametrize("kind", [TryLater, TicketBusy])
def test_it_is_tried_less_and_less_often(tmp_path: Path, kind: type[TryLater]) -> None:
    """Ten minutes of `again in a second` cost a dozen requests, not hundreds; a minute after its end the change is written."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.run(14 * MINUTE)
    for _ in range(TIMES):
        desk.helpdesk.fail_next(kind("too many requests", 1.0), on="write")
    desk.run(11 * MINUTE)
    made = tries(desk)
    assert 8 <= len(made) <= 20
    gaps = [after - before for before, after in pairwise(made)]
    assert gaps == sorted(gaps)
    assert gaps[0] < 5 * SECOND
    assert MINUTE <= gaps[-1] <= MINUTE + 5 * SECOND
    desk.helpdesk._failures.clear()
    desk.run(MINUTE + 5 * SECOND)
    moved_once(desk, ticket)


@pytest.mark.parametrize("kind", [TryLater, TicketBusy])
def test_never_sooner_than_it_says(tmp_path: Path, kind: type[TryLater]) -> None:
    """Whoever says `in a quarter of an hour` is left alone for so long."""
    desk = Desk(tmp_path)
    desk.ticket()
    desk.run(14 * MINUTE)
    for _ in range(4):
        desk.helpdesk.fail_next(kind("too many requests", 900.0), on="write")
    desk.run(HOUR)
    assert all(after - before >= 15 * MINUTE for before, after in pairwise(tries(desk)))
    assert len(tries(desk)) == 4


def test_a_ticket_that_is_busy_keeps_no_other_waiting(tmp_path: Path) -> None:
    """What one ticket is refused for minutes, another one gets at once."""
    desk = Desk(tmp_path)
    busy = desk.ticket()
    desk.run(14 * MINUTE)
    for _ in range(TIMES):
        desk.helpdesk.fail_next(TicketBusy("this ticket is written too fast", 1.0), on="write")
    desk.run(9 * MINUTE)
    desk.helpdesk._failures.clear()
    other = desk.ticket()
    desk.clock.jump(desk.clock.now() + 15 * MINUTE)
    desk.run(5 * SECOND)
    moved_once(desk, other)
    moved_once(desk, busy)


def test_what_was_accepted_in_between_counts(tmp_path: Path) -> None:
    """A helpdesk that refuses every second write, and accepts the one after it, is not taken for one that is out of order."""
    desk = Desk(tmp_path)
    tickets = [desk.ticket() for _ in range(20)]
    refuses = cycle((True, False))

    def refuse_every_second() -> None:
        if next(refuses):
            desk.helpdesk.fail_next(TryLater("too many requests", 1.0), on="write")
        desk.helpdesk.between_read_and_write(refuse_every_second)

    desk.helpdesk.between_read_and_write(refuse_every_second)
    desk.run(18 * MINUTE)
    assert len(tries(desk)) == 80
    for ticket in tickets:
        moved_once(desk, ticket)
