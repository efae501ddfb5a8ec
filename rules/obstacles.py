"""What stands in a rule's way: the innermost parts of its condition that would have to be otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from rules.engine import Evaluation
from rules.explain import Reason, reasons
from rules.instants import Instant
from rules.phrases import phrase
from rules.protocol.conditions import All, AnyOf, Clock, Condition, Ever, Held, Lingering, Not, Until


def in_the_way(evaluation: Evaluation, rule: str, at: Instant) -> tuple[str, ...]:
    """The parts of a rule that keep it from holding at an instant, a clause each; none where it surely holds.

    Of alternatives one would be enough: they are one clause. Raises KeyError for a rule that is not bound.
    """
    return tuple(dict.fromkeys(_obstacles(reasons(evaluation, rule, at))))


def endings(condition: Condition) -> tuple[str, ...]:
    """What would end it, stop its clock or begin it anew, a clause each; no part of what it asks for."""
    return tuple(dict.fromkeys(_endings(condition)))


def _endings(condition: Condition) -> Iterator[str]:
    match condition:
        case Until(part, ended):
            yield from _endings(part)
            yield f"it would end for good when {phrase(ended)}"
        case All(parts):
            for part in parts:
                yield from _endings(part)
        case Held(part=part) | Lingering(part=part) | Ever(part=part):
            yield from _endings(part)
        case Clock(pause_while=pause, reset=reset, stop=stop, of_team=of_team):
            yield from (f"its clock would stand while {phrase(part)}" for part in (pause,) if part is not None)
            yield from (f"its clock would stand for good when {phrase(part)}" for part in (stop,) if part is not None)
            yield from (f"its clock would begin anew when {phrase(part)}" for part in (reset,) if part is not None)
            if of_team:
                yield "its clock would begin anew when another team got the ticket"
        case _:
            pass


def _obstacles(reason: Reason) -> Iterator[str]:
    if reason.holds:
        return
    asked, hindrance = _asked(reason)
    if hindrance:
        yield hindrance
        return
    wanting = [part for part in asked if not part.holds]
    if isinstance(reason.condition, AnyOf | Not) or not wanting:
        yield f'"{reason.words or phrase(reason.condition)}" is {"not known" if reason.holds is None else "not so"}'
        return
    for part in wanting:
        yield from _obstacles(part)


def _asked(reason: Reason) -> tuple[tuple[Reason, ...], str]:
    """The parts that it asks for, what only ends, stops or resets it left out; and what does that now, if anything does."""
    parts = reason.parts
    match reason.condition:
        case Until(ended=ended) if parts:
            over = reason.holds is False and parts[0].holds
            return parts[:1], f'it is over for good: "{phrase(ended)}" has ended it' if over else ""
        case Lingering() if parts:
            return parts[:1], ""
        case Clock(pause_while=pause) if parts:
            stands = pause is not None and parts[0].holds and parts[1].holds
            return parts[:1], f'its clock stands, because "{phrase(pause)}" is so' if stands and pause is not None else ""
    return parts, ""
