"""What an audit says of hoist's own steps: taken back, refused, held back, by the record of a desk on which it really ran."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.hindsight.audit_record import recorded_on, undone
from agent.store import mirrored
from connectors.contract import Verification
from connectors.errors import GiveUp, OutcomeUnknown
from rules.audit import FOLLOWED, Asked, Entry, Outcome, audited
from rules.engine import evaluate
from rules.instants import FOREVER, HOUR, MINUTE
from rules.protocol.actions import Comment, RaisePriority
from rules.protocol.conditions import Held, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.rule import Mode
from rules.timeline import timeline
from tests.agent.desk import LONG, SOURCE, Desk, rule

OPEN_FOR_A_WHILE = Held(State("status", OneOf(("new", "open"))), Duration(15 * MINUTE))
GRACE = 5 * MINUTE


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.database.close()


def entries(desk: Desk, name: str) -> list[Entry]:
    """What an audit finds on a ticket, now."""
    with desk.database.reading() as db:
        stored = mirrored.mirrored(db, SOURCE, [name])[name]
        recorded = recorded_on(db, SOURCE, [name]).get(name, ())
    evaluation = evaluate(timeline(stored.ticket), desk.pipeline.ruling.rules, FOREVER)
    asked = Asked(0, desk.clock.now(), GRACE)
    return list(audited(stored.ticket, evaluation, asked, undone(stored.ticket, recorded)))


def only(found: list[Entry]) -> Entry:
    (entry,) = found
    return entry


def test_what_hoist_wrote_in_time_is_its_own(desk: Desk) -> None:
    """A step that was written within the grace is done by hoist, and was followed."""
    ticket = desk.ticket()
    desk.run(HOUR)
    found = only(entries(desk, ticket))
    assert (found.outcome, found.rule) == (Outcome.BY_HOIST, "nobody-took-it")
    assert found.done is not None
    assert found.outcome in FOLLOWED


def test_what_a_person_took_back_is_overridden_and_nothing_else(desk: Desk) -> None:
    """Hoist raises the priority and later moves the ticket; Anna takes the priority back, so only that step is overridden."""
    raising = rule("too-low", OPEN_FOR_A_WHILE, actions=(RaisePriority(by=1), Comment("Raised.")))
    later = rule("too-long", Held(OPEN_FOR_A_WHILE.part, Duration(HOUR)))
    desk.rule_by(raising, later)
    ticket = desk.ticket()
    desk.run(2 * HOUR)
    desk.helpdesk.change(ticket, "anna", priority="p3")
    desk.run(10 * MINUTE)
    found = {entry.rule: entry for entry in entries(desk, ticket)}
    assert {rule: entry.outcome for rule, entry in found.items()} == {
        "too-low": Outcome.OVERRIDDEN,
        "too-long": Outcome.BY_HOIST,
    }
    assert found["too-low"].why == "a person took it back"
    assert Outcome.OVERRIDDEN not in FOLLOWED


def test_two_steps_that_were_written_as_one_are_taken_back_as_one(desk: Desk) -> None:
    """Both rules were due when hoist wrote, once, for both: what Anna took back was of both."""
    rules = [rule(name, OPEN_FOR_A_WHILE, actions=(RaisePriority(by=1), Comment("Raised."))) for name in ("one", "two")]
    desk.rule_by(*rules)
    ticket = desk.ticket()
    desk.run(HOUR)
    desk.helpdesk.change(ticket, "anna", priority="p3")
    desk.run(10 * MINUTE)
    assert {entry.rule: entry.outcome for entry in entries(desk, ticket)} == dict.fromkeys(("one", "two"), Outcome.OVERRIDDEN)


def test_what_the_helpdesk_refused_was_not_followed(desk: Desk) -> None:
    """A step that is parked, in the platform's own words, is neither done nor rightly held back."""
    ticket = desk.ticket()
    desk.helpdesk.fail_next(GiveUp("Priority is required"), on="write")
    desk.run(HOUR)
    found = only(entries(desk, ticket))
    assert (found.outcome, found.why) == (Outcome.REFUSED, "Priority is required")
    assert Outcome.REFUSED not in FOLLOWED


def test_what_people_did_where_the_helpdesk_refused_is_theirs(desk: Desk) -> None:
    """Bert moves the ticket up by hand after hoist's own write was parked: done by hand, late."""
    ticket = desk.ticket()
    desk.helpdesk.fail_next(GiveUp("Priority is required"), on="write")
    desk.run(HOUR)
    desk.helpdesk.change(ticket, "bert", team="ops")
    desk.run(10 * MINUTE)
    found = only(entries(desk, ticket))
    assert (found.outcome, found.why) == (Outcome.BY_HAND_LATE, "Priority is required")


def test_what_can_never_be_found_out_is_told_apart_from_what_was_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer, and no marker that could be read: the step counts as not done, and says that somebody must look."""
    ticket = desk.ticket()
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), on="write")
    monkeypatch.setattr(desk.connector, "verify", lambda _: Verification(None))
    desk.run(LONG)
    found = only(entries(desk, ticket))
    assert found.outcome is Outcome.REFUSED
    assert "Look at the ticket" in found.why


def test_what_a_rule_holds_back_itself_is_held_back_with_its_reason(tmp_path: Path) -> None:
    """While its `hold_while` is true nothing is asked of anybody; the reason stands with the step."""
    desk = Desk(tmp_path, rule(hold_while=State("labels", OneOf(("frozen",)))))
    ticket = desk.ticket(labels=("frozen",))
    desk.run(HOUR)
    found = only(entries(desk, ticket))
    assert found.outcome is Outcome.HELD_BACK
    assert found.why
    assert Outcome.HELD_BACK in FOLLOWED


def test_a_label_in_the_helpdesk_holds_steps_back(desk: Desk) -> None:
    """A person exempts one ticket with the label: held back by it, not skipped."""
    ticket = desk.ticket(labels=("hoist-hold",))
    desk.run(HOUR)
    found = only(entries(desk, ticket))
    assert found.outcome is Outcome.HELD_BACK
    assert "hoist-hold" in found.why


def test_a_rule_that_only_watches_is_judged_by_what_people_did(desk: Desk) -> None:
    """Nothing was written, so the step is skipped until somebody does it; then it is theirs."""
    desk.rule_by(rule(mode=Mode.WATCH))
    ticket = desk.ticket()
    desk.run(HOUR)
    assert only(entries(desk, ticket)).outcome is Outcome.SKIPPED
    desk.helpdesk.change(ticket, "bert", team="ops")
    desk.run(10 * MINUTE)
    assert only(entries(desk, ticket)).outcome is Outcome.BY_HAND_LATE
