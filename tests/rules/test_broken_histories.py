"""Counts and waits over histories with holes: what could have happened unseen stays possible, and is never certain."""

from __future__ import annotations

from rules.engine import Evaluation, evaluate
from rules.instants import FOREVER, Instant
from rules.protocol.conditions import Condition, Count, Counted, Unanswered
from rules.protocol.durations import Duration
from rules.ticket import Actor, Change, Kind, Message, Ticket, TicketRef, Value
from rules.timeline import timeline
from tests.rules.random_stories import ACTORS, bound

STAFF = ACTORS[Kind.STAFF]


def change(at: Instant, old: Value, new: Value, by: Actor = STAFF, field: str = "team") -> Change:
    return Change(at, at, at, str(at), field, old, new, by)


def judged(condition: Condition, present: dict[str, Value], *changes: Change, **more: object) -> Evaluation:
    one = Ticket(TicketRef("desk", "1"), "SD-1", "", "", 0, 30, present, changes, **more)  # type: ignore[arg-type]
    return evaluate(timeline(one), bound(condition), 0)


def returned(within: int = 5) -> Count:
    return Count(Counted.RETURNED, 1, Duration(within))


def moved(ignored: int) -> Count:
    return Count(Counted.REASSIGNED, 1, ignore_stays_shorter_than=Duration(ignored))


def test_a_team_may_have_held_the_ticket_before_the_known_past() -> None:
    """After a cut history each new team may be a former one."""
    evaluation = judged(returned(), {"team": "C"}, change(12, "A", "B"), change(20, "B", "C"), complete_from=10)
    assert (evaluation.surely("0"), evaluation.may("0")) == ([], [0, 17, 20, 25])


def test_a_team_may_have_held_the_ticket_in_an_unseen_stretch() -> None:
    """Where a change is missing, any team may have had the ticket meanwhile."""
    evaluation = judged(returned(), {"team": "C"}, change(5, "A", "B"), change(9, "A", "B"), change(20, "B", "C"))
    assert (evaluation.surely("0"), evaluation.may("0")) == ([], [5, 14, 20, 25])


def test_a_move_after_an_unseen_stretch_may_follow_a_short_stay_only() -> None:
    """Perhaps the ticket was with the new team already and only passed by the old one."""
    evaluation = judged(moved(2), {"team": "C"}, change(5, "A", "B"), change(20, "A", "C"))
    assert (evaluation.surely("0"), evaluation.may("0")) == ([], [5, FOREVER])


def test_a_stay_that_may_have_ended_unseen_is_not_known_to_have_lasted() -> None:
    """The team of the last recorded move is not the present one, and nobody saw when it left."""
    evaluation = judged(moved(3), {"team": "A"}, change(10, "A", "B"))
    assert (evaluation.surely("0"), evaluation.may("0")) == ([], [10, FOREVER])


def test_a_move_of_which_the_cause_was_not_seen_may_put_back_what_hoist_did() -> None:
    """A person's move right after an unseen one is perhaps an override, so it is no certain event; the next one is."""
    evaluation = judged(Count(Counted.REASSIGNED, 1), {"team": "C"}, change(12, "A", "B"), change(20, "B", "C"), complete_from=10)
    assert (evaluation.surely("0"), evaluation.may("0")) == ([20, FOREVER], [0, FOREVER])


def test_only_a_person_puts_back_a_priority() -> None:
    """A trigger that lowers what hoist raised is counted where anyone's changes are; a person who does it overrides."""
    lowered = Count(Counted.PRIORITY_LOWERED, 1, by_anyone=True)
    raised = change(5, "2", "1", ACTORS[Kind.HOIST], "priority")
    for by, expected in ((ACTORS[Kind.AUTOMATION], [8, FOREVER]), (STAFF, [])):
        evaluation = judged(lowered, {"priority": "2"}, raised, change(8, "1", "2", by, "priority"))
        assert evaluation.surely("0") == expected


def test_an_answer_may_have_been_followed_by_a_message_that_is_missing() -> None:
    """While messages may be missing, an answered ticket may be waiting again."""
    answer = Message(5, 5, "1", STAFF, public=True)
    evaluation = judged(Unanswered(Duration(3)), {}, messages=(answer,), complete_from=20)
    assert (evaluation.surely("0"), evaluation.may("0")) == ([], [3, 5, 8, FOREVER])
