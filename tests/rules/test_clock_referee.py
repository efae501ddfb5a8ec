"""The platform's targets against hoist's own business time: where they disagree, and why, likely."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rules.calendars import calendar
from rules.clock_referee import ENOUGH, Cause, Disagreement, Referee
from rules.instants import DAY, HOUR, MINUTE, Instant, instant
from rules.protocol.organisation import CalendarHours
from rules.ticket import Actor, Change, Kind, Ticket, TicketRef, Value
from rules.timeline import timeline

HOURS = calendar(CalendarHours("office", "UTC", dict.fromkeys(range(5), ((9 * 60, 17 * 60),))))
MONDAY = instant(datetime(2026, 3, 2, 9, tzinfo=UTC))  # the calendar opens
NORA = Actor("nora", Kind.STAFF)


def ticket(number: int, due: Instant, *changes: tuple[Instant, str, Value, Value], start: Instant = MONDAY) -> Ticket:
    """A ticket whose target runs from `start` to `due`."""
    fields: dict[str, Value] = {"status": "open", "priority": "p1", "target.Time to fix": due, "target.Time to fix.start": start}
    fields |= {field: new for _, field, _, new in changes}
    told = tuple(Change(at, at, n, str(n), field, old, new, NORA) for n, (at, field, old, new) in enumerate(changes))
    name = f"T-{number}"
    return Ticket(TicketRef("desk", name), name, "", "1", start, start + 30 * DAY, fields, told, (), start)


def found(*tickets: Ticket) -> Disagreement:
    """What the referee says of the one target."""
    referee = Referee()
    for each in tickets:
        referee.add(each, timeline(each), HOURS, each.key)
    (said,) = referee.disagreements()
    return said


def usual() -> list[Ticket]:
    """Tickets whose target is four hours of business time, one of them over night."""
    return [
        *(ticket(n, MONDAY + 4 * HOUR) for n in range(ENOUGH - 1)),
        ticket(ENOUGH, MONDAY + DAY + HOUR, start=MONDAY + 5 * HOUR),
    ]


def test_clocks_that_agree_are_said_to() -> None:
    """Four business hours are four business hours, over night too: every cycle was compared, and none differs."""
    assert found(*usual()) == Disagreement("Time to fix", ENOUGH, {}, ())


def test_a_pause_of_the_platform_that_is_hoists_too_is_no_disagreement() -> None:
    """Two hours of waiting on the requester move the due instant by two hours."""
    waited = ((MONDAY + HOUR, "status", "open", "pending"), (MONDAY + 3 * HOUR, "status", "pending", "open"))
    assert found(*usual(), ticket(99, MONDAY + 6 * HOUR, *waited)).causes == {}


@pytest.mark.parametrize(
    ("odd", "cause"),
    [
        (
            ticket(
                99,
                MONDAY + 4 * HOUR,
                (MONDAY + HOUR, "status", "open", "pending"),
                (MONDAY + 3 * HOUR, "status", "pending", "open"),
            ),
            Cause.NO_PAUSE,
        ),
        (ticket(99, MONDAY + 8 * HOUR + 2 * HOUR, start=MONDAY + 6 * HOUR), Cause.ROUND_THE_CLOCK),
        (ticket(99, MONDAY + 2 * HOUR, (MONDAY + HOUR, "priority", "p2", "p1")), Cause.PRIORITY),
        (ticket(99, MONDAY + 3 * HOUR + 17 * MINUTE), Cause.CALENDAR),
    ],
    ids=lambda value: value.name if isinstance(value, Cause) else "ticket",
)
def test_a_disagreement_is_told_with_its_likely_cause_and_the_ticket(odd: Ticket, cause: Cause) -> None:
    """The clock that ran on while the ticket waited, that never closes, another priority, another calendar: each by name."""
    said = found(*usual(), odd)
    assert (said.compared, said.causes, said.examples) == (ENOUGH + 1, {cause: 1}, ("T-99",))


def test_a_handful_of_cycles_proves_nothing() -> None:
    """Fewer cycles than that have no most frequent length, and nothing is said of them."""
    referee = Referee()
    for each in usual()[: ENOUGH - 1]:
        referee.add(each, timeline(each), HOURS, each.key)
    assert referee.disagreements() == []


def test_a_target_that_was_met_is_compared_as_well() -> None:
    """It is due no more, and its last due instant stands in the history."""
    met = ticket(99, MONDAY + 3 * HOUR, (MONDAY + HOUR, "target.Time to fix", MONDAY + 3 * HOUR, None))
    assert found(*usual(), met).causes == {Cause.CALENDAR: 1}
