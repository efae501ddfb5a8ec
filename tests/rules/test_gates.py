"""What holds back a write that is due: a rule's own hold, and the time of a team that has just received the ticket."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from rules.binding import bind
from rules.calendars import ALWAYS, calendar
from rules.engine import Evaluation, evaluate
from rules.gates import Closed, Keeping, closed, keeping
from rules.instants import FOREVER, HOUR, MINUTE, Instant
from rules.protocol.actions import Action, Assign, Comment, Escalate, RaisePriority, Tell
from rules.protocol.conditions import Condition, OneOf, State
from rules.protocol.durations import CALENDAR_OF_TEAM, Duration
from rules.protocol.organisation import CalendarHours, Chain, Organisation, Team, Tier
from rules.protocol.rule import Mode, Rule, Step
from rules.protocol.rulebook import Rulebook
from rules.ticket import Actor, Change, Kind, Ticket, TicketRef, Value
from rules.timeline import timeline
from rules.world import Directory, World

MONDAY: Instant = 1_772_438_400_000  # 2026-03-02T08:00:00Z
OPEN = State("status", OneOf(("open",)))
FROZEN = State("labels", OneOf(("frozen",)))
OFFICE = calendar(CalendarHours("office", "UTC", dict.fromkeys(range(5), ((9 * 60, 17 * 60),))))
TIERS = (Tier("sd"), Tier("ops", Duration(2 * HOUR, calendar="office")), Tier("eng"))
ORGANISATION = Organisation(
    teams={name: Team(name, {"desk": (f"{name}-id",)}) for name in ("sd", "ops", "eng")},
    chains={"line": Chain("line", TIERS), "night": Chain("night", (Tier("ops", Duration(HOUR)),))},
)
DIRECTORY = Directory({f"{name}-id": name for name in ("sd", "ops", "eng")}, {})


def ticket(*hand_overs: tuple[int, str, Kind], labels: tuple[str, ...] = ()) -> Ticket:
    """A ticket of Monday, 08:00, at the first line, handed over at these minutes."""
    changes, team = [], "sd-id"
    for n, (minutes, new, kind) in enumerate(hand_overs):
        at = MONDAY + minutes * MINUTE
        changes.append(Change(at, at, n, str(n), "team", team, f"{new}-id", Actor("x", kind)))
        team = f"{new}-id"
    fields: dict[str, Value] = {"status": "open", "team": team, "labels": labels}
    return Ticket(TicketRef("desk", "7"), "SD-7", "", "", MONDAY, MONDAY + 9 * HOUR, fields, tuple(changes))


def rule(*actions: Action, hold_while: Condition | None = None, confidential: bool = False) -> Rule:
    return Rule("r", "R", OPEN, (Step(actions),), Mode.LIVE, hold_while=hold_while, confidential=confidential, only_to=("ops",))


def evaluated(one: Ticket, of: Rule) -> Evaluation:
    world = World({"always": ALWAYS, "office": OFFICE})
    return evaluate(timeline(one), bind(Rulebook(ORGANISATION, (of,), "1"), "desk", DIRECTORY, world), MONDAY + 9 * HOUR)


def gate(one: Ticket, of: Rule, minutes: int, wrote: tuple[int, ...] = ()) -> Closed | None:
    instants = [MONDAY + at * MINUTE for at in wrote]
    return closed(evaluated(one, of), of, of.actions, one, instants, MONDAY + minutes * MINUTE)


BY_ANNA = (30, "ops", Kind.STAFF)
BY_HOIST = (30, "ops", Kind.HOIST)
UP = rule(Escalate("line"))
UNTIL = MONDAY + 3 * HOUR  # two business hours from 09:00 on, longer than the other chain's hour


def test_the_longest_time_of_its_tiers_counts() -> None:
    """F7, F17: a team in two chains has the longer of its times, on the calendar of that time."""
    assert keeping(ticket(BY_ANNA), evaluated(ticket(BY_ANNA), UP)) == Keeping("ops", MONDAY + 30 * MINUTE, UNTIL, by_hoist=False)


@pytest.mark.parametrize("hand_overs", [(), (BY_ANNA, (40, "eng", Kind.STAFF))])
def test_who_was_handed_nothing_or_names_no_time_keeps_nothing(hand_overs: tuple[tuple[int, str, Kind], ...]) -> None:
    """The team of the creation was handed nothing; and the last hand-over alone counts."""
    one = ticket(*hand_overs)
    assert keeping(one, evaluated(one, UP)) is None


@pytest.mark.parametrize(
    ("action", "waits"),
    [(Escalate("line"), True), (Assign("eng"), True), (RaisePriority(by=1), True), (Tell("lead"), False), (Comment("so"), False)],
)
def test_moves_and_raises_wait(action: Action, waits: bool) -> None:
    """F7: what only tells or comments does not."""
    found = gate(ticket(BY_ANNA), rule(action), 31)
    assert (found is not None and found.until == UNTIL) == waits


def test_when_the_time_is_over_nothing_waits() -> None:
    """At the end of the time, not after it."""
    assert gate(ticket(BY_ANNA), UP, 179) is not None
    assert gate(ticket(BY_ANNA), UP, 180) is None


def test_the_ladder_that_handed_it_over_goes_on() -> None:
    """F7: its own next step does not wait; that of a rule that wrote at another time, or of one that a person overtook, does."""
    assert gate(ticket(BY_HOIST), UP, 40, wrote=(30,)) is None
    assert gate(ticket(BY_HOIST), UP, 40, wrote=(20,)) is not None
    assert gate(ticket(BY_ANNA), UP, 40, wrote=(30,)) is not None


def test_confidential_rules_wait_for_nobody() -> None:
    """F7: a security report is not left for half an hour with whoever has it."""
    assert gate(ticket(BY_ANNA), rule(Escalate("line"), confidential=True), 40) is None


def test_a_rule_holds_its_writes_back_while_it_says() -> None:
    """Whatever it does; without an end in sight until the ticket changes."""
    held = rule(Tell("lead"), hold_while=FROZEN)
    assert gate(ticket(labels=("frozen",)), held, 10) == Closed(FOREVER, "while the labels include frozen", ZoneInfo("UTC"))
    assert str(gate(ticket(labels=("frozen",)), held, 10)) == "while the labels include frozen"
    assert gate(ticket(), held, 10) is None


def test_a_time_to_acknowledge_can_lie_on_the_hours_of_the_team_that_has_the_ticket() -> None:
    """Handed over at half past eight, operations have an hour of their own from nine on."""
    teams = {**ORGANISATION.teams, "ops": replace(ORGANISATION.teams["ops"], calendar="office")}
    tier = Tier("ops", Duration(HOUR, calendar=CALENDAR_OF_TEAM))
    own_hours = Organisation(teams=teams, chains={"line": Chain("line", (TIERS[0], tier, TIERS[2]))})
    one, world = ticket(BY_ANNA), World({"always": ALWAYS, "office": OFFICE})
    found = evaluate(timeline(one), bind(Rulebook(own_hours, (UP,), "1"), "desk", DIRECTORY, world), MONDAY + 9 * HOUR)
    assert keeping(one, found) == Keeping("ops", MONDAY + 30 * MINUTE, MONDAY + 2 * HOUR, by_hoist=False)
