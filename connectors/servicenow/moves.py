"""What a save that the audit tells of did to the fields of a ticket. Pure.

Most columns mean a field by themselves, and are looked up; state, hold reason and the sign that a task is on hold mean one
together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from connectors.servicenow import wire
from connectors.servicenow.history import Save
from connectors.servicenow.states import States
from connectors.servicenow.wire import Row
from rules.ticket import NATIVE, UNKNOWN, Status, Unknown, Value

DESCRIPTION_LIMIT: Final = 8_000
TEXT_LIMIT: Final = 255
Standing = tuple[str, str, str]
"""State, hold reason and the sign that a task is on hold, which make its status together."""
DIRECT: Final = {"priority": "priority", "assignment_group": "team", "assigned_to": "assignee"}
"""Columns whose values are the values of a field of the model, and so are those of their audit rows."""
APPROVALS: Final = {"requested": "waiting", "approved": "approved", "rejected": "declined"}
_ECHOES: Final = frozenset({"incident_state", "problem_state", "active", "reassignment_count", "business_stc", "calendar_stc"})
"""Columns that the platform moves by itself beside another one: alone they are nobody's touch."""

Move = tuple[str, Value, Value]
"""A field of the model, its old and its new value."""
_Read = Callable[[str, str, Row], tuple[Value, Value]]
"""The values of a field before and after, of the column's two values and the row as it is now."""


class Moves:
    """The moves of a table's saves. `requester` is the column that names it, `native` are columns that rules ask for by name.

    `copied`: columns whose values are those of a field as they are, and the field.
    """

    def __init__(self, requester: str, native: Iterable[str]) -> None:
        model = {**DIRECT, requester: "requester"}
        self.copied: Final = [*model.items(), *((column, f"{NATIVE}{column}") for column in native)]
        self._alone: Final[dict[str, str]] = {}
        self._also: Final[dict[str, str]] = {}  # a second field, of a column that has one already
        for column, name in self.copied:
            (self._also if column in self._alone or column in _READ else self._alone)[column] = name

    def of(self, save: Save, row: Row) -> list[Move]:
        """What a save moved, of the fields that a column means by itself."""
        found: list[Move] = []
        alone = self._alone
        for column, (old, new) in save.moves.items():
            if (name := alone.get(column)) is not None:
                found.append((name, old or None, new or None))
            elif column in _READ:
                name, read = _READ[column]
                found.append((name, *read(old, new, row)))
            if column in self._also:
                found.append((self._also[column], old or None, new or None))
        return found


def touch(save: Save) -> list[Move]:
    """A save that moved no field of the model still is a touch: it is kept under the column's own name."""
    columns = [column for column in save.moves if column not in _ECHOES]
    if not columns:
        return []
    old, new = save.moves[columns[0]]
    return [(columns[0], old[:TEXT_LIMIT] or None, new[:TEXT_LIMIT] or None)]


def moves_standing(save: Save) -> bool:
    """Whether a save changed one of the three."""
    moves = save.moves
    return "state" in moves or "hold_reason" in moves or "on_hold" in moves


def standing(row: Mapping[str, str]) -> Standing:
    """As a row has them."""
    return row.get("state", ""), row.get("hold_reason", ""), row.get("on_hold", "")


def first_standing(saves: Sequence[Save], row: Mapping[str, str]) -> Standing:
    """As they were before all of these saves, which led to the row."""
    found = standing(row)
    for save in reversed(saves):
        if moves_standing(save):
            found = _beside(save, found, 0)
    return found


def after(save: Save, then: Standing) -> Standing:
    """As they were after a save that found these."""
    return _beside(save, then, 1)


def _beside(save: Save, other: Standing, which: int) -> Standing:
    state, hold, sign = other
    moves = save.moves
    return (
        moves["state"][which] if "state" in moves else state,
        moves["hold_reason"][which] if "hold_reason" in moves else hold,
        moves["on_hold"][which] if "on_hold" in moves else sign,
    )


def status(states: States, table: str, standing: Standing, *, active: bool | None) -> Status | Unknown:
    """What the three mean together."""
    state, hold, sign = standing
    found = states.meaning(table, state, hold, active=active)
    return Status.ON_HOLD if sign == "true" and found in {Status.NEW, Status.OPEN} else found


def of_standing(states: States, table: str, then: Standing, now: Standing) -> Sequence[Move]:
    """What became of status and native status."""
    before, after = (status(states, table, each, active=None) for each in (then, now))
    found: list[Move] = [] if before == after else [("status", before, after)]
    if then[0] != now[0]:
        found.append(("native_status", native_status(table, then[0]), native_status(table, now[0])))
    return found


def native_status(table: str, state: str) -> str | None:
    """The id of a state, which means something else in each table."""
    return f"{table}.{state}" if state else None


def due(text: str) -> Value:
    """The instant of a due date."""
    if not text:
        return None
    at = wire.stamp_or_none(text)
    return UNKNOWN if at is None else at


def _text(limit: int) -> _Read:
    return lambda old, new, _: (old[:limit] or None, new[:limit] or None)


def _named(column: str) -> _Read:
    """The audit names a reference by its sys_id; its name is known of the present alone."""

    def read(old: str, new: str, row: Row) -> tuple[Value, Value]:
        shown = (wire.label(row, column) if wire.text(row, column) == new else UNKNOWN) if new else None
        return (UNKNOWN if old else None), shown

    return read


_READ: Final[Mapping[str, tuple[str, _Read]]] = {
    "short_description": ("subject", _text(TEXT_LIMIT)),
    "description": ("description", _text(DESCRIPTION_LIMIT)),
    "due_date": ("due", lambda old, new, _: (due(old), due(new))),
    "approval": ("approval", lambda old, new, _: (APPROVALS.get(old), APPROVALS.get(new))),
    "business_service": ("service", _named("business_service")),
    "company": ("organisation", _named("company")),
}
