"""One ticket's story as a person would tell it: what people did, what hoist did, and why."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.text import Text

from connectors.sandboxes.record import FoundComment
from rules.instants import Instant, moment
from rules.ticket import Change, Kind, Message, Ticket, Value
from rules.world import Directory

LONGEST = 30
"""Entries that are shown at most; the middle of a longer story is left out."""
FIRST = 5
"""Entries of the beginning that a shortened story keeps."""
MARGIN = 18
"""Where the text begins, behind the time."""
UNBROKEN = "\N{NO-BREAK SPACE}"


class Entry(NamedTuple):
    """One thing that happened. `order` sorts what happened in one instant; `said` holds paragraphs."""

    at: Instant
    order: int
    said: tuple[str, ...]
    style: str = ""


class Names(NamedTuple):
    """The site's names by id, and those of accounts."""

    directory: Directory
    people: Mapping[str, str]

    def person(self, account: Value) -> str:
        if not account:
            return "the helpdesk itself"
        known = self.directory.people.get(str(account))
        return _unbroken(known.name if known is not None else self.people.get(str(account), str(account)))

    def of(self, value: Value, names: Mapping[str, str]) -> str:
        return "none" if value is None else _unbroken(names.get(str(value), str(value)))


def eventful(tickets: Iterable[Ticket], comments: Sequence[FoundComment]) -> Ticket | None:
    """The ticket that hoist wrote to most often, among those the one with the most changes; None where it wrote to none."""
    written: dict[str, int] = {}
    for comment in comments:
        written[comment.issue] = written.get(comment.issue, 0) + 1
    candidates = [ticket for ticket in tickets if ticket.ref.id in written]
    return max(candidates, key=lambda t: (written[t.ref.id], min(len(t.changes), LONGEST), t.key), default=None)


def told(console: Console, ticket: Ticket, comments: Sequence[FoundComment], names: Names, zone: ZoneInfo) -> None:
    """Print the story, wrapped behind a hanging indent; names are kept on one line. Times are local ones of the zone."""
    console.print()
    heading = (f"{ticket.key}: {ticket.fields.get('subject')}", "bold")
    console.print(Text.assemble(heading, (f"   (times of {zone.key})", "dim")), soft_wrap=True)
    entries = sorted(_entries(ticket, comments, names), key=lambda entry: entry[:2])
    if len(entries) > LONGEST:
        left_out = len(entries) - LONGEST + 1
        gap = Entry(entries[FIRST].at, 0, (f"... {left_out} more ...",), "dim")
        entries = [*entries[:FIRST], gap, *entries[FIRST + left_out :]]
    for entry in entries:
        _print(console, entry, zone)


def _entries(ticket: Ticket, comments: Sequence[FoundComment], names: Names) -> Iterable[Entry]:
    yield Entry(ticket.created, 0, (f"created by {names.person(ticket.fields.get('requester'))}",))
    saves: dict[str, list[Change]] = {}
    for change in ticket.changes:
        saves.setdefault(change.save, []).append(change)
    for changes in saves.values():
        yield _save(changes, names)
    for message in ticket.messages:
        if message.by.kind is not Kind.OWN_ACCOUNT:
            yield Entry(message.at, 2, (_message(message, names),))
    for comment in comments:
        if comment.issue == ticket.ref.id:
            yield _comment(comment)


def _print(console: Console, entry: Entry, zone: ZoneInfo) -> None:
    width = max(console.width, MARGIN + 30)
    lead, indent = f"{moment(entry.at).astimezone(zone):%a %d %b %H:%M}  ".ljust(MARGIN), " " * MARGIN
    for number, paragraph in enumerate(entry.said):
        first = indent if number else lead
        lines = textwrap.wrap(
            paragraph,
            width,
            initial_indent=first,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines or [first]:
            console.print(Text(line.replace(UNBROKEN, " "), entry.style), soft_wrap=True)


def _save(changes: Sequence[Change], names: Names) -> Entry:
    own = changes[0].by.kind is Kind.OWN_ACCOUNT
    who = "hoist" if own else names.person(changes[0].by.id)
    said = ", ".join(part for part in (_change(c, names) for c in changes) if part)
    return Entry(changes[0].at, 1, (f"{who}: {said or 'changed other fields'}",), "bold green" if own else "")


def _change(change: Change, names: Names) -> str:
    directory = names.directory
    match change.field:
        case "team":
            return f"team {names.of(change.old, directory.teams)} -> {names.of(change.new, directory.teams)}"
        case "native_status":
            return f"status {names.of(change.old, directory.statuses)} -> {names.of(change.new, directory.statuses)}"
        case "assignee":
            return "no owner any more" if change.new is None else f"owner {names.person(change.new)}"
        case "priority":
            return f"priority {names.of(change.old, directory.priorities)} -> {names.of(change.new, directory.priorities)}"
        case "labels":
            return f"labels {_labels(change.old)} -> {_labels(change.new)}"
        case _:
            return ""


def _labels(value: Value) -> str:
    return ", ".join(value) if isinstance(value, tuple) and value else "none"


def _message(message: Message, names: Names) -> str:
    who = names.person(message.by.id)
    if message.by.kind is Kind.REQUESTER:
        return f"{who} (the requester) wrote"
    return f"{who} answered" if message.public else f"{who} left an internal note"


def _comment(comment: FoundComment) -> Entry:
    who = "hoist, TO THE REQUESTER" if comment.public else "hoist, internal note"
    first, *rest = [line for line in comment.text.splitlines() if line] or [""]
    return Entry(comment.at, 3, (f"{who}: {first}", *rest), "green")


def _unbroken(name: str) -> str:
    return name.replace(" ", UNBROKEN)
