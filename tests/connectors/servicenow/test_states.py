"""What states mean, on instances as they ship and on instances that were changed."""

import pytest

from connectors.servicenow.states import States
from rules.ticket import UNKNOWN, Status

SHIPPED = {
    ("incident", "1"): Status.NEW,
    ("incident", "2"): Status.OPEN,
    ("incident", "6"): Status.RESOLVED,
    ("incident", "7"): Status.CLOSED,
    ("incident", "8"): Status.CLOSED,
    ("problem", "101"): Status.NEW,
    ("problem", "104"): Status.OPEN,
    ("problem", "107"): Status.CLOSED,
    ("change_request", "-5"): Status.NEW,
    ("change_request", "-1"): Status.OPEN,
    ("change_request", "3"): Status.CLOSED,
    ("sc_task", "-5"): Status.PENDING,
    ("sc_task", "1"): Status.NEW,
    ("sc_task", "2"): Status.OPEN,
    ("sc_task", "4"): Status.CLOSED,
}


@pytest.mark.parametrize(("state", "meaning"), SHIPPED.items(), ids=str)
def test_states_as_they_ship(state: tuple[str, str], meaning: Status) -> None:
    """Without any setting the states that ServiceNow ships with mean what they say, also where the choices can't be read."""
    assert States().meaning(*state, "", active=None) is meaning


HOLDS = {"": Status.ON_HOLD, "1": Status.PENDING, "3": Status.ON_HOLD, "4": Status.ON_HOLD, "5": Status.ON_HOLD}


@pytest.mark.parametrize(("reason", "meaning"), HOLDS.items())
def test_reasons_of_being_on_hold(reason: str, meaning: Status) -> None:
    """Awaiting Caller waits on the requester, everything else on somebody else."""
    assert States().meaning("incident", "3", reason, active=True) is meaning


def test_reasons_that_were_renamed() -> None:
    """A hold reason is understood by its label, or by the administrator's word for it."""
    states = States(hold_labels={"1": "Awaiting Parts", "9": "With the customer"}, holds={"awaiting parts": Status.ON_HOLD})
    assert states.meaning("incident", "3", "1", active=True) is Status.ON_HOLD
    assert states.meaning("incident", "3", "9", active=True) is Status.PENDING
    assert States(hold_labels={"1": "Awaiting Parts"}).meaning("incident", "3", "1", active=True) is Status.ON_HOLD


RENAMED = {
    "a new label for the same": ("2", "Being worked on", Status.OPEN),
    "another meaning altogether": ("2", "Awaiting User Info", Status.PENDING),
    "a state of their own": ("11", "On Hold", Status.ON_HOLD),
    "a state that says it in passing": ("12", "Closed - no response", Status.CLOSED),
    "a vendor": ("13", "Pending with vendor", Status.ON_HOLD),
    "in capitals": ("14", "RESOLVED", Status.RESOLVED),
    "in another language": ("15", "In Bearbeitung", Status.OPEN),
}


@pytest.mark.parametrize(("value", "label", "meaning"), RENAMED.values(), ids=RENAMED)
def test_states_that_were_renamed(value: str, label: str, meaning: Status) -> None:
    """A label that speaks for itself is believed, any other leaves the state what it was."""
    assert States({"incident": {value: label}}).meaning("incident", value, "", active=True) is meaning


def test_the_administrator_has_the_last_word() -> None:
    """Names in the settings come before everything else."""
    states = States({"incident": {"2": "In Progress"}}, by_name={"in progress": Status.ON_HOLD})
    assert states.meaning("incident", "2", "", active=True) is Status.ON_HOLD


def test_a_table_means_what_it_extends() -> None:
    """A table of one's own has the states of the table that it extends."""
    states = States(lineage={"u_hr_case": ("u_hr_case", "incident", "task")})
    assert states.meaning("u_hr_case", "3", "1", active=None) is Status.PENDING
    assert states.meaning("u_hr_case", "6", "", active=None) is Status.RESOLVED


def test_a_state_that_nobody_knows() -> None:
    """A ticket in an unknown state is watched while it is active; a state of the past that nobody names is unknown."""
    assert States().meaning("incident", "77", "", active=True) is Status.OPEN
    assert States().meaning("incident", "77", "", active=False) is Status.CLOSED
    assert States().meaning("incident", "77", "", active=None) is UNKNOWN
