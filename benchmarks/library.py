"""What each ready protocol would have done on a recorded log of 7,554 incidents, to whose escalations nobody reacted.

    python -m benchmarks.library

The log is `data/bpic2013_incidents.csv.gz` in the folder that HOIST_SHARED names, else in `../shared`. No clock is read: each run
prints the same table. What the log does not hold is named, since a protocol that looks at it would show nothing but that.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

from agent.demo.organisation import CHAIN, LINES, Place, organisation
from agent.in_force.protocol_files import library
from benchmarks.measured import table
from connectors.sandboxes.event_log import load as load_log
from connectors.sandboxes.history import Event, History
from rules.binding import BoundRules, bind
from rules.calendars import calendar
from rules.engine import Episode, Evaluation, evaluate
from rules.instants import FOREVER, Instant
from rules.ladder import Steps, ahead
from rules.phrases import length
from rules.rulebook import load
from rules.stories import empty_fields
from rules.ticket import Actor, Change, Kind, Message, Ticket, TicketRef, Value
from rules.timeline import timeline
from rules.world import Directory, World

SOURCE: Final = "recorded"
LOG: Final = "data/bpic2013_incidents.csv.gz"

USES: Final = {
    "nobody-took-it": f"chain: {CHAIN}",
    "out-of-hours": f"chain: {CHAIN}, hours: office, page: duty@example.com",
    "not-acknowledged": f"chain: {CHAIN}",
    "p1-ladder": f"chain: {CHAIN}, priority: P1, page: duty@example.com, manager: mia@example.com, head: henk@example.com",
    "went-silent": f"chain: {CHAIN}",
    "stuck-at-tier": f"chain: {CHAIN}, team: {LINES[0]}",
    "long-running": "",
    "bounced": f"chain: {CHAIN}",
    "boomerang": f"chain: {CHAIN}",
    "reassigned-often": f"chain: {CHAIN}",
    "many-owners": "",
    "reopened-again": f"chain: {CHAIN}",
    "waits-at-provider": "provider: whoever it waits for",
    "on-hold-forgotten": "",
}
"""The protocols that the log can show, and what they need; all else is as it comes."""

MOST_STEPS: Final = 1_000
"""Of one episode: a rule that repeats itself for ever on a ticket that nobody touches."""

UNSEEN: Final = {
    "no messages": (
        "unanswered",
        "no-first-reply",
        "vip-first-reply",
        "requester-chasing",
        "no-answer-from-requester",
    ),
    "no targets of the platform": ("about-to-breach", "breached"),
    "no due dates": ("due-soon", "overdue"),
    "no texts and labels": ("security-report", "personal-data"),
    "no approvals": ("approval-waiting",),
    "one priority per ticket, the last it had": ("priority-fight",),
    "a sample of tickets, so no count of the others": ("snowball",),
}
"""What the log does not hold, and the protocols that look at it."""


@dataclass
class Effect:
    """What a protocol did: all firings, and of each ticket the first, as (time since creation, share of its recorded life)."""

    firings: int = 0
    first: list[tuple[int, float]] = field(default_factory=list)

    def row(self, protocol: str, tickets: int) -> dict[str, object]:
        """A row of the table."""
        found = {"Protocol": f"`{protocol}`", "Tickets": f"{len(self.first):,}", "Share": f"{len(self.first) / tickets:.1%}"}
        found["Firings"] = f"{self.firings:,}"
        if self.first:
            found["First one, median after"] = length(int(statistics.median(after for after, _ in self.first)))
            found["of the ticket's life"] = f"{statistics.median(share for _, share in self.first):.0%}"
        return dict(found)


def log() -> Path | None:
    """The recorded log, or None with a loud word."""
    found = Path(os.environ.get("HOIST_SHARED") or Path(__file__).resolve().parents[2] / "shared") / LOG
    if found.is_file():
        return found
    print(f"SKIPPED: there is no recorded log {found}; name the folder that holds {LOG} in HOIST_SHARED", file=sys.stderr)
    return None


def rules_of(history: History) -> BoundRules:
    """The protocols that the log can show, in the words of the log."""
    uses = "use:\n" + "".join(f"  - {{protocol: {name}, with: {{{given}}}}}\n" for name, given in USES.items())
    place = Place(SOURCE, history, history.priorities)
    rulebook = load({"organisation.yaml": organisation([place]), "rules.yaml": uses}, library()).rulebook
    hours = rulebook.organisation.calendars
    directory = Directory({name: name for name in history.teams}, {name: name for name in history.priorities})
    return bind(rulebook, SOURCE, directory, World({name: calendar(each) for name, each in hours.items()}))


def tickets_of(history: History) -> Iterator[Ticket]:
    """Each ticket of the log as a connector would hand it in: its first row is its creation."""
    statuses = {name: role for role, names in history.roles.items() for name in names}
    automatic = {handle for handle, person in history.people.items() if person.account_type == "app"}
    by_issue: dict[str, list[Event]] = defaultdict(list)
    for event in history.events:
        by_issue[event.issue].append(event)
    for issue, events in by_issue.items():
        yield _ticket(issue, [_Row.of(event, statuses, automatic) for event in events])


@dataclass(frozen=True)
class _Row:
    """A row of the log: who did something when, and how the ticket was from then on."""

    at: Instant
    by: Actor
    values: dict[str, Value]

    @classmethod
    def of(cls, event: Event, statuses: dict[str, str], automatic: set[str]) -> _Row:
        values: dict[str, Value] = {name: _text(event.fields.get(name)) for name in ("team", "priority", "assignee")}
        by = Actor(event.author, Kind.AUTOMATION if event.author in automatic else Kind.STAFF)
        return cls(event.at, by, {"status": statuses[str(event.fields["status"])], **values})


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _ticket(issue: str, rows: Sequence[_Row]) -> Ticket:
    changes: list[Change] = []
    messages: list[Message] = []
    for number, (before, row) in enumerate(pairwise(rows), start=1):
        changed = [(name, old, row.values[name]) for name, old in before.values.items() if old != row.values[name]]
        changes += [Change(row.at, row.at, number, str(number), name, old, new, row.by) for name, old, new in changed]
        if not changed:  # somebody touched it; what was done the log does not say
            messages.append(Message(row.at, row.at, str(number), row.by, public=False))
    return Ticket(
        ref=TicketRef(SOURCE, issue),
        key=issue,
        url="",
        version="",
        created=rows[0].at,
        known=rows[-1].at,
        fields=rows[-1].values,
        changes=tuple(changes),
        messages=tuple(messages),
    )


def effects(tickets: Iterable[Ticket], rules: BoundRules, end: Instant) -> dict[str, Effect]:
    """What each protocol did before the log ends."""
    found = {name: Effect() for name in USES}
    empty = empty_fields(rules)
    for ticket in tickets:
        full = replace(ticket, fields=empty | dict(ticket.fields))
        seen: set[str] = set()
        for rule, at in firings(evaluate(timeline(full), rules, 0)):
            if rule in found and at < end:
                effect = found[rule]
                effect.firings += 1
                if rule not in seen:
                    after, life = at - ticket.created, ticket.known - ticket.created
                    effect.first.append((after, min(1.0, after / life) if life else 0.0))
                seen.add(rule)
    return found


def firings(evaluation: Evaluation) -> list[tuple[str, Instant]]:
    """(rule, instant) of every firing on a ticket, by time, each carried out when it was due and to no effect in the ticket."""
    return sorted((found for episode in evaluation.episodes for found in _firings(evaluation, episode)), key=lambda each: each[1])


def _firings(evaluation: Evaluation, episode: Episode) -> Iterator[tuple[str, Instant]]:
    taken: list[Steps] = []
    applied: Instant | None = None
    now = episode.start
    while now < FOREVER and len(taken) < MOST_STEPS and evaluation.bound(episode.rule).rule.steps:
        found = ahead(evaluation, episode, taken, applied, now)
        if found.due is None:
            now = next((max(start, found.next_look) for start, end in episode.stretches if found.next_look < end), FOREVER)
        else:
            yield episode.rule, now
            taken.append(found.due.steps)
            applied = now


def report(history: History) -> str:
    """The table, and what can't be shown."""
    tickets = list(tickets_of(history))
    found = effects(tickets, rules_of(history), max(event.at for event in history.events))
    header = ("Protocol", "Tickets", "Share", "Firings", "First one, median after", "of the ticket's life")
    rows = [effect.row(name, len(tickets)) for name, effect in found.items()]
    unseen = [f"- {why}: " + ", ".join(f"`{name}`" for name in names) for why, names in UNSEEN.items()]
    return "\n".join((table(header, rows), "", "What the log does not hold, and who looks at it:", "", *unseen))


def main() -> None:
    path = log()
    if path is not None:
        print(report(load_log(path)))


if __name__ == "__main__":
    main()
