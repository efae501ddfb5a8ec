"""A rule's text as data: what escalations under way go on under, after the rule was changed, where it says `on_change: keep`.

The text is what decides when a rule acts and what it does then. What switches a rule (its mode and dates, its place in the file,
what becomes of existing tickets) is none of it, and always that of the rule as it is now.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from typing import Any, Final, get_args

from rules.protocol.actions import Action, Proposal, ProviderDeed
from rules.protocol.conditions import Condition, Counted, Test
from rules.protocol.durations import Duration
from rules.protocol.rule import OnChange, Repeat, Rule, Step
from rules.ticket import Kind

TEXT: Final = ("title", "why", "condition", "steps", "repeat", "calendar", "hold_while", "only_to")
"""The fields of a rule that are its text."""

_ENUMS: Final[Mapping[str, type[Enum]]] = {each.__name__: each for each in (Counted, Proposal, ProviderDeed, Kind)}
_VALUES: Final[Mapping[str, type[Any]]] = {
    each.__name__: each for each in (*get_args(Condition), *get_args(Action), *get_args(Test), Duration, Repeat, Step)
}


class UnreadableTextError(ValueError):
    """A stored text holds what this version of hoist does not know."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a rule. `version` is a hash of what it means, 16 digits; `data` is JSON, and says how it was spelt too."""

    version: str
    data: str


def text_of(rule: Rule) -> Text | None:
    """The text of a rule whose escalations keep to it; None where they move.

    A confidential rule has none: nothing about it is written outside of the protocol's files.
    """
    if rule.on_change is not OnChange.KEEP or rule.confidential:
        return None
    said = [getattr(rule, name) for name in TEXT]
    meant = json.dumps([_plain(each, meaning=True) for each in said], sort_keys=True, ensure_ascii=False)
    data = json.dumps([_plain(each, meaning=False) for each in said], ensure_ascii=False)
    return Text(hashlib.sha256(meant.encode()).hexdigest()[:16], data)


def under(rule: Rule, data: str) -> Rule:
    """The rule as it is now, but for its text, which is that of `data`. Raises UnreadableTextError."""
    try:
        values = [_value(each) for each in json.loads(data)]
        return replace(rule, **dict(zip(TEXT, values, strict=True)))
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableTextError(f"its former text can't be read by this version of hoist: {error}") from error


def _plain(value: Any, *, meaning: bool) -> Any:
    """A value of the protocol as JSON; with `meaning`, without how a duration or a step was spelt."""
    if isinstance(value, Enum):
        return {"is": type(value).__name__, "name": value.name}
    if is_dataclass(value) and not isinstance(value, type):
        known = [each for each in fields(value) if each.compare or not meaning]
        return {"is": type(value).__name__, **{each.name: _plain(getattr(value, each.name), meaning=meaning) for each in known}}
    if isinstance(value, tuple):
        return [_plain(each, meaning=meaning) for each in value]
    return value


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        return tuple(_value(each) for each in plain)
    if not isinstance(plain, dict):
        return plain
    named = plain["is"]
    if named in _ENUMS:
        return _ENUMS[named][plain["name"]]
    return _VALUES[named](**{name: _value(each) for name, each in plain.items() if name != "is"})
