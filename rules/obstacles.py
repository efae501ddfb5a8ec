"""What stands in a rule's way: the innermost parts of its condition that would have to be otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from rules.engine import Evaluation
from rules.explain import Reason, reasons
from rules.instants import Instant
from rules.phrases import phrase
from rules.protocol import AnyOf, Not


def in_the_way(evaluation: Evaluation, rule: str, at: Instant) -> tuple[str, ...]:
    """The parts of a rule that keep it from holding at an instant, a clause each; none where it surely holds.

    Of alternatives one would be enough: they are one clause. Raises KeyError for a rule that is not bound.
    """
    return tuple(dict.fromkeys(_obstacles(reasons(evaluation, rule, at))))


def _obstacles(reason: Reason) -> Iterator[str]:
    if reason.holds:
        return
    wanting = [part for part in reason.parts if not part.holds]
    if isinstance(reason.condition, AnyOf | Not) or not wanting:
        yield f'"{reason.words or phrase(reason.condition)}" is {"not known" if reason.holds is None else "not so"}'
        return
    for part in wanting:
        yield from _obstacles(part)
