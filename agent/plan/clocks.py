"""The platform's own targets that another priority sets anew: which of them are found missed at once.

Nobody tells how long a target of another priority is. It is read off the tickets that have it, as `rules.clock_referee` does:
from the start of a cycle to its due instant, in business time, most of them have one length. A target that has run for longer
than that when its ticket is raised is missed in that moment, if the platform counts from where it began. Where each priority has
targets of its own (ServiceNow's `Priority 2 resolution`), those are compared whose names are the same but for their numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rules.binding import BoundRules
from rules.calendars import ALWAYS, Calendar
from rules.clock_referee import ENOUGH, cycles, run_so_far
from rules.instants import Instant
from rules.protocol.actions import RaisePriority
from rules.ticket import TARGET, Ticket
from rules.timeline import timeline

SAMPLED: Final = 20
"""Tickets of a priority that are measured in each piece of the mirror."""

Lengths = Counter[tuple[str, str, str, int]]
"""How many cycles there are of a source, target, priority and length in minutes."""
Usual = Mapping[tuple[str, str, str], int]
"""Minutes by source, target (its name without numbers) and priority."""


@dataclass(frozen=True, slots=True)
class RunningTarget:
    """A target that runs on a ticket when its priority changes, and for how many minutes it has; None where that is not known."""

    name: str
    minutes: int | None


@dataclass(frozen=True, slots=True)
class Jump:
    """A target that another priority sets anew. `missed`: at once, by what is known; None where nothing is."""

    source: str
    key: str
    target: str
    missed: bool | None


def raises(rules: BoundRules, changed: Iterable[str]) -> bool:
    """Whether any of these rules changes priorities: else no target is measured."""
    return any(isinstance(action, RaisePriority) for rule in changed for action in rules.rule(rule).rule.actions)


def measured(tickets: Iterable[Ticket], rules: BoundRules) -> Lengths:
    """The lengths of some of the targets of each priority; those whose priority changed on the way are left out."""
    lengths, taken, hours = Lengths(), Counter[object](), _hours(rules)
    for ticket in tickets:
        priority = ticket.fields.get("priority")
        if taken[priority] >= SAMPLED or not any(name.startswith(TARGET) for name in ticket.fields):
            continue
        for cycle in cycles(ticket, timeline(ticket), hours, ticket.key):
            if not cycle.reprioritised:
                taken[priority] += 1
                lengths[ticket.ref.source, cycle.target, cycle.priority, cycle.own] += 1
    return lengths


def running(ticket: Ticket, rules: BoundRules, at: Instant) -> tuple[RunningTarget, ...]:
    """The targets that run on a ticket at an instant."""
    if not any(name.startswith(TARGET) for name in ticket.fields):
        return ()
    return tuple(RunningTarget(*each) for each in run_so_far(ticket, timeline(ticket), _hours(rules), at))


def usual(lengths: Lengths) -> Usual:
    """The length that most targets of a name and priority have, where enough are known."""
    found: dict[tuple[str, str, str], Counter[int]] = {}
    for (source, name, priority, minutes), number in lengths.items():
        found.setdefault((source, _family(name), priority), Counter())[minutes] += number
    return {place: known.most_common(1)[0][0] for place, known in found.items() if known.total() >= ENOUGH}


def jumps(known: Usual, source: str, key: str, priority: str, targets: Sequence[RunningTarget]) -> Iterator[Jump]:
    """What becomes of the targets of a ticket that gets this priority."""
    for target in targets:
        length = known.get((source, _family(target.name), priority))
        missed = None if length is None or target.minutes is None else target.minutes >= length
        yield Jump(source, key, target.name, missed)


def _family(name: str) -> str:
    return re.sub(r"\d+", "#", name).casefold()


def _hours(rules: BoundRules) -> Calendar:
    return rules.calendars.get(rules.organisation.calendar or "") or ALWAYS
