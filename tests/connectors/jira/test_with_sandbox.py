"""The Jira connector over real HTTP, against the stand-in that shares no code with it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
import requests
from requests.adapters import HTTPAdapter

from connectors.ahead import Ahead, in_a_thread, when_asked
from connectors.contract import Listed, Overwritten, Page
from connectors.errors import AskAdmin, Gone, TryLater
from connectors.http import Surroundings
from connectors.jira.connector import JiraConnector
from connectors.jira.sandbox import JiraSandbox
from rules.escalation import FieldChange
from rules.instants import HOUR, MINUTE, SECOND
from rules.ticket import Kind
from tests.connectors.jira.recorded import (
    NOW,
    TEAM,
    Ledger,
    Waits,
    described_session,
    edit,
    note,
    settings,
)

OLD: Final = NOW - HOUR


def run(hoist: JiraConnector, cursor: str | None = None, ledger: Ledger | None = None) -> list[Page]:
    return list(hoist.changed(cursor, ledger or Ledger()))


class Desk:
    """A sandbox on a clock that stands still until it is moved, and hoist connected to it over HTTP."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
        self.now = NOW
        self.sandbox = JiraSandbox(clock=lambda: self.now, **more)
        self.monkeypatch = monkeypatch

    def connector(self, ahead: Ahead = when_asked, **more: Any) -> JiraConnector:
        credential = self.sandbox.credentials()
        self.monkeypatch.setenv("HOIST_TEST_TOKEN", credential["token"])
        given = settings(credential["url"], **self.sandbox.source_settings()).model_copy(
            update={"username": credential["username"], **more}
        )
        surroundings = Surroundings(sleep=self.sleep, monotonic=lambda: self.now / SECOND, chance=lambda: 0.5, ahead=ahead)
        made = JiraConnector("jira-cloud", given, surroundings)
        described_session(made)
        return made

    def sleep(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)

    def person_sets(self, ticket: str, fields: Mapping[str, object]) -> None:
        """A member of staff edits a ticket."""
        handle = next(person.handle for person in self.sandbox._site.history.people.values() if person.account_type == "staff")
        credential = self.sandbox.credentials(handle)
        answer = requests.put(
            f"{credential['url']}/rest/api/3/issue/{ticket}",
            json={"fields": fields},
            auth=(credential["username"], credential["token"]),
            timeout=5,
        )
        assert answer.status_code == 204, answer.text


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(monkeypatch, seed=1)
    with made.sandbox.serve():
        yield made


def test_everything_is_mirrored_once(desk: Desk) -> None:
    """A first run hands out every ticket of the project once, and the next one nothing but what is new."""
    hoist, ledger = desk.connector(), Ledger()
    hoist.identify()
    assert hoist.problems() == []
    seen: list[str] = []
    cursor = None
    for page in hoist.changed(None, ledger):
        seen += [ticket.ref.id for ticket in page.tickets]
        ledger.versions |= {ticket.ref.id: ticket.version for ticket in page.tickets}
        cursor = page.cursor
        assert not page.quarantined
    assert len(seen) == len(set(seen)) == 200
    again = run(hoist, cursor, ledger)
    assert sum(len(page.tickets) for page in again) == 0
    assert sum(page.unchanged for page in again) > 0


def open_ticket(hoist: JiraConnector) -> Any:
    return next(
        ticket for page in hoist.changed(None, Ledger()) for ticket in page.tickets if ticket.fields["assignee"] is not None
    )


def test_a_write_is_found_in_jiras_own_record(desk: Desk) -> None:
    """An escalation is sent, found under hoist's account with its marker, and seen by the next read as hoist's own change."""
    hoist = desk.connector()
    ticket = open_ticket(hoist)
    new = next(team for team in hoist.directory().teams if team != ticket.fields["team"])
    desk.now += MINUTE
    change = FieldChange("team", ticket.fields["team"], new)
    operation = edit(
        change,
        FieldChange("assignee", ticket.fields["assignee"], None),
        ticket=ticket.ref.id,
        labels=("hoist-tier-2",),
        at=desk.now,
    )
    assert hoist.verify(operation).found is False
    hoist.write(operation)
    verification = hoist.verify(operation)
    assert (verification.found, verification.at, verification.overwritten, verification.problems) == (True, desk.now, (), ())
    (after,) = hoist.read([ticket.ref.id]).tickets
    assert (after.fields["team"], after.fields["assignee"]) == (new, None)
    assert after.fields["labels"] == tuple(sorted({*ticket.fields["labels"], "hoist-tier-2"}))
    assert {each.by.kind for each in after.changes if each.at == desk.now} == {Kind.OWN_ACCOUNT}


def test_a_person_who_was_overwritten_is_named(desk: Desk) -> None:
    """A person's change between hoist's read and hoist's write is found in the changelog, with the value that was theirs."""
    hoist = desk.connector()
    ticket = open_ticket(hoist)
    others = [team for team in hoist.directory().teams if team != ticket.fields["team"]]
    desk.now += MINUTE
    operation = edit(FieldChange("team", ticket.fields["team"], others[0]), ticket=ticket.ref.id, at=desk.now)
    desk.person_sets(ticket.ref.id, {TEAM: {"id": others[1]}})
    desk.now += SECOND
    hoist.write(operation)
    assert hoist.verify(operation).overwritten == (Overwritten("team", others[1], others[0]),)


def test_a_comment_is_found_and_internal(desk: Desk) -> None:
    """A comment is found by its marker alone and can't be read by the requester."""
    hoist = desk.connector()
    ticket = open_ticket(hoist)
    operation = note("Without an owner for 20 minutes.", ticket.ref.id, desk.now)
    assert hoist.verify(operation).found is False
    receipt = hoist.write(operation)
    verification = hoist.verify(operation)
    assert (verification.found, verification.native_id, verification.problems) == (True, receipt.native_id, ())
    (after,) = hoist.read([ticket.ref.id]).tickets
    assert [message.public for message in after.messages if message.by.kind is Kind.OWN_ACCOUNT] == [False]


def test_a_moved_ticket_keeps_its_id(desk: Desk) -> None:
    """A ticket moved to another of the configured projects is the same ticket under a new key."""
    hoist = desk.connector(projects=("IT", "OPS"))
    ticket = open_ticket(hoist)
    key = desk.sandbox.move(ticket.ref.id, "OPS")
    (after,) = hoist.read([ticket.ref.id]).tickets
    assert (after.ref, after.key, after.fields["project"]) == (ticket.ref, key, "OPS")
    assert [(each.old, each.new) for each in after.changes if each.field == "project"] == [("IT", "OPS")]


def test_a_ticket_moved_out_of_the_projects_is_gone(desk: Desk) -> None:
    """A ticket that was moved to a project which is none of the source's is gone for hoist, and it says where it is."""
    hoist = desk.connector()
    ticket = open_ticket(hoist)
    key = desk.sandbox.move(ticket.ref.id, "OPS")
    reading = hoist.read([ticket.ref.id])
    assert (list(reading.tickets), list(reading.gone)) == ([], [ticket.ref.id])
    assert key in reading.why_gone[ticket.ref.id]
    assert ticket.ref.id not in listed(hoist)


def listed(hoist: JiraConnector) -> dict[str, Listed]:
    """What a whole census lists; the last word on each ticket."""
    found: dict[str, Listed] = {}
    page = hoist.census(None)
    while True:
        found |= page.tickets
        if page.cursor is None:
            return found
        page = hoist.census(page.cursor)


def test_a_census_costs_few_requests(desk: Desk) -> None:
    """Two hundred tickets are counted in one request, and only the open ones are asked for their last change."""
    hoist = desk.connector()
    first = hoist.census(None)
    assert len(first.tickets) == 200
    assert {each.updated for each in first.tickets.values()} == {None}
    tickets = {ticket.ref.id: ticket for page in run(hoist) for ticket in page.tickets}
    found = listed(hoist)
    assert set(found) == set(tickets)
    for id_, each in found.items():
        assert each.updated is None or each.version == tickets[id_].version
    named = {id_ for id_, each in found.items() if each.version}
    assert {id_ for id_, ticket in tickets.items() if ticket.fields["status"] not in {"resolved", "closed"}} <= named


def test_a_wrong_token_is_an_anonymous_visitor(desk: Desk) -> None:
    """A wrong token is noticed although Jira answers searches with an empty page."""
    hoist = desk.connector()
    desk.monkeypatch.setenv("HOIST_TEST_TOKEN", "wrong")
    stranger = JiraConnector("jira-cloud", hoist._changed._settings, Waits().surroundings)
    with pytest.raises(AskAdmin):
        run(stranger)


def test_reading_ahead_hands_out_the_same_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one page is worked on the next is read; tickets and their order are those of reading one page after the other."""
    desk = Desk(monkeypatch, seed=3)
    with desk.sandbox.serve():
        plain, ahead = desk.connector(page_size=100), desk.connector(ahead=in_a_thread, page_size=100)
        pages = run(ahead)
        assert [page.tickets for page in pages] == [page.tickets for page in run(plain)]
    assert [page.complete for page in pages] == [*[False] * (len(pages) - 1), True]
    assert len(pages) > 1


@pytest.mark.parametrize("search_size", [20, 50, 1_000], ids=lambda size: f"{size} rows")
@pytest.mark.parametrize("kept", [1, 2, 7])
def test_a_reader_that_is_ahead_can_be_left_at_any_page(monkeypatch: pytest.MonkeyPatch, search_size: int, kept: int) -> None:
    """Whoever stops after a page goes on from its cursor, and gets every other ticket: also in the midst of one search's rows."""
    desk, ledger = Desk(monkeypatch, seed=3), Ledger()
    with desk.sandbox.serve():
        hoist = desk.connector(ahead=in_a_thread, page_size=20, search_size=search_size)
        pages = hoist.changed(None, ledger)
        first = [next(pages) for _ in range(kept)]
        del pages
        ledger.versions |= {ticket.ref.id: ticket.version for page in first for ticket in page.tickets}
        rest = run(hoist, first[-1].cursor, ledger)
    found = [ticket.ref.id for page in (*first, *rest) for ticket in page.tickets]
    assert len(found) == len(set(found)) == 200


def test_one_search_serves_many_reads(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred tickets cost one search, a request per hundred and one for all histories: each counts towards quotas."""
    hoist, asked, send = desk.connector(), Counter[str](), HTTPAdapter.send

    def counted(adapter: HTTPAdapter, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        asked[str(request.url).rpartition("/rest/api/3")[2]] += 1
        return send(adapter, request, **more)

    hoist.identify()
    monkeypatch.setattr(HTTPAdapter, "send", counted)
    assert [len(page.tickets) for page in run(hoist)] == [200]
    learnt = {"/status": 1}  # a status that only histories know
    assert asked == {"/search/jql": 1, "/issue/bulkfetch": 2, "/changelog/bulkfetch": 1} | learnt


@pytest.mark.parametrize(
    "faults",
    [
        {"too-many-requests": 0.3},
        {"too-many-requests-without-retry-after": 0.2},
        {"html-503": 0.3},
        {"stale-search": 0.5},
        {"expired-token": 0.5},
        {"repeated-token": 0.3},
    ],
    ids=lambda faults: str(next(iter(faults))),
)
def test_faults_of_the_platform_lose_no_ticket(monkeypatch: pytest.MonkeyPatch, faults: dict[str, float]) -> None:
    """Whatever Jira answers on the way, once a run ends every ticket has been handed out."""
    desk = Desk(monkeypatch, seed=3, faults=faults)
    with desk.sandbox.serve():
        hoist, ledger = desk.connector(page_size=40, search_size=80), Ledger()
        cursor: str | None = None
        complete = 0
        for _ in range(200):
            try:
                for page in hoist.changed(cursor, ledger):
                    ledger.versions |= {ticket.ref.id: ticket.version for ticket in page.tickets}
                    cursor = page.cursor
                    complete += page.complete
            except TryLater as error:
                desk.sleep(max(60.0, error.seconds))
            if complete:
                break
    assert complete
    assert {str(10_001 + number) for number in range(200)} <= set(ledger.versions)  # and who was made while a quota was used up


def test_a_lost_answer_is_never_sent_again_blindly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write whose answer was lost is unknown, and found afterwards where it took effect."""
    desk = Desk(monkeypatch, seed=1, faults={"lost-answer": 1.0})
    with desk.sandbox.serve():
        hoist = desk.connector()
        ticket = open_ticket(hoist)
        operation = note("Once.", ticket.ref.id, desk.now)
        with pytest.raises(Exception, match=re.escape("may or may not have been made")):
            hoist.write(operation)
        assert hoist.verify(operation).found is True


def test_a_gone_ticket_refuses_the_write(desk: Desk) -> None:
    """A write to a ticket that is not there says so."""
    hoist = desk.connector()
    with pytest.raises(Gone):
        hoist.write(edit(FieldChange("priority", "1", "2"), ticket="1"))
