"""hoist is killed at every place where a process can end; after a restart nothing is lost and nothing is there twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from agent.guards.changes import retry
from agent.store import mirrored
from agent.store.states import RowState
from agent.who import Who
from agent.write_back.settling import DEATHS
from connectors.contract import Receipt
from connectors.errors import OutcomeUnknown
from connectors.memory import MemoryConnector
from rules.escalation import Operation
from rules.instants import MINUTE, SECOND
from tests.agent.desk import Desk, Killed, Mortal, moved_once

Trouble = Callable[[Desk, str], object]


def nothing(desk: Desk, ticket: str) -> None:
    """All goes well until the end."""


def lost_answer_to_the_fields(desk: Desk, ticket: str) -> None:
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), after_effect=True, on="write")


def lost_request_for_the_fields(desk: Desk, ticket: str) -> None:
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), on="write")


def late_landing_of_the_fields(desk: Desk, ticket: str) -> None:
    desk.helpdesk.land_next_write_after(50_000)


def lives_through(desk: Desk, trouble: Trouble, dies_at: int) -> bool:
    """One ticket has waited too long; hoist dies at a place, is started again, and has ten minutes to get it right.

    False where it died.
    """
    ticket = desk.ticket()
    desk.run(15 * MINUTE)
    trouble(desk, ticket)
    mortal = Mortal(dies_at)
    try:
        desk.restart(mortal)
        desk.run(10 * MINUTE)
    except Killed:
        desk.restart()
        desk.run(10 * MINUTE)
    moved_once(desk, ticket)
    return mortal.places < dies_at


@pytest.mark.parametrize("trouble", [nothing, lost_answer_to_the_fields, lost_request_for_the_fields, late_landing_of_the_fields])
def test_death_at_any_place_loses_nothing_and_repeats_nothing(tmp_path: Path, trouble: Trouble) -> None:
    """Wherever hoist is killed, before or after any commit or request, the ticket is moved once and told of once."""
    desk = Desk(tmp_path, poll=30 * MINUTE)
    lived = next(place for place in count(1) if lives_through(desk, trouble, place))
    assert lived > 16, "there were places to die at"


def test_a_new_process_goes_on_from_the_file_alone(tmp_path: Path) -> None:
    """The store is closed and opened again after each death, and once the fields were written."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    desk.let_it_fall_due(ticket)
    for place in range(1, 30):
        desk.start()
        with suppress(Killed):
            desk.restart(Mortal(place))
            desk.pipeline.turn()
        if desk.saves(ticket):
            break
    desk.start()
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)


def test_what_kills_hoist_each_time_is_left_to_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that hoist never survives is given up with that reason; others are written, and a person may try it again."""
    desk = Desk(tmp_path)
    deadly, other = desk.ticket(), desk.ticket()
    write, deaths = MemoryConnector.write, 0

    def dies(self: MemoryConnector, operation: Operation) -> Receipt:
        nonlocal deaths
        if operation.ticket.id == deadly:
            deaths += 1
            raise Killed
        return write(self, operation)

    monkeypatch.setattr(MemoryConnector, "write", dies)
    desk.run(15 * MINUTE - SECOND)
    for _ in range(2 * DEATHS):
        with suppress(Killed):
            desk.run(20 * MINUTE)
        desk.restart()
    assert deaths == DEATHS
    moved_once(desk, other)
    (parked,) = desk.rows(deadly)
    assert parked.state is RowState.PARKED
    assert parked.problem.startswith(f"given up after {DEATHS} attempts: hoist stopped before the answer")

    monkeypatch.setattr(MemoryConnector, "write", write)
    with desk.database.transaction() as db:
        known = mirrored.mirrored(db, parked.key.source, [deadly])[deadly]
        retry(db, parked.key.source, known, Who("anna", "as she said", "it is mended"), desk.pipeline.source_clock.now())
    desk.run(10 * MINUTE)
    moved_once(desk, deadly)
