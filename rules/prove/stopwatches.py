"""How long things have lasted at one instant, round the clock and on calendars, and what these lengths say of each other."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Final

from rules.calendars import Calendar
from rules.instants import DAY, HOUR
from rules.protocol.durations import CALENDARS_OF_THE_TICKET, Duration
from rules.prove.solver import Formula, Solver
from rules.prove.waits import Years, longest

_SHORTEST_DAY: Final = DAY - 4 * HOUR


@dataclass(slots=True)
class Stopwatch:
    """Something that has lasted. `plain`: round the clock, in milliseconds; `counted`: by calendar, in hours or in days.

    `unbroken`: one stretch up to now, so that a calendar's worst wait bounds it.
    """

    name: str
    plain: Formula
    unbroken: bool
    counted: dict[tuple[str, bool], Formula] = field(default_factory=dict)


class Stopwatches:
    """All that runs at one instant; none longer than the ticket's age."""

    def __init__(self, solver: Solver, calendars: Mapping[str, Calendar], years: Years, name: str) -> None:
        self.solver, self.calendars, self.years, self.name = solver, calendars, years, name
        self.rules: list[Formula] = []
        self._known: dict[Hashable, Stopwatch] = {}
        self.age = self.of("age")

    def of(self, what: Hashable, *, unbroken: bool = True) -> Stopwatch:
        """The stopwatch of a thing; the same each time."""
        known = self._known.get(what)
        if known is None:
            name = f"{self.name} lasting {len(self._known)}"
            known = self._known[what] = Stopwatch(name, self.solver.amount(name), unbroken)
            self.rules += [known.plain >= 0]
            if len(self._known) > 1:
                self.rules.append(known.plain <= self.age.plain)
        return known

    def reached(self, watch: Stopwatch, duration: Duration) -> Formula:
        """It has lasted so long."""
        calendar = duration.calendar
        if not duration.business_days and (calendar is None or self._always(calendar)):
            return watch.plain >= duration.milliseconds
        days = bool(duration.business_days)
        key = (str(calendar), days)
        counted = watch.counted.get(key)
        if counted is None:
            counted = watch.counted[key] = self.solver.amount(f"{watch.name} on {calendar}{' in days' if days else ''}")
            self.rules.append(counted >= 0)
            if not days:
                self.rules.append(counted <= watch.plain)
        amount = duration.business_days if days else duration.milliseconds
        reached = counted >= amount
        if days and amount > 1:
            self.rules.append(self.solver.implies(reached, watch.plain >= (amount - 1) * _SHORTEST_DAY))
        worst = longest(duration, self.calendars, self.years) if watch.unbroken else None
        if worst is not None:
            self.rules.append(self.solver.implies(watch.plain >= worst, reached))
        return reached

    def constraints(self) -> list[Formula]:
        """What is so of all of them: who has run for longer round the clock has not run for less on a calendar."""
        ordered = [
            self.solver.implies(one.plain <= other.plain, one.counted[key] <= other.counted[key])
            for one, other in permutations([watch for watch in self._known.values() if watch.unbroken], 2)
            for key in one.counted.keys() & other.counted.keys()
        ]
        return self.rules + ordered

    def _always(self, calendar: str) -> bool:
        return calendar not in CALENDARS_OF_THE_TICKET and calendar in self.calendars and self.calendars[calendar].always
