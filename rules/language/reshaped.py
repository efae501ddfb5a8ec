"""A condition with some of its parts changed or left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from rules.protocol.conditions import All, AnyOf, Condition, Count, Hours, Not


def each_further_one(condition: Condition) -> Condition:
    """The condition in which every further event that is counted begins an episode of its own."""
    return _changed(condition, lambda part: replace(part, again=True) if isinstance(part, Count) else part)


def at_any_time(condition: Condition) -> Condition | None:
    """What is asked for beside the time of day and week; None where that is nothing."""
    match condition:
        case Hours() | Not(Hours()):
            return None
        case All(parts):
            kept = [part for part in map(at_any_time, parts) if part is not None]
            return None if not kept else kept[0] if len(kept) == 1 else All(tuple(kept))
        case _:
            return condition


def _changed(condition: Condition, change: Callable[[Condition], Condition]) -> Condition:
    match condition:
        case All(parts):
            return All(tuple(_changed(part, change) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_changed(part, change) for part in parts))
        case _:
            inner: dict[str, Any] = {
                field.name: _changed(value, change)
                for field in fields(condition)
                if is_dataclass(value := getattr(condition, field.name)) and isinstance(value, Condition)
            }
            return change(replace(condition, **inner) if inner else condition)
