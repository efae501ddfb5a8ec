"""How an account is read: few requests for many tickets, the past as a whole, and nothing passed over or made up."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from agent.mirror import reconciled
from connectors.contract import Page
from connectors.errors import TryLater
from connectors.http import Surroundings
from connectors.sandboxes.answer import Answer
from connectors.testing import Mirror
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.sandbox import Terms, ZendeskSandbox
from connectors.zendesk.settings import ZendeskSettings
from rules.escalation import Operation, OperationKind
from rules.instants import MINUTE, SECOND
from rules.ticket import Ticket, TicketRef
from tests.connectors.sandbox_desk import Clock, desk

MANY = 60


class Counted(ZendeskSandbox):
    """An account that counts hoist's requests by the last words of their path."""

    def __init__(self, clock: Clock, terms: Terms) -> None:
        super().__init__(clock=clock, history=replace(desk(), events=()), terms=terms)
        self.asked: Counter[str] = Counter()
        self.in_turn: list[str] = []
        self.spoiled = False
        self.throttled_after: int | None = None  # so many reads of audits
        self.audits_from = ""  # the Date of a cache on the way
        self.knows_of_none = False  # that cache, of any ticket
        self.events_end_at: int | None = None  # where pages of events claim to end, in seconds since 1970
        self.small_pages_of_events = False

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if {name.lower(): value for name, value in headers.items()}.get("user-agent") != "hoist":
            return super().dispatch(method, path, query, headers, body)
        called = re.sub(r"\d+", "", path.rpartition("/api/v2/")[2])
        self.asked["audits" if called == "tickets//audits" else called] += 1
        self.in_turn.append(called)
        if path.endswith("ticket_events") and self.small_pages_of_events:
            query += "&per_page=50"
        answer = super().dispatch(method, path, query, headers, body)
        if path.endswith("ticket_events") and self.events_end_at is not None:
            told = {"end_time": self.events_end_at, "end_of_stream": False}
            return replace(answer, body=json.dumps(json.loads(answer.body) | told).encode())
        if path.endswith("/audits") and self.knows_of_none:
            return Answer(404, {"Content-Type": "application/json", "Date": self.audits_from}, b'{"error": "RecordNotFound"}')
        if path.endswith("/audits") and self.audits_from:
            return replace(answer, headers={**answer.headers, "Date": self.audits_from})
        if path.endswith("/audits") and self.throttled_after is not None:
            self.throttled_after -= 1
            if self.throttled_after < 0:
                waits = {"Retry-After": "30", "Content-Type": "application/json", "Date": answer.headers["Date"]}
                return Answer(429, waits, b"{}")
        if self.spoiled and path.endswith("ticket_events"):
            shown = json.loads(answer.body)
            for row in shown["ticket_events"]:
                row["child_events"] = [
                    {name: each[name] for name in each if name != "previous_value"} for each in row["child_events"]
                ]
            return replace(answer, body=json.dumps(shown).encode())
        return answer


class Account:
    """An account on loopback, people in it, a connector and a mirror that merges as hoist's own does."""

    def __init__(self, site: Counted, clock: Clock, folder: Path, **more: Any) -> None:
        self.site, self.clock = site, clock
        secret = folder / "secret"
        given = site.hoist_settings(lambda _, value: f"file:{secret.write_text(value) and secret}")
        del given["platform"]
        fast = {"requests_per_second": 10_000, "exports_per_minute": 1_000}
        settings = ZendeskSettings.model_validate({**given, **fast, **more})
        self.connector = ZendeskConnector(
            "zen", settings, Surroundings(sleep=lambda _: None, monotonic=lambda: clock.at / SECOND)
        )
        self.mirror = Merging()

    def person(self, handle: str, method: str, path: str, ticket: Mapping[str, Any] | None = None) -> Any:
        known = self.site.credentials(handle)
        signed = b64encode(f"{known['username']}/token:{known['token']}".encode()).decode()
        headers = {"authorization": f"Basic {signed}", "content-type": "application/json"}
        body = json.dumps({"ticket": ticket}).encode() if ticket is not None else b""
        answer = self.site.dispatch(method, f"/api/v2/{path}", "", headers, body)
        assert answer.status < 300, answer
        return json.loads(answer.body or b"{}")

    def create(self, **values: Any) -> str:
        asked = {"subject": "VPN drops", "comment": {"body": "Since this morning."}, "requester_id": self.site.user_id("chloe")}
        return str(self.person("anna", "POST", "tickets", asked | values)["ticket"]["id"])

    def change(self, ticket: str, **values: Any) -> None:
        self.person("anna", "PUT", f"tickets/{ticket}", values)

    def run(self) -> list[Page]:
        """A run two minutes later."""
        self.clock.pass_(2 * MINUTE)
        self.site.asked.clear()
        return self.mirror.run(self.connector)


class Merging(Mirror):
    """Lays what was read over what was known."""

    def keep(self, page: Page) -> None:
        super().keep(replace(page, tickets=[self._merged(ticket, page) for ticket in page.tickets]))

    def _merged(self, ticket: Ticket, page: Page) -> Ticket:
        before = self.tickets.get(ticket.ref.id)
        merged = reconciled(ticket, before, [], continued=ticket.ref.id in page.continued)
        return ticket if merged is None else merged


@pytest.fixture
def variants() -> Sequence[str]:
    return ()


@pytest.fixture
def account(tmp_path: Path, variants: Sequence[str]) -> Iterator[Account]:
    clock = Clock()
    site = Counted(clock, Terms(variants=frozenset(variants)))
    with site.serve():
        made = Account(site, clock, tmp_path)
        yield made
        made.connector.close()


def many_with_news(account: Account) -> list[str]:
    """Tickets that are mirrored, and that people have worked on since."""
    made = [account.create(priority="normal") for _ in range(MANY)]
    account.run()
    network = account.site.group_id("Network Operations")
    for number, ticket in enumerate(made):
        account.clock.pass_(SECOND)
        account.change(ticket, priority="high", additional_tags=["seen"])
        account.change(ticket, group_id=network, comment={"body": f"Note {number}", "public": False})
        account.site.says("chloe", int(ticket), "Any news?")
    return made


def told(ticket: Ticket) -> tuple[object, ...]:
    """All that two reads of one ticket must agree on; what a mirror saw without a record of it is left out."""
    recorded = [c for c in ticket.changes if not c.save.startswith("seen at ")]
    changes = [(c.at, c.sequence, c.save, c.field, c.old, c.new, c.by) for c in recorded]
    messages = [(m.at, m.id, m.by, m.public, m.thanks) for m in ticket.messages]
    return ticket.version, dict(ticket.fields), changes, messages, ticket.complete_from


def test_the_news_of_many_tickets_cost_an_export_or_two(account: Account) -> None:
    """Sixty tickets with news cost two exports and not one request each, and every one is known as if read by itself."""
    made = many_with_news(account)
    pages = account.run()
    assert {id_ for page in pages for id_ in page.continued} == set(made)
    assert account.site.asked["audits"] == 0
    assert account.site.asked["incremental/tickets/cursor"] == account.site.asked["incremental/ticket_events"] == 1
    alone = {ticket.ref.id: ticket for ticket in account.connector.read(made).tickets}
    assert {id_: told(ticket) for id_, ticket in account.mirror.tickets.items()} == {id_: told(t) for id_, t in alone.items()}


def test_events_that_are_not_understood_are_not_relied_on(account: Account) -> None:
    """Where the stream of events looks otherwise than expected, each ticket is asked for its own past."""
    made = many_with_news(account)
    account.site.spoiled = True
    account.run()
    assert account.site.asked["audits"] == MANY
    alone = {ticket.ref.id: ticket for ticket in account.connector.read(made).tickets}
    assert {id_: told(ticket) for id_, ticket in account.mirror.tickets.items()} == {id_: told(t) for id_, t in alone.items()}


def test_a_stream_that_goes_back_is_left(account: Account) -> None:
    """A stream of events that names an earlier second as the next one is read no further, and no ticket loses its past by it."""
    made = many_with_news(account)
    account.site.events_end_at = 1
    account.run()
    assert account.site.asked["incremental/ticket_events"] == 1
    alone = {ticket.ref.id: ticket for ticket in account.connector.read(made).tickets}
    assert {id_: told(ticket) for id_, ticket in account.mirror.tickets.items()} == {id_: told(t) for id_, t in alone.items()}


@pytest.fixture
def in_small_pages(tmp_path: Path) -> Iterator[Account]:
    """An account whose export and stream are read in small pages."""
    clock = Clock()
    site = Counted(clock, Terms())
    site.small_pages_of_events = True
    with site.serve():
        made = Account(site, clock, tmp_path, page_size=30)
        yield made
        made.connector.close()


def test_events_are_read_as_far_as_the_tickets_go(in_small_pages: Account) -> None:
    """A page of tickets has hoist read no more of the stream than tells their news; the next page reads on from there."""
    made = many_with_news(in_small_pages)
    in_small_pages.run()
    site = in_small_pages.site
    exports = [name.removeprefix("incremental/") for name in site.in_turn if name.startswith("incremental/")]
    second_page = len(exports) - exports[::-1].index("tickets/cursor")
    assert "ticket_events" in exports[:second_page]
    assert "ticket_events" in exports[second_page:]
    assert site.asked["audits"] == 0
    alone = {ticket.ref.id: ticket for ticket in in_small_pages.connector.read(made).tickets}
    mirrored = in_small_pages.mirror.tickets
    assert {id_: told(ticket) for id_, ticket in mirrored.items()} == {id_: told(t) for id_, t in alone.items()}


def test_a_page_that_was_not_kept_is_told_once_more_with_all_its_news(in_small_pages: Account) -> None:
    """A run that breaks off behind a page that could not be kept leaves no hole in the history of its tickets."""
    made = many_with_news(in_small_pages)
    in_small_pages.clock.pass_(2 * MINUTE)
    run = in_small_pages.connector.changed(in_small_pages.mirror.cursor, in_small_pages.mirror)
    assert next(run).continued
    del run
    for ticket in made:
        in_small_pages.clock.pass_(SECOND)
        in_small_pages.change(ticket, priority="urgent")
    in_small_pages.run()
    alone = {ticket.ref.id: ticket for ticket in in_small_pages.connector.read(made).tickets}
    mirrored = in_small_pages.mirror.tickets
    assert {id_: told(ticket) for id_, ticket in mirrored.items()} == {id_: told(t) for id_, t in alone.items()}


def test_what_hoist_did_is_read_from_audits_where_the_stream_leaves_its_marker_out(account: Account) -> None:
    """A ticket that hoist's own user has changed is read by its audits, which tell whether it was hoist."""
    made = many_with_news(account)
    account.person("", "PUT", f"tickets/{made[0]}", {"priority": "urgent", "metadata": {"hoist": {"operation": "m1"}}})
    account.run()
    assert account.site.asked["audits"] == 1
    own = account.connector.identify().account
    assert [change.new for change in account.mirror.tickets[made[0]].changes if change.by.id == own] == ["urgent"]


def test_few_tickets_leave_the_exports_to_others(account: Account) -> None:
    """Three tickets with news cost one export and a request each."""
    made = [account.create() for _ in range(3)]
    account.run()
    account.clock.pass_(SECOND)
    for ticket in made:
        account.change(ticket, priority="high")
    account.run()
    assert account.site.asked["incremental/ticket_events"] == 0
    assert account.site.asked["incremental/tickets/cursor"] == 1
    assert account.site.asked["audits"] == 3


def test_what_is_younger_than_a_minute_is_not_claimed(account: Account) -> None:
    """The export leaves out the last minute, so the horizon never reaches into it; a minute later the change is there."""
    account.create()
    pages = account.mirror.run(account.connector)
    assert not pages[-1].tickets
    assert pages[-1].horizon <= account.clock.at - MINUTE
    assert [len(page.tickets) for page in account.run()] == [1]


def test_a_deleted_ticket_is_told_as_gone(account: Account) -> None:
    """What the export shows as deleted is gone from then on, and no ticket is made of what is left of it."""
    kept, deleted = account.create(), account.create()
    account.run()
    account.clock.pass_(SECOND)
    at = account.clock.at
    account.person("", "DELETE", f"tickets/{deleted}")
    (page,) = account.run()
    assert dict(page.gone) == {deleted: at}
    assert not page.tickets
    assert list(account.connector.read([deleted, kept]).gone) == [deleted]


def test_what_the_platform_changes_by_itself_is_read_again(account: Account) -> None:
    """A change that leaves the stamp of the last update alone is handed out all the same."""
    ticket = account.create()
    account.run()
    account.clock.pass_(MINUTE)
    account.site.by_the_platform(int(ticket))
    assert [[each.ref.id for each in page.tickets] for page in account.run()] == [[ticket]]


@pytest.mark.parametrize("variants", [("null-cursor",)])
def test_the_cursor_is_kept_for_ever(account: Account) -> None:
    """Where nothing is new the cursor stays, also where the account names none, and what comes next is not missed."""
    account.create()
    account.run()
    first = account.mirror.cursor
    for _ in range(3):
        account.run()
    assert json.loads(account.mirror.cursor or "")["after"] == json.loads(first or "")["after"]
    later = account.create()
    assert [[each.ref.id for each in page.tickets] for page in account.run()] == [[later]]


def test_closed_tickets_of_a_first_read_cost_no_request(account: Account) -> None:
    """Nobody can change a closed ticket, so a first read takes it from the export alone and says that its past is not known."""
    closed, open_ = account.create(), account.create()
    account.change(closed, assignee_id=account.site.user_id("anna"), status="solved")
    account.clock.pass_(SECOND)
    account.person("", "PUT", f"tickets/{closed}", {"status": "closed"})
    account.run()
    assert account.site.asked["audits"] == 1
    assert account.mirror.tickets[closed].fields["status"] == "closed"
    assert account.mirror.tickets[closed].complete_from == account.mirror.tickets[closed].known
    assert account.mirror.tickets[open_].complete_from == account.mirror.tickets[open_].created


def test_a_run_ends_early_where_the_share_of_exports_is_used_up(tmp_path: Path) -> None:
    """Of ten exports a minute hoist takes its share; a longer run goes on a minute later, without an error and without a gap."""
    clock = Clock()
    site = Counted(clock, Terms())
    with site.serve():
        account = Account(site, clock, tmp_path, exports_per_minute=2, page_size=2)
        made = [account.create() for _ in range(7)]
        runs = [account.run() for _ in range(3)]
        account.connector.close()
    assert [sum(len(page.tickets) for page in pages) for pages in runs] == [4, 3, 0]
    assert not runs[0][-1].complete
    assert runs[1][-1].complete
    assert set(account.mirror.tickets) == set(made)


def test_a_ticket_is_as_old_as_the_oldest_part_of_it(account: Account) -> None:
    """Audits out of a cache on the way date what was read, and what is looked for: their silence says nothing of later."""
    account.connector.directory()
    (id_,) = [account.create()]
    account.clock.pass_(2 * MINUTE)
    account.site.audits_from = formatdate((account.clock.at - MINUTE) // SECOND, usegmt=True)
    old = (account.clock.at - MINUTE) // SECOND * SECOND
    reading = account.connector.read([id_])
    assert reading.server_time == old
    assert [ticket.known for ticket in reading.tickets] == [old]
    assert account.connector.verify(Operation("k", OperationKind.FIELDS, TicketRef("zen", id_), "m-1")).server_time == old


def test_news_are_not_passed_over_for_audits_out_of_a_cache(account: Account) -> None:
    """An export tells of a change, and a cache on the way shows the audits of before it: they are asked for again."""
    id_ = account.create()
    account.run()
    account.clock.pass_(MINUTE)
    before = formatdate(account.clock.at // SECOND - 30, usegmt=True)
    account.change(id_, priority="high")
    account.site.audits_from = before
    with pytest.raises(TryLater, match="older than the ticket"):
        account.run()
    account.site.audits_from = ""
    account.run()
    assert any(change.field == "priority" for change in account.mirror.tickets[id_].changes)


def test_a_new_ticket_is_not_passed_over_for_a_cache_that_does_not_know_it(account: Account) -> None:
    """An export tells of a ticket, and a cache says from before it was made that there is none: it is asked for again."""
    account.run()
    before = formatdate(account.clock.at // SECOND - 30, usegmt=True)
    account.clock.pass_(MINUTE)
    id_ = account.create()
    account.site.audits_from, account.site.knows_of_none = before, True
    with pytest.raises(TryLater, match="older than the ticket"):
        account.run()
    account.site.audits_from, account.site.knows_of_none = "", False
    account.run()
    assert id_ in account.mirror.tickets


def test_what_was_read_before_zendesk_asked_to_wait_is_kept(account: Account) -> None:
    """An account that turns hoist away in the middle of a page is read on from there, not from the page's beginning again."""
    account.connector.directory()  # as whenever hoist starts
    made = [account.create() for _ in range(6)]
    account.clock.pass_(2 * MINUTE)
    for expected in (2, 4):
        account.site.throttled_after = 2
        with pytest.raises(TryLater):
            account.mirror.run(account.connector)
        assert len(account.mirror.tickets) == expected
        account.clock.pass_(MINUTE)
    account.site.throttled_after = None
    account.site.asked.clear()
    account.mirror.run(account.connector)
    assert set(account.mirror.tickets) == set(made)
    assert account.site.asked["audits"] == 2
