"""The platform's targets under another priority: how long they are is read off the tickets that have it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from agent.plan.clocks import Jump, Lengths, RunningTarget, jumps, measured, running, usual
from rules.binding import BoundRules, bind
from rules.calendars import calendar
from rules.instants import DAY, HOUR, MINUTE, Instant, instant
from rules.protocol.organisation import CalendarHours, Organisation
from rules.protocol.rulebook import Rulebook
from rules.ticket import Actor, Change, Kind, Ticket, TicketRef, Value
from rules.world import Directory, World
from tests.agent.command_line import FORGOTTEN, RULES, desk

OFFICE = CalendarHours("office", "UTC", dict.fromkeys(range(5), ((9 * 60, 17 * 60),)))
MONDAY = instant(datetime(2026, 3, 2, 9, tzinfo=UTC))  # the calendar opens
TARGET = "Time to resolution"


def rules() -> BoundRules:
    book = Rulebook(Organisation(calendar="office"), (), "1")
    return bind(book, "desk", Directory({}, {}), World({"office": calendar(OFFICE)}))


def ticket(number: int, priority: str, due: Instant | None, *changes: tuple[Instant, str, Value, Value]) -> Ticket:
    fields: dict[str, Value] = {"status": "open", "priority": priority, f"target.{TARGET}": due, f"target.{TARGET}.start": MONDAY}
    fields |= {field: new for _, field, _, new in changes}
    nora = Actor("nora", Kind.STAFF)
    told = tuple(Change(at, at, n, str(n), field, old, new, nora) for n, (at, field, old, new) in enumerate(changes))
    name = f"T-{number}"
    return Ticket(TicketRef("desk", name), name, "", "1", MONDAY, MONDAY + 30 * DAY, fields, told, (), MONDAY)


def lengths(hours: int, number: int = 5) -> Lengths:
    return measured([ticket(n, "p1", MONDAY + hours * HOUR) for n in range(number)], rules())


def test_a_target_is_as_long_as_most_of_its_priority() -> None:
    """Four business hours over night are four; a ticket whose priority changed on the way says nothing."""
    over_night = ticket(1, "p1", MONDAY + DAY + HOUR, (MONDAY + HOUR, "status", "open", "open"))
    raised = ticket(2, "p1", MONDAY + HOUR, (MONDAY + MINUTE, "priority", "p2", "p1"))
    assert measured([over_night, raised], rules()) == {("desk", TARGET, "p1", 9 * 60): 1}


def test_what_a_ticket_waited_is_not_counted_against_it() -> None:
    """A clock that has run since nine, two hours of which the ticket waited on its requester, has run for three at two."""
    waits = (MONDAY + HOUR, "status", "open", "pending"), (MONDAY + 3 * HOUR, "status", "pending", "open")
    assert running(ticket(1, "p2", MONDAY + 8 * HOUR, *waits), rules(), MONDAY + 5 * HOUR) == (RunningTarget(TARGET, 180),)
    assert running(ticket(1, "p2", None), rules(), MONDAY + 5 * HOUR) == (), "a clock that stands is set to nothing"


def test_nothing_is_said_of_a_priority_of_which_little_is_known() -> None:
    """Fewer than five tickets, or a clock of which the platform does not say when it began."""
    ran = (RunningTarget(TARGET, 300),)
    assert list(jumps(usual(lengths(4)), "desk", "T-1", "p1", ran)) == [Jump("desk", "T-1", TARGET, missed=True)]
    assert list(jumps(usual(lengths(6)), "desk", "T-1", "p1", ran)) == [Jump("desk", "T-1", TARGET, missed=False)]
    assert list(jumps(usual(lengths(4, 4)), "desk", "T-1", "p1", ran)) == [Jump("desk", "T-1", TARGET, None)]
    assert list(jumps(usual(lengths(4)), "desk", "T-1", "p1", (RunningTarget(TARGET, None),))) == [
        Jump("desk", "T-1", TARGET, None)
    ]


def test_each_priority_may_have_a_target_of_its_own() -> None:
    """Priority 3 resolution becomes Priority 1 resolution: of the same name but for the number."""
    known: Lengths = Counter({("desk", "Priority 1 resolution", "p1", 240): 5, ("desk", "Priority 1 response", "p1", 15): 5})
    found = jumps(usual(known), "desk", "T-1", "p1", (RunningTarget("Priority 3 resolution", 60),))
    assert list(found) == [Jump("desk", "T-1", "Priority 3 resolution", missed=False)]


def test_a_plan_names_the_clocks_that_jump(tmp_path: Path) -> None:
    """A rule that raises a request whose SLA runs: the plan says so, and as long as nobody knows the new length, that too."""
    with desk(tmp_path) as made:
        made.sandbox.set_goal(1, 8 * HOUR)
        made.write(made.settings() | {"targets": [TARGET]}, rules=RULES.replace("15 minutes", "3 hours"))
        assert made.hoist("run", "--once").code == 0
        draft = tmp_path / "draft"
        draft.mkdir()
        for name in ("organisation.yaml", "rules.yaml"):
            (draft / name).write_text((tmp_path / "protocol" / name).read_text(encoding="utf-8"), encoding="utf-8")
        (draft / "rules.yaml").write_text(RULES.replace("escalate: it", "raise_priority: 1"), encoding="utf-8")
        said = made.hoist("plan", "--protocol", draft, "--out", tmp_path / "plan.json").words
    assert "SLA clocks that jump 1 set anew by the new priority, nobody knows how long they are then" in said
    assert f"jira:{FORGOTTEN} ({TARGET})" in said
