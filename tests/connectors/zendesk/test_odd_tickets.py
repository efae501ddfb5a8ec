"""Tickets that are more or less than tickets: shared with another account, suspended, merged into another one, archived."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.errors import GiveUp, Gone
from connectors.sandboxes.answer import Answer
from connectors.zendesk.sandbox import Terms, ZendeskSandbox
from connectors.zendesk.site.catalog import AGREEMENT
from rules.instants import DAY, SECOND
from rules.ticket import Ticket
from tests.connectors.sandbox_desk import Clock, desk
from tests.connectors.zendesk.test_writing import Account


class Site(ZendeskSandbox):
    """An account whose lists by id leave one ticket out that is there."""

    left_out = ""
    hidden = False
    """Whether it is refused by itself as well."""

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = super().dispatch(method, path, query, headers, body)
        if self.hidden and path.endswith(f"tickets/{self.left_out}"):
            return replace(answer, status=403, body=b'{"error": "Forbidden"}')
        if not self.left_out or not path.endswith("tickets/show_many"):
            return answer
        shown = json.loads(answer.body)
        rows = [row for row in shown["tickets"] if str(row["id"]) != self.left_out]
        return replace(answer, body=json.dumps(shown | {"tickets": rows}).encode())


@pytest.fixture
def variants() -> Sequence[str]:
    return ()


@pytest.fixture
def account(tmp_path: Path, variants: Sequence[str]) -> Iterator[Account]:
    clock = Clock()
    site = Site(clock=clock, history=desk(), terms=Terms(variants=frozenset(variants)))
    with site.serve():
        made = Account(site, clock, tmp_path)
        yield made
        made.connector.close()


def test_a_ticket_that_a_list_leaves_out_is_not_gone(account: Account) -> None:
    """A list without a ticket that is there costs a request of its own; the ticket is read, and written, as ever."""
    kept, other = account.ticket("T2"), account.ticket("T3")
    assert isinstance(account.site, Site)
    account.site.left_out = kept.ref.id
    reading = account.connector.read([kept.ref.id, other.ref.id])
    assert reading.gone == []
    assert {ticket.ref.id: ticket.fields for ticket in reading.tickets} == {each.ref.id: each.fields for each in (kept, other)}
    operation = account.operation(kept, ("priority", "urgent"), comment="Without an owner.")
    account.connector.write(operation)
    assert account.connector.verify(operation).found
    assert account.connector.marks(kept.ref.id) == {operation.marker, *operation.firing_markers}


@pytest.mark.parametrize("hidden", [False, True])
def test_a_ticket_that_is_deleted_or_hidden_is_gone(account: Account, *, hidden: bool) -> None:
    """A ticket that the account shows nowhere any more is gone, and costs the others of a list nothing."""
    ended, other = account.ticket("T2"), account.ticket("T3")
    assert isinstance(account.site, Site)
    if hidden:
        account.site.left_out, account.site.hidden = ended.ref.id, True
    else:
        account.asked("", "DELETE", f"tickets/{ended.ref.id}")
    reading = account.connector.read([ended.ref.id, other.ref.id])
    assert list(reading.gone) == [ended.ref.id]
    assert [ticket.ref.id for ticket in reading.tickets] == [other.ref.id]


def share(account: Account, name: str) -> Ticket:
    ticket = account.ticket(name)
    account.person("anna", "PUT", f"tickets/{ticket.ref.id}", {"sharing_agreement_ids": [AGREEMENT]})
    account.clock.pass_(SECOND)
    return account.ticket(name)


def test_rules_see_that_another_account_has_the_ticket_too(account: Account) -> None:
    """A shared ticket says so, so that rules can leave it alone: what is internal here may be read there."""
    assert account.ticket("T2").fields["native.shared"] == "false"
    assert share(account, "T2").fields["native.shared"] == "true"


def test_a_shared_ticket_is_escalated_like_any_other(account: Account) -> None:
    """Sharing alone is in nobody's way: the ticket moves, with an internal comment."""
    ticket = share(account, "T2")
    operation = account.operation(ticket, ("priority", "urgent"), comment="Without an owner for 20 minutes.")
    account.connector.write(operation)
    assert account.connector.verify(operation).found
    assert account.shown(ticket)["priority"] == "urgent"


@pytest.mark.parametrize("variants", [["shared-locked"]])
def test_what_a_shared_ticket_refuses_is_parked_in_zendesks_own_words(account: Account) -> None:
    """A ticket that the other account alone may change takes nothing of hoist's, no comment either, and a person is told why."""
    ticket = share(account, "T2")
    with pytest.raises(GiveUp, match="can't be changed on a ticket that is shared with another account"):
        account.connector.write(account.operation(ticket, ("priority", "urgent"), comment="Without an owner."))
    assert account.shown(ticket)["priority"] == "normal"
    assert len(account.person("", "GET", f"tickets/{ticket.ref.id}/comments")["comments"]) == 1


def test_a_suspended_mail_is_a_ticket_once_somebody_recovers_it(account: Account) -> None:
    """What waits among the suspended mails is neither mirrored nor there; recovered it is a ticket like others."""
    suspended = account.site.suspend("chloe", "Win a prize", "Click here")
    account.clock.pass_(DAY)
    assert account.connector.read([str(suspended)]).gone == [str(suspended)]
    made = account.person("", "PUT", f"suspended_tickets/{suspended}/recover")["ticket"]["id"]
    (read,) = account.connector.read([str(made)]).tickets
    assert read.fields["subject"] == "Win a prize"


def test_a_ticket_that_was_merged_ends_in_the_other_one(account: Account) -> None:
    """Of two merged tickets one is closed and takes nothing any more; the other goes on, and is written."""
    ended, kept = account.ticket("T2"), account.ticket("T3")
    merge = {"ids": [int(ended.ref.id)], "source_comment": "See the other one."}
    account.asked("", "POST", f"tickets/{kept.ref.id}/merge", merge)
    account.clock.pass_(60 * SECOND)
    ended, kept = account.ticket("T2"), account.ticket("T3")
    assert ended.fields["status"] == "closed"
    with pytest.raises(Gone, match="merged into another ticket"):
        account.connector.write(account.operation(ended, ("priority", "high"), comment="Without an owner."))
    operation = account.operation(kept, ("priority", "high"), comment="Without an owner.")
    account.connector.write(operation)
    assert account.connector.verify(operation).found


def test_an_archived_ticket_is_read_whole_and_takes_nothing(account: Account) -> None:
    """A ticket that was closed for four months is read with all of its past, and parked where it was to be written."""
    ticket = account.ticket("T2")
    for number in range(3):
        account.person("anna", "PUT", f"tickets/{ticket.ref.id}", {"subject": f"Subject {number}"})
        account.clock.pass_(SECOND)
    account.person("", "PUT", f"tickets/{ticket.ref.id}", {"status": "closed"})
    account.clock.pass_(121 * DAY)
    archived = account.ticket("T2")
    subjects = [change.new for change in archived.changes if change.field == "subject"]
    assert subjects == ["Subject 0", "Subject 1", "Subject 2"]
    assert archived.fields["status"] == "closed"
    with pytest.raises(GiveUp, match="closed, and Zendesk lets nobody change it"):
        account.connector.write(account.operation(archived, ("priority", "high")))
