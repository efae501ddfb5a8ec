"""How dear a condition is to judge, in no unit but that of its fellows: of the parts of a condition the cheapest go first."""

from __future__ import annotations

from rules.conditions.counts import at_most
from rules.conditions.tree import parts_of
from rules.protocol.conditions import (
    Acknowledged,
    Clock,
    Condition,
    Count,
    Due,
    FirstReply,
    Hours,
    InWindow,
    OneOf,
    Silent,
    State,
    Target,
    Unanswered,
    Unchanged,
)


def cost(condition: Condition) -> int:  # noqa: PLR0911 - a table
    """The cost of a condition with all that it is made of."""
    match condition:
        case State(test=OneOf(values)):
            return min(2, len(values))
        case State():
            return 2
        case Count():
            return 4 if at_most(condition) is None else 0  # told at once where a field changed too seldom
        case InWindow() | FirstReply():
            return 4
        case Silent() | Due() | Target() | Unchanged():
            return 6
        case Clock():
            return 8 + min(cost(part) for part in (*parts_of(condition.running), condition.running))
        case Unanswered():
            return 8
        case Acknowledged():
            return 30
        case Hours():
            return 50  # hundreds of intervals, so only for tickets for which all else may hold
        case _:
            return 2 + sum(map(cost, parts_of(condition)))
