"""What is refused, or did not hold, is told in the names that people know: a parked escalation is read by a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from connectors.errors import Conflict, GiveUp
from connectors.servicenow.sandbox import Policies
from tests.connectors.servicenow.beside import Beside


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Beside]:
    """An instance with a connector beside it, which has read who is who."""
    with ExitStack() as open_:
        beside = Beside(open_, tmp_path)
        beside.hoist.directory()
        yield beside


def test_a_group_that_was_closed_is_named(it: Beside) -> None:
    """Whoever retires a group finds its name in the parked escalation, also after hoist was started again."""
    ticket = it.incident()
    it.person("PATCH", f"table/sys_user_group/{it.network}", {"active": "false"}, "admin")
    with pytest.raises(GiveUp, match="no active group Network Operations; bind the team"):
        it.connect().write(it.fields(ticket, ("team", it.desk, it.network)))


def test_a_person_who_left_is_named(it: Beside) -> None:
    """So is somebody whose account was closed."""
    ticket, gone = it.incident(), it.site.user_id("gone")
    with pytest.raises(GiveUp, match="no active user Goran Novak; name a person"):
        it.hoist.write(it.fields(ticket, ("assignee", None, gone)))


def test_what_a_ticket_is_instead_is_named(it: Beside) -> None:
    """A change that is not made since somebody else was faster says what they did."""
    ticket = it.incident()
    it.change(ticket, assignment_group=it.engineers)
    with pytest.raises(Conflict, match="team is Network Engineering and not Service Desk, as it was read"):
        it.hoist.write(it.fields(ticket, ("team", it.desk, it.network)))


def test_a_value_that_did_not_hold_is_named(tmp_path: Path) -> None:
    """Where hoist may not write the column, the finding says which group it still is and which it should be."""
    with ExitStack() as open_:
        it = Beside(open_, tmp_path, policies=Policies(withheld=("write incident.assignment_group",)))
        it.hoist.directory()
        operation = it.fields(it.incident(), ("team", it.desk, it.network))
        it.hoist.write(operation)
        (problem,) = it.hoist.verify(operation).problems
    assert "team is Service Desk and not Network Operations" in problem
