"""Answers with something odd in them: one ticket may be set aside, all others are read as ever, and nothing breaks."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contract import Page
from connectors.errors import ConnectorError
from connectors.http import Surroundings
from connectors.sandboxes.answer import Answer
from connectors.testing_stage import Mirror
from connectors.zendesk import history
from connectors.zendesk.audits import audit_of
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.events import told_by
from connectors.zendesk.mapping import Mapper
from connectors.zendesk.rows import ticket_of
from connectors.zendesk.sandbox import Terms, ZendeskSandbox
from connectors.zendesk.settings import ZendeskSettings
from connectors.zendesk.wire import Unreadable
from rules.instants import MINUTE, SECOND
from rules.ticket import Ticket, Unknown
from tests.connectors.sandbox_desk import CHASED, HANDED, TAKEN, Clock, desk
from tests.connectors.spoiling import Spoilt, spoiled, spoils
from tests.connectors.zendesk.sandbox_caller import Caller

ACCOUNT = history.Account("zen", "https://example.zendesk.com", "1")
VALUES = (str, int, tuple, Unknown, type(None))
"""Kinds of values that rules know."""
KINDS = ("incremental/tickets/cursor", "audits", "custom_statuses", "brands", "ticket_forms")
"""Ends of paths whose answers are spoiled."""
SPOILS = spoils(KINDS, 6)


class Site(ZendeskSandbox):
    """An account whose answers to hoist are spoiled as `spoilt` says."""

    spoilt: Spoilt | None = None

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return spoiled(super().dispatch(method, path, query, headers, body), path, self.spoilt)


class Account:
    """An account, and what hoist's reads of it bring."""

    def __init__(self, site: Site, clock: Clock, folder: Path) -> None:
        self.site, self.clock = site, clock
        secret = folder / "secret"
        given = site.hoist_settings(lambda _, value: f"file:{secret.write_text(value) and secret}")
        del given["platform"]
        fast = {"requests_per_second": 100_000, "exports_per_minute": 100_000}
        self._settings = ZendeskSettings.model_validate({**given, **fast})
        self._caller, self._rows = Caller(site), dict[str, list[dict[str, Any]]]()
        self.whole = Mirror()
        self.read(None, self.whole)

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """What the account itself shows."""
        if kind not in self._rows:
            query = "?start_time=0&include=comment_events,users,slas" if kind != "audits" else ""
            self._rows[kind] = self._caller("GET", ROW_KINDS[kind] + query)[kind]
        return self._rows[kind]

    def read(self, spoilt: Spoilt | None, mirror: Mirror) -> list[Page]:
        """A run of a connector of its own."""
        self.site.spoilt = spoilt
        connector = ZendeskConnector(
            "zen", self._settings, Surroundings(sleep=lambda _: None, monotonic=lambda: self.clock.at / SECOND)
        )
        try:
            return mirror.run(connector)
        finally:
            connector.close()
            self.site.spoilt = None


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    clock = Clock()
    site = Site(clock=clock, history=desk(TAKEN, HANDED, CHASED), terms=Terms(variants=frozenset(("events-with-metadata",))))
    clock.pass_(2 * MINUTE)
    with site.serve():
        yield Account(site, clock, tmp_path_factory.mktemp("account"))


def shown(ticket: Ticket) -> tuple[object, ...]:
    changes = [(c.at, c.save, c.field, c.old, c.new, c.by) for c in ticket.changes]
    return ticket.version, dict(ticket.fields), changes, [(m.id, m.by, m.public) for m in ticket.messages]


def assert_sound(pages: list[Page], whole: Mapping[str, Ticket], spoilt: Spoilt) -> None:
    """Every ticket is read or set aside; those that nothing befell are as they were, with values that rules know."""
    read = {ticket.ref.id: ticket for page in pages for ticket in page.tickets}
    aside = {each.id for page in pages for each in page.quarantined}
    lists_tickets = spoilt.kind.endswith("cursor")
    assert read.keys() | aside >= whole.keys() or lists_tickets
    if spoilt.kind in {"incremental/tickets/cursor", "audits"} and spoilt.ticket is not None:
        others = whole.keys() - {str(spoilt.ticket)}
        assert len(others & read.keys()) >= len(others) - lists_tickets
        if not lists_tickets:
            assert {id_: shown(read[id_]) for id_ in others} == {id_: shown(whole[id_]) for id_ in others}
    for ticket in read.values():
        assert all(isinstance(value, VALUES) for value in ticket.fields.values())
        assert {"status", "priority", "team", "assignee", "labels", "last_comment"} <= ticket.fields.keys()


@given(SPOILS)
@settings(deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_first_read_survives_any_odd_answer(account: Account, spoilt: Spoilt) -> None:
    """Whatever an answer holds, a ticket is read whole or set aside in its raw form, or all of it is refused in words."""
    refusal, pages = "", list[Page]()
    try:
        pages = account.read(spoilt, Mirror())
    except ConnectorError as problem:
        refusal = str(problem)
    if pages:
        assert_sound(pages, account.whole.tickets, spoilt)
    else:
        assert refusal.startswith("zen")


ROW_KINDS = {"tickets": "incremental/tickets/cursor", "audits": "tickets/1/audits", "ticket_events": "incremental/ticket_events"}
SPOILT_ROWS = spoils(sorted(ROW_KINDS), 5)


@given(SPOILT_ROWS, st.integers(0, 20))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_a_row_is_understood_or_refused(account: Account, spoilt: Spoilt, place: int) -> None:
    """A row of a list, of audits or of the stream that is spoiled anywhere is read, or refused as unreadable; nothing breaks."""
    rows = account.rows(spoilt.kind)
    row = copy.deepcopy(rows[place % len(rows)])
    spoilt.spoil(row)
    audits, tickets = account.rows("audits"), account.rows("tickets")
    try:
        if spoilt.kind == "tickets":
            made, past = ticket_of(row), [audit_of(each) for each in audits]
        else:
            made, past = ticket_of(tickets[0]), [(told_by if spoilt.kind == "ticket_events" else audit_of)(row)]
    except Unreadable:
        return
    ticket, _ = Mapper(ACCOUNT, {}, account.clock.at).ticket(made, past)
    assert all(isinstance(value, VALUES) for value in ticket.fields.values())
    assert all(isinstance(value, VALUES) for change in ticket.changes for value in (change.old, change.new))
