"""The platform's targets against hoist's own business time: where the two clocks disagree, and why, likely.

Nobody tells how long a target is. But what lies between the start of a cycle and its due instant, counted on the right calendar
and without what the platform leaves out, is the same for every ticket of a priority. The length that most of them have is taken
for the target's own; a cycle that has it on no clock of ours is a disagreement to look into.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from rules.calendars import Calendar
from rules.instants import MINUTE, Instant
from rules.intervals import Intervals
from rules.ticket import TARGET, Status, Ticket, Value
from rules.timeline import Timeline

MOST: Final = 20_000
"""Cycles that are compared; the first ones."""
ENOUGH: Final = 5
"""Cycles of a target and priority before their most frequent length says anything."""
_START: Final = ".start"


class Cause(StrEnum):
    """Why a cycle is of another length than most, likely."""

    NO_PAUSE = "the platform's clock ran on while the ticket waited"
    ROUND_THE_CLOCK = "the platform counts round the clock"
    PRIORITY = "the priority changed meanwhile"
    CALENDAR = "another calendar, holiday or target"


class Cycle(NamedTuple):
    """One cycle of a target: its length in whole minutes on three clocks."""

    target: str
    priority: str
    key: str
    own: int  # business time, without what the ticket waited
    running: int  # business time
    plain: int  # round the clock
    reprioritised: bool


class Disagreement(NamedTuple):
    """What was found of one target: cycles compared, and those that differ, by cause, with tickets as examples."""

    target: str
    compared: int
    causes: dict[Cause, int]
    examples: tuple[str, ...]


def cycles(ticket: Ticket, line: Timeline, hours: Calendar, key: str) -> Iterator[Cycle]:
    """The last cycle of each target of which start and due instant are known."""
    for name in ticket.fields:
        if not name.startswith(TARGET) or name.endswith(_START):
            continue
        due, start = _last(ticket, name), _last(ticket, name + _START)
        if not isinstance(due, int) or not isinstance(start, int) or start >= due:
            continue
        waited = _waits(line)
        pairs = zip(waited[::2], waited[1::2], strict=True)
        paused = sum(hours.between(max(a, start), min(b, due)) for a, b in pairs if a < due and b > start)
        running = hours.between(start, due)
        yield Cycle(
            name.removeprefix(TARGET),
            str(ticket.fields.get("priority")),
            key,
            _minutes(running - paused),
            _minutes(running),
            _minutes(due - start),
            any(change.field == "priority" and start < change.at < due for change in ticket.changes),
        )


def run_so_far(ticket: Ticket, line: Timeline, hours: Calendar, at: Instant) -> Iterator[tuple[str, int | None]]:
    """Each target that runs, by its name, and the whole minutes of business time that it has run by an instant.

    What the ticket waited is left out. None where the platform does not say when the cycle began.
    """
    waited = _waits(line)
    for name, due in ticket.fields.items():
        if not name.startswith(TARGET) or name.endswith(_START) or not isinstance(due, int):
            continue
        start, run = ticket.fields.get(name + _START), None
        if isinstance(start, int):
            pairs = zip(waited[::2], waited[1::2], strict=True)
            paused = sum(hours.between(max(a, start), min(b, at)) for a, b in pairs if a < at and b > start)
            run = _minutes(hours.between(start, at) - paused)
        yield name.removeprefix(TARGET), run


def _last(ticket: Ticket, name: str) -> Value:
    """The value, or the last one that it had before it was emptied: a target that was met is due no more."""
    value = ticket.fields.get(name)
    if isinstance(value, int):
        return value
    return next((change.old for change in reversed(ticket.changes) if change.field == name and isinstance(change.old, int)), None)


def _waits(line: Timeline) -> Intervals:
    column = line.column("status")
    ends: list[Instant] = [*column.starts[1:], line.gone]
    waiting = {Status.PENDING, Status.ON_HOLD}
    return [edge for a, b, value in zip(column.starts, ends, column.values, strict=True) if value in waiting for edge in (a, b)]


def _minutes(milliseconds: int) -> int:
    return (milliseconds + MINUTE // 2) // MINUTE


@dataclass
class Referee:
    """Many cycles, compared when all are there."""

    cycles: list[Cycle] = field(default_factory=list)

    def add(self, ticket: Ticket, line: Timeline, hours: Calendar, key: str) -> None:
        """Take in a ticket's cycles, as far as there is room."""
        if len(self.cycles) < MOST:
            self.cycles += cycles(ticket, line, hours, key)

    def disagreements(self) -> list[Disagreement]:
        """By target, those without any too."""
        found: dict[str, Disagreement] = {}
        lengths: dict[tuple[str, str], Counter[int]] = {}
        for cycle in self.cycles:
            lengths.setdefault((cycle.target, cycle.priority), Counter())[cycle.own] += 1
        for cycle in self.cycles:
            known = lengths[cycle.target, cycle.priority]
            if known.total() < ENOUGH:
                continue
            ours = known.most_common(1)[0][0]
            so_far = found.get(cycle.target, Disagreement(cycle.target, 0, {}, ()))
            causes, examples = so_far.causes, so_far.examples
            if cycle.own != ours:
                cause = _cause(cycle, ours)
                causes = {**causes, cause: causes.get(cause, 0) + 1}
                examples = (*examples, cycle.key)[:3]
            found[cycle.target] = Disagreement(cycle.target, so_far.compared + 1, causes, examples)
        return [found[target] for target in sorted(found)]


def _cause(cycle: Cycle, ours: int) -> Cause:
    if cycle.running == ours:
        return Cause.NO_PAUSE
    if cycle.reprioritised:
        return Cause.PRIORITY
    return Cause.ROUND_THE_CLOCK if cycle.plain == ours else Cause.CALENDAR
