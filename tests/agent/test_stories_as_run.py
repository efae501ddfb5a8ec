"""What a story plays is what a running hoist does: the same ticket at the same minutes, in a story and at a desk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

import pytest

from rules.binding import bind
from rules.instants import HOUR, MINUTE, SECOND
from rules.protocol.actions import Escalate, RaisePriority
from rules.protocol.conditions import All, Condition, Held, Not, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.organisation import Chain, Organisation, Tier
from rules.protocol.rule import Rule
from rules.protocol.rulebook import Rulebook
from rules.story_steps import Act, play
from rules.ticket import Actor, Kind, Ticket, TicketRef, Value
from rules.world import World
from tests.agent.desk import MONDAY, OPEN, ORGANISATION, SOURCE, UNOWNED, Desk, again, rule

FROZEN: Final = State("labels", OneOf(("freeze",)))
URGENT: Final = State("priority", OneOf(("P1", "P2")))
WATCHED: Final = ("team", "priority", "assignee", "labels")


def held(condition: Condition, minutes: int) -> Condition:
    return Held(condition, Duration(minutes * MINUTE))


RULES: Final[tuple[Rule, ...]] = (
    rule("unowned", UNOWNED, actions=(Escalate("line"), RaisePriority(1)), repeat=again(40, 2)),
    rule("urgent", held(All((OPEN, URGENT)), 10), actions=(Escalate("line"),), hold_while=FROZEN),
    rule(
        "desk",
        held(All((OPEN, State("team", OneOf(("sd",))), Not(FROZEN))), 25),
        actions=(Escalate("line"), RaisePriority(to="P1")),
    ),
)


class KeepingDesk(Desk):
    """Operations has twenty minutes for a ticket that it got, engineering an hour."""

    organisation: Organisation = replace(
        ORGANISATION,
        chains={"line": Chain("line", (Tier("sd"), Tier("ops", Duration(20 * MINUTE)), Tier("eng", Duration(HOUR))))},
    )


def acts(rng: Random) -> list[tuple[int, str, dict[str, Value]]]:
    """What people do: minutes after the creation, who, and what the ticket becomes."""
    choices: tuple[dict[str, Value], ...] = (
        {"assignee": "anna"},
        {"assignee": None},
        {"labels": ("freeze",)},
        {"labels": ()},
        {"team": "sd"},
        {"team": "ops", "assignee": "bert"},
        {"priority": "p2"},
        {"status": "resolved"},
        {"status": "open"},
    )
    minute, told = 0, []
    for _ in range(rng.randrange(6)):
        minute += rng.choice((3, 7, 12, 18, 33))
        told.append((minute, rng.choice(("anna", "bert")), rng.choice(choices)))
    return told


@pytest.mark.parametrize("seed", [0, 1, 3, 5, 8, 9])
def test_a_story_plays_what_hoist_does(tmp_path: Path, seed: int) -> None:
    """F6: moves, priorities, repetitions, what is held back and for how long: the values of the ticket, minute by minute."""
    rng = Random(seed)
    told, rules = acts(rng), rng.sample(RULES, 2)
    desk = KeepingDesk(tmp_path, *rules, poll=MINUTE)
    name = desk.ticket(assignee=None, status="open", labels=())
    first = {field: desk.stored(name).fields[field] for field in (*WATCHED, "status")}
    for minute, who, values in told:
        desk.run(MONDAY + minute * MINUTE - desk.clock.now())
        desk.helpdesk.change(name, who, **values)
    desk.run(MONDAY + 3 * HOUR - desk.clock.now())
    ran = desk.helpdesk.ticket(name)
    assert ran is not None

    book = Rulebook(KeepingDesk.organisation, tuple(replace(r, order=n) for n, r in enumerate(rules)), "1")
    bound = bind(book, SOURCE, desk.connector.directory(), World())
    ticket = Ticket(TicketRef(SOURCE, name), name, "", "", MONDAY, MONDAY, {**first, "queue": 0})
    deeds = [Act(MONDAY + minute * MINUTE, Actor(who, Kind.STAFF), values) for minute, who, values in told]
    played = play(bound, ticket, deeds, MONDAY + 3 * HOUR)
    assert {field: played.ticket.fields[field] for field in WATCHED} == {field: ran.fields[field] for field in WATCHED}
    moved = [(round((c.at - MONDAY) / MINUTE), c.field, c.new) for c in played.ticket.changes if c.by.kind is Kind.HOIST]
    wrote = [(round((s.at - 5 * SECOND - MONDAY) / MINUTE), i.field, i.new) for s in desk.saves(name) for i in s.items]
    assert [each[1:] for each in _in_order(moved)] == [each[1:] for each in _in_order(wrote)]
    # what people did is read at the next poll, a minute later at most
    assert all(0 <= b[0] - a[0] <= 1 for a, b in zip(_in_order(moved), _in_order(wrote), strict=True))


def _in_order(changes: list[tuple[int, str, Value]]) -> list[tuple[int, str, Value]]:
    return sorted(changes, key=lambda change: (change[1], change[0]))
