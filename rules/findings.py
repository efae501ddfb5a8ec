"""One thing to look at in a protocol, and which conditions a ticket can fulfil as far as some of its fields decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rules.protocol.conditions import All, AnyOf, Clock, Condition, Held, Lingering, Not, State, Until

Verdict = Callable[[State], bool | None]
"""Whether a state holds of the tickets that are thought of; None where it may or may not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. `subject` is a rule's id or a name of the organisation; `place` is file and line, or ""."""

    subject: str
    sentence: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.place + ': ' if self.place else ''}{self.subject}: {self.sentence}"


def may_hold(condition: Condition, verdict: Verdict) -> bool:
    """Whether such a ticket can fulfil it."""
    match condition:
        case State():
            return verdict(condition) is not False
        case Not(part=part):
            return may_fail(part, verdict)
        case All(parts=parts):
            return all(may_hold(part, verdict) for part in parts)
        case AnyOf(parts=parts):
            return any(may_hold(part, verdict) for part in parts)
        case Held(part=part) | Clock(running=part) | Until(part=part):
            return may_hold(part, verdict)
        case Lingering(part=part, still=still):
            return may_hold(part, verdict) and may_hold(still, verdict)
        case _:
            return True


def may_fail(condition: Condition, verdict: Verdict) -> bool:
    """Whether such a ticket can fail to fulfil it."""
    match condition:
        case State():
            return verdict(condition) is not True
        case Not(part=part):
            return may_hold(part, verdict)
        case All(parts=parts):
            return any(may_fail(part, verdict) for part in parts)
        case AnyOf(parts=parts):
            return all(may_fail(part, verdict) for part in parts)
        case _:
            return True
