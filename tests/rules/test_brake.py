"""What is a loop with an automation, and what is not, told from a ticket's history alone."""

from __future__ import annotations

from typing import Final

import pytest

from rules.brake import brought_about, taken_back
from rules.instants import DAY, HOUR, MINUTE, Instant
from rules.ticket import Actor, Change, Kind, Message, Ticket, TicketRef, Value

HOIST, BOT, ANNA = Actor("hoist", Kind.HOIST), Actor("bot", Kind.AUTOMATION), Actor("anna", Kind.STAFF)
NOON: Final[Instant] = 1_772_452_800_000

Told = tuple[int, str, Value, Value, Actor]


def ticket(*changes: Told, said: int | None = None) -> Ticket:
    made = tuple(
        Change(NOON + after, NOON + after, n, f"{n}", name, old, new, by) for n, (after, name, old, new, by) in enumerate(changes)
    )
    messages = () if said is None else (Message(NOON + said, NOON + said, "1", ANNA, public=False),)
    return Ticket(TicketRef("desk", "1"), "T-1", "", "1", NOON, NOON + DAY, {}, made, messages)


def round_of(start: int, by: Actor = BOT, field: str = "team") -> tuple[Told, Told]:
    return (start, field, "sd", "ops", HOIST), (start + MINUTE, field, "ops", "sd", by)


def test_twice_within_a_day_is_a_loop() -> None:
    """The second time that an automation takes the team back the brake trips, for a day."""
    brake = taken_back(ticket(*round_of(0), *round_of(HOUR)), {"team"})
    assert brake is not None
    assert (brake.since, brake.until) == (NOON + HOUR + MINUTE, NOON + HOUR + MINUTE + DAY)
    assert "the team" in brake.why


@pytest.mark.parametrize(
    "changes",
    [
        round_of(0),
        (*round_of(0), *round_of(2 * DAY)),
        (*round_of(0), *round_of(HOUR, ANNA)),
        (*round_of(0, ANNA), *round_of(HOUR)),
        (*round_of(0), (HOUR, "team", "sd", "eng", ANNA), *round_of(2 * HOUR)),
        (*round_of(0), *round_of(HOUR, BOT, "priority")),
        ((0, "team", "sd", "ops", BOT), (1, "team", "ops", "sd", BOT), (2, "team", "sd", "ops", BOT)),
    ],
    ids=["once", "days apart", "then a person", "first a person", "a person between", "another field", "hoist wrote nothing"],
)
def test_anything_else_is_none(changes: tuple[Told, ...]) -> None:
    """Once, days apart, or with a person among them: no loop with an automation."""
    assert taken_back(ticket(*changes), {"team"}) is None


def test_only_steps_that_would_write_the_field_are_held() -> None:
    """A step that raises the priority has nothing to do with a team that goes to and fro; team and person are one."""
    history = ticket(*round_of(0), *round_of(HOUR))
    assert taken_back(history, {"priority"}) is None
    assert taken_back(history, {"assignee"}) is not None
    assert taken_back(history, ()) is None


def test_an_automation_that_adds_to_it_takes_nothing_back() -> None:
    """Labels that the helpdesk adds beside hoist's, and a person whom it chooses for a ticket without an owner, are no loop."""
    labels = [(n * HOUR, "labels", (), ("hot",), HOIST) for n in range(3)]
    added = [(n * HOUR + MINUTE, "labels", ("hot",), ("hot", "seen"), BOT) for n in range(3)]
    assert taken_back(ticket(*sorted([*labels, *added], key=lambda told: told[0])), {"labels"}) is None
    cleared = [(n * HOUR, "assignee", "anna", None, HOIST) for n in range(3)]
    chosen = [(n * HOUR + MINUTE, "assignee", None, "bert", BOT) for n in range(3)]
    assert taken_back(ticket(*sorted([*cleared, *chosen], key=lambda told: told[0])), {"team"}) is None


def test_what_was_before_a_release_counts_no_more() -> None:
    """After somebody let go of the brake it takes two further rounds."""
    history = ticket(*round_of(0), *round_of(HOUR), *round_of(2 * HOUR))
    assert taken_back(history, {"team"}, NOON + HOUR + MINUTE) is None
    assert taken_back(history, {"team"}, NOON + MINUTE) is not None


SPARK: Final[tuple[Told, Told]] = (
    (MINUTE, "status", "pending", "open", BOT),
    (21 * MINUTE, "status", "pending", "open", BOT),
)


def test_brought_about_twice_by_an_automation_is_a_loop() -> None:
    """The rule acted twice, each time an automation answered, and here it is due again."""
    wrote = [NOON, NOON + 20 * MINUTE]
    brake = brought_about(ticket(*SPARK), wrote, NOON + 40 * MINUTE)
    assert brake is not None
    assert brake.since == NOON + 21 * MINUTE


@pytest.mark.parametrize(
    ("history", "wrote"),
    [
        (ticket(*SPARK), [NOON]),
        (ticket(*SPARK[:1]), [NOON, NOON + 20 * MINUTE]),
        (ticket(*SPARK, said=10 * MINUTE), [NOON, NOON + 20 * MINUTE]),
        (ticket(*SPARK, (30 * MINUTE, "labels", (), ("x",), ANNA)), [NOON, NOON + 20 * MINUTE]),
        (ticket(SPARK[0], (DAY, "status", "pending", "open", BOT)), [NOON, NOON + DAY - MINUTE]),
    ],
    ids=["once", "of itself", "a person spoke", "a person acted", "a day apart"],
)
def test_a_rule_that_comes_about_otherwise_is_no_loop(history: Ticket, wrote: list[Instant]) -> None:
    """Where a person did anything in between, or no automation did, the rule acts on what is new."""
    assert brought_about(history, wrote, wrote[-1] + 20 * MINUTE) is None


def test_a_release_forgets_what_was_written_before() -> None:
    """After somebody let go of the brake it takes two further rounds of the rule."""
    assert brought_about(ticket(*SPARK), [NOON, NOON + 20 * MINUTE], NOON + 40 * MINUTE, NOON + 5 * MINUTE) is None
