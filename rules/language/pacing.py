"""Hours of the day in a rule: they say when it may act, and are no part of what must have lasted.

A rule that asks for tickets without an owner for an hour, outside office hours, acts on one that has been without for an hour
once the office is closed. Were the hours part of what lasts, every ticket would begin anew each evening, and at nine o'clock
every ticket there is would have to be looked at.
"""

from __future__ import annotations

from collections.abc import Callable

from rules.conditions.tree import is_gate
from rules.language.field_tests import together
from rules.protocol.conditions import All, Clock, Condition, Held, Hours, Not
from rules.protocol.durations import Duration


def lasting(asked: Condition, duration: Duration) -> Condition:
    """What is asked for, the hours of the day left out, has lasted so long, and the hours are right."""
    rest, times = _apart(asked)
    return together([Held(rest, duration), *times])


def summed(asked: Condition, clock: Callable[[Condition], Clock]) -> Condition:
    """What is asked for holds, and a clock that ran while it did, whatever the hours of the day, has reached its time."""
    rest, _ = _apart(asked)
    return together([asked, clock(rest)])


def paced(asked: Condition) -> Condition:
    """What is asked for; where that is states and hours of the day alone, the states are what an episode begins with."""
    rest, times = _apart(asked)
    return together([Held(rest, Duration()), *times]) if times and is_gate(rest) else asked


def _apart(asked: Condition) -> tuple[Condition, list[Condition]]:
    """What is asked for beside the hours of the day, and these."""
    parts = asked.parts if isinstance(asked, All) else (asked,)
    times: list[Condition] = [
        part for part in parts if isinstance(part, Hours) or (isinstance(part, Not) and isinstance(part.part, Hours))
    ]
    return (together([part for part in parts if part not in times]), times) if times else (asked, times)
