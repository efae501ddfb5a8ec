"""How an instance derives a priority from impact and urgency, and which of them to write for a priority that is wanted. Pure.

On incidents and problems a priority that is written alone is computed anew when the record is saved.
https://www.servicenow.com/docs/bundle/zurich-it-service-management/page/product/incident-management/concept/c_PriorityLookupRules.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.servicenow import wire
from connectors.servicenow.wire import Row


@dataclass(frozen=True, slots=True)
class Pair:
    """An impact and an urgency, as the values of their choices."""

    impact: str
    urgency: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """The priority of each pair; empty where hoist may not read the instance's table, or it has none."""

    of: dict[Pair, str]

    def pair_for(self, priority: str, now: Pair) -> Pair | None:
        """The pair of a priority that moves least away from what a ticket has: its urgency rather than its impact.

        None where no pair has that priority. A ticket that has it already keeps its pair.
        """
        fitting = [pair for pair, given in self.of.items() if given == priority]
        return min(
            fitting,
            key=lambda pair: (_steps(pair.impact, now.impact), _steps(pair.urgency, now.urgency), pair.urgency),
            default=None,
        )


def lookup_of(rows: Iterable[Row]) -> Lookup:
    """The lookup that the rows of dl_u_priority make; of two rules for one pair the first counts."""
    found: dict[Pair, str] = {}
    for row in rows:
        pair = Pair(wire.text(row, "impact"), wire.text(row, "urgency"))
        if pair.impact and pair.urgency and wire.text(row, "active") != "false":
            found.setdefault(pair, wire.text(row, "priority"))
    return Lookup(found)


def _steps(value: str, now: str) -> int:
    try:
        return abs(int(value) - int(now))
    except ValueError:
        return 0 if value == now else 1
