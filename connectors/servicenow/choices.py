"""The labels of an instance's choices, which a table takes from those that it extends unless it has its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Final

from connectors.servicenow import wire
from connectors.servicenow.wire import Row

COLUMNS: Final = ("name", "element", "value", "label", "sequence", "inactive", "language")
ELEMENTS: Final = ("state", "hold_reason", "priority")
_BASE: Final = frozenset(
    {"incident", "problem", "problem_task", "change_request", "change_task", "sc_request", "sc_req_item", "sc_task"}
)


def well_known(table: str) -> tuple[str, ...]:
    """A table and those that it extends, as far as that is known of every instance; empty for a table of its own."""
    if table == "task":
        return ("task",)
    return (table, "task") if table in _BASE else ()


def labels(rows: Sequence[Row], lineage: Iterable[str], element: str, *, retired: bool = False) -> dict[str, str]:
    """Value and label of a table's choices in their order; `retired` ones, which tickets of the past may have, come last."""
    for table in lineage:
        own = [row for row in rows if wire.text(row, "name") == table and wire.text(row, "element") == element]
        found = dict(_named(row for row in own if not wire.is_true(row, "inactive")))
        if retired:
            found = dict(_named(row for row in own if wire.is_true(row, "inactive"))) | found
        if found:
            return found
    return {}


def _named(rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """In the order of the choice list, by value where that says nothing; of several languages English counts."""
    found: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: (_number(wire.text(row, "sequence")), _number(wire.text(row, "value")))):
        value, english = wire.text(row, "value"), wire.text(row, "language") in {"", "en"}
        if value and (english or value not in found):
            found[value] = wire.text(row, "label") or value
    yield from found.items()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return inf
