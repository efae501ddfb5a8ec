"""Written rules on a ticket: what waits for the morning, and what goes on when the ticket is resolved."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from rules.binding import bind
from rules.calendars import calendar
from rules.engine import evaluate
from rules.instants import HOUR, Instant, instant
from rules.ladder import ahead
from rules.ticket import Actor, Change, Kind, Ticket, TicketRef, Value
from rules.timeline import timeline
from rules.world import Directory, World
from tests.rules.protocol_texts import loaded

ANNA = Actor("anna", Kind.STAFF)
DIRECTORY = Directory(
    {"1": "Service Desk", "2": "Network Operations", "3": "Network Night", "4": "Network Engineering"},
    {"1": "Highest", "2": "High", "3": "Medium", "4": "Low"},
)


def at(text: str) -> Instant:
    """A local time in Amsterdam, in March 2026: `28 11:00` is a Saturday."""
    return instant(datetime.strptime(f"2026-03-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo("Europe/Amsterdam")))


def ticket(created: Instant, *acts: tuple[Instant, str, Value]) -> Ticket:
    """An urgent ticket that nobody owns, and what Anna does to it."""
    present: dict[str, Value] = {"status": "open", "assignee": None, "team": "1", "priority": "2", "labels": ("security",)}
    changes = []
    for n, (when, name, new) in enumerate(acts):
        changes.append(Change(when, when, n, str(n), name, present[name], new, ANNA))
        present[name] = new
    return Ticket(TicketRef("jira-cloud", "7"), "SD-7", "", "", created, created + 400 * HOUR, present, tuple(changes))


def due(body: str, rule: str, one: Ticket, now: Instant) -> tuple[int, ...]:
    """The steps of a rule that nothing was done about, as they are due at an instant."""
    rulebook = loaded("rules:\n  - rule: one\n" + "".join(f"    {line}\n" for line in body.strip("\n").splitlines())).rulebook
    hours = {name: calendar(written) for name, written in rulebook.organisation.calendars.items()}
    evaluation = evaluate(timeline(one), bind(rulebook, "jira-cloud", DIRECTORY, World(hours)), now)
    episode = next((each for each in evaluation.episodes_of(rule) if each.holds_at(now)), None)
    found = None if episode is None else ahead(evaluation, episode, (), None, now).due
    return () if found is None else found.steps


NIGHT = """
mode: live
when: {priority: P2, assignee: nobody, time: {outside: office}}
for: 1 hour
calendar: always
do: {page: duty-manager}
at_next_opening: {escalate: network}
"""


def test_what_nobody_took_at_the_weekend_is_moved_on_monday_morning() -> None:
    """Paged after an hour; moved when the office opens, although the rule is about the hours outside it."""
    one = ticket(at("28 10:00"))
    steps = [due(NIGHT, "one", one, at(when)) for when in ("28 10:59", "28 11:00", "30 08:59", "30 09:00")]
    assert steps == [(), (0,), (0,), (0, 1)]


def test_what_was_taken_by_monday_is_not_moved() -> None:
    """Somebody has it before the office opens: the rule is over."""
    one = ticket(at("28 10:00"), (at("29 12:00"), "assignee", "anna"))
    assert due(NIGHT, "one", one, at("30 09:00")) == ()


def test_what_falls_due_within_office_hours_is_none_of_its() -> None:
    """A ticket of Monday morning was never outside the hours."""
    assert due(NIGHT, "one", ticket(at("30 09:30")), at("30 11:00")) == ()


DEADLINE = """
mode: live
when: {label: security, status: open}
unless: {label: checked}
do: {page: duty-manager}
deadline: {name: notice, time: 72 hours, warn: 24 hours, tell: duty-manager}
"""


def test_a_statutory_clock_survives_the_ticket() -> None:
    """Resolved after an hour: nothing more of the rule, and its deadline goes on, unless somebody has checked it."""
    created = at("02 10:00")
    resolved = (created + HOUR, "status", "resolved")
    told = [due(DEADLINE, "one-deadline", ticket(created, resolved), created + hours * HOUR) for hours in (23, 24, 72)]
    assert told == [(), (0,), (0, 1)]
    assert due(DEADLINE, "one", ticket(created, resolved), created + 2 * HOUR) == ()
    checked = ticket(created, resolved, (created + 30 * HOUR, "labels", ("checked", "security")))
    assert due(DEADLINE, "one-deadline", checked, created + 72 * HOUR) == ()
