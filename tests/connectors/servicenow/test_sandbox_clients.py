"""The official client (PySNC) takes the sandbox for a ServiceNow instance, over real https."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pysnc import ServiceNowClient  # type: ignore[import-untyped]
from pysnc.auth import (  # type: ignore[import-untyped]
    ServiceNowClientCredentialsFlow,
    ServiceNowPasswordGrantFlow,
)

from connectors.sandboxes.made_up import made_up
from connectors.servicenow.sandbox import ServiceNowSandbox
from rules.instants import DAY
from tests.connectors.sandbox_desk import HANDED, START, TAKEN, desk

pytestmark = pytest.mark.filterwarnings("ignore:.*datetime.utcnow:DeprecationWarning")


@pytest.fixture(autouse=True)
def _no_other_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """requests prefers the bundle of the environment to the one that a session names."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ServiceNowSandbox]:
    sandbox = ServiceNowSandbox(clock=lambda: START, history=made_up(60, 1, START, DAY))
    with sandbox.serve(tls=True):
        yield sandbox


@pytest.fixture
def client(sandbox: ServiceNowSandbox) -> Iterator[ServiceNowClient]:
    known = sandbox.credentials()
    client = ServiceNowClient(known["url"], (known["username"], known["password"]), verify=known["ca_file"])
    yield client
    client.session.close()


def test_queries_over_pages(client: ServiceNowClient) -> None:
    """A client that follows offsets gets every incident once, in order."""
    records = client.GlideRecord("incident", batch_size=25)
    records.fields = ["number", "sys_id"]
    records.add_query("sys_created_on", ">", "2020-01-01 00:00:00")
    records.order_by("number")
    records.query()
    numbers = [str(each.number) for each in records]
    assert records.get_row_count() == 60
    assert numbers == [f"INC00100{number:02}" for number in range(1, 61)]


def test_gets_one_with_values_and_display_values(client: ServiceNowClient) -> None:
    """A record that is read by its number shows ids and names."""
    record = client.GlideRecord("incident")
    assert record.get("number", "INC0010007")
    assert record.get_value("sys_class_name") == "incident"
    assert record.get_display_value("sys_class_name") == "Incident"
    group = client.GlideRecord("sys_user_group")
    assert group.get(record.get_value("assignment_group"))
    assert group.get_value("name") == record.get_display_value("assignment_group")


def made(client: ServiceNowClient, subject: str, **values: str) -> str:
    """A new incident's sys_id."""
    record = client.GlideRecord("incident")
    record.initialize()
    record.set_value("short_description", subject)
    for name, value in values.items():
        record.set_value(name, value)
    return str(record.insert())


def test_inserts_and_updates(client: ServiceNowClient) -> None:
    """What a client inserts and updates is there, with the priority that the instance looks up."""
    sys_id = made(client, "Made by a client", impact="1", urgency="1")
    record = client.GlideRecord("incident")
    assert record.get(sys_id)
    assert (record.get_value("priority"), record.get_display_value("priority")) == ("1", "1 - Critical")
    record.set_value("urgency", "3")
    assert record.update()
    assert (record.get_value("priority"), record.get_value("sys_mod_count")) == ("3", "1")


def test_updates_and_deletes_many_at_once(client: ServiceNowClient) -> None:
    """Batches of a client take effect record by record."""
    for number in range(7):
        made(client, f"One of many {number}")

    def many(query: str) -> Any:
        records = client.GlideRecord("incident")
        records.add_encoded_query(query)
        records.query()
        return records

    records = many("short_descriptionSTARTSWITHOne of many")
    while records.next():
        records.set_value("short_description", "Changed together")
    assert records.update_multiple()
    assert many("short_description=Changed together").get_row_count() == 7
    assert many("short_description=Changed together").delete_multiple()
    assert many("short_description=Changed together").get_row_count() == 0


def test_deletes(client: ServiceNowClient) -> None:
    """A record that a client deletes is gone."""
    sys_id = made(client, "To be deleted")
    record = client.GlideRecord("incident")
    assert record.get(sys_id)
    assert record.delete()
    assert not client.GlideRecord("incident").get(sys_id)


def test_signs_in_with_tokens(sandbox: ServiceNowSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password grant and client credentials both open the instance."""
    known = sandbox.credentials()
    pair = (known["client_id"], known["client_secret"])
    # Its flow for client credentials asks for a token without the certificate authority that the client was given.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", known["ca_file"])
    for flow in (
        ServiceNowPasswordGrantFlow(known["username"], known["password"], *pair),
        ServiceNowClientCredentialsFlow(*pair),
    ):
        client = ServiceNowClient(known["url"], flow, verify=known["ca_file"])
        assert client.GlideRecord("sys_user").get("user_name", known["username"])
        client.session.close()


def test_a_person_signs_in_too() -> None:
    """People of the history have accounts; what one of them changes bears their name."""
    sandbox = ServiceNowSandbox(clock=lambda: START, history=desk(TAKEN, HANDED))
    with sandbox.serve(tls=True):
        known = sandbox.credentials("anna")
        client = ServiceNowClient(known["url"], (known["username"], known["password"]), verify=known["ca_file"])
        record = client.GlideRecord("incident")
        assert record.get(sandbox.issue_id("T2"))
        record.set_value("urgency", "1")
        assert record.update()
        assert record.get_value("sys_updated_by") == "anna"
        client.session.close()
