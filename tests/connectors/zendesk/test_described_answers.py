"""The example answers in Zendesk's own description of its API, and what becomes of them where something in one is odd.

The description is not part of hoist; these tests skip loudly without it.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import ConnectorError
from connectors.http import Surroundings
from connectors.sandboxes.answer import Answer
from connectors.sandboxes.server import serving
from connectors.testing import Mirror
from connectors.zendesk import changes
from connectors.zendesk.audits import audit_of
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.rows import ticket_of
from connectors.zendesk.settings import ZendeskSettings
from connectors.zendesk.wire import Unreadable
from rules.escalation import FieldChange, Operation, OperationKind
from rules.instants import SECOND
from rules.ticket import TicketRef
from tests.connectors.sandbox_desk import START
from tests.connectors.spoiling import ODD, Spoilt
from tests.connectors.zendesk.test_contract import described, resolved

Answered = Callable[[str, str], tuple[int, Any] | None]
"""Status and JSON of what a method and a path are answered with; None where there is nothing."""
USED = {
    ("POST", "/oauth/tokens"),
    ("GET", "/api/v2/users/me"),
    ("GET", "/api/v2/users"),
    ("GET", "/api/v2/users/show_many"),
    ("GET", "/api/v2/organizations/show_many"),
    ("GET", "/api/v2/groups"),
    ("GET", "/api/v2/group_memberships/assignable"),
    ("GET", "/api/v2/ticket_fields"),
    ("GET", "/api/v2/ticket_forms"),
    ("GET", "/api/v2/custom_statuses"),
    ("GET", "/api/v2/brands"),
    ("GET", "/api/v2/incremental/tickets/cursor"),
    ("GET", "/api/v2/incremental/ticket_events"),
    ("GET", "/api/v2/tickets/show_many"),
    ("GET", "/api/v2/tickets/{ticket_id}"),
    ("GET", "/api/v2/tickets/{ticket_id}/audits"),
    ("PUT", "/api/v2/tickets/{ticket_id}"),
}
TICKET = "35436"
"""The ticket of the examples."""


@cache
def examples() -> dict[tuple[str, str], list[tuple[int, Any]]]:
    """Status and JSON of each example of each call that hoist makes."""
    found: dict[tuple[str, str], list[tuple[int, Any]]] = {}
    for method, path in sorted(USED):
        for status, answer in described()["paths"][path][method.lower()]["responses"].items():
            shown = resolved(answer).get("content", {}).get("application/json", {})
            listed = list(shown.get("examples", {}).values()) or [{"value": shown["example"]} for _ in range("example" in shown)]
            for each in listed:
                found.setdefault((method, path), []).append((int(status), resolved(each)["value"]))
    return found


def rows_of(whole: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """Whatever stands under one of these names, at any depth; of a list each."""
    if isinstance(whole, dict):
        for name, value in whole.items():
            if name in names:
                yield from value if isinstance(value, list) else [value]
            else:
                yield from rows_of(value, names)
    elif isinstance(whole, list):
        for each in whole:
            yield from rows_of(each, names)


def example(method: str, path: str, place: int = 0) -> tuple[int, Any] | None:
    """The example of a call, one after the other by its place."""
    for (known, template), found in examples().items():
        fixed = (known, path) in examples()
        matches = path == template if fixed else re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", template), path)
        if known == method and matches:
            return found[place % len(found)]
    return None


@contextmanager
def connected(folder: Path, answered: Answered) -> Iterator[ZendeskConnector]:
    """A connector to what answers so."""

    def dispatch(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        del query, headers, body
        told = {"Content-Type": "application/json", "Date": formatdate(START / SECOND, usegmt=True)}
        status, found = answered(method, path) or (404, {"error": "RecordNotFound", "description": "Not found"})
        return Answer(status, told, json.dumps(found).encode())

    with serving(dispatch, 0, None) as server:
        (folder / "secret").write_text("a secret")
        auth = {"kind": "oauth_client_credentials", "client_id": "hoist", "client_secret": f"file:{folder / 'secret'}"}
        given = {"url": server.url, "auth": auth, "requests_per_second": 100_000, "exports_per_minute": 100_000}
        given |= {"fields": {"cause": 27642}, "updates_per_minute": 100_000}
        connector = ZendeskConnector("zen", ZendeskSettings.model_validate(given), Surroundings(sleep=lambda _: None))
        try:
            yield connector
        finally:
            connector.close()


def story(hoist: ZendeskConnector) -> None:
    """Everything that hoist asks an account; whatever is refused is refused in words that begin with the source."""
    mirror, moves = Mirror(), (FieldChange("priority", "high", "urgent"),)
    operation = Operation("k", OperationKind.FIELDS, TicketRef("zen", TICKET), "m", ("f",), moves, ("lifted",), "Moved.", START)
    said: list[str] = []
    asked: list[Callable[[], object]] = [
        hoist.identify,
        hoist.problems,
        hoist.directory,
        lambda: mirror.run(hoist),
        lambda: mirror.run(hoist),
        lambda: hoist.read([TICKET]),
        lambda: hoist.census(None),
        lambda: hoist.write(operation),
        lambda: hoist.verify(operation),
        lambda: hoist.marks(TICKET),
    ]
    for ask in asked:
        try:
            ask()
        except ConnectorError as problem:
            said.append(str(problem))
    assert [sentence for sentence in said if not sentence.startswith("zen")] == []


def test_every_call_that_hoist_makes_has_an_example() -> None:
    """Nothing that hoist reads goes unjudged for want of an example."""
    assert set(examples()) == USED


@pytest.mark.parametrize("place", [0, 1])
def test_the_examples_make_a_ticket(tmp_path: Path, place: int) -> None:
    """Zendesk's own examples are read as the ticket that they show, with its past, its people and nothing set aside."""
    with connected(tmp_path, lambda method, path: example(method, path, place)) as hoist:
        assert hoist.identify().account == TICKET  # the examples' agent has the same number
        directory = hoist.directory()
        assert directory.teams == {"211": "DJs", "122": "MCs"}
        (page,) = list(hoist.changed(None, Mirror()))
        assert page.quarantined == []
        reading = hoist.read([TICKET])
        assert hoist.census(None).tickets.keys() == {TICKET}
    assert (list(reading.quarantined), list(reading.gone)) == ([], [])
    for ticket in (*page.tickets, *reading.tickets):
        shown = {name: ticket.fields[name] for name in ("status", "priority", "team", "assignee", "labels", "native.cause")}
        assert shown == {
            "status": "open",
            "priority": "high",
            "team": "98738",
            "assignee": "235323",
            "labels": ("enterprise", "other_tag"),
            "native.cause": "745",
        }
        moved = {(change.field, change.old, change.new, change.by.kind.value) for change in ticket.changes}
        assert ("status", "new", "open", "automation") in moved
        assert [(message.public, message.by.id) for message in ticket.messages] == [(False, "5246746")]


def test_a_write_is_found_out_by_its_answers(tmp_path: Path) -> None:
    """A ticket that the account shows without hoist's marker was not written, whatever the answer to the update said."""
    with connected(tmp_path, example) as hoist:
        (ticket,) = hoist.read([TICKET]).tickets
        moves = (FieldChange("priority", "high", "urgent"),)
        operation = Operation("k", OperationKind.FIELDS, ticket.ref, "m", (), moves, base=ticket.version)
        hoist.write(operation)
        assert not hoist.verify(operation).found
        assert hoist.marks(TICKET) == set()


def test_an_export_that_stands_still_ends_the_run(tmp_path: Path) -> None:
    """An export that names the same cursor again, and no end, is asked for no more within a run, and nothing of it is lost."""
    asked: list[str] = []

    def answered(method: str, path: str) -> tuple[int, Any] | None:
        shown = example(method, path)
        if shown is None or not path.endswith("cursor"):
            return shown
        asked.append(path)
        return (200, {**shown[1], "end_of_stream": False}) if len(asked) < 9 else None

    mirror = Mirror()
    with connected(tmp_path, answered) as hoist:
        mirror.run(hoist)
    assert len(asked) == 2
    assert set(mirror.tickets) == {TICKET}


@pytest.mark.parametrize(("kind", "least"), [("ticket", 5), ("audit", 3)])
def test_every_example_row_is_read_or_refused_in_words(kind: str, least: int) -> None:
    """Each ticket and each audit in the whole description, of any call, is a ticket or an audit, or lacks what no row lacks."""
    rows = list(rows_of(described()["components"]["examples"], (kind, f"{kind}s")))
    read, refused = 0, []
    for row in rows:
        try:
            made = (ticket_of if kind == "ticket" else audit_of)(row)
        except Unreadable:
            refused.append(row)
        else:
            assert made.id == str(row["id"])
            read += 1
    whole = [row for row in refused if isinstance(row, dict) and {"id", "created_at", "updated_at", "status"} <= row.keys()]
    assert whole == []
    assert read >= least


@given(st.sampled_from(sorted(USED)), st.lists(st.integers(0, 200), min_size=1, max_size=6), ODD, st.booleans())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_odd_example_breaks_nothing(
    tmp_path_factory: pytest.TempPathFactory, call: tuple[str, str], steps: list[int], odd: Any, left_out: bool
) -> None:
    """Whatever one example holds instead, each of hoist's acts goes through or ends with a sentence that names the source."""
    spoilt: dict[tuple[str, str], tuple[int, Any]] = {}
    status, whole = examples()[call][0]
    changed = copy.deepcopy(whole)
    Spoilt("", steps, odd, left_out=left_out).spoil(changed)
    spoilt[call] = (status, changed)

    def answered(method: str, path: str) -> tuple[int, Any] | None:
        shown = example(method, path)
        return spoilt[call] if shown is examples()[call][0] else shown

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "FEW", 0)
        with connected(tmp_path_factory.mktemp("account"), answered) as hoist:
            story(hoist)
