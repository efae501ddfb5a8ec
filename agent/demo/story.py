"""One ticket's story as a person would tell it: what people did, what hoist did, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from agent.demo.record import FoundComment
from rules.instants import Instant, moment
from rules.ticket import Change, Kind, Ticket, Value
from rules.world import Directory

LONGEST = 30
"""Lines that are shown at most; the middle of a longer story is left out."""


def eventful(tickets: Iterable[Ticket], comments: Sequence[FoundComment]) -> Ticket | None:
    """The ticket that hoist wrote to most often, among those the one with the most changes; None where it wrote to none."""
    written: dict[str, int] = {}
    for comment in comments:
        written[comment.issue] = written.get(comment.issue, 0) + 1
    candidates = [ticket for ticket in tickets if ticket.ref.id in written]
    return max(candidates, key=lambda t: (written[t.ref.id], min(len(t.changes), LONGEST), t.key), default=None)


def told(console: Console, ticket: Ticket, comments: Sequence[FoundComment], directory: Directory) -> None:
    """Print the story."""
    console.print()
    console.print(Text(f"{ticket.key}: {ticket.fields.get('subject')}", style="bold"))
    lines: list[tuple[Instant, int, Text]] = [(ticket.created, 0, Text(f"{_when(ticket.created)}  created"))]
    saves: dict[str, list[Change]] = {}
    for change in ticket.changes:
        saves.setdefault(change.save, []).append(change)
    for changes in saves.values():
        lines.append((changes[0].at, 1, _save(changes, directory)))
    for message in ticket.messages:
        if message.by.kind is not Kind.OWN_ACCOUNT:
            who = "the requester" if message.by.kind is Kind.REQUESTER else _person(message.by.id, directory)
            how = "wrote" if message.public else "noted (internal)"
            lines.append((message.at, 2, Text(f"{_when(message.at)}  {who} {how}")))
    for comment in comments:
        if comment.issue == ticket.ref.id:
            lines.append((comment.at, 3, _comment(comment)))
    _print(console, sorted(lines, key=lambda line: line[:2]))


def _print(console: Console, lines: Sequence[tuple[Instant, int, Text]]) -> None:
    shown = [text for _, _, text in lines]
    if len(shown) > LONGEST:
        left_out = len(shown) - LONGEST + 1
        shown = [*shown[:5], Text(f"                  ... {left_out} more ..."), *shown[5 + left_out :]]
    for text in shown:
        console.print(text)


def _save(changes: Sequence[Change], directory: Directory) -> Text:
    own = changes[0].by.kind is Kind.OWN_ACCOUNT
    said = ", ".join(part for part in (_change(c, directory) for c in changes) if part)
    who = "hoist" if own else _person(changes[0].by.id, directory)
    return Text(f"{_when(changes[0].at)}  {who}: {said or 'changed other fields'}", style="bold green" if own else "")


def _change(change: Change, directory: Directory) -> str:
    match change.field:
        case "team":
            return f"team {_named(change.old, directory.teams)} -> {_named(change.new, directory.teams)}"
        case "native_status":
            return f"status {_named(change.old, directory.statuses)} -> {_named(change.new, directory.statuses)}"
        case "assignee":
            return "nobody owns it" if change.new is None else f"owner {_person(change.new, directory)}"
        case "priority":
            return f"priority {_named(change.old, directory.priorities)} -> {_named(change.new, directory.priorities)}"
        case _:
            return ""


def _named(value: Value, names: Mapping[str, str]) -> str:
    return "none" if value is None else names.get(str(value), str(value))


def _comment(comment: FoundComment) -> Text:
    first, *rest = comment.text.splitlines() or [""]
    text = Text(f"{_when(comment.at)}  hoist, internal note: {first}", style="green")
    for line in rest:
        text.append(f"\n                  {line}")
    return text


def _person(account: Value, directory: Directory) -> str:
    person = directory.people.get(str(account))
    return person.name if person is not None else str(account)


def _when(at: Instant) -> str:
    return f"{moment(at):%a %d %b %H:%M}"
