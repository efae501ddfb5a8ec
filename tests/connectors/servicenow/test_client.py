"""The calls of an instance: how they are asked, where pages end, and what is no answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from connectors.answers import Answer, Reach
from connectors.errors import AskAdmin, GiveUp, OutcomeUnknown, TryLater
from connectors.http import Surroundings
from connectors.servicenow import wire
from connectors.servicenow.client import CutShort, Query, ServiceNowClient
from connectors.servicenow.limits import limit_of, unusable
from connectors.servicenow.settings import ServiceNowSettings
from rules.instants import SECOND

URL = "https://example.service-now.com"
TABLE = f"{URL}/api/now/table/incident"
DATE = {"Date": "Mon, 23 Nov 2026 04:00:00 GMT"}
NOW = 1_795_406_400_000
IDS = tuple(f"{number:032x}" for number in range(40))
COLUMNS = ("sys_id", "state")


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as made:
        yield made


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> ServiceNowClient:
    monkeypatch.setenv("A_PASSWORD", "s3cret")
    written = {"url": URL, "username": "hoist.integration", "auth": {"kind": "basic", "password": "env:A_PASSWORD"}}
    settings = ServiceNowSettings.model_validate(written)
    return ServiceNowClient("snow", settings, Surroundings(sleep=lambda _: None), dry_run=False)


def told(mock: responses.RequestsMock, count: int, **headers: str) -> None:
    rows = [{"sys_id": f"{number:032x}", "state": "1"} for number in range(count)]
    mock.add(
        responses.GET,
        TABLE,
        json={"result": rows},
        headers=DATE | {name.replace("_", "-"): value for name, value in headers.items()},
    )


# --- questions -------------------------------------------------------------------------------------------------------


def test_a_question_names_its_columns_and_stays_short(mock: responses.RequestsMock, client: ServiceNowClient) -> None:
    """Columns are always named, and forty sys_ids make an address that every proxy takes."""
    told(mock, 0, X_Total_Count="0")
    client.find(Query("incident", f"sys_idIN{','.join(IDS)}^ORDERBYsys_id", COLUMNS, 40, labels=True))
    url = str(mock.calls[0].request.url)
    assert len(url) < 2_048
    assert parse_qs(urlsplit(url).query) == {
        "sysparm_query": [f"sys_idIN{','.join(IDS)}^ORDERBYsys_id"],
        "sysparm_fields": ["sys_id,state"],
        "sysparm_display_value": ["all"],
        "sysparm_exclude_reference_link": ["true"],
        "sysparm_limit": ["40"],
    }


NEXT = f'<{URL}/x?sysparm_offset=0>;rel="first",<{URL}/x?sysparm_offset=3>;rel="next"'
PAGES: dict[str, tuple[int, bool, list[dict[str, str]], bool]] = {
    "a full page with a next one": (3, True, [{"Link": NEXT, "X_Total_Count": "9"}], True),
    "a full page that is the last": (3, True, [{"Link": "", "X_Total_Count": "3"}], False),
    "a short page with a next one": (1, True, [{"Link": NEXT, "X_Total_Count": "9"}], True),
    "an empty page with a next one": (0, True, [{"Link": NEXT, "X_Total_Count": "9"}], True),
    "an empty page that is the last": (0, True, [{"X_Total_Count": "0"}], False),
    "rules hid the rest of the last page": (1, True, [{"X_Total_Count": "3"}], False),
    "no headers and some rows": (1, True, [{}], True),
    "no headers and no rows": (0, True, [{}], False),
    "not counted, full": (3, False, [{}], True),
    "not counted, short, with a link": (1, False, [{"Link": NEXT}], True),
    "not counted, short, without a link": (1, False, [{}, {"X_Total_Count": "9"}], True),
    "not counted, and there are no more": (1, False, [{}, {"X_Total_Count": "1"}], False),
}


@pytest.mark.parametrize(("rows", "counted", "headers", "more"), PAGES.values(), ids=PAGES)
def test_where_pages_end(
    mock: responses.RequestsMock,
    client: ServiceNowClient,
    rows: int,
    counted: bool,
    headers: list[dict[str, str]],
    more: bool,
) -> None:
    """A short or empty page is no end while rows follow, whatever an instance leaves out of its headers."""
    for each in headers:
        told(mock, rows, **each)
    assert client.page(Query("incident", "", COLUMNS, 3, counted=counted)).more is more
    assert len(mock.calls) == len(headers)


# --- answers that are none -------------------------------------------------------------------------------------------


CUT = b'{"result":[{"sys_id":"1"},{"sys_id":"2","error":{"message":"Transaction cancelled: maximum execution time exceeded"}'
WHOLE_CUT = (
    b'{"result":[{"sys_id":"1"}],"error":{"message":"Transaction cancelled: maximum execution time exceeded","detail":""}}'
)


@pytest.mark.parametrize("body", [CUT, WHOLE_CUT, b"", b"[]", b'{"result":{}}', b'{"rows":[]}', b"\xff"])
def test_a_spoilt_list_is_never_taken_for_a_short_one(
    mock: responses.RequestsMock, client: ServiceNowClient, body: bytes
) -> None:  # fmt: skip
    """A list that the instance broke off, or that is none, gives no rows at all."""
    mock.add(responses.GET, TABLE, body=body, headers=DATE, content_type="application/json")
    with pytest.raises(CutShort):
        client.find(Query("incident", "", COLUMNS))


def test_a_row_without_columns_is_no_row(mock: responses.RequestsMock, client: ServiceNowClient) -> None:
    """Rows that access rules have emptied are passed over."""
    mock.add(responses.GET, TABLE, json={"result": [{}, {"sys_id": "1"}, None, "x"]}, headers=DATE)
    assert client.find(Query("incident", "", COLUMNS)).rows == [{"sys_id": "1"}]


def test_a_dropped_request_is_tried_again(mock: responses.RequestsMock, client: ServiceNowClient) -> None:
    """A 202 is no answer to a question: the instance has dropped it."""
    mock.add(responses.GET, TABLE, status=202, headers=DATE)
    told(mock, 1, X_Total_Count="1")
    assert len(client.find(Query("incident", "", COLUMNS)).rows) == 1


@pytest.mark.parametrize("body", [CUT, b"", b"<html>Log in</html>", b'{"result":[]}'])
def test_an_update_whose_answer_is_spoilt(mock: responses.RequestsMock, client: ServiceNowClient, body: bytes) -> None:
    """An update that was answered with 200 and something unreadable may or may not have been made."""
    mock.add(responses.PATCH, f"{TABLE}/{IDS[0]}", body=body, headers=DATE, content_type="application/json")
    with pytest.raises(OutcomeUnknown):
        client.update("incident", IDS[0], {"state": "2"}, COLUMNS)


@pytest.mark.parametrize("detail", [
    "ACL Exception Update Failed due to security constraints",
    "Operation against file 'incident' was aborted by Business Rule 'Freeze^abc'. Business Rule Stack:Freeze",
    "Data Policy Exception: The following fields are mandatory: Close notes",
])  # fmt: skip
def test_a_refusal_keeps_its_words(mock: responses.RequestsMock, client: ServiceNowClient, detail: str) -> None:
    """Whoever looks at a parked escalation reads what the instance said."""
    error = {"error": {"message": "Operation Failed", "detail": detail}, "status": "failure"}
    mock.add(responses.PATCH, f"{TABLE}/{IDS[0]}", json=error, status=403, headers=DATE)
    with pytest.raises(GiveUp) as refusal:
        client.update("incident", IDS[0], {"state": "2"}, COLUMNS)
    assert detail.rstrip(".") in str(refusal.value)


def test_a_table_that_may_not_be_read(mock: responses.RequestsMock, client: ServiceNowClient) -> None:
    """A table that hoist needs and may not read is the administrator's matter."""
    error = {"error": {"message": "User Not Authorized", "detail": None}, "status": "failure"}
    mock.add(responses.GET, TABLE, json=error, status=403, headers=DATE)
    with pytest.raises(AskAdmin, match="User Not Authorized"):
        client.find(Query("incident", "", COLUMNS))
    assert client.find_if_allowed(Query("incident", "", COLUMNS)) is None


def test_no_credential_in_a_message(mock: responses.RequestsMock, client: ServiceNowClient) -> None:
    """A proxy that repeats the request in its error page shows no password."""
    mock.add(responses.GET, TABLE, json={"error": "s3cret aG9pc3QuaW50ZWdyYXRpb246czNjcmV0"}, status=401, headers=DATE)
    with pytest.raises(AskAdmin) as refusal:
        client.find(Query("incident", "", COLUMNS))
    assert "s3cret" not in str(refusal.value)
    assert "aG9pc3QuaW50ZWdyYXRpb246czNjcmV0" not in str(refusal.value)


# --- limits ----------------------------------------------------------------------------------------------------------


def answer(status: int, **headers: str) -> Answer:
    return Answer(status, b"", NOW, {name.replace("_", "-"): value for name, value in headers.items()})


LIMITS: dict[str, tuple[Answer, Reach | None, float | None]] = {
    "a rate rule": (answer(429, Retry_After="7"), Reach.SOURCE, 7.0),
    "a rate rule that names its end": (answer(429, X_RateLimit_Reset=str(NOW // SECOND + 90)), Reach.SOURCE, 90.0),
    "a rate rule that is over": (answer(429, X_RateLimit_Reset=str(NOW // SECOND - 90)), Reach.SOURCE, 0.0),
    "a full queue": (answer(429), Reach.PACE, None),
    "a dropped request": (answer(202), Reach.PACE, None),
    "nothing": (answer(200, X_RateLimit_Limit="1000"), None, None),
}


@pytest.mark.parametrize(("given", "reach", "seconds"), LIMITS.values(), ids=LIMITS)
def test_what_answers_say_of_limits(given: Answer, reach: Reach | None, seconds: float | None) -> None:
    """A used-up limit closes the source until its end; a full queue only slows hoist down."""
    found = limit_of(given)
    assert (found.reach if found else None, found.seconds if found else None) == (reach, seconds)


def test_a_sleeping_developer_instance() -> None:
    """Only a page can tell of sleep, never a ticket's text."""
    page = Answer(200, b"<html>Your instance is hibernating</html>", NOW, {"Content-Type": "text/html"})
    ticket = Answer(200, b'{"result":[{"short_description":"Laptop hibernates"}]}', NOW, {"Content-Type": "application/json"})
    assert "developer.servicenow.com" in unusable(page)
    assert unusable(ticket) == ""


# --- cells and stamps ------------------------------------------------------------------------------------------------


@given(st.integers(0, 4_102_444_800))
def test_stamps_there_and_back(seconds: int) -> None:
    """A time that hoist writes into a condition is read back as the same second."""
    assert wire.stamp(wire.written_stamp(seconds * SECOND)) == seconds * SECOND


@given(
    st.one_of(
        st.none(),
        st.text(),
        st.integers(),
        st.floats(),
        st.booleans(),
        st.lists(st.text()),
        st.dictionaries(st.text(), st.text()),
    )
)
def test_no_cell_is_too_strange(value: Any) -> None:
    """Whatever stands in a cell, reading it gives a text or nothing, and never fails."""
    row = {"x": value, "y": {"value": value, "display_value": value}}
    for column in ("x", "y", "z"):
        assert isinstance(wire.cell(row, column), str | None)
        assert isinstance(wire.label(row, column), str)
        assert isinstance(wire.stamp_or_none(wire.text(row, column)), int | None)


def test_a_write_is_not_sent_in_a_dry_run(mock: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """With dry_run nothing that writes leaves."""
    monkeypatch.setenv("A_PASSWORD", "s3cret")
    written = {"url": URL, "username": "hoist.integration", "auth": {"kind": "basic", "password": "env:A_PASSWORD"}}
    dry = ServiceNowClient("snow", ServiceNowSettings.model_validate(written), None, dry_run=True)
    with pytest.raises(GiveUp, match="dry run"):
        dry.update("incident", IDS[0], {"state": "2"}, COLUMNS)
    with pytest.raises((GiveUp, TryLater), match="dry run"):
        dry.write_together(IDS[0], [])
    assert not mock.calls
