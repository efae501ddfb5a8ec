"""Labels of choices: a table's own, else those of the tables that it extends."""

import pytest

from connectors.servicenow.choices import labels, well_known


def choice(table: str, value: str, label: str, **more: str) -> dict[str, str]:
    return {"name": table, "element": "state", "value": value, "label": label} | more


ROWS = [
    choice("task", "1", "Open"),
    choice("incident", "1", "New"),
    choice("incident", "1", "Neu", language="de"),
    choice("incident", "9", "Awaiting Problem", inactive="true"),
    choice("incident", "", "-- None --"),
    choice("incident", "2", ""),
    choice("problem", "101", "Neu", language="de"),
]


def test_the_nearest_table_counts() -> None:
    """A table's own choices hide those of the tables that it extends, and English labels those of other languages."""
    assert labels(ROWS, ("u_x", "incident", "task"), "state") == {"1": "New", "2": "2"}
    assert labels(ROWS, ("sc_task", "task"), "state") == {"1": "Open"}
    assert labels(ROWS, ("problem", "task"), "state") == {"101": "Neu"}
    assert labels(ROWS, ("incident",), "priority") == {}


def test_the_order_is_that_of_the_choice_list() -> None:
    """Choices come in their sequence, which counts as a number; without one, in the order of their values."""
    rows = [
        choice("task", "3", "c", sequence="100"),
        choice("task", "1", "a", sequence="20"),
        choice("task", "0", "x", sequence="-5"),
    ]
    assert list(labels(rows, ("task",), "state")) == ["0", "1", "3"]
    assert list(labels([choice("task", "10", "b"), choice("task", "9", "a")], ("task",), "state")) == ["9", "10"]


def test_retired_choices_explain_the_past() -> None:
    """A state that was switched off still names what tickets went through."""
    assert labels(ROWS, ("incident",), "state", retired=True) == {"9": "Awaiting Problem", "1": "New", "2": "2"}


@pytest.mark.parametrize(("table", "line"), [("incident", ("incident", "task")), ("task", ("task",)), ("u_x", ())])
def test_tables_of_the_base_system(table: str, line: tuple[str, ...]) -> None:
    """What every instance has need not be asked."""
    assert well_known(table) == line
