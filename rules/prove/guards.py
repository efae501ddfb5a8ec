"""Guards as people write them: conditions as in a rule's `when`, and the time within which such tickets must be escalated."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter

from rules.language.conditions import When
from rules.language.marked_yaml import read
from rules.language.part import Reading, read_part
from rules.language.problems import Report, RulebookError, TooMany
from rules.language.words import Span
from rules.protocol import Duration, Rulebook
from rules.prove.proofs import Guard
from rules.stories import names_of

_WHEN: Final = TypeAdapter(When)
_SPAN: Final[TypeAdapter[Duration]] = TypeAdapter(Span)


def read_guard(text: str, within: str | None, rulebook: Rulebook) -> Guard:
    """`priority: P1, status: [new, open]` and `15 minutes` in the words of a protocol.

    Business time is counted on the protocol's usual calendar. Raises RulebookError with every problem.
    """
    report = Report()
    context = Reading(report, names_of(rulebook.organisation), rulebook.organisation.calendar)
    guard: Guard | None = None
    try:
        written = read("covered", f"{{{text}}}", report)
        when = read_part(_WHEN, written, context) if written is not None else None
        time = read("within", within, report) if within is not None else None
        duration = read_part(_SPAN, time, context) if time is not None else None
        if when is not None:
            guard = Guard(text, when.condition(), duration)
    except TooMany:
        pass
    if report.problems or guard is None:
        raise RulebookError(report.problems)
    return guard
