"""Walking through a condition: what it is made of, which durations it names, whether it is a gate."""

from __future__ import annotations

from collections.abc import Iterator

from rules.protocol import All, AnyOf, Clock, Condition, Count, Due, Duration, Held, Not, Silent, State, Unanswered


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """The conditions that it is made of, as written."""
    match condition:
        case All() | AnyOf():
            return condition.parts
        case Not() | Held():
            return (condition.part,)
        case Clock():
            return tuple(part for part in (condition.running, condition.pause_while, condition.reset) if part is not None)
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
        case Held() | Clock() | Silent() | Unanswered():
            return (condition.duration,)
        case Due():
            return (condition.within,)
        case Count():
            return tuple(d for d in (condition.within, condition.ignore_stays_shorter_than) if d is not None)
        case _:
            return ()


def needed(condition: Condition) -> tuple[State, ...]:
    """States without which it does not hold, whatever else is true."""
    match condition:
        case State():
            return (condition,)
        case All():
            return tuple(state for part in condition.parts for state in needed(part))
        case Held():
            return needed(condition.part)
        case _:
            return ()


def is_gate(condition: Condition) -> bool:
    """Whether it begins no episode of its own beside a build-up: a plain state, a `not`, or an `all` or `any` of these."""
    match condition:
        case State() | Not():
            return True
        case All() | AnyOf():
            return all(is_gate(part) for part in condition.parts)
        case _:
            return False
