"""Tickets of which a webhook told: read at once, once, and with no more trust than any other read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from agent import hinted
from agent.hinted import ENOUGH_MISSED, MOST_LOST, READ_TOGETHER, SILENT_AFTER, SPACING, silence
from agent.status import status
from agent.store import hints, mirrored
from agent.store.hints import Heard
from connectors.contract import Reading
from connectors.errors import ConnectorError, GiveUp, TryLater
from connectors.memory import MemoryConnector
from rules.instants import DAY, HOUR, MINUTE, SECOND
from tests.agent.desk import NEVER, SOURCE, Desk, rule

QUIET = 12 * HOUR


class Hooked(Desk):
    """A desk that was read once and polls again in half a day; what it reads by id is noted."""

    def __init__(self, folder: Path, *rules_: object) -> None:
        super().__init__(folder, *(rules_ or (NEVER,)), poll=QUIET)  # type: ignore[arg-type]
        self.reads: list[list[str]] = []
        self.trouble: ConnectorError | None = None
        self.tickets = [self.ticket() for _ in range(3)]
        self.clock.jump(self.clock.now() + 5 * MINUTE)
        self.watch()
        self.pipeline.turn()
        self.reads.clear()
        self.clock.jump(self.clock.now() + MINUTE)

    def watch(self) -> None:
        self.pipeline.hinted.watched = True
        read = self.connector.read

        def noted(ids: Sequence[str]) -> Reading:
            self.reads.append(list(ids))
            if self.trouble is not None:
                raise self.trouble
            return read(ids)

        self.connector.read = noted  # type: ignore[method-assign]

    def hint(self, *tickets: str) -> None:
        """A webhook tells of these."""
        with self.database.transaction() as db:
            hints.give(db, [(SOURCE, ticket, self.pipeline.source_clock.now()) for ticket in tickets])
            hints.heard(db, SOURCE, self.clock.now())
        self.pipeline.hinted.announce()

    def waiting(self) -> list[str]:
        with self.database.reading() as db:
            return [hint.ticket for hint in hints.waiting(db, SOURCE, 10_000)]

    def priority(self, ticket: str) -> object:
        """As the mirror has it."""
        with self.database.reading() as db:
            return mirrored.mirrored(db, SOURCE, [ticket])[ticket].ticket.fields["priority"]

    def silent(self) -> str:
        return status(self.database, self.clock.now(), {SOURCE: QUIET}).sources[0].webhook


@pytest.fixture
def it(tmp_path: Path) -> Hooked:
    return Hooked(tmp_path)


def test_a_hinted_ticket_is_read_at_once(it: Hooked) -> None:
    """A change is known within the turn, long before the next poll, and the hint is gone."""
    it.helpdesk.change(it.tickets[0], "anna", priority="p1")
    it.hint(it.tickets[0])
    assert it.pipeline.next_due() <= it.clock.now() + 1
    it.pipeline.turn()
    assert it.priority(it.tickets[0]) == "p1"
    assert it.waiting() == []
    assert it.reads == [[it.tickets[0]]]


def test_it_is_judged_at_once_as_well(tmp_path: Path) -> None:
    """Two tickets are taken in time and the third is not: long before the next poll only the third is escalated."""
    it = Hooked(tmp_path, rule())
    for ticket in it.tickets[:2]:
        it.helpdesk.change(ticket, "anna", assignee="anna")
    it.hint(*it.tickets[:2])
    it.run(HOUR)
    assert [bool(it.saves(ticket)) for ticket in it.tickets] == [False, False, True]
    assert not it.journal("superseded"), "they were known to be taken before anything fell due"


def test_hints_outlive_the_process(it: Hooked) -> None:
    """A hoist that dies between the answer and the read reads after its restart."""
    it.helpdesk.change(it.tickets[0], "anna", priority="p1")
    it.hint(it.tickets[0])
    it.restart()
    it.watch()
    it.pipeline.turn()
    assert it.priority(it.tickets[0]) == "p1"


def test_ten_thousand_hints_of_one_ticket_are_few_reads(it: Hooked) -> None:
    """However often a ticket is told of, it is read once in two seconds."""
    for _ in range(100):
        it.hint(it.tickets[0])
        it.pipeline.turn()
    assert len(it.reads) == 1
    assert it.pipeline.next_due() <= it.clock.now() + SPACING
    it.clock.jump(it.clock.now() + SPACING)
    it.pipeline.turn()
    assert len(it.reads) == 2
    assert it.waiting() == []


def test_a_flood_of_tickets_leaves_a_turn_to_everything_else(it: Hooked) -> None:
    """Hints of many tickets are read a batch per turn, so that looks and writes go on between them."""
    tickets = [it.ticket() for _ in range(READ_TOGETHER + 5)]
    it.hint(*tickets)
    it.pipeline.turn()
    assert len(it.reads[0]) == READ_TOGETHER
    it.pipeline.turn()
    assert sorted(it.reads[0] + it.reads[1]) == sorted(tickets)
    assert it.waiting() == []


def test_a_hint_that_comes_while_its_ticket_is_read_is_read_again(it: Hooked) -> None:
    """What changes after the read began is not lost with the hint that the read answers."""
    read = it.connector.read

    def meanwhile(ids: Sequence[str]) -> Reading:
        found = read(ids)
        it.hint(it.tickets[0])
        it.connector.read = read  # type: ignore[method-assign]
        return found

    it.connector.read = meanwhile  # type: ignore[method-assign]
    it.hint(it.tickets[0])
    it.pipeline.turn()
    assert it.waiting() == [it.tickets[0]]


def test_what_polling_has_read_meanwhile_is_not_read_again(it: Hooked) -> None:
    """Poll and hook meet in the mirror: where the poll was there later than the hint, nothing is left to do."""
    it.helpdesk.change(it.tickets[0], "anna", priority="p1")
    it.hint(it.tickets[0])
    it.clock.jump(it.clock.now() + 10 * SECOND)
    it.pipeline.hinted.next_due()
    it.pipeline.poll()
    it.reads.clear()
    it.pipeline.turn()
    assert it.waiting() == []
    assert it.priority(it.tickets[0]) == "p1"


def test_behind_hints_that_polling_has_answered_others_are_found(it: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storm that the poll has seen to leaves nothing behind, however many hints there are."""
    monkeypatch.setattr(hinted, "LOOKED_THROUGH", 2)
    change_all(it, "one")
    it.hint(*it.tickets)
    it.clock.jump(it.clock.now() + 10 * SECOND)
    it.pipeline.poll()
    it.run(MINUTE)
    assert it.waiting() == []


def test_a_ticket_that_is_none_of_ours_leaves_nothing(it: Hooked) -> None:
    """A hint of a ticket that hoist may not see is read once and forgotten."""
    it.hint("no-such-ticket")
    it.pipeline.turn()
    assert it.waiting() == []
    with it.database.reading() as db:
        assert not mirrored.mirrored(db, SOURCE, ["no-such-ticket"])


def test_a_deleted_ticket_is_known_at_once(it: Hooked) -> None:
    """A ticket that is deleted is looked at no more from the moment that the webhook tells."""
    it.helpdesk.delete(it.tickets[0])
    it.hint(it.tickets[0])
    it.pipeline.turn()
    with it.database.reading() as db:
        assert mirrored.mirrored(db, SOURCE, [it.tickets[0]])[it.tickets[0]].ticket.gone is not None


def test_many_that_vanish_are_left_to_the_census(it: Hooked) -> None:
    """Where many tickets are gone at once hoist may have lost a permission: only a few are buried on a webhook's word."""
    tickets = [it.ticket() for _ in range(MOST_LOST + 4)]
    it.hint(*tickets)
    it.pipeline.turn()
    it.clock.jump(it.clock.now() + MINUTE)
    for ticket in tickets:
        it.helpdesk.delete(ticket)
    it.hint(*tickets)
    it.run(MINUTE)
    with it.database.reading() as db:
        found = mirrored.mirrored(db, SOURCE, tickets)
    assert sum(each.ticket.gone is not None for each in found.values()) == MOST_LOST
    assert it.waiting() == []


def test_a_source_that_asks_to_wait_is_asked_again_later(it: Hooked) -> None:
    """Trouble with the source keeps the hints, is told, and ends with them."""
    it.trouble = TryLater("desk: busy", 30.0)
    it.hint(it.tickets[0])
    it.pipeline.turn()
    assert "busy" in it.pipeline.problem
    assert it.waiting() == [it.tickets[0]]
    it.pipeline.turn()
    assert len(it.reads) == 1, "it is left alone for as long as it asked for"
    it.trouble = None
    it.run(MINUTE)
    assert it.waiting() == []
    assert it.pipeline.problem == ""


@pytest.mark.parametrize(("trouble", "minutes"), [(GiveUp("desk: no such thing"), 1), (TryLater("desk: odd answer", 60.0), 20)])
def test_what_can_not_be_read_is_left_to_polling(it: Hooked, trouble: ConnectorError, minutes: int) -> None:
    """A ticket that can't be read by its id, for good or for a quarter of an hour, keeps no other one waiting for ever."""
    it.trouble = trouble
    it.hint(it.tickets[0])
    it.run(minutes * MINUTE)
    assert it.waiting() == []


def test_no_hint_costs_no_statement(it: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source without news is not asked for any."""
    it.pipeline.turn()
    monkeypatch.setattr(hints, "waiting", None)
    it.pipeline.turn()


def poll(it: Hooked) -> None:
    it.clock.jump(it.clock.now() + 2 * MINUTE)
    it.pipeline.poll()


def change_all(it: Hooked, title: str) -> None:
    for ticket in it.tickets:
        it.helpdesk.change(ticket, "anna", labels=(title,))


def test_a_webhook_that_stays_silent_is_told(it: Hooked) -> None:
    """Half an hour after polling was first to find changes of which no webhook told, hoist status says so and is unhealthy."""
    change_all(it, "one")
    poll(it)
    assert it.silent() == ""
    it.clock.jump(it.clock.now() + SILENT_AFTER)
    assert "its webhook has told nothing yet, though polling found 3 changes" in it.silent()
    it.hint(it.tickets[0])
    assert it.silent() == ""


def test_a_webhook_that_was_first_is_never_called_silent(it: Hooked) -> None:
    """Changes that a webhook told of are no sign against it, however long nothing happens after them."""
    change_all(it, "one")
    it.hint(*it.tickets)
    it.pipeline.turn()
    poll(it)
    it.clock.jump(it.clock.now() + DAY)
    assert it.silent() == ""


def test_without_a_webhook_there_is_nothing_to_miss(it: Hooked) -> None:
    """A source that is only polled is never told to look after its webhook."""
    it.pipeline.hinted.watched = False
    change_all(it, "one")
    poll(it)
    it.clock.jump(it.clock.now() + DAY)
    assert it.silent() == ""


def test_a_few_changes_are_no_alarm() -> None:
    """Some changes no platform tells of: it takes several before a webhook is called silent."""
    assert silence(Heard(0, ENOUGH_MISSED - 1, 0), DAY) == ""
    assert "since 1970-01-01" in silence(Heard(1, ENOUGH_MISSED, 1), DAY)


def test_the_connector_is_asked_by_id_alone(it: Hooked) -> None:
    """A hint never makes hoist search."""
    assert isinstance(it.connector, MemoryConnector)
    polls = it.pipeline.counts.polls
    it.hint(*it.tickets)
    it.run(MINUTE)
    assert it.pipeline.counts.polls == polls
