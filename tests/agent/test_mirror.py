"""What was seen is never unseen, an overtaken read is dropped, and hoist's own acts are told from other people's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agent.mirror import Sent, reconciled
from rules.escalation import FieldChange, Operation, OperationKind
from rules.instants import MINUTE, SECOND, Instant
from rules.ticket import UNKNOWN, Actor, Change, Kind, Message, Ticket, TicketRef, Value

REF = TicketRef("desk", "7")
ANNA = Actor("anna", Kind.STAFF)
OWN = Actor("hoist", Kind.OWN_ACCOUNT)


def change(
    at: Instant, field: str, new: Value, *, old: Value = None, by: Actor = ANNA, known: Instant = 0, save: str = ""
) -> Change:
    return Change(at, known or at, 0, save or f"s{at}", field, old, new, by)


def message(at: Instant, name: str, *, by: Actor = ANNA, known: Instant = 0) -> Message:
    return Message(at, known or at, name, by, public=True)


def read(
    known: Instant, *acts: Change | Message, complete_from: Instant | None = None, shows: Mapping[str, Value] | None = None
) -> Ticket:
    """A read at an instant that shows these acts, each as if it were seen for the first time, and these values beside them."""
    seen = [replace(act, known=known) for act in acts]
    changes = tuple(act for act in seen if isinstance(act, Change))
    messages = tuple(act for act in seen if isinstance(act, Message))
    fields = {"team": "sd"} | {act.field: act.new for act in changes} | dict(shows or {})
    return Ticket(REF, "SD-7", "", str(known), 0, known, fields, changes, messages, complete_from)


def sent(at: Instant, *changes: FieldChange, labels: tuple[str, ...] = (), until: Instant = 0) -> Sent:
    operation = Operation("k", OperationKind.FIELDS, REF, "m", changes=changes, add_labels=labels)
    return Sent(operation, at, until or at + MINUTE)


def kept(ticket: Ticket | None) -> Ticket:
    assert ticket is not None
    return ticket


def kinds(ticket: Ticket | None) -> list[Kind]:
    return [change.by.kind for change in kept(ticket).changes] + [message.by.kind for message in kept(ticket).messages]


def test_a_read_that_was_overtaken_is_dropped() -> None:
    """A slow answer to an earlier read does not put the older state back."""
    assert reconciled(read(1 * SECOND), read(2 * SECOND), ()) is None


def test_of_two_reads_of_one_second_the_one_that_saw_less_is_dropped() -> None:
    """Both bear the same stamp; the history tells which was begun first."""
    act = change(1_500, "team", "ops")
    assert reconciled(read(2 * SECOND), read(2 * SECOND, act), ()) is None
    assert reconciled(read(2 * SECOND, act), read(2 * SECOND), ()) is not None
    said = message(1_500, "m1")
    assert reconciled(read(2 * SECOND), read(2 * SECOND, said), ()) is None


def test_what_had_vanished_before_drops_no_later_read() -> None:
    """A message that was deleted long ago is no sign that a read was overtaken."""
    said = message(1_000, "m1")
    first = read(2 * SECOND, said)
    second = kept(reconciled(read(9 * SECOND), first, ()))
    assert reconciled(read(9 * SECOND), second, ()) is not None


def test_when_a_change_was_first_known_is_kept() -> None:
    """F12: reading a ticket again does not make its past newer."""
    act, said = change(1_000, "team", "ops"), message(1_100, "m1")
    again = kept(reconciled(read(60_000, act, said), read(2_000, act, said), ()))
    assert [c.known for c in again.changes] == [2_000]
    assert [m.known for m in again.messages] == [2_000]


def test_what_vanishes_stays() -> None:
    """F12: a deleted reply, a change that the source no longer shows: both stay, in their place."""
    early, late = change(1_000, "team", "ops"), change(9_000, "team", "sd")
    first, second = message(1_000, "m1"), message(9_500, "m2")
    again = kept(reconciled(read(10_000, late, second), read(2_000, early, first), ()))
    assert [c.at for c in again.changes] == [1_000, 9_000]
    assert [m.id for m in again.messages] == ["m1", "m2"]
    assert [m.known for m in again.messages] == [2_000, 10_000]


def test_a_history_that_was_cut_since_takes_nothing_away() -> None:
    """Seen completely once, and read again before anything could be missed: it stays complete."""
    whole, cut = read(5_000, change(1_000, "team", "ops")), read(9_000, complete_from=4_000)
    assert kept(reconciled(cut, whole, ())).complete_from is None
    assert kept(reconciled(read(9_000, complete_from=6_000), whole, ())).complete_from == 6_000


def test_own_is_what_was_meant_in_field_and_value() -> None:
    """F7: the same account, another field or another value: the platform's automation, not hoist."""
    meant = sent(1_000, FieldChange("team", "sd", "ops"))
    acts = [change(2_000, "team", "ops", by=OWN), change(2_000, "priority", "p1", by=OWN)]
    assert kinds(reconciled(read(3_000, *acts), None, [meant])) == [Kind.HOIST, Kind.AUTOMATION]
    assert kinds(reconciled(read(3_000, change(2_000, "team", "eng", by=OWN)), None, [meant])) == [Kind.AUTOMATION]


def test_own_is_what_was_meant_then() -> None:
    """The same value, set by that account before the request left or long after it could have landed, is not the request's."""
    meant = sent(100_000, FieldChange("team", "sd", "ops"))
    at = [change(moment, "team", "ops", by=OWN) for moment in (90_000, 99_000, 160_000, 200_000)]
    assert kinds(reconciled(read(300_000, *at), None, [meant])) == [Kind.AUTOMATION, Kind.HOIST, Kind.HOIST, Kind.AUTOMATION]


def test_own_labels_are_those_that_were_added() -> None:
    """A save that also takes a label away, or adds another one, was not hoist's alone."""
    meant = sent(1_000, labels=("seen",))
    added = change(2_000, "labels", ("a", "seen"), old=("a",), by=OWN)
    swapped = change(2_000, "labels", ("seen",), old=("a",), by=OWN)
    assert kinds(reconciled(read(3_000, added), None, [meant])) == [Kind.HOIST]
    assert kinds(reconciled(read(3_000, swapped), None, [meant])) == [Kind.AUTOMATION]


def test_people_are_left_as_they_are() -> None:
    """Only hoist's own account is looked at twice; its messages are its own."""
    again = read(3_000, change(2_000, "team", "ops"), message(2_000, "m1", by=OWN), message(2_001, "m2"))
    assert kinds(reconciled(again, None, [])) == [Kind.STAFF, Kind.HOIST, Kind.STAFF]


def test_a_value_that_no_history_explains_changed_when_it_was_first_seen() -> None:
    """F12: every later read leaves that date alone, so that what grew from it does not begin anew with each of them."""
    first = kept(reconciled(read(10 * SECOND, change(1_000, "team", "ops"), shows={"team": "sd"}), None, ()))
    second = kept(reconciled(read(20 * SECOND, change(1_000, "team", "ops"), shows={"team": "sd"}), first, ()))
    for ticket in (first, second):
        seen = ticket.changes[-1]
        assert (seen.at, seen.known, seen.old, seen.new, seen.by.kind) == (10_000, 10_000, UNKNOWN, "sd", Kind.AUTOMATION)
    assert len(second.changes) == 2


def test_what_was_inferred_gives_way_to_the_history_that_explains_it() -> None:
    """A page of history that arrives late tells it better."""
    first = kept(reconciled(read(10 * SECOND, change(1_000, "team", "ops"), shows={"team": "sd"}), None, ()))
    late = change(2_000, "team", "sd", old="ops")
    told = kept(reconciled(read(20 * SECOND, change(1_000, "team", "ops"), late), first, ()))
    assert [(c.at, c.new) for c in told.changes] == [(1_000, "ops"), (2_000, "sd")]


def test_a_field_without_history_changed_when_it_was_seen_to() -> None:
    """F12: its former value stays true of the time before (a target that moves without a trace, say)."""
    first = kept(reconciled(read(10 * SECOND, shows={"due": 5}), None, ()))
    second = kept(reconciled(read(20 * SECOND, shows={"due": 9}), first, ()))
    third = kept(reconciled(read(30 * SECOND, shows={"due": 9}), second, ()))
    assert first.changes == ()
    assert [(c.at, c.field, c.old, c.new) for c in third.changes] == [(20_000, "due", 5, 9)]


def test_a_change_keeps_the_place_that_it_was_first_seen_at() -> None:
    """Rows of one second that a source numbers anew at each read stay in the order in which they came."""
    one, two = (
        replace(change(1_000, "team", "a", save="x"), sequence=1),
        replace(change(1_000, "team", "b", save="y"), sequence=2),
    )
    first = kept(reconciled(read(10 * SECOND, one, two), None, ()))
    anew = (replace(two, sequence=1), replace(one, sequence=2))
    again = kept(reconciled(read(20 * SECOND, *anew, shows={"team": "b"}), first, ()))
    assert [c.new for c in again.changes] == ["a", "b"]
