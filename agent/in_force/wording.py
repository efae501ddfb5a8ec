"""When two wordings of a rule are the same: what decides when it fires, and not what it says or does then."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from rules.protocol.rule import Rule


def wording(rule: Rule) -> str:
    """A hash of the condition and of the first step's time: where it changes, what holds may be quite another set of tickets."""
    first = [(step.after, step.begins, step.at_opening, step.opening_of, step.unless) for step in rule.steps[:1]]
    said = _canonical((rule.condition, rule.calendar, first))
    return hashlib.sha256(said.encode()).hexdigest()


def _canonical(value: Any) -> str:
    """The same text for equal values, in whatever order a set or a mapping gives them."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = ",".join(f"{each.name}={_canonical(getattr(value, each.name))}" for each in fields(value) if each.compare)
        return f"{type(value).__name__}({parts})"
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{_canonical(key)}:{_canonical(each)}" for key, each in value.items())) + "}"
    if isinstance(value, frozenset | set):
        return "{" + ",".join(sorted(map(_canonical, value))) + "}"
    if isinstance(value, tuple | list):
        return "(" + ",".join(map(_canonical, value)) + ")"
    return f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)
