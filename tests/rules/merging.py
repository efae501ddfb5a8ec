"""A service desk whose rules meet: teams, chains, a rota, and rules that are due on one ticket."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from rules.binding import BoundRules, bind
from rules.calendars import calendar
from rules.confidential import cloaked
from rules.escalation import Escalation, FiringKey
from rules.instants import DAY, HOUR
from rules.merge import DueStep, merge
from rules.protocol.actions import Action
from rules.protocol.conditions import OneOf, State
from rules.protocol.organisation import CalendarHours, Chain, Organisation, PriorityLevel, Team, Tier
from rules.protocol.rule import Mode, Rule, Step
from rules.protocol.rulebook import Rulebook
from rules.rota import Rota, Shift
from rules.ticket import Change, Ticket, TicketRef, Value
from rules.world import Directory, Person, World

SOURCE: Final = "desk"
NOW: Final = 1_772_438_400_000  # Monday 2026-03-02T08:00:00Z
OPEN: Final = State("status", OneOf(("open",)))
OFFICE: Final = CalendarHours("office", "UTC", dict.fromkeys(range(5), ((9 * 60, 17 * 60),)))
IDS: Final = {"service-desk": "g1", "network-ops": "g2", "network-eng": "g3", "databases": "g9", "csirt": "g7", "nights": "g4"}
MORE: Final = {
    "service-desk": Team("", lead="anna@example.com"),
    "network-ops": Team("", lead="bob@example.com", language="nl-BE"),
    "network-eng": Team("", on_call="rotas/eng.ics", lead="eve@example.com"),
    "nights": Team("", on_call="rotas/nights.ics", calendar="office"),
    "csirt": Team("", on_call="rotas/csirt.ics"),
}
ORGANISATION: Final = Organisation(
    priorities=(
        PriorityLevel("P1", {"elsewhere": ("urgent",)}),  # this source has no such level
        PriorityLevel("P2", {SOURCE: ("2", "2b")}),
        PriorityLevel("P3", {SOURCE: ("3",)}),
        PriorityLevel("P4", {"elsewhere": ("low",)}),
        PriorityLevel("P5", {SOURCE: ("5",)}),
    ),
    teams={name: replace(MORE.get(name, Team("")), name=name, sources={SOURCE: (native,)}) for name, native in IDS.items()}
    | {"vendor": Team("vendor")},
    chains={
        "network": Chain("network", (Tier("service-desk"), Tier("network-ops"), Tier("vendor"), Tier("network-eng"))),
        "vendor": Chain("vendor", (Tier("network-eng"), Tier("vendor"))),
        "watch": Chain("watch", (Tier("service-desk"), Tier("nights"), Tier("network-eng"))),
        "breach": Chain("breach", (Tier("service-desk"), Tier("csirt"))),
    },
    roles={"duty-manager": "rotas/duty.ics", "head-of-it": "henk@example.com", "nobody-knows": "rotas/lost.ics"},
    calendars={"office": OFFICE},
)
PEOPLE: Final = {
    "anna": Person("anna", "Anna", email="anna@example.com"),
    "bert": Person("bert", "Bert", email="bert@example.com"),
    "ruth": Person("ruth", "Ruth"),
    "gone": Person("gone", "Gone", active=False, email="gone@example.com"),
}
DIRECTORY: Final = Directory(
    {native: name for name, native in IDS.items()},
    {"2": "High", "2b": "Major", "3": "Medium", "5": "Low"},
    people=PEOPLE,
    managers={"anna": "bert", "ruth": "anna", "bert": "gone"},
)


def rota(name: str, *shifts: Shift) -> Rota:
    return Rota(name, shifts, NOW - 7 * DAY, NOW + 7 * DAY)


WORLD: Final = World(
    calendars={"office": calendar(OFFICE)},
    rotas={
        "rotas/duty.ics": rota("rotas/duty.ics", Shift(NOW - HOUR, NOW + HOUR, ("dora@example.com", "dirk@example.com"))),
        "rotas/eng.ics": rota("rotas/eng.ics", Shift(NOW, NOW + HOUR, ("erik@example.com",))),
        "rotas/nights.ics": rota("rotas/nights.ics", Shift(NOW - 9 * HOUR, NOW - HOUR, ("nora@example.com",))),
        "rotas/csirt.ics": rota("rotas/csirt.ics", Shift(NOW - DAY, NOW + DAY, ("cora@example.com",))),
    },
)


def ticket(*changes: Change, **fields: Value) -> Ticket:
    present: dict[str, Value] = {"status": "open", "team": "g1", "assignee": "anna", "priority": "3", "labels": ("vip",)}
    return Ticket(TicketRef(SOURCE, "7"), "SD-7", "https://desk.example/7", "", 0, 0, present | fields, changes)


def rule(name: str, *actions: Action, order: int = 0, confidential: bool = False, only_to: tuple[str, ...] = ()) -> Rule:
    made = Rule(name, name.capitalize(), OPEN, (Step(actions),), Mode.LIVE, order=order, only_to=only_to)
    return replace(made, calendar="office", confidential=confidential)


def bound(*rules: Rule) -> BoundRules:
    return bind(Rulebook(ORGANISATION, rules, "1"), SOURCE, DIRECTORY, WORLD)


def key(name: str, step: int = 0) -> FiringKey:
    return FiringKey(SOURCE, "7", name, 1, step)


VALUES: Final = {"team": "service-desk", "former_team": "service-desk", "held": "2 hours", "key": "SD-7", "priority": "P3"}


def due(one: Rule, step: int = 0, **values: str) -> DueStep:
    """The rule's step, as the running hoist knows it: a confidential one by its opaque id."""
    one = cloaked(one, b"")
    return DueStep(key(one.id, step), one, ("the status is open: yes",), "the status is open", VALUES | values, one.actions)


def merged(one: Ticket, *rules: Rule, at: int = NOW) -> Escalation:
    return merge(one, [due(r) for r in rules], bound(*rules), at)


def written(escalation: Escalation) -> dict[str, Value]:
    return {change.field: change.new for change in escalation.changes}


def said(escalation: Escalation) -> list[str]:
    return (escalation.comment or "").split("\n")
