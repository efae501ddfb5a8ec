"""A field's value as people know it."""

from __future__ import annotations

from rules.escalation import FieldChange
from rules.ticket import Value
from rules.world import Directory


def named(field: str, value: Value, directory: Directory) -> str:
    """The name of a team, a priority or a person; any other value as it is."""
    people = {key: person.name for key, person in directory.people.items()}
    names = {"team": directory.teams, "priority": directory.priorities, "assignee": people}.get(field, {})
    return (
        "nobody" if value is None and field == "assignee" else "nothing" if value is None else names.get(str(value), str(value))
    )


def in_words(change: FieldChange, directory: Directory) -> str:
    """A field's move: now -> then."""
    before, after = (named(change.field, value, directory) for value in (change.old, change.new))
    return f"{change.field}: {before} -> {after}"
