"""Answers with something odd in them: a record is read whole or set aside, all others are read as ever, and nothing breaks."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from connectors.contract import Page
from connectors.errors import ConnectorError
from connectors.sandboxes.answer import Answer
from connectors.testing_stage import Mirror
from rules.instants import MINUTE
from rules.ticket import Ticket, Unknown
from tests.connectors.servicenow import beside
from tests.connectors.servicenow.beside import Beside
from tests.connectors.spoiling import Spoilt, spoiled, spoils

VALUES = (str, int, tuple, Unknown, type(None))
"""Kinds of values that rules know."""
INSIDE = "answers inside a batch"
ROWS = "table/incident"
KINDS = (ROWS, ROWS, "table/sys_user", "table/sys_choice", "v1/batch", INSIDE, INSIDE)
"""Ends of paths whose answers are spoiled, and the history that comes within a batch."""


class Spoiling(beside.Watched):
    """An instance whose answers to hoist are spoiled as `spoilt` says."""

    spoilt: Spoilt | None = None

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = super().dispatch(method, path, query, headers, body)
        if self.spoilt is not None and self.spoilt.kind == INSIDE and path.endswith("v1/batch") and answer.status == 200:
            return inside(answer, self.spoilt)
        if self.spoilt is not None and self.spoilt.kind == ROWS and path.endswith(ROWS) and answer.status == 200:
            return rows(answer, self.spoilt)
        return spoiled(answer, path, self.spoilt)


def rows(page: Answer, spoilt: Spoilt) -> Answer:
    """A page of incidents that is spoiled each time: one that may be short is asked for twice, and the second answer counts."""
    whole = json.loads(page.body)
    spoilt.spoil(whole)
    return replace(page, body=json.dumps(whole).encode())


def inside(batch: Answer, spoilt: Spoilt) -> Answer:
    """A batch of which the first answer that holds rows is spoiled."""
    whole = json.loads(batch.body)
    for part in whole["serviced_requests"]:
        held = b64decode(part["body"])
        if json.loads(held).get("result"):
            part["body"] = b64encode(spoilt(held)).decode()
            break
    return replace(batch, body=json.dumps(whole).encode())


class Read:
    """An instance with some incidents that have a past, and what hoist reads of it."""

    def __init__(self, it: Beside, site: Spoiling) -> None:
        self.it, self.site = it, site
        first, second, _ = (it.incident() for _ in range(3))
        it.clock.pass_(MINUTE)
        it.change(first, assignment_group=it.network, comments="Moved.")
        it.change(second, state="2", assigned_to=it.anna, work_notes="Looking.")
        it.clock.pass_(MINUTE)
        it.change(first, state="3", hold_reason="1", urgency="1")
        it.clock.pass_(2 * MINUTE)
        self.whole = Mirror()
        self.read(None, self.whole)

    def read(self, spoilt: Spoilt | None, mirror: Mirror) -> list[Page]:
        """A run of a connector of its own."""
        connector = self.it.connect()
        self.site.spoilt = spoilt
        try:
            return mirror.run(connector)
        finally:
            self.site.spoilt = None


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    with pytest.MonkeyPatch.context() as patch, ExitStack() as open_:
        patch.setattr(beside, "Watched", Spoiling)
        it = Beside(open_, tmp_path_factory.mktemp("instance"))
        assert isinstance(it.site, Spoiling)
        yield Read(it, it.site)


def shown(ticket: Ticket) -> tuple[object, ...]:
    changes = [(c.at, c.save, c.field, c.old, c.new, c.by) for c in ticket.changes]
    return ticket.version, dict(ticket.fields), changes, [(m.id, m.by, m.public) for m in ticket.messages]


def assert_whole(ticket: Ticket, spoilt: Spoilt) -> None:
    """It has every field that is always read, and values that rules know alone.

    A column that was left out is one that the account may not read: what it holds is not known, and that is no mistake.
    """
    hidden = spoilt.left_out and ticket.ref.id == spoilt.ticket
    assert hidden or {"status", "priority", "team", "assignee", "last_comment", "project"} <= ticket.fields.keys()
    assert all(isinstance(value, VALUES) for value in ticket.fields.values())
    assert all(isinstance(value, VALUES) for change in ticket.changes for value in (change.old, change.new))


def assert_sound(pages: list[Page], whole: Mapping[str, Ticket], spoilt: Spoilt) -> None:
    """Each record is read or set aside; one that nothing befell is as it was."""
    read = {ticket.ref.id: ticket for page in pages for ticket in page.tickets}
    aside = {each.id for page in pages for each in page.quarantined}
    for ticket in read.values():
        assert_whole(ticket, spoilt)
    if spoilt.kind in {ROWS, INSIDE} and str(spoilt.ticket) in whole:
        others = whole.keys() - {str(spoilt.ticket)}
        assert read.keys() | aside >= others
        assert {id_: shown(read[id_]) for id_ in others & read.keys()} == {id_: shown(whole[id_]) for id_ in others & read.keys()}


@given(spoils(KINDS, 5))
@settings(deadline=None, derandomize=True, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_a_first_read_survives_any_odd_answer(site: Read, spoilt: Spoilt) -> None:
    """Whatever an answer holds, a record is read whole or set aside in its raw form, or all of it is refused in words."""
    refusal, pages = "", list[Page]()
    try:
        pages = site.read(spoilt, Mirror())
    except ConnectorError as problem:
        refusal = str(problem)
    if refusal:
        assert refusal.startswith("snow")
    else:
        assert_sound(pages, site.whole.tickets, spoilt)


class Column(Spoilt):
    """A column of the first row of a page is another thing."""

    def __init__(self, column: str, odd: object) -> None:
        super().__init__(ROWS, (), odd, left_out=False)
        self._column = column

    def spoil(self, whole: Any) -> None:
        row = whole["result"][0]
        self.ticket = row["sys_id"]["value"]
        row[self._column] = self._odd


@pytest.mark.parametrize("odd", [[], {}, ["odd"], {"value": ["odd"]}, {"value": {"odd": "odd"}, "display_value": "odd"}], ids=str)
@pytest.mark.parametrize("column", ["state", "priority", "assignment_group", "assigned_to", "description", "sys_updated_on"])
def test_a_row_with_a_column_that_is_no_value_is_set_aside(site: Read, column: str, odd: object) -> None:
    """A ticket of which one column can't be read is not read by halves; the others are read as ever."""
    spoilt = Column(column, odd)
    pages = site.read(spoilt, Mirror())
    assert {each.id for page in pages for each in page.quarantined} == {str(spoilt.ticket)}
    assert_sound(pages, site.whole.tickets, spoilt)
