"""Who moves tickets, and when: for comparing a protocol with the desk as it works.

What is counted is what the staff does, by the team that has the ticket then and by the local hour.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from rules.calendars import Calendar
from rules.evidence import Evidence
from rules.instants import Instant, moment
from rules.ticket import Kind
from rules.timeline import Timeline

SATURDAY: Final = 5


@dataclass
class Movement:
    """`acts` of the staff by the id of the team that had the ticket; `closed` of them outside of the calendar's hours.

    `on_weekdays`: by local hour.
    """

    acts: dict[str, Evidence] = field(default_factory=dict)
    total: int = 0
    closed: Evidence = field(default_factory=Evidence)
    on_weekdays: Counter[int] = field(default_factory=Counter)

    def add(self, line: Timeline, hours: Calendar | None, zone: ZoneInfo, since: Instant, until: Instant, key: str) -> None:
        """Count the acts on the ticket of that key within [since, until), by the hours of that zone."""
        column = line.column("team")
        for at in line.touches(Kind.STAFF):
            if not since <= at < until:
                continue
            self.total += 1
            if hours is not None and not hours.is_open(at):
                self.closed.add(key, at)
            local = moment(at).astimezone(zone)
            if local.weekday() < SATURDAY:
                self.on_weekdays[local.hour] += 1
            place = bisect_right(column.starts, at) - 1
            team = column.values[place] if place >= 0 else None
            if isinstance(team, str):
                self.acts.setdefault(team, Evidence()).add(key, at)

    def hours(self) -> tuple[int, int]:
        """From which to which local hour nine of ten acts on weekdays lie, as many before as after them; (0, 24) of none."""
        margin, acts = 0.05 * self.on_weekdays.total(), self.on_weekdays
        if not acts:
            return 0, 24
        opens = next(hour for hour in range(24) if sum(acts[h] for h in range(hour + 1)) > margin)
        closes = next(hour for hour in range(24, 0, -1) if sum(acts[h] for h in range(hour - 1, 24)) > margin)
        return opens, closes
