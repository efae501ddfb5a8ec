"""Coverage found out the slow way: tickets of many arrivals, each run through the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from rules.instants import Instant
from rules.protocol.rulebook import Rulebook
from rules.prove import Guard, Proof, Years
from rules.prove.coverage import coverage, usual_guards
from rules.prove.replay import ticket_of, written
from rules.prove.setting import Setting
from rules.ticket import Value
from rules.world import World

YEAR = Years(2026, 2026)
URGENT: Mapping[str, Sequence[Value]] = {
    "priority": ("P1",),
    "status": ("new",),
    "team": ("service-desk", "network-ops", "network-eng", "another", None),
    "assignee": ("anna", None),
    "labels": ((), ("x",)),
}
"""The fields of urgent tickets, each with the values that are tried."""


def asked(rulebook: Rulebook, world: World, guards: Sequence[Guard] = (), years: Years = YEAR) -> list[Proof]:
    """The answers about some guards; about the usual ones where there are none."""
    named = tuple(guards) or usual_guards(rulebook)
    return list(coverage(Setting(rulebook, world, [guard.condition for guard in named], years, 5.0), named))


def longest_waits(
    rulebook: Rulebook, world: World, arrivals: Iterable[Instant], fields: Mapping[str, Sequence[Value]] = URGENT
) -> list[int | None]:
    """How long each ticket waits to be escalated, by the engine; None where it never is."""
    setting = Setting(rulebook, world, [], YEAR, 5.0)
    among = [setting.bound.rule(rule.id) for rule in setting.rules]
    found: list[int | None] = []
    for arrival in arrivals:
        for values in product(*fields.values()):
            ticket = ticket_of(setting.bound, dict(zip(fields, values, strict=True)), arrival)
            steps = written(setting.bound, ticket, among, confidential=setting.confidential)
            first = next((step for step in steps if step.escalates), None)
            found.append(None if first is None else first.at - arrival)
    return found
