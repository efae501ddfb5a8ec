"""Anna looks at what waits for her word, sees the values that would be written, and says yes or no."""

from __future__ import annotations

import json
from pathlib import Path

from agent.guards.approval import values_of
from agent.guards.changes import Answered, Waiting, approve, counted, of_run, page, reject, retry, waiting_changes
from agent.settings import Limits
from agent.store import mirrored, runs
from agent.store.statements import Place
from agent.store.states import RowState
from agent.who import Who
from connectors.contract import Receipt
from connectors.errors import GiveUp
from connectors.memory import MemoryConnector
from rules.escalation import Operation
from rules.instants import DAY, HOUR, MINUTE
from rules.protocol.actions import AddLabel
from tests.agent.desk import SOURCE, Desk, moved_once, rule
from tests.agent.guards.test_limits import LimitedDesk, limited
from tests.agent.guards.test_pauses import pause, resume

ANNA = Who("anna", "system account anna at desk-1", "I looked at them")
ALL_HELD = Limits(per_rule_and_hour=5, canary=0)


def listed(desk: Desk) -> list[Waiting]:
    with desk.database.reading() as db:
        return waiting_changes(db, SOURCE, desk.pipeline.ruling, desk.clock.now())


def approved(desk: Desk, *tickets: str, per_hour: int | None = None) -> Answered:
    chosen = [each for each in listed(desk) if not tickets or each.row.key.ticket in tickets]
    with desk.database.transaction() as db:
        return approve(db, chosen, ANNA, desk.clock.now(), per_hour)


def held_run(tmp_path: Path, number: int = 6, priority: str = "p3") -> tuple[LimitedDesk, list[str]]:
    """A run that is held, of so many tickets."""
    desk = limited(tmp_path, ALL_HELD)
    tickets = [desk.ticket(priority=priority) for _ in range(number)]
    desk.run(30 * MINUTE)
    assert desk.count(RowState.HELD) == number
    return desk, tickets


def test_a_held_run_shows_what_it_would_write(tmp_path: Path) -> None:
    """Each change with its ticket, its rule, since when it is due, and the values from and to."""
    desk, tickets = held_run(tmp_path)
    with desk.database.reading() as db:
        (run,) = runs.opened(db, SOURCE)
        found = of_run(db, run, desk.pipeline.ruling, desk.clock.now())
    assert sorted(each.row.key.ticket for each in found) == sorted(tickets)
    escalation = found[0].proposal.escalation
    assert escalation is not None
    assert [(each.field, each.old, each.new) for each in escalation.changes] == [("team", "sd", "ops")]
    assert escalation.comment is not None
    assert "Moved to ops" in escalation.comment


def test_a_long_list_is_counted_at_once_and_shown_by_pages(tmp_path: Path) -> None:
    """Held changes, and existing tickets of a rule that just went live: page by page the whole list, the held ones first."""
    desk, held = held_run(tmp_path)
    desk.rule_by(rule(), rule("say-so", actions=(AddLabel("seen"),)))
    desk.run(10 * MINUTE)
    now, ruling = desk.clock.now(), desk.pipeline.ruling
    with desk.database.reading() as db:
        found = counted(db, SOURCE, ruling)
        pages = [page(db, SOURCE, ruling, now, Place(first, 5)) for first in (0, 5, 10, 15)]
    assert (found.held, found.rows, found.total, dict(found.existing)) == (6, 6, 12, {"say-so": 6})
    assert [len(each) for each in pages] == [5, 5, 2, 0]
    listed_so = [(each.row.key.rule, each.ignored) for of_page in pages for each in of_page]
    assert listed_so == [("nobody-took-it", False)] * 6 + [("say-so", True)] * 6
    assert {each.row.key.ticket for of_page in pages[1:] for each in of_page if each.ignored} == {*held}
    assert listed(desk) == sorted(
        (each for of_page in pages for each in of_page), key=lambda each: (each.row.urgency, each.row.instant, each.row.id)
    )


def test_what_is_approved_is_written(tmp_path: Path) -> None:
    """With who said so, how they were known and why in the journal, and the run is closed."""
    desk, tickets = held_run(tmp_path)
    assert approved(desk) == Answered(6)
    desk.run(10 * MINUTE)
    for ticket in tickets:
        moved_once(desk, ticket)
    line = desk.journal("approved")[0]
    assert (line.data["by"], line.data["known_by"], line.data["why"]) == ("anna", ANNA.known_by, ANNA.why)
    assert json.loads(str(line.data["values"]))["fields"] == [["team", "sd", "ops"]]
    with desk.database.reading() as db:
        assert runs.opened(db, SOURCE) == []
    assert len(desk.journal("held-run")) == 1, "what was approved opens no further run"


def test_what_changed_since_is_held_again(tmp_path: Path) -> None:
    """Approved was a move from the desk to operations, where the ticket is by the confirming read: nothing is written."""
    desk, tickets = held_run(tmp_path)
    assert approved(desk, tickets[0]) == Answered(1)
    desk.helpdesk.change(tickets[0], "bert", team="ops")
    desk.run(20 * MINUTE)
    assert desk.saves(tickets[0]) == []
    (row,) = desk.rows(tickets[0])
    assert row.state is RowState.HELD
    assert row.problem.startswith(
        "changed since it was approved: team: Operations -> Engineering instead of team: Service Desk -> Operations"
    )
    assert len(desk.journal("held-again")) == 1
    assert approved(desk, tickets[0]) == Answered(1)
    desk.run(10 * MINUTE)
    assert desk.team(tickets[0]) == "eng"


def test_what_is_no_longer_true_is_not_written_although_approved(tmp_path: Path) -> None:
    """Somebody took the ticket between the word and the write."""
    desk, tickets = held_run(tmp_path)
    approved(desk)
    desk.helpdesk.change(tickets[0], "anna", assignee="anna")
    desk.run(10 * MINUTE)
    assert desk.states(tickets[0]) == [RowState.SUPERSEDED]
    assert desk.saves(tickets[0]) == []


def test_a_run_is_approved_at_a_rate(tmp_path: Path) -> None:
    """Six at two per hour take two and a half hours, the most urgent first."""
    desk, _ = held_run(tmp_path)
    assert approved(desk, per_hour=2) == Answered(6)
    desk.run(20 * MINUTE)
    assert desk.count(RowState.APPLIED) == 1
    desk.run(HOUR)
    assert desk.count(RowState.APPLIED) == 3
    desk.run(2 * HOUR)
    assert desk.count(RowState.APPLIED) == 6


def test_what_is_rejected_is_not_written(tmp_path: Path) -> None:
    """For as long as it stays so; the journal names who said no."""
    desk, tickets = held_run(tmp_path)
    with desk.database.transaction() as db:
        assert reject(
            db, waiting_changes(db, SOURCE, desk.pipeline.ruling, desk.clock.now()), ANNA, desk.clock.now()
        ) == Answered(6)
    desk.helpdesk.change(tickets[0], "anna", labels=("seen",))
    desk.run(2 * DAY)
    assert desk.count(RowState.REJECTED) == 6
    assert desk.saves(tickets[0]) == []
    assert "anna rejected it: I looked at them" in desk.rows(tickets[0])[0].problem
    desk.helpdesk.change(tickets[0], "anna", assignee="anna")
    desk.run(10 * MINUTE)
    desk.helpdesk.change(tickets[0], "anna", assignee=None)
    desk.run(30 * MINUTE)
    assert desk.states(tickets[0]) == [RowState.REJECTED, RowState.APPLIED], "it came to it anew"


def test_existing_tickets_are_listed_and_written_only_when_asked_for(tmp_path: Path) -> None:
    """Tickets of before the rule went live are left alone, shown with what would be written, and written on a word."""
    desk = Desk(tmp_path, rule(existing=rule().existing))
    desk.rule_by()
    old, other = desk.ticket(), desk.ticket()
    desk.run(HOUR)
    desk.rule_by(rule())
    desk.run(HOUR)
    assert desk.rows() == []
    found = listed(desk)
    assert sorted(each.row.key.ticket for each in found) == sorted([old, other])
    assert all(each.ignored and each.can_be_approved for each in found)
    assert approved(desk, old) == Answered(1)
    desk.run(10 * MINUTE)
    moved_once(desk, old)
    assert desk.saves(other) == []
    assert [each.row.key.ticket for each in listed(desk)] == [other]


def test_what_fell_due_in_a_pause_is_approved(tmp_path: Path) -> None:
    """The backlog of a pause is in the same list."""
    desk = Desk(tmp_path)
    ticket = desk.ticket()
    pause(desk)
    desk.run(HOUR)
    resume(desk)
    desk.run(10 * MINUTE)
    (each,) = listed(desk)
    assert "pause" in each.row.problem
    assert approved(desk, ticket) == Answered(1)
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)


class Refusing(MemoryConnector):
    """A mandatory field is missing, until somebody fills it in."""

    refuses = True

    def write(self, operation: Operation) -> Receipt:
        if self.refuses:
            raise GiveUp("the field Impact is mandatory")
        return super().write(operation)


def test_what_was_refused_is_tried_again(tmp_path: Path) -> None:
    """A parked change is listed with the source's own words, can't be approved, and is written when it is retried."""
    desk = Desk(tmp_path)
    connector = Refusing(SOURCE, desk.settings, helpdesk=desk.helpdesk)
    desk.pipeline.writer.connector = connector
    ticket = desk.ticket()
    desk.run(30 * MINUTE)
    (each,) = listed(desk)
    assert (each.row.state, each.row.problem) == (RowState.PARKED, "the field Impact is mandatory")
    assert approved(desk).problems
    connector.refuses = False
    with desk.database.transaction() as db:
        known = mirrored.mirrored(db, SOURCE, [ticket])[ticket]
        assert retry(db, SOURCE, known, ANNA, desk.clock.now()) == Answered(1)
        assert retry(db, SOURCE, known, ANNA, desk.clock.now()) == Answered(0)
    desk.run(10 * MINUTE)
    moved_once(desk, ticket)
    assert len(desk.journal("retried")) == 1


def test_approved_values_do_not_depend_on_what_the_note_says(tmp_path: Path) -> None:
    """The note tells how long the ticket has waited, which is more each time."""
    desk, _ = held_run(tmp_path)
    before = [each.proposal for each in listed(desk)]
    desk.run(3 * HOUR)
    after = [each.proposal for each in listed(desk)]
    assert [each.values for each in before] == [each.values for each in after]
    assert all(each.escalation is not None and values_of(each.escalation) == each.values for each in after)
