"""What hoist writes: one update with everything in it, guarded, internal, and refused in words where Zendesk would refuse."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Conflict, GiveUp, Gone, TryLater, Unsupported
from connectors.http import Surroundings
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.marking import inert
from connectors.zendesk.sandbox import Terms, ZendeskSandbox
from connectors.zendesk.settings import ZendeskSettings
from rules.escalation import FieldChange, Operation, OperationKind
from rules.instants import MINUTE, SECOND
from rules.ticket import Ticket, TicketRef, Value
from tests.connectors.sandbox_desk import HANDED, TAKEN, Clock, desk

NOTE = "Without an owner for 20 minutes."


class Account:
    """An account with three of Chloe's tickets, the first of which Anna took and handed on, and a connector to it."""

    def __init__(self, site: ZendeskSandbox, clock: Clock, folder: Path, **more: Any) -> None:
        self.site, self.clock, self.now = site, clock, [0.0]
        secret = folder / "secret"
        given = site.hoist_settings(lambda _, value: f"file:{secret.write_text(value) and secret}")
        del given["platform"]
        settings = ZendeskSettings.model_validate({**given, "requests_per_second": 10_000, **more})
        self.connector = ZendeskConnector("zen", settings, Surroundings(sleep=lambda _: None, monotonic=lambda: self.now[0]))

    def ticket(self, name: str) -> Ticket:
        (read,) = self.connector.read([str(self.site.issue_id(name))]).tickets
        return read

    def operation(self, ticket: Ticket, *changes: tuple[str, Value], key: str = "k1", **more: Any) -> Operation:
        moves = tuple(FieldChange(name, ticket.fields[name], new) for name, new in changes)
        kind = OperationKind.FIELDS if moves or "add_labels" in more else OperationKind.COMMENT
        at = self.clock.at
        return Operation(key, kind, ticket.ref, f"marker-{key}", changes=moves, base=ticket.version, planned_at=at, **more)

    def person(self, handle: str, method: str, path: str, ticket: dict[str, Any] | None = None) -> Any:
        return self.asked(handle, method, path, None if ticket is None else {"ticket": ticket})

    def asked(self, handle: str, method: str, path: str, told: dict[str, Any] | None = None) -> Any:
        known = self.site.credentials(handle)
        signed = b64encode(f"{known['username']}/token:{known['token']}".encode()).decode()
        headers = {"authorization": f"Basic {signed}", "content-type": "application/json"}
        body = json.dumps(told).encode() if told is not None else b""
        answer = self.site.dispatch(method, f"/api/v2/{path}", "", headers, body)
        assert answer.status < 300, answer
        return json.loads(answer.body or b"{}")

    def shown(self, ticket: Ticket) -> dict[str, Any]:
        return dict(self.person("", "GET", f"tickets/{ticket.ref.id}")["ticket"])

    def last_audit(self, ticket: Ticket) -> dict[str, Any]:
        return dict(self.person("", "GET", f"tickets/{ticket.ref.id}/audits")["audits"][-1])


def opened(clock: Clock, folder: Path, terms: Terms, **more: Any) -> Iterator[Account]:
    site = ZendeskSandbox(clock=clock, history=desk(TAKEN, HANDED), terms=terms)
    with site.serve():
        account = Account(site, clock, folder, **more)
        yield account
        account.connector.close()


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    yield from opened(Clock(), tmp_path, Terms())


@pytest.fixture
def ignoring(tmp_path: Path) -> Iterator[Account]:
    yield from opened(Clock(), tmp_path, Terms(variants=frozenset({"additional-tags-ignored"})))


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[Account]:
    yield from opened(Clock(), tmp_path, Terms(variants=frozenset({"foreign-assignee-refused"})))


@pytest.fixture
def hurried(tmp_path: Path) -> Iterator[Account]:
    yield from opened(Clock(), tmp_path, Terms(), updates_per_minute=2)


def test_an_escalation_is_one_update(account: Account) -> None:
    """Group, priority, tag and internal comment are one audit with hoist's marker, and the status stays what it is."""
    ticket = account.ticket("T2")
    network = str(account.site.group_id("Network Operations"))
    operation = account.operation(ticket, ("team", network), ("priority", "high"), add_labels=("lifted",), comment=NOTE)
    receipt = account.connector.write(operation)
    audit = account.last_audit(ticket)
    assert {event.get("field_name") for event in audit["events"] if event["type"] == "Change"} == {"group_id", "priority", "tags"}
    (comment,) = [event for event in audit["events"] if event["type"] == "Comment"]
    assert (comment["public"], comment["body"]) == (False, NOTE)
    assert audit["metadata"]["custom"]["hoist"]["operation"] == operation.marker
    assert account.shown(ticket)["status"] == "new"
    found = account.connector.verify(operation)
    assert (found.found, found.problems, found.overwritten) == (True, (), ())
    assert found.native_id == receipt.native_id == str(comment["id"])


def test_a_ticket_that_moves_leaves_who_is_no_member(account: Account) -> None:
    """An assignee who is no member of the new group loses the ticket, and nobody gets it unasked."""
    ticket = account.ticket("T2")
    account.person("anna", "PUT", f"tickets/{ticket.ref.id}", {"assignee_id": account.site.user_id("anna")})
    account.clock.pass_(SECOND)
    ticket = account.ticket("T2")
    account.connector.write(account.operation(ticket, ("team", str(account.site.group_id("Network Operations")))))
    shown = account.shown(ticket)
    assert (shown["group_id"], shown["assignee_id"]) == (account.site.group_id("Network Operations"), None)


def test_a_person_keeps_the_group_that_a_ticket_is_in(account: Account) -> None:
    """A person who gets a ticket gets it in its group, rather than in their own default one."""
    ticket = account.ticket("T2")
    anna = str(account.site.user_id("anna"))
    account.connector.write(account.operation(ticket, ("assignee", anna)))
    shown = account.shown(ticket)
    assert (str(shown["assignee_id"]), str(shown["group_id"])) == (anna, ticket.fields["team"])


def test_a_person_outside_the_group_is_refused_in_words(refusing: Account) -> None:
    """Somebody who is no member of the group can't get the ticket: it is parked with Zendesk's own words, naming the field."""
    ticket = refusing.ticket("T1")
    with pytest.raises(GiveUp, match=r"(?i)assignee.*member"):
        refusing.connector.write(refusing.operation(ticket, ("assignee", str(refusing.site.user_id("bram")))))
    assert refusing.shown(ticket)["assignee_id"] is None


def test_a_change_between_read_and_write_is_a_conflict(account: Account) -> None:
    """Whatever somebody did since hoist read the ticket, nothing of hoist's is written over it."""
    ticket = account.ticket("T2")
    account.clock.pass_(SECOND)
    account.site.says("chloe", int(ticket.ref.id), "It works again!")
    with pytest.raises(Conflict, match="hoist reads it afresh"):
        account.connector.write(account.operation(ticket, ("priority", "high"), comment=NOTE))
    assert account.shown(ticket)["priority"] == "normal"


def test_what_is_so_already_is_not_written_once_more(account: Account) -> None:
    """Where somebody has done what hoist was to do, nothing is sent: an update that changes nothing would leave no trace."""
    ticket = replace(account.ticket("T2"), version="")
    operation = replace(account.operation(ticket, ("priority", "normal")), changes=(FieldChange("priority", "low", "normal"),))
    with pytest.raises(Conflict, match="somebody has done already"):
        account.connector.write(operation)


def test_a_closed_ticket_is_parked_and_a_merged_one_is_gone(account: Account) -> None:
    """A closed ticket is said to be closed, with what can be done; one that was merged has no object any more."""
    closed, merged = account.ticket("T2"), account.ticket("T3")
    anna = account.site.user_id("anna")
    for ticket in (closed, merged):
        account.person("anna", "PUT", f"tickets/{ticket.ref.id}", {"assignee_id": anna, "status": "solved"})
        account.clock.pass_(SECOND)
    account.person("", "PUT", f"tickets/{closed.ref.id}", {"status": "closed"})
    account.person("", "PUT", f"tickets/{merged.ref.id}", {"status": "closed", "additional_tags": ["closed_by_merge"]})
    account.clock.pass_(SECOND)
    closed, merged = account.ticket("T2"), account.ticket("T3")
    with pytest.raises(GiveUp, match="closed, and Zendesk lets nobody change it"):
        account.connector.write(account.operation(closed, ("priority", "high")))
    with pytest.raises(Gone, match="merged into another ticket"):
        account.connector.write(account.operation(merged, ("priority", "high")))


def test_an_account_that_ignores_additional_tags_gets_all_tags(ignoring: Account) -> None:
    """Where an update of one ticket knows no additional tags, the tags are set as a whole, and those of others stay."""
    ticket = ignoring.ticket("T2")
    before = ignoring.shown(ticket)["tags"]
    for number, label in enumerate(("first", "second")):
        ignoring.clock.pass_(SECOND)
        operation = ignoring.operation(ignoring.ticket("T2"), add_labels=(label,), comment=NOTE, key=f"k{number}")
        ignoring.connector.write(operation)
        assert ignoring.connector.verify(operation).problems == ()
    assert set(ignoring.shown(ticket)["tags"]) == {*before, "first", "second"}
    audits = ignoring.person("", "GET", f"tickets/{ticket.ref.id}/audits")["audits"]
    assert sum(event["type"] == "Comment" and event["body"] == NOTE for audit in audits for event in audit["events"]) == 2


def test_the_share_of_updates_is_kept(hurried: Account) -> None:
    """Of the account's updates hoist takes its share; the next one waits, unsent, until the minute is over."""
    for name in ("T1", "T2"):
        hurried.connector.write(hurried.operation(hurried.ticket(name), comment=NOTE))
    third = hurried.operation(hurried.ticket("T3"), comment=NOTE)
    with pytest.raises(TryLater, match="the rest is for people") as told:
        hurried.connector.write(third)
    assert 0 < told.value.seconds <= MINUTE / SECOND
    assert hurried.connector.verify(third).found is False
    hurried.now[0] += told.value.seconds
    hurried.connector.write(third)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (("priority", None), GiveUp, "can't take a priority away"),
        (("priority", "P1"), GiveUp, "has no priority P1"),
        (("team", "42"), GiveUp, "has no group 42"),
        (("assignee", "anna"), GiveUp, "ids are numbers"),
        (("status", "solved"), Unsupported, "can't set status"),
    ],
)
def test_what_can_not_be_written_is_said(account: Account, change: tuple[str, Value], error: type[Exception], said: str) -> None:
    """A value that Zendesk does not have, or a field that hoist never writes, is refused before anything is sent."""
    ticket = account.ticket("T2")
    unread = replace(account.operation(ticket), kind=OperationKind.FIELDS, base="")
    name, new = change
    old = ticket.fields[name] if name != "status" else None
    with pytest.raises(error, match=said):
        account.connector.write(replace(unread, changes=(FieldChange(name, old, new),)))
    assert account.shown(ticket)["updated_at"] == ticket.version.rstrip("~")


@pytest.mark.parametrize("label", ["Two Words", "UPPER", "a,b", ""])
def test_a_tag_that_zendesk_would_change_is_refused(account: Account, label: str) -> None:
    """A label that Zendesk would write otherwise is refused: hoist would not know its own tag again."""
    with pytest.raises(Unsupported, match="small letters"):
        account.connector.write(account.operation(account.ticket("T2"), add_labels=(label,), comment=NOTE))


def test_a_number_that_is_none_asks_nothing(account: Account) -> None:
    """An id that no ticket can have is gone, without a request that it could smuggle something into."""
    reading = account.connector.read(["1/../users/me", "", "abc"])
    assert set(reading.gone) == {"1/../users/me", "", "abc"}
    with pytest.raises(Gone):
        account.connector.write(Operation("k", OperationKind.COMMENT, TicketRef("zen", "1?x=1"), "m", comment=NOTE))


@pytest.mark.parametrize("text", ["{{ticket.requester.email}}", "{% if x %}", "[click](http://evil)", "[a][b]", "@anna look"])
def test_texts_stay_texts(text: str) -> None:
    """Placeholders, links and mentions out of a ticket's text are shown as they are, and do nothing."""
    shown = inert(text)
    assert shown.replace("\u200b", "") == text
    assert not any(each in shown for each in ("{{", "{%", "](", "][", "@anna"))
    assert inert("Mail bram@example.com about [P1] {x}") == "Mail bram@example.com about [P1] {x}"
