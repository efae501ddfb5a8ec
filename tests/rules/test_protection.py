"""A field that a person changed after hoist wrote it is theirs: until when, and until what (story F18)."""

from __future__ import annotations

from typing import Final

import pytest

from rules.instants import DAY, HOUR, MINUTE, Instant
from rules.protection import keeper, may_write, overrides, protected
from rules.protocol.actions import Comment, Escalate, SetField
from rules.protocol.conditions import OneOf, State
from rules.protocol.rule import Rule, Step
from rules.ticket import Actor, Change, Kind, Ticket, TicketRef, Value

HOIST: Final = Actor("hoist", Kind.HOIST)
ANNA, BERT = Actor("anna", Kind.STAFF), Actor("bert", Kind.STAFF)
BOT: Final = Actor("bot", Kind.AUTOMATION)
NOON: Final[Instant] = 1_772_452_800_000

Told = tuple[int, str, Value, Value, Actor]


def ticket(*changes: Told) -> Ticket:
    made = tuple(
        Change(NOON + after, NOON + after, n, f"{after}", name, old, new, by)
        for n, (after, name, old, new, by) in enumerate(changes)
    )
    return Ticket(TicketRef("desk", "1"), "T-1", "", "1", NOON, NOON + DAY, {"team": "sd"}, made)


MOVED: Final[Told] = (0, "team", "sd", "ops", HOIST)
TAKEN_BACK: Final[Told] = (MINUTE, "team", "ops", "sd", ANNA)


def test_what_a_person_takes_back_is_theirs_for_a_day() -> None:
    """Anna puts the team back: from that instant on, and for a day, no rule may move the ticket."""
    (found,) = overrides(ticket(MOVED, TAKEN_BACK))
    assert (found.field, found.written, found.by, found.at, found.until) == (
        "team",
        "ops",
        ANNA,
        NOON + MINUTE,
        NOON + MINUTE + DAY,
    )
    assert not protected(ticket(MOVED, TAKEN_BACK), NOON)
    assert set(protected(ticket(MOVED, TAKEN_BACK), NOON + MINUTE)) == {"team"}
    assert set(protected(ticket(MOVED, TAKEN_BACK), NOON + MINUTE + DAY - 1)) == {"team"}
    assert not protected(ticket(MOVED, TAKEN_BACK), NOON + MINUTE + DAY)


@pytest.mark.parametrize(
    "after",
    [
        (HOUR, "status", "open", "resolved", ANNA),
        (HOUR, "team", "sd", "eng", ANNA),
        (HOUR, "team", "sd", "eng", BERT),
        (HOUR, "status", "open", "closed", BOT),
    ],
    ids=["resolved", "handed on", "handed on by a colleague", "closed by the platform"],
)
def test_it_ends_when_it_is_resolved_or_handed_on(after: Told) -> None:
    """Whoever hands a ticket on, or resolves it, leaves the field to the rules again."""
    (found,) = overrides(ticket(MOVED, TAKEN_BACK, after))
    assert found.until == NOON + HOUR


@pytest.mark.parametrize(
    "after",
    [
        (HOUR, "assignee", None, "anna", ANNA),
        (HOUR, "priority", "p3", "p2", ANNA),
        (HOUR, "status", "open", "pending", ANNA),
        (HOUR, "team", "sd", "eng", BOT),
        (MINUTE, "team", "sd", "eng", ANNA),
    ],
    ids=["taken", "another field", "waiting", "an automation", "the same save"],
)
def test_whoever_only_works_on_it_keeps_it(after: Told) -> None:
    """Taking the ticket, waiting for the requester or a change by an automation hands nothing on."""
    (found,) = overrides(ticket(MOVED, TAKEN_BACK, after))
    assert found.until == NOON + MINUTE + DAY


@pytest.mark.parametrize(
    "changes",
    [
        [MOVED],
        [TAKEN_BACK],
        [MOVED, (MINUTE, "team", "ops", "sd", BOT)],
        [MOVED, (MINUTE, "priority", "p3", "p1", ANNA)],
        [MOVED, (MINUTE, "team", "ops", "sd", BOT), (2 * MINUTE, "team", "sd", "eng", ANNA)],
    ],
    ids=["nobody did", "hoist never wrote", "an automation", "another field", "an automation was first"],
)
def test_only_a_person_who_changes_what_hoist_wrote_overrides(changes: list[Told]) -> None:
    """A field that hoist never wrote, or whose value an automation had replaced, is nobody's."""
    assert overrides(ticket(*changes)) == ()


def test_each_override_counts() -> None:
    """Hoist raises the priority again a day later, and is overridden again."""
    history = ticket(
        (0, "priority", "p3", "p2", HOIST),
        (HOUR, "priority", "p2", "p3", ANNA),
        (2 * DAY, "priority", "p3", "p2", HOIST),
        (2 * DAY + HOUR, "priority", "p2", "p3", BERT),
    )
    assert [(each.by.id, each.until) for each in overrides(history)] == [
        ("anna", NOON + HOUR + DAY),
        ("bert", NOON + 3 * DAY + HOUR),
    ]


PUT_BACK: Final = (
    (0, "team", "sd", "db", ANNA),
    (2_000, "team", "db", "ops", HOIST),
    (4_000, "team", "ops", "db", HOIST),
)


def test_what_hoist_put_back_is_theirs() -> None:
    """Hoist wrote over Anna's team, which it had not seen, and put hers back: from then on it is hers, for a day."""
    (found,) = overrides(ticket(*PUT_BACK))
    assert (found.by, found.at, found.until, found.put_back) == (ANNA, NOON + 4_000, NOON + 4_000 + DAY, True)


@pytest.mark.parametrize(
    "changes",
    [
        [(0, "team", "sd", "db", ANNA), (HOUR, "team", "db", "ops", HOIST), (2 * HOUR, "team", "ops", "db", HOIST)],
        [(0, "team", "sd", "db", BOT), *PUT_BACK[1:]],
        [*PUT_BACK[:2], (4_000, "team", "ops", "eng", HOIST)],
    ],
    ids=["hoist knew hers", "an automation's", "moved on"],
)
def test_two_writes_of_hoist_are_no_override_of_themselves(changes: list[Told]) -> None:
    """Rules may move a ticket to and fro: only what was overwritten unseen, by a person, and put back is an override."""
    assert overrides(ticket(*changes)) == ()


def test_a_ticket_without_an_owner_is_there_to_be_taken() -> None:
    """Hoist took Anna's name off; Bert takes the ticket, which takes nothing back; to give it back to Anna does."""
    cleared: Told = (0, "assignee", "anna", None, HOIST)
    assert overrides(ticket(cleared, (MINUTE, "assignee", None, "bert", BERT))) == ()
    (found,) = overrides(ticket(cleared, (MINUTE, "assignee", None, "anna", BERT)))
    assert keeper({"assignee": found}, "team") == found, "team and person are one"
    assert keeper({"assignee": found}, "priority") is None


def test_a_label_is_taken_back_by_whoever_removes_it() -> None:
    """A person who adds another label takes nothing back."""
    added: Told = (0, "labels", ("a",), ("a", "hot"), HOIST)
    assert overrides(ticket(added, (MINUTE, "labels", ("a", "hot"), ("a", "hot", "x"), ANNA))) == ()
    assert overrides(ticket(added, (MINUTE, "labels", ("a", "hot"), ("a",), ANNA)))


def test_which_rules_may_write_a_field() -> None:
    """A rule that moves tickets may write the person as well; one that only tells writes nothing."""
    moves = Rule("r", "R", State("status", OneOf(("open",))), (Step((Escalate("line"), SetField("native.x", "1"))),))
    assert [may_write(moves, field) for field in ("team", "assignee", "native.x", "priority")] == [True, True, True, False]
    told = Rule("r", "R", moves.condition, (Step((Comment("x"),)),))
    assert not may_write(told, "team")
