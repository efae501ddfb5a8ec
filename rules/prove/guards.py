"""Guards as people write them: conditions as in a rule's `when`, and the time within which such tickets must be escalated."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter

from rules.language.conditions import When
from rules.language.marked_yaml import read
from rules.language.part import Reading, read_part
from rules.language.problems import Report, RulebookError, TooMany
from rules.language.words import Span
from rules.protocol.conditions import Condition
from rules.protocol.durations import Duration
from rules.protocol.rulebook import Rulebook
from rules.prove.proofs import Guard
from rules.stories import names_of

_WHEN: Final = TypeAdapter(When)
_SPAN: Final[TypeAdapter[Duration]] = TypeAdapter(Span)


def read_guard(text: str, within: str | None, rulebook: Rulebook) -> Guard:
    """`priority: P1, status: [new, open]` and `15 minutes` in the words of a protocol.

    Business time is counted on the protocol's usual calendar. Raises RulebookError with every problem.
    """
    report, context = _reading(rulebook)
    condition: Condition | None = None
    duration: Duration | None = None
    try:
        written = read("covered", f"{{{text}}}", report)
        when = read_part(_WHEN, written, context) if written is not None else None
        condition = when.condition() if when is not None else None
        duration = _time(within, report, context) if within is not None else None
    except TooMany:
        pass
    if report.problems or condition is None:
        raise RulebookError(report.problems)
    return Guard(text, condition, duration)


def read_within(text: str, rulebook: Rulebook) -> Duration:
    """A time alone, as `read_guard` reads it. Raises RulebookError."""
    report, context = _reading(rulebook)
    duration = _time(text, report, context)
    if report.problems or duration is None:
        raise RulebookError(report.problems)
    return duration


def _reading(rulebook: Rulebook) -> tuple[Report, Reading]:
    report = Report()
    return report, Reading(report, names_of(rulebook.organisation), rulebook.organisation.calendar)


def _time(text: str, report: Report, context: Reading) -> Duration | None:
    written = read("within", text, report)
    return read_part(_SPAN, written, context) if written is not None else None
