"""What happened in a story, and where each part of a rule held, as lines that can be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from itertools import groupby
from typing import Final

from rules.conditions.tree import parts_of
from rules.deeds import deed
from rules.engine import Evaluation
from rules.instants import FOREVER, Instant
from rules.intervals import Intervals
from rules.language.moments import written_local
from rules.phrases import phrase
from rules.protocol import Condition
from rules.story_steps import Fired
from rules.ticket import TARGET, Change, Ticket, Value

MOST_STRETCHES: Final = 6
"""Stretches of one part that are written out; the rest is counted."""
_LATEST: Final = 253_402_300_799_000  # the end of the year 9999


def picture(
    evaluation: Evaluation, ticket: Ticket, zone: tzinfo, fired: Sequence[Fired], rules: Sequence[str]
) -> tuple[str, ...]:
    """The ticket's timeline with these steps, then where these rules and their parts held."""
    width = max((len(stamp) for stamp, _ in _events(ticket, zone, fired)), default=0)
    lines = [f"{stamp:<{width}}  {said}" for stamp, said in _events(ticket, zone, fired)]
    for rule in rules:
        if rule in evaluation.rules.by_id:
            lines += ["", f"{rule} holds {_where(evaluation, evaluation.bound(rule).rule.condition, zone)}"]
            lines += _parts(evaluation, evaluation.bound(rule).rule.condition, zone, 1)
    return tuple(lines)


def _events(ticket: Ticket, zone: tzinfo, fired: Sequence[Fired]) -> list[tuple[str, str]]:
    rows: list[tuple[Instant, str]] = [(ticket.created, f"created: {_initial(ticket, zone)}")]
    for (at, _), of_save in groupby(ticket.changes, key=lambda change: (change.at, change.save)):
        changes = list(of_save)
        rows.append((at, f"{changes[0].by.id}: {', '.join(_change(change, zone) for change in changes)}"))
    rows += [(message.at, f"{message.by.id} writes{'' if message.public else ' internally'}") for message in ticket.messages]
    rows += [(step.at, f"{step.name} FIRES: {'; '.join(deed(action) for action in step.actions)}") for step in fired]
    return [(written_local(at, zone), said) for at, said in sorted(rows, key=lambda row: row[0])]


def _initial(ticket: Ticket, zone: tzinfo) -> str:
    first: dict[str, Change] = {}
    for change in ticket.changes:
        first.setdefault(change.field, change)
    values = {name: first[name].old if name in first else value for name, value in ticket.fields.items()}
    said = [f"{name} {_value(name, value, zone)}" for name, value in values.items() if value or name == "assignee"]
    return ", ".join(said)


def _change(change: Change, zone: tzinfo) -> str:
    return f"{change.field} {_value(change.field, change.old, zone)} -> {_value(change.field, change.new, zone)}"


def _value(name: str, value: Value, zone: tzinfo) -> str:
    if isinstance(value, int) and (name == "due" or name.startswith(TARGET)):
        return written_local(value, zone)
    if isinstance(value, tuple):
        return "+".join(value) or "none"
    return "nobody" if value is None else str(value)


def _parts(evaluation: Evaluation, condition: Condition, zone: tzinfo, depth: int) -> Iterator[str]:
    for part in parts_of(condition):
        yield f"{'  ' * depth}{phrase(part)}: {_where(evaluation, part, zone)}"
        yield from _parts(evaluation, part, zone, depth + 1)


def _where(evaluation: Evaluation, condition: Condition, zone: tzinfo) -> str:
    surely, may, _ = evaluation.holds(condition)
    said = _stretches(surely, zone)
    return said if may is surely or may == surely else f"{said}; not known {_stretches(may, zone)}"


def _stretches(found: Intervals, zone: tzinfo) -> str:
    pairs = list(zip(found[::2], found[1::2], strict=True))
    if not pairs:
        return "never"
    said = [_stretch(start, end, zone) for start, end in pairs[:MOST_STRETCHES]]
    more = len(pairs) - MOST_STRETCHES
    return ", ".join(said) + (f", and {more} times more" if more > 0 else "")


def _stretch(start: Instant, end: Instant, zone: tzinfo) -> str:
    if start > _LATEST:
        return "never"
    return (
        f"from {written_local(start, zone)} on"
        if end >= min(FOREVER, _LATEST)
        else f"{written_local(start, zone)} to {written_local(end, zone)}"
    )
