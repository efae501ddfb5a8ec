"""hoist is killed at every place where a process can end; after a restart nothing is lost and nothing is there twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.store.database import Database
from agent.store.states import OperationState, RowState
from connectors.errors import OutcomeUnknown
from rules.instants import HOUR, MINUTE
from tests.agent.desk import LONG, Desk, Killed, Mortal, again, moved_once, rule

Trouble = Callable[[Desk, str], object]


def nothing(desk: Desk, ticket: str) -> None:
    """All goes well until the end."""


def lost_answer_to_the_fields(desk: Desk, ticket: str) -> None:
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), after_effect=True, on="write")


def lost_request_for_the_fields(desk: Desk, ticket: str) -> None:
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), on="write")


def late_landing_of_the_fields(desk: Desk, ticket: str) -> None:
    desk.helpdesk.land_next_write_after(50_000)


def everything_from(folder: Path, trouble: Trouble, dies_at: int) -> tuple[Desk, str, Mortal]:
    """One ticket has waited too long; hoist dies at a place, is started again, and has ten minutes to get it right."""
    folder.mkdir()
    desk = Desk(folder, poll=30 * MINUTE)
    ticket = desk.ticket()
    desk.run(15 * MINUTE)
    trouble(desk, ticket)
    mortal = Mortal(dies_at)
    try:
        desk.start(mortal)
        desk.run(10 * MINUTE)
    except Killed:
        desk.start()
        desk.run(10 * MINUTE)
    return desk, ticket, mortal


@pytest.mark.parametrize(
    "trouble", [nothing, lost_answer_to_the_fields, lost_request_for_the_fields, late_landing_of_the_fields]
)
def test_death_at_any_place_loses_nothing_and_repeats_nothing(tmp_path: Path, trouble: Trouble) -> None:
    """Wherever hoist is killed, before or after any commit or request, the ticket is moved once and told of once."""
    desk, ticket, mortal = everything_from(tmp_path / "0", trouble, 0)
    moved_once(desk, ticket)
    assert mortal.places > 16
    for place in range(1, mortal.places + 1):
        desk, ticket, _ = everything_from(tmp_path / str(place), trouble, place)
        moved_once(desk, ticket)
        desk.database.close()
