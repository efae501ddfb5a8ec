"""Tickets, instants and lists in the words of a proof's sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo

from rules.instants import FOREVER, MINUTE, Instant, moment
from rules.prove.facts import LABELS, OTHER
from rules.prove.replay import Written
from rules.ticket import TARGET, Ticket, Value


def listed(words: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    *most, end = words
    return f"{', '.join(most)} {last} {end}" if most else end


def at_local(at: Instant, zone: tzinfo) -> str:
    """`Fri 2026-12-25 17:30`, in the zone."""
    if at >= FOREVER:
        return "never"
    local = moment(at).astimezone(zone)
    return f"{local:%a %Y-%m-%d %H:%M:%S}" if local.second else f"{local:%a %Y-%m-%d %H:%M}"


def lasting(milliseconds: int) -> str:
    """`4 days 19 hours 30 minutes`: never less than it is, to the minute."""
    minutes = -(-milliseconds // MINUTE)
    parts = []
    for name, size in (("day", 1440), ("hour", 60), ("minute", 1)):
        number, minutes = divmod(minutes, size)
        if number:
            parts.append(f"{number} {name}{'' if number == 1 else 's'}")
    return " ".join(parts) or "no time"


def shown(value: Value) -> str:
    """A field's value."""
    if isinstance(value, tuple):
        return " and ".join(value) or "none"
    return "nothing" if value is None else str(value)


def described(values: Mapping[str, Value]) -> str:
    """`a P1 ticket with status new, nobody as assignee and the label vip`."""
    priority = values.get("priority")
    if priority is None:
        kind = "a ticket without a priority" if "priority" in values else "a ticket"
    else:
        kind = "a ticket of another priority" if priority == OTHER else f"a {priority} ticket"
    said = [_fact(field, value) for field, value in values.items() if field != "priority"]
    said = [fact for fact in said if fact]
    return f"{kind} with {listed(said)}" if said else kind


def _fact(field: str, value: Value) -> str:
    name = field.removeprefix("native.").replace("_", " ")
    if field == LABELS:
        labels = [label for label in value if label != OTHER] if isinstance(value, tuple) else []
        return f"the label{'s' if len(labels) > 1 else ''} {listed(labels)}" if labels else ""
    if field.startswith(TARGET):
        return f"no target {field.removeprefix(TARGET)}" if value is None else f"a target {field.removeprefix(TARGET)} far ahead"
    if field == "due":
        return "no due date" if value is None else "a due date far ahead"
    if value is None:
        return f"nobody as {name}" if field in {"assignee", "requester"} else f"no {name}"
    if value == OTHER:
        return f"somebody as {name}" if field in {"assignee", "requester"} else f"another {name}"
    return f"{name} {value}"


def lines(
    ticket: Ticket, values: Mapping[str, Value], steps: Sequence[Written], zone: tzinfo, fields: Sequence[str]
) -> tuple[str, ...]:
    """What happens to a ticket, an instant a line: its arrival, and each writing with the changes of some fields."""
    past = [(c.at, f"{c.by.kind.value}: {c.field} {shown(c.old)} -> {shown(c.new)}") for c in ticket.changes]
    past += [(message.at, f"{message.by.kind.value} writes") for message in ticket.messages]
    told = [(ticket.created, f"it arrives: {described(values)}"), *sorted(past)]
    found = [f"{at_local(at, zone)}  {said}" for at, said in told]
    for step in steps:
        changed = [
            f"{change.field} {shown(change.old)} -> {shown(change.new)}"
            for change in step.escalation.changes
            if change.field in fields
        ]
        people = dict.fromkeys(notice.to for notice in step.escalation.notices)
        said = "; ".join([*changed, *([f"{listed(list(people))} is told"] if people else [])]) or "a note"
        found.append(f"{at_local(step.at, zone)}  {', '.join(step.names) or 'nothing'}: {said}")
    return tuple(found)
