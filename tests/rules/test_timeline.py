"""Timelines: what a ticket's record says held when, and what it can't say."""

from __future__ import annotations

from rules.instants import FOREVER
from rules.ticket import UNKNOWN, Actor, Change, Kind, Message, Ticket, TicketRef, Value
from rules.timeline import Column, timeline

ANNA = Actor("anna", Kind.STAFF)
RUTH = Actor("ruth", Kind.REQUESTER)


def change(at: int, old: Value, new: Value, *, field: str = "team", save: str = "", sequence: int = 0) -> Change:
    return Change(at, at, sequence, save or f"{at}/{sequence}", field, old, new, ANNA)


def ticket(*changes: Change, present: Value = "C", created: int = 10, known: int = 90, **more: object) -> Ticket:
    return Ticket(TicketRef("desk", "1"), "SD-1", "", "", created, known, {"team": present}, changes, **more)  # type: ignore[arg-type]


def column(one: Ticket, field: str = "team") -> list[tuple[int, Value]]:
    found: Column = timeline(one).column(field)
    return list(zip(found.starts, found.values, strict=True))


def test_a_field_without_changes_has_its_present_value_from_creation_on() -> None:
    """What never changed was always so."""
    assert column(ticket()) == [(10, "C")]


def test_the_first_old_value_held_from_creation_on() -> None:
    """The record names what was there before the first change."""
    assert column(ticket(change(20, "A", "B"), change(30, "B", "C"))) == [(10, "A"), (20, "B"), (30, "C")]


def test_states_see_an_instant_after_its_last_step_and_events_see_every_step() -> None:
    """F11: a value without length is no state, and still two steps; the platform's sequence orders them."""
    one = timeline(ticket(change(20, "B", "A", sequence=2), change(20, "A", "B", sequence=1), present="A"))
    assert (one.column("team").starts, one.column("team").values) == ([10], ["A"])
    assert [(step.old, step.new) for step in one.steps["team"]] == [("A", "B"), ("B", "A")]


def test_a_change_that_nobody_recorded_leaves_an_unknown_stretch() -> None:
    """Where one change's new value is not the next one's old, something happened in between."""
    one = ticket(change(20, "A", "B"), change(40, "X", "C"))
    assert column(one) == [(10, "A"), (20, UNKNOWN), (40, "C")]
    assert timeline(one).column("team").unknown == [20, 40]


def test_only_the_stretch_after_the_last_fitting_change_is_unknown() -> None:
    """A change that set the same value again still vouches for the time before it."""
    one = ticket(change(20, "A", "B"), change(30, "B", "B"), change(40, "X", "C"))
    assert column(one) == [(10, "A"), (20, "B"), (30, UNKNOWN), (40, "C")]


def test_a_silent_change_is_dated_to_when_it_was_seen() -> None:
    """F12: the present value that no change led to holds from the read that brought it."""
    assert column(ticket(change(20, "A", "B"))) == [(10, "A"), (20, UNKNOWN), (90, "C")]


def test_nothing_is_known_before_the_history_is_complete() -> None:
    """F4: the value at the first complete instant is known from what changed it next, earlier ones are not."""
    one = ticket(change(15, "Q", "R"), change(40, "A", "C"), complete_from=30)
    assert column(one) == [(10, UNKNOWN), (30, "A"), (40, "C")]
    assert timeline(one).touches(Kind.STAFF) == [15, 40]


def test_a_field_that_the_ticket_lacks_is_unknown_for_ever() -> None:
    """What a source can't give is neither set nor empty."""
    assert column(ticket(), "service") == [(10, UNKNOWN)]
    assert timeline(ticket()).column("service").unknown == [10, FOREVER]
    assert column(ticket(present=UNKNOWN)) == [(10, UNKNOWN)]


def test_the_end_of_a_life_ends_its_record() -> None:
    """F34: what is stamped at or after the end is left out; a life of no length has no values."""
    one = ticket(change(20, "A", "B"), change(50, "B", "C"), gone=50)
    assert column(one) == [(10, "A"), (20, UNKNOWN)]
    assert timeline(one).life == [10, 50]
    assert column(ticket(gone=10)) == []


def test_stamps_before_creation_count_as_creation() -> None:
    """F12: an imported ticket brings stamps from before it was made."""
    one = ticket(change(3, "A", "C"), messages=(Message(4, 90, "1", RUTH, public=True),))
    assert column(one) == [(10, "C")]
    assert [timeline(one).touches(kind) for kind in (Kind.STAFF, Kind.REQUESTER)] == [[10], [10]]
    assert [timeline(one).replies(kind) for kind in (Kind.STAFF, Kind.REQUESTER)] == [[], [10]]


def test_saves_of_one_instant_are_told_apart() -> None:
    """F11: two saves in one second are two steps, two fields in one save are one."""
    one = ticket(
        change(20, "A", "B", save="1"),
        change(20, "x", "y", field="type", save="1", sequence=1),
        change(30, "B", "A", save="2"),
        change(30, "A", "C", save="3", sequence=1),
    )
    assert [(at, [[c.field for c in save] for save in saves]) for at, saves in timeline(one).crowded] == [
        (30, [["team"], ["team"]])
    ]
