"""The audit rows of one record as its saves, in the order in which they were made. Pure.

sys_audit stamps with whole seconds, and its sys_ids tell nothing about order. Where it carries the number of the update
(`record_checkpoint`, the sys_mod_count of the save) that decides; otherwise the rows of one second are ordered so that each
value follows the one that it replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.servicenow import wire
from connectors.servicenow.wire import Row
from rules.instants import Instant

COLUMNS: Final = (
    "sys_id", "documentkey", "fieldname", "oldvalue", "newvalue", "user", "sys_created_on", "record_checkpoint",
)  # fmt: skip
JOURNALS: Final = frozenset({"comments", "work_notes", "comments_and_work_notes"})
"""Columns whose audit rows repeat what sys_journal_field holds."""


@dataclass(slots=True)
class Save:
    """One update of a record: `moves` holds the old and the new value of each column that it changed.

    `number` is the order among the saves of one second, `id` what the save is known by.
    """

    at: Instant
    user: str
    number: int
    moves: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.at}.{self.number}"


@dataclass(frozen=True, slots=True)
class _Line:
    at: Instant
    user: str
    column: str
    old: str
    new: str
    checkpoint: int | None


def saves(rows: Iterable[Row]) -> list[Save]:
    """The saves that audit rows tell of. Rows without a stamp or a column tell nothing. Each sys_id counts once."""
    seconds: dict[Instant, list[_Line]] = {}
    for row in {wire.text(each, "sys_id") or str(number): each for number, each in enumerate(rows)}.values():
        line = _line(row)
        if line is not None and line.column not in JOURNALS:
            seconds.setdefault(line.at, []).append(line)
    found: list[Save] = []
    last: dict[str, str] = {}
    for at in sorted(seconds):
        lines = seconds[at]
        made = _numbered(lines) if all(line.checkpoint is not None for line in lines) else _chained(lines, last)
        for save in made:
            last |= {column: new for column, (_, new) in save.moves.items()}
        found += made
    return found


def without_later(found: Sequence[Save], row: Row) -> Sequence[Save]:
    """The saves less those made after the row was read: the row still shows what they replaced."""
    end = len(found)
    while end and _shows_old(row, found[end - 1].moves):
        end -= 1
    return found[:end]


def _shows_old(row: Row, moves: Mapping[str, tuple[str, str]]) -> bool:
    return any(old != new and wire.cell(row, column) == old for column, (old, new) in moves.items())


def _line(row: Row) -> _Line | None:
    at, column = wire.stamp_or_none(wire.text(row, "sys_created_on")), wire.text(row, "fieldname")
    if at is None or not column:
        return None
    checkpoint = wire.text(row, "record_checkpoint")
    number = int(checkpoint) if checkpoint.isdecimal() else None
    return _Line(at, wire.text(row, "user"), column, wire.text(row, "oldvalue"), wire.text(row, "newvalue"), number)


def _numbered(lines: Sequence[_Line]) -> list[Save]:
    made: dict[int, Save] = {}
    for line in lines:
        number = line.checkpoint or 0
        made.setdefault(number, Save(line.at, line.user, number)).moves[line.column] = (line.old, line.new)
    return [made[number] for number in sorted(made)]


def _chained(lines: Sequence[_Line], last: Mapping[str, str]) -> list[Save]:
    """Saves of one second without numbers: one per user, or more where a user changed a column twice."""
    made: dict[tuple[str, int], Save] = {}
    ranks: dict[tuple[str, int], int] = {}
    columns: dict[str, list[_Line]] = {}
    for line in lines:
        columns.setdefault(line.column, []).append(line)
    for column, group in columns.items():
        times: dict[str, int] = {}
        for rank, line in enumerate(_in_order(group, last.get(column))):
            key = (line.user, times.setdefault(line.user, 0))
            times[line.user] += 1
            save = made.setdefault(key, Save(line.at, line.user, 0))
            save.moves[column] = (line.old, line.new)
            ranks[key] = max(ranks.get(key, 0), rank)
    for number, key in enumerate(sorted(made, key=lambda key: (ranks[key], key[1], key[0]))):
        made[key].number = number
    return sorted(made.values(), key=lambda save: save.number)


def _in_order(group: list[_Line], before: str | None) -> list[_Line]:
    """Lines of one column in one second, each beginning with what the one before left, as far as they connect."""
    if len(group) == 1:
        return group
    rest, ordered, value = list(group), list[_Line](), before
    while rest:
        news = [line.new for line in rest]
        following = next((line for line in rest if line.old == value), None)
        begins = next((line for line in rest if line.old not in news), None)
        first = following or begins or min(rest, key=lambda line: line.old != "")  # a circle most often begins with nobody
        rest.remove(first)
        ordered.append(first)
        value = first.new
    return ordered
