"""The audit rows of one record as its saves, in the order in which they were made. Pure.

sys_audit stamps with whole seconds, and its sys_ids tell nothing about order. Where it carries the number of the update
(`record_checkpoint`, the sys_mod_count of the save) that decides; otherwise the rows of one second are ordered so that each
value follows the one that it replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import Final, NamedTuple

from connectors.servicenow import wire
from connectors.servicenow.wire import Row
from rules.instants import Instant

COLUMNS: Final = (
    "sys_id", "documentkey", "fieldname", "oldvalue", "newvalue", "user", "sys_created_on", "record_checkpoint",
)  # fmt: skip
_told: Final = itemgetter("fieldname", "sys_created_on", "user", "oldvalue", "newvalue", "record_checkpoint")
_place_of: Final = attrgetter("at", "number")
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


class _Line(NamedTuple):
    at: Instant
    user: str
    column: str
    old: str
    new: str
    checkpoint: int | None


def saves(rows: Sequence[Row]) -> list[Save]:
    """The saves that audit rows tell of. Rows without a stamp or a column tell nothing. Each sys_id counts once."""
    numbered = _numbered(rows)
    if numbered is not None:
        return numbered
    seconds: dict[Instant, list[_Line]] = {}
    met: set[str] = set()
    for row in rows:
        line = _line(row, met)
        if line is not None:
            seconds.setdefault(line.at, []).append(line)
    found: list[Save] = []
    last: dict[str, str] = {}
    for at in sorted(seconds):
        made = _in_second(seconds[at], last)
        for save in made:
            for column, (_, new) in save.moves.items():
                last[column] = new
        found += made
    return found


def _numbered(rows: Iterable[Row]) -> list[Save] | None:
    """The same where each row is as it should be, and numbered, which most are; None where one is not."""
    made: dict[tuple[str, str], Save] = {}
    try:
        for row in rows:
            column, stamp, user, old, new, checkpoint = _told(row)
            if column in JOURNALS:
                continue
            save = made.get((stamp, checkpoint))
            if save is None:
                save = made[stamp, checkpoint] = Save(wire.stamp(stamp), user, int(checkpoint), {})
            if not column or old.__class__ is not str or new.__class__ is not str:
                return None
            if save.moves.setdefault(column, move := (old, new)) != move:
                return None
    except (KeyError, TypeError, ValueError):  # hidden or odd columns, no number, no time
        return None
    return sorted(made.values(), key=_place_of) if len(made) > 1 else list(made.values())


def without_later(found: Sequence[Save], row: Row) -> Sequence[Save]:
    """The saves less those made after the row was read: the row still shows what they replaced."""
    end = len(found)
    while end and _shows_old(row, found[end - 1].moves):
        end -= 1
    return found[:end]


def _shows_old(row: Row, moves: Mapping[str, tuple[str, str]]) -> bool:
    return any(old != new and wire.cell(row, column) == old for column, (old, new) in moves.items())


def _line(row: Row, met: set[str]) -> _Line | None:
    id_, column = wire.text(row, "sys_id"), wire.text(row, "fieldname")
    if not column or column in JOURNALS or id_ in met:
        return None
    at = wire.stamp_or_none(wire.text(row, "sys_created_on"))
    if at is None:
        return None
    if id_:
        met.add(id_)
    checkpoint = wire.text(row, "record_checkpoint")
    number = int(checkpoint) if checkpoint.isdecimal() else None
    return _Line(at, wire.text(row, "user"), column, wire.text(row, "oldvalue"), wire.text(row, "newvalue"), number)


def _in_second(lines: Sequence[_Line], last: Mapping[str, str]) -> list[Save]:
    if any(line.checkpoint is None for line in lines):
        return _chained(lines, last)
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
