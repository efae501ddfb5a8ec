"""Walking through a condition: what it is made of, which durations it names, whether it is a gate."""

from __future__ import annotations

from collections.abc import Iterator

from rules.protocol.conditions import (
    Acknowledged,
    All,
    Amount,
    AnyOf,
    Clock,
    Condition,
    Count,
    Due,
    Ever,
    FirstReply,
    Held,
    Hours,
    InWindow,
    Lingering,
    Not,
    Silent,
    State,
    Target,
    Unanswered,
    Unchanged,
    Until,
)
from rules.protocol.durations import Duration


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """The conditions that it is made of, as written."""
    match condition:
        case All() | AnyOf():
            return condition.parts
        case Not() | Held() | Ever():
            return (condition.part,)
        case Until():
            return (condition.part, condition.ended)
        case Lingering():
            return (condition.part, condition.still)
        case Clock():
            others = (condition.pause_while, condition.reset, condition.stop)
            return (condition.running, *(part for part in others if part is not None))
        case _:
            return ()


def walk(condition: Condition) -> Iterator[Condition]:
    """The condition and all that it is made of, from the outside in."""
    yield condition
    for part in parts_of(condition):
        yield from walk(part)


def told(condition: Condition) -> Iterator[Condition]:
    """What explains a condition, part by part, from the outside in: what `all` says is said by its parts."""
    if not (isinstance(condition, All) and condition.parts):
        yield condition
    for part in parts_of(condition):
        yield from told(part)


def durations_of(condition: Condition) -> tuple[Duration, ...]:
    """The durations that the condition itself names."""
    match condition:
        case Held() | Clock() | Silent() | Unanswered() | Unchanged():
            return (condition.duration,)
        case Target(within=duration) | Acknowledged(duration):
            return () if duration is None else (duration,)
        case Due():
            return (condition.within,) if condition.passed_for is None else (condition.within, condition.passed_for)
        case Count():
            return tuple(d for d in (condition.within, condition.ignore_stays_shorter_than) if d is not None)
        case _:
            return ()


def calendars_of(condition: Condition) -> tuple[str, ...]:
    """The calendars that the condition names beside those of its durations."""
    match condition:
        case Hours(calendar=name) | Target(calendar=name):
            return () if name is None else (name,)
        case _:
            return ()


def thresholds(condition: Condition) -> dict[str, frozenset[int]]:
    """For each number that many tickets give a ticket: those at which a part of the condition begins to hold, or ceases to.

    A change of the number that crosses none of them changes nothing about the condition.
    """
    found: dict[str, frozenset[int]] = {}
    for part in walk(condition):
        if isinstance(part, State) and isinstance(part.test, Amount):
            low, high = part.test.at_least, part.test.at_most
            edges = frozenset(edge for edge in (low, None if high is None else high + 1) if edge is not None)
            found[part.field] = found.get(part.field, frozenset()) | edges
    return found


def is_gate(condition: Condition) -> bool:
    """Whether it begins no episode of its own beside a build-up.

    A state (an acknowledgement, a first reply, the time of day and a window are such), a `not`, an `all` or `any` of these.
    """
    match condition:
        case State() | Not() | Acknowledged() | FirstReply() | Hours() | InWindow():
            return True
        case All() | AnyOf():
            return all(is_gate(part) for part in condition.parts)
        case Until():
            return is_gate(condition.part)
        case _:
            return False
