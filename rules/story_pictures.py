"""What happened in a story, and where each part of a rule held, as lines that can be read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby
from typing import Final

from rules.applied import SAVE
from rules.conditions.tree import parts_of
from rules.deeds import deed
from rules.engine import Evaluation
from rules.instants import FOREVER, Instant
from rules.intervals import Intervals
from rules.phrases import phrase
from rules.protocol.conditions import Condition
from rules.story_steps import WRITTEN_AFTER, Played
from rules.ticket import TARGET, Change, Message, Ticket, Value

Local = Callable[[Instant], str]
"""How an instant is written."""

MOST_STRETCHES: Final = 6
"""Stretches of one part that are written out; the rest is counted."""
_PEOPLE: Final = frozenset({"team", "assignee", "requester"})
_LATEST: Final = 253_402_300_799_000  # the end of the year 9999


def picture(played: Played, local: Local, rules: Sequence[str], told: Collection[str]) -> tuple[str, ...]:
    """The ticket's timeline with the steps of the rules in `told`, then where `rules` and their parts held.

    Of other rules, whose steps change nothing in the story, it is only said how many fire.
    """
    events, evaluation = _events(played, local, told), played.evaluation
    width = max((len(stamp) for stamp, _ in events), default=0)
    lines = [f"{stamp:<{width}}  {said}" for stamp, said in events]
    others = len({step.rule for step in played.fired}.difference(told))
    if others:
        lines += ["", f"{others} other {'rule fires' if others == 1 else 'rules fire'}: the story neither names nor writes them"]
    for rule in rules:
        if rule in evaluation.rules.by_id:
            lines += ["", f"{rule} holds {_where(evaluation, evaluation.bound(rule).rule.condition, local)}"]
            lines += _parts(evaluation, evaluation.bound(rule).rule.condition, local, 1)
    return tuple(lines)


def _events(played: Played, local: Local, told: Collection[str]) -> list[tuple[str, str]]:
    ticket = played.ticket
    rows: list[tuple[Instant, int, str]] = [(ticket.created, 0, f"created: {_initial(ticket, local)}")]
    for _, of_save in groupby(ticket.changes, key=lambda change: (change.at, change.save)):
        changes = list(of_save)
        rows.append((*_when(changes[0]), f"{changes[0].by.id}: {', '.join(_change(change, local) for change in changes)}"))
    rows += [
        (*_when(message), f"{message.by.id} writes{'' if message.public else ' internally'}")
        for message in ticket.messages
        if not message.id.startswith(SAVE)  # a note with each write is no news
    ]
    fired = (step for step in played.fired if step.rule in told)
    rows += [(step.at, 1, f"{step.name} FIRES: {'; '.join(deed(action) for action in step.actions)}") for step in fired]
    rows += [(at, 3, f"hoist notes: {finding}") for at, finding in played.findings]
    rows += [(held.at, 1, f"{held.name} is held back {held.gate}") for held in played.held_back if held.rule in told]
    return [(local(at), said) for at, _, said in sorted(rows, key=lambda row: row[:2])]


def _when(act: Change | Message) -> tuple[Instant, int]:
    """When it is shown, and where among what happened then: what hoist wrote stands under the step that was due then."""
    save = act.save if isinstance(act, Change) else act.id
    return (act.at - WRITTEN_AFTER, 2) if save.startswith(SAVE) else (act.at, 0)


def _initial(ticket: Ticket, local: Local) -> str:
    first: dict[str, Change] = {}
    for change in ticket.changes:
        first.setdefault(change.field, change)
    values = {name: first[name].old if name in first else value for name, value in ticket.fields.items()}
    said = [f"{name} {_value(name, value, local)}" for name, value in values.items() if value or name == "assignee"]
    return ", ".join(said)


def _change(change: Change, local: Local) -> str:
    return f"{change.field} {_value(change.field, change.old, local)} -> {_value(change.field, change.new, local)}"


def _value(name: str, value: Value, local: Local) -> str:
    if isinstance(value, int) and (name == "due" or name.startswith(TARGET)):
        return local(value)
    if isinstance(value, tuple):
        return "+".join(value) or "none"
    if value is None:
        return "nobody" if name in _PEOPLE else "nothing"
    return str(value)


def _parts(evaluation: Evaluation, condition: Condition, local: Local, depth: int) -> Iterator[str]:
    for part in parts_of(condition):
        yield f"{'  ' * depth}{phrase(part)}: {_where(evaluation, part, local)}"
        yield from _parts(evaluation, part, local, depth + 1)


def _where(evaluation: Evaluation, condition: Condition, local: Local) -> str:
    surely, may, _ = evaluation.holds(condition)
    said = _stretches(surely, local)
    return said if may is surely or may == surely else f"{said}; not known {_stretches(may, local)}"


def _stretches(found: Intervals, local: Local) -> str:
    pairs = list(zip(found[::2], found[1::2], strict=True))
    if not pairs:
        return "never"
    said = [_stretch(start, end, local) for start, end in pairs[:MOST_STRETCHES]]
    more = len(pairs) - MOST_STRETCHES
    return ", ".join(said) + (f", and {more} times more" if more > 0 else "")


def _stretch(start: Instant, end: Instant, local: Local) -> str:
    if start > _LATEST:
        return "never"
    if end >= min(FOREVER, _LATEST):
        return f"from {local(start)} on"
    # what hoist's own write ended the moment it began
    return f"at {local(start)}" if local(start) == local(end) else f"{local(start)} to {local(end)}"
