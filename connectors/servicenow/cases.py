"""Cases at service providers, as a task shows them: the provider's number in a column, and what the task waits for. Pure.

ServiceNow knows no case of its own: desks write the provider's number into a column such as correlation_id, and put the task on
hold with the reason *Awaiting Vendor*. Whose turn it is follows from these two, in the past too where the columns are audited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.servicenow.history import Save
from connectors.servicenow.moves import Move, standing, status
from connectors.servicenow.states import States
from rules.ticket import CASE, Status, Unknown, Value

_DISPLAY: Final = "correlation_display"
_OVER: Final = frozenset({Status.RESOLVED, Status.CLOSED})


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a provider's cases stand: `column` holds the number, correlation_display says `display` if that is set."""

    name: str
    column: str
    display: str = ""

    @property
    def field(self) -> str:
        """The field of a ticket."""
        return f"{CASE}{self.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        """What is read of a task to know its case."""
        return (self.column, _DISPLAY) if self.display else (self.column,)


def present(providers: Sequence[Provider], states: States, table: str, row: Mapping[str, str]) -> dict[str, Value]:
    """Whose turn it is now, by field; a provider whose columns are hidden is left out, which makes it unknown."""
    return {each.field: _turn(each, states, table, row) for each in providers if all(column in row for column in each.columns)}


def moved(
    providers: Sequence[Provider], states: States, table: str, saves: Sequence[Save], row: Mapping[str, str]
) -> Iterator[tuple[Save, Move]]:
    """What the saves that led to a row did to these fields."""
    then = dict(row)
    for save in reversed(saves):
        then |= {column: old for column, (old, _) in save.moves.items()}
    readable = [each for each in providers if all(column in row for column in each.columns)]
    turns = {each.field: _turn(each, states, table, then) for each in readable}
    for save in saves:
        then |= {column: new for column, (_, new) in save.moves.items()}
        for each in readable:
            before, turns[each.field] = turns[each.field], _turn(each, states, table, then)
            if before != turns[each.field]:
                yield save, (each.field, before, turns[each.field])


def _turn(provider: Provider, states: States, table: str, row: Mapping[str, str]) -> Value:
    """The provider's while the task is on hold for it, the desk's otherwise; none without a number, or once it is over."""
    if not row[provider.column].strip():
        return None
    if provider.display and row[_DISPLAY].strip().casefold() != provider.display.casefold():
        return None
    found = status(states, table, standing(row), active=None)
    if isinstance(found, Unknown):
        return found
    if found in _OVER:
        return None
    return "theirs" if found is Status.ON_HOLD and states.waits_for_vendor(row.get("hold_reason", "")) else "ours"
