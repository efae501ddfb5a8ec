"""`limits:` in hoist.yaml, for all sources and for each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from agent.settings import Limits
from rules.language.marked_yaml import Block, Node, Text
from rules.language.problems import nearest

LARGEST: Final = 1_000_000
_SHARE: Final = re.compile(r"(\d{1,3}) ?(?:percent|%)")
_RATE: Final = re.compile(r"(\d{1,6})(?: ?(?:per|/) ?(?:hour|h))?")
_NUMBERS: Final = ("per_rule_and_hour", "per_source_and_hour", "per_ticket_and_day")
_KEYS: Final = (*_NUMBERS, "canary", "urgent", "expire_after")

Complain = Callable[[Node, str], None]
"""Says what is wrong at a place."""


def read_limits(node: Node | None, default: Limits | None, length: Callable[[str], int], complain: Complain) -> Limits | None:
    """The limits of a block, those that it does not name as in `default`; None for `none`: nothing is held for approval.

    `length` gives milliseconds and raises ValueError.
    """
    if node is None:
        return default
    if node == "none":
        return None
    if not isinstance(node, Block):
        complain(node, f"limits: expected none, or a block with {', '.join(_KEYS)}")
        return default
    found = default or Limits()
    for key, entry in node.items():
        try:
            found = replace(found, **{str(key): _value(str(key), entry, length)})
        except ValueError as error:
            complain(entry, f"limits.{key}: {error}")
        except KeyError:
            near = nearest(str(key), _KEYS)
            complain(entry, f"limits.{key} is not known; {f'did you mean {near}?' if near else 'there are ' + ', '.join(_KEYS)}")
    return found


def _value(key: str, entry: Node, length: Callable[[str], int]) -> Any:
    text = str(entry) if isinstance(entry, Text) else ""
    if key in _NUMBERS:
        if not re.fullmatch(r"[1-9]\d{0,6}", text) or int(text) > LARGEST:
            raise ValueError(f"expected a number from 1 to {LARGEST:,}, without a comma")
        return int(text)
    if key == "canary":
        share = _SHARE.fullmatch(text)
        if share is None or int(share[1]) > 100:
            raise ValueError("expected a share like 5 percent")
        return int(share[1]) / 100
    if key == "urgent":
        rate = _RATE.fullmatch(text)
        if rate is None:
            raise ValueError("expected a rate like 20 per hour")
        return int(rate[1])
    if key == "expire_after":
        return length(text)
    raise KeyError(key)
